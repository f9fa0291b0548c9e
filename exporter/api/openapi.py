"""The API's description in OpenAPI 3.1, served at `/api/v1/openapi.json`."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from exporter.intake.body_forms import MOST_EVENTS
from exporter.intake.normalise import LONGEST_ID, LONGEST_TYPE, TIME_LIMIT
from exporter.ledger.outcomes import Outcome
from exporter.reports.health import Health
from exporter.version import VERSION


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


_TIME = {"type": ["string", "null"], "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}

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
_REFUSED = _object({"index": _COUNT, "id": {"type": ["string", "null"]}, "reason": {"type": "string"}})
_RECEIPT = _object(
    {"accepted": _COUNT, "duplicates": _COUNT, "rejected": {"type": "array", "items": _REFUSED}}
)
_STATUS = _object(
    {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "type": {"type": "string"},
        "region": {"type": "string", "enum": ["us", "eu"]},
        "health": {"type": "string", "enum": [health.value for health in Health]},
        "received": _COUNT,
        "outcomes": _object({outcome.value: _COUNT for outcome in Outcome}),
        "pending": _COUNT,
        "lag_seconds": {"type": "number", "minimum": 0},
        "failing_since": _TIME,
        "next_attempt_at": _TIME,
        "last_accepted_at": _TIME,
        "first_loss_at": _TIME,
        "verified": {"type": "boolean"},
    }
)
_OUTCOMES = _object({outcome.value: _COUNT for outcome in Outcome})
_WANTED = {
    "type": "object",
    "required": ["since"],
    "additionalProperties": False,
    "properties": {
        "since": {"type": "string", "format": "date-time"},
        "until": {**_TIME, "description": "Now, where it is left out."},
        "event_types": {"type": ["array", "null"], "items": {"type": "string", "maxLength": 200}},
        "outcomes": {
            "type": ["array", "null"],
            "items": {"type": "string", "enum": [*(outcome.value for outcome in Outcome), "everything"]},
            "description": "What the events are for the connector now; `expired` and `rejected` where it is left out.",
        },
        "ids": {"type": "string", "enum": ["same", "new"]},
        "rate": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 1_000_000,
            "description": "Events a second.",
        },
    },
}
_REPLAY = _object(
    {
        "id": {"type": "integer"},
        "state": {"type": "string", "enum": ["waiting", "running", "paused", "done", "cancelled", "failed"]},
        "since": _TIME,
        "until": _TIME,
        "event_types": {"type": "array", "items": {"type": "string"}},
        "asked_for": {"type": "array", "items": {"type": "string"}},
        "ids": {"type": "string", "enum": ["same", "new"]},
        "rate": {"type": ["integer", "null"]},
        "events": _COUNT,
        "done": _COUNT,
        "outcomes": _OUTCOMES,
        "created_at": _TIME,
        "finished_at": _TIME,
    }
)
_PROBLEM = _object(
    {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    }
)

_EVENTS = {"type": "array", "items": _ref("Event"), "maxItems": MOST_EVENTS}
# By itself an object with `events` is taken for a list of them.
_LONE_EVENT = {"allOf": [_ref("Event"), {"not": {"required": ["events"]}}]}
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
            "/api/v1/connectors/{id}/replays": {"get": _replays(), "post": _begin_replay()},
            "/api/v1/connectors/{id}/replays/{replay}": {"get": _replay()},
            "/api/v1/connectors/{id}/replays/{replay}/{verb}": {"post": _change_replay()},
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
                "Wanted": _WANTED,
                "Replay": _REPLAY,
                "Problem": _PROBLEM,
            },
            "responses": {"Problem": _answer("What is wrong, in a sentence.", "Problem", problem=True)},
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
            "200": _answer("The body held no events.", "Receipt"),
            "202": _answer("Every event was judged; the good ones are stored.", "Receipt"),
            **_problems(400, 401, 403, 405, 413, 415, 429, 503),
        },
    }


def _list() -> dict[str, Any]:
    answer = {
        "description": "The statuses of the workspace's connectors.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["connectors"],
                    "properties": {"connectors": {"type": "array", "items": _ref("Status")}},
                }
            }
        },
    }
    return {
        "operationId": "listConnectors",
        "summary": "All connectors of the token's workspace",
        "description": "Scope `read`.",
        "responses": {"200": answer, **_problems(400, 401, 403, 405, 503)},
    }


def _status() -> dict[str, Any]:
    return {
        "operationId": "connectorStatus",
        "summary": "How a connector's delivery stands",
        "description": "Scope `read`. Totals since launch: received = the sum of the outcomes + pending.",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
        ],
        "responses": {
            "200": _answer("The connector's status.", "Status"),
            **_problems(400, 401, 403, 404, 405, 503),
        },
    }


_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_NUMBER = {**_ID, "name": "replay"}
_VERB = {
    "name": "verb",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": ["pause", "resume", "cancel"]},
}


def _replays() -> dict[str, Any]:
    listed = {"type": "array", "items": _ref("Replay")}
    schema = {"type": "object", "required": ["replays"], "properties": {"replays": listed}}
    return {
        "operationId": "listReplays",
        "summary": "The replays of a connector, the newest first",
        "description": "Scope `read`.",
        "parameters": [_ID],
        "responses": {
            "200": {"description": "The replays.", "content": {"application/json": {"schema": schema}}},
            **_problems(400, 401, 403, 404, 405, 503),
        },
    }


def _begin_replay() -> dict[str, Any]:
    return {
        "operationId": "beginReplay",
        "summary": "Deliver again what was received in a span of time",
        "description": "Scope `write`. One replay of a connector runs at a time; others wait for it.",
        "parameters": [_ID],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Wanted")}}},
        "responses": {
            "201": _answer("It was begun.", "Replay"),
            **_problems(400, 401, 403, 404, 405, 422, 503),
        },
    }


def _replay() -> dict[str, Any]:
    return {
        "operationId": "replay",
        "summary": "How a replay stands",
        "description": "Scope `read`.",
        "parameters": [_ID, _NUMBER],
        "responses": {"200": _answer("The replay.", "Replay"), **_problems(400, 401, 403, 404, 405, 503)},
    }


def _change_replay() -> dict[str, Any]:
    return {
        "operationId": "changeReplay",
        "summary": "Pause, resume or cancel a replay",
        "description": "Scope `write`. What was accepted stays accepted.",
        "parameters": [_ID, _NUMBER, _VERB],
        "responses": {
            "200": _answer("The replay as it is now.", "Replay"),
            **_problems(400, 401, 403, 404, 405, 409, 503),
        },
    }


def _answer(text: str, schema: str, *, problem: bool = False) -> dict[str, Any]:
    kind = "application/problem+json" if problem else "application/json"
    return {"description": text, "content": {kind: {"schema": _ref(schema)}}}


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": "#/components/responses/Problem"} for status in statuses}
