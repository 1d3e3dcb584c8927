"""The arguments that several commands take, and what they mean in the Python interface."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from datascan.plugins import OUTPUTS


def add_dataset_arguments(command: argparse.ArgumentParser, name: str) -> None:
    """Which dataset; ``name`` is a backend, or "scan" for all of them."""
    several = name in {"hdf5", "scan"}
    command.add_argument("paths", nargs="+" if several else 1, type=Path, metavar="PATH")
    if name in {"lmdb", "scan"}:
        command.add_argument("--db", metavar="NAME", help="a named database of an LMDB")
    if name in {"hdf5", "scan"}:
        command.add_argument("--data", metavar="KEY", help="the dataset with the records")
        command.add_argument("--label", metavar="KEY", help="the dataset with the labels")
    if name in {"images", "scan"}:
        command.add_argument(
            "--list", type=Path, metavar="FILE", help="lines of 'path label', or a path,label CSV"
        )


def add_label_arguments(command: argparse.ArgumentParser) -> None:
    """What the labels are."""
    labels = command.add_argument_group("labels")
    labels.add_argument(
        "--num-classes", type=positive_integer, metavar="N", help="labels are 0..N-1"
    )
    labels.add_argument(
        "--batch-size",
        type=batch_sizes,
        action="extend",
        metavar="N",
        help="training batch sizes, comma-separated or repeated (default: 32,64,128,256)",
    )
    labels.add_argument("--label-type", choices=("auto", "class", "regression", "none"))


def add_rule_arguments(command: argparse.ArgumentParser) -> None:
    """Which rules, and what fails."""
    rules = command.add_argument_group("rules")
    rules.add_argument("--select", action="append", metavar="RULE", help="only this rule")
    rules.add_argument("--ignore", action="append", metavar="RULE", help="all rules but this")
    rules.add_argument(
        "--severity",
        type=rule_and_level,
        action="append",
        metavar="RULE=LEVEL",
        help="another severity for a rule: error, warning or info",
    )
    rules.add_argument("--fail-on", choices=("error", "warning", "never"))
    rules.add_argument(
        "--expect", type=Path, metavar="FILE", help="compare with what datascan learn wrote"
    )
    rules.add_argument(
        "--baseline", type=Path, metavar="FILE", help="findings accepted by datascan accept"
    )
    rules.add_argument(
        "--max-pixels", type=positive_integer, metavar="N", help="larger images: a finding"
    )


def add_config_argument(command: argparse.ArgumentParser) -> None:
    """Which configuration."""
    command.add_argument("--config", type=Path, metavar="FILE", help="in place of datascan.toml")


def add_effort_arguments(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """How much is read, and by how many; returns the group of these arguments."""
    how = command.add_argument_group("how to scan")
    how.add_argument("--limit", type=positive_integer, metavar="N", help="only the first N records")
    how.add_argument(
        "--workers",
        type=non_negative_integer,
        metavar="N",
        help="processes (default: all cores; 0: none)",
    )
    how.add_argument(
        "--timeout", type=seconds, metavar="S", help="give up a record after S seconds (60)"
    )
    return how


def add_output_arguments(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Where the report goes: an option for every output that writes a file; returns the group."""
    outputs = command.add_argument_group("outputs")
    for name, help_text in OUTPUTS.items():
        outputs.add_argument(f"--{name}", metavar="FILE", help=help_text)
    outputs.add_argument("--quiet", action="store_true", help="print no report")
    outputs.add_argument("--no-progress", action="store_true", help="show no progress bar")
    return outputs


def integer_from(text: str, least: int) -> int:
    """A whole number of at least ``least``."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return number


def positive_integer(text: str) -> int:
    """A whole number above 0."""
    return integer_from(text, 1)


def non_negative_integer(text: str) -> int:
    """A whole number, or 0."""
    return integer_from(text, 0)


def batch_sizes(text: str) -> list[int]:
    """Comma-separated whole numbers above 0."""
    return [positive_integer(size.strip()) for size in text.split(",")]


def rule_and_level(text: str) -> tuple[str, str]:
    """A rule and its severity, parted by an equals sign."""
    rule, sign, level = text.partition("=")
    if not sign or level not in {"error", "warning", "info"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not RULE=error, RULE=warning or RULE=info")
    return rule, level


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


OPTION_NAMES = {
    "num_classes": "num_classes",
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
    "resume": "resume",
    "db": "db",
    "data": "data_key",
    "label": "label_key",
    "list": "list_file",
    "expect": "expect",
    "baseline": "baseline",
}


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """What was given on the command line, under the names of the Python interface."""
    found = {
        name: value
        for argument, name in OPTION_NAMES.items()
        if (value := getattr(given, argument, None)) is not None
    }
    if "batch_sizes" in found:
        found["batch_sizes"] = tuple(dict.fromkeys(found["batch_sizes"]))
    return found
