"""What every output must obey.

Inherit :class:`OutputLaws` in a test module, name the output, and read its text back::

    class TestMarkdown(OutputLaws):
        output = datascan_csv

        def read(self, text):
            assert all(line.startswith("|") for line in text.splitlines())
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st

from datascan.config.applied import AppliedConfiguration, AppliedSetting
from datascan.outputs.base import Output
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import (
    Accepted,
    DatasetInfo,
    Example,
    Finding,
    LabelFigures,
    Tolerated,
)
from datascan.report.model import Report
from datascan.testing.profile import examples
from datascan.testing.reports import ANY_TEXT, finding, log, net, report, source
from datascan.text import escape_surrogates

HOSTILE = ANY_TEXT.map(escape_surrogates)
"""Any text that a report can hold: lone surrogates are escaped before."""

EXAMPLES = st.builds(Example, HOSTILE, st.none() | st.integers(0, 10**12), st.none() | HOSTILE)
ALLOWED: st.SearchStrategy[str | int] = st.sampled_from([5, "0.1%"])
FINDINGS = st.builds(
    Finding,
    rule=st.sampled_from(["nan-value", "no-such-rule"]) | HOSTILE,
    severity=st.sampled_from(["error", "warning", "info"]),
    records=st.integers(0, 10**12),
    message=HOSTILE,
    fix=HOSTILE,
    examples=st.lists(EXAMPLES, max_size=2),
    accepted=st.none() | st.builds(Accepted, HOSTILE, st.none() | st.dates(), st.integers(0, 9)),
    tolerated=st.none()
    | st.builds(Tolerated, st.just(1), st.just(0.1), st.sampled_from([5, "0.1%"])),
)
SETTINGS = st.builds(
    AppliedSetting, HOSTILE, st.tuples(HOSTILE, st.integers(0, 9)), st.just("") | HOSTILE
)
CONFIGURATIONS = st.builds(AppliedConfiguration, HOSTILE, st.tuples(SETTINGS))
FAILED = st.lists(st.builds(FailedScan, HOSTILE, HOSTILE), max_size=2)


@st.composite
def datasets(draw: st.DrawFn, build: Callable[..., Any] = report) -> Any:
    """The report of a dataset or source whose every text is hostile."""
    info = DatasetInfo(draw(HOSTILE), draw(HOSTILE), draw(HOSTILE), draw(st.integers(0, 99)), 1)
    names = draw(st.none() | st.lists(HOSTILE, max_size=2))
    labels = LabelFigures(num_classes=2, declared=True, counts={"0": 1, "7": 2}, names=names)
    return build(
        *draw(st.lists(FINDINGS, max_size=2)),
        dataset=info,
        complete=draw(st.booleans()),
        labels=draw(st.none() | st.just(labels)),
        command=draw(st.none() | HOSTILE),
        rules=draw(st.none() | st.just(["nan-value"])),
        fail_on=draw(st.sampled_from([None, "error", "warning", "never"])),
        configuration=draw(st.none() | CONFIGURATIONS),
    )


SOURCES = st.lists(datasets(source), max_size=2)
OWN_FINDINGS = st.lists(FINDINGS, max_size=1)
REPORTS: st.SearchStrategy[Report] = st.one_of(
    datasets(),
    st.builds(lambda inner, own: net(*inner, findings=own), SOURCES, OWN_FINDINGS),
    st.builds(lambda inner, own: log(*inner, findings=own), SOURCES, OWN_FINDINGS),
)
"""Reports of all three kinds."""


class OutputLaws:
    """What every output must obey: it renders any report, several, and failed scans."""

    output: ClassVar[Output]

    @abstractmethod
    def read(self, text: str) -> object:
        """Read the text back; raise unless it is valid in the format of the output."""

    def test_it_says_what_it_is(self) -> None:
        """``HELP`` is the help of the option: a phrase, without a full stop."""
        assert self.output.HELP
        assert self.output.HELP.strip().rstrip(".") == self.output.HELP

    @examples(40)
    @given(REPORTS)
    def test_it_renders_any_report(self, any_report: Report) -> None:
        """Keys and messages come from datasets: any character may occur in them."""
        self.check(self.output.render([any_report]))

    @examples(40)
    @given(st.lists(REPORTS, max_size=3), FAILED)
    def test_it_renders_several_and_failed_scans(
        self, reports: list[Report], failed: list[FailedScan]
    ) -> None:
        """``datascan check`` renders all datasets at once, also those it could not scan."""
        self.check(self.output.render(reports, failed))

    def test_it_renders_nothing(self) -> None:
        """``datascan check`` may have nothing to scan."""
        self.check(self.output.render([]))

    def test_every_dataset_is_named(self) -> None:
        """Sources of nets and failed scans are datasets, too. Clean ones may be left out."""
        paths = [f"data/{name}" for name in ("first", "second", "third", "absent")]
        infos = [DatasetInfo("lmdb", path, "raw", 9, 9) for path in paths]
        inner = source(finding(), dataset=infos[2])
        reports = [report(finding(), dataset=infos[0]), report(dataset=infos[1]), net(inner)]
        text = self.output.render(reports, [FailedScan(paths[3], "no such path")])
        named = [path for path in paths if path in text]
        assert named in (paths, [paths[0], *paths[2:]])
        assert "no such path" in text

    def test_the_same_reports_give_the_same_text(self) -> None:
        """A report that is rendered again does not show up as a change."""
        reports = [report(finding()), net(source(finding())), log()]
        assert self.output.render(reports) == self.output.render(reports)
        assert self.output.render([reports[0]]) == self.output.render(reports[:1], ())

    def check(self, text: str) -> None:
        """Whole lines of UTF-8, valid in their format."""
        text.encode("utf-8")
        assert not text or text.endswith("\n")
        self.read(text)
