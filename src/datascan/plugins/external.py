"""The plug-ins of other packages, by their entry points.

A plug-in that cannot be used is left out with a :class:`~datascan.errors.PluginWarning`; it never
ends a scan that did not ask for it by name.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, TypeVar
from warnings import warn

from datascan._version import __version__
from datascan.errors import (
    DatascanError,
    PluginWarning,
    RecordError,
    UsageError,
    describe_exception,
)
from datascan.plugins.tables import (
    CHECKS,
    COMMANDS,
    DECODERS,
    NET_RULES,
    OUTPUTS,
    OWN_OPTIONS,
    READERS,
)

T = TypeVar("T")

GROUPS = {
    "reader": "datascan.readers",
    "decoder": "datascan.decoders",
    "check": "datascan.checks",
    "output": "datascan.outputs",
}
"""The kinds of plug-ins that other packages can add, with their groups of entry points."""

FILE = "entry_points.txt"
GROUP_PREFIX = "[datascan."
NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"


class Plugin(NamedTuple):
    """A plug-in of another package. Nothing of it is imported before it is loaded."""

    kind: str
    name: str
    package: str
    target: str

    def __str__(self) -> str:
        return f"plug-in {self.name} of package {self.package}"

    @contextmanager
    def failures_as(self, kind: type[DatascanError | RecordError]) -> Iterator[None]:
        """Raise what the plug-in raises as an error of ``kind`` that names the plug-in.

        Errors of datascan itself pass: they are meant for users. So does a lack of memory, which
        is a matter of the record.
        """
        try:
            yield
        except (DatascanError, MemoryError):
            raise
        except Exception as error:
            is_about_record = issubclass(kind, RecordError)
            text = describe_exception(error) if is_about_record else describe_error(error)
            raise kind(f"{self} failed: {text}") from error

    def require(self, value: Any, kind: type[T], method: str) -> T:
        """``value``, which a method of the plug-in returned.

        Raises:
            TypeError: if it is not of type ``kind``.
        """
        if not isinstance(value, kind):
            given = type(value).__name__
            raise TypeError(f"{method}() returned or yielded {given}, not {kind.__name__}")
        return value


LEFT_OUT: dict[Plugin, str] = {}
"""Plug-ins that cannot be used, with the reason."""


def plugins_of(kind: str) -> dict[str, Plugin]:
    """The plug-ins of other packages by name, in alphabetical order."""
    return dict(find_plugins()[kind])


def find_plugin(kind: str, name: str) -> Plugin | None:
    """The plug-in of another package that has this name; None for built-in ones."""
    return find_plugins()[kind].get(name)


@cache
def find_plugins() -> dict[str, dict[str, Plugin]]:
    """All plug-ins of other packages, by kind and name. Built-in ones keep their names."""
    found: dict[str, dict[str, Plugin]] = {kind: {} for kind in GROUPS}
    declared = iter_declared() if any(map(may_declare_plugins, dict.fromkeys(sys.path))) else ()
    for plugin in sorted(declared, key=lambda p: (p.kind, p.name, p.package)):
        if why := name_conflict(plugin, found[plugin.kind]):
            leave_out(plugin, why)
        else:
            found[plugin.kind][plugin.name] = plugin
    return found


def iter_declared() -> Iterator[Plugin]:
    """The entry points of all installed packages in our groups."""
    from importlib.metadata import distributions  # noqa: PLC0415  (takes 30 ms to import)

    kinds = {group: kind for kind, group in GROUPS.items()}
    seen = set()
    for package in distributions():
        try:
            text = package.read_text(FILE) or ""
            if GROUP_PREFIX not in text or package.name in seen:
                continue
            seen.add(package.name)
            entries = [entry for entry in package.entry_points if entry.group in kinds]
        except Exception as error:  # noqa: BLE001  (metadata may be damaged in any way)
            name = str(getattr(package, "_path", "?")).rpartition("/")[2]
            why = describe_error(error)
            warn(f"the plug-ins of {name} were left out: {why}", PluginWarning, stacklevel=2)
            continue
        for entry in entries:
            yield Plugin(kinds[entry.group], entry.name, package.name, entry.value)


def may_declare_plugins(folder: str) -> bool:
    """Whether a package installed in ``folder`` may have entry points for datascan.

    Reads the metadata files themselves: ``importlib.metadata`` takes as long to import as the
    rest of ``datascan --help`` takes to run.
    """
    try:
        with os.scandir(folder or ".") as entries:
            names = [e.name for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:
        return True  # a zip file, which only importlib.metadata can search
    except OSError:
        return False
    return any(declares_plugins(os.path.join(folder, name, FILE)) for name in names)  # noqa: PTH118  (twice as fast)


def declares_plugins(path: str) -> bool:
    """Whether a file of entry points has a group of ours."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  (twice as fast, for every package there is)
            return GROUP_PREFIX.encode() in file.read()
    except OSError:
        return False


