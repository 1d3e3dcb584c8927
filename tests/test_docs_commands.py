"""Every command in the documents is run, and prints what they say.

A document is read from top to bottom, in a folder with the datasets of ``datascan demo``: a block
with a title is a file, a ``console`` has commands and their output, a ``python`` block without a
title is run. If output changes on purpose, ``DATASCAN_UPDATE_DOCS=1 pytest
tests/test_docs_commands.py`` writes it anew; blocks that leave out lines (``...``) are edited by
hand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.demo import DATASETS
from tests.builders.documents import Fence, fences, is_excerpt, run_console, surroundings

ROOT = Path(__file__).parents[1]
MAX_SHOWN = 6_000
"""Characters of a long output in the message of a failure."""

UPDATE = os.environ.get("DATASCAN_UPDATE_DOCS") == "1"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [path for path in DOCUMENTS if "```console\n" in path.read_text("utf-8")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The datasets of the demo."""
    folder = tmp_path_factory.mktemp("demo")
    for name, write, _ in DATASETS:
        write(folder / name)
    return folder


@pytest.fixture
def folder(demo, tmp_path):
    """A folder of its own with these datasets, and without a configuration above it."""
    place = tmp_path / "work"
    shutil.copytree(demo, place)
    (place / ".git").mkdir()
    return place


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_show_what_commands_print(path, folder):
    text = path.read_text("utf-8")
    if "$ datascan demo" in text:
        pytest.importorskip("plyvel", reason="plyvel, which writes a store, is not installed")
    wrong, anew = [], text
    for fence in fences(text):
        if fence.file:
            (folder / fence.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / fence.file).write_text(fence.text, "utf-8")
        elif fence.language == "python":
            run_python(fence, folder)
        elif fence.language == "console":
            changes = changed(fence, folder)
            wrong += [f"$ {command}\n{printed[:MAX_SHOWN]}" for command, printed in changes]
            anew = anew.replace(fence.text, rewritten(fence, dict(changes)))
    if UPDATE and anew != text:
        path.write_text(anew, "utf-8")
    elif wrong:
        hint = "if this is meant: DATASCAN_UPDATE_DOCS=1 pytest tests/test_docs_commands.py"
        pytest.fail("\n".join(["the document shows other output than", *wrong, hint]), False)


def run_python(fence: Fence, folder: Path) -> None:
    """Run an example in Python; it must succeed."""
    run = subprocess.run(
        [sys.executable, "-c", fence.text],
        cwd=folder,
        env=surroundings(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, f"{fence.text}\n{run.stderr}"


def changed(fence: Fence, folder: Path) -> list[tuple[str, str]]:
    """The commands that print something else than the document shows, and what they print."""
    printed = run_console(fence, folder)
    return [
        (command, now)
        for (command, shown), now in zip(fence.commands, printed, strict=True)
        if not is_excerpt(shown, now)
    ]


def rewritten(fence: Fence, changes: dict[str, str]) -> str:
    """The block with the new output, except where lines are left out."""
    text = ""
    for command, shown in fence.commands:
        now = shown if "...\n" in shown else changes.get(command, shown)
        text += f"$ {command}\n{now}"
    return text


def test_other_blocks_have_no_commands_of_datascan():
    """A command in a ``sh`` block would not be run."""
    for path in DOCUMENTS:
        for fence in fences(path.read_text("utf-8")):
            if fence.language in {"sh", "bash", "text"} and not fence.file:
                lines = [line for line in fence.text.splitlines() if line.startswith("datascan ")]
                assert lines == [], path


def test_excerpts():
    assert is_excerpt("a\n...\nc\n", "a\nb\nb\nc\n")
    assert is_excerpt("a\n...\nc\n", "a\nc\n")
    assert not is_excerpt("a\n...\nc\n", "a\nb\nc\nd\n")
    assert not is_excerpt("a\n", "a\nb\n")
    assert is_excerpt("took in 0.5 s\n", "took in 0.07 s\n")
