"""The documentation site: its generated pages, its links, and that a dead link stops the build."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import datascan
from datascan.plugins import rule_names
from website.api import api_page
from website.hooks import LINK, example_folders, generated_pages, site_path
from website.markdown import inline, paragraphs
from website.rules import all_rules, rule_pages

ROOT = Path(__file__).parents[1]

SECTIONS = (
    *("What it is", "Why it breaks training", "How to find the cause", "How to fix it"),
    *("Example", "Limits", "Source"),
)


@pytest.fixture(scope="module")
def pages():
    return dict(generated_pages())


def test_every_rule_has_a_page_with_all_sections():
    found = rule_pages()
    assert sorted(found) == sorted(rule_names())
    for name, text in found.items():
        assert text.startswith(f"# {all_rules()[name].title}\n\n`{name}`: **")
        headings = [line.removeprefix("## ") for line in text.splitlines() if line[:3] == "## "]
        assert headings == list(SECTIONS), name


def test_every_public_name_is_on_the_page_of_the_interface():
    text = api_page()
    for name in set(datascan.__all__) - {"__version__"}:
        assert f"\n## `{name}`\n" in text
    assert "- `num_classes=10`" not in text
    assert "- `DatasetError`: if the path does not exist or is not a dataset." in text
    assert "- **`raise_for_findings() -> Self`**: Return the report if it passed" in text
    assert "- **`bad_records`** (`BadRecords | None`): Records with findings; null for" in text
    assert "    path: PathLike | Sequence[PathLike],\n    *,\n" in text
    assert "- **`verdict`** (`Literal['pass', 'fail', 'incomplete']`): fail: a finding" in text
    assert ":class:" not in text


def test_every_example_and_paper_has_a_page(pages):
    for folder in example_folders():
        assert f"examples/{folder.name}.md" in pages
        assert f"({folder.name}.md)" in pages["examples/index.md"]
    assert {"changelog.md", "contributing.md", "security.md"} <= set(pages)


@pytest.mark.parametrize(
    ("home", "link", "page"),
    [
        ("docs", "../examples/idx_reader", "examples/idx_reader.md"),
        ("docs", "../examples", "examples/index.md"),
        ("docs", "../SECURITY.md#the-promise", "security.md#the-promise"),
        ("docs/howto", "../limits.md", "limits.md"),
        ("", "docs/design.md#layers", "design.md#layers"),
        ("", "README.md", "index.md"),
        ("", "https://semver.org/", None),
        ("docs", "../pyproject.toml", None),
    ],
)
def test_links_lead_to_pages(home, link, page):
    found = LINK.search(f"[text]({link})")
    assert site_path(Path(home), found) == page


def test_docstrings_as_markdown():
    assert inline("a ``b*c`` of :class:`datascan.Report`\n  is *x*") == (
        "a ``b*c`` of `Report` is \\*x\\*"
    )
    assert inline("#17 <b>") == "\\#17 \\<b>"
    assert paragraphs("One\nline.\n\n- a\n  b\n- c\n\n    code") == (
        "One line.\n\n- a b\n- c\n\n```text\n    code\n```"
    )


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """What ``scripts/docs`` runs, in a copy of the sources of the site."""
    for name in ("docs", "examples", "website"):
        shutil.copytree(ROOT / name, folder / name)
    for path in [*ROOT.glob("*.md"), ROOT / "mkdocs.yml"]:
        shutil.copy(path, folder)
    (folder / "docs/limits.md").write_text("[a dead link](nowhere.md)")
    (arguments,) = re.findall(r"-m (mkdocs build.*) ;;", (ROOT / "scripts/docs").read_text())
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *arguments.split()],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_dead_link_stops_the_build(tmp_path):
    run = build(tmp_path)
    assert run.returncode == 1
    assert "'limits.md' contains a link 'nowhere.md'" in run.stderr


def test_check_builds_the_site():
    assert "scripts/docs" in (ROOT / "scripts/check").read_text().split("\n")
