"""What users see, pinned: every output of every command on a few small datasets.

Everything goes through the command and the public names of ``datascan``, so these tests hold
whatever becomes of the modules behind them. Where output changes on purpose,
``DATASCAN_UPDATE_GOLDEN=1 pytest tests/test_golden.py`` writes ``tests/golden`` anew, and the diff
of the commit shows what users will see. What differs from run to run or from machine to machine is
masked. The reports ``report-0.1-*.json`` are as datascan 0.1 wrote them, and never written anew.
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

import datascan
from tests.builders.demo import write_leveldb

GOLDEN = Path(__file__).with_name("golden")
UPDATE = os.environ.get("DATASCAN_UPDATE_GOLDEN") == "1"

DATASETS = {
    "lmdb": ("train_lmdb", 10),
    "leveldb": ("train_leveldb", 10),
    "hdf5": ("train.h5", 10),
    "images": ("train_images", 3),
}
"""The demo's datasets with their numbers of classes, by backend."""

COMMANDS = (
    *("lmdb", "leveldb", "hdf5", "images", "scan", "check", "net"),
    *("log", "explain", "learn", "accept", "report", "demo"),
)

TRAIN = """\
layer {
  name: "data" type: "Data" top: "data" top: "label"
  include { phase: TRAIN }
  data_param { source: "train_lmdb" batch_size: 32 backend: LMDB }
}
"""

TEST = """\
layer {
  name: "data" type: "Data" top: "data" top: "label"
  include { phase: TEST }
  data_param { source: "train_leveldb" batch_size: 50 backend: LEVELDB }
}
"""

LAYERS = """\
layer {
  name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { pool: MAX kernel_size: 2 stride: 3 }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
  momentum: 0.9
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
"""A stride that skips pixels, and a field that Caffe does not have."""

SOLVER = """\
net: "net.prototxt"
base_lr: 0.01
lr_policy: "step"
stepsize: 100
display: 2
max_iter: 12
"""
"""Its policy lacks gamma."""

LOSSES = ("2.3026", "2.2871", "2.2544", "2.2312", "2.2251", "nan", "nan")
"""At every second iteration, of a batch of 32 records; of these, record 333 holds NaN."""

CHECKED = """\
fail_on = "warning"

[dataset."train_lmdb"]
num_classes = 10
batch_sizes = [32]

