"""Segment answers badly, or not at all: every fault at its own connector, all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.row import NOTHING, Row
from tests.faults.sandbox import Seen, largest, widest
from tests.faults.stage import Stage
from tests.faults.stream import Stream, Target
from tests.faults.waiting import NotInTime, until

RATE = 250.0


@dataclass(slots=True)
class BadAnswer:
    """`rule` is for the connector's key, `also` for what it leaves; `uses` is how often it must have been used to
    prove the fault; `pause` are seconds without a request after each use."""

    fault: str
    rule: dict[str, Any]
    uses: int = 1
    may_double: bool = False
    also: dict[str, Any] = field(default_factory=dict)
    full_speed: bool = False
    pause: float = 0.0


def bad_answers(stage: Stage) -> list[Row]:
    running = [_begin(stage, fault) for fault in _faults(stage)]
    running += [_one_bad_event(stage, status) for status in (400, 403, 500)]
    refusals = _refusals(stage)
    return [*(end() for end in running), *refusals()]


def _faults(stage: Stage) -> list[BadAnswer]:
    often = stage.size(3, 6)
    rarely = stage.size(1, 3)
    return [
        BadAnswer("500", {"status": 500, "count": often}, often),
        BadAnswer("503", {"status": 503, "count": often}, often),
        BadAnswer("429 without headers", {"status": 429, "count": often}, often),
        BadAnswer(
            "429 with Retry-After: 2",
            {"status": 429, "headers": {"Retry-After": "2"}, "count": often},
            often,
            pause=2.0,
        ),
        BadAnswer("connection reset", {"reset": True, "count": often}, often),
        BadAnswer(
            "accepted, then reset", {"accept_then_reset": True, "count": often}, often, may_double=True
        ),
        BadAnswer("103 before each answer", {"interim": 103}, often),
        BadAnswer("103, then 500", {"interim": 103, "status": 500, "count": often}, often),
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
        events=stage.size(40_000, 100_000) if fault.full_speed else stage.size(4_000, 10_000),
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
        if fault.pause:
            _check_pause(row, seen, rule, fault.pause)
        if fault.full_speed:
            row.notes.append(f"up to {widest(seen)} requests at a time, up to {largest(seen)} events in one")
        return row

    return end


def _check_pause(row: Row, seen: list[Seen], rule: int, pause: float) -> None:
    for each in seen:
        answered = each.at + each.milliseconds / 1000
        # What was in flight beside it was sent before the answer came.
        after = [other.at - answered for other in seen if other.at > answered + 0.05]
        if each.rule == rule and after and min(after) < pause - 0.1:
            row.troubles.append(
                f"the next request came {min(after):.2f} s after an answer that asked for {pause:g} s"
            )


def _one_bad_event(stage: Stage, status: int) -> Callable[[], Row]:
    target = stage.target()
    bad = 1234
    rule = stage.sandbox.add(
        status=status, body="bad event", match={"key4": target.key4, "message_id": f"{target.prefix}{bad}"}
    )
    stream = stage.stream([target], events=stage.size(4_000, 10_000), rate=RATE)

    def end() -> Row:
        row = stage.finish(stream, Row(f"{status} to one event", NOTHING), refused={bad})
        aside = stage.set_aside(target)
        if aside != [bad]:
            row.troubles.append(f"set aside are {aside}, not event {bad} alone")
        row.proof = f"injected {stage.sandbox.uses(rule)} times; event {bad} set aside"
        return row

    return end


@dataclass(frozen=True, slots=True)
class _Refused:
    """A connector whose every request is refused with `status`, so that it stops as `stopped`."""

    fault: str
    stopped: str
    most_tries: int
    target: Target
    rule: int
    stream: Stream


def _refusals(stage: Stage) -> Callable[[], list[Row]]:
    """Refused keys. Once they are accepted, *Try now* is enough, and nothing was set aside."""
    begun = [
        # A set's body, a turn's, and two single events that tell the key from what was sent with it; one to spare.
        _refuse(stage, "401, then healed", 401, "key_rejected", 5),
        # A body of 400s is halved down to 20 single events, and probed once more in halves.
        _refuse(stage, "400 to everything, then healed", 400, "request_refused", 100),
    ]

    def end() -> list[Row]:
        rows = [_await_stop(stage, one) for one in begun]
        stage.sandbox.heal()
        for one in begun:
            stage.person.try_now(one.target)
        for one, row in zip(begun, rows, strict=True):
            stage.finish(one.stream, row)
            aside = stage.set_aside(one.target)
            if aside:
                row.troubles.append(f"{len(aside)} events were set aside, none was at fault")
        return rows

    return end


def _refuse(stage: Stage, fault: str, status: int, stopped: str, most_tries: int) -> _Refused:
    target = stage.target()
    rule = stage.sandbox.add(status=status, match={"key4": target.key4})
    stream = stage.stream([target], events=stage.size(2_000, 10_000), rate=RATE * 4)
    return _Refused(fault, stopped, most_tries, target, rule, stream)


def _await_stop(stage: Stage, one: _Refused) -> Row:
    row = Row(one.fault, NOTHING)
    try:
        until(one.stream.finished, 60, "everything is acknowledged while the key is refused")
        until(
            lambda: _stopped(stage, one.target) == one.stopped,
            30,
            f"the connector has stopped as {one.stopped}",
        )
    except NotInTime as late:
        row.troubles.append(str(late))
        return row
    uses = stage.sandbox.uses(one.rule)
    row.proof = f"refused {uses} times, stopped as {one.stopped}, healed"
    if stage.arrived(one.stream):
        row.troubles.append("something arrived with a refused key")
    if uses > one.most_tries:
        row.troubles.append(f"{uses} requests were made although each is refused")
    return row


def _stopped(stage: Stage, target: Target) -> str:
    ((stopped,),) = stage.house.query("SELECT stopped FROM exporter_delivery WHERE id = %s", target.delivery)
    return str(stopped)
