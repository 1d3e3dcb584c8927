"""Pictures on terminals."""

from __future__ import annotations

import base64
import io
import re

import pytest
from PIL import Image

from datascan.outputs.terminal.picture import CHUNK, find_method, render
from tests.builders.images import encode, pixels


class Stream(io.StringIO):
    encoding = "utf-8"

    def __init__(self, tty=True):
        super().__init__()
        self.tty = tty

    def isatty(self):
        return self.tty


@pytest.mark.parametrize(
    ("environment", "method"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "xterm-kitty", "TMUX": "default,1,0"}, ""),
        ({"TERM": "screen-256color", "TERM_PROGRAM": "iTerm.app", "COLORTERM": "24bit"}, "blocks"),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, ""),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, ""),
        ({}, ""),
    ],
)
def test_only_what_the_terminal_says_that_it_can(environment, method):
    assert find_method(Stream(), environment) == method
    assert find_method(Stream(tty=False), environment) == ""


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (400, 3), (3, 400), (384, 384)])
def test_blocks_fit_the_terminal(size):
    width, height = size
    text = render(encode(pixels(1, width=width, height=height), "PNG"), "blocks", 80)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert 0 < len(lines) <= 24
    assert {len(line) for line in lines} <= set(range(1, 65))
    assert set("".join(lines)) == {"\u2580"}
    assert all(line.endswith("\x1b[0m") for line in text.splitlines())


def test_the_whole_picture_is_sent():
    png = encode(Image.effect_noise((200, 200), 90), "PNG")
    text = render(png, "kitty", 80)
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert base64.b64decode("".join(data for _, data in parts)) == png
    assert len(parts) > 1
    assert all(len(data) <= CHUNK for _, data in parts)
    assert [control[-3:] for control, _ in parts] == ["m=1"] * (len(parts) - 1) + ["m=0"]
    assert "q=2" in parts[0][0]
    assert base64.b64encode(png).decode() in render(png, "iterm", 80)
