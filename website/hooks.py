"""Hooks of mkdocs: generated pages, and links to files outside of ``docs``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from website.api import api_page
from website.rules import all_rules, rule_pages

ROOT = Path(__file__).resolve().parents[1]
PAPERS = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages of the site that are files of the repository, by their names there."""

LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


NAME = re.compile(r"`([a-z-]+)`")


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for path, text in generated_pages():
        files.append(File.generated(config, path, content=text))
    return files


def generated_pages() -> Iterator[tuple[str, str]]:
    """Path and text of the pages that are not in ``docs``."""
    for name, text in rule_pages().items():
        yield f"rules/{name}.md", text
    yield "reference/python.md", api_page()
    for source, page in PAPERS.items():
        yield page, (ROOT / source).read_text("utf-8")
    yield "examples/index.md", example_index()
    for folder in example_folders():
        yield f"examples/{folder.name}.md", example_page(folder)


def example_folders() -> list[Path]:
    """The folders of the worked examples."""
    return sorted(path.parent for path in (ROOT / "examples").glob("*/README.md"))


def example_index() -> str:
    """A list of all examples with the first line of their READMEs."""
    titles = {
        path.name: (path / "README.md").read_text("utf-8").split("\n")[0]
        for path in example_folders()
    }
    rows = [f"- [{title.removeprefix('# ')}]({name}.md)" for name, title in titles.items()]
    return "\n".join(["# Examples\n", "All of them are run by the tests.\n", *rows, ""])


def example_page(folder: Path) -> str:
    """An example: its README, and all its files."""
    parts = [(folder / "README.md").read_text("utf-8")]
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != "README.md" and "__pycache__" not in file.parts:
            language = {".py": "python", ".toml": "toml", ".yml": "yaml", ".yaml": "yaml"}
            fence = f"```{language.get(file.suffix, 'text')}"
            name = file.relative_to(folder).as_posix()
            parts.append(f"## `{name}`\n\n{fence}\n{file.read_text('utf-8').rstrip()}\n```\n")
    return "\n".join(parts)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to files of the repository to their pages on the site."""
    home = Path("docs", page.file.src_uri).parent
    if page.file.src_uri in PAPERS.values():
        home = Path()
    depth = "../" * page.file.src_uri.count("/")
    if page.file.src_uri == "rules.md":
        known = all_rules()
        markdown = NAME.sub(
            lambda name: f"[{name[0]}](rules/{name[1]}.md)" if name[1] in known else name[0],
            markdown,
        )
    return LINK.sub(
        lambda link: f"]({depth}{target})" if (target := site_path(home, link)) else link[0],
        markdown,
    )


def site_path(home: Path, link: re.Match[str]) -> str | None:
    """The page of a link, from the top of the site; None if the link may stay as it is."""
    if ":" in link[1]:
        return None
    parts: list[str] = []
    for part in (home / link[1]).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    page = page_of_file(parts)
    return page and page + (link[2] or "")


def page_of_file(parts: list[str]) -> str | None:
    """The page that shows a file or folder of the repository; None if none does."""
    path = "/".join(parts)
    match parts:
        case ["README.md"]:
            return "index.md"
        case ["docs", *rest]:
            return "/".join(rest)
        case ["examples"]:
            return "examples/index.md"
        case ["examples", name, *_]:
            return f"examples/{name}.md"
    return PAPERS.get(path)
