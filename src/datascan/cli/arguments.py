"""The arguments that several commands take; those of options come from their definition."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datascan.config.option_field import OptionField
from datascan.config.options import GROUPS, Options
from datascan.files import STANDARD_INPUT
from datascan.plugins import READERS, output_helps


def add_path_arguments(command: argparse.ArgumentParser, name: str) -> None:
    """Add the dataset's paths; ``name`` is a format, or "scan" for all of them."""
    # A reader of another package is not imported here; it checks the number of paths itself.
    several = name in {"hdf5", "scan"} or name not in READERS
    command.add_argument("paths", nargs="+" if several else 1, type=Path, metavar="PATH")


def input_path(text: str) -> Path:
    """The path of a file that is read; "-" is standard input."""
    return STANDARD_INPUT if text == "-" else Path(text)


def add_option_arguments(
    command: argparse.ArgumentParser, name: str, options: type[Options] = Options
) -> None:
    """Add ``--config`` and a flag for every option that the command ``name`` takes."""
    fields = [field for field in options.fields() if field.is_shown(name)]
    for field in fields:
        if not field.option.group:
            add_flag(command, field)
    for title in GROUPS:
        grouped = [field for field in fields if field.option.group == title]
        group = command.add_argument_group(title) if grouped else command
        for field in grouped:
            add_flag(group, field)
    command.add_argument("--config", type=Path, metavar="FILE", help="in place of datascan.toml")


def add_flag(group: argparse._ActionsContainer, field: OptionField) -> None:
    """Add the flag of an option; flags of lists may be repeated."""
    if field.is_switch:
        group.add_argument(
            field.flag,
            dest=field.name,
            action="store_const",
            const=True,
            help=field.option.help,
        )
        return
    if field.option.bare is not None:
        group.add_argument(
            field.flag,
            dest=field.name,
            type=field.parse,
            nargs="?",
            const=True,
            metavar=field.option.metavar,
            help=field.option.help,
        )
        return
    group.add_argument(
        field.flag,
        dest=field.name,
        type=field.parse,
        action="extend" if field.is_list else "store",
        metavar=field.option.metavar or f"{{{','.join(field.choices)}}}",
        help=field.option.help,
    )


def add_output_arguments(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Where the report goes: an option for every output that writes a file; returns the group."""
    outputs = command.add_argument_group("outputs")
    for name, help_text in output_helps().items():
        outputs.add_argument(f"--{name}", metavar="FILE", help=help_text)
    add_verbose_argument(outputs)
    add_quiet_argument(outputs)
    add_force_argument(outputs)
    outputs.add_argument("--no-progress", action="store_true", help="show no progress bar")
    return outputs


def add_verbose_argument(command: argparse._ActionsContainer) -> None:
    """Add ``--verbose``, which every command that prints a report takes."""
    command.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="print the whole report, even if it passed without a warning",
    )


def add_quiet_argument(command: argparse._ActionsContainer) -> None:
    """Add ``--quiet``, of which ``args.quiet`` is the number: 0, 1 (one line) or more (none)."""
    command.add_argument(
        "-q",
        "--quiet",
        action="count",
        default=0,
        help="print one line in place of the report; -qq: print nothing",
    )


def add_force_argument(command: argparse._ActionsContainer) -> None:
    """Add ``--force``, which every command that writes takes."""
    command.add_argument(
        "--force", action="store_true", help="replace files that datascan did not write"
    )


def options_of(
    args: argparse.Namespace, fields: Sequence[OptionField] | None = None
) -> dict[str, Any]:
    """The options that were given as flags, under their Python names.

    Raises:
        UsageError: if flags that were repeated contradict each other.
    """
    found = {}
    for field in Options.fields() if fields is None else fields:
        value = getattr(args, field.name, None)
        if value is not None:
            refined = field.option.refine is not None
            found[field.name] = field.convert(value, field.flag) if refined else value
    return found
