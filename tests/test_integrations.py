"""The examples for frameworks, build tools and CI: what datascan does in them is run.

Most of the tools are not installed here. So each file is parsed, and its commands are run as the
tool would run them; if a tool is installed, it runs its file itself, too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

import datascan
from datascan.cli.commands.demo import CLASSES
from tests.builders.demo import DATASETS
from tests.builders.documents import fences, surroundings

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The datasets of the demo."""
    folder = tmp_path_factory.mktemp("demo")
    for name, write, _ in DATASETS:
        write(folder / name)
    return folder


@pytest.fixture
def folder(demo, tmp_path):
    """A folder with the datasets of the demo, at its top and in ``data``."""
    place = tmp_path / "work"
    shutil.copytree(demo, place)
    shutil.copytree(demo, place / "data")
    (place / ".git").mkdir()
    (place / "train.py").write_text("print('training')\n")
    return place


@pytest.fixture
def repaired(folder):
    """The same, with a ``data/train_lmdb`` that passes."""
    import lmdb  # noqa: PLC0415  (only here)

    report = datascan.scan(folder / "train_lmdb", num_classes=CLASSES)
    bad = set(report.bad_indices().tolist())
    path = str(folder / "data/train_lmdb")
    with lmdb.open(path, map_size=1 << 24) as store, store.begin(write=True) as records:
        keys = [key for key, _ in records.cursor()]
        for index in bad:
            records.delete(keys[index])
    return folder


