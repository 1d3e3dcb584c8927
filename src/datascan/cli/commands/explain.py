"""``datascan explain``: prints the pages of the rules."""

from __future__ import annotations

import argparse

from datascan.plugins import CHECKS

WHOLE_DATASET = frozenset(
    (
        *("batch-label-gap", "class-imbalance", "constant-feature", "empty-class", "empty-dataset"),
        *("key-gap", "label-shift", "length-mismatch", "live-writer", "record-count-change"),
        *("record-count-mismatch", "truncated-store"),
    )
)
"""Rules whose findings do not name records."""


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument("rule", nargs="?", metavar="RULE", help="default: all rules")


def run(args: argparse.Namespace) -> int:
    """Print the page of a rule, or of all rules."""
    from datascan.report import rule_pages

    print(rule_pages.rule_page(args.rule) if args.rule else rule_pages.all_pages())
    if args.rule in CHECKS and args.rule not in WHOLE_DATASET:
        print("To see a record that a report names: datascan show PATH KEY")
    return 0
