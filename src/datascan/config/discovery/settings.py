"""The settings of one dataset: those of the configuration file, under what was given as flags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from datascan.config.applied import AppliedConfiguration, AppliedSetting, list_values
from datascan.config.file import BY_RULE, ConfigFile
from datascan.config.option_field import OptionField
from datascan.config.options import Options
from datascan.text import escape_surrogates


class DatasetSettings(Struct, frozen=True):
    """What holds for a dataset: ``values`` by the Python names of options, and ``backend``.

    Attributes:
        values: settings of the file and flags; flags win.
        backend: the name of the reader that the file sets.
        applied: what the file set; None without a file.
    """

    values: Mapping[str, Any]
    backend: str | None
    applied: AppliedConfiguration | None

    def paths(self) -> Iterator[Path]:
        """Every file that an option names, to be read."""
        yield from (value for name, value in self.values.items() if is_read(name, value))

    def options(self, **changes: Any) -> Options:
        """The options, some of them changed; a file becomes what it holds.

        Raises:
            UsageError: if a value is not allowed.
        """
        options = Options.from_keywords(**{**self.values, **changes})
        if self.applied is None:
            return options
        kept = tuple(s for s in self.applied.settings if s.name not in dropped_keys(changes))
        return options.replace(configuration=AppliedConfiguration(self.applied.file, kept))


def resolve_settings(
    config: ConfigFile | None, path: Path, flags: Mapping[str, Any]
) -> DatasetSettings:
    """What holds for the dataset at ``path``: the configuration under what was given as flags."""
    if config is None:
        return DatasetSettings(dict(flags), None, None)
    settings = config.settings_for(path)
    values = merge_settings(settings, flags)
    applied = describe_configuration(config, settings, flags)
    values.pop("backend", None)
    return DatasetSettings(values, settings.get("backend"), applied)


def is_read(name: str, value: Any) -> bool:
    """Whether an option names a file that is read: all paths but those that datascan writes to."""
    return isinstance(value, Path) and name not in {"resume", "cache"}


def configured_paths(config: ConfigFile | None) -> Iterator[Path]:
    """The configuration file, and the files that it names for any dataset."""
    if config is None:
        return
    yield config.file
    for table in (config.defaults, *config.datasets.values()):
        yield from (value for name, value in table.items() if is_read(name, value))


def configured_options(
    config: ConfigFile | None, flags: Mapping[str, Any]
) -> Callable[[Path], Options]:
    """The options of each dataset, as :func:`resolve_settings`."""
    return lambda path: resolve_settings(config, path, flags).options()


def merge_settings(settings: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a file under what was given as flags: flags win, in tables rule by rule."""
    both = {**settings, **flags}
    for name in BY_RULE:
        if name in both:
            both[name] = {**dict(settings.get(name, {})), **dict(flags.get(name, ()))}
    return both


def describe_configuration(
    config: ConfigFile, settings: Mapping[str, Any], flags: Mapping[str, Any]
) -> AppliedConfiguration:
    """The configuration in use: its settings for a dataset, except those that flags override."""
    found = []
    fields = {field.name: field for field in Options.fields()}
    for name, value in settings.items():
        field = fields.get(name)
        if field is None or (name in flags and name not in BY_RULE):
            continue
        given = dict(flags.get(name, ())) if name in BY_RULE else {}
        left = {rule: value[rule] for rule in value if rule not in given} if given else value
        if left or isinstance(left, int | float):
            found.append(describe_setting(field, left))
    if "backend" in settings:
        found.append(AppliedSetting("backend", (settings["backend"],)))
    found.sort(key=lambda setting: not setting.silences)
    return AppliedConfiguration(display_path(config.file), tuple(found))


def describe_setting(field: OptionField, value: Any) -> AppliedSetting:
    """A setting for the report, and how it hides something, if it does."""
    option = field.option
    values: tuple[Any, ...]
    if isinstance(value, Mapping):
        values = tuple(f"{key}={level}" for key, level in value.items())
        shown = list_values(tuple(f"{key}{option.joint}{level}" for key, level in value.items()))
    else:
        items = value if isinstance(value, list | tuple) else (value,)
        values = tuple(display_path(v) if isinstance(v, Path) else v for v in items)
        shown = list_values(values)
    hides = bool(option.silences) and (not option.silencing or value in option.silencing)
    phrase = option.silences.replace("{}", shown) if hides else ""
    return AppliedSetting(field.names[0], values, phrase)


def dropped_keys(changes: Mapping[str, Any]) -> set[str]:
    """The keys in a configuration file of options that a command sets to None."""
    fields = (field for field in Options.fields() if field.name in changes)
    return {field.names[0] for field in fields if changes[field.name] is None}


def display_path(path: Path) -> str:
    """A path as people write it: relative to the working folder if it is inside."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return escape_surrogates(str(path))
    return escape_surrogates(str(path.relative_to(here) if path.is_relative_to(here) else path))
