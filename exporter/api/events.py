"""Intake: the door through which events enter, `POST /api/v1/events`.

What it answers decides what Braze does: 2xx and it forgets the events, 401 or 403 and it drops them, 429 and
5xx and it sends them again. So nothing is acknowledged before it is stored, and a fault of ours is always a
503.
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable

import msgspec
from django.conf import settings
from django.db import Error, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from connectors.models import Scope
from exporter.api import bearer, request_body
from exporter.api.bearer import BadToken, Token, WrongScope
from exporter.api.problem import problem
from exporter.api.rate_limit import Ceiling
from exporter.intake import appender, notifier, refusals
from exporter.intake.appender import Unavailable
from exporter.intake.normalise import BadBody, TooManyEvents, parse_body
from exporter.intake.refusals import Refusal
from exporter.intake.store import Receipt, Submission

log = logging.getLogger(__name__)


@functools.lru_cache(maxsize=4)
def _ceiling(rate: float) -> Ceiling:
    return Ceiling(rate)


def _never_500(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Whatever goes wrong, the sender is asked to come again. The log gets the place, not the error's text:
    that may quote an event."""

    @functools.wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        try:
            answer = view(request)
        except Exception as error:
            place = "".join(traceback.format_tb(error.__traceback__, limit=-4))
            log.error("Intake failed (%s).\n%s", type(error).__name__, place)
            answer = problem(503, "Something went wrong here. Send the same again.", Retry_After="5")
        if answer.status_code >= 400:
            request_body.discard(request)
        return answer

    return guarded


@csrf_exempt
@transaction.non_atomic_requests
@_never_500
def intake(request: HttpRequest) -> HttpResponse:
    """Takes events in any of the forms of `exporter.bodies`; see `docs/` for the table of answers."""
    if request.method != "POST":
        return problem(405, "Send events with POST.", Allow="POST")
    try:
        token = bearer.check(request.headers.get("Authorization", ""), Scope.INTAKE)
    except BadToken as error:
        return problem(401, str(error), WWW_Authenticate="Bearer")
    except WrongScope as error:
        return problem(403, str(error))
    except Error:
        return problem(
            503, "The token cannot be checked at the moment. Send the same again.", Retry_After="5"
        )
    try:
        raws = parse_body(request_body.read_body(request))
    except request_body.Refused as error:
        return problem(error.status, str(error))
    except TooManyEvents as error:
        return problem(413, str(error))
    except BadBody as error:
        return problem(400, str(error))
    if not raws:
        notifier.wake()
        return _answer(200, Receipt(0, 0), [])
    return _take(token, raws)


def _take(token: Token, raws: list[bytes]) -> HttpResponse:
    if rate := settings.CURRENTS_INTAKE_RATE:
        seconds = _ceiling(rate).wait(token.id, len(raws))
        if seconds:
            return problem(
                429,
                f"This token may send {rate:g} events a second. Send the same again later.",
                Retry_After=str(seconds),
            )
    events, refused = refusals.sort_out(raws)
    try:
        receipt = appender.current().submit(Submission(token.workspace_id, events, refused))
    except Unavailable as error:
        return problem(503, f"{error} Send the same again.", Retry_After=str(error.retry_after))
    return _answer(202, receipt, refused)


def _answer(status: int, receipt: Receipt, refused: list[Refusal]) -> HttpResponse:
    body = {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "rejected": [{"index": one.place, "id": one.id, "reason": one.reason} for one in refused],
    }
    return HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")
