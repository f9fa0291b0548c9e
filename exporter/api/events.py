"""Intake: the door through which events enter, `POST /api/v1/events`.

What it answers decides what Braze does: 2xx and it forgets the events, 401 or 403 and it drops them, 429 and
5xx and it sends them again. So nothing is acknowledged before it is stored, and a fault of ours is always a
503.

It is written against WSGI and not against Django's request, because most bodies come the short way
(`exporter.api.short_way`).
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db import Error, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from connectors.models import Scope
from exporter.api import bearer, problem, request_body
from exporter.api.bearer import BadToken, Token, WrongScope
from exporter.api.rate_limit import Ceiling
from exporter.intake import appender, refusals, whole_body
from exporter.intake.appender import Unavailable
from exporter.intake.normalise import BadBody, Incoming, TooManyEvents, parse_body
from exporter.intake.refusals import Refusal
from exporter.intake.store import Receipt, Submission

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode


class IntakeAnswer(NamedTuple):
    """What is answered: status, body, and the headers that belong to it, Content-Type first."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...]


@csrf_exempt
@transaction.non_atomic_requests
def intake(request: HttpRequest) -> HttpResponse:
    """The address as Django serves it; see `take`."""
    answer = take(request.META)
    return HttpResponse(answer.content, status=answer.status, headers=dict(answer.headers))


def take(environ: Mapping[str, Any]) -> IntakeAnswer:
    """Takes events in any of the forms of `exporter.intake.body_forms`; see `docs/` for the table of answers.

    Whatever goes wrong, the sender is asked to come again. The log gets the place, not the error's text: that may
    quote an event.
    """
    body = request_body.RequestBody(environ)
    try:
        answer = _take(environ, body)
    except Exception as error:
        place = "".join(traceback.format_tb(error.__traceback__, limit=-4))
        log.error("Intake failed (%s).\n%s", type(error).__name__, place)
        answer = _problem(503, "Something went wrong here. Send the same again.", Retry_After="5")
    if answer.status >= 400:
        body.discard()
    return answer


def _take(environ: Mapping[str, Any], body: request_body.RequestBody) -> IntakeAnswer:
    if environ["REQUEST_METHOD"] != "POST":
        return _problem(405, "Send events with POST.", Allow="POST")
    try:
        token = bearer.check(environ.get("HTTP_AUTHORIZATION", ""), Scope.INTAKE)
    except BadToken as error:
        return _problem(401, str(error), WWW_Authenticate="Bearer")
    except WrongScope as error:
        return _problem(403, str(error))
    except Error:
        return _problem(
            503, "The token cannot be checked at the moment. Send the same again.", Retry_After="5"
        )
    try:
        content = body.read()
        whole = whole_body.read(content)
        raws = parse_body(content) if whole is None else []
    except request_body.BodyRefused as error:
        return _problem(error.status, str(error))
    except TooManyEvents as error:
        return _problem(413, str(error))
    except BadBody as error:
        return _problem(400, str(error))
    count = len(raws) if whole is None else len(whole)
    if not count:
        return _answer(200, Receipt(0, 0), [])
    if seconds := _too_fast(token, count):
        return _problem(
            429,
            f"This token may send {settings.CURRENTS_INTAKE_RATE:g} events a second. Send the same again later.",
            Retry_After=str(seconds),
        )
    events = None if whole is None else whole.normalised()
    if events is not None:
        return _store(token, events, [])
    return _store(token, *refusals.sort_out(raws or parse_body(content)))


def _too_fast(token: Token, count: int) -> int:
    """The seconds after which so many may come again; 0 where they may come now."""
    rate = settings.CURRENTS_INTAKE_RATE
    return _ceiling(rate).wait(token.id, count) if rate else 0


def _store(token: Token, events: list[Incoming], refused: list[Refusal]) -> IntakeAnswer:
    try:
        receipt = appender.current().submit(Submission(token.workspace_id, events, refused))
    except Unavailable as error:
        return _problem(503, f"{error} Send the same again.", Retry_After=str(error.retry_after))
    return _answer(202, receipt, refused)


@functools.lru_cache(maxsize=4)
def _ceiling(rate: float) -> Ceiling:
    return Ceiling(rate)


def _answer(status: int, receipt: Receipt, refused: list[Refusal]) -> IntakeAnswer:
    body = {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "rejected": [{"index": one.place, "id": one.id, "reason": one.reason} for one in refused],
    }
    return IntakeAnswer(status, _encode(body), (("Content-Type", "application/json"),))


def _problem(status: int, detail: str, **headers: str) -> IntakeAnswer:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return IntakeAnswer(
        status, problem.content(status, detail), (("Content-Type", problem.CONTENT_TYPE), *named)
    )
