"""``--cache``: on the command line, in a configuration, and the folder that it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from datascan.cli.app import run, run_command
from datascan.config import cache_folder
from datascan.config.cache_folder import default_cache_folder
from datascan.config.file import read, read_config
from datascan.config.options import Options
from datascan.errors import UsageError
from datascan.scanner.cache import cached_parts
from tests.builders.images import photo, write_tree


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))


def test_the_folder_of_each_system(monkeypatch, tmp_path):
    assert default_cache_folder() == tmp_path / "caches" / "datascan"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # not valid, so it is ignored
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(cache_folder.sys, "platform", "linux")
    assert default_cache_folder() == tmp_path / ".cache" / "datascan"
    monkeypatch.setattr(cache_folder.sys, "platform", "darwin")
    assert default_cache_folder() == tmp_path / "Library" / "Caches" / "datascan"
    monkeypatch.setattr(cache_folder.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert default_cache_folder() == tmp_path / "Local" / "datascan"


def test_values(tmp_path):
    def cache(value):
        return Options.from_keywords(cache=value).run.cache

    assert Options().run.cache is None
    assert cache(True) == default_cache_folder()
    assert cache(False) is None
    assert cache(str(tmp_path)) == cache(tmp_path) == tmp_path
    for value in (3, "", [True]):
        with pytest.raises(UsageError, match="cache must be true, false or the name of a folder"):
            cache(value)


@pytest.mark.parametrize("place", ["before", "after", "end", "named"])
def test_the_flag_takes_no_dataset_for_its_folder(tmp_path, place, capsys, monkeypatch):
    write_tree(tmp_path / "data", {"a/1.jpg": photo(1), "b/2.jpg": photo(2)})
    named, data = f"--cache={tmp_path / 'mine'}", str(tmp_path / "data")
    words = {
        "before": ["--cache", data],
        "after": [data, "--cache", "--quiet"],
        "end": [data, "--cache"],
        "named": [named, data],
    }[place]
    assert run(["images", *words]) == 0
    folder = tmp_path / "mine" if place == "named" else default_cache_folder()
    other = default_cache_folder() if place == "named" else tmp_path / "mine"
    assert not other.exists()
    monkeypatch.setattr(cached_parts, "TICK", 0)
    monkeypatch.setattr(cached_parts, "COARSE_TICK", 0)
    assert run(["images", *words]) == 0
    assert list(folder.glob("*.parts"))
    assert sorted(file.name for file in (tmp_path / "data").iterdir()) == ["a", "b"]
    assert "cache" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [["images"], ["scan"], []])
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_folder_may_follow_a_space(tmp_path, capsys, monkeypatch, command, place):
    """If there is nothing in it but a cache, it is not a dataset."""
    monkeypatch.setattr(cached_parts, "TICK", 0)
    monkeypatch.setattr(cached_parts, "COARSE_TICK", 0)
    write_tree(tmp_path / "data", {"a/1.jpg": photo(1), "b/2.jpg": photo(2)})
    flag, data = ["--cache", str(tmp_path / "mine")], str(tmp_path / "data")
    if place == "before" and command:
        words = [*command, *flag, data, "-q"]
    else:
        words = [*command, data, *flag, "-q"]
    for _ in range(2):  # the folder is there the second time
        assert run(words) == 0
        assert list((tmp_path / "mine").glob("*.parts"))
    assert not default_cache_folder().exists()
    assert capsys.readouterr().err == ""


def test_a_dataset_is_never_the_folder_of_a_cache(tmp_path, capsys):
    for name in ("one", "two"):
        write_tree(tmp_path / name, {"a/1.jpg": photo(1), "b/2.jpg": photo(2)})
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    for command in ("images", "scan"):
        assert run([command, one, "--cache", two]) == 2
        hint = f"unexpected argument: {two}; for a cache in this folder: --cache={two}"
        assert hint in capsys.readouterr().err
    assert run(["scan", "--cache", one, two, "-q"]) == 0
    assert sorted(file.name for file in (tmp_path / "one").iterdir()) == ["a", "b"]


@pytest.mark.parametrize("word", ["--cache=", "--cache=a\0b"])
def test_a_folder_without_a_name(word):
    with pytest.raises(UsageError, match="--cache must be true, false or the name of a folder"):
        run_command(["images", "data", word])


def test_a_configuration_may_switch_it_on(tmp_path):
    file = tmp_path / "datascan.toml"
    file.write_text("cache = true\n")
    values = read(file).settings_for(tmp_path / "data")
    assert Options.from_keywords(**values).run.cache == default_cache_folder()
    file.write_text("cache = false\n")
    assert Options.from_keywords(**read(file).settings_for(tmp_path)).run.cache is None
    file.write_text('cache = "kept"\n')
    assert read(file).settings_for(tmp_path)["cache"] == tmp_path / "kept"


@pytest.mark.parametrize("value", ["kept", "/somewhere/else", "../up"])
def test_a_configuration_that_was_found_names_no_folder(tmp_path, value):
    content = {"cache": value}
    with pytest.raises(UsageError, match="cache must be true or false unless it is asked for"):
        read_config(tmp_path / "datascan.toml", content, root=tmp_path)
    read_config(tmp_path / "datascan.toml", {"cache": True}, root=Path(tmp_path))
