"""Readers, layouts, checks and outputs are found by looking into their folders."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from inspect import isabstract
from types import ModuleType
from typing import Any, TypeVar

C = TypeVar("C")


def names(package: str) -> list[str]:
    """The names of the modules of ``datascan.<package>``; none of them is imported."""
    home = import_module(f"datascan.{package}")
    return sorted(found.name for found in pkgutil.iter_modules(home.__path__))


def only(package: str, name: str, kind: type[C]) -> type[C]:
    """The one subclass of ``kind`` that ``datascan.<package>.<name>`` defines."""
    module = import_module(f"datascan.{package}.{name}")
    (found,) = classes_of(module, kind)
    return found


def modules(package: str) -> Iterator[ModuleType]:
    """The modules of ``datascan.<package>``, by name."""
    for name in names(package):
        yield import_module(f"datascan.{package}.{name}")


def classes(package: str, kind: type[C]) -> list[type[C]]:
    """The concrete subclasses of ``kind`` that the modules of ``package`` define."""
    return [found for module in modules(package) for found in classes_of(module, kind)]


def classes_of(module: ModuleType, kind: type[C]) -> list[type[C]]:
    """The concrete subclasses of ``kind`` that a module defines."""
    return [
        value
        for value in vars(module).values()
        if is_own(value, module) and issubclass(value, kind) and not isabstract(value)
    ]


def is_own(value: Any, module: ModuleType) -> bool:
    """Whether ``value`` is a class that ``module`` defines, not one that it imports."""
    return isinstance(value, type) and value.__module__ == module.__name__
