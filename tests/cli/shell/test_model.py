"""Commands and arguments as shells complete them."""

from __future__ import annotations

import pytest

from datascan.cli.app import build_parser
from datascan.cli.shell.model import describe_commands
from datascan.plugins import COMMANDS, OUTPUTS, rule_names


@pytest.fixture(scope="module")
def commands():
    return {command.name: command for command in describe_commands()}


def flag(commands, command, name):
    (found,) = (flag for flag in commands[command].flags if name in flag.names)
    return found


def test_all_commands_and_flags_are_described(commands):
    assert list(commands)[: len(COMMANDS)] == list(COMMANDS)
    for name, command in commands.items():
        (action,) = (a for a in build_parser([name])._actions if a.nargs == "A...")
        flags = set(action.choices[name]._option_string_actions)
        assert {n for flag in command.flags for n in flag.names} == flags


def test_kinds_of_values(commands):
    assert flag(commands, "scan", "--quiet").kind == "none"
    assert flag(commands, "scan", "--num-classes").kind == "other"
    assert flag(commands, "scan", "--fail-on").choices == ("error", "warning", "never")
    assert flag(commands, "scan", "--select").choices == tuple(sorted(rule_names()))
    for output in OUTPUTS:
        assert flag(commands, "scan", f"--{output}").kind in {"file", "none"}
    assert flag(commands, "log", "--net").kind == "file"
    kinds = {
        name: command.positional and command.positional.kind for name, command in commands.items()
    }
    assert kinds["scan"] == kinds["net"] == kinds["log"] == kinds["report"] == "file"
    assert kinds["explain"] == "rule"
    assert commands["completion"].positional.choices == ("bash", "zsh", "fish", "man")


def test_help_texts_are_complete(commands):
    for command in commands.values():
        assert command.help
        assert command.description.endswith(".")
        assert [flag for flag in command.flags if not flag.help or "%" in flag.help] == []
