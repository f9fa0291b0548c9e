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
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import structlog
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
from exporter.paced_lines import PacedLines

log = structlog.get_logger(__name__)

_taken = PacedLines(__name__, "intake.request")
_refused = PacedLines(__name__, "intake.request_refused", logging.WARNING)

_encode = msgspec.json.Encoder().encode


class IntakeAnswer(NamedTuple):
    """What is answered: status, body, and the headers that belong to it, Content-Type first."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...]
    # For the log: whose body it was, and what became of it.
    facts: Mapping[str, int | str] = MappingProxyType({})


@csrf_exempt
@transaction.non_atomic_requests
def intake(request: HttpRequest) -> HttpResponse:
    """The address as Django serves it; see `take`."""
    answer = take(request.META)
    return HttpResponse(answer.content, status=answer.status, headers=dict(answer.headers))


def take(environ: Mapping[str, Any]) -> IntakeAnswer:
    """Takes events in any of the forms of `exporter.intake.body_forms`; see `docs/` for the table of answers.

    Whatever goes wrong, the sender is asked to come again.
    """
    began = time.monotonic()
    body = request_body.RequestBody(environ)
    try:
        answer = _take(environ, body)
    except Exception as error:
        log.error("intake.fault", next="the sender repeats it", exc_info=error)
        answer = _problem(503, error, "Something went wrong here. Send the same again.", Retry_After="5")
    if answer.status >= 400:
        body.discard()
    ms = round(1000 * (time.monotonic() - began))
    lines = _refused if answer.status >= 400 else _taken
    lines.write(status=answer.status, **answer.facts, ms=ms)
    return answer


def _take(environ: Mapping[str, Any], body: request_body.RequestBody) -> IntakeAnswer:
    if environ["REQUEST_METHOD"] != "POST":
        return _problem(405, "method", "Send events with POST.", Allow="POST")
    try:
        token = bearer.check(environ.get("HTTP_AUTHORIZATION", ""), Scope.INTAKE)
    except BadToken as error:
        return _problem(401, error, str(error), WWW_Authenticate="Bearer")
    except WrongScope as error:
        return _problem(403, error, str(error))
    except Error as error:
        log.error("token.not_checked", next="the sender repeats it", exc_info=error)
        why = "The token cannot be checked at the moment. Send the same again."
        return _problem(503, error, why, Retry_After="5")
    try:
        content = body.read()
        whole = whole_body.read(content)
        raws = parse_body(content) if whole is None else []
        answer = _take_events(token, content, whole, raws)
    except (request_body.BodyRefused, TooManyEvents, BadBody) as error:
        status = error.status if isinstance(error, request_body.BodyRefused) else 400
        answer = _problem(413 if isinstance(error, TooManyEvents) else status, error, str(error))
    return answer._replace(facts={"workspace": token.workspace_id, "token": token.id, **answer.facts})


def _take_events(
    token: Token, content: bytes, whole: list[msgspec.Raw] | None, raws: list[bytes]
) -> IntakeAnswer:
    """Raises:
    TooManyEvents, BadBody: see `parse_body`.
    """
    count = len(raws) if whole is None else len(whole)
    if not count:
        return _answer(200, Receipt(0, 0), [])
    if seconds := _too_fast(token, count):
        return _problem(
            429,
            "rate",
            f"This token may send {settings.CURRENTS_INTAKE_RATE:g} events a second. Send the same again later.",
            Retry_After=str(seconds),
        )
    events = None if whole is None else whole_body.normalised(whole)
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
        return _problem(503, error, f"{error} Send the same again.", Retry_After=str(error.retry_after))
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
    facts = {"accepted": receipt.accepted, "duplicates": receipt.duplicates, "refused": len(refused)}
    return IntakeAnswer(status, _encode(body), (("Content-Type", "application/json"),), facts)


def _problem(status: int, why: Exception | str, detail: str, **headers: str) -> IntakeAnswer:
    """`detail` is for the sender and may quote a body; `why` is its short form for the log."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return IntakeAnswer(
        status,
        problem.content(status, detail),
        (("Content-Type", problem.CONTENT_TYPE), *named),
        {"why": why if isinstance(why, str) else type(why).__name__},
    )
