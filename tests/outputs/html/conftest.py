"""A real browser, and pages opened in it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import datascan
from datascan.config.baseline import BaselineEntry, append_entries
from tests.builders.caffe import small_net, write_net
from tests.builders.caffe_logs import log_of
from tests.builders.demo import DATASETS
from tests.builders.images import photo, write_tree
from tests.builders.lmdb import datum, numbered, random_datums, write_lmdb

AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = (
    "<script>alert(1)</script>.jpg",
    '"><img src=x onerror=alert(1)>.jpg',
    "'&lt;{{7*7}}.jpg",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium: scripts/outside installs it, as root")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.is_file():
        pytest.skip("no axe-core: scripts/outside installs it, with npm")
    return AXE.read_text()


class Opened:
    """A page with all that it said and asked for."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self.dismiss)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)
        self.asked = [asked for asked in self.asked if asked not in {url, "data:,"}]

    def dismiss(self, dialog: Any) -> None:
        """A dialog is a script that ran."""
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def quiet(self) -> bool:
        """Whether nothing was said, and nothing but its own pictures asked for."""
        return not self.said and all(asked.startswith("data:image/") for asked in self.asked)


@pytest.fixture
def opened(browser, tmp_path) -> Iterator[Any]:
    """A function that opens a report, as a file, or at an address."""
    pages: list[Opened] = []

    def open_page(page: datascan.Report | str, **context: Any) -> Opened:
        url = page
        if isinstance(page, datascan.Report):
            file = tmp_path / f"{len(pages)}.html"
            file.write_text(page.to_html(), "utf-8")
            url = file.as_uri()
        pages.append(
            Opened(browser, url, **{"viewport": {"width": 1200, "height": 900}, **context})
        )
        return pages[-1]

    yield open_page
    for one in pages:
        one.context.close()


@pytest.fixture(scope="session")
def reports(tmp_path_factory) -> dict[str, datascan.Report]:
    """Reports of each backend, of a damaged store, of many classes, and of hostile keys."""
    home = tmp_path_factory.mktemp("datasets")
    found = {}
    for name, write, classes in DATASETS:
        write(home / name)
        found[name] = datascan.scan(home / name, num_classes=classes)
    cut = write_lmdb(home / "cut", numbered(random_datums(400, (3, 16, 16))))
    content = (cut / "data.mdb").read_bytes()
    (cut / "data.mdb").write_bytes(content[: len(content) * 2 // 3])
    found["damaged"] = datascan.scan(cut)
    with h5py.File(home / "many.h5", "w") as file:
        file["data"] = np.random.default_rng(0).normal(size=(30_000, 2))
        file["label"] = np.random.default_rng(1).integers(0, 10_000, 30_000)
    found["many"] = datascan.scan(home / "many.h5")
    # Each file is damaged or a duplicate, so that the report names it.
    files = {f"<b onclick=alert(1)>/{name}": photo(i)[:600] for i, name in enumerate(HOSTILE)}
    found["hostile"] = datascan.scan(
        write_tree(home / "<i>hostile</i>", files | {"b/1.jpg": photo(9)})
    )
    found["log"] = log_report(home / "log")
    found["accepted"] = accepted_report(home / "train_lmdb", home / "accepted.toml")
    return found


def log_report(home: Path) -> datascan.Report:
    """A log that broke, its net and its store: a report within a report."""
    home.mkdir()
    values = np.random.default_rng(0).random((200, 3, 8, 8)).astype(np.float32)
    values[133, 0, 0, 0] = np.nan
    write_lmdb(home / "train_lmdb", numbered(datum(x, i % 4) for i, x in enumerate(values)))
    net = write_net(home, small_net())
    log = home / "train.log"
    log.write_text(log_of([(i, 2.0 - i / 50 if i < 20 else float("nan")) for i in range(0, 50, 2)]))
    return datascan.scan_log(log, net=net)


def accepted_report(store: Path, file: Path) -> datascan.Report:
    """A store whose only NaN is accepted, with a reason that is hostile."""
    entry = BaselineEntry("nan-value", "<script>alert(1)</script>", date(2999, 1, 1), ("00000333",))
    file.write_text(append_entries([entry], None))
    return datascan.scan(store, num_classes=10, baseline=file)
