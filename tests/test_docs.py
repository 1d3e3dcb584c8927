"""What the README and the documents mention exists: files, names, commands and flags."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterator
from importlib.metadata import distribution
from math import inf
from pathlib import Path

import pytest

import datascan
from datascan.cli.app import build_parser, with_command
from datascan.config.discovery.patterns import MAX_ENTRIES
from datascan.config.options import MAX_WORKERS, Options
from datascan.plugins import COMMANDS
from datascan.report.rule_pages import all_rules
from tests.test_layers import exists

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "datascan"
EXAMPLES = ROOT / "examples"
PAPERS = [ROOT / f"{name}.md" for name in ("README", "SECURITY", "CONTRIBUTING", "CHANGELOG")]
DOCUMENTS = sorted([*PAPERS, *(ROOT / "docs").rglob("*.md")])
SOURCE_TEXT = "\n".join(file.read_text() for file in SOURCES.rglob("*.py"))

FENCE = re.compile(r"^```(\w*)(?: title=\"[^\"]+\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"^(?:\$ |- run: |  script: )?(datascan .*)$", re.MULTILINE)


def code_spans(text: str) -> list[str]:
    """The inline code of a document."""
    return CODE.findall(FENCE.sub("", text))


def commands_in(text: str) -> Iterator[str]:
    """All command lines of datascan in a document, in fenced blocks and in inline code."""
    for _, block in FENCE.findall(text):
        yield from COMMAND.findall(block)
    for span in code_spans(text):
        if COMMAND.fullmatch(span):
            yield span


def subparsers() -> Iterator[argparse.ArgumentParser]:
    """The parser of every command, with its arguments."""
    for name in COMMANDS:
        (action,) = (a for a in build_parser([name])._actions if a.nargs == argparse.PARSER)
        yield action.choices[name]


ALL_FLAGS = {flag for parser in subparsers() for flag in parser._option_string_actions}


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def document(request):
    return request.param.read_text()


def is_present(path: str) -> bool:
    """Whether a path with a folder exists below the root or the package; a bare name, anywhere."""
    if "/" in path.rstrip("/"):
        return (ROOT / path).exists() or (SOURCES / path).exists()
    return (
        any(next(folder.rglob(path), None) for folder in (SOURCES, EXAMPLES))
        or (ROOT / path).exists()
    )


def test_files_and_folders_exist(document):
    spans = [span for span in code_spans(document) if re.fullmatch(r"[\w/.-]+(\.py|/)", span)]
    paths = [path for path in spans if "my_" not in path]
    assert [path for path in paths if not is_present(path)] == []


def test_the_directory_listing_is_complete():
    listing = FENCE.findall((ROOT / "docs/design.md").read_text())[0][1]
    names = [line.split()[0] for line in listing.splitlines() if line[0] != " "]
    listed = {Path(name).stem for name in names}
    modules = {path.stem for path in SOURCES.glob("*.py") if path.name[0] != "_"}
    packages = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    assert listed == modules | packages


def test_dotted_names_can_be_imported(document):
    names = {
        m
        for span in code_spans(document)
        for m in re.findall(r"(?<![\w.])datascan(?:\.\w+)+", span)
    }
    assert [name for name in sorted(names - {"datascan.toml"}) if not exists(name)] == []


def test_classes_in_the_design_exist():
    spans = code_spans((ROOT / "docs/design.md").read_text())
    names = {span for span in spans if re.fullmatch(r"[A-Z][a-z]+[A-Z]\w+", span)}
    defined = re.findall(r"^class (\w+)|^([A-Z]\w+) = ", SOURCE_TEXT, re.MULTILINE)
    assert len(names) > 5
    assert names - {name for pair in defined for name in pair} == set()


def test_commands_parse(document):
    """Placeholders such as PATH stand for themselves; optional parts are in brackets."""
    for line in commands_in(document):
        typed = re.sub(r"[\[\]]| (\|+|2?>|&&).*|;.*", "", line)
        arguments = shlex.split(typed, comments=True)[1:]
        if len(arguments) > 1 or "/" in arguments[0] or arguments[0].rstrip(".") in {"", "PATH"}:
            words = with_command([re.sub(r"^PATH", "./PATH", word) for word in arguments])
            build_parser(words).parse_args(words)
        else:
            assert arguments[0] in {*COMMANDS, "--version"}, line


def test_flags_exist(document):
    """Flags in paragraphs about scripts belong to those."""
    paragraphs = [part for part in document.split("\n\n") if "scripts/" not in part]
    flags = re.findall(r"(?<![\w-])--[a-z][a-z-]+", "\n".join(paragraphs))
    assert set(flags) <= ALL_FLAGS | {"--version", "--help"}


def test_the_page_about_rules_lists_each_rule_once_with_its_title():
    text = (ROOT / "docs/rules.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (\w+) \|$", text, re.MULTILINE)
    assert sorted(rows) == sorted(
        (
            name,
            rule.title + (f"; of images: {rule.image_title}" if rule.image_title else ""),
            rule.severity.value,
        )
        for name, rule in all_rules().items()
    )


def test_the_readme_is_short_and_its_links_lead_somewhere():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    links = re.findall(r"\]\(([^)#]+)", text)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_has_the_setup_commands():
    text = (ROOT / "README.md").read_text()
    for name in ("demo", "test"):
        assert re.search(rf"^\./scripts/{name} ", text, re.MULTILINE)
        assert os.access(ROOT / "scripts" / name, os.X_OK)


def test_the_promise_about_strangers_is_linked():
    promise = (
        "Datasets, lists, nets, logs, configurations, baselines, checkpoints, caches and "
        "reports of strangers are safe to open: nothing in them is executed, nothing outside of "
        "the dataset is read or written, time and memory are bounded."
    )
    assert promise in " ".join((ROOT / "SECURITY.md").read_text().split())
    for name in ("README.md", "docs/limits.md"):
        assert "`SECURITY.md`" in (ROOT / name).read_text()


def test_security_names_no_address():
    """Reports go through the host's form; an address would have to be read by someone."""
    assert not re.search(r"@|mailto|https?:", (ROOT / "SECURITY.md").read_text())


