"""Faults to Sentry: class, fingerprint, places in the code and ids of rows. Neither texts of exceptions nor variables,
requests or people.

An event is posted as an envelope, see https://develop.sentry.dev/sdk/foundations/transport/envelopes/; Sentry from 20.6
on, Relay and GlitchTip take it.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

from currents_admin import env_urls, log_faults
from currents_admin.env import BadEnvironment
from currents_admin.postgresql.naming import application_name
from currents_admin.telemetry.outbox import Outbox, posted
from exporter.version import VERSION

# Of one fault so often.
EVERY_SECONDS = 60.0
_MOST_REMEMBERED = 1_000
_MOST_FRAMES = 50
# Of a line, what is told besides its name: ids and names of ours.
_TAGS = ("workspace", "connector", "delivery", "task", "request", "logger", "doing")


@dataclass(frozen=True, slots=True)
class Project:
    """What a DSN says: where envelopes go, and with which key."""

    url: str
    dsn: str = field(repr=False)

    @classmethod
    def read(cls, name: str, dsn: str) -> Project:
        """Raises:
        BadEnvironment: it is none.
        """
        parts = env_urls.parts(name, dsn)
        folder, _slash, number = parts.path.rpartition("/")
        is_number = number.isascii() and number.isdigit()
        if parts.scheme not in ("http", "https") or not (parts.username and parts.hostname and is_number):
            raise BadEnvironment(f"{name} must look like https://key@sentry.example.com/1.")
        place, key = parts.netloc.rpartition("@")[2], quote(unquote(parts.username), safe="")
        question = f"?sentry_version=7&sentry_key={key}&sentry_client=currents-admin/{VERSION}"
        return cls(f"{parts.scheme}://{place}{folder}/api/{number}/envelope/{question}", dsn)


class Reporter:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._outbox: Outbox[dict[str, Any]] = Outbox("sentry", self._post, 0.0)
        self._guard = threading.Lock()
        self._told: dict[str, float] = {}

    def note(self, fault: BaseException, line: Mapping[str, Any]) -> None:
        """A fault that is written into the log; `line` is its line."""
        made = event(fault, line)
        if self._is_due(made["fingerprint"][0]):
            self._outbox.put(made)

    def _is_due(self, fingerprint: str) -> bool:
        now = time.monotonic()
        with self._guard:
            if now - self._told.get(fingerprint, -EVERY_SECONDS) < EVERY_SECONDS:
                return False
            if len(self._told) >= _MOST_REMEMBERED:
                self._told.clear()
            self._told[fingerprint] = now
        return True

    def _post(self, events: Sequence[dict[str, Any]]) -> str:
        from exporter.destinations import sender

        to = sender.endpoint(self._project.url)
        to = replace(to, head=to.head.replace(b"application/json", b"application/x-sentry-envelope"))
        why = ""
        for one in events:
            head = {"event_id": one["event_id"], "dsn": self._project.dsn}
            parts = (head, {"type": "event"}, one)
            body = "\n".join(json.dumps(part, default=str) for part in parts).encode()
            why = posted(to, body) or why
        return why


def event(fault: BaseException, line: Mapping[str, Any]) -> dict[str, Any]:
    """The whole of what is told."""
    frames = [
        {"filename": _short(frame.filename), "function": frame.name, "lineno": frame.lineno}
        for frame in traceback.extract_tb(fault.__traceback__)
    ][-_MOST_FRAMES:]
    kind = type(fault)
    what = {"type": kind.__name__, "module": kind.__module__, "value": "", "stacktrace": {"frames": frames}}
    tags = {name: str(line[name])[:200] for name in _TAGS if line.get(name) not in (None, "")}
    return {
        "event_id": uuid4().hex,
        "timestamp": time.time(),
        "platform": "python",
        "level": "error",
        "release": f"currents-admin@{VERSION}",
        "server_name": socket.gethostname(),
        "fingerprint": [log_faults.fingerprint(fault)],
        "exception": {"values": [what]},
        "tags": tags | {"part": application_name().partition("@")[0]},
        "transaction": _named(line),
    }


def _named(line: Mapping[str, Any]) -> str:
    """A line of ours has a name; a library's is a sentence, which may quote what it was about."""
    record = line.get("_record")
    return str(line["event"]) if record is None else record.name


def _short(path: str) -> str:
    """From the package on: where a server keeps its code is nobody's business."""
    _, mark, rest = path.rpartition("site-packages/")
    return rest if mark else "/".join(path.split("/")[-3:])
