"""Readers, layouts, checks and outputs are found by looking into their folders."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from inspect import isabstract
from types import ModuleType
from typing import Any, TypeVar

C = TypeVar("C")


def modules(package: str) -> Iterator[ModuleType]:
    """The modules of ``datascan.<package>``, by name."""
    home = import_module(f"datascan.{package}")
    for found in sorted(pkgutil.iter_modules(home.__path__), key=lambda m: m.name):
        yield import_module(f"{home.__name__}.{found.name}")


def classes(package: str, kind: type[C]) -> list[type[C]]:
    """The concrete subclasses of ``kind`` that the modules of ``package`` define."""
    return [
        value
        for module in modules(package)
        for value in vars(module).values()
        if is_own(value, module) and issubclass(value, kind) and not isabstract(value)
    ]


def is_own(value: Any, module: ModuleType) -> bool:
    """Whether ``value`` is a class that ``module`` defines, not one that it imports."""
    return isinstance(value, type) and value.__module__ == module.__name__