def load(name):
    """A module of an example."""
    spec = spec_from_file_location(Path(name).stem, EXAMPLES / name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(command, folder, **environment):
    """A shell command in a folder: exit status and everything printed."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=surroundings(folder) | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


def itself(tool):
    """A mark for the test that runs the tool itself."""
    reason = f"{tool} is not installed: its file is parsed, and its commands run, by another test"
    return pytest.mark.skipif(shutil.which(tool) is None, reason=reason)


def test_every_example_has_a_readme_that_lists_its_files():
    for example in EXAMPLES.iterdir():
        text = (example / "README.md").read_text()
        assert text.startswith("# ")
        files = {path.name for path in example.iterdir() if path.is_file()} - {"README.md"}
        assert [name for name in sorted(files) if f"`{name}`" not in text] == []


# Frameworks ----------------------------------------------------------------------------------


def image_folder(root):
    """What ``torchvision.datasets.ImageFolder`` has as ``samples``: by class, then by name."""
    classes = sorted(path.name for path in root.iterdir() if path.is_dir())
    return [
        (str(file), label)
        for label, name in enumerate(classes)
        for file in sorted((root / name).rglob("*"))
        if file.is_file()
    ]


def test_pytorch_stops_at_errors_that_skipping_does_not_solve(folder):
    train = load("pytorch_preflight/train.py")
    with pytest.raises(datascan.FindingsError, match="conflicting-label"):
        train.preflight(folder / "train_images", 3, 16)


def test_pytorch_skips_damaged_images(folder):
    train = load("pytorch_preflight/train.py")
    root = folder / "train_images"
    (root / "frog/002.jpg").unlink()  # the copy with another label
    # "cat-2" is before "cat/" as a path, and after "cat" as a class.
    shutil.copytree(root / "dog", root / "cat-2")
    for copy in root.glob("cat-2/*"):
        copy.write_bytes(copy.read_bytes().replace(b"\xff\xd9", b"\xff\xfe\x00\x02\xff\xd9"))
    for file in root.glob("cat-2/*"):
        if file.name != "001.jpg":
            file.unlink()
    (root / "cat-2/000.jpg").write_bytes(b"<html>")
    shutil.rmtree(root / "dog")
    report = train.preflight(root, 3, 16)
    samples = image_folder(root)
    keep = train.good_samples(samples, root, report)
    left_out = {samples[i][0] for i in range(len(samples))} - {samples[i][0] for i in keep}
    assert left_out == {str(root / "cat/004.jpg"), str(root / "cat-2/000.jpg")}
    with pytest.raises(ValueError, match="samples"):
        train.good_samples(samples[1:], root, report)


@pytest.mark.skipif(
    find_spec("torchvision") is None,
    reason="torch and torchvision are not installed: only the part with datascan is run",
)
def test_pytorch_trains(folder):
    (folder / "train_images/frog/002.jpg").unlink()
    script = EXAMPLES / "pytorch_preflight/train.py"
    status, printed = run(f"{sys.executable} {script} train_images 3", folder)
    assert status == 0, printed
    assert "training on 57 of 59 images" in printed


def test_hugging_face_keeps_good_rows(folder, tmp_path, capsys):
    clean = load("hugging_face/clean.py")
    root = folder / "train_images"
    samples = image_folder(root)
    rows = [
        {"image": {"bytes": Path(path).read_bytes(), "path": Path(path).name}, "label": label}
        for path, label in samples
    ]
    rows[10]["image"]["bytes"] = None  # a file that is not loaded
    rows[10]["image"]["path"] = samples[10][0]
    rows[11]["label"] = 3
    out = tmp_path / "out"
    out.mkdir()
    clean.export(rows, out)
    keep = clean.good_rows(out, 3)
    # 4 is truncated, 27 an HTML page; 2 and 42 are one picture with two labels.
    assert sorted(set(range(60)) - set(keep)) == [2, 4, 11, 27, 42]
    assert (
        "error corrupt-image: 1 of 60 records cannot be decoded in full" in capsys.readouterr().out
    )


# Build tools ---------------------------------------------------------------------------------


def commands_of_make():
    text = (EXAMPLES / "make/Makefile").read_text()
    lines = [line.strip().replace("$$", "$") for line in text.splitlines() if line[:1] == "\t"]
    return [
        line.replace("$@", "train.report.json").replace("$<", "train.report.json") for line in lines
    ]


def commands_of_dvc():
    stages = yaml.safe_load((EXAMPLES / "dvc/dvc.yaml").read_text())["stages"]
    assert stages["gate"]["deps"] == stages["scan"]["outs"]
    return [stages["scan"]["cmd"], stages["gate"]["cmd"]]


def commands_of_snakemake():
    text = (EXAMPLES / "snakemake/Snakefile").read_text()
    names = re.findall(r"^rule (\w+):$", text, re.MULTILINE)
    assert names == ["scan", "gate"]
    lines = re.findall(r'^    shell: "(.*)"$', text, re.MULTILINE)
    return [re.sub(r"\{(input|output)\}", "train.report.json", line) for line in lines]


@pytest.mark.parametrize("commands", [commands_of_make, commands_of_dvc, commands_of_snakemake])
def test_a_scan_with_findings_is_kept_and_the_gate_fails(commands, folder):
    scan, gate, *_ = commands()
    status, printed = run(scan, folder)
    assert status == 0, printed
    assert json.loads((folder / "train.report.json").read_text())["verdict"] == "fail"
    assert run(gate, folder)[0] == 1


@pytest.mark.parametrize("commands", [commands_of_make, commands_of_dvc, commands_of_snakemake])
def test_a_good_dataset_passes_the_gate(commands, repaired):
    scan, gate, *_ = commands()
    assert run(scan, repaired)[0] == 0
    status, printed = run(gate, repaired)
    assert status == 0, printed


@pytest.mark.parametrize("commands", [commands_of_make, commands_of_dvc, commands_of_snakemake])
def test_a_scan_that_is_not_possible_fails_its_step(commands, folder):
    shutil.rmtree(folder / "data")
    status, printed = run(commands()[0], folder)
    assert status != 0
    assert "data/train_lmdb" in printed


@itself("make")
def test_make_scans_once_and_gates(repaired):
    shutil.copy(EXAMPLES / "make/Makefile", repaired)
    status, printed = run("make train", repaired)
    assert status == 0, printed
    assert printed.endswith("python train.py\ntraining\n")
    assert "datascan lmdb" not in run("make train", repaired)[1]


@itself("make")
def test_make_does_not_train_on_a_faulty_dataset(folder):
    shutil.copy(EXAMPLES / "make/Makefile", folder)
    for _ in range(2):
        status, printed = run("make train", folder)
        assert status == 2
        assert "training" not in printed.splitlines()


@itself("dvc")
def test_dvc_gates(repaired):
    shutil.copy(EXAMPLES / "dvc/dvc.yaml", repaired)
    status, printed = run("rm -rf .git && git init -q && dvc init -q && dvc repro", repaired)
    assert status == 0, printed


@itself("snakemake")
def test_snakemake_gates(repaired):
    shutil.copy(EXAMPLES / "snakemake/Snakefile", repaired)
    status, printed = run("snakemake --cores 1 train.gate", repaired)
    assert status == 0, printed


def test_the_documents_quote_the_examples():
    sources = [
        path.read_text() for path in EXAMPLES.rglob("*") if path.is_file() and path.suffix != ".pyc"
    ]
    for page in ("docs/pipelines.md", "docs/howto/gate.md"):
        blocks = [block for block in fences((ROOT / page).read_text()) if not block.file]
        quoted = [block.text for block in blocks if block.language not in {"console", "json"}]
        assert len(quoted) >= 2
        assert [text for text in quoted if not any(text in source for source in sources)] == []


def test_the_page_about_pytorch_quotes_the_example():
    source = (EXAMPLES / "pytorch_preflight/train.py").read_text()
    function = source[source.index("def good_samples") : source.index("\n\ndef main")]
    assert function.strip() in (ROOT / "docs/frameworks/pytorch.md").read_text()


# Schedulers and CI ---------------------------------------------------------------------------


def test_a_scheduler_knows_findings_from_failures(folder, repaired, monkeypatch):
    gate = load("airflow/gate.py")
    monkeypatch.chdir(folder)
    for name, value in surroundings(folder).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        gate.DatasetFailedError, match="train_lmdb: error label-out-of-range: 1 label"
    ):
        gate.scan_dataset("train_lmdb", "report.json", "--num-classes", "10")
    with pytest.raises(gate.ScanFailedError, match="absent"):
        gate.scan_dataset("absent", "report.json")
    found = gate.scan_dataset("data/train_lmdb", "good.json", "--num-classes", "10")
    assert found["verdict"] == "pass"


def github_commands():
    workflow = yaml.safe_load((EXAMPLES / "github_actions/datasets.yml").read_text())
    steps = workflow["jobs"]["datascan"]["steps"]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    assert set(workflow) == {"name", True, "permissions", "jobs"}  # YAML takes "on" for true
    return [step["run"] for step in steps if "run" in step]


def gitlab_commands():
    job = yaml.safe_load((EXAMPLES / "gitlab/.gitlab-ci.yml").read_text())["datascan"]
    assert job["artifacts"]["reports"]["junit"] in job["script"][0]
    return job["before_script"] + job["script"]


def pre_commit_commands():
    config = yaml.safe_load((EXAMPLES / "pre_commit/.pre-commit-config.yaml").read_text())
    (hook,) = config["repos"][0]["hooks"]
    (ours,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    same = ("id", "entry", "types", "require_serial")
    assert {key: hook[key] for key in same} == {key: ours[key] for key in same}
    return ["pip install datascan", f"{hook['entry']} train_lmdb/data.mdb"]


@pytest.mark.parametrize(
    ("name", "commands", "files"),
    [
        ("github_actions", github_commands, {"datascan.sarif", "datascan.html"}),
        ("gitlab", gitlab_commands, {"datascan.xml", "datascan.html"}),
        ("pre_commit", pre_commit_commands, set()),
    ],
)
def test_ci_checks_the_datasets_of_the_configuration(name, commands, files, folder):
    shutil.copy(EXAMPLES / name / "datascan.toml", folder)
    install, check = commands()
    assert install == "pip install datascan"
    status, printed = run(check, folder, GITHUB_ACTIONS="true" if "github" in name else "")
    assert status == 1
    assert "FAIL  train_lmdb  label-out-of-range, nan-value" in printed
    assert ("::error " in printed) == (name == "github_actions")
    assert all((folder / file).stat().st_size for file in files)


@itself("pre-commit")
def test_pre_commit_stops_a_commit_of_bad_data(folder):
    for name in (".pre-commit-config.yaml", "datascan.toml"):
        shutil.copy(EXAMPLES / "pre_commit" / name, folder)
    command = "rm -rf .git && git init -q && git add . && pre-commit run"
    status, printed = run(command, folder)
    assert status == 1
    assert "FAIL  train_lmdb  label-out-of-range, nan-value" in printed


def test_our_own_workflow_runs_the_scripts():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    commands = [step.get("run") for step in workflow["jobs"]["test"]["steps"]]
    assert {"scripts/test", "scripts/check"} <= set(commands)
    assert all(job["timeout-minutes"] <= 30 for job in workflow["jobs"].values())
    assert workflow["permissions"] == {"contents": "read"}


# Docker --------------------------------------------------------------------------------------

INSTRUCTIONS = {"FROM", "RUN", "COPY", "WORKDIR", "USER", "ENTRYPOINT", "CMD"}


@pytest.mark.parametrize("path", ["Dockerfile", "examples/docker/Dockerfile"])
def test_dockerfiles_are_well_formed(path):
    """Images are not built here: a build downloads a base image."""
    text = re.sub(r"\\\n", " ", (ROOT / path).read_text())
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    assert {line.split()[0] for line in lines} <= INSTRUCTIONS
    for line in lines:
        word, *rest = line.split()
        if word in {"ENTRYPOINT", "CMD"}:
            assert all(isinstance(part, str) for part in json.loads(line.partition(" ")[2]))
        if word == "COPY" and not rest[0].startswith("--from="):
            assert (ROOT / path).parent.joinpath(rest[0]).exists()
    assert "USER nobody" in lines


def test_the_entry_point_trains_only_if_the_dataset_passes(repaired):
    reports = repaired / "reports"
    reports.mkdir()
    script = EXAMPLES / "docker/entrypoint.sh"
    assert os.access(script, os.X_OK)
    faulty = run(f"sh {script} python train.py", repaired, REPORTS="reports")
    assert faulty[0] == 1
    assert "training" not in faulty[1].splitlines()
    assert json.loads((reports / "report.json").read_text())["verdict"] == "fail"
    good = run(f"sh {script} python train.py", repaired, REPORTS=".", DATASET="data/train_lmdb")
    assert good[0] == 0
    assert good[1].splitlines()[-1] == "training"
