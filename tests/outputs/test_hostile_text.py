"""Every output with every hostile string in every place of a report that can hold one.

Outputs are found by their modules and places by the types of the report, so new ones are covered.
"""

from __future__ import annotations

import html
import json
import re
import warnings
import xml.etree.ElementTree as ET
from pkgutil import iter_modules
from typing import Any

import msgspec
import pytest

import datascan
from datascan import outputs
from datascan.outputs import github
from datascan.outputs.base import load_output
from datascan.outputs.terminal import render as terminal
from datascan.plugins import OUTPUTS
from datascan.report.failed_scan import FailedScan
from datascan.report.model import Report
from datascan.testing.reports import finding, report
from datascan.text import escape_control
from tests.builders.hostile_reports import TEXTS, WHOLE, filled, free_places
from tests.outputs.github_markdown import TAGS, read_as_github
from tests.outputs.html.reading import read_safely
from tests.outputs.judges import ANNOTATIONS, assert_safe, commands_in, harm_in, longest_stack
from tests.outputs.test_sarif_schema import SCHEMA, complaints

NAMES = sorted({module.name for module in iter_modules(outputs.__path__)} - {"base"})

every_string = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def test_every_place_is_filled():
    places = {".".join(re.sub(r"\d+", "0", str(key)) for key in p) for p in free_places("dataset")}
    assert places >= {
        *("dataset.path", "dataset.backend", "dataset.layout", "command", "started", "rules.0"),
        *("findings.0.rule", "findings.0.message", "findings.0.fix", "findings.0.key"),
        *("findings.0.examples.0.key", "findings.0.examples.0.detail"),
        *("findings.0.accepted.reason", "labels.names.0", "shapes.0.dtype", "thumbnails.0"),
    }
    assert ("sources", 0, "layer") in free_places("net")


def may_hold_text(info: Any) -> bool:
    """Whether a type has any text in it, except for structs, whose members are asked one by one."""
    inner = [getattr(info, name, None) for name in ("item_type", "key_type", "value_type", "type")]
    inner += getattr(info, "types", ()) + getattr(info, "item_types", ())
    return isinstance(info, msgspec.inspect.StrType) or any(may_hold_text(i) for i in inner if i)


def structs_in(value: Any) -> list[msgspec.Struct]:
    """All structs of a report."""
    if isinstance(value, msgspec.Struct):
        fields = (getattr(value, name) for name in value.__struct_fields__)
        return [value, *(found for field in fields for found in structs_in(field))]
    if isinstance(value, dict):
        value = [*value.values()]
    return [found for one in value for found in structs_in(one)] if type(value) in SEVERAL else []


SEVERAL = (list, tuple)


def test_no_text_is_missing_in_the_reports():
    """A new member of a report that can hold text must be set, or it would not be tested."""
    found = [struct for whole in WHOLE.values() for struct in structs_in(whole)]
    for kind in {type(struct) for struct in found}:
        for field in msgspec.inspect.type_info(kind).fields:
            if may_hold_text(field.type):
                values = [getattr(struct, field.name) for struct in found if type(struct) is kind]
                assert any(values), f"{kind.__name__}.{field.name}"


def read_json(text: str, reports: list[Report]) -> None:
    """What ``datascan report`` reads is the report."""
    whole = json.loads(text)
    assert [Report.from_json(json.dumps(one)) for one in whole["datasets"]] == reports
    assert [Report.from_json(one.to_json()) for one in reports] == reports


PROPERTIES = {"properties", "property"}


def read_junit(text: str, reports: list[Report]) -> None:
    """XML with nothing but our elements."""
    root = ET.fromstring(text.encode())  # noqa: S314  (our own)
    known = {"testsuites", "testsuite", "testcase", "failure", "error", "system-out"} | PROPERTIES
    assert {element.tag for element in root.iter()} <= known
    assert len(root) == sum(len(one.reports) for one in reports) + 1


def read_sarif(text: str, reports: list[Report]) -> None:
    """SARIF that obeys its schema, in whose messages nothing is replaced or linked."""
    whole = json.loads(text)
    assert len(whole["runs"]) == sum(len(one.reports) for one in reports) + 1
    for message in messages_in(whole):
        assert longest_stack(message) <= 8
        assert not re.search(r"\{\d+\}|\[[^]]*\]\(", message)
    if SCHEMA.exists():
        assert complaints(text) == []


def messages_in(value: Any) -> list[str]:
    """The texts of all messages in a SARIF log, apart from the pages of rules."""
    if isinstance(value, list):
        return [found for one in value for found in messages_in(one)]
    if not isinstance(value, dict):
        return []
    own = [value["message"]["text"]] if "message" in value else []
    return own + [found for one in value.values() for found in messages_in(one)]


