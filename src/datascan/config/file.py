"""The configuration file: what holds for every scan, and for datasets by pattern.

``datascan.toml``, or the table ``[tool.datascan]`` of ``pyproject.toml``. Keys at the top are
defaults; ``[dataset."data/train_*"]`` (``[tool.datascan.dataset."..."]``) holds for the datasets
whose path matches: relative to the file's folder, or absolute. Later tables win.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from datascan.config.options import Options, checked_options
from datascan.errors import UsageError
from datascan.plugins import require_rules

NAMES = {
    "num_classes": "num_classes",
    "batch_sizes": "batch_sizes",
    "batch_size": "batch_sizes",
    "label_type": "label_type",
    "select": "select",
    "ignore": "ignore",
    "severity": "severity",
    "fail_on": "fail_on",
    "max_pixels": "max_pixels",
    "limit": "limit",
    "workers": "workers",
    "timeout": "timeout",
    "db": "db",
    "data": "data_key",
    "label": "label_key",
    "list": "list_file",
    "expect": "expect",
    "baseline": "baseline",
}
"""Keys of the file, with underscores or dashes, and the options that they set."""

FILES = {"list_file", "expect", "baseline"}
TEXTS = {"db", "data_key", "label_key", "label_type", "fail_on", *FILES}
LISTS = {"select", "ignore"}


@dataclass(frozen=True)
class ConfigFile:
    """What a configuration file says: ``defaults``, then tables by pattern, in its order.

    Settings stand under the names of :class:`datascan.config.options.Options`, beside ``backend``.
    """

    file: Path
    defaults: Mapping[str, Any]
    datasets: Mapping[str, Mapping[str, Any]]

    @property
    def folder(self) -> Path:
        """The folder to which patterns and files are relative."""
        return self.file.parent

    def settings_for(self, path: Path) -> dict[str, Any]:
        """What holds for the dataset at ``path``; severities add up rule by rule."""
        found = dict(self.defaults)
        for pattern, table in self.datasets.items():
            if self.matches_path(pattern, path):
                levels = {**found.get("severity", {}), **table.get("severity", {})}
                found |= table
                if levels:
                    found["severity"] = levels
        return found

    def matches_path(self, pattern: str, path: Path) -> bool:
        """Whether ``pattern`` means the dataset at ``path``."""
        ways = {path.absolute(), path.resolve()}
        names = {way.as_posix() for way in ways}
        names |= {
            way.relative_to(self.folder).as_posix()
            for way in ways
            if way.is_relative_to(self.folder)
        }
        wanted = pattern.removeprefix("./").rstrip("/") or "."
        return any(
            fnmatchcase(name, wanted) or matches(name.split("/"), wanted.split("/"))
            for name in names
        )


def matches(names: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a path fits a pattern, both in parts; ``**`` stands for any number of folders."""
    if not wanted:
        return not names
    if wanted[0] == "**":
        return any(matches(names[skipped:], wanted[1:]) for skipped in range(len(names) + 1))
    here = bool(names) and fnmatchcase(names[0], wanted[0])
    return here and matches(names[1:], wanted[1:])


def find_config(named: Path | None = None, start: Path | None = None) -> ConfigFile | None:
    """The configuration that is named, else the nearest one up to the root of the repository.

    Raises:
        UsageError: where the file cannot be read, or says what cannot be meant.
    """
    if named is not None:
        return read(named)
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "datascan.toml").is_file():
            return read(folder / "datascan.toml")
        project = folder / "pyproject.toml"
        if project.is_file() and has_tool_table(parsed(project)):
            return read(project)
        if (folder / ".git").exists():
            break
    return None


def has_tool_table(project: Mapping[str, Any]) -> bool:
    """Whether the content of a ``pyproject.toml`` has our table."""
    tools = project.get("tool")
    return isinstance(tools, dict) and "datascan" in tools


def parsed(file: Path) -> dict[str, Any]:
    """The content of a TOML file."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no TOML file: {error}") from error


def read(file: Path) -> ConfigFile:
    """The configuration in ``file``; a ``pyproject.toml`` holds it in ``[tool.datascan]``."""
    content = parsed(file)
    if file.name == "pyproject.toml":
        content = content["tool"]["datascan"] if has_tool_table(content) else {}
    if not isinstance(content, dict):
        raise UsageError(f"{file}: tool.datascan must be a table")
    tables = content.pop("dataset", {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise UsageError(f'{file}: dataset must hold tables by path, as in [dataset."data/train"]')
    whole = file.resolve()
    return ConfigFile(
        whole,
        settings(content, file, ""),
        {
            pattern: settings(table, file, f"dataset.{pattern!r}.")
            for pattern, table in tables.items()
        },
    )


def settings(table: Mapping[str, Any], file: Path, place: str) -> dict[str, Any]:
    """A table's settings under the names of options, checked.

    Raises:
        UsageError: for an unknown key, rule or severity, or a value of a wrong type.
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name == "backend":
            found[name] = text_of(value, f"{file}: {place}{key}")
            continue
        if name not in NAMES:
            near = get_close_matches(name, [*NAMES, "backend", "dataset"], n=1, cutoff=0)
            raise UsageError(f"{file}: unknown key {place}{key}; did you mean {near[0]}?")
        found[NAMES[name]] = setting(NAMES[name], value, file, f"{file}: {place}{key}")
    known = {field.name for field in fields(Options)}
    return {name: value for name, value in found.items() if name in {*known, "backend"}}


def setting(name: str, value: Any, file: Path, place: str) -> Any:
    """One setting, checked as the option that it sets."""
    if name in TEXTS:
        text_of(value, place)
    if name in LISTS:
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(rule, str) for rule in value):
            raise UsageError(f"{place} must be a list of rules, not {value!r}")
    if name == "severity" and not isinstance(value, dict):
        raise UsageError(f'{place} must be a table such as {{"constant-record" = "error"}}')
    if name == "timeout" and (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 < value < float("inf")
    ):
        raise UsageError(f"{place} must be a number of seconds above 0, not {value!r}")
    if name in FILES:
        return file.resolve().parent / value
    try:
        options = checked_options(**{name: value})
        require_rules((*options.select, *options.ignore, *dict(options.severity)))
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error
    return value


def text_of(value: Any, place: str) -> str:
    """Text, or an error."""
    if not isinstance(value, str) or not value:
        raise UsageError(f"{place} must be text, not {value!r}")
    return value


def merge_settings(settings: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a file under what was given as flags: flags win, severities rule by rule."""
    both = {**settings, **flags}
    levels = {**dict(settings.get("severity", {})), **dict(flags.get("severity", ()))}
    if levels:
        both["severity"] = levels
    return both


def resolve_settings(
    path: Path, flags: Mapping[str, Any], named: Path | None = None
) -> dict[str, Any]:
    """What holds for the dataset at ``path``: the configuration under what was given as flags.

    Raises:
        UsageError: where the configuration cannot be read, or says what cannot be meant.
    """
    config = find_config(named)
    return merge_settings(config.settings_for(path) if config else {}, flags)
