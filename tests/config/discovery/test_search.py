"""Which configuration file is used, and which are passed over and why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datascan.config.discovery import search
from datascan.config.discovery.search import find_config
from datascan.errors import UsageError


def settings_in(folder: Path) -> dict[str, object] | None:
    """The defaults of the configuration that holds in a folder; None without one."""
    config = find_config(start=folder).config
    return None if config is None else dict(config.defaults)


def reasons_in(folder: Path) -> list[str]:
    """Why files are passed over."""
    return [passed.reason for passed in find_config(start=folder).passed_over]


@pytest.fixture
def repository(tmp_path):
    home = tmp_path / "repository"
    (home / "deep/er").mkdir(parents=True)
    (home / ".git").mkdir()
    return home


@pytest.fixture
def another_user(monkeypatch):
    """All files belong to another user than the one who runs this process."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)


def test_the_nearest_file_up_to_the_top_of_the_repository(repository):
    (repository / "pyproject.toml").write_text("[tool.datascan]\nnum_classes = 2")
    assert settings_in(repository / "deep/er") == {"num_classes": 2}
    (repository / "datascan.toml").write_text("num_classes = 3")
    assert settings_in(repository / "deep/er") == {"num_classes": 3}
    (repository / "deep/pyproject.toml").write_text("[tool.ruff]\n")
    assert settings_in(repository / "deep/er") == {"num_classes": 3}
    (repository / "deep/pyproject.toml").write_text("[tool.datascan]\nnum_classes = 4")
    assert settings_in(repository / "deep/er") == {"num_classes": 4}
    assert settings_in(repository) == {"num_classes": 3}
    assert reasons_in(repository / "deep/er") == []


def test_a_file_above_the_repository_is_not_used_and_named(repository):
    outer = repository.parent / "datascan.toml"
    outer.write_text("num_classes = 1")
    found = find_config(start=repository / "deep")
    assert found.config is None
    (passed,) = found.passed_over
    assert str(passed) == (
        f"{outer} is not used: it is outside of the repository {repository}; "
        f"--config {outer} uses it"
    )
    assert find_config(outer).config.defaults == {"num_classes": 1}


@pytest.mark.parametrize("name", ["datascan.toml", "pyproject.toml"])
def test_without_a_repository_only_the_working_folder_counts(tmp_path, name):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / name).write_text("[tool.datascan]\nlimit = 1" if name[0] == "p" else "limit = 1")
    assert settings_in(tmp_path) == {"limit": 1}
    assert settings_in(tmp_path / "a/b") is None
    reason = "it is above the working folder, which is not in a repository"
    assert reasons_in(tmp_path / "a/b") == [reason]


@pytest.mark.parametrize("git", ["gitdir: ../.git/worktrees/x\n", "gitdir: nowhere\n", ""])
def test_worktrees_and_submodules_are_repositories_of_their_own(repository, git):
    (repository / "datascan.toml").write_text("num_classes = 1")
    (repository / "deep/.git").write_text(git)
    assert settings_in(repository / "deep/er") is None
    assert reasons_in(repository / "deep/er") == [
        f"it is outside of the repository {repository / 'deep'}"
    ]
    (repository / "deep/datascan.toml").write_text("num_classes = 2")
    assert settings_in(repository / "deep/er") == {"num_classes": 2}


def test_a_broken_link_called_git_is_the_top_of_a_repository(repository):
    (repository / "datascan.toml").write_text("num_classes = 1")
    (repository / "deep/.git").symlink_to("nowhere")
    assert settings_in(repository / "deep/er") is None


def test_links_to_the_working_folder_do_not_matter(repository, tmp_path, monkeypatch):
    """Neither the name under which a shell entered the folder, nor ``..``, nor loops."""
    (repository / "datascan.toml").write_text("num_classes = 1")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "datascan.toml").write_text("num_classes = 9")
    (elsewhere / "in").symlink_to(repository / "deep")
    (repository / "deep/loop").symlink_to(repository)
    monkeypatch.chdir(elsewhere / "in/loop/deep/loop/deep")
    monkeypatch.setenv("PWD", str(elsewhere / "in"))
    assert find_config().config.defaults == {"num_classes": 1}
    assert settings_in(elsewhere / "in") == {"num_classes": 1}
    assert settings_in(repository / "deep/.." / "deep/er/..") == {"num_classes": 1}


def test_variables_of_git_do_not_matter(repository, tmp_path, monkeypatch):
    (tmp_path / "datascan.toml").write_text("num_classes = 1")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_CEILING_DIRECTORIES"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("GIT_DISCOVERY_ACROSS_FILESYSTEM", "1")
    assert settings_in(repository / "deep") is None


