"""``datascan explain``: the pages of the rules."""

from __future__ import annotations

import argparse


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument("rule", nargs="?", metavar="RULE", help="all rules without it")


def run(given: argparse.Namespace) -> int:
    """Print the page of a rule, or all of them."""
    from datascan.report import rule_pages

    print(rule_pages.rule_page(given.rule) if given.rule else rule_pages.all_pages())
    return 0
