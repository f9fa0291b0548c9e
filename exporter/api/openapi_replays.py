"""Replays in the API's description."""

from __future__ import annotations

from typing import Any

from exporter.api.openapi_parts import COUNT, ID, OUTCOMES, TIME, answer, object_of, problems, ref
from exporter.ledger.outcomes import Outcome
from exporter.models import ReplayState

_WANTED = {
    "type": "object",
    "required": ["since"],
    "additionalProperties": False,
    "properties": {
        "since": {"type": "string", "format": "date-time"},
        "until": {**TIME, "description": "Now, where it is left out."},
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
_REPLAY = object_of(
    {
        "id": {"type": "integer"},
        "state": {"type": "string", "enum": list(ReplayState.values)},
        "file": {
            "type": ["string", "null"],
            "description": "What was imported for it; null: it replays the log.",
        },
        "since": TIME,
        "until": TIME,
        "event_types": {"type": "array", "items": {"type": "string"}},
        "asked_for": {"type": "array", "items": {"type": "string"}},
        "ids": {"type": "string", "enum": ["same", "new"]},
        "rate": {"type": ["integer", "null"]},
        "events": COUNT,
        "done": COUNT,
        "outcomes": OUTCOMES,
        "created_at": TIME,
        "finished_at": TIME,
    }
)
_NUMBER = {**ID, "name": "replay"}
_VERB = {
    "name": "verb",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": ["pause", "resume", "cancel", "rate"]},
}
_RATE = object_of({"rate": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000}})


def schemas() -> dict[str, Any]:
    return {"Wanted": _WANTED, "Replay": _REPLAY}


def paths() -> dict[str, Any]:
    return {
        "/api/v1/connectors/{id}/replays": {"get": _replays(), "post": _begin_replay()},
        "/api/v1/connectors/{id}/replays/{replay}": {"get": _replay()},
        "/api/v1/connectors/{id}/replays/{replay}/{verb}": {"post": _change_replay()},
    }


def _replays() -> dict[str, Any]:
    listed = {"type": "array", "items": ref("Replay")}
    schema = {"type": "object", "required": ["replays"], "properties": {"replays": listed}}
    return {
        "operationId": "listReplays",
        "summary": "The replays of a connector, the newest first",
        "description": "Scope `read`.",
        "parameters": [ID],
        "responses": {
            "200": {"description": "The replays.", "content": {"application/json": {"schema": schema}}},
            **problems(400, 401, 403, 404, 405, 503),
        },
    }


def _begin_replay() -> dict[str, Any]:
    return {
        "operationId": "beginReplay",
        "summary": "Deliver again what was received in a span of time",
        "description": "Scope `write`. One replay of a connector runs at a time; others wait for it.",
        "parameters": [ID],
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref("Wanted")}}},
        "responses": {
            "201": answer("It was begun.", "Replay"),
            **problems(400, 401, 403, 404, 405, 422, 503),
        },
    }


def _replay() -> dict[str, Any]:
    return {
        "operationId": "replay",
        "summary": "How a replay stands",
        "description": "Scope `read`.",
        "parameters": [ID, _NUMBER],
        "responses": {"200": answer("The replay.", "Replay"), **problems(400, 401, 403, 404, 405, 503)},
    }


def _change_replay() -> dict[str, Any]:
    return {
        "operationId": "changeReplay",
        "summary": "Pause, resume or cancel a replay, or change its rate",
        "description": "Scope `write`. What was accepted stays accepted. Only `rate` has a body.",
        "parameters": [ID, _NUMBER, _VERB],
        "requestBody": {"required": False, "content": {"application/json": {"schema": _RATE}}},
        "responses": {
            "200": answer("The replay as it is now.", "Replay"),
            **problems(400, 401, 403, 404, 405, 409, 503),
        },
    }
