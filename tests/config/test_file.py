"""The configuration file: what holds for which dataset, and what it refuses."""

from __future__ import annotations

import codecs

import pytest

from datascan.config.discovery.settings import merge_settings
from datascan.config.file import read
from datascan.errors import UsageError


def test_later_tables_win_and_severities_add_up(tmp_path):
    file = tmp_path / "datascan.toml"
    file.write_text(
        'num-classes = 10\nseverity = {"key-gap" = "info"}\n'
        '[dataset."data/*"]\nbatch_size = 32\nseverity = {"nan-value" = "warning"}\n'
        '[dataset."data/train_*"]\nnum_classes = 3\n'
    )
    config = read(file)
    levels = {"key-gap": "info", "nan-value": "warning"}
    train = config.settings_for(tmp_path / "data/train_lmdb")
    assert train == {"num_classes": 3, "batch_sizes": 32, "severity": levels}
    assert config.settings_for(tmp_path / "other") == {
        "num_classes": 10,
        "severity": {"key-gap": "info"},
    }
    assert merge_settings(train, {"num_classes": 7})["num_classes"] == 7
    flagged = merge_settings(train, {"severity": [("key-gap", "error")]})
    assert flagged["severity"] == {"key-gap": "error", "nan-value": "warning"}


def test_a_project_whose_tools_are_no_table_has_no_settings(tmp_path):
    (tmp_path / "pyproject.toml").write_text("tool = 3\n")
    assert read(tmp_path / "pyproject.toml").datasets == {}


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "datascan.toml").write_bytes(codecs.BOM_UTF8 + b"num_classes = 3\r\n")
    assert read(tmp_path / "datascan.toml").defaults == {"num_classes": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("num_clases = 3", "num_clases; did you mean num_classes"),
        ('[datase."x"]', "datase; did you mean dataset"),
        ('[datasets."x"]', "datasets; did you mean dataset"),
        ('[dataset."x"]\nbackends = "lmdb"', "backends; did you mean backend"),
        ('ignore = ["nan-valeu"]', "did you mean nan-value"),
        ('severity = {"nan-value" = "fatal"}', "severity"),
        ('severity = {"nan-valeu" = "error"}', "did you mean nan-value"),
        ("severity = 3", "a level .* for each rule, not 3"),
        ('num_classes = "ten"', "num_classes"),
        ("num_classes = true", "num_classes"),
        ("timeout = nan", "timeout"),
        ("select = 3", "list of rules"),
        ("dataset = 3", "tables"),
        ("db = 3", "non-empty string, not 3"),
        ("= 3", "is not valid TOML: "),
        ("x = " + "[" * 5000, "is not valid TOML: "),
    ],
)
def test_what_cannot_be_meant_is_named(tmp_path, text, message):
    file = tmp_path / "datascan.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read(file)
    assert str(file) in str(caught.value)


def test_no_key_names_an_output_or_code(tmp_path):
    file = tmp_path / "datascan.toml"
    for key in ("html", "json", "sarif", "junit", "bad_records", "output", "resume", "plugins"):
        file.write_text(f'{key} = "x"')
        with pytest.raises(UsageError, match=f"unknown key {key}|only be given on the command"):
            read(file)
    file.write_text('backend = "os:system"')
    with pytest.raises(UsageError, match="backend must be one of"):
        read(file)


def test_a_file_name_with_a_null_character_is_refused(tmp_path):
    file = tmp_path / "datascan.toml"
    file.write_text('list = "a\\u0000b"')
    with pytest.raises(UsageError, match="list must be the name of a file"):
        read(file)
