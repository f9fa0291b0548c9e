"""A database or broker that is away is told once, then counted: every part meets it many times a second, and libraries
add a traceback each time."""

from __future__ import annotations

import logging
import threading
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from structlog.typing import EventDict

from currents_admin.log_faults import fault_in

DATABASE, BROKER = "database.away", "broker.away"
# How often the count is told while it goes on; a silence this long ends an outage.
TELL_EVERY_SECONDS = 30.0

_DATABASE_FAULTS = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
_BROKER_FAULTS = (BrokerError, RedisConnectionError, RedisTimeoutError)
# They speak of the broker's connection only, in sentences and tracebacks of their own.
_BROKER_LOGGERS = ("celery.worker.consumer.consumer", "celery.beat", "kombu.connection")
# By SQLSTATE class: connection, resources, operator intervention (but a statement that was cancelled is no outage).
_AWAY_STATES, _CANCELLED = ("08", "53", "57"), "57014"


def named(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """A processor of structlog: a line about any fault that is an outage becomes the line about the outage."""
    fault = fault_in(line.get("exc_info"))
    if away := _outage(fault):
        del line["exc_info"]
        line.update(event=away, doing=line["event"], error=type(fault).__name__)
    return line


class OnceAnOutage(logging.Filter):
    """Lets the first line of an outage pass, and tells the number of the others every half minute. Django's sentence
    about an answer of 503 is none of them: probes ask each second, and what is behind it has a line of its own."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._guard = threading.Lock()
        self._held_back: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not isinstance(record.msg, dict):
            if record.name == "django.request" and _is_answer_503(record):
                return False
            away = _outage_told_by(record)
            if away is None:
                return True
            _reword(record, away)
        line: Any = record.msg
        if line["event"] not in (DATABASE, BROKER) or "times" in line:
            return True
        return self._is_first(line["event"])

    def _is_first(self, away: str) -> bool:
        with self._guard:
            if away in self._held_back:
                self._held_back[away] += 1
                return False
            self._held_back[away] = 0
        self._tell_later(away)
        return True

    def _tell_later(self, away: str) -> None:
        timer = threading.Timer(TELL_EVERY_SECONDS, self._tell, (away,))
        timer.daemon = True
        timer.start()

    def _tell(self, away: str) -> None:
        with self._guard:
            times = self._held_back.pop(away)
            if times:
                self._held_back[away] = 0
        if times:
            self._tell_later(away)
            log = logging.getLogger(__name__)
            line = {"event": away, "times": times, "seconds": round(TELL_EVERY_SECONDS)}
            record = log.makeRecord(__name__, logging.WARNING, "", 0, "", (), None)
            _replace(record, line)
            log.handle(record)


def is_away(fault: BaseException) -> bool:
    """Whether this error of the database's driver is about the database as a whole, not about a statement."""
    of_driver = fault if isinstance(fault, psycopg.Error) else fault.__cause__
    state = getattr(of_driver, "sqlstate", None)
    return state is None or (state[:2] in _AWAY_STATES and state != _CANCELLED)


def _outage(fault: BaseException | None) -> str | None:
    if isinstance(fault, _BROKER_FAULTS):
        return BROKER
    return DATABASE if isinstance(fault, _DATABASE_FAULTS) and is_away(fault) else None


def _is_answer_503(record: logging.LogRecord) -> bool:
    return getattr(record, "status_code", None) == 503 and not record.exc_info


def _outage_told_by(record: logging.LogRecord) -> str | None:
    """Of a library's record."""
    if record.levelno < logging.WARNING:
        return None
    return BROKER if record.name in _BROKER_LOGGERS else _outage(fault_in(record.exc_info))


def _reword(record: logging.LogRecord, away: str) -> None:
    fault = fault_in(record.exc_info)
    record.levelno, record.levelname = logging.WARNING, "WARNING"
    _replace(
        record, {"event": away, "doing": record.name} | ({"error": type(fault).__name__} if fault else {})
    )


def _replace(record: logging.LogRecord, line: dict[str, Any]) -> None:
    """Makes it a record as structlog's formatter expects one of ours."""
    record.msg, record.args, record.exc_info, record.exc_text = line, (), None, None
    record.__dict__ |= {"_logger": None, "_name": "warning"}
