"""``scripts/mutate`` finds the mutants that it should, and knows which tests concern them."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest
from benchmarks.mutation.__main__ import package_names
from benchmarks.mutation.coverage import Coverage
from benchmarks.mutation.mutants import find_mutants, mutated_source
from benchmarks.mutation.pool import run_all

HEAD = "from __future__ import annotations\n\n"


def mutants_of(folder, source: str):
    (folder / "m.py").write_text(HEAD + source)
    return find_mutants(folder, "m")


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("x = a < b", ["a <= b", "a >= b"]),
        ("x = a == 'key'", ["a != 'key'", "a == 'XXkey'"]),
        ("x = a + b * 2", ["a - b * 2", "b // 2", "b * 3", "b * 1"]),
        ("x = a and not b", ["a or not b", "not b", "a", "b"]),
        ("x = max(a, b)", ["min(a, b)"]),
        ("x = a['key'][b:]", ["a['XXkey']", "a['key'][:]"]),
        ("x = {'key': 1.5}", ["{'XXkey': 1.5}", "{'key': 3.0}"]),
        ("x = [a for a in b if a]", ["(_ for a in b if not a)"]),
        ("def f(a: int = 1):\n    return a", ["a: int=2", "a: int=0", "return None"]),
        ("def f():\n    while a:\n        break", ["while not a:", "continue"]),
        ("def f():\n    g(a)\n    a.b = c", ["pass", "pass"]),
        ("def f():\n    raise E(1 + 1)", ["pass"]),
        ("def f():\n    return False", ["return True"]),
        ("try:\n    a\nexcept E:\n    b = c", ["except E: raise"]),
    ],
)
def test_mutations(tmp_path, source, changes):
    assert [mutant.new for mutant in mutants_of(tmp_path, source)] == changes


@pytest.mark.parametrize(
    "source",
    [
        '"""Text."""',
        "x = a + 'text'",
        "__all__ = ['a', 'b'][1:]",
        "if TYPE_CHECKING:\n    x = 1",
        "def __repr__(self):\n    return 1 + 1",
        "def f(a: Literal['b'] | None) -> dict['c', 1]:\n    return None",
        "@decorator(1)\nclass A(B[1], key=True):\n    pass",
        "assert a < 1, 'text'",
        "x = isinstance(a, b | c)",
        "x = zip(a, b, strict=True)",
        "x = a.astype(b, copy=False)",
        "def f():\n    logger.warning(f'{a}')",
    ],
)
def test_what_is_left_alone(tmp_path, source):
    assert mutants_of(tmp_path, source) == []


def test_a_mutant_is_one_change(tmp_path):
    source = HEAD + "def f(a):\n    return a + 1\n\n\nclass C:\n    size = 3\n"
    (tmp_path / "m.py").write_text(source)
    found = find_mutants(tmp_path, "m")
    assert [(m.place, m.line, list(m.lines)) for m in found] == [
        ("f", 4, [4]),
        ("f", 4, [4]),
        ("f", 4, [4]),
        ("f", 4, [4]),
        ("C", 8, []),
        ("C", 8, []),
    ]
    assert "return a - 1" in mutated_source(tmp_path, found[1])
    assert mutated_source(tmp_path, found[5]).endswith("size = 2\n")


def test_tests_that_execute_the_line(tmp_path):
    (mutant,) = mutants_of(tmp_path, "def f(a):\n    return a")
    lines = {"tests/test_a.py::slow": [4], "tests/test_m.py::own": [], "tests/test_a.py::no": [3]}
    tests = [
        {"name": name, "seconds": 1.0, "passed": True, "lines": {"m.py": numbers}}
        for name, numbers in lines.items()
    ]
    tests.append({**tests[0], "name": "tests/test_a.py::quick", "seconds": 0.5})
    tests.append({**tests[0], "name": "tests/test_a.py::fails", "passed": False})
    found = Coverage([{"tests": tests}]).tests_for(mutant)
    assert list(found) == [
        "tests/test_m.py::own",
        "tests/test_a.py::quick",
        "tests/test_a.py::slow",
    ]


def test_processes_that_fail_crash_or_hang(tmp_path):
    def end(tree, status):
        return status

    def crash(tree):
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(tree):
        signal.pause()

    jobs = [partial(end, status=0), partial(end, status=3), crash, hang]
    done = {job.index: job.status for job in run_all(jobs, [tmp_path] * 2, seconds=1.0)}
    assert done == {0: 0, 1: 3, 2: -signal.SIGKILL, 3: -signal.SIGALRM}


def test_every_package_is_sampled():
    names = package_names()
    assert {"checks", "readers/lmdb", "readers/base", "files"} <= set(names)
    assert "readers" not in names
