"""``datascan explain``: the pages of the rules."""

from __future__ import annotations

import argparse
from typing import Any

PLACE = 10


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("explain", help="what a rule means, and how to fix its findings")
    command.add_argument("rule", nargs="?", metavar="RULE", help="all rules without it")
    command.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Print the page of a rule, or all of them."""
    from datascan import pages

    print(pages.page(given.rule) if given.rule else pages.all_pages())
    return 0
