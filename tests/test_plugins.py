"""Plug-ins of other packages: how they are found, and how broken ones are left out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest

import datascan as datascan_package
from datascan.checks.key_gap import KeyGap
from datascan.cli.app import build_parser
from datascan.plugins import COMMANDS, OUTPUTS
from datascan.plugins.external import Plugin, name_conflict, version_conflict
from datascan.plugins.tables import OWN_OPTIONS
from tests.builders.lmdb import write_lmdb
from tests.builders.packages import datascan, install, run_python

CHECK = '''
"""A page."""
from datascan.checks.base import Check
from datascan.config.options import Severity

class Mine(Check):
    """Every record."""
    rule, severity, fix = "mine", Severity.WARNING, "do nothing"
    def measure(self, block):
        return {measure}
    def evaluate(self, tally, dataset):
        {evaluate}
'''

READER = """
from datascan.readers.base import Reader
from datascan.records.block import Block
from datascan.records.shard import Plan, Shard

class Mine(Reader):
    name = "mine"
    @classmethod
    def accepts(cls, path):
        {accepts}
    def plan(self):
        {plan}
    def read(self, shard, track, *, decode=True):
        {read}
    def keys(self, shard, rows):
        {keys}
"""

DECODER = """
from datascan.decoders.base import Decoder

class Mine(Decoder):
    name = "mine"
    @classmethod
    def matches(cls, value):
        {matches}
    def decode(self, start, values, track, *, decode_images=True):
        {decode}
