"""Rejected events: found, understood, downloaded and tried again, with one outcome each whatever happens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from connectors.models import AuditEntry
from connectors.setup import lifecycle
from exporter import sql
from exporter.actions import retries
from exporter.delivery import retry_rejected
from exporter.delivery.deliver import deliver
from exporter.delivery.settle import settle
from exporter.display.remedies import remedy
from exporter.ledger import check
from exporter.maintenance import rollup
from exporter.models import Delivery, DeliveryKind, RejectedEvent
from exporter.reports import event_search, rejected, summary, windows
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


def reject(line: Line, *, good: int = 20, bad: int = 3) -> list[str]:
    """Feeds and delivers so that `bad` events are rejected, few at a time; answers their ids."""
    ids: list[str] = []
    line.sandbox.fail(status=400, body="no such field", match={"message_id_prefix": "bad-"})
    while len(ids) < bad:
        line.feed(good)
        some = range(len(ids), min(len(ids) + 10, bad))
        ids += line.feed_events([event(10_000 + n, id=f"bad-{n}", email_address="a@b.example") for n in some])
        line.feed(good)
        line.deliver()
    assert line.outcomes()["rejected"] == bad
    return ids


def retry(line: Line) -> str:
    return deliver(retries.retry_all(line.connector, NOBODY).pk)


def test_events_refused_for_one_reason_stand_together_with_a_remedy_and_samples() -> None:
    with a_line() as line:
        reject(line, bad=12)
        (group,) = rejected.groups(line.connector)
        samples = rejected.samples(line.workspace.pk, group, personal=True)
        assert (group.count, len(samples)) == (12, 10)
        assert "no such field" in group.reason
        assert "then retry" in remedy(group.reason)
        sample = samples[0]
        assert sample.event is not None
        assert sample.event["id"] == "bad-11"
        assert sample.event["email_address"] == "a@b.example"
        hidden = rejected.samples(line.workspace.pk, group, personal=False)
        assert "a@b.example" not in json.dumps([one.event for one in hidden])
        assert hidden[0].event is not None
        assert hidden[0].event["campaign_name"] == "Spring Sale"


def test_after_a_fix_every_rejected_event_is_delivered_with_its_own_id() -> None:
    with a_line() as line:
        ids = reject(line)
        line.sandbox.heal()
        assert retry(line) == "done"
        assert line.outcomes() == {"delivered": 43, "rejected": 0}
        assert sorted(line.arrived()) == sorted({*line.arrived()})
        assert set(ids) <= set(line.arrived())
        assert rejected.groups(line.connector) == []
        assert summary.summary(line.connector).outcomes["rejected"] == 0
        found = windows.flow(line.connector, windows.DAY, sql.clock())
        assert (found.off_by, found.outcomes["delivered"], found.outcomes["rejected"]) == (0, 43, 0)
        told = rejected.progress(line.connector)
        assert told is not None
        assert (told.finished, told.delivered, told.refused) == (True, 3, 0)


def test_what_is_refused_again_stays_rejected_and_the_good_ones_beside_it_go() -> None:
    with a_line() as line:
        reject(line, bad=30)
        line.sandbox.heal()
        line.sandbox.fail(status=400, body="still wrong", match={"message_id": "bad-7"})
        assert retry(line) == "done"
        assert line.outcomes() == {"delivered": 149, "rejected": 1}
        (left,) = RejectedEvent.objects.filter(connector=line.connector)
        assert "still wrong" in left.reason
        assert line.sandbox.stats()["duplicates"] == 0


def test_a_connection_that_refuses_everything_rejects_nothing_anew_and_ends_the_retry() -> None:
    with a_line() as line:
        reject(line, bad=60)
        line.sandbox.heal()
        line.sandbox.fail(status=400)
        before = len(line.sandbox.requests())
        assert retry(line) == "done"
        assert len(line.sandbox.requests()) - before <= retry_rejected.MOST_REFUSED + 8
        assert line.outcomes()["rejected"] == 60


def test_a_passing_fault_is_waited_for() -> None:
    with a_line() as line:
        reject(line)
        line.sandbox.heal()
        line.sandbox.fail(status=503, count=1)
        made = retries.retry_all(line.connector, NOBODY)
        assert deliver(made.pk) == "failed"
        assert line.outcomes()["rejected"] == 3
        assert check.check() == []
        line.make_due()
        assert deliver(made.pk) == "done"
        assert line.outcomes()["rejected"] == 0
        assert line.delivery.failing_since is None, "the live delivery has nothing to do with it"


def test_a_crash_between_the_answer_and_its_settle_leaves_one_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_line() as line:
        reject(line)
        line.sandbox.heal()
        made = retries.retry_all(line.connector, NOBODY)
        with monkeypatch.context() as broken:
            broken.setattr(retry_rejected, "settle", _crash)
            with pytest.raises(KeyboardInterrupt):
                deliver(made.pk)
        assert line.outcomes()["rejected"] == 3, "nothing moved without its settle"
        assert check.check() == []
        Delivery.objects.filter(pk=made.pk).update(lease_until=None)
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 43, "rejected": 0}


def _crash(*_arguments: Any, **_names: Any) -> None:
    raise KeyboardInterrupt


def test_a_lost_lease_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line:
        reject(line)
        line.sandbox.heal()
        made = retries.retry_all(line.connector, NOBODY)

        def stolen(step_of: Any, step: Any, **beside: Any) -> None:
            Delivery.objects.filter(pk=made.pk).update(lease_token="00000000-0000-0000-0000-000000000001")
            settle(step_of, step, **beside)

        with monkeypatch.context() as broken:
            broken.setattr(retry_rejected, "settle", stolen)
            assert deliver(made.pk) == "lost"
        assert line.outcomes()["rejected"] == 3
        assert check.check() == []


def test_what_may_not_be_sent_today_stays_rejected() -> None:
    with a_line() as line:
        reject(line)
        line.sandbox.heal()
        chosen = lifecycle.Settings("S", "a@b.example", ["users.messages.email.Click"], False)
        lifecycle.update(line.connector, chosen, seen_version=line.connector.version, by=NOBODY)
        assert retry(line) == "done"
        assert line.outcomes()["rejected"] == 3


def test_a_paused_connector_retries_after_it_was_resumed() -> None:
    with a_line() as line:
        reject(line)
        line.sandbox.heal()
        lifecycle.pause(line.connector, by=NOBODY)
        made = retries.retry_all(line.connector, NOBODY)
        assert deliver(made.pk) == "held"
        lifecycle.resume(line.connector, by=NOBODY)
        assert deliver(made.pk) == "done"
        assert line.outcomes()["rejected"] == 0


def test_only_one_retry_at_a_time_and_none_without_events() -> None:
    with a_line() as line:
        with pytest.raises(retries.Nothing):
            retries.retry_all(line.connector, NOBODY)
        reject(line)
        made = retries.retry_all(line.connector, NOBODY)
        with pytest.raises(retries.AlreadyRetrying):
            retries.retry_all(line.connector, NOBODY)
        deliver(made.pk)
        assert AuditEntry.objects.filter(action="rejected.retried").count() == 1


def test_a_retry_that_could_not_go_out_within_the_expiry_gives_up() -> None:
    with a_line() as line:
        reject(line)
        made = retries.retry_all(line.connector, NOBODY)
        Delivery.objects.filter(pk=made.pk).update(created_at=sql.clock() - timedelta(hours=49))
        assert deliver(made.pk) == "done"
        assert line.outcomes()["rejected"] == 3


def test_an_event_retried_after_its_minute_was_rolled_up_counts_right() -> None:
    with a_line() as line:
        reject(line)
        with connection.cursor() as cursor:
            for table in ("deliverycount", "deliverydelay", "attemptcount"):
                cursor.execute(f"UPDATE exporter_{table} SET minute = minute - interval '30 hours'")
            cursor.execute("UPDATE exporter_deliveryhour SET hour = hour - interval '30 hours'")
            cursor.execute("UPDATE exporter_receivedcount SET minute = minute - interval '30 hours'")
            cursor.execute("UPDATE exporter_eventbatch SET received_at = received_at - interval '30 hours'")
        rollup.roll_up()
        line.sandbox.heal()
        retry(line)
        found = windows.flow(line.connector, windows.WEEK, sql.clock())
        assert (found.off_by, found.outcomes["rejected"], found.outcomes["delivered"]) == (0, 0, 43)
        rollup.roll_up()
        found = windows.flow(line.connector, windows.WEEK, sql.clock())
        assert (found.off_by, found.outcomes["rejected"], found.outcomes["delivered"]) == (0, 0, 43)


# --- at the intake ----------------------------------------------------------------------------------------------


# --- downloads --------------------------------------------------------------------------------------------------


def test_kinds_are_kept_apart() -> None:
    with a_line() as line:
        reject(line)
        line.sandbox.heal()
        retry(line)
        assert Delivery.objects.filter(connector=line.connector, kind=DeliveryKind.LIVE).count() == 1
        found = event_search.search(line.workspace.pk, event_search.SearchBy.EVENT, "bad-1").found[0]
        fate = event_search.fate(line.connector, found)
        assert fate.outcome == "delivered"
        assert fate.attempt is not None
        assert fate.attempt.delivery.kind == DeliveryKind.RETRY