def read_github(text: str, reports: list[Report]) -> None:
    """Every line is one annotation, and the runner reads what was meant."""
    found = commands_in(text)
    assert len(found) == text.count("\n") == len(text.splitlines())
    assert {one.name for one in found} <= ANNOTATIONS
    assert {*found[0].properties} == {"title"}
    assert harm_in("".join(one.data + one.properties.get("title", "") for one in found)) == []
    finds = [one for whole in reports for one in whole.all_findings if one.severity == "error"]
    first, whole = finds[0], {one.data for one in found}
    more = ["", "; and 1 more finding", *(f"; and {n} more findings" for n in range(2, 9))]
    assert whole & {escape_control(f"{first.summary}{rest}; {first.fix}") for rest in more}


def read_html(text: str, _reports: list[Report]) -> None:
    """A page in which nothing can run."""
    words = read_safely(text).words
    assert longest_stack(words) <= 8


def read_markdown(text: str, reports: list[Report]) -> None:
    """Markdown with our markup only, in which GitHub links nothing."""
    page = read_as_github(text)
    assert page.linked == []
    assert page.tags <= TAGS
    assert len(page.all("h2")) == 1 + sum(len(one.reports) for one in reports) + 1


def read_metrics(text: str, _reports: list[Report]) -> None:
    """A flat object of numbers."""
    assert all(type(value) in (int, float) for value in json.loads(text).values())


READERS = {
    "markdown": read_markdown,
    "metrics": read_metrics,
    "json": read_json,
    "junit": read_junit,
    "sarif": read_sarif,
    "github": read_github,
    "html": read_html,
}
"""Readers of the formats; the terminal has none besides the common rules."""


def test_outputs_are_all_known():
    assert {*OUTPUTS, "github", "terminal"} <= {*NAMES}
    assert {*READERS} <= {*NAMES}


@pytest.mark.parametrize("name", NAMES)
@every_string
def test_an_output_shows_any_text_safely(name, text):
    reports = [filled(kind, text) for kind in WHOLE]
    failed = [FailedScan(text, text)]
    output = terminal if name == "terminal" else load_output(name)
    said = output.render(reports, failed)
    assert harm_in(said) == []
    if name != "github":
        assert commands_in(said) == []
    if name not in ("json", "html", "metrics"):
        assert longest_stack(said) <= 8
    READERS.get(name, lambda *_: None)(said, reports)
    assert Report.from_json(reports[0].to_json()) == reports[0]
    assert output.render([Report.from_json(reports[0].to_json())]) == output.render(reports[:1])


@pytest.mark.parametrize("width", [30, 80, 10_000])
@pytest.mark.parametrize("unicode", [True, False])
@every_string
def test_a_terminal_of_any_width(text, width, unicode):
    reports = [filled(kind, text) for kind in WHOLE]
    said = terminal.render(reports, [FailedScan(text, text)], width=width, unicode=unicode)
    assert_safe(said)
    assert said.isascii() or unicode


@every_string
def test_python_shows_any_text_safely(text):
    whole = filled("net", text)
    assert_safe(repr(whole))
    assert_safe(repr(whole.findings))
    assert len(repr(whole).splitlines()) == 3
    with pytest.raises(datascan.FindingsError) as caught:
        msgspec.structs.replace(whole, verdict="fail").raise_for_findings()
    assert_safe(str(caught.value))
    for kind in (datascan.DatasetError, datascan.UsageError):
        assert_safe(str(kind(f"no such dataset: {text}")))
    with warnings.catch_warnings(record=True) as caught_warnings:
        warnings.simplefilter("always")
        warnings.warn(datascan.PluginWarning(text), stacklevel=1)
    assert_safe(str(caught_warnings[0].message))


@every_string
def test_a_notebook_shows_any_text_safely(text):
    shown = filled("dataset", text)._repr_html_()
    (frame,) = re.findall(r"<iframe ([^>]*)></iframe>", shown)
    assert shown == f"<iframe {frame}></iframe>"
    assert_safe(shown)
    read_safely(html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]))


def test_the_annotations_are_those_of_the_toolkit():
    (line,) = github.render([report(finding(message="50%: a, b\r\nc\x1b[0m\u202e"))]).splitlines()
    (found,) = commands_in(line)
    assert found.data.startswith(r"50%: a, b\r\nc\x1b[0m\u202e (such as #0 key0, ")
    assert found.properties["title"] == "Missing values (NaN) [nan-value]: train_lmdb"
