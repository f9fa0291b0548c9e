"""What expiry promises: exactly what could not be delivered in time is given up and counted, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.models import WriteKey
from connectors.setup import lifecycle
from exporter.delivery import expiry, over_age
from exporter.delivery.expiry import expire, expire_due
from exporter.delivery.lease import Lease, LeaseLost
from exporter.delivery.settle import settle
from exporter.delivery.step import Step
from exporter.dispatch.heartbeats import note_outage
from exporter.dispatch.sweep import sweep
from exporter.log.damage import Damaged
from exporter.models import ChoreFault, Delivery, EventBatch, Settlement
from tests.support.ageing import after, make_older, signed
from tests.support.delivering import EMAIL_OPEN, NOBODY, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)

CLICK = "users.messages.email.Click"
UNKNOWN = "users.messages.pigeon.Landing"


@pytest.fixture(autouse=True)
def _swept() -> None:
    signed("sweep")


def feed_of_every_kind(line: Line, first: int = 0) -> None:
    """3 to be sent, 2 anonymous, 2 not selected, 1 unsupported."""
    line.feed_events(
        [
            *[event(first + number) for number in range(3)],
            *[event(first + number, external_user_id=None) for number in (3, 4)],
            *[event(first + number, event_type=CLICK) for number in (5, 6)],
            event(first + 7, event_type=UNKNOWN),
        ]
    )


OF_EVERY_KIND = {"expired": 3, "anonymous": 2, "unselected": 2, "unsupported": 1}


def test_only_what_would_have_been_sent_expires_and_only_after_48_hours() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        feed_of_every_kind(line)
        line.sandbox.fail(status=401)
        assert line.deliver() == "failed"
        assert expire_due(after(hours=47.9)) == 0
        assert line.delivery.cursor == 0
        assert expire_due(after(hours=48.1)) == 3
        assert line.outcomes() == OF_EVERY_KIND
        assert line.delivery.cursor == 8
        assert line.delivery.expired_at is not None
        assert set(Settlement.objects.values_list("first_event", "end_event", "kind")) == {(0, 8, "expired")}
        assert expire_due(after(hours=48.1)) == 0


def test_younger_events_are_kept_and_delivered_later() -> None:
    with a_line() as line:
        line.feed(20)
        make_older(line, hours=49)
        kept = line.feed(5)
        line.sandbox.fail(status=401)
        line.deliver()
        assert expire_due() == 20
        assert line.delivery.cursor == 20
        line.sandbox.heal()
        line.make_due()
        assert line.deliver() == "idle"
        assert line.arrived() == kept
        assert line.outcomes() == {"expired": 20, "delivered": 5}


def test_a_passed_range_without_anything_to_send_is_no_loss() -> None:
    with a_line(selected=[CLICK]) as line:
        line.feed(4)
        lifecycle.pause(line.connector, by=NOBODY)
        assert expire_due(after(hours=49)) == 0
        assert line.outcomes() == {"unselected": 4}
        assert line.delivery.expired_at is None


def test_a_paused_connector_expires_and_stays_paused() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        feed_of_every_kind(line)
        lifecycle.pause(line.connector, by=NOBODY)
        assert expire_due(after(hours=49)) == 3
        assert line.outcomes() == OF_EVERY_KIND
        assert line.deliver() == "held"


def test_anonymous_events_that_are_wanted_expire_too() -> None:
    with a_line(selected=[EMAIL_OPEN], include_anonymous=True) as line:
        feed_of_every_kind(line)
        lifecycle.pause(line.connector, by=NOBODY)
        assert expire_due(after(hours=49)) == 5


def test_an_unreadable_key_does_not_keep_events_forever() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        feed_of_every_kind(line)
        WriteKey.objects.update(ciphertext=b"damaged")
        assert line.deliver() == "failed"
        assert expire_due(after(hours=49)) == 3


def test_whole_batches_are_counted_without_being_read() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        feed_of_every_kind(line)
        lifecycle.pause(line.connector, by=NOBODY)
        batch = EventBatch.objects.get()
        EventBatch.objects.update(payload=b"cannot be decompressed")
        assert expire_due(after(hours=49)) == 3
        EventBatch.objects.update(payload=bytes(batch.payload))


def test_a_partly_delivered_batch_expires_from_where_delivery_stopped() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        feed_of_every_kind(line)
        line.sandbox.fail(status=503, match={"message_id": "event-900"})
        for first in range(8, 800, 8):
            feed_of_every_kind(line, first)
        wide = [event(1_000 + number, campaign_name="x" * 1_500) for number in range(600)]
        wide[400]["id"] = "event-900"
        line.feed_events([*wide[:300], event(5_000, external_user_id=None), *wide[300:]])
        assert line.deliver() == "failed"
        cursor = line.delivery.cursor
        assert any(batch.first_event < cursor < batch.end_event for batch in EventBatch.objects.all())
        lost = expire_due(after(hours=49))
        outcomes = line.outcomes()
        assert outcomes == {
            "delivered": len(line.arrived()),
            "expired": lost,
            "anonymous": 201,
            "unselected": 200,
            "unsupported": 100,
        }
        assert outcomes["delivered"] + lost == 900
        assert line.delivery.cursor == 1_401


def test_what_was_accepted_ahead_is_delivered_and_not_expired() -> None:
    with a_line(latency_ms=150) as line:
        line.feed(20_000, campaign_name="x" * 400)
        line.sandbox.fail(status=503, match={"message_id": "event-9000"})
        assert line.deliver() == "failed"
        assert line.delivery.ahead
        lost = expire_due(after(hours=49))
        assert line.delivery.ahead == []
        assert line.delivery.cursor == 20_000
        assert line.outcomes() == {"delivered": len(line.arrived()), "expired": lost}
        assert 0 < lost < 20_000


def test_nothing_expires_under_a_worker_that_holds_the_lease() -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=401)
        line.deliver()
        line.make_due()
        lease = Lease.take(line.delivery.pk)
        assert lease is not None
        assert expire_due(after(hours=49)) == 0
        assert line.delivery.cursor == 0
        lease.release()
        assert expire_due(after(hours=49)) == 5


def test_a_settle_that_comes_after_the_expiry_changes_nothing() -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=401)
        line.deliver()
        line.make_due()
        frozen = Lease.take(line.delivery.pk)
        assert frozen is not None
        Delivery.objects.update(lease_until=after(seconds=-1))
        assert expire_due(after(hours=49)) == 5
        with pytest.raises(LeaseLost):
            settle(frozen, Step(0, accepted=True))
        assert line.outcomes() == {"expired": 5}


def test_replays_send_old_events_on_purpose() -> None:
    with a_line() as line:
        line.feed(5)
        line.deliver()
        Delivery.objects.create(
            connector=line.connector, workspace=line.workspace, kind="replay", start=0, cursor=0, stop=5
        )
        assert over_age.over_age(after(hours=49)) == []


def test_what_nobody_tried_to_deliver_does_not_expire() -> None:
    with a_line() as line:
        line.feed(5)
        assert over_age.over_age(after(hours=49)) == []
        line.sandbox.fail(status=503)
        line.deliver()
        assert over_age.over_age(after(hours=49)) == [line.delivery.pk]


def test_the_verdict_is_asked_again_under_the_lease() -> None:
    """A connector may be resumed between the list of what is over age and its turn."""
    with a_line() as line:
        line.feed(5)
        lifecycle.pause(line.connector, by=NOBODY)
        listed = over_age.over_age(after(hours=49))
        lifecycle.resume(line.connector, by=NOBODY)
        assert [expire(delivery, after(hours=49)) for delivery in listed] == [0]
        assert line.deliver() == "idle"
        assert len(line.arrived()) == 5


@pytest.mark.parametrize("part", ["sweep", "expire"])
def test_after_an_outage_of_ours_an_attempt_comes_first(part: str) -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=503, count=1)
        line.deliver()
        assert over_age.over_age(after(hours=49)) == [line.delivery.pk]
        signed(part, minutes_ago=11)
        sweep() if part == "sweep" else note_outage("expire")
        assert over_age.over_age(after(hours=49)) == []
        line.sandbox.fail(status=503, count=1)
        line.make_due()
        line.deliver()
        assert over_age.over_age(after(hours=49)) == [line.delivery.pk]


def test_after_an_outage_of_ours_what_can_be_delivered_is_not_lost() -> None:
    with a_line() as line:
        line.feed(5)
        signed("sweep", minutes_ago=11)
        sweep()
        line.deliver()
        line.feed(5)
        make_older(line, first=5, hours=1)
        assert over_age.over_age(after(hours=48)) == []
        assert line.deliver() == "idle"


def test_nothing_expires_before_the_first_sweep_after_an_outage() -> None:
    with a_line() as line:
        line.feed(5)
        lifecycle.pause(line.connector, by=NOBODY)
        signed("sweep", minutes_ago=11)
        assert expire_due(after(hours=49)) == 0
        sweep()
        assert expire_due(after(hours=49)) == 5


@pytest.mark.parametrize("trouble", ["lease lost", "a bug", "a damage"])
def test_a_delivery_that_cannot_expire_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    with a_line() as first, a_line() as second:
        second.sandbox.fail(status=503)  # both deliver to this one
        for each in (first, second):
            each.feed(3)
            each.deliver()

        def failing(lease: Lease, step: Any) -> None:
            if lease.connector_id == first.connector.pk:
                if trouble == "lease lost":
                    raise LeaseLost
                raise Damaged(1, 0, 3, "cannot be read") if trouble == "a damage" else ZeroDivisionError
            settle(lease, step)

        with monkeypatch.context() as patch:
            patch.setattr(expiry, "settle", failing)
            assert expire_due(after(hours=49)) == 3
        assert (first.outcomes(), second.outcomes()) == ({}, {"expired": 3})
        assert ChoreFault.objects.count() == (0 if trouble == "lease lost" else 1)
        Delivery.objects.update(lease_until=None)
        assert expire_due(after(hours=49)) == 3
        assert not ChoreFault.objects.exists()
