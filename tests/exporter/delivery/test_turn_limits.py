"""The limits of a turn: counts that add up, one who settles, margins, giving way, small bodies."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from exporter.delivery import lease as leases
from exporter.delivery import turn
from exporter.delivery.lease import Lease
from exporter.delivery.piece import Piece
from exporter.delivery.settle import settle
from exporter.delivery.step import Step
from exporter.delivery.turn import Turn
from exporter.delivery.window import SendWindow
from exporter.models import Attempt, Delivery
from tests.exporter.delivery.test_interruption import _nobody_stops, in_the_background
from tests.support.delivering import Line, a_line

__all__ = ["_nobody_stops"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_counts_that_do_not_add_up_to_the_cursors_way_are_not_settled() -> None:
    with a_line() as line:
        line.feed(10)
        held = Lease.take(line.delivery.pk)
        assert held is not None
        with pytest.raises(ArithmeticError):
            settle(held, Step(cursor=5))
        held.release()
        assert line.delivery.cursor == 0
        line.deliver()


def test_of_two_who_settle_the_same_range_one_does() -> None:
    """The statement itself decides, not what its holders believe."""
    with a_line() as line:
        line.feed(10)
        held = Lease.take(line.delivery.pk)
        assert held is not None
        twin = Turn(held)
        body = twin.reader.make(0, None, twin.limits())
        ended: list[str] = []
        both = threading.Barrier(2)

        def settle_it() -> None:
            own = Lease(**{name: getattr(held, name) for name in Lease.__slots__})
            both.wait(10)
            try:
                settle(own, Step(10, [Piece.of(body, own.now())], accepted=True))
                ended.append("settled")
            except leases.LeaseLost:
                ended.append("lost")

        threads = [in_the_background(settle_it) for _ in range(2)]
        for thread in threads:
            thread.join(20)
        assert sorted(ended) == ["lost", "settled"]
        assert line.outcomes() == {"delivered": 10}
        held.release()


def test_no_request_starts_within_the_margin_of_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line:
        line.feed(10)
        held = Lease.take(line.delivery.pk)
        assert held is not None
        monkeypatch.setattr(leases.Lease, "renew", lambda _self: True)
        held.until = time.monotonic() + leases.MARGIN_SECONDS - 0.01
        assert Turn(held).work() == "behind"
        assert line.sandbox.stats()["requests"] == 0
        held.until = time.monotonic() + 10
        held.release()
        line.deliver()


def test_a_turn_gives_way_where_others_are_due_and_only_there() -> None:
    with a_line(latency_ms=100) as line:
        line.feed(15_000)
        # One body of 250 events at a time: a turn that nothing ends takes six seconds.
        Delivery.objects.update(careful_until=timezone.now() + timedelta(hours=1))
        other = Line(line.sandbox)
        other.feed(1)
        assert line.deliver() == "behind"
        assert 0 < line.delivery.cursor < 15_000
        other.deliver()
        assert line.deliver() == "idle"
        assert line.outcomes() == {"delivered": 15_000}


def test_a_turn_asks_once_a_second_whether_others_are_due() -> None:
    with a_line() as line:
        other = Line(line.sandbox)
        for each in (line, other):
            each.feed(1)
        held = Lease.take(line.delivery.pk)
        assert held is not None
        asking, now = Turn(held), time.monotonic()
        asking.began, asking.looked = now - turn.SHORT_TURN + 1.0, now - 1.5
        too_early = asking._over()
        asking.began, asking.looked = now - turn.SHORT_TURN - 1.0, time.monotonic() - 0.2
        just_asked = asking._over()
        asking.looked = now - 1.5
        assert (too_early, just_asked, asking._over()) == (False, False, True)
        held.release()
        line.deliver()
        other.deliver()


def test_what_was_answered_and_not_settled_yet_counts_among_the_bodies_in_flight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a crash beside one slow body would repeat everything that was accepted meanwhile."""
    monkeypatch.setattr(SendWindow, "width", property(lambda _self: 4))
    unsettled: list[int] = []
    monkeypatch.setattr(
        Turn, "launched", lambda self, _body: unsettled.append(len(self.line.flying) + len(self.done))
    )
    with a_line() as line:
        Delivery.objects.update(small_bodies_until=timezone.now() + timedelta(hours=1))
        line.feed(2_000, campaign_name="x" * 400)
        line.sandbox.fail(delay_ms=600, status=200, store=True, match={"message_id": "event-0"})
        assert line.deliver() == "idle"
        assert max(unsettled) == 4
        assert line.outcomes() == {"delivered": 2_000}


def test_bodies_stay_small_for_an_hour_after_a_413_and_no_longer() -> None:
    with a_line() as line:
        line.feed(600, campaign_name="x" * 400)
        line.sandbox.fail(status=413, count=1)
        while line.deliver() == "behind":
            pass
        before = Attempt.objects.count()
        line.feed(600, campaign_name="x" * 400)
        line.deliver()
        small = list(Attempt.objects.order_by("pk")[before:])
        assert len(small) > 3
        assert max(one.bytes for one in small) <= turn.SMALL_BODY
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_delivery SET small_bodies_until = small_bodies_until - interval '61 minutes'"
            )
        line.feed(600, campaign_name="x" * 400)
        line.deliver()
        assert Attempt.objects.latest("pk").bytes > turn.SMALL_BODY


def test_probes_skip_what_is_not_sent() -> None:
    with a_line() as line:
        line.feed(1_200, event_type="made.up.Type")
        line.feed(5)
        Delivery.objects.update(stopped="key_rejected", failures=1)
        assert line.deliver() == "idle"
        assert line.outcomes() == {"unsupported": 1_200, "delivered": 5}
        assert line.sandbox.requests()[0]["calls"] == 1
