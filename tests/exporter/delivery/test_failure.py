"""What delivery promises on a bad day: nothing is lost, nothing accepted goes out twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from connectors.models import WriteKey
from connectors.setup import lifecycle
from exporter.delivery.deliver import deliver
from exporter.models import Attempt, Delivery, RejectedEvent
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


def seconds_to_next_attempt(line: Line) -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::float8 FROM exporter_delivery "
            "WHERE id = %s",
            [line.delivery.pk],
        )
        return float(cursor.fetchone()[0])


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for something another thread does; fails where it never comes."""
    tick = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it never came")


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"reset": True}, {"status": 408}])
def test_a_passing_fault_keeps_everything_and_is_tried_again(fault: dict[str, Any]) -> None:
    with a_line() as line:
        line.feed(50)
        line.sandbox.fail(**fault, count=1)
        assert line.deliver() == "failed"
        delivery = line.delivery
        assert (delivery.cursor, delivery.failures, delivery.stopped) == (0, 1, "")
        assert delivery.failing_since is not None
        assert 0 < seconds_to_next_attempt(line) <= 1
        line.make_due()
        assert line.deliver() == "idle"
        delivery = line.delivery
        assert (delivery.cursor, delivery.failures, delivery.failing_since) == (50, 0, None)
        assert len(line.arrived()) == 50


def test_the_wait_segment_asks_for_is_kept() -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=429, headers={"Retry-After": "37"}, count=1)
        line.deliver()
        assert 36 < seconds_to_next_attempt(line) <= 37
        assert line.deliver() == "held"
        line.make_due()
        line.deliver()


def test_what_was_accepted_beyond_a_failed_body_is_not_sent_again() -> None:
    with a_line(latency_ms=150) as line:
        line.feed(20_000, campaign_name="x" * 400)
        line.sandbox.fail(status=503, match={"message_id": "event-9000"}, count=1)
        assert line.deliver() == "failed"
        delivery = line.delivery
        assert delivery.ahead
        assert delivery.cursor <= 9_000 < delivery.ahead[0]["first"]
        line.make_due()
        line.deliver()
        assert line.sandbox.stats()["duplicates"] == 0
        assert len(line.arrived()) == 20_000
        assert line.delivery.ahead == []
        assert line.outcomes() == {"delivered": 20_000}


def test_a_rejected_key_stops_the_connector_and_keeps_its_events() -> None:
    with a_line(unknown_key=401, keys=["another-key-than-ours"]) as line:
        line.feed(2_000)
        assert line.deliver() == "failed"
        assert line.delivery.stopped == "key_rejected"
        assert 299 < seconds_to_next_attempt(line) <= 300
        line.make_due()
        assert line.deliver() == "failed"
        assert line.sandbox.requests()[-1]["calls"] == 1, "the probe is the first event alone"
        assert line.outcomes() == {}
        line.sandbox.switch(known_keys=["a-better-key"])
        lifecycle.rotate(line.connector, write_key="a-better-key", region="us", by=NOBODY)
        assert line.deliver() == "idle"
        assert line.delivery.stopped == ""
        assert len(line.arrived()) == 2_000


def test_a_late_401_to_the_old_key_says_nothing_about_the_new_one() -> None:
    with a_line() as line:
        line.feed(10)
        rule = line.sandbox.fail(status=401, delay_ms=600, count=1)
        worker = in_thread(lambda: deliver(line.delivery.pk))
        until(lambda: line.sandbox.stats()["in_flight"] == 1)
        lifecycle.rotate(line.connector, write_key="the-new-key", region="us", by=NOBODY)
        worker.join()
        assert line.sandbox.uses(rule) == 1
        delivery = line.delivery
        assert (delivery.stopped, delivery.failures, delivery.next_attempt_at) == ("", 0, None)
        line.deliver()
        assert len(line.arrived()) == 10


@pytest.mark.parametrize("status", [302, 404, 405, 422])
def test_a_wrong_endpoint_stops_the_connector_as_refused(status: int) -> None:
    with a_line() as line:
        line.feed(10)
        line.sandbox.fail(status=status, headers={"Location": "http://127.0.0.1:1/"})
        line.deliver()
        assert line.delivery.stopped == "request_refused"
        assert line.sandbox.stats()["requests"] == 3, "the body, its first event alone, its last alone"
        line.sandbox.heal()
        line.make_due()
        line.deliver()
        assert line.outcomes() == {"delivered": 10}


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize("bad", [0, 123, 999])
def test_a_refused_event_is_found_by_halving_and_the_rest_is_delivered_once(bad: int, status: int) -> None:
    with a_line() as line:
        line.feed(1_000)
        line.sandbox.fail(status=status, body="malformed <field>", match={"message_id": f"event-{bad}"})
        while line.deliver() == "behind":
            pass
        assert line.outcomes() == {"delivered": 999, "rejected": 1}
        assert f"event-{bad}" not in line.arrived()
        assert line.sandbox.stats()["duplicates"] == 0
        assert line.sandbox.stats()["requests"] <= 2 * 10 + 4
        rejected = RejectedEvent.objects.get()
        assert rejected.event_number == bad
        assert "malformed <field>" in rejected.reason


def test_several_refused_events_in_one_body_are_all_found() -> None:
    with a_line() as line:
        line.feed(600)
        for bad in (3, 4, 300, 599):
            line.sandbox.fail(status=400, match={"message_id": f"event-{bad}"})
        while line.deliver() == "behind":
            pass
        assert line.outcomes() == {"delivered": 596, "rejected": 4}
        assert set(RejectedEvent.objects.values_list("event_number", flat=True)) == {3, 4, 300, 599}