[dataset."train_im*"]
ignore = ["misnamed-image", "batch-label-gap"]
severity = {"corrupt-image" = "info"}
"""
"""A configuration of two of the datasets."""

KEYWORDS = {
    "num_classes": 10,
    "batch_sizes": [32, 64],
    "label_type": "class",
    "limit": 100,
    "max_pixels": 1000,
    "db": "train",
    "data_key": "data",
    "label_key": "label",
    "list_file": "list.txt",
    "select": ["nan-value"],
    "ignore": "inf-value",
    "fail_on": "warning",
    "workers": 0,
    "timeout": 5.0,
    "resume": "resume",
    "severity": {"nan-value": "warning"},
    "thumbnails": False,
    "expect": None,
    "baseline": None,
}
"""What ``datascan.scan`` takes beside the path and the backend."""

REFUSED = (
    "",
    "scan absent",
    "scan notes.txt",
    "lmdb train.h5",
    "scan train.h5 --no-such-option",
    "scan train.h5 --batch-size 0",
    "scan train.h5 --ignore nan-values",
    "scan train.h5 --json absent/report.json",
    "scan train.h5 --expect notes.txt",
    "explain nan-values",
    "check",
    "check --config absent.toml",
    "net absent.prototxt",
    "net notes.txt",
    "log notes.txt",
    "report notes.txt",
    "accept train.h5 --reason known",
    "demo .",
)
"""Commands that cannot be carried out, in a folder of an HDF5 file and a file of notes."""

LIBRARIES = "python|numpy|h5py|hdf5|hdf5plugin|isal|pillow|simplejpeg|protobuf|google-crc32c"
"""What reports state the version of, besides datascan."""

MASKS = (
    (r"\b(Made by</dt>\n<dd>|name=\"made by\" value=\")[^<\"]+", r"\1<versions>"),
    (r"(datascan |\"datascan\": \"|\"semanticVersion\": \")\d+\.\d+[\w.+]*\b", r"\1<version>"),
    (r"(\nadded = )\d{4}-\d\d-\d\d\nby = \"[^\n]*\"", r"\1<day> by <name>"),
    (r" in [\d,]+\.\d\d s\b", " in <time> s"),
    (r"(\"elapsed_seconds\": )[\d.e-]+", r"\1<time>"),
    (r"( skipped=\"\d+\" time=\")\d+\.\d+", r"\1<time>"),
    (r"(<dt>Took</dt>\n<dd>)[\d,.]+ s", r"\1<time> s"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[+-]\d\d:\d\d|Z)", "<date>"),
    # Thumbnails, and the sizes of the 60 images, are what an encoder makes of the same pixels.
    (r"(data:image/\w+;base64,)[\w+/=]+", r"\1<masked>"),
    (r"(\b60 records, |\"records\": 60,\s+\"bytes\": )[\d.]+", r"\1<size>"),
    (rf"(\"(?:{LIBRARIES})\": \")[^\"]+", r"\1<version>"),
    (r"(\"loops\": \")\w+", r"\1<language>"),
    # Files are what encoders and stores make of the same records.
    (r"(\"(?:values|sizes|times)\": \")[0-9a-f]{32}", r"\1<hash>"),
    (r"(\"count\": \d+,\s+\"bytes\": )\d+", r"\1<size>"),
    (r"\b(values )[0-9a-f]{32}; (\d+ files?) of [\d.]+ \w+", r"\1<hash>; \2 of <size>"),
    # Sums are rounded differently by other processors.
    (r"-?\d+(?:\.\d{6,}|(?:\.\d+)?e-\d+)", lambda number: f"{float(number[0]):.6g}"),
)
"""What differs from run to run or from machine to machine, and what stands for it."""

NUMBERS = re.compile(r"\[\s+((?:-?[\d.e+-]+|null)(?:,\s+(?:-?[\d.e+-]+|null))*)\s+\]")
"""A list of numbers in indented JSON, one a line."""


class Place:
    """A folder in which commands are given, with some of the demo's datasets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # No configuration above it counts.
        (folder / ".git").mkdir()

    def run(self, command: str, **environment: str) -> str:
        """A command as a terminal shows it: what was typed and printed, and the exit status."""
        done = subprocess.run(
            [sys.executable, "-m", "datascan", *shlex.split(command)],
            cwd=self.folder,
            env=surroundings() | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        text = f"$ datascan {command}".rstrip() + f"\n{done.stdout}"
        if done.stderr:
            text += f"[standard error]\n{done.stderr}"
        return self.masked(f"{text}[exit status {done.returncode}]\n")

    def read(self, name: str) -> str:
        """A file that a command is to write."""
        file = self.folder / name
        return self.masked(file.read_text("utf-8")) if file.exists() else "<not written>\n"

    def masked(self, text: str) -> str:
        """Text without what differs from run to run."""
        text = text.replace(str(self.folder), "<folder>")
        if text.startswith("<!doctype html>"):
            text = tag_by_tag(text)
        for pattern, instead in MASKS:
            text = re.sub(pattern, instead, text)
        return NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)


