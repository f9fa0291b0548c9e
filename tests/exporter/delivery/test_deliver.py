"""What delivery promises on a good day: each chosen event once, everything else counted, nothing forgotten."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from django.db import connection

from connectors.catalogue.catalogue import CATALOGUE
from connectors.setup import lifecycle
from connectors.setup.lifecycle import Settings
from exporter.delivery import lease as leases
from exporter.delivery.deliver import deliver
from exporter.delivery.lease import Lease, LeaseLost
from exporter.delivery.settle import settle
from exporter.delivery.step import Step
from exporter.models import Attempt, DeliveryCount, DeliveryDelay, RejectedEvent
from exporter.version import VERSION
from tests.support.delivering import EMAIL_OPEN, NOBODY, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.json"))


def test_every_chosen_event_arrives_once_and_the_ledger_balances() -> None:
    with a_line() as line:
        ids = line.feed(3_000)
        assert line.deliver() == "idle"
        assert sorted(line.arrived()) == sorted(ids)
        assert line.outcomes() == {"delivered": 3_000}
        assert line.delivery.cursor == 3_000
        assert line.sandbox.stats()["duplicates"] == 0


def test_all_event_types_arrive_as_their_samples_say() -> None:
    with a_line(include_anonymous=True) as line:
        samples = [json.loads(path.read_text()) for path in SAMPLES]
        assert {sample["flat"]["event_type"] for sample in samples} >= {
            one.event_type for one in CATALOGUE.events
        }
        line.feed_events([sample["flat"] for sample in samples])
        line.feed_events([sample["custom_http"] | {"id": f"http-{n}"} for n, sample in enumerate(samples)])
        line.deliver()
        got = {kept["call"]["messageId"]: kept["call"] for kept in line.sandbox.calls()}
        for number, sample in enumerate(samples):
            expected = sample["call"]
            expected["context"]["library"]["version"] = VERSION
            assert got[expected["messageId"]] == expected
            assert got[f"http-{number}"] == expected | {"messageId": f"http-{number}"}


def test_what_is_not_chosen_is_counted_and_not_sent() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed_events(
            [
                event(1),
                event(2, event_type="users.messages.email.Click"),
                event(3, event_type="made.up.Type"),
                event(4, external_user_id=None),
                event(5, external_user_id=""),
            ]
        )
        line.deliver()
        assert line.outcomes() == {"delivered": 1, "unselected": 1, "unsupported": 1, "anonymous": 2}
        assert line.arrived() == ["event-1"]


def test_a_batch_without_chosen_types_is_settled_without_reading_it() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed(500, event_type="users.messages.email.Click")
        with connection.cursor() as cursor:
            cursor.execute("SELECT payload FROM exporter_eventbatch")
            (payload,) = cursor.fetchone()
            cursor.execute("UPDATE exporter_eventbatch SET payload = 'damaged'")
            line.deliver()
            cursor.execute("UPDATE exporter_eventbatch SET payload = %s", [payload])
        assert line.outcomes() == {"unselected": 500}
        assert line.sandbox.stats()["requests"] == 0
        assert list(line.delivery.settlements.values_list("kind", flat=True)) == ["skipped"]


def test_anonymous_users_are_sent_where_the_connector_includes_them() -> None:
    with a_line(include_anonymous=True) as line:
        line.feed(2, external_user_id=None)
        line.deliver()
        calls = [kept["call"] for kept in line.sandbox.calls()]
        assert [("userId" in call, call["anonymousId"][:5]) for call in calls] == [(False, "user-")] * 2


def test_a_call_over_32_000_bytes_is_rejected_with_its_size_as_the_reason() -> None:
    with a_line() as line:
        line.feed_events([event(1), event(2, campaign_name="x" * 33_000), event(3)])
        line.deliver()
        assert line.outcomes() == {"delivered": 2, "rejected": 1}
        rejected = RejectedEvent.objects.get()
        assert rejected.event_number == 1
        assert "32000" in rejected.reason
        assert "33" in rejected.reason


def test_a_change_of_settings_applies_to_waiting_events() -> None:
    with a_line() as line:
        line.feed(10)
        line.feed(10, event_type="users.messages.email.Click")
        chosen = Settings("Segment", "data@example.com", ["users.messages.email.Click"], False)
        lifecycle.update(line.connector, chosen, seen_version=1, by=NOBODY)
        line.deliver()
        assert line.outcomes() == {"delivered": 10, "unselected": 10}


def test_only_events_accepted_after_the_launch_are_exported() -> None:
    with a_line() as line:
        line.feed(5)
        line.deliver()
        lifecycle.delete(line.connector, by=NOBODY)
        line.feed(7)
        line.connector = line.launch(line.workspace)
        assert (line.delivery.start, line.delivery.cursor) == (12, 12)
        line.feed(3)
        line.deliver()
        assert line.outcomes() == {"delivered": 3}
        assert len(line.arrived()) == 8


def test_with_a_slow_destination_several_requests_are_in_flight() -> None:
    with a_line(latency_ms=50) as line:
        line.feed(20_000, campaign_name="x" * 400)
        line.deliver()
        assert line.outcomes() == {"delivered": 20_000}
        assert line.sandbox.stats()["max_in_flight"] >= 3


def test_two_workers_deliver_each_event_once() -> None:
    with a_line() as line:
        line.feed(5_000)
        words: list[str] = []
        start = threading.Barrier(2)

        def work() -> None:
            start.wait()
            words.append(deliver(line.delivery.pk))
            connection.close()

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert sorted(words) == ["held", "idle"]
        assert line.sandbox.stats()["duplicates"] == 0
        assert len(line.arrived()) == 5_000


def test_a_worker_that_lost_its_lease_cannot_move_the_cursor() -> None:
    with a_line() as line:
        line.feed(10)
        old = Lease.take(line.delivery.pk)
        assert old is not None
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_delivery SET lease_until = clock_timestamp() - interval '1 second'"
            )
        new = Lease.take(line.delivery.pk)
        assert new is not None
        with pytest.raises(LeaseLost):
            settle(old, Step(cursor=0))
        assert not old.renew()
        assert not old.release()
        assert line.delivery.lease_token == new.token
        new.release()
        line.deliver()


def test_a_lease_that_was_not_released_makes_the_next_holder_careful() -> None:
    with a_line() as line:
        line.feed(1_000)
        assert Lease.take(line.delivery.pk) is not None
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_delivery SET lease_until = clock_timestamp() - interval '1 second'"
            )
        line.deliver()
        assert max(line.delivery.attempts.values_list("events", flat=True)) == 250
        assert line.sandbox.stats()["max_in_flight"] == 1


def test_a_lease_far_in_the_future_counts_as_over_because_the_clock_went_back() -> None:
    with a_line() as line:
        line.feed(1)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE exporter_delivery SET lease_until = clock_timestamp() + interval '1 hour'")
        assert line.deliver() == "idle"


def test_a_held_lease_is_left_alone() -> None:
    with a_line() as line:
        line.feed(1)
        held = Lease.take(line.delivery.pk)
        assert held is not None
        assert line.deliver() == "held"
        held.release()
        assert line.deliver() == "idle"


def test_a_lease_is_renewed_while_an_answer_is_awaited(
    monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    settings.CURRENTS_LEASE_SECONDS = 2.0  # type: ignore[attr-defined]
    renewals: list[bool] = []
    renew = leases.Lease.renew

    def noted(self: Lease) -> bool:
        renewals.append(True)
        return renew(self)

    monkeypatch.setattr(leases.Lease, "renew", noted)
    with a_line() as line:
        line.feed(1)
        line.sandbox.fail(delay_ms=3_000, status=200, store=True, count=1)
        line.deliver()
        assert renewals
        assert line.arrived() == ["event-0"]
        assert line.outcomes() == {"delivered": 1}


def test_delays_and_attempts_are_counted() -> None:
    with a_line() as line:
        line.feed(100)
        line.deliver()
        (attempt,) = Attempt.objects.all()
        assert (attempt.status, attempt.events, attempt.first_event, attempt.last_event) == (200, 100, 0, 99)
        assert attempt.verdict == "accepted"
        assert sum(DeliveryDelay.objects.values_list("count", flat=True)) == 100
        assert sum(DeliveryCount.objects.values_list("count", flat=True)) == 100
        assert list(line.delivery.attemptcount_set.values_list("answer", "count")) == [("200", 1)]


def test_the_time_of_sending_is_stamped_anew_on_every_attempt() -> None:
    with a_line() as line:
        line.feed(1)
        line.sandbox.fail(status=503, count=1)
        assert line.deliver() == "failed"
        line.make_due()
        line.deliver()
        first, second = [request["sent_at"] for request in line.sandbox.requests()]
        assert first < second
        assert line.arrived() == ["event-0"]
