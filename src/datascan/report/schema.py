"""The JSON Schema of the report, as shipped; generated from datascan.report.model."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from datascan.report.model import SCHEMA, Report


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report, from the types above; allows nothing besides."""
    schema = msgspec.json.schema(Report)
    for definition in schema["$defs"].values():
        definition["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **schema,
    }


def schema_text() -> str:
    """The JSON Schema as text: what is shipped as ``schema/report-1.json``."""
    return json.dumps(json_schema(), indent=2) + "\n"
