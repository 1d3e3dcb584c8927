"""``datascan explain``: prints the pages of the rules."""

from __future__ import annotations

import argparse


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument("rule", nargs="?", metavar="RULE", help="default: all rules")


def run(args: argparse.Namespace) -> int:
    """Print the page of a rule, or of all rules."""
    from datascan.report import rule_pages

    print(rule_pages.rule_page(args.rule) if args.rule else rule_pages.all_pages())
    return 0
