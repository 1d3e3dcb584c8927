"""The configuration file: what holds for every scan, and for datasets by pattern.

``datascan.toml``, or the table ``[tool.datascan]`` of ``pyproject.toml``. Keys at the top are
defaults; ``[dataset."data/train_*"]`` (``[tool.datascan.dataset."..."]``) holds for the datasets
whose path matches: relative to the file's folder, or absolute. Later tables win.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import accumulate
from operator import or_
from pathlib import Path
from typing import Any

from msgspec import Struct

from datascan.config.option_field import OptionField, nearest_option, show
from datascan.config.options import Options
from datascan.config.toml import load_toml
from datascan.errors import UsageError
from datascan.files import real_path
from datascan.plugins import READERS, nearest

BY_RULE = ("severity", "tolerance")
"""Options that are tables with an entry for each rule."""


class ConfigFile(Struct, frozen=True):
    """What a configuration file says: ``defaults``, then tables by pattern, in its order.

    Settings stand under the names of :class:`datascan.config.options.Options`, next to ``backend``.
    """

    file: Path
    defaults: Mapping[str, Any]
    datasets: Mapping[str, Mapping[str, Any]]

    @property
    def folder(self) -> Path:
        """The folder to which patterns and files are relative."""
        return self.file.parent

    def settings_for(self, path: Path) -> dict[str, Any]:
        """What holds for the dataset at ``path``; tables by rule add up rule by rule."""
        found = dict(self.defaults)
        for pattern, table in self.datasets.items():
            if self.matches_path(pattern, path):
                both = {
                    name: {**found[name], **table[name]}
                    for name in BY_RULE
                    if name in found and name in table
                }
                found |= {**table, **both}
        return found

    def matches_path(self, pattern: str, path: Path) -> bool:
        """Whether ``pattern`` means the dataset at ``path``."""
        ways = {path.absolute(), real_path(path)}
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
    """Whether a path fits a pattern, both in parts; ``**`` matches any number of folders."""
    # ``fitting[i]``: whether the parts of the pattern so far fit the first ``i`` names.
    fitting = [True, *[False] * len(names)]
    for part in wanted:
        if part == "**":
            fitting = list(accumulate(fitting, or_))
        else:
            longer = zip(fitting[:-1], names, strict=True)
            fitting = [False, *(fits and fnmatchcase(name, part) for fits, name in longer)]
    return fitting[-1]


def has_tool_table(project: Mapping[str, Any]) -> bool:
    """Whether the content of a ``pyproject.toml`` has our table."""
    tools = project.get("tool")
    return isinstance(tools, dict) and "datascan" in tools


def read(file: Path, options: type[Options] = Options) -> ConfigFile:
    """The configuration in the file that the user chose.

    Raises:
        UsageError: if it cannot be read, or has a value that is not allowed.
    """
    return read_config(file, load_toml(file), options)


def read_config(
    file: Path,
    content: dict[str, Any],
    options: type[Options] = Options,
    *,
    root: Path | None = None,
) -> ConfigFile:
    """The configuration in the ``content`` of ``file``.

    A ``pyproject.toml`` holds it in ``[tool.datascan]``. With a ``root``, the file was found rather
    than chosen: it may not raise limits, and names files below ``root`` only.

    Raises:
        UsageError: if it has a value that is not allowed.
    """
    fields = options.fields()
    if file.name == "pyproject.toml":
        content = content["tool"]["datascan"] if has_tool_table(content) else {}
    if not isinstance(content, dict):
        raise UsageError(f"{file}: tool.datascan must be a table")
    tables = content.pop("dataset", {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise UsageError(f'{file}: dataset must hold tables by path, as in [dataset."data/train"]')
    whole = real_path(file)
    return ConfigFile(
        whole,
        settings(content, file, "", fields, root),
        {
            pattern: settings(table, file, f"dataset.{pattern!r}.", fields, root)
            for pattern, table in tables.items()
        },
    )


def settings(
    table: Mapping[str, Any],
    file: Path,
    place: str,
    fields: Sequence[OptionField],
    root: Path | None = None,
) -> dict[str, Any]:
    """A table's settings under the Python names of options, checked.

    Raises:
        UsageError: for an unknown key or rule, a value that is not allowed, or an option that is
            set twice.
    """
    known = {name: field for field in fields for name in field.names}
    found: dict[str, Any] = {}
    for key, value in table.items():
        name, where = key.replace("-", "_"), f"{file}: {place}{key}"
        if name == "backend":
            found[name] = backend_of(value, where)
            continue
        field = known.get(name)
        if field is None:
            tables = ("backend",) if place else ("backend", "dataset")
            raise UsageError(f"{file}: unknown key {place}{key}{hint_for(key, fields, tables)}")
        if not field.option.in_file:
            raise UsageError(f"{where} can only be given on the command line, as {field.flag}")
        if field.name in found:
            raise UsageError(f"{where}: {field.names[0]} is set twice")
        found[field.name] = field.convert_setting(value, where, real_path(file).parent)
        if root is not None:
            require_harmless(field, found[field.name], where, root)
    return found


def require_harmless(field: OptionField, value: Any, where: str, root: Path) -> None:
    """Check a setting of a configuration that was found, and that a stranger may have written.

    Raises:
        UsageError: if it raises a limit, or names a file outside of ``root``.
    """
    if field.option.bare is not None and not isinstance(value, bool):
        raise UsageError(
            f"{where} must be true or false unless it is asked for: "
            f"give {field.flag}=DIR, or this configuration with --config"
        )
    remedy = f"give {field.flag}, or this configuration with --config"
    if isinstance(value, Path) and not Path(os.path.realpath(value)).is_relative_to(root):
        raise UsageError(f"{where}: {show(str(value))} is outside of {root}: {remedy}")
    lowest, highest = field.option.unasked
    amount = None if field.is_file else field.convert(value, where)
    if isinstance(amount, int | float) and not lowest <= amount <= highest:
        allowed = f"{lowest:g} to {highest:,}"
        raise UsageError(f"{where} must be {allowed} unless it is asked for: {remedy}")


def hint_for(key: str, fields: Sequence[OptionField], others: Sequence[str]) -> str:
    """Which key a misspelt one probably means: "; did you mean num_classes?".

    ``others``: keys that are not options.
    """
    allowed = [field for field in fields if field.option.in_file]
    near = nearest(key, [*others, *(name for field in allowed for name in field.names)])
    if near not in others:
        option = nearest_option(key, allowed)
        near = option.names[0] if option else None
    return f"; did you mean {near}?" if near else ""


def backend_of(value: Any, where: str) -> str:
    """The name of a reader."""
    if value not in tuple(READERS):
        raise UsageError(f"{where} must be one of {', '.join(READERS)}, not {show(value)}")
    return str(value)
