"""Replays for machines: begin one, watch it, pause, resume or cancel it. Tokens with the scope `write` (to change
something) and `read` (to look)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.dateparse import parse_datetime

from connectors.audit.actor import By
from connectors.models import Connector, Scope
from exporter import sql
from exporter.actions import replays as actions
from exporter.actions.replay_preview import DEFAULT_OUTCOMES, ReplayRefused, Wanted
from exporter.api.bearer import Token
from exporter.api.guard import with_token
from exporter.api.moments import iso
from exporter.api.problem import problem
from exporter.reports import replays
from exporter.reports.replays import ReplayProgress

_CHANGES = {"pause": actions.pause, "resume": actions.resume, "cancel": actions.cancel}
_FIELDS = {"since", "until", "event_types", "outcomes", "ids", "rate"}
MOST_BYTES = 65_536


class BadField(ValueError):
    """A field of the body is not what it should be; the text says what to send."""


@with_token({"GET": Scope.READ, "POST": Scope.WRITE})
def collection(request: HttpRequest, token: Token, connector_id: int) -> HttpResponse:
    """`GET` lists the connector's replays, the newest first; `POST` begins one."""
    connector = _connector(token, connector_id)
    if connector is None:
        return _no_connector()
    if request.method != "POST":
        return JsonResponse({"replays": [as_json(one) for one in replays.of_connector(connector)]})
    try:
        made = actions.begin(connector, _wanted(request.read(MOST_BYTES + 1)), By(None))
    except BadField as error:
        return problem(400, str(error))
    except ReplayRefused as refused:
        return problem(422, str(refused))
    return _answer(connector, made.pk, 201)


@with_token({"GET": Scope.READ})
def single(request: HttpRequest, token: Token, connector_id: int, replay_id: int) -> HttpResponse:
    connector = _connector(token, connector_id)
    return _no_connector() if connector is None else _answer(connector, replay_id)


@with_token({"POST": Scope.WRITE})
def change(request: HttpRequest, token: Token, connector_id: int, replay_id: int, verb: str) -> HttpResponse:
    """`verb` is `pause`, `resume`, `cancel`, or `rate` with a body that says it."""
    connector = _connector(token, connector_id)
    if connector is None:
        return _no_connector()
    found = connector.replays.filter(pk=replay_id).first()
    if found is None:
        return _no_replay()
    if verb not in (*_CHANGES, "rate"):
        return problem(404, "A replay can be asked to pause, resume or cancel, or for another rate.")
    try:
        if verb == "rate":
            actions.change_rate(found, _rate(_object(request.read(MOST_BYTES + 1), "rate")), By(None))
        else:
            _CHANGES[verb](found, By(None))
    except BadField as error:
        return problem(400, str(error))
    except ReplayRefused as refused:
        return problem(409, str(refused))
    return _answer(connector, replay_id)


def as_json(one: ReplayProgress) -> dict[str, Any]:
    """Times are ISO 8601 UTC or null."""
    replay = one.replay
    return {
        "id": replay.pk,
        "state": one.state.value,
        "file": one.upload.name if one.upload else None,
        "since": iso(replay.since),
        "until": iso(replay.until),
        "event_types": list(replay.event_types),
        "asked_for": list(replay.outcomes),
        "ids": "same" if replay.same_ids else "new",
        "rate": replay.rate,
        "events": replay.events,
        "done": one.done,
        "outcomes": one.outcomes,
        "created_at": iso(replay.created_at),
        "finished_at": iso(replay.finished_at),
    }


def _connector(token: Token, connector_id: int) -> Connector | None:
    return Connector.objects.filter(pk=connector_id, workspace_id=token.workspace_id).first()


def _answer(connector: Connector, replay_id: int, status: int = 200) -> HttpResponse:
    found = replays.one(connector, replay_id)
    return _no_replay() if found is None else JsonResponse(as_json(found), status=status)


def _no_connector() -> HttpResponse:
    return problem(404, "This token's workspace has no connector with this id.")


def _no_replay() -> HttpResponse:
    return problem(404, "This connector has no replay with this id.")


def _wanted(raw: bytes) -> Wanted:
    """Raises:
    BadField: the body is not what it should be.
    """
    body = _object(raw, "since")
    if unknown := sorted(set(body) - _FIELDS):
        raise BadField(
            f"“{unknown[0][:50]}” is no field of a replay; there are {', '.join(sorted(_FIELDS))}."
        )
    if body.get("ids", "same") not in ("same", "new"):
        raise BadField("“ids” is “same” or “new”.")
    return Wanted(
        since=_time(body, "since"),
        until=_time(body, "until") if body.get("until") is not None else sql.clock(),
        event_types=_words(body, "event_types", ()),
        outcomes=_words(body, "outcomes", DEFAULT_OUTCOMES),
        same_ids=body.get("ids", "same") == "same",
        rate=_rate(body),
    )


def _object(raw: bytes, needed: str) -> dict[str, Any]:
    """Raises BadField."""
    if len(raw) > MOST_BYTES:
        raise BadField("The body is too long: at most 64 kB.")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or needed not in body:
        raise BadField(f"Send a JSON object with at least “{needed}”.")
    return body


def _rate(body: dict[str, Any]) -> int | None:
    """`100.0` is a whole number in JSON. Raises BadField."""
    rate = body.get("rate")
    if isinstance(rate, float) and rate.is_integer():
        rate = int(rate)
    if rate is not None and type(rate) is not int:
        raise BadField("“rate” is a whole number of events a second, or null for no limit.")
    return rate


def _time(body: dict[str, Any], name: str) -> datetime:
    value = body.get(name)
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise BadField(f"“{name}” must be an ISO 8601 time such as 2026-11-25T10:00:00Z.")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _words(body: dict[str, Any], name: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return otherwise
    if not isinstance(value, list) or not all(isinstance(one, str) and len(one) <= 200 for one in value):
        raise BadField(f"“{name}” must be a list of words.")
    return tuple(value)