def test_limits_of_configurations_and_patterns_are_those_of_the_code():
    text = (ROOT / "docs/limits.md").read_text()
    assert f"({MAX_WORKERS} for `workers`; 0 is not allowed)" in text
    assert f"at most {MAX_ENTRIES:,} files" in text
    for field in Options.fields():
        if field.option.unasked != (-inf, inf):
            assert f"`{field.names[0]}`" in text


def test_contributing_quotes_the_examples():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    sources = [file.read_text() for file in (ROOT / "examples").rglob("*.*") if file.is_file()]
    blocks = [block.strip("\n") for language, block in FENCE.findall(text) if language != "sh"]
    assert len(blocks) >= 13
    assert [block for block in blocks if not any(block in source for source in sources)] == []
    for kind in ("rule", "reader", "output"):
        assert f"## Worked example: a{'n' * (kind[0] == 'o')} {kind}\n" in text


def test_the_license_is_shipped():
    metadata = distribution("datascan").metadata
    assert metadata["License-Expression"] == "MIT"
    assert "LICENSE" in metadata.get_all("License-File")
    text = " ".join((ROOT / "LICENSE").read_text().split())
    assert text.startswith("MIT License Copyright (c) 2026 The datascan authors Permission is")
    shipped = [str(file) for file in distribution("datascan").files]
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in shipped)


def test_the_changelog_has_the_version_and_what_comes_next():
    headings = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert datascan.__version__ in headings


@pytest.mark.parametrize("path", [".github", "Dockerfile", "examples", "docs", "website"])
def test_papers_name_no_registry_and_no_path_of_a_machine(path):
    files = [ROOT / path] if (ROOT / path).is_file() else [*(ROOT / path).rglob("*.*")]
    texts = {file: file.read_bytes() for file in files if file.is_file() and file.suffix != ".pyc"}
    for file, text in texts.items():
        assert not re.search(rb"pypi\.org|pythonhosted|/root/|/work/main|/tmp/w/", text), file
