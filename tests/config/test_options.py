"""Options: one definition gives names, validation, flags, configuration keys and documentation."""

from __future__ import annotations

import argparse
import typing
from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta

import datascan
from datascan.cli.arguments import add_option_arguments, options_of
from datascan.config.file import read
from datascan.config.option_field import MAX_INT, Option, OptionField, nearest_option
from datascan.config.options import (
    CheckOptions,
    NetTargets,
    Options,
    ReadOptions,
    RunOptions,
    ScanKeywords,
    Severity,
    VerdictOptions,
)
from datascan.config.reference import reference_page
from datascan.errors import UsageError

GROUPS = (ReadOptions, CheckOptions, RunOptions, VerdictOptions)
FIELDS = {field.name: field for field in Options.fields()}
PAGE = Path(__file__).parents[2] / "docs/reference/options.md"


def test_flat_names_and_groups():
    options = Options.from_keywords(limit=10, batch_sizes=8, workers=0, fail_on="never")
    assert options.read == ReadOptions(limit=10)
    assert options.check.batch_sizes == (8,)
    assert options.run.workers == 0
    assert options.verdict.fail_on == "never"
    assert options.replace(limit=None).read.limit is None
    with pytest.raises(TypeError, match="no such option: colour"):
        options.replace(colour=3)


def test_no_name_is_used_twice():
    names = [name for group in GROUPS for name in group.__struct_fields__]
    assert len(names) == len(set(names))
    flags = [field.flag for field in Options.fields()]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"batch_sizes": 32}, (32,)),
        ({"batch_sizes": [64, 32, 64]}, (64, 32)),
        ({"batch_sizes": (n for n in (1, 2))}, (1, 2)),
        ({"batch_sizes": range(1, 4)}, (1, 2, 3)),
        ({"select": "nan-value"}, ("nan-value",)),
        ({"ignore": ["nan-value", "inf-value"]}, ("nan-value", "inf-value")),
        ({"severity": {"nan-value": "info"}}, (("nan-value", Severity.INFO),)),
        ({"severity": [("nan-value", "info"), ("nan-value", "error")]},
         (("nan-value", Severity.ERROR),)),
        ({"severity": {"nan-value": Severity.WARNING}}, (("nan-value", Severity.WARNING),)),
        ({"timeout": 5}, 5.0),
        ({"max_memory": 64_000_000}, 64_000_000),
        ({"max_memory": "64MB"}, 64_000_000),
        ({"max_memory": "4 GB"}, 4_000_000_000),
        ({"max_memory": "1.5gib"}, 1_610_612_736),
        ({"max_memory": "100000000"}, 100_000_000),
        ({"limit": None}, None),
        ({"list_file": "list.txt"}, Path("list.txt")),
        ({"resume": Path("file")}, Path("file")),
        ({"db": "\udcff"}, "\udcff"),
        ({"num_classes": MAX_INT}, MAX_INT),
    ],
)  # fmt: skip
def test_forms_that_are_accepted(given, kept):
    options = Options.from_keywords(**given)
    (name,) = given
    assert getattr(getattr(options, FIELDS[name].group), name) == kept


