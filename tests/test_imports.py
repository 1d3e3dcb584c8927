"""Imports run one way."""

from __future__ import annotations

import ast
from pathlib import Path

import datascan

HOME = Path(datascan.__file__).parent
SIBLINGS = ("readers", "checks", "caffe.rules", "outputs", "commands")

FORBIDDEN = {
    "errors": {""},
    "tally": {""},
    "model": {
        "scanning",
        "workers",
        "readers",
        "checks",
        "outputs",
        "layout",
        "measures",
        "api",
        "commands",
        "cli",
    },
    "measures": {"scanning", "readers", "checks", "outputs", "layouts", "api", "commands", "cli"},
    "layouts": {"scanning", "readers", "checks", "outputs", "api", "commands", "cli"},
    "readers": {"scanning", "checks", "outputs", "api", "commands", "cli"},
    "checks": {"scanning", "readers", "layouts", "outputs", "api", "commands", "cli"},
    "caffe": {"readers", "layouts", "outputs", "commands", "cli"},
    "outputs": {"caffe", "readers", "layouts", "checks", "measures", "api", "commands", "cli"},
    "scanning": {"readers", "checks", "outputs", "layouts", "api", "commands", "cli"},
}


def imports(path: Path) -> set[str]:
    """The rooms of datascan that a module imports from."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {n.split(".", 1)[1] for n in names if n.startswith("datascan.")}
    return found


def test_nobody_imports_what_stands_above():
    for path in HOME.rglob("*.py"):
        room = path.relative_to(HOME).parts[0].removesuffix(".py")
        for name in imports(path):
            above = name.split(".")[0]
            assert above not in FORBIDDEN.get(room, set()), f"{path} imports {name}"
            assert above != "cli" or room == "__main__", f"{path} imports {name}"


def test_siblings_do_not_know_one_another():
    for room in SIBLINGS:
        for path in HOME.joinpath(*room.split(".")).glob("*.py"):
            for name in imports(path):
                assert not name.startswith(f"{room}."), f"{path} imports {name}"
