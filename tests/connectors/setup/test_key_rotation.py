"""Rotating while events flow: nothing is lost, nothing begins with the old key after the switch, and of two admins at
once one is told."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import connection
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import Connector, WriteKey
from connectors.setup import key_rotation, lifecycle
from connectors.setup.lifecycle import KeyChanged
from connectors.vault import sealing
from exporter.delivery import in_flight
from exporter.delivery.turn import Turn
from exporter.destinations.packing import Limits
from exporter.reports.summary import Summary, summary
from exporter.sandbox.handle import Sandbox
from tests.support.delivering import Line, a_line
from tests.support.sandbox_calls import until

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = "an-old-key-for-the-sandbox-oldk", "a-new-key-for-the-sandbox-newk"
NOBODY = By(None)
# Between the last look at the settings and the first byte of a request lie some milliseconds of a busy machine.
ON_ITS_WAY = 0.25
# A request says when it began in whole milliseconds, rounded down.
ROUNDED = 0.001


def begun_at(sandbox: Sandbox, key4: str) -> list[float]:
    """When the requests with a key began, as they say themselves."""
    found = [request["sent_at"] for request in sandbox.requests() if request["key4"] == key4]
    return [datetime.fromisoformat(sent_at).timestamp() for sent_at in found]


def in_use(connector: Connector) -> str:
    key = lifecycle.key_in_use(connector)
    assert key is not None
    return sealing.unseal(key)


def test_a_rotation_under_load_loses_nothing_and_the_old_key_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    # Small bodies, so that there are many to rotate between.
    monkeypatch.setattr(Turn, "limits", lambda _turn, _most=15: Limits(events=15))
    with a_line(write_key=OLD, latency_ms=10) as line:
        ids = line.feed(1_950)
        done, given_up = threading.Event(), threading.Event()

        def work() -> None:
            while line.delivery.cursor < len(ids) and not given_up.is_set():
                line.deliver()
            connection.close()
            done.set()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            until(lambda: len(line.arrived()) >= 300)
            asked = time.time()
            lifecycle.rotate(line.connector, write_key=NEW, region="us", by=NOBODY)
            switched = time.time()
            until(lambda: len(line.sandbox.calls(key4="newk")) >= 500)
            asked_back = time.time()
            key_rotation.roll_back(line.connector, seen=None, by=NOBODY)
            back = time.time()
            worker.join(60)
            assert done.is_set()
        finally:
            given_up.set()
            worker.join(60)
        arrived = line.arrived()
        assert sorted(arrived) == sorted(ids), "each once"
        late = [
            call
            for call in line.sandbox.calls(key4="oldk")
            if switched + ON_ITS_WAY < call["received_at"] < asked_back
        ]
        assert late == []
        begun = {key4: begun_at(line.sandbox, key4) for key4 in ("oldk", "newk")}
        assert [at for at in begun["oldk"] if switched + ON_ITS_WAY < at < asked_back - ROUNDED] == []
        assert [at for at in begun["newk"] if at > back + ON_ITS_WAY or at < asked - ROUNDED] == []
        assert in_use(line.connector) == OLD


def test_of_two_admins_at_once_one_switches_and_the_other_is_told() -> None:
    with a_line(write_key=OLD) as line:
        key = lifecycle.key_in_use(line.connector)
        assert key is not None
        start = threading.Barrier(2)

        def rotate(number: int) -> str:
            start.wait()
            try:
                lifecycle.rotate(
                    line.connector, write_key=f"{NEW}{number}", region="us", by=NOBODY, seen=key.pk
                )
            except KeyChanged as changed:
                return changed.current.last4 if changed.current else "nobody"
            finally:
                connection.close()
            return ""

        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(rotate, (1, 2)))
        assert sorted(map(bool, told)) == [False, True]
        active = WriteKey.objects.get(connector=line.connector, retired_at=None, activated_at__isnull=False)
        assert active.last4 in told


def test_a_stopped_connector_resumes_at_once_with_the_new_key() -> None:
    with a_line(write_key=OLD) as line:
        ids = line.feed(5)
        line.sandbox.fail(status=401)
        line.deliver()
        line.sandbox.heal()
        assert line.delivery.stopped == "key_rejected"
        lifecycle.rotate(line.connector, write_key=NEW, region="us", by=NOBODY)
        assert line.delivery.next_attempt_at is None
        line.deliver()
        assert line.arrived() == ids
        assert line.delivery.stopped == ""


def rejected_at(line: Line, last4: str) -> datetime | None:
    return WriteKey.objects.get(connector=line.connector, last4=last4).rejected_at


def test_a_key_keeps_the_moment_segment_began_to_refuse_it() -> None:
    with a_line(write_key=OLD) as line:
        line.feed(5)
        line.deliver()
        assert rejected_at(line, "oldk") is None
        line.feed(5)
        before = timezone.now()
        line.sandbox.fail(status=403)
        line.deliver()
        first = rejected_at(line, "oldk")
        assert first is not None
        assert before < first < timezone.now()
        line.make_due()
        line.deliver()
        assert rejected_at(line, "oldk") == first, "the next probe is the same trouble"
        line.sandbox.heal()
        lifecycle.rotate(line.connector, write_key=NEW, region="us", by=NOBODY)
        line.deliver()
        assert (rejected_at(line, "oldk"), rejected_at(line, "newk")) == (first, None)
        key_rotation.roll_back(line.connector, seen=None, by=NOBODY, anyway=True)
        line.feed(5)
        line.sandbox.fail(status=401)
        line.deliver()
        again = rejected_at(line, "oldk")
        assert again is not None
        assert again > first, "another trouble, another moment"


def began(told: Summary) -> datetime:
    """When the key in use began to be rejected."""
    assert told.key_rejected_at is not None
    assert told.key_rejected_again_at is not None
    return told.key_rejected_at


def test_what_is_told_of_a_rejected_key_is_told_of_the_key_in_use() -> None:
    with a_line(write_key=OLD) as line:
        line.feed(5)
        line.sandbox.fail(status=401)
        line.deliver()
        first = summary(line.connector)
        assert began(first) == rejected_at(line, "oldk")
        lifecycle.rotate(line.connector, write_key=NEW, region="us", by=NOBODY)
        untried = summary(line.connector)
        assert untried.health == "key_rejected"
        assert (untried.key_rejected_at, untried.key_rejected_again_at) == (None, None)
        line.deliver()
        second = summary(line.connector)
        assert began(second) == rejected_at(line, "newk")
        assert began(second) > began(first)
        assert second.failing_since == first.failing_since, "the trouble is the same"
        key_rotation.roll_back(line.connector, seen=None, by=NOBODY, anyway=True)
        assert summary(line.connector).key_rejected_at is None, "not since it is back in use"
        line.deliver()
        back = summary(line.connector)
        assert back.key_fingerprint == first.key_fingerprint
        assert began(back) > began(second)


def test_other_failures_are_not_the_key_s() -> None:
    with a_line(write_key=OLD) as line:
        line.feed(5)
        for status in (404, 500, 429):
            line.sandbox.fail(status=status, count=1)
            line.make_due()
            line.deliver()
        assert rejected_at(line, "oldk") is None


def switch_under_way(line: Line, patch: pytest.MonkeyPatch) -> None:
    """The next request goes out with the old key; before anybody looks at its answer, the key is switched."""
    wait = in_flight.InFlight.wait

    def switch(self: in_flight.InFlight, seconds: float) -> None:
        patch.undo()
        assert len(self.flying) == 1
        lifecycle.rotate(line.connector, write_key=NEW, region="us", by=NOBODY)
        wait(self, seconds)

    patch.setattr(in_flight.InFlight, "wait", switch)


def test_a_refusal_that_comes_after_the_switch_is_the_old_key_s(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line(write_key=OLD) as line:
        line.feed(5)
        line.sandbox.fail(status=401, count=1)
        switch_under_way(line, monkeypatch)
        line.deliver()
        (refused,) = [one["key4"] for one in line.sandbox.requests() if one["status"] == 401]
        assert refused == "oldk"
        assert line.delivery.stopped == "", "it says nothing about the new key"
        assert rejected_at(line, "oldk") is not None
        assert rejected_at(line, "newk") is None
