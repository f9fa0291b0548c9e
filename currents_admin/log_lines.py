"""Lines for the log: one event each, with what belongs to it by name; JSON or for people to read.

Every line passes here, those of libraries too, so what must not be told is kept back in one place: an address that is
a secret is shortened, and of an exception its text is left out (`log_faults`).
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict

from currents_admin import log_faults, log_outages

JSON, READABLE = "json", "text"
FORMS = (READABLE, JSON)

# What follows opens a door: an invitation, a new password, a sign-in.
_SECRET_PATHS = re.compile(r"(/(?:invitations|accounts/password/reset/key|accounts/unlock)/)[^\s/?\"']+")
_NEEDS_QUOTES = re.compile(r"[\s\"=]")
_FIRST = ("time", "level", "event")


class SafeFormatter(ProcessorFormatter):
    """Shortens secret addresses wherever a line quotes them."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET_PATHS.sub(r"\1…", super().format(record))


def settings(level: str, form: str, *, debug: bool) -> dict[str, Any]:
    """Django's `LOGGING`: everything to standard error. `debug` tells texts of exceptions too, for developers."""
    told = log_faults.told_to_developers if debug else log_faults.told
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            log_outages.named,
            told,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Django has handlers of its own for these, with lines of their own.
    taken_over: dict[str, Any] = {
        name: {"handlers": [], "propagate": True} for name in ("django", "django.server")
    }
    quieter = ("django.db.backends", "urllib3", "kombu", "django.server")
    # Celery tells of every message it takes; chores have lines of their own.
    celerys = ("celery.worker.strategy", "celery.app.trace")
    levels = dict.fromkeys(quieter, "WARNING") | dict.fromkeys(
        celerys, "INFO" if level == "DEBUG" else "WARNING"
    )
    line = {
        "()": "currents_admin.log_lines.SafeFormatter",
        "foreign_pre_chain": [_with_task, told],
        "processors": [_with_record, _as_json if form == JSON else _as_text],
    }
    console = {"class": "logging.StreamHandler", "formatter": "line", "filters": ["outages"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line},
        "filters": {"outages": {"()": "currents_admin.log_outages.OnceAnOutage"}},
        "handlers": {"console": console},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {name: {**taken_over.get(name, {}), "level": its} for name, its in levels.items()}
        | {"django": taken_over["django"]},
    }


def _with_task(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """Celery puts the exception's text into its sentence about a task that failed."""
    record: logging.LogRecord = line["_record"]
    if record.name == "celery.app.trace" and "exc_info" in line:
        line["event"], line["task"] = "task.failed", getattr(record, "data", {}).get("name", "")
    return line


def _with_record(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """Adds what the record knows, the same for lines of ours and of libraries."""
    record: logging.LogRecord = line.pop("_record")
    if not line.pop("_from_structlog"):
        line["logger"] = record.name
    moment = datetime.fromtimestamp(record.created, UTC)
    line["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line["level"] = record.levelname.lower()
    return line


def _as_json(_logger: Any, _method: str, line: EventDict) -> str:
    first = {name: line.pop(name) for name in _FIRST}
    return json.dumps({**first, **line}, default=str, ensure_ascii=False)


def _as_text(_logger: Any, _method: str, line: EventDict) -> str:
    where = line.pop("place", "")
    time, level, event = (str(line.pop(name)) for name in _FIRST)
    if library := line.pop("logger", ""):
        event = f"{library}: {event}"
    # Only a line of ours begins at the margin.
    words = [time, level.upper(), event.replace("\n", "\n  ")]
    words += [f"{name}={_quoted(value)}" for name, value in line.items() if value is not None]
    return " ".join(words) + (f"\n{where.rstrip()}" if where else "")


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if _NEEDS_QUOTES.search(text) or not text else text
