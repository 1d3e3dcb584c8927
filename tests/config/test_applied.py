"""The configuration in use, in JSON and in words."""

from __future__ import annotations

import msgspec

from datascan.config.applied import AppliedConfiguration, AppliedSetting


def test_it_survives_json():
    ignored = AppliedSetting("ignore", ("nan-value",), "ignores nan-value")
    applied = AppliedConfiguration("datascan.toml", (ignored, AppliedSetting("timeout", (2.5,))))
    text = msgspec.json.encode(applied)
    assert msgspec.json.decode(text, type=AppliedConfiguration) == applied
    assert b'{"name":"timeout","values":[2.5]}' in text


def test_the_line():
    ignored = AppliedSetting("ignore", ("nan-value",), "ignores nan-value")
    applied = AppliedConfiguration("x.toml", (ignored, AppliedSetting("batch_size", (1, 2))))
    assert applied.text == "configuration x.toml: ignores nan-value; batch_size 1, 2"
    assert applied.silences
    assert not AppliedConfiguration("x.toml").silences
