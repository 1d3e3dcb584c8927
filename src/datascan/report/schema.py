"""The JSON Schemas of what datascan writes, generated from the types of the documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import msgspec

from datascan.report.head import CHECK_SCHEMA
from datascan.report.model import SCHEMA, DatasetReport, LogReport, NetReport
from datascan.report.several import SeveralReports

KIND = "The kind of report; reports of datascan 0.1 lack it."

TYPES: dict[str, Any] = {
    SCHEMA: DatasetReport | NetReport | LogReport,
    CHECK_SCHEMA: SeveralReports,
}
"""The types of all documents, by their member ``schema``."""


def json_schema(name: str = SCHEMA) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document; it allows no unknown members."""
    schema = msgspec.json.schema(TYPES[name])
    for one in iter_objects(schema):
        # An extension of OpenAPI, which would require ``kind``.
        one.pop("discriminator", None)
        if isinstance(one.get("description"), str):
            # Docstrings are indented before Python 3.13.
            one["description"] = cleandoc(one["description"])
    for definition in schema["$defs"].values():
        definition["additionalProperties"] = False
        if "kind" in definition["properties"] and "schema" in definition["properties"]:
            definition["properties"]["kind"]["description"] = KIND
            definition["required"].remove("kind")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        **schema,
    }


def iter_objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects of a JSON document, the outer ones first."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from iter_objects(one)


def schema_text(name: str = SCHEMA) -> str:
    """The JSON Schema as text, as shipped in :func:`schema_file`."""
    return json.dumps(json_schema(name), indent=2) + "\n"


def schema_file(name: str) -> str:
    """The file of a schema in the package: "schema/check-1.json" for "datascan-check/1"."""
    return f"schema/{name.removeprefix('datascan-').replace('/', '-')}.json"
