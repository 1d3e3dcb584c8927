"""Reports with a hostile string in every place that can hold one, found by the report's types."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache, partial
from typing import Any

import msgspec

from datascan.config.applied import AppliedConfiguration, AppliedSetting
from datascan.report.figures import (
    Accepted,
    DatasetInfo,
    Example,
    LabelFigures,
    Pattern,
    Tolerated,
)
from datascan.report.model import Report
from datascan.report.provenance import (
    ContentFingerprint,
    FileFingerprint,
    Fingerprint,
    Location,
)
from datascan.testing.reports import finding, log, net, report, source
from datascan.text import escape_surrogates
from tests.builders.hostile_strings import HOSTILE_STRINGS

TEXTS = {name: escape_surrogates(text) for name, text in HOSTILE_STRINGS.items()}
"""As reports hold them: lone surrogates are escaped when a report is built."""

PIXEL = "data:image/png;base64,iVBORw0KGgo="

CONFIGURATION = AppliedConfiguration(
    "datascan.toml",
    (AppliedSetting("ignore", ("nan-value",), "ignores x"), AppliedSetting("db", ("a", 1))),
)


FINGERPRINT = Fingerprint(
    ContentFingerprint(9, "0" * 16, "1" * 32),
    FileFingerprint(2, 4096, "2" * 32, "3" * 32, "2026-01-01T10:00:00+00:00"),
)


def full_report() -> Report:
    """A report in which no text is missing."""
    accepted = finding(accepted=Accepted("known", date(2999, 1, 1), 5))
    tolerated = finding(rule="inf-value", tolerated=Tolerated(5, 0.005, "0.5%"))
    return report(
        *(finding(key="layer", title="A title"), finding(severity="warning")),
        *(finding(severity="info"), accepted, tolerated),
        finding(pattern="all in folder a/", patterns=[Pattern("folder", "in folder a/", 1.0)]),
        finding(rule="unknown", examples=[Example("detail without a record")], records=0),
        dataset=DatasetInfo(
            *("lmdb", "store", "raw", 9, 9),
            notes={"keys": "2 are not records"},
            location=Location(["data/store"], "working-folder"),
            fingerprint=FINGERPRINT,
        ),
        options={"limit": 9, "baseline": "b.toml", "ignore": ["x"], "severity": {"x": "info"}},
        versions={"datascan": "0.1.0", "python": "3.12.1", "loops": "c"},
        labels=LabelFigures(2, True, {"0": 1, "1": 2}, names=["cat", "dog"]),
        opening=["First sentence.", "Second sentence."],
        command="datascan scan store",
        started="2026-01-01T10:00:00+01:00",
        rules=["nan-value", "unknown"],
        fail_on="error",
        thumbnails={"0": PIXEL},
        configuration=CONFIGURATION,
    )


def full_source() -> Any:
    """The same of a source of a net."""
    return source(**members_of(full_report(), "findings"))


def members_of(report: Report, *without: str) -> dict[str, Any]:
    """The members of a report by name."""
    return {name: getattr(report, name) for name in report.__struct_fields__ if name not in without}


def full_report_of(build: Callable[..., Report]) -> Report:
    """The same of a net or log with a source."""
    shared = ("findings", "command", "started", "rules", "fail_on", "configuration")
    shared += ("options", "versions", "opening")
    members = members_of(full_report())
    return build(full_source(), **{name: members[name] for name in shared})


WHOLE = {
    "dataset": full_report(),
    "net": full_report_of(partial(net, not_checked=["layer type Permute"])),
    "log": full_report_of(log),
}
PROBE = "\x1b ::x"


def plain_values(kind: str) -> Any:
    """A report as dictionaries and lists."""
    return msgspec.json.decode(msgspec.json.encode(WHOLE[kind]))


def text_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all texts in plain values, names of members apart."""
    if isinstance(value, str):
        return [path]
    if not isinstance(value, dict | list):
        return []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for key, one in inner for found in text_places(one, (*path, key))]


def put(whole: Any, path: tuple[Any, ...], text: str) -> str:
    """Write a text at a place; returns what was there."""
    for key in path[:-1]:
        whole = whole[key]
    before, whole[path[-1]] = whole[path[-1]], text
    return before


@cache
def free_places(kind: str) -> tuple[tuple[Any, ...], ...]:
    """The places of a report that can hold any text."""
    plain = plain_values(kind)
    free = []
    for path in text_places(plain):
        before = put(plain, path, PROBE)
        try:
            msgspec.convert(plain, type(WHOLE[kind]))
            free.append(path)
        except msgspec.ValidationError:
            put(plain, path, before)
    return tuple(free)


def filled(kind: str, text: str) -> Report:
    """A report of a kind with one text in all places."""
    plain = plain_values(kind)
    for path in free_places(kind):
        put(plain, path, text)
    return msgspec.convert(plain, type(WHOLE[kind]))
