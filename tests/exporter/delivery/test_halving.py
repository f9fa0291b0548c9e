"""One event that the destination dislikes is set aside before the connection is blamed, whatever the status."""

from __future__ import annotations

import pytest

from connectors.models import WriteKey
from exporter.delivery import failure, halving, reader
from exporter.log import event_log
from exporter.models import Delivery, Incident, RejectedEvent
from tests.support.delivering import EMAIL_OPEN, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


def deliver_all(line: Line, turns: int = 6) -> None:
    for _ in range(turns):
        line.make_due()
        line.deliver()


def dislike(line: Line, number: int, status: int, **rule: object) -> None:
    line.sandbox.fail(status=status, body="not this", match={"message_id": f"event-{number}"}, **rule)


@pytest.mark.parametrize("status", [401, 403, 404, 422])
@pytest.mark.parametrize("bad", [0, 123, 299])
def test_one_event_that_a_firewall_dislikes_stops_nothing(status: int, bad: int) -> None:
    with a_line() as line:
        line.feed(300)
        dislike(line, bad, status)
        deliver_all(line, 3)
        assert line.outcomes() == {"delivered": 299, "rejected": 1}
        assert f"Segment answered {status} to this event alone" in RejectedEvent.objects.get().reason
        assert line.delivery.stopped == ""
        assert not Incident.objects.exists(), "nobody is told of a rejected key"
        assert WriteKey.objects.get().rejected_at is None
        assert line.sandbox.stats()["duplicates"] == 0


@pytest.mark.parametrize(("status", "stopped"), [(401, "key_rejected"), (404, "request_refused")])
def test_a_connection_that_refuses_two_events_as_well_is_to_blame(status: int, stopped: str) -> None:
    with a_line() as line:
        line.feed(2_000)
        line.sandbox.fail(status=status)
        assert line.deliver() == "failed"
        delivery = line.delivery
        assert (delivery.stopped, delivery.alone, delivery.cursor) == (stopped, False, 0)
        assert [request["calls"] for request in line.sandbox.requests()][1:] == [1, 1]
        assert not RejectedEvent.objects.exists()
        line.sandbox.heal()
        deliver_all(line, 2)
        assert line.outcomes() == {"delivered": 2_000}


@pytest.mark.parametrize("status", [401, 403])
def test_a_lone_event_stops_the_connector_until_a_second_one_is_there(status: int) -> None:
    with a_line() as line:
        line.feed(1)
        dislike(line, 0, status)
        assert line.deliver() == "failed"
        assert (line.delivery.stopped, line.delivery.alone) == ("key_rejected", True)
        assert line.deliver() == "held"
        line.feed(1)
        line.deliver()
        line.deliver()
        assert line.outcomes() == {"delivered": 1, "rejected": 1}
        assert line.delivery.stopped == ""


def test_what_is_never_sent_is_not_read_again_with_each_event_that_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "MOST_SKIPPED_BATCHES", 2)
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed(1)
        dislike(line, 0, 401)
        line.deliver()
        for number in range(60):
            line.feed_events([event(100 + number, event_type="users.messages.email.Click")])
        looked, ask = list[int](), event_log.headers

        def headers(workspace_id: int, number: int, limit: int) -> list[event_log.Header]:
            looked.append(number)
            return ask(workspace_id, number, limit)

        monkeypatch.setattr(event_log, "headers", headers)
        assert line.deliver() == "held"
        assert len(looked) <= 3


@pytest.mark.parametrize("status", [400, 401])
def test_its_neighbour_may_lie_behind_much_that_is_not_sent(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_SKIPPED_BATCHES", 2)
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed(1)
        for number in range(7):
            line.feed_events([event(100 + number, event_type="users.messages.email.Click")])
        line.feed_events([event(1)])
        dislike(line, 0, status)
        for _ in range(4):
            line.deliver()
            line.make_due()
        assert line.outcomes() == {"delivered": 1, "rejected": 1, "unselected": 7}


def test_a_body_of_one_event_is_judged_by_the_next_that_waits() -> None:
    with a_line() as line:
        line.feed(2)
        dislike(line, 0, 403)
        only_one = Delivery.objects.filter(pk=line.delivery.pk)
        only_one.update(stop=1)
        assert line.deliver() == "failed", "there is nothing else it may ask"
        only_one.update(stop=None)
        line.deliver()
        line.deliver()
        assert line.outcomes() == {"delivered": 1, "rejected": 1}


def test_one_event_that_breaks_the_destination_is_set_aside_and_the_rest_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(halving, "ASK_APART_SECONDS", 0.01)
    with a_line() as line:
        line.feed(200)
        dislike(line, 77, 500)
        deliver_all(line, failure.SUSPECT_AFTER + 3)
        assert line.outcomes() == {"delivered": 199, "rejected": 1}
        assert RejectedEvent.objects.get().event_number == 77
        assert line.sandbox.stats()["duplicates"] == 0
        alone = [request for request in line.sandbox.requests() if request["calls"] == 1]
        assert len([request for request in alone if request["status"] == 500]) >= 1 + halving.MORE_ASKS


def test_a_destination_that_is_down_costs_two_small_requests_more_and_only_at_times() -> None:
    with a_line() as line:
        line.feed(200)
        line.sandbox.fail(status=503)
        deliver_all(line, 5)
        assert [request["calls"] for request in line.sandbox.requests()] == [200, 200, 200, 200, 1, 1, 200]
        assert line.delivery.failures == 5
        assert not RejectedEvent.objects.exists()
        line.sandbox.heal()
        deliver_all(line, 2)


def test_a_destination_that_flaps_rejects_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halving, "ASK_APART_SECONDS", 0.01)
    with a_line() as line:
        line.feed(64)
        Delivery.objects.update(failures=failure.SUSPECT_AFTER)
        # The body, and what is between its ends; then every part of it passes.
        line.sandbox.fail(status=503, count=1)
        line.sandbox.fail(status=503, count=2, match={"message_id": "event-30"})
        line.deliver()
        assert not RejectedEvent.objects.exists()
        line.sandbox.heal()
        deliver_all(line, 3)
        assert line.outcomes() == {"delivered": 64}


def test_a_suspect_that_is_taken_after_all_is_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halving, "ASK_APART_SECONDS", 0.01)
    with a_line() as line:
        line.feed(8)
        Delivery.objects.update(failures=failure.SUSPECT_AFTER)
        dislike(line, 0, 500, count=4)
        deliver_all(line, 2)
        assert line.outcomes() == {"delivered": 8}
        assert line.sandbox.stats()["duplicates"] == 0


def test_an_event_without_an_answer_is_no_suspect() -> None:
    with a_line() as line:
        line.feed(10)
        Delivery.objects.update(failures=failure.SUSPECT_AFTER)
        line.sandbox.fail(reset=True, count=1)
        assert line.deliver() == "failed"
        assert line.sandbox.stats()["requests"] == 1
        deliver_all(line, 1)


@pytest.mark.parametrize(("status", "small"), [(400, False), (413, True), (422, False), (500, False)])
def test_only_a_body_that_was_too_large_makes_the_next_ones_small(
    status: int, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halving, "ASK_APART_SECONDS", 0.01)
    with a_line() as line:
        line.feed(8)
        Delivery.objects.update(failures=failure.SUSPECT_AFTER)
        line.sandbox.fail(status=status, count=1)
        line.deliver()
        assert (line.delivery.small_bodies_until is not None) == small
        deliver_all(line, 2)
        assert line.outcomes() == {"delivered": 8}