def name_conflict(plugin: Plugin, others: dict[str, Plugin]) -> str | None:
    """Why a plug-in cannot have its name, if it cannot."""
    if not re.fullmatch(NAME, plugin.name):
        return "its name is not made of lower-case words joined by dashes"
    if plugin.name in others:
        return f"package {others[plugin.name].package} has a {plugin.kind} of the same name"
    taken: dict[str, Iterable[str]] = {
        "reader": (*READERS, *COMMANDS),
        "decoder": DECODERS,
        "check": (*CHECKS, *NET_RULES),
        "output": (*OUTPUTS, *OWN_OPTIONS),
    }
    return "datascan itself uses that name" if plugin.name in taken[plugin.kind] else None


def leave_out(plugin: Plugin, why: str | BaseException) -> None:
    """Use the plug-in no more, and warn the first time."""
    if plugin not in LEFT_OUT:
        LEFT_OUT[plugin] = reason = describe_error(why)
        warn(f"{plugin} was left out: {reason}", PluginWarning, stacklevel=2)


def report_failure(plugin: Plugin, why: str) -> None:
    """Warn that a check failed in this scan; the next scan tries it again."""
    warn(f"{plugin} was left out: {why}", PluginWarning, stacklevel=2)


def describe_error(error: str | BaseException) -> str:
    """An error of a plug-in in one line."""
    if isinstance(error, str):
        return error
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def load_class(kind: str, name: str, base: type[T], required: Sequence[str]) -> type[T] | None:
    """The class of a plug-in of another package, or None if it cannot be used.

    It must be a concrete subclass of ``base`` that has the attributes ``required``, the first of
    which must equal ``name``.
    """

    def problem(loaded: Any) -> str | None:
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            return f"{loaded!r} is not a subclass of datascan's {base.__name__}"
        missing = [a for a in required if not hasattr(loaded, a)]
        missing += sorted(getattr(loaded, "__abstractmethods__", ()))
        if missing:
            return f"{loaded.__name__} has no {' and no '.join(missing)}"
        given = getattr(loaded, required[0])
        return None if given == name else f"its {required[0]} is {given!r}, not {name!r}"

    loaded: type[T] | None = load_plugin(kind, name, problem)
    return loaded


def load_plugin(kind: str, name: str, problem: Callable[[Any], str | None]) -> Any:
    """What the entry point of a plug-in names; None, and a warning, if it cannot be used.

    ``problem`` says what is wrong with what was loaded, if anything is.
    """
    plugin = find_plugins()[kind][name]
    if plugin in LEFT_OUT:
        return None
    try:
        loaded = load_attribute(plugin.target)
        why = version_conflict(loaded) or problem(loaded)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the code of others may do anything)
        leave_out(plugin, error)
        return None
    if why:
        leave_out(plugin, why)
        return None
    return loaded


@cache
def load_attribute(target: str) -> Any:
    """The object that an entry point names: ``module`` or ``module:attribute.attribute``."""
    module, _, path = target.partition("[")[0].strip().partition(":")
    loaded: Any = import_module(module.strip())
    for name in filter(None, path.strip().split(".")):
        loaded = getattr(loaded, name)
    return loaded


def version_conflict(loaded: Any) -> str | None:
    """Why a plug-in is not for this version of datascan, if it is not.

    Plug-ins may declare ``requires_datascan = ">=0.2,<1"``.

    Raises:
        ValueError: if the declaration is not a list of comparisons with versions.
    """
    wanted = str(getattr(loaded, "requires_datascan", ""))
    here = version_key(__version__)
    for condition in filter(None, (part.strip() for part in wanted.split(","))):
        match = re.fullmatch(r"(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)", condition)
        if match is None:
            raise ValueError(f"requires_datascan = {wanted!r} is not like '>=0.2,<1'")
        there = version_key(match[2])
        order = (here > there) - (here < there)
        if order not in ORDERS[match[1]]:
            return f"it requires datascan {wanted}, and this is {__version__}"
    return None


ORDERS = {">=": (0, 1), "<=": (-1, 0), "==": (0,), "!=": (-1, 1), ">": (1,), "<": (-1,)}


def version_key(version: str) -> tuple[int, ...]:
    """The numbers of a release, without zeros at its end, for comparison."""
    numbers = [int(n) for n in re.findall(r"\d+", version.partition("+")[0])[:4]]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def unusable(kind: str, name: str) -> UsageError:
    """The error for a plug-in that was asked for by name but was left out."""
    plugin = find_plugins()[kind][name]
    return UsageError(f"{plugin} cannot be used: {LEFT_OUT[plugin]}")