def surroundings() -> dict[str, str]:
    """The environment of a command: plain, 100 columns wide, and the same everywhere."""
    unwanted = ("FORCE_COLOR", "GITHUB_", "PYTHONIOENCODING")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    fixed = {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1", "TERM": "dumb", "TZ": "UTC"}
    return kept | fixed


def tag_by_tag(page: str) -> str:
    """An HTML report with every tag in a line of its own, without its style and script."""
    page = re.sub(r"(<style>).+?(</style>)", r"\1...\2", page, flags=re.DOTALL)
    page = re.sub(r"(<script>).+?(</script>)", r"\1...\2", page, flags=re.DOTALL)
    page = re.sub(r"sha256-[\w+/=]+", "sha256-<masked>", page)
    page = re.sub(
        r"(<script type=\"application/json\"[^>]*>)(.*?)(</script>)",
        lambda found: f"{found[1]}\n{json.dumps(json.loads(found[2]), indent=1)}\n{found[3]}",
        page,
        flags=re.DOTALL,
    )
    return re.sub(r">\s*<", ">\n<", page)


def pin(case: str, shown: Mapping[str, str]) -> None:
    """Compare with the files of a case, all of them; or write them, where that is asked for."""
    folder = GOLDEN / case
    if UPDATE:
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in shown.items():
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        return
    pinned = {path.name: path.read_text("utf-8") for path in folder.glob("*")}
    changes = [
        line
        for name in sorted({*pinned, *shown})
        for line in difflib.unified_diff(
            pinned.get(name, "").split("\n"),
            shown.get(name, "").split("\n"),
            f"tests/golden/{case}/{name}",
            "now",
            lineterm="",
        )
    ]
    if changes:
        hint = "if this is meant: DATASCAN_UPDATE_GOLDEN=1 pytest tests/test_golden.py"
        pytest.fail("\n".join(["what users see has changed", *changes, hint]), pytrace=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's datasets, and what the demo printed when it made them."""
    place = Place(tmp_path_factory.mktemp("demo"))
    return place, place.run("demo data")


@pytest.fixture
def place(demo, tmp_path):
    """A folder with the demo's datasets."""
    made, _ = demo
    for backend, (name, _) in DATASETS.items():
        source = made.folder / "data" / name
        if backend == "leveldb" and not source.exists():
            write_leveldb(source)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    return Place(tmp_path)


def write_training(folder: Path, *layers: str) -> None:
    """A net with faults, its solver, and a log of its training."""
    (folder / "net.prototxt").write_text("".join(layers))
    (folder / "solver.prototxt").write_text(SOLVER)
    stamp = "1123 06:23:46.341156 29810"
    log = [f"I{stamp} solver.cpp:45] Initializing solver from parameters: ", SOLVER.rstrip()]
    for i, loss in enumerate(LOSSES):
        log += [
            f"I{stamp} solver.cpp:239] Iteration {2 * i} (4 iter/s, 0.5s/2 iters), loss = {loss}",
            f"I{stamp} solver.cpp:258]     Train net output #0: loss = {loss} (* 1 = {loss} loss)",
            f"I{stamp} sgd_solver.cpp:112] Iteration {2 * i}, lr = 0.01",
        ]
    (folder / "train.log").write_text("\n".join(log) + "\n")


FILES = {"json": "report.json", "junit": "junit.xml", "sarif": "report.sarif", "html": "page.html"}
"""The files that a scan is asked for, by the names of their options."""


def options_for(*names: str) -> str:
    """The options that ask for files."""
    return " ".join(f"--{name} {FILES[name]}" for name in names)


def outputs(place: Place, command: str, *further: str) -> dict[str, str]:
    """All outputs of a scan, and the annotations that it prints for GitHub apart."""
    printed = place.run(f"{command} --workers 0 {options_for(*FILES)}", GITHUB_ACTIONS="true")
    return apart(printed) | {name: place.read(name) for name in (*FILES.values(), *further)}


def apart(printed: str) -> dict[str, str]:
    """What was printed for people, and for GitHub."""
    lines = printed.splitlines(keepends=True)
    return {
        "terminal.txt": "".join(line for line in lines if not line.startswith("::")),
        "github.txt": "".join(line for line in lines if line.startswith("::")),
    }


def brief(shown: Mapping[str, str]) -> dict[str, str]:
    """Files without what is pinned elsewhere."""
    return {name: shortened(without_pages(text)) for name, text in shown.items()}


def without_pages(text: str) -> str:
    """HTML or SARIF without the pages of rules, which ``datascan explain`` prints."""
    page = r"(<details class=\"page\">\n<summary>.*?</summary>\n).*?(</details>)"
    text = re.sub(page, r"\1...\n\2", text, flags=re.DOTALL)
    return re.sub(r"(\"help\": {\s+\"text\": )\".*\"", r'\1"..."', text)


def shortened(text: str) -> str:
    """HTML or JSON without the most of long tables, drawings and lists of numbers.

    Another digest shows that what is left out has changed.
    """
    text = re.sub(r"(?:<tr>\n(?:<td.*\n)+</tr>\n){5,}", cut_rows, text)
    text = re.sub(r"(?<= d=\")[^\"]{100,}", cut_path, text)
    return re.sub(r"\[-?\d[^][\"]+\]", cut_numbers, text)


def cut_rows(found: re.Match[str]) -> str:
    """The first two rows of a table."""
    end = "</tr>\n"
    rows = found[0].split(end)[:-1]
    return end.join([*rows[:2], left_out(end.join(rows[2:]), f"{len(rows) - 2} more rows\n")])


def cut_path(found: re.Match[str]) -> str:
    """The beginning of a drawing."""
    return f"{found[0][:40]} {left_out(found[0][40:], 'more')}"


def cut_numbers(found: re.Match[str]) -> str:
    """The first numbers of a list."""
    numbers = found[0].split(", ")
    if len(numbers) <= 12:
        return found[0]
    rest = left_out(", ".join(numbers[8:]), f"{len(numbers) - 8} more]")
    return ", ".join([*numbers[:8], rest])


def left_out(text: str, what: str) -> str:
    """What stands for text that is left out: another one where the text is another."""
    return f"... ({hashlib.sha256(text.encode()).hexdigest()[:8]}) {what}"


def same_from_python(place: Place, report: datascan.Report) -> None:
    """Compare the report that Python gets with the one that the command just wrote."""
    written = (place.folder / "report.json").read_text("utf-8")
    pair = [json.loads(text) for text in (report.to_json(), written)]
    for one in pair:
        for varying in ("command", "started", "elapsed_seconds"):
            one.pop(varying, None)
        for source in one.get("sources", ()):
            source.pop("elapsed_seconds")
    assert pair[0] == pair[1]


@pytest.mark.parametrize("backend", DATASETS)
def test_scans(place, backend, monkeypatch):
    name, classes = DATASETS[backend]
    command = f"scan {name} --num-classes {classes} --bad-records bad.jsonl"
    shown = outputs(place, command, "bad.jsonl")
    # All numbers are pinned as JSON, and how the pages of rules look once.
    whole = {"report.json": shown["report.json"]}
    if backend == "images":
        whole["page.html"] = shortened(shown["page.html"])
    pin(f"scan-{backend}", brief(shown) | whole)
    monkeypatch.chdir(place.folder)
    same_from_python(place, datascan.scan(name, num_classes=classes, workers=0))


def test_net(place, monkeypatch):
    write_training(place.folder, TRAIN, TEST, LAYERS)
    command = "net net.prototxt --solver solver.prototxt --bad-records bad.jsonl"
    pin("net", brief(outputs(place, command, "bad.jsonl")))
    monkeypatch.chdir(place.folder)
    same_from_python(place, datascan.scan_net("net.prototxt", "solver.prototxt", workers=0))


def test_log(place, monkeypatch):
    write_training(place.folder, TRAIN, LAYERS)
    command = "log train.log --net net.prototxt --solver solver.prototxt --bad-records bad.jsonl"
    pin("log", brief(outputs(place, command, "bad.jsonl")))
    monkeypatch.chdir(place.folder)
    report = datascan.scan_log("train.log", net="net.prototxt", solver="solver.prototxt", workers=0)
    same_from_python(place, report)


@pytest.mark.parametrize(
    ("case", "configuration", "names"),
    [
        ("check", CHECKED, ("json", "junit")),
        ("check-absent", '[dataset."absent/*"]\n', ("json", "junit", "sarif")),
    ],
    ids=("datasets", "absent"),
)
def test_check(place, case, configuration, names):
    (place.folder / "datascan.toml").write_text(configuration)
    printed = place.run(f"check {options_for(*names)}", GITHUB_ACTIONS="true")
    pin(case, brief({FILES[name]: place.read(FILES[name]) for name in names}) | apart(printed))


def test_learn(place):
    printed = place.run("learn train_lmdb -o train.expect.toml --num-classes 10 --workers 0")
    printed += place.run("scan train_leveldb --expect train.expect.toml --workers 0")
    pin("learn", {"terminal.txt": printed, "train.expect.toml": place.read("train.expect.toml")})


def test_accept(place):
    (place.folder / "train_images" / "notes.txt").write_text("a file that is no image\n")
    command = "accept train_images --num-classes 3 --baseline accepted.toml --workers 0"
    printed = place.run(f"{command} --rule conflicting-label --reason 'two animals in one'")
    printed += place.run(f"{command} --rule corrupt-image --reason known --expires 2999-12-31")
    command = "scan train_images --num-classes 3 --baseline accepted.toml --bad-records bad.jsonl"
    shown = brief(outputs(place, command, "accepted.toml", "bad.jsonl"))
    pin("accept", shown | {"accept.txt": printed})


def test_help(tmp_path):
    place = Place(tmp_path)
    shown = {f"{name}.txt": place.run(f"{name} --help") for name in COMMANDS}
    shown |= {"datascan.txt": place.run("--help"), "version.txt": place.run("--version")}
    # Python 3.13 writes the two names of an option in another way.
    names = re.compile(r"-o(?: FILE)?, --output FILE\s+")
    pin("help", {file: names.sub("-o, --output FILE  ", text) for file, text in shown.items()})


def test_explain(tmp_path):
    place = Place(tmp_path)
    shown = {"all.txt": place.run("explain"), "nan-value.txt": place.run("explain nan-value")}
    pin("explain", shown)


def test_python_interface(place):
    lines = []
    for name in sorted(datascan.__all__):
        public = getattr(datascan, name)
        if inspect.isclass(public):
            lines.append(f"class {name}({public.__base__.__name__})")
        else:
            lines.append(f"{name}{parameters(public)}" if callable(public) else name)
    shared = dir(datascan.Report)
    lines += [f"Report.{name}" for name in shared if not name.startswith("_")]
    for kind in ("DatasetReport", "SourceReport", "NetReport", "LogReport"):
        lines += [f"{kind}.{name}" for name in dir(getattr(datascan, kind)) if name not in shared]
    pin("python", {"names.txt": "".join(f"{line}\n" for line in lines)})
    # A keyword that is unknown, or has another form, is told before the path is looked at.
    with pytest.raises(datascan.DatasetError, match="no such path"):
        datascan.scan(place.folder / "absent", backend="lmdb", **KEYWORDS)
    with pytest.raises(datascan.UsageError, match="no such option: classes"):
        datascan.scan(place.folder / "train_lmdb", classes=10)


def parameters(function: Callable[..., object]) -> str:
    """The parameters of a function without their types."""
    signature = inspect.signature(function)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


def test_the_command_is_installed():
    (command,) = entry_points(group="console_scripts", name="datascan")
    assert callable(command.load())


def test_demo(demo):
    pytest.importorskip("plyvel", reason="plyvel, which writes a store, is not installed")
    made, printed = demo
    names = sorted(path.name for path in (made.folder / "data").iterdir())
    pin("demo", {"terminal.txt": printed, "files.txt": "".join(f"{name}\n" for name in names)})


def test_what_cannot_be_done(place):
    (place.folder / "notes.txt").write_text("a file that is none of this\n")
    pin("refused", {"terminal.txt": "\n".join(map(place.run, REFUSED))})


OLD = {"dataset": "train_images", "net": "net.prototxt", "log": "train.log"}
"""The reports of datascan 0.1, and what they are of."""


@pytest.mark.parametrize("kind", OLD)
def test_old_reports_are_shown(tmp_path, kind):
    place = Place(tmp_path)
    shutil.copy(GOLDEN / f"report-0.1-{kind}.json", tmp_path / "old.json")
    printed = place.run("report old.json")
    printed += place.run(f"report old.json {options_for(*FILES)}")
    pin(f"report-0.1-{kind}", {"terminal.txt": printed})
    for name in FILES.values():
        assert OLD[kind] in place.read(name)


@pytest.mark.parametrize("kind", OLD)
def test_old_reports_load(kind):
    text = (GOLDEN / f"report-0.1-{kind}.json").read_bytes()
    report = datascan.Report.from_json(text)
    assert report.kind == kind
    assert without_kinds(report.to_json()) == json.loads(text)
    assert isinstance(report, datascan.Report)
    assert not report.passed
    with pytest.raises(datascan.FindingsError):
        report.raise_for_findings()


def without_kinds(text: str) -> dict[str, object]:
    """The JSON of a report without the kinds of it and its sources, which 0.1 did not write."""
    whole = json.loads(text)
    for report in (whole, *(whole.get("sources") or ())):
        assert report.pop("kind") in OLD
    return whole


@pytest.mark.parametrize("kind", OLD)
def test_old_reports_follow_the_schema(kind):
    schema = files("datascan").joinpath("schema/report-1.json").read_text("utf-8")
    report = (GOLDEN / f"report-0.1-{kind}.json").read_text("utf-8")
    jsonschema.validate(json.loads(report), json.loads(schema))
