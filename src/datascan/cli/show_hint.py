"""The last line on a terminal: the command that shows the first record of the worst finding."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from datascan.cli.arguments import options_of
from datascan.config.options import Options
from datascan.report.model import Report
from datascan.text import escape_control

IDENTIFYING = ("db", "data_key", "label_key", "list_file", "follow_links")
"""The options without which the same number is another record."""


def show_hint(report: Report, args: argparse.Namespace, paths: Sequence[Path]) -> str:
    """The command, as it can be typed; "" without a terminal, or if no finding names a record."""
    if args.quiet or args.json == "-" or not sys.stdout.isatty():
        return ""
    shown = (
        example
        for finding in report.findings
        if finding.accepted is None
        for example in finding.examples
        if example.index is not None
    )
    example = next(shown, None)
    if example is None:
        return ""
    fields = [field for field in Options.fields() if field.name in IDENTIFYING]
    words = ["datascan", "show", *map(str, paths), str(example.index)]
    for name, value in options_of(args, fields).items():
        (field,) = (one for one in fields if one.name == name)
        words += [field.flag] if value is True else [field.flag, str(value)]
    if args.config is not None:
        words += ["--config", str(args.config)]
    return escape_control(f"to see a record: {shlex.join(words)}")
