"""Flags: they come from the options, are never abbreviated, and say what they accept."""

from __future__ import annotations

import pytest

from datascan.cli.app import build_parser
from datascan.cli.arguments import options_of
from datascan.config.options import Options
from datascan.errors import UsageError
from tests.cli.test_app import datascan, fails_in_one_line


def given(command: str) -> dict[str, object]:
    arguments = command.split()
    return options_of(build_parser(arguments).parse_args(arguments))


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ("", {}),
        ("--limit 3 --limit 4", {"limit": 4}),
        ("--ignore nan-value,inf-value", {"ignore": ["nan-value", "inf-value"]}),
        ("--ignore nan-value --ignore inf-value", {"ignore": ["nan-value", "inf-value"]}),
        ("--select nan-value,nan-value", {"select": ["nan-value"]}),
        ("--batch-size 32,64 --batch-size 128", {"batch_sizes": [32, 64, 128]}),
        ("--severity nan-value=info,inf-value=warning --severity key-gap=error",
         {"severity": [("nan-value", "info"), ("inf-value", "warning"), ("key-gap", "error")]}),
        ("--workers 0 --timeout 2.5", {"workers": 0, "timeout": 2.5}),
        ("--max-memory 512MB", {"max_memory": 512_000_000}),
        ("--max-memory 512000000", {"max_memory": 512_000_000}),
        ("--label-type class --fail-on never", {"label_type": "class", "fail_on": "never"}),
        ("--data null --label none", {"data_key": "null", "label_key": "none"}),
    ],
)  # fmt: skip
def test_flags_give_options(flags, options):
    assert given(f"scan PATH {flags}") == options


def test_repeated_flags_count_once(tmp_path):
    flags = given("scan PATH --batch-size 32 --batch-size 32 --batch-size 8")
    assert Options.from_keywords(**flags).check.batch_sizes == (32, 8)


@pytest.mark.parametrize("command", ["scan", "learn", "accept", "net", "log", "lmdb", "images"])
def test_every_flag_is_shown_by_the_commands_of_its_scope(command):
    text = datascan(command, "--help", COLUMNS="200").stdout
    for field in Options.fields():
        assert (f"  {field.flag} " in text) == field.is_shown(command), field.name


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--limit 0", "--limit must be a whole number of at least 1, below 2^63, not '0'"),
        ("--limit=-5", "not '-5'"),
        ("--limit 99999999999999999999", "not '99999999999999999999'"),
        ("--limit nan", "not 'nan'"),
        ("--limit=", "not ''"),
        ("--workers -1", "--workers must be a whole number of at least 0, below 2^63, not '-1'"),
        (
            "--max-memory 4k",
            "must be a size of at least 64MB, such as 512MB or 4GB, or a number of bytes, not '4k'",
        ),
        ("--timeout nan", "--timeout must be a number above 0, at most 1,000,000,000, not 'nan'"),
        ("--timeout=-inf", "not '-inf'"),
        ("--timeout 1e300", "not '1e300'"),
        ("--batch-size 32,,64", "--batch-size must be one or more whole numbers of at least 1"),
        ("--batch-size 32,x", "not '32,x'"),
        ("--label-type klass", "--label-type must be one of auto, class, regression, none"),
        ("--fail-on=", "--fail-on must be one of error, warning, never, not ''"),
        ("--db=", "--db must be a non-empty string, not ''"),
        ("--list=", "--list must be the name of a file, not ''"),
        ("--resume=", "--resume must be the name of a file, not ''"),
        ("--expect=", "--expect must be the name of a file, not ''"),
        ("--select=", "--select must be a list of rules, not ''"),
        ("--ignore nan-value,nan-valeu", "--ignore: no such rule: nan-valeu; did you mean nan-val"),
        ("--severity nan-value", "--severity must be a level (error, warning or info) for each"),
        ("--severity nan-value=fatal", "not 'nan-value=fatal'"),
        ("--severity nan-valeu=info", "--severity: no such rule: nan-valeu; did you mean nan-v"),
    ],
)
def test_values_that_are_refused(flags, message):
    with pytest.raises(UsageError) as caught:
        given(f"scan PATH {flags}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("scan x --lim 3", "no such option: --lim; did you mean --limit?"),
        ("scan x --no-prog", "no such option: --no-prog; did you mean --no-progress?"),
        ("scan x --l 3", "did you mean --label or --list or --label-type or --limit?"),
        ("scan x --batch_size 3", "no such option: --batch_size; did you mean --batch-size?"),
        ("scan x --batch_size=3", "no such option: --batch_size; did you mean --batch-size?"),
        ("scan x --batch-sizes 3", "no such option: --batch-sizes; did you mean --batch-size?"),
        ("scan x --no_progress", "no such option: --no_progress; did you mean --no-progress?"),
        ("scan x -j 4", "no such option: -j; did you mean --workers?"),
        ("scan x --jobs 4", "no such option: --jobs; did you mean --workers?"),
        ("net x --batch-size 4", "no such option: --batch-size (see datascan net --help)"),
        ("scan x --zzz", "no such option: --zzz (see datascan scan --help)"),
        ("lmdb x y", "unexpected argument: y (see datascan lmdb --help)"),
        (
            "lmbd x",
            "no such command or path: lmbd; did you mean datascan lmdb? (see datascan --help)",
        ),
        (
            "LMDB x",
            "no such command or path: LMDB; did you mean datascan lmdb? (see datascan --help)",
        ),
        ("zzz x", "no such command or path: zzz (see datascan --help)"),
        ("--quiet check x", "options follow the command: datascan check ... (see datascan --help)"),
        ("", "nothing to scan: datascan PATH scans a dataset, datascan --help lists the commands"),
        ("--quiet", "the following arguments are required: PATH (see datascan scan --help)"),
        ("no/such/path", "no such path: no/such/path"),
    ],
)
def test_mistyped_words_are_answered_with_the_nearest(arguments, message):
    assert message in fails_in_one_line(*arguments.split())


@pytest.mark.parametrize(("arguments", "command"), [("help", ""), ("help lmdb", "lmdb")])
def test_help_is_a_command_too(arguments, command):
    shown = datascan(*arguments.split())
    assert shown.returncode == 0
    assert shown.stdout == datascan(*command.split(), "--help").stdout


def test_the_help_of_scan_names_the_formats():
    text = " ".join(datascan("scan", "--help").stdout.split())
    assert "an LMDB or LevelDB store, HDF5 files, an image or a folder of images" in text
    whole = datascan("--help", COLUMNS="120").stdout
    assert "any of the above; the format is detected automatically" in whole


@pytest.mark.parametrize(
    "command", ["accept d --baseline b.toml --reason r", "learn d", "check", "scan d"]
)
def test_progress_is_shown_unless_it_is_not_wanted(command):
    parsed = build_parser(command.split()).parse_args(command.split())
    assert not parsed.quiet
    assert not parsed.no_progress
