"""Of twenty connectors five are down or hang; the other fifteen must not notice."""

from __future__ import annotations

from tests.faults.judge import Verdict
from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Stream, Target
from tests.faults.waiting import NotInTime, until

HEALTHY, HANGING, DOWN = 15, 3, 2
RATE = 1000.0


def sick_neighbours(stage: Stage) -> list[Row]:
    """Undisturbed first, then disturbed, with the same load."""
    calm = _undisturbed(stage)
    healthy = [stage.target() for _place in range(HEALTHY)]
    hanging = [stage.target() for _place in range(HANGING)]
    down = [stage.target(region="eu") for _place in range(DOWN)]
    rules = [stage.sandbox.add(hang=True, match={"key4": target.key4}) for target in hanging]
    events = stage.size(400, 2_000)
    sick_stream = stage.stream([*hanging, *down], events=events, rate=0)
    row = Row("20 connectors, 3 hang and 2 are down", NOTHING)
    try:
        until(lambda: all(stage.sandbox.uses(rule) for rule in rules), 30, "three connectors hang")
        until(lambda: _failing(stage, down) == DOWN, 30, "two connectors fail")
    except NotInTime as late:
        row.troubles.append(str(late))
    stream = stage.stream(healthy, events=events, rate=RATE * HEALTHY / (HEALTHY + HANGING + DOWN))
    stage.finish(stream, row)
    hung = stage.sandbox.in_flight()
    if stage.arrivals.count([*hanging, *down]) == 0 and hung:
        row.proof = f"{hung} requests still hang, {_failing(stage, down)} connectors still fail"
    healthy_verdict = row.verdict
    stage.sandbox.heal()
    for target in down:
        stage.person.rotate(target, region="us")
    stage.finish(sick_stream, row)
    row.verdict = together(healthy_verdict, row.verdict)
    row.notes.append(f"healthy ones undisturbed: {delays(calm.verdict)}")
    row.notes.append(f"healthy ones disturbed: {delays(healthy_verdict)}")
    return [calm, row]


def _undisturbed(stage: Stage) -> Row:
    targets = [stage.target() for _place in range(HEALTHY + HANGING + DOWN)]
    stream: Stream = stage.stream(targets, events=stage.size(400, 2_000), rate=RATE)
    row = Row("20 connectors, all healthy", NOTHING, proof="none is needed: nothing is broken")
    return stage.finish(stream, row)


def _failing(stage: Stage, targets: list[Target]) -> int:
    rows = stage.house.query(
        "SELECT count(*) FROM exporter_delivery WHERE id = ANY(%s) AND failing_since IS NOT NULL",
        [target.delivery for target in targets],
    )
    return int(rows[0][0])


def together(first: Verdict, second: Verdict) -> Verdict:
    """Both streams in one row; the delay is that of the first alone, whose destination was there all the time."""
    return Verdict(
        first.sent + second.sent,
        first.acknowledged + second.acknowledged,
        first.delivered + second.delivered,
        first.lost + second.lost,
        first.doubled + second.doubled,
        first.delays,
    )


def delays(verdict: Verdict) -> str:
    delays = verdict.delays or [0.0]
    middle, high = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
    return f"half within {middle:.2f} s, 99 % within {high:.2f} s, all within {delays[-1]:.2f} s"
