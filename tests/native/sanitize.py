"""Builds the extension modules with sanitizers, and tests them with mutants and hostile calls.

See ``scripts/sanitize --help``. The modules are built into a temporary copy of the package, which
is imported in place of the installed one. Each report of a sanitizer goes to a file, so none is
lost, not even that of a worker process whose crash a scan survives.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "datascan"
MODULES = ("kernels", "records", "epoch", "tables", "leaves", "pictures")
TESTS = (
    "tests/native",
    "tests/readers/lmdb",
    "tests/readers/leveldb",
    "tests/readers/keyvalue",
    "tests/decoders/datum",
    "tests/decoders/image/formats/test_jpeg.py",
    "tests/records",
    "tests/damage/test_lmdb.py",
)
FLAGS = ("-fsanitize=address,undefined", "-fsanitize-undefined-trap-on-error", "-g", "-O2", "-fPIC")
"""Undefined behaviour traps, so that one runtime reports everything; two would share one report."""
RUNTIMES = ("libasan.so", "libclang_rt.asan-x86_64.so", "libclang_rt.asan.so")
COMPILERS = ("gcc", "clang", "cc")
FAILED, NO_SANITIZERS = 1, 2
REPORT_LINES = 40

MUTANTS = """
import sys, tempfile
from pathlib import Path
from tests.native.mutants import run
with tempfile.TemporaryDirectory(prefix="mutants-") as home:
    sys.exit(run(Path(home), *map(int, sys.argv[1:])) > 0)