"""


def check_source(measure="block.records", evaluate='yield self.dataset_issue("seen")'):
    return CHECK.format(measure=measure, evaluate=evaluate)


def reader_source(
    accepts='return path.suffix == ".mine"',
    plan='return Plan(shards=(Shard(0, None),), layout="mine", nbytes=1)',
    read="yield Block(start=shard.base, records=2, nbytes=1, is_opaque=True)",
    keys="return [str(row) for row in rows]",
):
    return READER.format(accepts=accepts, plan=plan, read=read, keys=keys)


def install_one(target, kind, source, *, entry="plug:Mine", name="mine", package="acme"):
    install(target, package, {f"datascan.{kind}": {name: entry}}, {"plug": source})


@pytest.fixture
def target(tmp_path):
    """Where packages are installed."""
    return tmp_path / "installed"


@pytest.fixture
def vectors(tmp_path):
    """A healthy dataset."""
    path = tmp_path / "data" / "train"
    path.mkdir(parents=True)
    with h5py.File(path / "data.h5", "w") as file:
        file["data"] = np.random.default_rng(0).normal(size=(30, 4))
    return path / "data.h5"


@pytest.fixture
def own(tmp_path):
    """A path that only the plug-in can read."""
    path = tmp_path / "some.mine"
    path.write_text("mine")
    return path


FAILED = "datascan: plug-in mine of package acme failed: "


def left_out(why, name="mine", package="acme"):
    return f"datascan: plug-in {name} of package {package} was left out: {why}\n"


def scan(target, path, *arguments):
    """The report of a scan, and standard error."""
    run = datascan(target, "scan", path, "--json", "-", *arguments)
    assert run.returncode in {0, 1}, run.stderr
    return json.loads(run.stdout), run.stderr


# How they are found --------------------------------------------------------------------------


def test_a_check_of_another_package_is_a_rule(target, vectors):
    install_one(target, "checks", check_source())
    report, errors = scan(target, vectors)
    assert errors == ""
    assert "mine" in report["rules"]
    assert [f["rule"] for f in report["findings"]] == ["mine"]
    assert "mine" in datascan(target, "explain").stdout


def test_a_check_without_a_page_is_explained_by_its_docstring(target):
    install_one(target, "checks", check_source().replace('"""A page."""', ""))
    assert datascan(target, "explain", "mine").stdout.endswith("\n\nEvery record.\n\n")


def test_starting_does_not_import_plug_ins(target):
    source = 'import sys\nsys.exit("imported")'
    groups = {f"datascan.{kind}": {"mine": "plug"} for kind in ("readers", "checks", "outputs")}
    install(target, "acme", groups, {"plug": source})
    for arguments in (["--help"], ["--version"], ["scan", "--help"], ["lmdb", "--help"]):
        run = datascan(target, *arguments)
        assert (run.returncode, run.stderr) == (0, "")


def test_without_plug_ins_no_metadata_is_parsed(tmp_path):
    code = (
        "import sys, datascan.cli.app as app\n"
        "try: app.run(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'importlib.metadata', 'numpy', 'email'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_an_egg_info_is_found(target, vectors):
    install_one(target, "checks", check_source())
    (info,) = target.glob("*.dist-info")
    (info / "METADATA").rename(info / "PKG-INFO")
    info.rename(target / "acme-1.0.egg-info")
    assert "mine" in scan(target, vectors)[0]["rules"]


# Names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("reader", "lmdb"),
        ("reader", "check"),
        ("decoder", "npy"),
        ("check", "nan-value"),
        ("check", "died"),
        ("output", "html"),
        ("output", "limit"),
    ],
)
def test_built_in_names_are_taken(kind, name):
    plugin = Plugin(kind, name, "acme", "plug:Mine")
    assert name_conflict(plugin, {}) == "datascan itself uses that name"


@pytest.mark.parametrize("name", ["Mine", "my_check", "a b", "-x", "x--y", "../x", "ä", ""])
def test_names_are_words_joined_by_dashes(name):
    plugin = Plugin("check", name, "acme", "plug:Mine")
    assert "lower-case" in name_conflict(plugin, {})


def test_a_built_in_check_wins_over_another_package(target, vectors):
    install_one(target, "checks", check_source(), name="nan-value")
    report, errors = scan(target, vectors)
    assert errors == left_out("datascan itself uses that name", name="nan-value")
    assert report["findings"] == []


def test_of_two_packages_the_first_by_name_wins(target, vectors):
    install_one(target, "checks", check_source())
    install(target, "zeta", {"datascan.checks": {"mine": "zeta:Mine"}}, {"zeta": check_source()})
    report, errors = scan(target, vectors)
    assert errors == left_out("package acme has a check of the same name", package="zeta")
    assert [f["rule"] for f in report["findings"]] == ["mine"]


def test_options_of_the_command_line_are_no_names_of_outputs():
    taken = set()
    for name in COMMANDS:
        parser = build_parser([name, "--help"])
        (commands,) = (a for a in parser._actions if hasattr(a, "choices") and a.choices)
        for action in commands.choices[name]._actions:
            taken |= {flag.lstrip("-") for flag in action.option_strings if len(flag) > 2}
            taken.add(action.dest.replace("_", "-"))
        taken |= {dest.replace("_", "-") for dest in commands.choices[name]._defaults}
    commands_without_outputs = {"demo", "accept", "learn", "explain", "completion"}
    assert commands_without_outputs <= set(COMMANDS)
    assert taken - set(OUTPUTS) <= OWN_OPTIONS


# Broken ones ---------------------------------------------------------------------------------

BROKEN = {
    "no-module": ("nowhere:Mine", "", "ModuleNotFoundError: No module named 'nowhere'"),
    "no-attribute": ("plug:Other", "", "AttributeError: module 'plug' has no attribute 'Other'"),
    "raises": ("plug:Mine", "1 / 0", "ZeroDivisionError: division by zero"),
    "exits": ("plug:Mine", "import sys; sys.exit(3)", "SystemExit: 3"),
    "syntax": ("plug:Mine", "def", "SyntaxError: invalid syntax (plug.py, line 1)"),
    "lines": ("plug:Mine", "raise ValueError('a\\nb')", "ValueError: a b"),
    "version": (
        "plug:Mine",
        check_source() + "    requires_datascan = '>=9'",
        "it requires datascan >=9, and this is 0.1.0",
    ),
    "odd-version": (
        "plug:Mine",
        check_source() + "    requires_datascan = 9",
        "ValueError: requires_datascan = '9' is not like '>=0.2,<1'",
    ),
    "function": ("plug:Mine", "def Mine(): pass", None),
    "no-text": ("plug", "", None),
    "abstract": (
        "plug:Mine",
        check_source().replace("def evaluate", "def judge"),
        "Mine has no evaluate",
    ),
    "no-fix": (
        "plug:Mine",
        check_source()
        .replace('rule, severity, fix = "mine", Severity.WARNING, "x"', "")
        .replace('rule, severity, fix = "mine", Severity.WARNING, "do nothing"', 'rule = "mine"'),
        "Mine has no severity and no fix",
    ),
    "other-name": (
        "plug:Mine",
        check_source().replace('"mine"', '"yours"'),
        "its rule is 'yours', not 'mine'",
    ),
    "constructor": (
        "plug:Mine",
        check_source() + "    def __init__(self): raise RuntimeError('not today')",
        "RuntimeError: not today",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_check_is_named_and_left_out(target, vectors, case):
    entry, source, why = BROKEN[case]
    install_one(target, "checks", source, entry=entry)
    report, errors = scan(target, vectors)
    assert errors.count("\n") == 1
    assert errors.startswith(left_out("").rstrip("\n"))
    if why is not None:
        assert errors == left_out(why)
    assert "mine" not in report["rules"]
    assert "nan-value" in report["rules"]


@pytest.mark.parametrize("case", sorted(set(BROKEN) - {"constructor"}))
def test_a_broken_check_that_is_selected_is_an_error(target, vectors, case):
    entry, source, _ = BROKEN[case]
    install_one(target, "checks", source, entry=entry)
    run = datascan(target, "scan", vectors, "--select", "mine")
    assert run.returncode == 2
    assert "datascan: plug-in mine of package acme cannot be used: " in run.stderr


RAISING = {
    "measure": (check_source(measure="1 / 0"), "ZeroDivisionError: division by zero"),
    "evaluate": (
        check_source(evaluate='yield self.dataset_issue("seen"); 1 / 0'),
        "ZeroDivisionError: division by zero",
    ),
    "addition": (
        check_source(measure="object()"),
        "TypeError: unsupported operand type(s) for +: 'object' and 'object'",
    ),
    "pickling": (check_source(measure="lambda: 0"), None),
    "not-an-issue": (check_source(evaluate="yield 'seen'"), None),
    "another-rule": (
        check_source(
            evaluate="from dataclasses import replace; "
            'yield replace(self.dataset_issue("seen"), rule="nan-value")'
        ),
        "evaluate() yielded an issue of the rule 'nan-value'",
    ),
    "not-a-text": (
        check_source(evaluate="yield self.dataset_issue(b'seen')"),
        "evaluate() yielded an issue whose texts are not all str",
    ),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("case", RAISING)
def test_a_check_that_raises_is_left_out_of_the_verdict(target, tmp_path, case, workers):
    path = tmp_path / "several.h5"
    with h5py.File(path, "w") as file:
        # More than one block, so that tallies are added.
        file["data"] = np.random.default_rng(0).normal(size=(50_000, 20))
    source, why = RAISING[case]
    install_one(target, "checks", source)
    report, errors = scan(target, path, "--workers", str(workers))
    assert errors.count("\n") == 1, errors
    assert errors.startswith("datascan: plug-in mine of package acme was left out: ")
    if why is not None:
        assert errors == left_out(why)
    assert "mine" not in report["rules"]
    assert report["findings"] == []
    assert report["dataset"]["records"] == 50_000


def test_a_detail_that_cannot_be_described_is_an_example_without_it(target, vectors):
    source = (
        check_source(
            measure="Flagged.of(np.array([block.start]), np.array([7]))",
            evaluate='yield self.record_issue(tally, "seen", lambda fact: 1 / 0)',
        )
        + "\nimport numpy as np\nfrom datascan.metrics.base import Flagged\n"
    )
    install_one(target, "checks", source)
    report, errors = scan(target, vectors)
    assert errors == ""
    (finding,) = report["findings"]
    assert finding["examples"][0]["detail"] == (
        "7 (cannot be described: ZeroDivisionError: division by zero)"
    )


def test_a_built_in_check_that_raises_is_not_swallowed(monkeypatch, vectors):
    monkeypatch.setattr(KeyGap, "measure", lambda self, block: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        datascan_package.scan(vectors, workers=0)


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        ("nowhere:Mine", ""),
        ("plug:Mine", "Mine = 3"),
        ("plug:Mine", reader_source().replace("def keys", "def key")),
        ("plug:Mine", reader_source(accepts="1 / 0")),
        ("plug:Mine", reader_source() + "    requires_datascan = '<0.1'"),
    ],
)
def test_a_broken_reader_is_not_asked(target, own, entry, source):
    install_one(target, "readers", source, entry=entry)
    run = datascan(target, "scan", own)
    assert run.returncode == 2
    first, second = run.stderr.splitlines()
    assert first.startswith("datascan: plug-in mine of package acme was left out: ")
    assert "some.mine" in second


def test_a_broken_reader_does_not_disturb_others(target, vectors):
    install_one(target, "readers", "1 / 0")
    assert scan(target, vectors)[1] == ""


def test_a_broken_reader_as_command_is_an_error(target, own):
    install_one(target, "readers", "1 / 0")
    run = datascan(target, "mine", own)
    assert run.returncode == 2
    assert run.stderr.endswith("cannot be used: ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"plan": "1 / 0"}, "ZeroDivisionError: division by zero"),
        ({"plan": "return None"}, "TypeError: plan() returned or yielded NoneType, not Plan"),
        ({"read": "yield 3"}, "TypeError: read() returned or yielded int, not Block"),
    ],
)
def test_a_reader_that_raises_is_named(target, own, workers, changes, why):
    install_one(target, "readers", reader_source(**changes))
    run = datascan(target, "mine", own, "--workers", str(workers))
    assert run.returncode == 2
    assert run.stderr == f"{FAILED}{why}\n"


def test_errors_that_a_reader_means_for_users_pass(target, own):
    raises = "from datascan.errors import DatasetError; raise DatasetError('it is empty')"
    install_one(target, "readers", reader_source(plan=raises))
    assert datascan(target, "mine", own).stderr == "datascan: it is empty\n"


def test_a_reader_of_another_package(target, own):
    install_one(target, "readers", reader_source())
    for command in ("mine", "scan"):
        run = datascan(target, command, own, "--json", "-")
        report = json.loads(run.stdout)
        assert (report["dataset"]["backend"], report["dataset"]["records"]) == ("mine", 2)


def test_a_wrong_number_of_keys_is_an_error(target, own):
    fault = "from datascan.records.block import Fault\n        "
    fault += 'faults = (Fault(0, "empty-record", ""),)\n        '
    fault += "yield Block(start=shard.base, records=1, nbytes=1, faults=faults)"
    install_one(target, "readers", reader_source(read=fault, keys="return []"))
    run = datascan(target, "mine", own)
    assert run.returncode == 2
    assert "keys() returned 0 keys for 1 rows" in run.stderr


@pytest.mark.parametrize(
    ("matches", "decode", "status", "line"),
    [
        ("1 / 0", "pass", 1, left_out("ZeroDivisionError: division by zero")),
        (
            "return True",
            "return []",
            2,
            FAILED + "TypeError: decode() returned or yielded list, not Block\n",
        ),
    ],
)
def test_a_decoder_that_raises_is_named(target, tmp_path, matches, decode, status, line):
    write_lmdb(tmp_path / "store", {b"%d" % i: b"value %d" % i for i in range(9)})
    install_one(target, "decoders", DECODER.format(matches=matches, decode=decode))
    run = datascan(target, "scan", tmp_path / "store", "-qq")
    assert (run.returncode, run.stderr) == (status, line)


OUTPUT = 'HELP = "mine"\ndef render(reports, failed=()):\n    return {text}\n'


def test_an_output_of_another_package(target, vectors, tmp_path):
    source = OUTPUT.format(text='"".join(report.name for report in reports)')
    install_one(target, "outputs", source, entry="plug")
    run = datascan(target, "scan", vectors, "--mine", tmp_path / "out.txt")
    assert (run.returncode, run.stderr) == (0, f"wrote {tmp_path / 'out.txt'}\n")
    assert (tmp_path / "out.txt").read_text() == str(vectors)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_a_decoder_raises_costs_the_record(target, tmp_path, workers):
    values = {b"%d" % i: b"value %d" % i for i in range(9)}
    write_lmdb(tmp_path / "store", values)
    decode = (
        "1 / all(b'7' not in one for one in values); "
        "return RAW(self.options).decode(start, values, track)"
    )
    source = DECODER.format(matches="return True", decode=decode)
    install_one(
        target, "decoders", "from datascan.decoders.raw import RawDecoder as RAW\n" + source
    )
    report, errors = scan(target, tmp_path / "store", "--workers", str(workers))
    assert errors == ""
    (found,) = (one for one in report["findings"] if one["rule"] == "reader-crash")
    ((index, detail),) = ((one["index"], one["detail"]) for one in found["examples"])
    assert index == 7
    assert detail.startswith(
        FAILED.removeprefix("datascan: ") + "ZeroDivisionError: division by zero"
    )
    assert "plug.py, line " in detail


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("marked", ["", "track(0, 3); "])
def test_what_a_reader_raises_costs_what_it_reads(target, own, workers, marked):
    install_one(target, "readers", reader_source(read=marked + "1 / 0; yield"))
    report, errors = scan(target, own, "--workers", str(workers))
    assert errors == ""
    (found,) = (one for one in report["findings"] if one["rule"] == "reader-crash")
    assert "ZeroDivisionError: division by zero" in found["examples"][0]["detail"]


@pytest.mark.parametrize("text", ["1 / 0", "None", "b'x'"])
def test_an_output_that_raises_costs_that_output(target, vectors, tmp_path, text):
    install_one(target, "outputs", OUTPUT.format(text=text), entry="plug")
    kept = tmp_path / "kept.json"
    run = datascan(target, "scan", vectors, "--mine", tmp_path / "out.txt", "--json", kept, "-qq")
    assert run.returncode == 2
    assert run.stderr.startswith(FAILED)
    assert json.loads(kept.read_text())["verdict"] == "pass"
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize("source", ["1 / 0", "HELP = 'x'", "def render(reports): pass"])
def test_a_broken_output_is_an_error_before_the_scan(target, tmp_path, source):
    install_one(target, "outputs", source, entry="plug")
    run = datascan(target, "scan", tmp_path / "missing", "--mine", tmp_path / "out.txt")
    assert run.returncode == 2
    assert "plug-in mine of package acme cannot be used: " in run.stderr


@pytest.mark.parametrize(
    "text",
    [
        b"[datascan.checks]\nmine\n",
        b"[datascan.checks\nmine = plug:Mine\n",
        b"\xff\xfe[datascan.checks]\n\xff",
        b"[datascan.checks]\n= plug:Mine\n",
    ],
)
def test_damaged_metadata_costs_its_plug_ins_only(target, vectors, text):
    install_one(target, "checks", check_source())
    (entry_points,) = target.glob("*/entry_points.txt")
    entry_points.write_bytes(text)
    report, errors = scan(target, vectors)
    assert "mine" not in report["rules"]
    assert errors.count("\n") <= 1
    assert "Traceback" not in errors


# Python --------------------------------------------------------------------------------------


def test_python_gets_a_warning_of_its_own_category(target, vectors):
    install_one(target, "checks", "1 / 0")
    code = (
        "import sys, warnings, datascan\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    report = datascan.scan(sys.argv[1])\n"
        "    datascan.scan(sys.argv[1])\n"
        "assert report.passed\n"
        "(only,) = caught\n"
        "assert only.category is datascan.PluginWarning\n"
        "print(only.message)"
    )
    run = run_python(target, "-c", code, vectors)
    assert run.stderr == ""
    why = "ZeroDivisionError: division by zero"
    assert run.stdout == f"plug-in mine of package acme was left out: {why}\n"


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("", True),
        (">=0.1", True),
        (">=0.1,<1", True),
        ("==0.1", True),
        ("== 0.1.0", True),
        ("!=0.1", False),
        (">0.1", False),
        ("<=0.1", True),
        (">=0.1,<0.1.0", False),
        (">=9", False),
    ],
)
def test_versions(monkeypatch, wanted, fits):
    monkeypatch.setattr("datascan.plugins.external.__version__", "0.1.0")

    class Loaded:
        requires_datascan = wanted

    assert (version_conflict(Loaded) is None) == fits


@pytest.mark.parametrize("wanted", ["1", "~=1.0", ">=", "latest", ">=1;<2"])
def test_versions_that_cannot_be_compared(wanted):
    class Loaded:
        requires_datascan = wanted

    with pytest.raises(ValueError, match="is not like"):
        version_conflict(Loaded)


# Documentation -------------------------------------------------------------------------------

ROOT = Path(__file__).parents[1]


def test_the_code_in_the_documentation_is_that_of_the_examples():
    text = (ROOT / "docs" / "plugins.md").read_text()
    files = [*(ROOT / "examples").rglob("*.py"), *(ROOT / "examples").rglob("*.toml")]
    sources = [file.read_text() for file in files]
    blocks = re.findall(r"(?ms)^```(?:python|toml)\n(.*?)^```$", text)
    assert len(blocks) == 7
    for block in blocks:
        assert any(block in source for source in sources), block
    for name in re.findall(r"\.\./(examples/\w+)", text):
        assert (ROOT / name).is_dir()


def test_the_documented_laws_exist():
    text = (ROOT / "docs" / "plugins.md").read_text()
    for modules, cell in re.findall(r"^\| (`[a-z_`, ]+`) \| (.*) \|$", text, re.MULTILINE):
        for module in re.findall(r"`(\w+)`", modules):
            loaded = import_module(f"datascan.testing.{module}")
            for name in re.findall(r"`(\w+Laws)`", cell):
                laws = getattr(loaded, name)
                assert all(f.__doc__ for n, f in vars(laws).items() if n.startswith("test_"))


# Public names --------------------------------------------------------------------------------


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, datascan; print(*sorted(m for m in sys.modules if '.' not in m))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "msgspec", "argparse", "email"} & set(run.stdout.split())


def test_every_public_name_is_there_and_documented():
    assert set(datascan_package.__all__) <= set(dir(datascan_package))
    for name in datascan_package.__all__:
        value = getattr(datascan_package, name)
        assert name == "__version__" or value.__doc__
    assert set(datascan_package.HOMES) <= set(datascan_package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'scam'"):
        datascan_package.scam  # noqa: B018  (the attribute is looked up)
