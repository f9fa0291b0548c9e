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

from connectors import lifecycle, rotation, sealing
from connectors.lifecycle import By, KeyChanged
from connectors.models import Connector, WriteKey
from exporter.delivery.turn import Turn
from exporter.packing import Limits
from exporter.sandbox.handle import Sandbox
from tests.database.delivering import Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = "an-old-key-for-the-sandbox-oldk", "a-new-key-for-the-sandbox-newk"
NOBODY = By(None)
# Between the last look at the settings and the first byte of a request lie some milliseconds of a busy machine.
ON_ITS_WAY = 0.25


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
        done = threading.Event()

        def work() -> None:
            while line.delivery.cursor < len(ids):
                line.deliver()
            connection.close()
            done.set()

        worker = threading.Thread(target=work)
        worker.start()
        while len(line.arrived()) < 300:
            time.sleep(0.005)
        lifecycle.rotate(line.connector, write_key=NEW, region="us", by=NOBODY)
        switched = time.time()
        while len(line.sandbox.calls(key4="newk")) < 500:
            time.sleep(0.005)
        rotation.roll_back(line.connector, seen=None, by=NOBODY)
        back = time.time()
        worker.join(60)
        assert done.is_set()
        arrived = line.arrived()
        assert sorted(arrived) == sorted(ids), "each once"
        late = [
            call
            for call in line.sandbox.calls(key4="oldk")
            if switched + ON_ITS_WAY < call["received_at"] < back
        ]
        assert late == []
        begun = {key4: begun_at(line.sandbox, key4) for key4 in ("oldk", "newk")}
        assert [at for at in begun["oldk"] if switched + ON_ITS_WAY < at < back] == []
        assert [at for at in begun["newk"] if at > back + ON_ITS_WAY or at < switched - ON_ITS_WAY] == []
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
        rotation.roll_back(line.connector, seen=None, by=NOBODY)
        line.feed(5)
        line.sandbox.fail(status=401)
        line.deliver()
        again = rejected_at(line, "oldk")
        assert again is not None
        assert again > first, "another trouble, another moment"


def test_other_failures_are_not_the_key_s() -> None:
    with a_line(write_key=OLD) as line:
        line.feed(5)
        for status in (404, 500, 429):
            line.sandbox.fail(status=status, count=1)
            line.make_due()
            line.deliver()
        assert rejected_at(line, "oldk") is None


def test_a_refusal_that_comes_after_the_switch_is_the_old_key_s() -> None:
    with a_line(write_key=OLD) as line:
        line.feed(5)
        line.sandbox.fail(status=401, delay_ms=400, count=1)

        def work() -> None:
            line.deliver()
            connection.close()

        worker = threading.Thread(target=work)
        worker.start()
        while line.sandbox.stats()["in_flight"] != 1:
            time.sleep(0.005)
        lifecycle.rotate(line.connector, write_key=NEW, region="us", by=NOBODY)
        worker.join(20)
        assert rejected_at(line, "oldk") is not None
        assert rejected_at(line, "newk") is None
