"""What trimming promises: what is over its time goes, what anybody still needs stays, nobody is held up."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from connectors.setup import lifecycle
from exporter.dispatch.sweep import sweep
from exporter.intake import appender
from exporter.ledger.check import check
from exporter.maintenance import trimming
from exporter.maintenance.trimming import trim
from exporter.models import (
    Delivery,
    LogMark,
    Settlement,
)
from tests.support.ageing import after, batches, make_older, signed, wait_for_a_blocked_statement
from tests.support.appended import incoming
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _swept() -> None:
    signed("sweep")


def feed_batches(line: Line, count: int) -> None:
    """So many batches of 2 events."""
    for _ in range(count):
        line.feed(2)


def mark() -> int:
    return LogMark.objects.get().first_event


def test_only_what_is_older_than_the_retention_goes() -> None:
    with a_line() as line:
        feed_batches(line, 3)
        make_older(line, hours=169)
        feed_batches(line, 2)
        make_older(line, first=6, hours=167)
        line.deliver()
        assert trim() == 3
        assert mark() == 6
        assert batches(line) == [(6, 8), (8, 10)]
        assert trim() == 0
        assert check() == []
        line.feed(2)
        assert line.deliver() == "idle"
        assert line.outcomes() == {"delivered": 12}


def test_the_whole_log_may_go_and_new_events_follow() -> None:
    with a_line() as line:
        feed_batches(line, 3)
        line.deliver()
        assert trim(after(hours=169)) == 3
        assert mark() == 6
        assert check() == []
        line.feed(2)
        assert line.deliver() == "idle"


def test_a_cursor_is_never_stranded() -> None:
    with a_line() as line:
        feed_batches(line, 2)
        line.deliver()
        feed_batches(line, 2)
        line.sandbox.fail(status=401)
        line.deliver()
        assert trim(after(hours=1_000)) == 2
        assert mark() == 4 == line.delivery.cursor
        line.sandbox.heal()
        line.make_due()
        assert line.deliver() == "idle"
        assert len(line.arrived()) == 8


def test_a_paused_connector_and_an_unfinished_replay_keep_what_they_need() -> None:
    with a_line() as line:
        feed_batches(line, 2)
        line.deliver()
        replay = Delivery.objects.create(
            connector=line.connector, workspace=line.workspace, kind="replay", start=2, cursor=2, stop=4
        )
        lifecycle.pause(line.connector, by=NOBODY)
        feed_batches(line, 1)
        assert trim(after(hours=1_000)) == 1
        assert mark() == 2
        Delivery.objects.filter(pk=replay.pk).delete()
        assert trim(after(hours=1_000)) == 1
        assert mark() == 4


def test_a_finished_replay_keeps_nothing() -> None:
    with a_line() as line:
        feed_batches(line, 2)
        line.deliver()
        replay = Delivery.objects.create(
            connector=line.connector, workspace=line.workspace, kind="replay", start=0, cursor=4, stop=4
        )
        assert trim(after(hours=169)) == 2
        replay.delete()


def test_a_delivery_that_is_being_created_is_waited_for() -> None:
    """It takes a share of the mark, as every creation does, and starts at the log's first event."""
    with a_line() as line:
        feed_batches(line, 3)
        line.deliver()
        trimmed: list[int] = []
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT first_event FROM exporter_logmark FOR SHARE")
                first = cursor.fetchone()[0]
            trimming_thread = in_thread(lambda: trimmed.append(trim(after(hours=169))))
            wait_for_a_blocked_statement()
            replay = Delivery.objects.create(
                connector=line.connector,
                workspace=line.workspace,
                kind="replay",
                start=first,
                cursor=first,
                stop=6,
            )
        trimming_thread.join()
        assert trimmed == [0]
        assert (mark(), len(batches(line))) == (0, 3)
        replay.delete()


def test_launching_while_the_log_is_trimmed_waits_and_starts_at_the_head() -> None:
    with a_line() as line:
        feed_batches(line, 2)
        lifecycle.delete(line.connector, by=NOBODY)
        launched: list[Any] = []
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM exporter_logmark FOR UPDATE")
            thread = in_thread(lambda: launched.append(Line.launch(line.workspace)))
            wait_for_a_blocked_statement()
            assert launched == []
        thread.join()
        line.connector = launched[0]
        assert line.delivery.start == 4


def test_intake_goes_on_while_a_slice_is_being_trimmed() -> None:
    with a_line() as line:
        feed_batches(line, 3)
        first, second = incoming([100, 101]), incoming([102, 103])
        known, trimmed = threading.Event(), threading.Event()
        stored: list[int] = []

        def append() -> None:
            stored.append(appender.append_now(line.workspace.pk, first).accepted)
            known.set()
            trimmed.wait(20)
            stored.append(appender.append_now(line.workspace.pk, second).accepted)

        thread = in_thread(append)
        assert known.wait(20)
        line.deliver()
        with transaction.atomic():
            assert trim(after(hours=169)) == 4
            # Everything that trimming locks is locked now, and nothing of it is committed.
            trimmed.set()
            thread.join()
            assert stored == [2, 2]
        assert line.deliver() == "idle"
        assert batches(line) == [(8, 10)]


def test_it_goes_in_slices_and_takes_up_what_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "SLICE", 2)
    with a_line() as line:
        feed_batches(line, 7)
        line.deliver()
        LogMark.objects.update(first_event=4)  # as if a run had ended after it moved the mark
        assert check() == []
        monkeypatch.setattr(trimming, "LONGEST_SECONDS", -1.0)
        assert trim(after(hours=169)) == 2
        assert batches(line)[0] == (4, 6)
        monkeypatch.setattr(trimming, "LONGEST_SECONDS", 20.0)
        assert trim(after(hours=169)) == 5
        assert (mark(), batches(line)) == (14, [])


def test_settled_ranges_go_with_the_log_but_for_the_last() -> None:
    with a_line() as line:
        feed_batches(line, 1)
        line.deliver()
        for name in ("users.messages.email.Click", "users.messages.email.Open"):
            settings = lifecycle.Settings("Segment", "data@example.com", [name], False)
            lifecycle.update(
                line.connector, settings, seen_version=type(line.connector).objects.get().version, by=NOBODY
            )
            feed_batches(line, 1)
            line.deliver()
        ranges = Settlement.objects.order_by("first_event").values_list("first_event", "end_event")
        assert list(ranges.all()) == [(0, 2), (2, 4), (4, 6)]
        trim(after(hours=169))
        assert list(ranges.all()) == [(4, 6)]
        assert check() == []
        feed_batches(line, 1)
        line.deliver()
        assert list(ranges.all()) == [(4, 8)]


def test_after_an_outage_of_ours_nothing_goes_before_the_connectors_had_their_turn() -> None:
    with a_line() as line:
        feed_batches(line, 1)
        line.deliver()
        feed_batches(line, 1)
        signed("sweep", minutes_ago=11)
        assert trim(after(hours=169)) == 0
        sweep()
        assert trim(after(hours=169)) == 0
        line.deliver()
        assert trim(after(hours=169)) == 2


def test_other_workspaces_are_not_touched() -> None:
    with a_line() as line:
        feed_batches(line, 1)
        line.deliver()
        with a_line() as other:
            feed_batches(other, 1)
            other.deliver()
            make_older(line, hours=169)
            assert trim() == 1
            assert batches(line) == []
            assert len(batches(other)) == 1