"""


class NoSanitizers(Exception):  # noqa: N818  (not an error of ours)
    """No compiler here can build with sanitizers; the argument says why."""


def find_compiler() -> tuple[str, list[Path]]:
    """A compiler with sanitizers, and the libraries to load before Python.

    Raises:
        NoSanitizers: if no compiler here has them.
    """
    reasons = []
    if not sys.platform.startswith("linux"):
        raise NoSanitizers("sanitizers need Linux: their runtime is loaded with LD_PRELOAD")
    for name in filter(None, (os.environ.get("CC"), *COMPILERS)):
        compiler = shutil.which(name)
        if compiler is None:
            continue
        libraries = [library_of(compiler, runtime) for runtime in RUNTIMES]
        runtime = next(filter(None, libraries), None)
        if runtime is not None and can_build(compiler):
            # Without the C++ library at start, the runtime cannot intercept exceptions.
            more = library_of(compiler, "libstdc++.so.6")
            return compiler, [runtime, *([more] if more else [])]
        reasons.append(f"{name} lacks the address and undefined-behaviour sanitizers")
    raise NoSanitizers("; ".join(dict.fromkeys(reasons)) or "there is no C compiler")


def library_of(compiler: str, name: str) -> Path | None:
    """The path of a library of the compiler; None if it has none of that name."""
    asked = [compiler, f"-print-file-name={name}"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return Path(found).resolve() if Path(found).is_absolute() and Path(found).exists() else None


def can_build(compiler: str) -> bool:
    """Whether a program with sanitizers can be built and run."""
    with tempfile.TemporaryDirectory(prefix="sanitize-") as folder:
        source, program = Path(folder, "main.c"), Path(folder, "main")
        source.write_text("int main(void) { return 0; }\n")
        command = [compiler, *FLAGS, str(source), "-o", str(program)]
        built = subprocess.run(command, capture_output=True, check=False).returncode == 0
        return built and subprocess.run([program], capture_output=True, check=False).returncode == 0


def build(compiler: str, sources: Path, into: Path) -> None:
    """Copy the package to ``into``, with extension modules built from the ``sources``.

    Raises:
        subprocess.CalledProcessError: if one does not compile.
    """
    leave_out = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(PACKAGE, into / "datascan", ignore=leave_out)
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    shared = [] if "clang" not in Path(compiler).name else ["-shared-libsan"]
    for name in MODULES:
        subprocess.run(
            [
                *(compiler, *FLAGS, *shared, "-shared", "-ffp-contract=off"),
                f"-I{sysconfig.get_paths()['include']}",
                str(sources / f"{name}.c"),
                *("-o", str(into / "datascan" / "native" / f"{name}{suffix}")),
            ],
            check=True,
        )


def environment(libraries: Sequence[Path], package: Path, reports: Path) -> dict[str, str]:
    """Variables under which Python uses the package, and writes reports to a folder."""
    options = {
        "log_path": reports / "report",
        "detect_leaks": 0,  # the interpreter keeps memory until it ends
        "allocator_may_return_null": 1,  # as it does without sanitizers
        "halt_on_error": 1,
        # Not left to handlers of the interpreter or of pytest, which would only print a traceback.
        **dict.fromkeys(("handle_segv", "handle_sigbus", "handle_sigill", "handle_sigfpe"), 2),
    }
    return {
        **{name: value for name, value in os.environ.items() if name != "DATASCAN_PLAIN"},
        "LD_PRELOAD": ":".join(map(str, libraries)),
        "PYTHONMALLOC": "malloc",  # a block for each object, so overruns are noticed
        "PYTHONPATH": os.pathsep.join([str(package), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ASAN_OPTIONS": ":".join(f"{name}={value}" for name, value in options.items()),
        "OPENBLAS_NUM_THREADS": "1",
    }


def require_in_use(variables: dict[str, str], package: Path) -> None:
    """Raise RuntimeError unless Python uses the modules of the package."""
    code = f"from datascan.native import {', '.join(MODULES)}\n"
    code += f"print({', '.join(f'{name}.__file__' for name in MODULES)})"
    run = [sys.executable, "-c", code]
    done = subprocess.run(
        run, env=variables, capture_output=True, text=True, check=False, cwd=package
    )
    files = done.stdout.split()
    if len(files) != len(MODULES) or not all(file.startswith(str(package)) for file in files):
        raise RuntimeError(f"the modules are not in use: {done.stdout}{done.stderr}")


def run_tests(variables: dict[str, str]) -> bool:
    """Run the tests; whether all pass."""
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.native.patience"]
    skip = ["--deselect", "tests/native/test_sanitize.py"]
    command = [sys.executable, "-m", "pytest", *options, *skip, *TESTS]
    done = subprocess.run(
        command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stdout.strip().splitlines() or ["nothing was printed"]
    if done.returncode:
        print(done.stdout + done.stderr)
    print(f"tests: {lines[-1].strip('= ')}", flush=True)
    return done.returncode == 0


def run_mutants(variables: dict[str, str], stores: int, seed: int, jobs: int) -> bool:
    """Read mutants and make hostile calls in several processes; whether all went well."""
    began = time.monotonic()
    processes = []
    for job in range(jobs):
        first, last = (seed + stores * edge // jobs for edge in (job, job + 1))
        command = [sys.executable, "-c", MUTANTS, str(first), str(last)]
        pipe = subprocess.PIPE
        processes.append(
            subprocess.Popen(command, env=variables, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
        )
    sound = True
    calls = 0
    for process in processes:
        out, errors = process.communicate()
        counted = re.search(r"(\d+) calls", out)
        if process.returncode or counted is None:
            sound = False
            print(f"exit status {process.returncode}\n{out}{errors}".rstrip())
        calls += int(counted[1]) if counted else 0
    seconds = time.monotonic() - began
    verdict = "no failure" if sound else "FAILED"
    print(f"mutants: {stores:,} stores, {calls:,} hostile calls, {seconds:.0f} s: {verdict}")
    return sound


def print_reports(reports: Path) -> int:
    """Print the beginning of each report; how many there are."""
    files = sorted(reports.iterdir())
    for file in files:
        lines = file.read_text(errors="replace").splitlines()
        print("\n".join([f"-- {file.name}", *lines[:REPORT_LINES]]))
    print(f"reports of the sanitizers: {len(files)}", flush=True)
    return len(files)


def sanitize(
    stores: int, seed: int, jobs: int, *, with_tests: bool, sources: Path = PACKAGE / "native"
) -> int:
    """Build, run and sum up; the exit status."""
    try:
        compiler, libraries = find_compiler()
    except NoSanitizers as reason:
        print(reason, file=sys.stderr)
        return NO_SANITIZERS
    with tempfile.TemporaryDirectory(prefix="sanitize-") as folder:
        package, reports = Path(folder, "build"), Path(folder, "reports")
        reports.mkdir()
        build(compiler, sources, package)
        # Processes that a report ends leave their files here.
        variables = {**environment(libraries, package, reports), "TMPDIR": folder}
        require_in_use(variables, package)
        print(f"built with {compiler}, {FLAGS[0]}", flush=True)
        sound = run_tests(variables) if with_tests else True
        sound &= run_mutants(variables, stores, seed, jobs)
        return FAILED if print_reports(reports) or not sound else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Sanitize as the arguments say; exit status 1 on any report, 2 without sanitizers."""
    parser = argparse.ArgumentParser(prog="scripts/sanitize", description=__doc__)
    parser.add_argument("--stores", type=int, default=20_000, help="mutants to read (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes for them")
    parser.add_argument("--no-tests", action="store_true", help="only mutants and hostile calls")
    args = parser.parse_args(arguments)
    return sanitize(args.stores, args.seed, max(1, args.jobs), with_tests=not args.no_tests)


if __name__ == "__main__":
    sys.exit(main())
