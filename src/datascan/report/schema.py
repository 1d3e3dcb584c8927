"""The JSON Schema of the report, generated from :mod:`datascan.report.model`."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from datascan.report.model import SCHEMA, DatasetReport, LogReport, NetReport

KIND = "The kind of report; reports of datascan 0.1 lack it."


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report; it allows no unknown members."""
    schema = msgspec.json.schema(DatasetReport | NetReport | LogReport)
    # An extension of OpenAPI, which would require ``kind``.
    del schema["discriminator"]
    for definition in schema["$defs"].values():
        definition["additionalProperties"] = False
        if "schema" in definition["properties"]:
            definition["properties"]["kind"]["description"] = KIND
            definition["required"].remove("kind")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **schema,
    }


def schema_text() -> str:
    """The JSON Schema as text, as shipped in ``schema/report-1.json``."""
    return json.dumps(json_schema(), indent=2) + "\n"
