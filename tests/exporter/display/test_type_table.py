"""What the table by event type promises: sorted as asked, and silent types always among the shown."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest
from django.utils import translation

from exporter.display import type_csv
from exporter.display.type_table import RECEIVED, SORTS, choose, table
from exporter.ledger.outcomes import Outcome
from exporter.reports.balance import Balance, Rejected
from exporter.reports.silent_types import Silence
from exporter.reports.windows import TypeFlow, type_flow
from exporter.templatetags.table_rows import type_row
from tests.support.summaries import NOW

OPEN, CLICK, SEND = (f"users.messages.email.{action}" for action in ("Open", "Click", "Send"))


def flow(event_type: str, received: int, minutes_ago: int = 0, **outcomes: int) -> TypeFlow:
    counts = {outcome.value: outcomes.get(outcome.value, 0) for outcome in Outcome}
    return type_flow(event_type, received, counts, NOW - timedelta(minutes=minutes_ago))


def ledger(
    flows: list[TypeFlow], parts: dict[str, Rejected] | None = None, *, told_apart: bool = True
) -> Balance:
    apart = (
        parts
        if parts is not None
        else {flow.event_type: Rejected(flow.outcomes["rejected"]) for flow in flows}
    )
    return Balance(NOW, 0, {}, 0, 0, 0, "", flows, rejected_by_type=apart, told_apart=told_apart)


def csv_rows(shown: Balance) -> list[dict[str, str]]:
    """The line in words stands above the keys."""
    return list(csv.DictReader(type_csv.by_type(shown).splitlines()[1:]))


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
    shown = table(ledger(FLOWS), [], choose(column), None).shown
    assert [row.flow.event_type for row in shown] == order


def test_a_silent_type_is_shown_however_short_the_table() -> None:
    silence = Silence("users.messages.sms.Send", NOW - timedelta(hours=9), timedelta(hours=2))
    found = table(ledger(FLOWS), [silence], RECEIVED, 1)
    assert [(row.flow.event_type, row.silence) for row in found.shown] == [
        (CLICK, None),
        (silence.event_type, silence),
    ]
    assert found.hidden == 2
    assert found.last_received_at == NOW - timedelta(minutes=1)


def test_every_line_of_the_csv_adds_up() -> None:
    rows = csv_rows(ledger(FLOWS))
    assert [row["event_type"] for row in rows] == [OPEN, CLICK, SEND]
    for row in rows:
        counted = sum(int(row[outcome.value]) for outcome in Outcome) + int(row["pending"])
        assert counted == int(row["received"])


def test_the_csv_speaks_the_words_of_the_page_and_keeps_its_keys() -> None:
    words, keys = list(csv.reader(type_csv.by_type(ledger(FLOWS)).splitlines()))[:2]
    assert words[:4] == ["Event type", "Event in Segment", "Received", "Accepted"]
    assert keys[:4] == ["event_type", "segment_event", "received", "delivered"]
    assert set(map(str, (sort.label for sort in SORTS[1:3]))) <= set(words)


def test_the_csv_names_events_as_segment_sees_them_in_any_language() -> None:
    flows = [flow(OPEN, 1), flow("users.behaviors.CustomEvent", 1), flow("users.never.heard", 1)]
    with translation.override("de"):
        named = [row["segment_event"] for row in csv_rows(ledger(flows))]
    assert named == ["Email Opened", "", ""], "each custom event brings its own name"


def test_three_things_are_three_columns_and_unknown_ones_stay_empty() -> None:
    parts = {OPEN: Rejected(by_segment=1, too_large=2, would_be_dropped=3)}
    flows = [flow(OPEN, 50, delivered=44, rejected=6)]
    (row,) = csv_rows(ledger(flows, parts))
    names = ("rejected", "rejected_by_segment", "too_large", "would_be_dropped")
    assert [row[name] for name in names] == ["6", "1", "2", "3"]
    (row,) = csv_rows(ledger(flows, told_apart=False))
    assert [row[name] for name in names] == ["6", "", "", ""]
    (shown,) = table(ledger(flows, parts), [], choose("too_large"), None).shown
    assert shown.rejected == parts[OPEN]


def test_at_most_three_silences_are_told_unless_all_are_asked_for() -> None:
    silences = [Silence(f"silent.{n}", NOW - timedelta(hours=9 - n), timedelta(hours=1)) for n in range(5)]
    few = table(ledger(FLOWS), silences, RECEIVED, 1)
    told = [row.flow.event_type for row in few.shown if row.silence]
    assert (told, few.more_silent) == (["silent.0", "silent.1", "silent.2"], 2)
    everything = table(ledger(FLOWS), silences, RECEIVED, None)
    assert (sum(row.silence is not None for row in everything.shown), everything.more_silent) == (5, 0)


def test_an_event_that_brings_its_own_name_is_called_in_the_readers_language() -> None:
    with translation.override("de"):
        custom = ledger([flow("users.behaviors.CustomEvent", 3), flow(OPEN, 2)])
        assert "Benutzerdefiniertes Ereignis" in type_row(table(custom, [], RECEIVED, None).shown[0])
