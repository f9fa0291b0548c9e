"""Segment answers badly, or not at all: every fault at its own connector, all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.row import NOTHING, Row
from tests.faults.sandbox import largest, widest
from tests.faults.stage import Stage
from tests.faults.stream import Stream, Target
from tests.faults.waiting import NotInTime, until

RATE = 250.0


@dataclass(slots=True)
class BadAnswer:
    """`rule` fits the connector's key; `uses` is how often it must have been used to prove the fault."""

    fault: str
    rule: dict[str, Any]
    uses: int = 1
    may_double: bool = False
    also: dict[str, Any] = field(default_factory=dict)
    full_speed: bool = False


def bad_answers(stage: Stage) -> list[Row]:
    running = [_begin(stage, fault) for fault in _faults(stage)]
    running.append(_one_bad_event(stage))
    running.append(_rejected_key(stage))
    return [end() for end in running]


def _faults(stage: Stage) -> list[BadAnswer]:
    often = stage.size(3, 6)
    rarely = stage.size(1, 3)
    return [
        BadAnswer("500", {"status": 500, "count": often}, often),
        BadAnswer("503", {"status": 503, "count": often}, often),
        BadAnswer("429 without headers", {"status": 429, "count": often}, often),
        BadAnswer(
            "429 with Retry-After: 2", {"status": 429, "headers": {"Retry-After": "2"}, "count": often}, often
        ),
        BadAnswer("connection reset", {"reset": True, "count": often}, often),
        BadAnswer(
            "accepted, then reset", {"accept_then_reset": True, "count": often}, often, may_double=True
        ),
        BadAnswer("no answer at all", {"hang": True, "count": rarely}, rarely),
        BadAnswer("answer after 10 s", {"delay_ms": 10_000, "count": rarely + 1}, rarely + 1),
        BadAnswer(
            "5 % of requests answered 503, 50 ms each",
            {"status": 503, "probability": 0.05, "seed": 7},
            also={"delay_ms": 50},
            full_speed=True,
        ),
    ]


def _begin(stage: Stage, fault: BadAnswer) -> Callable[[], Row]:
    target = stage.target()
    match = {"key4": target.key4}
    rule = stage.sandbox.add(**fault.rule, match=match)
    if fault.also:
        stage.sandbox.add(**fault.also, match=match)
    stream = stage.stream(
        [target],
        events=stage.size(40_000, 200_000) if fault.full_speed else stage.size(4_000, 10_000),
        rate=0 if fault.full_speed else RATE,
    )

    def end() -> Row:
        row = Row(fault.fault, NOTHING)
        stage.finish(stream, row)
        uses = stage.sandbox.uses(rule)
        if uses >= fault.uses:
            row.proof = f"injected {uses} times"
        seen = stage.watcher.of(target.key4)
        if fault.may_double:
            row.bound = sum(each.calls for each in seen if each.rule == rule)
            row.bound_is = "the events of the requests accepted and then reset"
        if fault.full_speed:
            row.notes.append(f"up to {widest(seen)} requests at a time, up to {largest(seen)} events in one")
        return row

    return end


def _one_bad_event(stage: Stage) -> Callable[[], Row]:
    target = stage.target()
    bad = 1234
    rule = stage.sandbox.add(
        status=400, body="bad event", match={"key4": target.key4, "message_id": f"{target.prefix}{bad}"}
    )
    stream = stage.stream([target], events=stage.size(4_000, 10_000), rate=RATE)

    def end() -> Row:
        row = stage.finish(stream, Row("400 to one event", NOTHING), refused={bad})
        aside = stage.house.query(
            "SELECT event_number FROM exporter_rejectedevent WHERE connector_id = %s", target.connector
        )
        if aside != [(bad,)]:
            row.troubles.append(f"set aside are {aside}, not event {bad} alone")
        row.proof = f"injected {stage.sandbox.uses(rule)} times; event {bad} set aside"
        return row

    return end


def _rejected_key(stage: Stage) -> Callable[[], Row]:
    """A key that Segment does not know; once it is known, *Try now* is enough."""
    target = stage.target()
    rule = stage.sandbox.add(status=401, match={"key4": target.key4})
    stream = stage.stream([target], events=stage.size(2_000, 10_000), rate=RATE * 4)
    return lambda: _heal_key(stage, stream, target, rule)


def _heal_key(stage: Stage, stream: Stream, target: Target, rule: int) -> Row:
    row = Row("401, then healed", NOTHING)
    try:
        until(stream.finished, 60, "everything is acknowledged while the key is refused")
        until(lambda: _stopped(stage, target) == "key_rejected", 30, "the connector has stopped")
        uses = stage.sandbox.uses(rule)
        if stage.arrived(stream):
            row.troubles.append("something arrived with a refused key")
        row.proof = f"refused {uses} times, stopped, healed"
        if uses > 3:
            row.troubles.append(f"a refused key was tried {uses} times within a minute")
    except NotInTime as late:
        row.troubles.append(str(late))
    stage.sandbox.heal()
    stage.person.try_now(target)
    return stage.finish(stream, row)


def _stopped(stage: Stage, target: Target) -> str:
    ((stopped,),) = stage.house.query("SELECT stopped FROM exporter_delivery WHERE id = %s", target.delivery)
    return str(stopped)