REFUSED = [
    ("limit", 0, r"limit must be a whole number of at least 1, below 2\^63, not 0"),
    ("limit", -5, "not -5"),
    ("limit", True, "not True"),
    ("limit", 3.0, "not 3.0"),
    ("limit", "3", "not '3'"),
    ("limit", [3], r"not \[3\]"),
    ("limit", 10**30, "not 1000000000000000000000000000000"),
    ("limit", 16**5000, "not a number of 20,001 bits"),
    ("max_pixels", None, "not None"),
    ("num_classes", float("nan"), "not nan"),
    ("workers", -1, "of at least 0, below 2.63, not -1"),
    ("timeout", 0, "timeout must be a number above 0, at most 1,000,000,000, not 0"),
    ("timeout", -5, "not -5"),
    ("timeout", float("nan"), "not nan"),
    ("timeout", float("inf"), "not inf"),
    ("timeout", 10**400, "not 1000000"),
    ("timeout", True, "not True"),
    ("timeout", "5", "not '5'"),
    ("max_memory", "63MB", "max_memory must be a size of at least 64MB, such as 512MB or 4GB"),
    ("max_memory", 5, "or a number of bytes, not 5"),
    ("max_memory", "4 XB", "not '4 XB'"),
    ("max_memory", "-4GB", "not '-4GB'"),
    ("max_memory", "9" * 99 + "GB", "not '999"),
    ("max_memory", "99999999999TB", "not '99999999999TB'"),
    ("max_memory", "4iB", "not '4iB'"),
    ("max_memory", 1e9, "not 1000000000.0"),
    ("max_memory", True, "not True"),
    ("batch_sizes", [], r"one or more whole numbers of at least 1, below 2\^63, not \[\]"),
    ("batch_sizes", [32, 0], r"not \[32, 0\]"),
    ("batch_sizes", [32, float("nan")], r"not \[32, nan\]"),
    ("batch_sizes", "32", "not '32'"),
    ("batch_sizes", b"ab\x00", "not b'ab"),
    ("batch_sizes", [[1]], r"not \[\[1\]\]"),
    ("label_type", "klass", "one of auto, class, regression, none, not 'klass'"),
    ("label_type", 3, "not 3"),
    ("fail_on", "", "one of error, warning, never, not ''"),
    ("db", "", "a non-empty string, not ''"),
    ("db", 3, "not 3"),
    ("db", b"db", "not b'db'"),
    ("list_file", "", "the name of a file, not ''"),
    ("list_file", 3, "not 3"),
    ("expect", "", "the name of a file, not ''"),
    ("baseline", 3, "the name of a file, not 3"),
    ("select", 3, "a list of rules, not 3"),
    ("select", [3], r"not \[3\]"),
    ("select", "", "not ''"),
    ("ignore", "nan-valeu", "ignore: no such rule: nan-valeu; did you mean nan-value?"),
    ("ignore", "NAN-VALUE", "ignore: no such rule: NAN-VALUE; did you mean nan-value?"),
    ("severity", 3, "a level .error, warning or info. for each rule, not 3"),
    ("severity", {"nan-value": "fatal"}, "not {'nan-value': 'fatal'}"),
    ("severity", {"nan-valeu": "info"}, "severity: no such rule: nan-valeu"),
    ("severity", [("nan-value",)], "not "),
    ("db", ["y" * 500], r"not \['yyy.*\.\.\.$"),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(REFUSED)]
"""Numbers of thousands of digits cannot be in the name of a test."""


@pytest.mark.parametrize(("name", "value", "message"), REFUSED, ids=IDS)
def test_values_that_are_refused(name, value, message):
    with pytest.raises(UsageError, match=message) as caught:
        Options.from_keywords(**{name: value})
    assert str(caught.value).startswith(name)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(("name", "value", "message"), REFUSED[:3])
def test_python_refuses_before_it_looks_at_the_path(name, value, message, tmp_path):
    for function in (datascan.scan, datascan.scan_net, datascan.scan_log):
        with pytest.raises(UsageError, match=message):
            function(tmp_path / "absent", **{name: value})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("num_clases", "; did you mean num_classes?"),
        ("batch_size", "; did you mean batch_sizes?"),
        ("classes", "; did you mean num_classes?"),
        ("data", "; did you mean data_key?"),
        ("jobs", "; did you mean workers?"),
        ("colour", ""),
        ("shard_bytes", ""),
        ("targets", ""),
    ],
)
def test_unknown_names_are_answered_with_a_near_one(name, hint):
    with pytest.raises(UsageError) as caught:
        Options.from_keywords(**{name: 3})
    assert str(caught.value) == f"no such option: {name}{hint}"


def test_a_baseline_with_an_unknown_rule(tmp_path):
    file = tmp_path / "baseline.toml"
    file.write_text(
        'format = "datascan-baseline/1"\n[[accepted]]\nrule = "nan-valeu"\nreason = "known"\n'
    )
    with pytest.raises(UsageError, match=r"baseline\.toml: no such rule: nan-valeu; did you mean"):
        Options.from_keywords(baseline=file)


