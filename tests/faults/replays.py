"""Faults in the middle of a replay: all that was asked for comes again, and live events beside it do not wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import redis

from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Target
from tests.faults.waiting import NotInTime, until

LIVE_RATE = 1000.0


@dataclass(slots=True)
class _Replayed:
    """A connector whose history is sent again with the same ids, from `began` on; `delivery` is the replay's."""

    target: Target
    events: int
    replay: int
    delivery: int
    began: float


def worker_killed(stage: Stage) -> list[Row]:
    """The one that replays, which is the worker of chores."""
    kills = stage.size(2, 10)

    def act(again: _Replayed, row: Row) -> str:
        pids, since, allowed = [stage.house.pid("retry-worker")], again.began, 0
        mine = replace(again.target, delivery=again.delivery)
        for _kill in range(kills):
            _await_again(stage, again, 1_000)
            stage.house.kill("retry-worker")
            allowed += stage.unsettled([mine], since).events
            since = time.time()
            stage.house.start("retry-worker")
            pids.append(stage.house.pid("retry-worker"))
        row.notes.append(f"{allowed} events of the replay were sent and not settled at the kills")
        return "worker processes " + "→".join(map(str, pids)) if len(set(pids)) == kills + 1 else ""

    return [
        _during(
            stage, f"worker SIGKILL ×{kills} in a replay beside 1,000 live events/s", act, seconds=kills * 6
        )
    ]


def redis_emptied(stage: Stage) -> list[Row]:
    def act(again: _Replayed, row: Row) -> str:
        with redis.Redis.from_url(stage.house.redis.url, socket_timeout=5) as client:
            for _time in range(3):
                _await_again(stage, again, 500)
                client.flushall()
            flushed = client.info("commandstats")["cmdstat_flushall"]["calls"]
        return f"Redis counts {flushed} FLUSHALL" if flushed >= 3 else ""

    return [_during(stage, "Redis emptied ×3 in a replay", act, seconds=stage.size(8, 40))]


def key_rejected(stage: Stage) -> list[Row]:
    def act(again: _Replayed, row: Row) -> str:
        _await_again(stage, again, 500)
        rule = stage.sandbox.add(status=401, match={"key4": again.target.key4})
        until(lambda: _stopped(stage, again) == "key_rejected", 30, "the replay stops at the rejected key")
        refused = stage.sandbox.uses(rule)
        row.notes.append(f"it is told as “{_stopped(stage, again)}” and waits for another key")
        stage.person.change_key(again.target)
        return f"{refused} requests answered 401, then another key was entered" if refused >= 2 else ""

    return [_during(stage, "key rejected in a replay, then changed", act, seconds=stage.size(6, 40))]


def _stopped(stage: Stage, again: _Replayed) -> str:
    rows = stage.house.query("SELECT stopped FROM exporter_delivery WHERE id = %s", again.delivery)
    return str(rows[0][0])


def _during(stage: Stage, fault: str, act: Callable[[_Replayed, Row], str], *, seconds: float) -> Row:
    """A replay that takes about so long, live events of another connector beside it, and the fault in the middle."""
    row = Row(fault, NOTHING)
    events = stage.size(20_000, 200_000)
    target, beside = stage.target(kind="history"), stage.target()
    history = stage.stream([target], events=events, rate=0)
    stage.finish(history, row)
    live = stage.stream([beside], events=int(LIVE_RATE * seconds), rate=LIVE_RATE)
    try:
        again = _begin(stage, target, events, rate=int(events / seconds))
        row.proof = act(again, row)
        until(lambda: _state(stage, again) == "done", 120 + 3 * seconds, "the replay is done")
        _judge(stage, again, row)
    except NotInTime as late:
        row.troubles.append(str(late))
        stage.house.revive()
    stage.finish(live, row)
    row.bound, row.bound_is = row.verdict.sent // 100, "1 % of the live events"
    return row


def _begin(stage: Stage, target: Target, events: int, rate: int) -> _Replayed:
    began = time.time()
    made = stage.person.replay(target, rate=rate)
    return _Replayed(target, events, made["replay"], made["delivery"], began)


def _again(stage: Stage, again: _Replayed) -> int:
    stage.arrivals.look()
    return len(stage.arrivals.of(again.target).again)


def _await_again(stage: Stage, again: _Replayed, more: int) -> None:
    before = _again(stage, again)
    until(lambda: _again(stage, again) >= before + more, 60, f"{more} more events come again")


def _state(stage: Stage, again: _Replayed) -> str:
    rows = stage.house.query("SELECT state FROM exporter_replay WHERE id = %s", again.replay)
    return str(rows[0][0])


def _judge(stage: Stage, again: _Replayed, row: Row) -> None:
    """Every event of the history came once more at least; how many came more often than that."""
    came = stage.arrivals.of(again.target)
    stage.arrivals.look()
    lost = again.events - sum(at >= again.began for at in came.latest.values())
    if lost:
        row.troubles.append(f"{lost} events of the history were not sent again")
    counted = stage.house.query(
        "SELECT coalesce(sum(count), 0)::bigint FROM exporter_deliverytotal WHERE delivery_id = %s AND outcome = %s",
        again.delivery,
        "delivered",
    )[0][0]
    if counted != again.events:
        row.troubles.append(f"the replay's ledger says {counted} delivered, not {again.events}")
    more = len(came.again) - again.events
    row.notes.append(f"{again.events} events sent again, {more} of them twice")
    if more > again.events // 10:
        row.troubles.append(f"{more} events of the history were sent twice, more than a tenth")


def replays(stage: Stage) -> list[Row]:
    return [*worker_killed(stage), *redis_emptied(stage), *key_rejected(stage)]
