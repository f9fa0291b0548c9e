"""Sources in the API's description."""

from __future__ import annotations

from typing import Any

from exporter.api.openapi_parts import COUNT, TIME, object_of, problems, ref
from exporter.reports.source_state import SourceHealth

_SOURCE = object_of(
    {
        "id": {"type": "integer"},
        "url": {"type": "string"},
        "health": {"type": "string", "enum": [health.value for health in SourceHealth]},
        "trouble": {"type": "string", "description": "A sentence, empty where it can be read."},
        "failing_since": TIME,
        "late_since": {**TIME, "description": "New objects have been waiting for over an hour since then."},
        "lag_seconds": {"type": "number", "minimum": 0},
        "objects_waiting": COUNT,
        "objects_set_aside": COUNT,
        "objects_taken": COUNT,
        "accepted": COUNT,
        "duplicates": COUNT,
        "refused": COUNT,
        "last_object": {"type": "string"},
        "last_object_at": TIME,
    }
)


def schemas() -> dict[str, Any]:
    return {"Source": _SOURCE}


def paths() -> dict[str, Any]:
    return {"/api/v1/sources": {"get": _list()}}


def _list() -> dict[str, Any]:
    listed = {"type": "array", "items": ref("Source")}
    schema = {"type": "object", "required": ["sources"], "properties": {"sources": listed}}
    return {
        "operationId": "listSources",
        "summary": "The buckets and folders the token's workspace follows",
        "description": "Scope `read`. Keys are never told.",
        "responses": {
            "200": {"description": "The sources.", "content": {"application/json": {"schema": schema}}},
            **problems(400, 401, 403, 405, 503),
        },
    }
