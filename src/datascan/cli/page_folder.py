"""``datascan check --html FOLDER``: a page for each dataset, and an index of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.files import check_writable, translated_errors
from datascan.errors import DatascanError, UsageError
from datascan.text import escape_surrogates, pluralize

if TYPE_CHECKING:
    from datascan.cli.guard.guard import Guard
    from datascan.cli.output import OutputFiles
    from datascan.report.failed_scan import FailedScan
    from datascan.report.model import Report

INDEX = "index.html"
MAX_NAME = 80
UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")


def names_folder(name: str | None) -> bool:
    """Whether the value of ``--html`` is a folder: it ends with a slash, or exists as one."""
    ends = ("/", os.sep)
    return bool(name) and (str(name).endswith(ends) or Path(str(name)).is_dir())


def name_pages(paths: Iterable[Path]) -> dict[str, str]:
    """The file names of pages by the paths of datasets as reports show them; all different.

    They differ in more than case, and no name in them has a meaning for a browser.
    """
    found: dict[str, str] = {}
    taken = {INDEX}
    for path in paths:
        plain = UNUSUAL.sub("-", str(path)).strip("-.")[-MAX_NAME:].strip("-.") or "dataset"
        name, number = f"{plain}.html", 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}.html"
        taken.add(name.lower())
        found[escape_surrogates(str(path))] = name
    return found


@dataclass(frozen=True)
class PageFolder:
    """A folder of pages: ``pages`` are their names by the paths of datasets."""

    folder: Path
    pages: dict[str, str]

    @classmethod
    def of(cls, name: str, paths: Sequence[Path]) -> PageFolder:
        """The folder of this name, for the datasets at ``paths``."""
        return cls(Path(name), name_pages(paths))

    def check(self, guard: Guard) -> None:
        """Find out before the scans whether all pages can be written.

        Raises:
            UsageError: if one of them is read, or the folder belongs to a dataset.
            OutputError: if one cannot be written, or datascan did not write it.
        """
        from datascan.cli.doors import is_in_dataset

        exists = self.folder.is_dir()
        if exists and is_in_dataset(self.folder):
            raise UsageError(f"--html: {self.folder} holds a dataset, so nothing is written there")
        if not exists:
            check_writable(self.folder)
        for name in (INDEX, *self.pages.values()):
            guard.check("--html", self.folder / name)
            if exists:
                check_writable(self.folder / name)

    def write(
        self, reports: Sequence[Report], failed: Sequence[FailedScan], files: OutputFiles
    ) -> None:
        """Write the pages and the index; what fails costs that page only."""
        from datascan.outputs.html.index import render_index

        try:
            with translated_errors(self.folder):
                self.folder.mkdir(exist_ok=True)
        except DatascanError as error:
            files.failures.append(str(error))
            return
        written = {}
        for report in reports:
            name = self.pages[report.dataset.path]
            if files.write_file("html", self.folder / name, partial(render_page, report)):
                written[report.dataset.path] = name
        index = partial(render_index, reports, failed, written)
        if files.write_file("html", self.folder / INDEX, lambda: [index()]):
            count = pluralize(len(written), "page")
            files.written.append(f"wrote {self.folder / INDEX} (and {count})")


def render_page(report: Report) -> list[str]:
    """The page of one dataset."""
    from datascan.outputs import html

    return [html.render([report])]
