"""The ledger check finds an error in each of the four places it asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import zstandard
from django.core.management import call_command
from django.db import connection

from exporter.intake.normalise import normalise
from exporter.ledger import check as ledger_check
from exporter.ledger.check import check
from exporter.log import event_log, unpacking
from exporter.log.batches import make
from exporter.models import EventBatch, EventLog
from tests.support.delivering import Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as line:
        line.feed(300)
        line.deliver()
        # Of another kind, so that the settled ranges are two.
        line.feed(20, event_type="made.up.Type")
        line.deliver()
        assert check() == []
        yield line
        line.connector.delete()
        line.workspace.delete()


def plant(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount >= 1


# The sum stays right, only the outcomes are wrong.
SWAP_ONE = (
    "UPDATE exporter_deliverytotal SET count = count + CASE outcome WHEN 'delivered' THEN 1 ELSE -1 END"
)


def test_the_recount_takes_in_every_settled_event_that_is_retained(line: Line) -> None:
    counts, trimmed = ledger_check.recount(line.delivery)
    assert (counts.total(), trimmed) == (320, 0)


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE exporter_eventlog SET next_event = next_event + 1", "head"),
        ("UPDATE exporter_delivery SET cursor = cursor - 1", "cursor"),
        (SWAP_ONE, "recount"),
        ("UPDATE exporter_deliverycount SET count = count + 1 WHERE outcome = 'delivered'", "deliverycount"),
        ("UPDATE exporter_attempttotal SET count = count + 1", "attempts"),
        ("UPDATE exporter_receivedtotal SET count = count - 1", "received"),
        ("DELETE FROM exporter_eventbatch WHERE first_event = 0", "gap"),
        ("UPDATE exporter_settlement SET end_event = end_event - 1", "settled"),
        ("UPDATE exporter_settlement SET first_event = first_event + 1 WHERE first_event > 0", "hole"),
        ("UPDATE exporter_eventbatch SET end_event = end_event + 1 WHERE first_event > 0", "holds"),
        ("DELETE FROM exporter_eventbatch WHERE first_event = 300", "batches end at"),
        ("DELETE FROM exporter_settlement WHERE first_event > 0", "ends at"),
    ],
)
def test_a_planted_error_is_found(line: Line, statement: str, word: str) -> None:
    plant(statement)
    assert any(word in str(difference) for difference in check())


def test_an_event_that_cannot_be_read_is_rejected_and_ends_no_check(line: Line) -> None:
    line.feed(3)
    batch = EventBatch.objects.latest("end_event")
    lines = unpacking.lines(bytes(batch.payload))
    lines[1] = b'{"event_type":"users.messages.email.Open","id":'
    EventBatch.objects.filter(pk=batch.pk).update(payload=zstandard.compress(b"\n".join(lines)))
    line.deliver()
    assert line.outcomes() == {"delivered": 302, "unsupported": 20, "rejected": 1}
    assert check() == []


def test_an_append_during_the_check_is_no_difference(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is read in one snapshot."""
    check_log = ledger_check._log

    def appended_meanwhile(log: EventLog) -> Iterator[str]:
        def append() -> None:
            line.feed(5)
            line.deliver()
            connection.close()

        thread = threading.Thread(target=append)
        thread.start()
        thread.join(30)
        return check_log(log)

    monkeypatch.setattr(ledger_check, "_log", appended_meanwhile)
    assert check() == []
    assert line.delivery.cursor == 325


def test_an_event_that_is_not_what_was_counted_is_found_by_the_recount(line: Line) -> None:
    other = make(
        [normalise(b'{"event_type":"users.messages.email.Click","id":"x%d","time":1}' % n) for n in range(20)]
    )
    batch = event_log.headers(line.workspace.pk, 300, 1)[0]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_eventbatch SET payload = %s WHERE id = %s", [other.compressed(), batch.id]
        )
    assert any("recount" in str(difference) for difference in check())


def test_the_command_ends_with_1_and_the_difference(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_ledger")
    assert "balances" in capsys.readouterr().out
    plant("UPDATE exporter_delivery SET cursor = cursor - 1")
    with pytest.raises(SystemExit) as ended:
        call_command("check_ledger")
    assert ended.value.code == 1
    assert line.connector.name in capsys.readouterr().out


def test_received_events_are_told_by_type(line: Line) -> None:
    line.feed_events([event(10_000, event_type="users.messages.email.Click")])
    line.deliver()
    assert check() == []