def test_a_wall_of_400_rejects_nothing() -> None:
    with a_line() as line:
        line.feed(10_000)
        line.sandbox.fail(status=400)
        while line.deliver() == "behind":
            pass
        assert line.delivery.stopped == "request_refused"
        assert RejectedEvent.objects.count() == 0
        line.make_due()
        assert line.deliver() == "failed"
        line.sandbox.heal()
        line.make_due()
        while line.deliver() == "behind":
            pass
        assert line.outcomes() == {"delivered": 10_000}


def test_a_wall_of_400_that_falls_while_a_body_is_taken_apart_rejects_nothing() -> None:
    with a_line() as line:
        line.feed(1_000)
        line.sandbox.fail(status=400, count=15)
        while line.deliver() == "behind":
            pass
        assert line.outcomes() == {"delivered": 1_000}
        assert RejectedEvent.objects.count() == 0


def test_a_bad_event_that_comes_alone_is_set_aside_when_others_follow() -> None:
    with a_line() as line:
        line.feed(1)
        line.sandbox.fail(status=400, match={"message_id": "event-0"})
        assert line.deliver() == "failed"
        assert (line.delivery.stopped, line.delivery.alone) == ("request_refused", True)
        assert line.deliver() == "held", "there is still nothing to judge it by"
        line.feed(1)
        while line.deliver() == "behind":
            pass
        assert line.outcomes() == {"delivered": 1, "rejected": 1}
        assert line.delivery.stopped == ""


def test_a_pause_during_a_send_settles_what_flies_and_sends_no_more() -> None:
    with a_line() as line:
        line.feed(1_500, campaign_name="x" * 400)
        line.sandbox.fail(delay_ms=400, status=200, store=True)
        worker = in_thread(lambda: deliver(line.delivery.pk))
        until(lambda: line.sandbox.stats()["in_flight"] == 1)
        lifecycle.pause(line.connector, by=NOBODY)
        worker.join()
        settled = line.delivery.cursor
        assert 0 < settled < 1_500
        assert len(line.arrived()) == settled
        assert line.deliver() == "held"
        line.sandbox.heal()
        lifecycle.resume(line.connector, by=NOBODY)
        line.deliver()
        assert line.outcomes() == {"delivered": 1_500}
        assert line.sandbox.stats()["duplicates"] == 0


def test_a_delete_during_a_send_throws_its_answer_away() -> None:
    with a_line() as line:
        line.feed(10)
        line.sandbox.fail(delay_ms=400, status=200, store=True)
        words: list[str] = []
        delivery_id = line.delivery.pk
        worker = in_thread(lambda: words.append(deliver(delivery_id)))
        until(lambda: line.sandbox.stats()["in_flight"] == 1)
        lifecycle.delete(line.connector, by=NOBODY)
        worker.join()
        assert words == ["lost"]
        assert not Delivery.objects.exists()
        assert not Attempt.objects.exists()


def test_a_rotation_during_a_send_uses_the_new_key_for_the_next_body() -> None:
    with a_line() as line:
        line.feed(1_500, campaign_name="x" * 400)
        line.sandbox.fail(delay_ms=400, status=200, store=True, count=1)
        worker = in_thread(lambda: deliver(line.delivery.pk))
        until(lambda: line.sandbox.stats()["in_flight"] == 1)
        lifecycle.rotate(line.connector, write_key="the-key-after-rotation", region="us", by=NOBODY)
        worker.join()
        keys = [request["key4"] for request in line.sandbox.requests()]
        assert keys[0] == "dbox"
        assert set(keys[1:]) == {"tion"}
        assert line.outcomes() == {"delivered": 1_500}


def test_an_unreadable_key_stops_only_its_connector_and_sends_nothing() -> None:
    with a_line() as line:
        line.feed(5)
        sealed = WriteKey.objects.get()
        right = bytes(sealed.ciphertext)
        WriteKey.objects.update(ciphertext=b"not sealed by us")
        assert line.deliver() == "failed"
        assert line.delivery.stopped == "key_unreadable"
        assert line.sandbox.stats()["requests"] == 0
        WriteKey.objects.update(ciphertext=right)
        line.make_due()
        line.deliver()
        assert line.outcomes() == {"delivered": 5}


@pytest.mark.parametrize("status", [200, 401])
def test_a_key_that_becomes_unreadable_during_a_send_costs_nothing_that_was_accepted(status: int) -> None:
    with a_line() as line:
        line.feed(1_500, campaign_name="x" * 400)
        line.sandbox.fail(delay_ms=400, status=status, store=status == 200, count=1)
        words: list[str] = []
        worker = in_thread(lambda: words.append(deliver(line.delivery.pk)))
        until(lambda: line.sandbox.stats()["in_flight"] == 1)
        lifecycle.rotate(line.connector, write_key="the-key-after-rotation", region="us", by=NOBODY)
        new = WriteKey.objects.get(retired_at=None)
        WriteKey.objects.filter(pk=new.pk).update(ciphertext=b"not sealed by us")
        worker.join()
        assert words == ["behind"]
        assert line.delivery.cursor == len(line.arrived())
        assert line.deliver() == "failed"
        assert line.delivery.stopped == "key_unreadable"
        WriteKey.objects.filter(pk=new.pk).update(ciphertext=new.ciphertext)
        line.make_due()
        line.deliver()
        assert line.outcomes() == {"delivered": 1_500}
        assert line.sandbox.stats()["duplicates"] == 0
