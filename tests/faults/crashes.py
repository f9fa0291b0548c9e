"""The other parts killed, emptied and stopped, in the middle of a stream."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import redis

from tests.faults.house import USERS
from tests.faults.row import NOTHING, Row
from tests.faults.sandbox import largest, widest
from tests.faults.stage import Stage
from tests.faults.stream import Stream, Tail
from tests.faults.waiting import NotInTime, until

RATE = 2000.0
RELEASE_SECONDS = 10.0


def _during(
    stage: Stage, fault: str, act: Callable[[Stream, Row], str], webs: tuple[str, ...] = ("web",)
) -> Row:
    """A row whose `act` commits the fault once the stream flows, and answers its proof."""
    stream = stage.stream([stage.target()], events=stage.size(10_000, 20_000), rate=RATE, webs=webs)
    row = Row(fault, NOTHING)
    try:
        stage.await_arrivals(stream, 1_000)
        row.proof = act(stream, row)
    except NotInTime as late:
        row.troubles.append(str(late))
    for name in stage.house.revive():
        row.troubles.append(f"{name} had ended by itself")
    return stage.finish(stream, row)


def web_killed(stage: Stage) -> list[Row]:
    """Two web processes, each killed in turn; a body whose answer was lost goes to the other one again."""

    def act(stream: Stream, row: Row) -> str:
        proof = []
        for name in ("web", "web-2", "web"):
            stage.await_acknowledged(stream, 1_500)
            before = stage.house.kill(name)
            stage.house.start(name)
            proof.append(f"{name} {before}→{stage.house.pid(name)}")
        broken = sum(stream.refused().values())
        return ", ".join(proof) + f", {broken} bodies without an answer" if broken else ""

    if "web-2" not in stage.house.web_ports:
        stage.house.add_web("web-2")
    stage.house.start("web-2")
    row = _during(stage, "web SIGKILL ×3 during intake", act, webs=("web", "web-2"))
    stage.house.stop("web-2")
    stage.house.parts.pop("web-2")
    stage.house.web_ports.pop("web-2")
    return [row]


def beat_killed(stage: Stage) -> list[Row]:
    def act(stream: Stream, row: Row) -> str:
        before = stage.house.kill("beat")
        until(stream.finished, 60, "everything is acknowledged without beat")
        until(lambda: stage.arrived(stream) == stream.sent, 60, "everything has arrived without beat")
        stage.house.start("beat")
        return f"beat {before}→{stage.house.pid('beat')}, dead until all had arrived"

    return [_during(stage, "beat SIGKILL", act)]


def retry_worker_killed(stage: Stage) -> list[Row]:
    """A destination that fails every third time is delivered to by the retry worker."""

    def act(stream: Stream, row: Row) -> str:
        house, key4 = stage.house, stream.targets[0].key4
        rule = stage.sandbox.add(
            status=503, probability=0.3, seed=11, count=stage.size(6, 30), match={"key4": key4}
        )
        log, pids, turns = Tail(house.parts["retry-worker"].log), [house.pid("retry-worker")], 0
        log.lines()
        for _kill in range(2):
            until(lambda: any(map(_tells_a_turn, log.lines())), 60, "the retry worker delivers")
            house.kill("retry-worker")
            house.start("retry-worker")
            pids.append(house.pid("retry-worker"))
            turns += 1
        until(stream.finished, 60, "everything is acknowledged")
        until(lambda: stage.arrived(stream) == stream.sent, 120, "everything has arrived")
        turns += sum(map(_tells_a_turn, log.lines()))
        seen = stage.watcher.of(key4)
        row.bound, row.bound_is = (
            2 * max(2, widest(seen) + 1) * largest(seen),
            "the bodies in flight at two kills",
        )
        proof = f"503 injected {stage.sandbox.uses(rule)} times, retry worker {'→'.join(map(str, pids))}"
        return f"{proof}, which made at least {turns} turns"

    return [_during(stage, "retry worker SIGKILL ×2 while answers fail", act)]


def _tells_a_turn(line: str) -> bool:
    return "exporter.tasks.retry" in line and "succeeded" in line


def redis_killed(stage: Stage) -> list[Row]:
    def act(stream: Stream, row: Row) -> str:
        before = stage.house.kill("redis")
        stage.await_acknowledged(stream, 4_000)
        # What was under way when it died does not count.
        stage.await_arrivals(stream, 1_500)
        stage.house.start("redis")
        told = "4,000 events acknowledged and 1,500 delivered without it"
        return f"redis {before}→{stage.house.pid('redis')}, {told}"

    return [_during(stage, "Redis SIGKILL, dead until events arrive without it", act)]


def redis_emptied(stage: Stage) -> list[Row]:
    times = 5

    def act(stream: Stream, row: Row) -> str:
        with redis.Redis.from_url(stage.house.redis.url, socket_timeout=5) as client:
            for _time in range(times):
                client.flushall()
                stage.await_acknowledged(stream, 1_000)
            flushed = client.info("commandstats")["cmdstat_flushall"]["calls"]
        return f"Redis counts {flushed} FLUSHALL" if flushed >= times else ""

    return [_during(stage, f"Redis emptied ×{times}", act)]


def postgres_killed(stage: Stage) -> list[Row]:
    def act(stream: Stream, row: Row) -> str:
        before = stage.house.kill("postgres")
        until(lambda: stream.refused()["503"] >= 3, 30, "intake answers 503")
        stage.house.start("postgres")
        if bare := stream.refused()["503 without Retry-After"]:
            row.troubles.append(f"{bare} of the 503s had no Retry-After")
        stage.watcher.look()
        seen = stage.watcher.of(stream.targets[0].key4)
        row.bound = 2 * max(1, widest(seen)) * largest(seen)
        row.bound_is = "the bodies in flight and those just answered"
        return (
            f"postgres {before}→{stage.house.pid('postgres')}, {stream.refused()['503']} bodies answered 503"
        )

    return [_during(stage, "PostgreSQL SIGKILL", act)]


def everything_stopped(stage: Stage) -> list[Row]:
    """SIGTERM of all parts while requests of 3 s are in flight: they are awaited, settled, and the leases let go."""

    def act(stream: Stream, row: Row) -> str:
        stage.sandbox.add(delay_ms=3_000, match={"key4": stream.targets[0].key4})
        until(lambda: stage.sandbox.in_flight() and stage.held(stream.targets), 30, "a request is in flight")
        house, before = stage.house, {name: stage.house.pid(name) for name in stage.house.parts}
        for name in USERS:
            house.parts[name].ask_to_stop()
        took = until(lambda: not _tokens(stage), RELEASE_SECONDS, "every lease is released after SIGTERM")
        house.await_end(*USERS)
        for name in ("sandbox", "redis", "postgres"):
            house.stop(name)
        how = {name: house.parts[name].how_it_ended() for name in before}
        for name, ended in how.items():
            if ended not in ("status 0", "signal 2"):
                row.troubles.append(f"{name} ended with {ended}")
        house.start("postgres", "redis", "sandbox", *USERS)
        row.notes.append(f"all leases were released {took:.1f} s after SIGTERM")
        return f"{len(before)} processes ended and were started again; worker {before['worker']}→{house.pid('worker')}"

    return [_during(stage, "SIGTERM of everything, then started again", act)]


def _tokens(stage: Stage) -> int:
    try:
        ((held,),) = stage.house.query("SELECT count(*) FROM exporter_delivery WHERE lease_token IS NOT NULL")
    except psycopg.Error:
        return 1
    return int(held)
