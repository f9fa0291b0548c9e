"""What the front refuses before any view sees it: a paced line each, without a word of the client's."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus

from gunicorn.http import errors

from currents_admin.front import answers
from currents_admin.front.admission import INTAKE
from currents_admin.front.connection import ClientConnection
from exporter.paced_lines import PacedLines

_lines = PacedLines(__name__, "front.refused", logging.WARNING)
# gunicorn's parser reads more strictly than the front; what is not named here is a 400.
_BY_PARSER: dict[type[Exception], int] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}


def refusal(conn: ClientConnection, status: int) -> bytes:
    """The answer; tells it, too. A path is told only if it is the intake's: others may name people."""
    path = INTAKE[0] if conn.head is not None and conn.head.path in INTAKE else "other"
    came, ms = max(len(conn.buffer), len(conn.whole)), round(1000 * (time.monotonic() - conn.began))
    _lines.write(status=int(status), why=answers.SENTENCES[status], path=path, bytes=came, ms=ms)
    return answers.refusal(status)


def status_of(error: Exception) -> int | None:
    """What a request is answered that gunicorn's parser does not take; None where the fault is ours."""
    if isinstance(error, errors.InvalidResponseHeader | errors.InvalidResponseHeaderName):
        return None
    return _BY_PARSER.get(type(error), 400) if isinstance(error, errors.ParseException) else None
