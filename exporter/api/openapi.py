"""The API's description in OpenAPI 3.1, served at `/api/v1/openapi.json`."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from exporter.api import openapi_replays, openapi_sources
from exporter.api.openapi_parts import COUNT, ID, OUTCOMES, TIME, answer, object_of, problems, ref
from exporter.intake.body_forms import MOST_EVENTS
from exporter.intake.normalise import LONGEST_ID, LONGEST_TYPE, TIME_LIMIT
from exporter.reports.health import Health
from exporter.version import VERSION

_EVENT = {
    "type": "object",
    "description": "Flat, or with the objects `user` and `properties`. Unknown fields are kept.",
    "required": ["event_type", "id", "time"],
    "properties": {
        "event_type": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_TYPE,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$",
        },
        "id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
        "time": {
            "type": "number",
            "description": "UNIX seconds",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": TIME_LIMIT,
        },
        "user": {"type": ["object", "null"]},
        "properties": {"type": ["object", "null"]},
    },
}
_REFUSED = object_of({"index": COUNT, "id": {"type": ["string", "null"]}, "reason": {"type": "string"}})
_RECEIPT = object_of(
    {"accepted": COUNT, "duplicates": COUNT, "rejected": {"type": "array", "items": _REFUSED}}
)
_STATUS = object_of(
    {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "type": {"type": "string"},
        "region": {"type": "string", "enum": ["us", "eu"]},
        "health": {"type": "string", "enum": [health.value for health in Health]},
        "received": COUNT,
        "outcomes": OUTCOMES,
        "pending": COUNT,
        "lag_seconds": {"type": "number", "minimum": 0},
        "failing_since": TIME,
        "next_attempt_at": TIME,
        "last_accepted_at": TIME,
        "first_loss_at": TIME,
        "verified": {"type": "boolean"},
    }
)
_PROBLEM = object_of(
    {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    }
)

_EVENTS = {"type": "array", "items": ref("Event"), "maxItems": MOST_EVENTS}
# By itself an object with `events` is taken for a list of them.
_LONE_EVENT = {"allOf": [ref("Event"), {"not": {"required": ["events"]}}]}
_LIST_OF_EVENTS = {"type": "object", "required": ["events"], "properties": {"events": _EVENTS}}
_BODY = {
    "required": False,
    "description": "At most 10 MB as sent, 32 MB and 10,000 events once unpacked. NDJSON is one event a "
    "line. Nothing at all is a probe, answered 200.",
    "content": {
        "application/json": {"schema": {"anyOf": [_LIST_OF_EVENTS, _EVENTS, _LONE_EVENT]}},
        "application/x-ndjson": {"schema": {"type": "array", "items": _LONE_EVENT, "maxItems": MOST_EVENTS}},
    },
}


def description() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Currents Admin",
            "version": VERSION,
            "description": "Send Currents events in; read what became of them.",
        },
        "servers": [{"url": settings.SITE_URL}],
        "security": [{"token": []}],
        "paths": {
            "/api/v1/events": {"post": _intake()},
            "/api/v1/connectors": {"get": _list()},
            "/api/v1/connectors/{id}/status": {"get": _status()},
            **openapi_replays.paths(),
            **openapi_sources.paths(),
        },
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the workspace, with the scope the operation names.",
                }
            },
            "schemas": {
                "Event": _EVENT,
                "Receipt": _RECEIPT,
                "Status": _STATUS,
                **openapi_replays.schemas(),
                **openapi_sources.schemas(),
                "Problem": _PROBLEM,
            },
            "responses": {"Problem": answer("What is wrong, in a sentence.", "Problem", problem=True)},
        },
    }


def _intake() -> dict[str, Any]:
    return {
        "operationId": "sendEvents",
        "summary": "Send events",
        "description": "Scope `intake`. An answer of 202 means that the accepted events are stored. "
        "After 429 and 503 send the same body again: what was stored already is counted as a duplicate.",
        "parameters": [
            {
                "name": "Content-Encoding",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "enum": ["gzip"]},
            }
        ],
        "requestBody": _BODY,
        "responses": {
            "200": answer("The body held no events.", "Receipt"),
            "202": answer("Every event was judged; the good ones are stored.", "Receipt"),
            **problems(400, 401, 403, 405, 413, 415, 429, 503),
        },
    }


def _list() -> dict[str, Any]:
    listed = {
        "description": "The statuses of the workspace's connectors.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["connectors"],
                    "properties": {"connectors": {"type": "array", "items": ref("Status")}},
                }
            }
        },
    }
    return {
        "operationId": "listConnectors",
        "summary": "All connectors of the token's workspace",
        "description": "Scope `read`.",
        "responses": {"200": listed, **problems(400, 401, 403, 405, 503)},
    }


def _status() -> dict[str, Any]:
    return {
        "operationId": "connectorStatus",
        "summary": "How a connector's delivery stands",
        "description": "Scope `read`. Totals since launch: received = the sum of the outcomes + pending.",
        "parameters": [ID],
        "responses": {
            "200": answer("The connector's status.", "Status"),
            **problems(400, 401, 403, 404, 405, 503),
        },
    }
