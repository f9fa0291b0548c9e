"""Replay: its speed beside delivery alone, and how fresh live events stay beside a replay at full speed."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import quantiles

from django.db import connection

from benchmarks import backlog, client
from benchmarks.ground import Sink, folder, retry_worker, wait_until, web, workers
from benchmarks.intake import token_for
from benchmarks.results import Result
from connectors.models import Connector
from exporter import sql
from exporter.actions import replays
from exporter.actions.replay_preview import Wanted
from exporter.delivery.replay_reader import EVERYTHING
from exporter.models import Replay, ReplayState

_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_LIVE_RATE, _LIVE_BODY = 1_000, 10


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    count = 50_000 if quick else 200_000
    with workers(1), retry_worker():
        yield from _speed(sink, count, rounds)
    with web() as (_, port), workers(1), retry_worker(), _beat():
        runs = [_beside(sink, port, count, 10 if quick else 30) for _ in range(min(rounds, 3))]
    for percent in (50, 99):
        values = [quantiles(run, n=100)[percent - 1] * 1000 for run in runs]
        name = f"{_LIVE_RATE:,} live events/s beside a replay at full speed, p{percent}"
        yield Result("replay", name, "ms", values, "intake's answer → at the sink, one connector")


def _speed(sink: Sink, count: int, rounds: int) -> Iterator[Result]:
    alone, again = [], []
    for _ in range(rounds):
        made = backlog.connector()
        backlog.fill([made], count)
        alone.append(backlog.work_off(sink, [made], count, 0).rate)
        again.append(_replayed(sink, made, count))
    own = Result("replay", "replay of everything, one worker", "events/s", again, f"{count:,} events")
    own.compare(Result("", "delivery alone", "", alone))
    yield own


def _replayed(sink: Sink, connector: Connector, count: int) -> float:
    sink.reset(0)
    replay = _begin(connector)
    wait_until(lambda: _over(replay), 60 + count / 1000, "the replay")
    counted = sink.count()
    assert counted["distinct"] == counted["events"] == count, f"the sink saw {counted}, not {count} events"
    moved_at = Replay.objects.select_related("delivery").get(pk=replay.pk).delivery.moved_at
    began = Replay.objects.get(pk=replay.pk).started_at
    assert moved_at is not None
    assert began is not None
    return count / (moved_at - began).total_seconds()


def _begin(connector: Connector) -> Replay:
    return replays.begin(connector, Wanted(_LONG_AGO, sql.clock(), outcomes=(EVERYTHING,)), backlog.NOBODY)


def _over(replay: Replay) -> bool:
    replays.advance()
    replay.refresh_from_db()
    return ReplayState(replay.state).over


def _beside(sink: Sink, port: int, count: int, seconds: int) -> list[float]:
    """The delay of each live event in seconds, while the connector's history is sent again and again."""
    made = backlog.connector()
    backlog.fill([made], count)
    backlog.work_off(sink, [made], count, 0)
    sink.reset()
    moments, live = folder() / "answered", _LIVE_RATE * seconds
    plan = client.Plan(
        port, token_for(made.workspace), secrets.token_hex(4), live, _LIVE_BODY, 8, _LIVE_RATE, str(moments)
    )
    process = plan.start()
    with _sent_again(made):
        client.begin(process)
        told = client.finish(process)
    assert told["accepted"] == live, f"of {live} events {told} were accepted"
    wait_until(lambda: _waiting(made) == 0, 60, "delivering the rest")
    arrived = sink.arrivals()
    pairs = (line.split() for line in moments.read_bytes().splitlines())
    return [arrived[event_id] - float(at) for event_id, at in pairs]


def _waiting(connector: Connector) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.next_event - d.cursor FROM exporter_delivery d JOIN exporter_eventlog l USING (workspace_id) "
            "WHERE d.connector_id = %s AND d.kind = 'live'",
            [connector.pk],
        )
        return int(cursor.fetchone()[0])


@contextmanager
def _sent_again(connector: Connector) -> Iterator[None]:
    """One replay after the other, until the block ends; the last one is cancelled."""
    end = threading.Event()

    def again() -> None:
        replay = _begin(connector)
        while not end.wait(0.1):
            replay.refresh_from_db()
            if ReplayState(replay.state).over:
                replay = _begin(connector)
        if not _over(replay):
            replays.cancel(replay, backlog.NOBODY)
        connection.close()

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@contextmanager
def _beat() -> Iterator[None]:
    """What beat does for replays, more often, so that one follows the other at once."""
    end = threading.Event()

    def advance() -> None:
        while not end.wait(0.2):
            replays.advance()
        connection.close()

    thread = threading.Thread(target=advance)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
