"""The hook of pre-commit, called as pre-commit calls it: with the staged files, by its filters."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.images import photo
from tests.builders.lmdb import numbered, random_datums, write_lmdb

HOOKS = Path(__file__).parents[1] / ".pre-commit-hooks.yaml"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 5\n"


def read_hook():
    """The settings of the only hook."""
    lines = HOOKS.read_text().splitlines()
    assert sum(line.startswith("- id:") for line in lines) == 1
    pairs = (re.fullmatch(r"[- ] (\w+): (.*?)(?: +# .*)?", line) for line in lines)
    return dict(pair.groups() for pair in pairs)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a dataset and a configuration in its first commit."""
    for name in ("GITHUB_ACTIONS", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "-q")
    write_lmdb(tmp_path / "data" / "val.lmdb", numbered(random_datums(300)))
    (tmp_path / "datascan.toml").write_text('[dataset."data/*"]\n')
    git(tmp_path, "add", "datascan.toml")
    commit(tmp_path)
    return tmp_path


def git(folder, *arguments):
    """The output of a git command."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def commit(folder):
    git(folder, "commit", "-q", "-m", "x", "--no-verify")


def run_hook(folder):
    """Exit status and lines of the hook for what is staged; None if it is skipped."""
    hook = read_hook()
    # As in pre-commit's git.py: no deleted files.
    staged = git(folder, "diff", "--staged", "--name-only", "--diff-filter=ACMRTUXB", "-z")
    names = [name for name in staged.split("\0") if name]
    if hook.get("types", "[file]") != "[]":
        names = [name for name in names if not (folder / name).is_symlink()]
    if not names:
        return None
    command = [sys.executable, "-m", *shlex.split(hook["entry"]), *names]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_files_of_no_dataset(repository):
    (repository / "notes.txt").write_text("x")
    git(repository, "add", "notes.txt")
    status, lines, errors = run_hook(repository)
    assert (status, errors) == (0, [])
    assert "nothing was scanned" in lines[-1]


def test_a_pointer_without_its_data_fails_in_one_line(repository):
    (repository / "data" / "train.lmdb.dvc").write_text("outs:\n- path: train.lmdb\n")
    (repository / "data" / "val.lmdb.dvc").write_text("outs:\n- path: val.lmdb\n")
    git(repository, "add", "data/train.lmdb.dvc", "data/val.lmdb.dvc")
    status, lines, errors = run_hook(repository)
    assert status == 2
    assert errors == [
        "datascan: data/train.lmdb: the data is not here, only train.lmdb.dvc (dvc pull)"
    ]
    assert lines[1] == "PASS  data/val.lmdb  no findings"


def test_pointers_of_lfs_fail_in_one_line(repository):
    folder = repository / "data" / "images"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i}.jpg").write_bytes(POINTER % i if i else photo(0))
    git(repository, "add", "data/images")
    status, lines, errors = run_hook(repository)
    assert (status, errors) == (1, [])
    (line,) = (line for line in lines if "data/images" in line)
    assert line == ("FAIL  data/images  not-an-image  (run git lfs pull: the images are not here)")


def test_a_dataset_that_is_a_link(repository):
    (repository / "data" / "linked.lmdb").symlink_to("val.lmdb")
    git(repository, "add", "data/linked.lmdb")
    status, lines, _ = run_hook(repository)
    assert status == 0
    assert any(line.startswith("PASS  data/linked.lmdb") for line in lines)


def test_the_configuration(repository):
    (repository / "datascan.toml").write_text('[dataset."data/*"]\nnum_classes = 1\n')
    git(repository, "add", "datascan.toml")
    status, lines, _ = run_hook(repository)
    assert status == 1
    assert "label-out-of-range" in lines[1]
