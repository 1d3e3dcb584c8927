"""The page: template, style, script and data, and the policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from datascan.outputs.html.limits import LIMITS, MAX_BYTES
from datascan.outputs.html.page_view import PageView, build_page
from datascan.report.failed_scan import FailedScan
from datascan.report.model import Report
from datascan.text import escape_in_json

MARKUP = {ord(c): f"\\u{ord(c):04x}" for c in "<>&"}
STYLES = ("vendor/uPlot.min.css", "assets/report.css")
SCRIPTS = ("vendor/uPlot.iife.min.js", "assets/tables.js", "assets/charts.js", "assets/page.js")


def page(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """The page; if it would be too large, with less of everything that can be left out."""
    text = ""
    for limits in LIMITS:
        text = rendered(build_page(reports, failed, limits))
        if len(text.encode("utf-8", "backslashreplace")) <= MAX_BYTES:
            break
    return text


def rendered(view: PageView) -> str:
    """The page as HTML."""
    style, script = asset(STYLES), asset(SCRIPTS)
    policy = (
        f"default-src 'none'; img-src data:; script-src '{digest(script)}'; "
        f"style-src '{digest(style)}'; base-uri 'none'; form-action 'none'"
    )
    text = (
        environment()
        .get_template("page.html.jinja")
        .render(
            page=view,
            policy=policy,
            style=Markup(style),  # noqa: S704  (our own files)
            script=Markup(script),  # noqa: S704  (our own files)
            data=Markup(data_text(view.data)),  # noqa: S704  (it cannot end the element)
        )
    )
    return f"{text}\n"


@cache
def environment() -> Environment:
    """The templates; all values in them are escaped."""
    return Environment(
        loader=PackageLoader("datascan.outputs.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def asset(names: tuple[str, ...]) -> str:
    """The text of several files of this package."""
    home = files("datascan.outputs.html")
    return "\n".join(home.joinpath(name).read_text("utf-8") for name in names)


def digest(text: str) -> str:
    """The source expression that allows exactly this script or style (CSP level 2)."""
    hashed = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(hashed).decode()}"


def data_text(data: Any) -> str:
    """JSON for a script element: characters with a meaning in HTML are escaped."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return escape_in_json(text).translate(MARKUP)
