"""What may be tolerated of a rule, and what is said of anything else."""

from __future__ import annotations

import argparse
import inspect
import re
from fractions import Fraction

import pytest

from datascan.checks.fault_check import FaultCheck
from datascan.cli.arguments import add_option_arguments, options_of
from datascan.config.discovery.settings import resolve_settings
from datascan.config.file import read
from datascan.config.options import Options
from datascan.config.tolerance import Allowance, read_tolerance
from datascan.errors import UsageError
from datascan.plugins import CHECKS, NET_RULES, load, rule_target


def test_shares_and_counts_in_their_shortest_form():
    given = {
        "corrupt-image": " 0.10 %",
        "nan-value": 500,
        "empty-record": "007",
        "inf-value": ".5%",
    }
    assert dict(read_tolerance(given, "x")) == {
        "corrupt-image": "0.1%",
        "nan-value": "500",
        "empty-record": "7",
        "inf-value": "0.5%",
    }
    assert dict(read_tolerance([["nan-value", "100%"]], "x")) == {"nan-value": "100%"}
    assert dict(read_tolerance([("nan-value", "0%")], "x")) == {"nan-value": "0%"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("100.1%", "nan-value=100.1% is above 100%"),
        ("999999%", "nan-value=999999% is above 100%"),
        ("-1", "nan-value=-1 is negative"),
        (-1, "nan-value=-1 is negative"),
        ("-0.1%", "nan-value=-0.1% is negative"),
        ("nan", "nan-value=nan is not a share (0.1%) or a whole number"),
        (float("nan"), "nan-value=nan is not a share"),
        (float("inf"), "nan-value=inf is not a share"),
        ("nan%", "nan-value=nan% is not a share"),
        ("1e3", "nan-value=1e3 is not a share"),
        ("٣", "nan-value=٣ is not a share"),
        ("0.1", "nan-value=0.1 can mean two things: 0.1% of the records, or a whole number"),
        (0.1, "nan-value=0.1 can mean two things: 0.1% of the records, or a whole number"),
        ("", "nan-value= lacks the share or number of records that is tolerated: 0.1% or 500"),
        (True, "nan-value=True is not a share"),
        ([1], "nan-value=[1] is not a share"),
        ("9" * 30, f"nan-value={'9' * 30} is too large"),
        ("0." + "0" * 25 + "1%", f"nan-value=0.{'0' * 25}1% is too exact"),
    ],
)
def test_what_cannot_be_tolerated_in_words(value, message):
    with pytest.raises(UsageError, match=re.escape(f"--tolerate: {message}")) as caught:
        read_tolerance([("nan-value", value)], "--tolerate")
    assert len(str(caught.value)) < 150


def test_an_unknown_rule_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="no such rule: corupt-image; did you mean corrupt-image"):
        Options.from_keywords(tolerance={"corupt-image": "1%"})


@pytest.mark.parametrize("rule", ["empty-dataset", "class-imbalance", "key-gap", "died"])
def test_a_rule_without_records_says_why(rule):
    with pytest.raises(UsageError, match=f"{rule} cannot be tolerated: it is about .*, so it has"):
        Options.from_keywords(tolerance={rule: 5})


def test_rules_without_records_never_name_or_count_them():
    """By their source: whatever makes an issue with records may have a tolerance."""
    for rule in CHECKS:
        kind = load(rule_target(rule))
        source = inspect.getsource(kind)
        counts = "record_issue(" in source or "records=" in source or issubclass(kind, FaultCheck)
        # A fault check, but its faults are those of files.
        assert bool(kind.subject) == (not counts or rule == "length-mismatch"), rule
    assert all(load(rule_target(rule)).subject for rule in NET_RULES)


@pytest.mark.parametrize(
    "value", [5, "nan-value=5", ["nan-value"], [("nan-value", 1, 2)], [(5, 5)]]
)
def test_other_values_are_refused(value):
    with pytest.raises(UsageError, match="tolerance must be a share"):
        Options.from_keywords(tolerance=value)


def flags(*words):
    parser = argparse.ArgumentParser()
    add_option_arguments(parser, "scan")
    return options_of(parser.parse_args(list(words)))


def test_flags_may_be_repeated_but_not_for_one_rule():
    given = flags("--tolerate", "nan-value=5,inf-value=1%", "--tolerate", "empty-record=2")
    assert dict(given["tolerance"]) == {"nan-value": "5", "inf-value": "1%", "empty-record": "2"}
    with pytest.raises(UsageError, match="--tolerate: nan-value is given twice"):
        flags("--tolerate", "nan-value=5", "--tolerate", "nan-value=6")
    with pytest.raises(UsageError, match="--tolerate: nan-value is given twice"):
        flags("--tolerate", "nan-value=5,nan-value=5")


def test_tables_add_up_rule_by_rule_and_flags_win(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datascan.toml").write_text(
        'tolerance = {"nan-value" = 5, "inf-value" = "1%"}\n'
        '[dataset."imgs".tolerance]\ncorrupt-image = "0.1%"\nnan-value = 0\n'
    )
    config = read(tmp_path / "datascan.toml")
    settings = resolve_settings(config, tmp_path / "imgs", flags("--tolerate", "inf-value=7"))
    expected = {"nan-value": "0", "inf-value": "7", "corrupt-image": "0.1%"}
    assert dict(settings.options().verdict.tolerance) == expected
    assert settings.applied.silences
    assert settings.applied.text == (
        "configuration datascan.toml: tolerates nan-value up to 0, corrupt-image up to 0.1%"
    )


def test_the_file_and_key_of_a_bad_value_are_named(tmp_path):
    (tmp_path / "datascan.toml").write_text('[dataset."imgs".tolerance]\ncorrupt-image = 0.1\n')
    with pytest.raises(UsageError, match=r"datascan.toml: dataset.'imgs'.tolerance: corrupt-im"):
        read(tmp_path / "datascan.toml")


def test_shares_are_exact():
    """29% of 100 is 29, although 0.29 * 100 is less in floating point."""
    assert Allowance.of("29%") == Allowance(share=Fraction(29, 100))
    assert Allowance.of("29%").covers(29, 100)
    assert not Allowance.of("29%").covers(30, 100)
    assert not Allowance.of("100%").covers(1, 0)
    assert Allowance.of("2").covers(2, 0)
    assert not Allowance.of("2").covers(3, 10**9)
