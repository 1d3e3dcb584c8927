"""The whole page: template, style, script, data, and the policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from datascan.outputs.html.limits import LIMITS, MAX_BYTES
from datascan.outputs.html.view_model import ReportView, build_view
from datascan.report.model import Report

HARMFUL = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
STYLES = ("vendor/uPlot.min.css", "assets/report.css")
SCRIPTS = ("vendor/uPlot.iife.min.js", "assets/tables.js", "assets/charts.js", "assets/page.js")


def page(report: Report) -> str:
    """The page; where it would be too large, with less of everything that can be left out."""
    text = ""
    for limits in LIMITS:
        text = rendered(build_view(report, limits))
        if len(text.encode("utf-8", "backslashreplace")) <= MAX_BYTES:
            break
    return text


def rendered(view: ReportView) -> str:
    """The page of what is to be shown."""
    style, script = asset(STYLES), asset(SCRIPTS)
    policy = (
        f"default-src 'none'; img-src data:; script-src '{digest(script)}'; "
        f"style-src '{digest(style)}'; base-uri 'none'; form-action 'none'"
    )
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            report=view,
            policy=policy,
            style=Markup(style),  # noqa: S704  (our own files)
            script=Markup(script),  # noqa: S704
            data=Markup(data_text(view.data)),  # noqa: S704  (nothing in it can end the element)
        )
    )


@cache
def environment() -> Environment:
    """The templates; whatever is put into them is escaped."""
    return Environment(
        loader=PackageLoader("datascan.outputs.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def asset(names: tuple[str, ...]) -> str:
    """Our own files, one after the other."""
    home = files("datascan.outputs.html")
    return "\n".join(home.joinpath(name).read_text("utf-8") for name in names)


def digest(text: str) -> str:
    """The source expression that allows exactly this script or style (CSP level 2)."""
    hashed = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(hashed).decode()}"


def data_text(data: Any) -> str:
    """JSON that can stand in a script element: no character in it means anything to HTML."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.translate(HARMFUL)
