"""Completion is tried in the shells that are installed; the page is read by man."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys

import pytest

from datascan.cli.app import run
from datascan.plugins import COMMANDS, rule_names


@pytest.fixture
def script(capsys):
    """What the command prints."""

    def printed(shell):
        assert run(["completion", shell]) == 0
        return capsys.readouterr().out

    return printed


def itself(tool):
    """A mark for tests that need a shell or program."""
    reason = f"{tool} is not installed: another test checks the form of the script"
    return pytest.mark.skipif(shutil.which(tool) is None, reason=reason)


def complete(script, folder, *words):
    """What bash offers for the last word."""
    lines = [
        script,
        f"COMP_WORDS=({shlex.join(['datascan', *words])})",
        f"COMP_CWORD={len(words)}",
        "_datascan",
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return set(done.stdout.split("\n")) - {""}


@itself("bash")
def test_bash(script, tmp_path):
    text = script("bash")
    (tmp_path / "train lmdb").mkdir()
    (tmp_path / "report.json").touch()
    assert complete(text, tmp_path, "") >= set(COMMANDS)
    assert complete(text, tmp_path, "le") == {"leveldb", "learn"}
    assert complete(text, tmp_path, "scan", "tr") == {"train lmdb"}
    assert complete(text, tmp_path, "scan", "--num") == {"--num-classes"}
    assert complete(text, tmp_path, "scan", "x", "--json", "rep") == {"report.json"}
    assert complete(text, tmp_path, "scan", "x", "--fail-on", "") == {"error", "warning", "never"}
    assert complete(text, tmp_path, "scan", "x", "--ignore", "nan") == {
        "nan-value",
        "nan-from-start",
    }
    assert complete(text, tmp_path, "scan", "x", "--num-classes", "") == set()
    assert complete(text, tmp_path, "explain", "") == set(rule_names())
    assert complete(text, tmp_path, "completion", "f") == {"fish"}
    assert complete(text, tmp_path, "report", "--num") == set()
    files = {"train lmdb", "report.json"}
    assert complete(text, tmp_path, "") == {*COMMANDS, *files}
    assert complete(text, tmp_path, "re") == {"report", "report.json"}
    assert complete(text, tmp_path, "--num") == {"--num-classes"}
    assert complete(text, tmp_path, "train lmdb", "") == files
    assert complete(text, tmp_path, "train lmdb", "--num") == {"--num-classes"}
    assert complete(text, tmp_path, "x", "--fail-on", "") == {"error", "warning", "never"}
    assert complete(text, tmp_path, "show", "train lmdb", "--neigh") == {"--neighbours"}


@itself("zsh")
def test_zsh_parses_the_script(script):
    subprocess.run(["zsh", "-n"], input=script("zsh"), text=True, check=True)


@itself("fish")
def test_fish_parses_the_script(script):
    subprocess.run(["fish", "--no-execute"], input=script("fish"), text=True, check=True)


def test_the_form_of_the_script_for_zsh(script):
    text = script("zsh")
    assert text.startswith("#compdef datascan\n")
    words = shlex.split(text, comments=True)
    assert "*--fail-on[the findings that fail the scan (default: error)]" not in words
    assert any(word.startswith("*--fail-on[the findings that fail") for word in words)
    (fail_on, *_) = (word for word in words if word.startswith("*--fail-on["))
    assert fail_on.endswith(":(error warning never)")
    assert re.fullmatch(r"\*--fail-on\[(\\.|[^]\\])*\]:[^:]*:\(.*\)", fail_on)
    assert "*:PATH:_files" in words
    assert all(f"{name}:{text}" in words for name, text in COMMANDS.items())
    assert text.count("{") == text.count("}")


def test_the_form_of_the_script_for_fish(script):
    text = script("fish").replace("\\'", "")  # a quote in quotes, which only fish knows
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in lines:
        words = shlex.split(line)
        assert words[:3] == ["complete", "-c", "datascan"]
    scan = [shlex.split(line) for line in lines if "'not __fish_seen_subcommand_from lmdb " in line]
    flags = {words[words.index("-l") + 1]: words for words in scan if "-l" in words}
    assert "-F" in flags["json"]
    assert flags["fail-on"][flags["fail-on"].index("-a") + 1] == "error warning never"
    assert "-r" not in flags["quiet"]


@itself("man")
def test_the_manual_page_is_read_without_warnings(script, tmp_path):
    page = tmp_path / "datascan.1"
    page.write_text(script("man"))
    done = subprocess.run(
        ["man", "--warnings", "-l", page],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C"},
        check=True,
    )
    assert done.stderr == ""
    text = done.stdout.replace("\b", "")
    for heading in ("NAME", "SYNOPSIS", "COMMANDS", "OPTIONS", "EXIT STATUS", "FILES"):
        assert f"\n{heading}\n" in text
    assert "--fail-on {error,warning,never}" in text


def test_the_manual_page_has_all_commands_and_flags(script):
    text = script("man")
    for name in COMMANDS:
        assert f"\n.SS datascan {name}\n" in text
    assert "\\fB\\-\\-num\\-classes\\fR \\fIN\\fR" in text
    requests = {line.split()[0] for line in text.splitlines() if line[:1] in {".", "'"}}
    assert requests <= {'.\\"', ".TH", ".SH", ".SS", ".TP", ".B", ".BR", ".I", ".IR", ".PP"}


def test_an_unknown_shell_is_an_error(capsys):
    assert run(["completion", "tcsh"]) == 2
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err


def test_it_needs_no_library(script):
    code = (
        "import sys, datascan.cli.app as app\n"
        "app.run(['completion', 'bash'])\n"
        "print({'lmdb', 'h5py', 'PIL'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"