def test_files_of_another_user_are_passed_over(repository, another_user):
    (repository / "datascan.toml").write_text("num_classes = 1")
    assert settings_in(repository) is None
    assert reasons_in(repository / "deep") == ["it belongs to another user"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_does_not_hide_ones_own(repository):
    (repository / "datascan.toml").write_text("num_classes = 1")
    foreign = repository / "deep/datascan.toml"
    foreign.write_text("num_classes = 2")
    os.chown(foreign, 4711, 4711)
    assert settings_in(repository / "deep") == {"num_classes": 1}
    assert reasons_in(repository / "deep") == ["it belongs to another user"]
    os.chown(foreign, 0, 0)
    link = repository / "deep/er/datascan.toml"
    link.symlink_to(foreign)
    assert settings_in(repository / "deep/er") == {"num_classes": 2}
    os.chown(link, 4711, 4711, follow_symlinks=False)
    assert reasons_in(repository / "deep/er") == ["it belongs to another user"]


@pytest.mark.parametrize(
    ("caller", "trusted"), [("4711", {0, 4711}), ("", {0}), ("x", {0}), ("-1", {0}), ("٣", {0})]
)
def test_root_trusts_the_caller_of_sudo(monkeypatch, caller, trusted):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", caller)
    assert search.trusted_owners() == trusted


def test_others_than_root_trust_only_themselves(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("SUDO_UID", "0")
    assert search.trusted_owners() == {1000}


def test_a_link_out_of_the_repository_is_not_followed(repository, tmp_path):
    secret = tmp_path / "secrets.toml"
    secret.write_text('api_key = "hunter2"')
    (repository / "datascan.toml").symlink_to(secret)
    found = find_config(start=repository)
    assert found.config is None
    assert [passed.reason for passed in found.passed_over] == [f"it is a link out of {repository}"]
    (repository / "datascan.toml").unlink()
    (repository / "shared.toml").write_text("limit = 3")
    (repository / "deep/datascan.toml").symlink_to(repository / "shared.toml")
    assert settings_in(repository / "deep") == {"limit": 3}


def test_what_is_not_a_regular_file_is_passed_over(repository):
    os.mkfifo(repository / "datascan.toml")
    assert reasons_in(repository) == ["it is not a regular file"]
    (repository / "deep/datascan.toml").mkdir()
    (repository / "deep/er/datascan.toml").symlink_to("datascan.toml")
    assert settings_in(repository / "deep/er") is None


def test_a_pyproject_that_is_not_ours_is_not_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert reasons_in(tmp_path / "a") == []
    (tmp_path / "pyproject.toml").write_text("= broken")
    assert reasons_in(tmp_path / "a") == []
    with pytest.raises(UsageError, match="not valid TOML"):
        find_config(start=tmp_path)


def test_a_working_folder_that_was_removed_has_no_configuration(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert find_config().config is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers = 0", "workers must be 1 to 64 unless it is asked for: give --workers"),
        ("workers = 5000", "workers must be 1 to 64"),
        ("timeout = 1e9", "timeout must be 0 to 30"),
        ('max_memory = "64GB"', "max_memory must be 0 to 4,000,000,000"),
        ("max_memory = 4000000001", "max_memory must be"),
        ("follow_links = true", "can only be given on the command line"),
        ("max_pixels = 900000000", "max_pixels must be 1 to 178,956,970"),
        ('[dataset."**"]\ntimeout = 61', "timeout must be"),
        ('list = "/etc/passwd"', "list: '/etc/passwd' is outside of"),
        ('baseline = "../../secret.toml"', "baseline: .* is outside of .*: give --baseline, or"),
        ('[dataset."x"]\nexpect = "link/secret.toml"', "expect: .* is outside of"),
    ],
)
def test_a_file_that_was_found_neither_loosens_limits_nor_leads_outside(
    repository, tmp_path, text, message
):
    (tmp_path / "secret.toml").write_text("")
    (repository / "link").symlink_to(tmp_path)
    file = repository / "datascan.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        find_config(start=repository)
    if "follow_links" in text:
        with pytest.raises(UsageError, match=message):
            find_config(file)
    else:
        assert str(caught.value).endswith("or this configuration with --config")
        assert find_config(file).config is not None


def test_what_tightens_limits_and_stays_inside_is_used(repository):
    file = repository / "deep/datascan.toml"
    file.write_text('workers = 2\ntimeout = 5\nmax_pixels = 1000\nlist = "../list.txt"')
    assert settings_in(repository / "deep") == {
        "workers": 2,
        "timeout": 5,
        "max_pixels": 1000,
        "list_file": repository / "deep/../list.txt",
    }