def test_options_are_hashable():
    made = Options.from_keywords(severity={"nan-value": "info"}).replace(targets=NetTargets(3))
    assert len({made, made.replace(), Options()}) == 2


def test_keywords_of_python_are_the_fields():
    # Editors complete the typed dictionary; it must list every option and no other.
    assert set(typing.get_type_hints(ScanKeywords)) == set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_keywords_of_python_take_what_the_fields_hold(name):
    allowed = parts_of(typing.get_type_hints(ScanKeywords)[name])
    default = FIELDS[name].default
    if isinstance(default, tuple):
        assert any("Iterable" in str(part) or "Mapping" in str(part) for part in allowed)
    elif FIELDS[name].choices:
        assert typing.get_args(typing.get_type_hints(ScanKeywords)[name]) == FIELDS[name].choices
    else:
        assert type(default) in allowed


def parts_of(hint: object) -> tuple[object, ...]:
    return typing.get_args(hint) or (hint,)


@pytest.mark.parametrize("function", [datascan.scan, datascan.scan_net, datascan.scan_log])
def test_the_functions_of_python_have_these_keywords(function):
    (packed,) = typing.get_args(typing.get_type_hints(function)["options"])
    assert packed is ScanKeywords


def test_the_reference_page_is_up_to_date():
    # To renew it: python -m datascan.config.reference > docs/reference/options.md
    assert PAGE.read_text("utf-8") == reference_page()


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_says_what_it_is(name):
    option = FIELDS[name].option
    assert option.help
    assert option.metavar or FIELDS[name].choices or FIELDS[name].is_switch
    assert FIELDS[name].allowed
    assert isinstance(FIELDS[name], OptionField)


class MoreReadOptions(ReadOptions, frozen=True, kw_only=True):
    sample: Annotated[
        Annotated[int, Meta(ge=2, le=MAX_INT)],
        Option(help="read every Nth record", group="how to scan", metavar="N"),
    ] = 7


class MoreOptions(Options, frozen=True, kw_only=True):
    read: MoreReadOptions = MoreReadOptions()


def test_one_field_is_all_that_an_option_takes(tmp_path):
    # In Python, with its validation.
    assert MoreOptions.from_keywords(sample=3, limit=4).read == MoreReadOptions(sample=3, limit=4)
    with pytest.raises(UsageError, match=r"sample must be a whole number of at least 2, .* not 1$"):
        MoreOptions.from_keywords(sample=1)
    with pytest.raises(UsageError, match="no such option: sampl; did you mean sample"):
        MoreOptions.from_keywords(sampl=3)
    # As a flag, with its help.
    parser = argparse.ArgumentParser("scan")
    add_option_arguments(parser, "scan", MoreOptions)
    assert "  --sample N            read every Nth record\n" in parser.format_help()
    given = options_of(parser.parse_args(["--sample", "5"]), MoreOptions.fields())
    assert given == {"sample": 5}
    with pytest.raises(UsageError, match=r"--sample must be a whole number of at least 2, .* 'x'"):
        parser.parse_args(["--sample", "x"])
    # As a key of the configuration.
    file = tmp_path / "datascan.toml"
    file.write_text("sample = 6\n")
    assert read(file, MoreOptions).defaults == {"sample": 6}
    file.write_text("sample = -6\n")
    with pytest.raises(UsageError, match=r"datascan\.toml: sample must be .*, not -6"):
        read(file, MoreOptions)
    # In the reference.
    assert "### `--sample`\n\nRead every Nth record.\n" in reference_page(MoreOptions)
    # In what tells checkpoints apart.
    assert repr(MoreReadOptions(sample=3)) != repr(MoreReadOptions())


def test_names_that_are_near():
    assert nearest_option("--batchsize", Options.fields()).name == "batch_sizes"
    assert nearest_option("zzz", Options.fields()) is None


def test_what_users_cannot_set():
    hidden = {"shard_bytes", "targets", "configuration"}
    every = {name for group in GROUPS for name in group.__struct_fields__}
    assert hidden == every - set(FIELDS)
