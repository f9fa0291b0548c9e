"""One trouble with a key is one moment, whichever delivery or test of it Segment refused first."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from connectors import ports
from connectors.models import Connector, WriteKey
from connectors.setup import lifecycle
from exporter.actions import retries, test_events
from exporter.delivery.deliver import deliver
from exporter.models import Delivery
from tests.connectors.setup.test_key_rotation import NOBODY, OLD, rejected_at, switch_under_way
from tests.support.delivering import Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


def refused_since(line: Line) -> datetime:
    """Stops the live delivery for its key; answers since when Segment refuses it."""
    line.feed(5)
    line.sandbox.fail(status=401)
    line.deliver()
    assert line.delivery.stopped == "key_rejected"
    since = rejected_at(line, "oldk")
    assert since is not None
    return since


def a_retry(line: Line) -> Delivery:
    """Of one event Segment refused, while the rest went well."""
    line.sandbox.fail(status=400, match={"message_id": "bad"})
    line.feed(5)
    line.feed_events([event(9_999, id="bad")])
    line.feed(5)
    line.deliver()
    line.sandbox.heal()
    return retries.retry_all(line.connector, NOBODY)


def test_test_events_with_the_stopped_key_are_the_same_trouble() -> None:
    with a_line(write_key=OLD) as line:
        since = refused_since(line)
        key = lifecycle.key_in_use(line.connector)
        assert key is not None
        assert test_events.send(key, NOBODY)[0]["status"] == 401
        assert rejected_at(line, "oldk") == since


def test_a_retry_beside_the_stopped_delivery_is_the_same_trouble() -> None:
    with a_line(write_key=OLD) as line:
        retry = a_retry(line)
        since = refused_since(line)
        assert deliver(retry.pk) == "failed"
        assert rejected_at(line, "oldk") == since


def test_a_delivery_stopped_after_its_retry_is_the_same_trouble() -> None:
    with a_line(write_key=OLD) as line:
        retry = a_retry(line)
        line.sandbox.fail(status=401)
        assert deliver(retry.pk) == "failed"
        since = rejected_at(line, "oldk")
        assert since is not None
        assert refused_since(line) == since
        line.make_due()
        assert deliver(retry.pk) == "failed"
        assert rejected_at(line, "oldk") == since


@pytest.mark.parametrize("kind", ["live", "retry"])
def test_a_stopped_key_s_refusal_after_the_switch_is_the_same_trouble(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_line(write_key=OLD) as line:
        deliveries = {"retry": a_retry(line).pk, "live": line.delivery.pk}
        since = refused_since(line)
        line.make_due()
        before = len(line.sandbox.requests())
        switch_under_way(line, monkeypatch)
        deliver(deliveries[kind])
        (refused, *_) = line.sandbox.requests()[before:]
        assert (refused["key4"], refused["status"]) == ("oldk", 401)
        assert WriteKey.objects.get(connector=line.connector, last4="oldk").retired_at is not None
        assert rejected_at(line, "oldk") == since


def test_a_retry_that_gave_up_under_the_stop_tells_nothing_of_the_next_trouble() -> None:
    with a_line(write_key=OLD) as line:
        retry = a_retry(line)
        line.sandbox.fail(status=401)
        deliver(retry.pk)
        first = rejected_at(line, "oldk")
        assert first is not None
        line.make_due()
        Delivery.objects.filter(pk=retry.pk).update(created_at=timezone.now() - timedelta(hours=49))
        assert deliver(retry.pk) == "done"
        assert refused_since(line) > first


def test_of_a_connector_deleted_just_now_nothing_waits() -> None:
    with a_line() as line:
        line.feed(5)
        assert ports.waiting(line.connector) == 5
        Connector.objects.filter(pk=line.connector.pk).delete()
        assert ports.waiting(line.connector) == 0
