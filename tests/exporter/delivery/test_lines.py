"""What delivery writes into the log, above all when a key is rejected."""

from __future__ import annotations

import logging

import pytest
from django.db import connection

from exporter.delivery.lanes.coordinator import Coordinator
from exporter.models import Delivery
from tests.support.delivering import a_line
from tests.support.log_lines import lines_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _all_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_a_rejected_key_is_told_with_its_connector_and_what_happens_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=401)
        line.deliver()
        (stopped,) = lines_of(caplog, "delivery.stopped")
        assert stopped["connector"] == line.connector.pk
        assert stopped["workspace"] == line.workspace.pk
        assert stopped["reason"] == "key_rejected"
        assert stopped["next_in"] > 0
        assert {one["status"] for one in lines_of(caplog, "delivery.attempt_failed")} == {401}
        line.sandbox.heal()
        Delivery.objects.update(next_attempt_at=None)
        line.deliver()
        (resumed,) = lines_of(caplog, "delivery.resumed")
        assert resumed["reason"] == "key_rejected"


@pytest.mark.parametrize("way", ["turn", "set"])
def test_an_accepted_attempt_has_a_line_in_both_lanes(caplog: pytest.LogCaptureFixture, way: str) -> None:
    with a_line() as line:
        line.feed(5)
        if way == "turn":
            line.deliver()
        else:
            Coordinator(lambda _delivery: None).settle_all([line.workspace.pk])
        (told,) = lines_of(caplog, "delivery.attempt")
        assert (told["status"], told["events"], told["connector"]) == (200, 5, line.connector.pk)


def test_a_lease_taken_over_and_one_that_was_lost_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with a_line() as line:
        line.feed(5)
        with connection.cursor() as sql:
            sql.execute(
                "UPDATE exporter_delivery SET lease_token = gen_random_uuid(), lease_until = now() - interval '1 s'"
            )
        line.deliver()
        (taken,) = lines_of(caplog, "lease.taken_over")
        assert taken["delivery"] == line.delivery.pk
        line.feed(5)
        line.deliver()
        assert len(lines_of(caplog, "lease.taken_over")) == 1, "a lease that was released is not taken over"
