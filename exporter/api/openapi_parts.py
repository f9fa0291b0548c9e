"""What the parts of the API's description share."""

from __future__ import annotations

from typing import Any

from exporter.ledger.outcomes import Outcome


def object_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


TIME = {"type": ["string", "null"], "format": "date-time"}
COUNT = {"type": "integer", "minimum": 0}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}

OUTCOMES = object_of({outcome.value: COUNT for outcome in Outcome})


def answer(text: str, schema: str, *, problem: bool = False) -> dict[str, Any]:
    kind = "application/problem+json" if problem else "application/json"
    return {"description": text, "content": {kind: {"schema": ref(schema)}}}


def problems(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": "#/components/responses/Problem"} for status in statuses}
