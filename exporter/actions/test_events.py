"""Test events: one of each selected type, with ids of their own, sent with a given key at a person's request.

They do not come from the log and enter no ledger. The first is sent alone; if Segment rejects it, the others are not
sent. Segment answers 200 also to a key that belongs to no source, so the answers prove nothing by themselves.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings

from connectors.audit.actor import By
from connectors.models import NOT_SENT, WriteKey
from connectors.setup import key_rotation
from connectors.vault import sealing
from exporter.delivery import key_refusal
from exporter.destinations import packing, sender
from exporter.destinations.answer import Answer, Verdict, classify
from exporter.destinations.segment.transform import Plan, convert
from exporter.intake import normalise
from exporter.samples import generator

IN_FLIGHT = 8
# A person waits for the page, and a thread of the web server with them.
WHOLE_SECONDS = 20.0
REST_SECONDS = 5.0
# What tells the events apart in Segment, beside message ids that begin with `test-`.
TEST_USER = "currents-test-user"

_NOT_SENT = Answer(status=None, error=NOT_SENT)


def too_soon(key: WriteKey, now: datetime) -> bool:
    """A few seconds must pass between two runs, so that nobody hammers Segment by clicking."""
    return key.tested_at is not None and (now - key.tested_at).total_seconds() < REST_SECONDS


def send(key: WriteKey, by: By, event_type: str = "") -> list[dict[str, Any]]:
    """Sends the test events with this key to its region, of one type where it is selected, else one of each; stores and
    returns Segment's answer to each.

    Raises:
        connectors.vault.sealing.Unreadable: the stored key cannot be decrypted; nothing was sent.
    """
    plain = sealing.unseal(key)
    selected = key.connector.selected_events
    calls = make([event_type] if event_type in selected else selected)
    to = sender.endpoint(f"{settings.SEGMENT_URLS[key.region]}/v1/batch")
    answers = _send_all(to, sender.basic(plain), [call for _type, _id, call in calls])
    said = [
        {
            "event_type": event_type,
            "message_id": message_id,
            "status": answer.status,
            "error": answer.error,
            "milliseconds": round(answer.milliseconds),
        }
        for (event_type, message_id, _call), answer in zip(calls, answers, strict=True)
    ]
    key_rotation.note_answers(key, said, by)
    if any(classify(answer) is Verdict.KEY_REJECTED for answer in answers):
        key_refusal.note(key.connector_id, key.pk)
    return said


def make(event_types: Sequence[str]) -> list[tuple[str, str, bytes]]:
    """Event type, message id and call for each type, in the catalogue's order."""
    run = f"test-{secrets.token_hex(4)}"
    now = datetime.now(UTC).timestamp()
    plan = Plan(frozenset(event_types), include_anonymous=True)
    made = []
    for place, event in enumerate(generator.one_of_each(secrets.randbits(32), event_types, now)):
        event["id"] = f"{run}-{place:02d}"
        event |= {"user_id": TEST_USER, "external_user_id": TEST_USER}
        line = normalise.normalise(msgspec.json.encode(event)).line
        judged = convert(line, plan)
        if judged.call is not None:
            made.append((judged.event_type, str(event["id"]), judged.call))
    return made


def _send_all(to: sender.Endpoint, authorization: bytes, calls: Sequence[bytes]) -> list[Answer]:
    """One request per call, the first alone, then a few at once, all within the time a person waits."""
    deadline = time.monotonic() + WHOLE_SECONDS
    if not calls:
        return []
    first = _send_some(to, authorization, calls[:1], deadline)
    if classify(first[0]) is not Verdict.ACCEPTED:
        return first + [_NOT_SENT] * (len(calls) - 1)
    return first + _send_some(to, authorization, calls[1:], deadline)


def _send_some(
    to: sender.Endpoint, authorization: bytes, calls: Sequence[bytes], deadline: float
) -> list[Answer]:
    waiting, flights = list(enumerate(calls)), dict[int, sender.Flight]()
    answers: dict[int, Answer] = {}
    landed = threading.Event()
    while (waiting or flights) and time.monotonic() < deadline:
        while waiting and len(flights) < IN_FLIGHT:
            place, call = waiting.pop(0)
            flights[place] = sender.launch(to, authorization, _body(call), landed.set, deadline=deadline)
        landed.wait(max(0.0, min(0.5, deadline - time.monotonic())))
        landed.clear()
        for place in [place for place, flight in flights.items() if flight.done]:
            answers[place] = flights.pop(place).answer()
    for place, flight in flights.items():
        flight.cut()
        answers[place] = Answer(status=None, error="timed out", milliseconds=flight.seconds * 1000)
    return [answers.get(place, _NOT_SENT) for place in range(len(calls))]


def _body(call: bytes) -> Any:
    def body() -> bytes:
        return packing.wrap([call], datetime.now(UTC))

    return body
