"""The plug-ins of datascan by name: readers, decoders, checks, outputs and commands.

``tables`` lists the built-in ones. Other packages add theirs through entry points in the groups
``datascan.readers``, ``datascan.decoders``, ``datascan.checks`` and ``datascan.outputs``; only
``external`` reads them. Nothing is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from datascan.errors import UsageError
from datascan.plugins.external import (
    Plugin,
    describe_error,
    find_plugin,
    leave_out,
    load_class,
    load_plugin,
    plugins_of,
    report_failure,
    unusable,
)
from datascan.plugins.tables import (
    CHECKS,
    COMMANDS,
    DECODERS,
    NET_RULES,
    OUTPUTS,
    READERS,
    command_module,
    rule_target,
)

__all__ = [
    "CHECKS",
    "COMMANDS",
    "DECODERS",
    "NET_RULES",
    "OUTPUTS",
    "READERS",
    "Plugin",
    "check_names",
    "command_helps",
    "command_module",
    "decoder_names",
    "describe_error",
    "find_plugin",
    "leave_out",
    "load",
    "load_class",
    "load_plugin",
    "nearest",
    "output_helps",
    "plugins_of",
    "reader_names",
    "report_failure",
    "require_rules",
    "rule_names",
    "rule_target",
    "similar",
    "unusable",
]


def reader_names() -> tuple[str, ...]:
    """The names of all readers, in the order in which they are asked."""
    return (*READERS, *plugins_of("reader"))


def decoder_names() -> tuple[str, ...]:
    """The names of all decoders, in the order in which they are asked; "raw" takes any value."""
    *named, last = DECODERS
    return (*named, *plugins_of("decoder"), last)


def check_names() -> tuple[str, ...]:
    """The names of all rules about records, in the order in which they are evaluated."""
    return (*CHECKS, *plugins_of("check"))


def output_helps() -> dict[str, str]:
    """The outputs that write a file, with the help of their options."""
    return OUTPUTS | {
        name: f"the report as package {plugin.package} renders it"
        for name, plugin in plugins_of("output").items()
    }


def command_helps() -> dict[str, str]:
    """All commands with their help. Each reader is a command."""
    return COMMANDS | {
        name: f"a dataset that package {plugin.package} reads"
        for name, plugin in plugins_of("reader").items()
    }


@cache
def load(target: str) -> Any:
    """The object that ``module:name`` names; the module alone without a name."""
    module, _, name = target.partition(":")
    loaded = import_module(module)
    return getattr(loaded, name) if name else loaded


def rule_names() -> tuple[str, ...]:
    """The names of all rules; none of them is imported."""
    return (*check_names(), *NET_RULES)


def require_rules(rules: Sequence[str], where: str = "") -> None:
    """Raise :class:`UsageError` unless there is a rule of each name; ``where`` it was asked for."""
    for rule in rules:
        if rule not in (known := rule_names()):
            near = similar(rule, known, cutoff=0.5)
            hint = f"did you mean {near}?" if near else "see datascan explain"
            raise UsageError(f"{where}no such rule: {rule}; {hint}")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The name among ``known`` that ``word`` probably misspells, if one is near enough."""
    return similar(word, known, cutoff=0.75)


def similar(word: str, known: Iterable[str], *, cutoff: float) -> str | None:
    """The name among ``known`` that is most similar; None if none has a ratio of ``cutoff``.

    Names are in lower case, which the word need not be.
    """
    from difflib import get_close_matches  # noqa: PLC0415  (only after an error)

    found = get_close_matches(word.lower(), list(known), n=1, cutoff=cutoff)
    return found[0] if found else None
