"""The ledger check finds an error in each of the four places it asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

from exporter.intake.normalise import normalise
from exporter.ledger.check import check
from exporter.log import event_log
from exporter.log.batches import make
from tests.support.delivering import Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as line:
        line.feed(300)
        line.feed(20, external_user_id=None)
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
    ],
)
def test_a_planted_error_is_found(line: Line, statement: str, word: str) -> None:
    plant(statement)
    assert any(word in str(difference) for difference in check())


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
