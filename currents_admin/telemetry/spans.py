"""Spans to an OpenTelemetry collector: one for each request with events and for each attempt at a destination, with
what its line in the log says.

OTLP over HTTP in JSON, see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from structlog.contextvars import get_contextvars

from currents_admin.env import BadEnvironment
from currents_admin.postgresql.naming import application_name
from currents_admin.telemetry.outbox import Outbox, posted
from exporter.version import VERSION

PAUSE_SECONDS = 2.0
_SERVER, _CLIENT = 2, 3
_ERROR = {"code": 2}
# By the name of a line: the span's name, its kind, and whether it tells of something that went wrong.
_SPANS = {
    "intake.request": ("intake.request", _SERVER, False),
    "intake.request_refused": ("intake.request", _SERVER, True),
    "delivery.attempt": ("delivery.attempt", _CLIENT, False),
    "delivery.attempt_failed": ("delivery.attempt", _CLIENT, True),
}

# What the conventions of OpenTelemetry have a name for.
_NAMES = {"status": "http.response.status_code"}


def headers(name: str, words: Sequence[str]) -> bytes:
    """Words such as `key=value`, percent-encoded, as lines of a request's head.

    Raises:
        BadEnvironment: it does not look so.
    """
    lines = []
    for word in words:
        key, equals, value = (unquote(part.strip()) for part in word.partition("="))
        if not (key and equals and (key + value).isascii() and (key + value).isprintable()) or ":" in key:
            raise BadEnvironment(f"{name} must look like key=value,key=value.")
        lines.append(f"{key}: {value}\r\n")
    return "".join(lines).encode("ascii")


class Tracer:
    def __init__(self, endpoint: str, more_head: bytes = b"", pause: float = PAUSE_SECONDS) -> None:
        self._url, self._more_head = f"{endpoint}/v1/traces", more_head
        self._outbox: Outbox[dict[str, Any]] = Outbox("opentelemetry", self._post, pause)
        self._source = _attributes(
            {
                "service.name": "currents-admin",
                "service.version": VERSION,
                "service.instance.id": application_name(),
                "host.name": socket.gethostname(),
            }
        )

    def note(self, line: str, facts: Mapping[str, Any]) -> None:
        """What is about to be written into the log, each time: here nothing is summed up."""
        if line in _SPANS:
            self._outbox.put(span(line, {**facts, **get_contextvars()}))

    def _post(self, spans: Sequence[dict[str, Any]]) -> str:
        from exporter.destinations import sender

        scope = {"scope": {"name": "currents-admin"}, "spans": list(spans)}
        content = {"resourceSpans": [{"resource": {"attributes": self._source}, "scopeSpans": [scope]}]}
        body = json.dumps(content).encode()
        to = sender.endpoint(self._url)
        return posted(replace(to, head=to.head + self._more_head), body)


def span(line: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """It ends now and has taken the line's `ms`."""
    name, kind, failed = _SPANS[line]
    end = time.time_ns()
    named = {_NAMES.get(key, f"currents.{key}"): value for key, value in facts.items()}
    made = {
        "traceId": secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(end - int(facts.get("ms") or 0) * 1_000_000),
        "endTimeUnixNano": str(end),
        "attributes": _attributes(named),
    }
    return made | ({"status": _ERROR} if failed else {})


def _attributes(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in facts.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}
