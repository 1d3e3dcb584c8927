"""Files that datascan has written, recognised by their content.

Only the beginning is read. A file that another program has written, or a person, is never taken
for one of these by its name.
"""

from __future__ import annotations

import re
from pathlib import Path

from datascan.files import open_regular

HEAD_BYTES = 1 << 16
EMPTY, REPORT, EXPECTATIONS, BASELINE, CHECKPOINT = (
    "empty file",
    "report",
    "file of expectations",
    "baseline",
    "checkpoint",
)

TEXT = rb'"(?:[^"\\\n]|\\.)*"'
LINE = rb"(?:.*?\n)?[ \t]*"

KINDS = (
    (CHECKPOINT, rb"datascan resume "),
    (REPORT, rb'\s*\{\s*(?:"kind":\s*"\w+",\s*)?"schema":\s*"datascan-'),
    # Several reports: of ``datascan check``.
    (REPORT, rb'\s*\{\s*"verdict":\s*"\w+",\s*"datasets":\s*\['),
    (REPORT, (rb'\s*\{[^{]*"runs":\s*\[\s*(?:\]|\{\s*"tool":\s*\{\s*"driver":\s*\{'
              rb'\s*"name":\s*"datascan")')),
    (REPORT, (rb'(?:<\?xml[^>]*>\s*)?<testsuites\s*(?:/>\s*$|>\s*<testsuite\s+'
              rb'name="datascan )')),
    (REPORT, (rb'(?s)\s*<!doctype html>(?:(?!</head>|<body).)*'
              rb'<meta name="generator" content="datascan ')),
    (REPORT, rb"<!-- datascan report -->\n"),
    (REPORT, rb'\{\s*"datascan_metrics":\s*\d'),
    # JSON Lines of bad records; those of a net or check begin with a path.
    (REPORT, rb'\{(?:"dataset": ' + TEXT + rb', )?'
             rb'(?:"source": ' + TEXT + rb', "phase": ' + TEXT + rb', )?"index": \d+,'
             rb' "key": ' + TEXT + rb', "rule": "[\w-]+", "severity": "\w+", "'),
    (EXPECTATIONS, rb"(?s)" + LINE + rb'format\s*=\s*["\']datascan-expectations/'),
    (BASELINE, rb"(?s)" + LINE + rb'format\s*=\s*["\']datascan-baseline/'),
)  # fmt: skip
"""How each kind of file begins."""


def recognise(path: Path) -> str | None:
    """The kind of file at ``path`` if datascan wrote it or if it is empty, else None.

    Raises:
        OSError: if it cannot be read, or is not a regular file.
    """
    with open_regular(path) as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return EMPTY
    return next((kind for kind, beginning in KINDS if re.match(beginning, head)), None)
