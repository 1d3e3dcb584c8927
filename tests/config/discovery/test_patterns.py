"""Patterns of datasets match what ``glob`` matches, but end in folders full of links."""

from __future__ import annotations

import time
from glob import escape, glob

import pytest

from datascan.config.discovery import patterns
from datascan.config.discovery.patterns import find_matches
from datascan.errors import UsageError


@pytest.fixture
def tree(tmp_path):
    for name in ("a/x", "a/b/x", "a/b/c/x", ".hidden/x", "a/.h/x", "d/[x]/y"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to("a/b")
    (tmp_path / "dangling").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    [
        "a", "a/", "./a", "a/*", "*", "*/x", "**/x", "a/**", "**/*", "**/**/x", "**/b/**/x", "a/?",
        ".*", ".*/x", "a/.h", "d/[[]x[]]/y", "dangling", "absent", "absent/*", "a/x/*", "a/../a/x",
        "link/c", "*/c", "a/**/c/*",
    ],
)  # fmt: skip
def test_as_glob(tree, pattern):
    whole = f"{escape(str(tree))}/{pattern}"
    expected = {name.rstrip("/").replace("/./", "/") for name in glob(whole, recursive=True)}  # noqa: PTH207  (the reference)
    if "**" in pattern:
        # What is below the link has another name.
        expected = {name for name in expected if "/link/" not in name}
    assert {*find_matches(pattern, tree), str(tree)} == {*expected, str(tree)}
    assert find_matches(whole, tree) == find_matches(pattern, tree)


def test_links_to_folders_above_end(tmp_path):
    """``glob`` would follow 3 links in 40 levels."""
    (tmp_path / "deep").mkdir()
    for name in ("one", "two", "three"):
        (tmp_path / "deep" / name).symlink_to(tmp_path)
    (tmp_path / "x").write_text("")
    start = time.monotonic()
    assert find_matches("**/**/*/**/**/x", tmp_path) != []
    assert time.monotonic() - start < 5


def test_a_pattern_that_leads_to_everything_is_refused(tree, monkeypatch):
    monkeypatch.setattr(patterns, "MAX_ENTRIES", 5)
    with pytest.raises(UsageError, match=r"pattern \*\*/y leads to more than 5 files"):
        find_matches("**/y", tree)


def test_a_name_with_a_null_character_matches_nothing(tree):
    assert find_matches("a\0/*", tree) == []


@pytest.mark.parametrize("pattern", ["*", "d/*", "**", "d/**", "d/**/*", "**/ds", "*/ds", "loop/*"])
def test_links_that_lead_back_to_themselves_are_passed_over(tmp_path, pattern):
    (tmp_path / "d" / "ds").mkdir(parents=True)
    expected = find_matches(pattern, tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "d" / "one").symlink_to("two")
    (tmp_path / "d" / "two").symlink_to("one")
    (tmp_path / "d" / "through").symlink_to("../loop/x")
    assert find_matches(pattern, tmp_path) == expected


def test_a_link_to_itself_has_a_name(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert find_matches("loop", tmp_path) == [str(tmp_path / "loop")]
