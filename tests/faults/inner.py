"""What goes wrong inside: a damaged batch, a bug, a stop while a body is taken apart."""

from __future__ import annotations

from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Target
from tests.faults.waiting import until

BAD = 1234


def damaged_batch(stage: Stage) -> list[Row]:
    """A batch ahead of the cursor is cut while bodies before it fly; later it is mended."""
    target = stage.target()
    stage.sandbox.add(delay_ms=300, match={"key4": target.key4})
    stream = stage.stream([target], events=stage.size(10_000, 30_000), rate=0)
    until(stream.finished, 90, "everything is acknowledged")
    row = Row("damaged batch in the log, mended later", NOTHING)
    cut = stage.house.query(
        "UPDATE exporter_eventbatch b SET payload = substr(b.payload, 1, 40) "
        "  FROM (SELECT b.id, b.payload, b.first_event FROM exporter_eventbatch b "
        "          JOIN exporter_delivery d USING (workspace_id) "
        "         WHERE d.id = %s AND b.first_event > d.cursor + 4000 ORDER BY b.end_event LIMIT 1) old "
        " WHERE b.id = old.id RETURNING old.id, old.payload, old.first_event",
        target.delivery,
    )
    if not cut:
        row.troubles.append("delivery was too fast: no batch lay ahead of the cursor")
        return [stage.finish(stream, row)]
    ((batch, payload, first),) = cut
    until(lambda: _stopped(stage, target) == "log_damaged", 60, "the damage is met")
    _go_on(stage, target)
    until(lambda: _failures(stage, target) >= 2, 60, "the damage is met again")
    stage.house.query(
        "UPDATE exporter_eventbatch SET payload = %s WHERE id = %s RETURNING id", payload, batch
    )
    _go_on(stage, target)
    stage.finish(stream, row)
    row.proof = f"the batch from {first} was cut to 40 bytes, stopped as log_damaged, mended"
    return [row]


def injected_bug(stage: Stage) -> list[Row]:
    """Converting one event raises, until the bug is mended."""
    target = stage.target()
    stage.sandbox.add(delay_ms=100, match={"key4": target.key4})
    stage.house.bug_file.write_text(f'"{target.prefix}{BAD}"')
    stream = stage.stream([target], events=stage.size(4_000, 10_000), rate=2_000)
    row = Row("a bug in the transform, mended later", NOTHING)
    try:
        until(lambda: _internal_faults(stage, target) >= 3, 90, "the bug is met three times")
        row.proof = f"{_internal_faults(stage, target)} attempts ended as internal fault"
    finally:
        stage.house.bug_file.unlink()
    _go_on(stage, target)
    return [stage.finish(stream, row)]


def stopped_while_halving(stage: Stage) -> list[Row]:
    """SIGTERM in the middle of the search for one refused event."""
    target = stage.target()
    match = {"key4": target.key4}
    rule = stage.sandbox.add(status=400, delay_ms=400, match={**match, "message_id": f"{target.prefix}{BAD}"})
    stage.sandbox.add(delay_ms=400, match=match)
    stream = stage.stream([target], events=stage.size(4_000, 10_000), rate=0)
    row = Row("SIGTERM while a body is halved", NOTHING)
    until(lambda: stage.sandbox.uses(rule) >= 3, 60, "a body is being halved")
    before = stage.house.pid("worker")
    stage.house.stop("worker")
    searched = not stage.set_aside(target)
    stage.house.start("worker")
    stage.finish(stream, row, refused={BAD})
    if searched and stage.set_aside(target) == [BAD]:
        row.proof = f"worker {before}→{stage.house.pid('worker')}, event {BAD} set aside afterwards"
    return [row]


def _go_on(stage: Stage, target: Target) -> None:
    """As *Try now* does."""
    stage.house.query(
        "UPDATE exporter_delivery SET next_attempt_at = NULL WHERE id = %s RETURNING id", target.delivery
    )


def _stopped(stage: Stage, target: Target) -> str:
    return str(
        stage.house.query("SELECT stopped FROM exporter_delivery WHERE id = %s", target.delivery)[0][0]
    )


def _failures(stage: Stage, target: Target) -> int:
    return int(
        stage.house.query("SELECT failures FROM exporter_delivery WHERE id = %s", target.delivery)[0][0]
    )


def _internal_faults(stage: Stage, target: Target) -> int:
    query = "SELECT count(*) FROM exporter_attempt WHERE delivery_id = %s AND error LIKE 'internal fault%%'"
    return int(stage.house.query(query, target.delivery)[0][0])
