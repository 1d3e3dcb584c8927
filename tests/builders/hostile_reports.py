"""Reports with a hostile string in every place that can hold one, found by the report's types."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import msgspec

from datascan.report.figures import Accepted, DatasetInfo, Example, LabelFigures
from datascan.report.model import Report
from datascan.testing.reports import finding, log, net, report, source
from datascan.text import escape_surrogates
from tests.builders.hostile_strings import HOSTILE_STRINGS

TEXTS = {name: escape_surrogates(text) for name, text in HOSTILE_STRINGS.items()}
"""As reports hold them: lone surrogates are escaped when a report is built."""

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def full_report() -> Report:
    """A report in which no text is missing."""
    accepted = finding(accepted=Accepted("known", date(2999, 1, 1), 5))
    return report(
        *(finding(key="layer"), finding(severity="warning"), finding(severity="info"), accepted),
        finding(rule="unknown", examples=[Example("detail without a record")], records=0),
        dataset=DatasetInfo("lmdb", "store", "raw", 9, 9),
        labels=LabelFigures(2, True, {"0": 1, "1": 2}, names=["cat", "dog"]),
        command="datascan scan store",
        started="2026-01-01T10:00:00+01:00",
        rules=["nan-value", "unknown"],
        fail_on="error",
        thumbnails={"0": PIXEL},
    )


def full_source() -> Any:
    """The same of a source of a net."""
    whole = full_report()
    fields = {name: getattr(whole, name) for name in whole.__struct_fields__}
    return source(**{name: value for name, value in fields.items() if name != "findings"})


WHOLE = {
    "dataset": full_report(),
    "net": net(full_source(), findings=full_report().findings, command="datascan net n.prototxt"),
    "log": log(full_source(), findings=full_report().findings, command="datascan log train.log"),
}
PROBE = "\x1b ::x"


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
    plain = msgspec.to_builtins(WHOLE[kind])
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
    plain = msgspec.to_builtins(WHOLE[kind])
    for path in free_places(kind):
        put(plain, path, text)
    return msgspec.convert(plain, type(WHOLE[kind]))
