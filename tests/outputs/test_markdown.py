"""Markdown for reviews: what it says, and that no name in a dataset is markup."""

from __future__ import annotations

import pytest
from hypothesis import given

from datascan.config.applied import AppliedConfiguration, AppliedSetting
from datascan.outputs import markdown
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Accepted, BadRecords, DatasetInfo, Example, Tolerated
from datascan.testing.output_laws import OutputLaws
from datascan.testing.profile import examples
from datascan.testing.reports import ANY_TEXT, finding, net, report, source
from datascan.text import escape_control
from tests.outputs.github_markdown import TAGS, read_as_github


class TestLaws(OutputLaws):
    output = markdown

    def read(self, text):
        page = read_as_github(text)
        assert page.linked == []
        assert page.tags <= TAGS


HARM = [
    *("<script>alert(1)</script>", "<img src=x onerror=y>", "<!--", "-->", "</code>", "&lt;b&gt;"),
    *("[x](http://evil.example)", "![x](http://evil.example/a.png)", "http://evil.example"),
    *("www.evil.example", "WWW.evil.example", "a@evil.example", "@octocat", "@org/team", "#123"),
    *("org/repo#1", "GH-12", ":smile:", "$x$", "`a`", "``", "a|b", "a\\|b", "\\", "***", "__a__"),
    *("~~a~~", "| a |\n| - |", "\n\n# title", "    code", "> quote", "- [ ] task", "1. one"),
    *("[^1]", "[x]: http://evil.example", "<http://evil.example>", "&#64;octocat", "---", "==="),
    *("::error::x", "##[error]x", "\u202e", "\x1b[2J"),
]


@pytest.mark.parametrize("harm", HARM)
def test_no_name_is_markup(harm):
    info = DatasetInfo("lmdb", harm, harm, 9, 9)
    bad = finding(rule=harm, message=harm, fix=harm, examples=[Example(harm, 0, harm)])
    applied = AppliedConfiguration(harm, (AppliedSetting("x", (harm,), harm),))
    text = markdown.render(
        [report(bad, dataset=info, configuration=applied)], [FailedScan(harm, harm)]
    )
    page = read_as_github(text)
    assert page.linked == []
    assert page.tags <= TAGS
    assert page.words.count(escape_control(harm)) >= 8
    assert len(page.all("tr")) == 2
    assert len(page.all("td")) == 5
    assert len(page.all("h2")) == 3


@examples(60)
@given(ANY_TEXT)
def test_any_text_is_read_back(text):
    page = read_as_github(f"a {markdown.code(text)} b {markdown.prose(text)} c")
    assert page.words.count(markdown.shorten(text).strip()) >= 1
    assert page.tags <= {"p", "code"}


def test_a_report():
    bad = BadRecords(error=5, warning=0, info=0, any=5)
    text = markdown.render([report(finding(), bad_records=bad)])
    assert text.splitlines() == [
        "<!-- datascan report -->",
        "",
        "## FAIL <code>train&#95;lmdb</code>",
        "",
        "1,000 records: 5 of 1,000 records have errors (0.50%).",
        "",
        "| | rule | records | what was found | first examples |",
        "| --- | --- | ---: | --- | --- |",
        (
            "| **error** | Missing values (NaN)<br><code>nan-value</code> | 5 (0.50%) "
            "| 5 of 1,000 records hold NaN"
            "<br>drop these records | <code>&#35;0 key0</code> 1 of 0 values"
            "<br><code>&#35;2 key2</code> 1 of 2 values<br><code>&#35;4 key4</code> 1 of 4 values |"
        ),
    ]


def test_what_to_do_comes_before_the_counts():
    long = f"5 of 1,000 records cannot be used ({'with missing values, ' * 10}empty)."
    text = markdown.render([report(finding(), opening=[long, "Have a look."])])
    assert f"</code>\n\n{long}\n\nHave a look.\n\n1,000 records: " in text


def test_a_report_without_findings():
    text = markdown.render([report()])
    assert "## PASS <code>train&#95;lmdb</code>\n\n1,000 records: no findings.\n" in text
    assert "|" not in text


def test_what_does_not_fail_says_so():
    known = finding(accepted=Accepted("known", None, 5))
    few = finding(rule="inf-value", tolerated=Tolerated(5, 0.005, "1%"))
    page = read_as_github(markdown.render([report(known, few, verdict="pass")]))
    assert "error, accepted" in page.words
    assert "error, tolerated 0.50% of 1%" in page.words


def test_what_is_silenced_and_what_was_not_read():
    applied = AppliedConfiguration("a.toml", (AppliedSetting("ignore", ("x",), "ignores x"),))
    stopped = report(complete=False, verdict="incomplete", configuration=applied)
    page = read_as_github(markdown.render([stopped]))
    assert "INCOMPLETE train_lmdb" in page.words
    assert "the scan was stopped after 1,000 records" in page.words
    assert "Configuration a.toml: ignores x" in page.words


def test_several_begin_with_the_verdict_on_all():
    text = markdown.render([report(finding()), net(source())], [FailedScan("x", "no such path")])
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads[0] == "## datascan: FAIL, 3 datasets, 2 not passed"
    assert heads[1] == "## FAIL <code>x</code>"
    assert len(heads) == 5


def test_it_stays_below_the_limit_of_github():
    worst = finding(message="@" * 999, fix="@" * 999, examples=[Example("@" * 999, 1, "@" * 999)])
    for count in (1, 60, 600):
        text = markdown.render([report(*[worst] * count)] * count)
        assert len(text.encode()) <= markdown.MAX_BYTES
        assert (", left out here." in text) == (count > 1)
