"""The contracts on imports in pyproject.toml hold, and names agree with places."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from datascan.plugins import (
    CHECKS,
    COMMANDS,
    DECODERS,
    NET_RULES,
    OUTPUTS,
    READERS,
    command_module,
    load,
    rule_target,
)

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "datascan"
MAX_LINES = 420
MAX_LOOSE_FILES = 9


def test_imports_only_run_downwards():
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [lint, "--no-cache"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("rule", [*CHECKS, *NET_RULES])
def test_rule_module_and_class_share_one_name(rule):
    kind = load(rule_target(rule))
    package = "checks" if rule in CHECKS else "caffe.rules"
    assert kind.rule == rule
    assert kind.__module__ == f"datascan.{package}.{rule.replace('-', '_')}"
    assert kind.__name__ == rule.title().replace("-", "")


@pytest.mark.parametrize(
    ("folder", "names", "shared"),
    [
        ("checks", CHECKS, {"base", "fault_check", "class_shares"}),
        ("caffe/rules", NET_RULES, {"base", "blob_shapes"}),
    ],
)
def test_every_rule_in_a_folder_is_in_its_table(folder, names, shared):
    modules = {file.stem for file in (SOURCES / folder).glob("*.py")} - {"__init__"}
    assert modules - shared == {name.replace("-", "_") for name in names}


@pytest.mark.parametrize("rule", [*CHECKS, *NET_RULES])
def test_every_rule_has_a_test_file(rule):
    folder = "checks" if rule in CHECKS else "caffe/rules"
    assert (ROOT / "tests" / folder / f"test_{rule.replace('-', '_')}.py").is_file()


def test_every_metric_has_a_test_file():
    modules = {file.stem for file in (SOURCES / "metrics").glob("*.py")} - {"__init__"}
    tests = {file.stem.removeprefix("test_") for file in (ROOT / "tests/metrics").glob("test_*.py")}
    assert tests == modules


def test_every_reader_decoder_output_and_command_of_the_tables_exists():
    for target in [*READERS.values(), *DECODERS.values()]:
        assert isinstance(load(target), type)
    for name in OUTPUTS:
        assert callable(import_module(f"datascan.outputs.{name}").render)
    for name in COMMANDS:
        assert callable(import_module(command_module(name)).run)


def test_every_reader_has_its_name_in_the_table():
    assert {name: load(target).name for name, target in READERS.items()} == {
        name: name for name in READERS
    }


def test_no_file_is_too_long_and_few_are_loose():
    long = {
        str(file.relative_to(ROOT)): lines
        for file in SOURCES.rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}
    assert len(list(SOURCES.glob("*.py"))) <= MAX_LOOSE_FILES


SILENCED = re.compile(r"# (noqa|type: ignore|pragma: no cover)(?![^#]*\([a-zA-Z]|[^#]*# )")
"""A comment that silences a tool, without a reason after it."""


def test_every_silenced_warning_has_a_reason():
    bare = [
        f"{file.relative_to(ROOT)}:{number}"
        for folder in ("src", "tests", "benchmarks", "examples")
        for file in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if SILENCED.search(line)
    ]
    assert bare == []


def test_every_dotted_name_of_the_sources_exists():
    pattern = re.compile(r"\bdatascan(?:\.[A-Za-z_]\w*)+")
    for file in [*SOURCES.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        for name in pattern.findall(file.read_text()):
            if name.endswith(
                (
                    ".toml",
                    ".Datum",
                    ".stamp",
                    ".dataset",
                    ".png",
                    ".html",
                    ".txt",
                    ".sarif",
                    ".xml",
                    ".fish",
                )
            ):
                continue
            assert exists(name), f"{file}: {name}"


def exists(name: str) -> bool:
    """Whether a dotted name is a module or an attribute of one."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        module = ".".join(parts[:size])
        try:
            found = find_spec(module) is not None
        except ModuleNotFoundError:
            found = False
        if found:
            owner = import_module(module)
            for part in parts[size:]:
                if not hasattr(owner, part):
                    return False
                owner = getattr(owner, part)
            return True
    return False
