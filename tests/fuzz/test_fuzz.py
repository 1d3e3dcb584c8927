"""A short run of ``scripts/fuzz``: damage of each kind of dataset, and each hostile input."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.case import SECRETS, WORD, Place
from tests.fuzz.damage import BUILDERS
from tests.fuzz.hostile import TRICKS
from tests.fuzz.judge import execute, find_misbehaviour


def fuzz(*words: str, variants: int) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words, "--variants", str(variants)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "failures" in result.stdout


def test_damage_and_hostile_structure():
    fuzz("--seconds", "120", variants=len(BUILDERS) + len(TRICKS))


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path, random.Random(1))
    place.prepare()
    return place


def test_a_secret_in_an_output_is_noticed(place):
    (place.work / f"{SECRETS[0]}.jpg").touch()
    outcome = execute(["images", ".", "--json", str(place.out / "json")], place)
    assert list(find_misbehaviour(outcome)) == [f"shows a secret: {SECRETS[0]}"]


def test_changes_of_files_are_noticed(place):
    before = place.snapshot()
    assert place.snapshot() == before
    (place.outside / "victim").write_bytes(WORD * 3)
    assert place.snapshot() != before


def test_an_exit_status_and_a_file_left_behind_are_noticed(place):
    (place.scratch / "x").touch()
    outcome = execute(["images", "absent"], place)
    assert outcome.status == 2
    assert list(find_misbehaviour(outcome)) == ["left behind: ['x']"]
