"""What holds for a dataset, and what the report says of it."""

from __future__ import annotations

import pytest

from datascan.config.discovery.settings import configured_options, resolve_settings
from datascan.config.file import read
from datascan.config.options import Options


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def written(text):
        (tmp_path / "datascan.toml").write_text(text)
        return read(tmp_path / "datascan.toml")

    return written


def text_of(config, path, flags=()):
    """The line about the configuration of a dataset."""
    return resolve_settings(config, path, dict(flags)).applied.text


def test_the_line_names_what_is_silenced_first(config, tmp_path):
    found = config(
        'num_classes = 3\nlimit = 10\nfail_on = "never"\nignore = ["nan-value", "key-gap"]\n'
        'baseline = "known.toml"\nseverity = {"inf-value" = "info"}\nbackend = "images"\n'
        '[dataset."a"]\nlabel_type = "none"\n'
    )
    assert text_of(found, tmp_path / "b") == (
        "configuration datascan.toml: reads only the first 10 records; never fails; "
        "ignores nan-value, key-gap; accepts the findings in known.toml; counts inf-value as info; "
        "num_classes 3; backend images"
    )
    assert "sets label_type none; " in text_of(found, tmp_path / "a")


def test_a_configuration_that_silences_nothing_says_so(config, tmp_path):
    assert text_of(config(""), tmp_path) == "configuration datascan.toml: silences nothing"
    found = config('fail_on = "warning"\nnum_classes = 3\nlabel_type = "class"\nignore = []')
    assert text_of(found, tmp_path) == (
        "configuration datascan.toml: silences nothing; "
        "fail_on warning; num_classes 3; label_type class"
    )


def test_settings_that_flags_override_are_not_named(config, tmp_path):
    found = config('ignore = "key-gap"\nseverity = {"nan-value" = "info", "key-gap" = "info"}')
    flags = {"ignore": ("inf-value",), "severity": (("nan-value", "error"),)}
    assert text_of(found, tmp_path, flags) == (
        "configuration datascan.toml: counts key-gap as info"
    )


def test_of_many_values_the_line_names_a_few(config, tmp_path):
    found = config(f"batch_sizes = {list(range(1, 41))}")
    text = text_of(found, tmp_path)
    assert text.endswith("batch_size 1, 2, 3, 4, 5, 6 and 34 more")
    (setting,) = resolve_settings(found, tmp_path, {}).applied.settings
    assert setting.values == tuple(range(1, 41))


def test_options_know_the_configuration(config, tmp_path):
    found = config('[dataset."a"]\nlimit = 5\n')
    options_for = configured_options(found, {"num_classes": 2})
    assert options_for(tmp_path / "a").read.limit == 5
    assert options_for(tmp_path / "a").verdict.configuration.silences
    assert not options_for(tmp_path / "b").verdict.configuration.silences
    assert hash(options_for(tmp_path / "a").verdict.configuration)
    without = configured_options(None, {"num_classes": 2})(tmp_path)
    assert without == Options().replace(num_classes=2)


def test_every_option_of_a_file_is_either_silencing_or_not():
    """A new option must be classified: whether it hides findings or a part of the dataset."""
    fields = [field for field in Options.fields() if field.option.in_file]
    silencing = {field.name for field in fields if field.option.silences}
    others = {
        "bad_records_severity",
        "max_pixels",
        "num_classes",
        "batch_sizes",
        "expect",
        "workers",
        "timeout",
        "max_memory",
        "nice",
        "no_thumbnails",
        "cache",
    }
    assert silencing == {field.name for field in fields} - others
