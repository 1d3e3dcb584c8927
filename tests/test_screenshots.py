"""The pictures of the page in the documentation: small, of the right size, made by a script."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from website import screenshots
from website.screenshots import FOLDER, MAX_BYTES, SIZES, write

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", SIZES)
def test_pictures_are_small_and_as_wide_as_they_say(name):
    path = FOLDER / name
    assert path.stat().st_size <= MAX_BYTES
    with Image.open(path) as picture:
        assert picture.size == SIZES[name]
        assert f"{picture.width}" in name


def test_a_page_of_the_documentation_shows_each():
    text = (ROOT / "docs" / "howto" / "read-report.md").read_text()
    assert all(f"](../pictures/{name})" in text for name in SIZES)
    assert {path.name for path in FOLDER.iterdir()} == {*SIZES}


def test_the_script_runs_the_module():
    script = ROOT / "scripts" / "screenshots"
    assert os.access(script, os.X_OK)
    assert "website.screenshots" in script.read_text()
    subprocess.run(["bash", "-n", script], check=True)


def test_without_a_browser_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(screenshots.shutil, "which", lambda _: None)
    before = {path: path.stat().st_mtime_ns for path in FOLDER.iterdir()}
    assert screenshots.main() == 1
    assert "no chromium" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in FOLDER.iterdir()} == before


def test_a_large_picture_is_refused(tmp_path):
    with pytest.raises(ValueError, match="more than 200,000"):
        write(tmp_path / "x.png", b"0" * (MAX_BYTES + 1))
    assert not (tmp_path / "x.png").exists()
