"""What the table by event type promises: sorted as asked, and silent types always among the shown."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from exporter.display import type_csv
from exporter.display.type_table import RECEIVED, choose, table
from exporter.ledger.outcomes import Outcome
from exporter.reports.silent_types import Silence
from exporter.reports.windows import TypeFlow, type_flow
from tests.support.summaries import NOW

OPEN, CLICK, SEND = (f"users.messages.email.{action}" for action in ("Open", "Click", "Send"))


def flow(event_type: str, received: int, minutes_ago: int = 0, **outcomes: int) -> TypeFlow:
    counts = {outcome.value: outcomes.get(outcome.value, 0) for outcome in Outcome}
    return type_flow(event_type, received, counts, NOW - timedelta(minutes=minutes_ago))


FLOWS = [
    flow(OPEN, 50, 3, delivered=40, rejected=1),
    flow(CLICK, 90, 2, delivered=10, expired=5),
    flow(SEND, 70, 1, delivered=70),
]


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("received", [CLICK, SEND, OPEN]),
        ("delivered", [SEND, OPEN, CLICK]),
        ("rejected", [OPEN, CLICK, SEND]),
        ("expired", [CLICK, OPEN, SEND]),
        ("pending", [CLICK, OPEN, SEND]),
        ("last", [SEND, CLICK, OPEN]),
        ("name", [CLICK, OPEN, SEND]),
        ("nonsense", [CLICK, SEND, OPEN]),
    ],
)
def test_each_column_sorts(column: str, order: list[str]) -> None:
    shown = table(FLOWS, [], choose(column), None).shown
    assert [row.flow.event_type for row in shown] == order


def test_a_silent_type_is_shown_however_short_the_table() -> None:
    silence = Silence("users.messages.sms.Send", NOW - timedelta(hours=9), timedelta(hours=2))
    found = table(FLOWS, [silence], RECEIVED, 1)
    assert [(row.flow.event_type, row.silence) for row in found.shown] == [
        (CLICK, None),
        (silence.event_type, silence),
    ]
    assert found.hidden == 2
    assert found.last_received_at == NOW - timedelta(minutes=1)


def test_every_line_of_the_csv_adds_up() -> None:
    rows = list(csv.DictReader(io.StringIO(type_csv.by_type(FLOWS))))
    assert [row["event_type"] for row in rows] == [OPEN, CLICK, SEND]
    for row in rows:
        counted = sum(int(row[outcome.value]) for outcome in Outcome) + int(row["pending"])
        assert counted == int(row["received"])
