"""Changes that change nothing, with the reason; they are drawn, told and not judged."""

from __future__ import annotations

# By the key of the mutant: module, operator, the text of its line, and which of several alike it is.
EQUIVALENT = {
    "exporter/delivery/probe.py core/NumberReplacer "
    "body = _first_deliverable(turn, NEIGHBOURS if refused else 1) #2": (
        "1 → 0: a body takes its first call whatever its limit"
    ),
    "exporter/delivery/lanes/claim.py core/NumberReplacer clock: float = 0.0 #2": (
        "0.0 → -1.0: the clock of a claim that claimed nothing is not read"
    ),
    "exporter/delivery/lanes/coordinator.py core/ReplaceBinaryOperator_Add_Mod "
    "return time.monotonic() + self._clock #1": (
        "+ → %: only a body without calls is given this time, and only calls have a delay"
    ),
    "exporter/delivery/settle.py core/NumberReplacer if not rows or rows[0][0] != lease.token: #2": (
        "rows[0] → rows[-1]: one row is read, by its primary key"
    ),
    "exporter/delivery/lease.py core/ReplaceTrueWithFalse **dict(zip(_STATE, rows[0], strict=True)), #1": (
        "True → False: the statement returns as many columns as are named; `strict` guards later edits"
    ),
    "exporter/delivery/lanes/claim.py core/NumberReplacer if first[2] is None: #1": (
        "first[2] → first[3]: the statement leaves both columns empty, or neither"
    ),
    "exporter/delivery/in_flight.py core/ReplaceComparisonOperator_Eq_LtE "
    "accepted = verdict == Verdict.ACCEPTED #1": (
        "== → <=: no other verdict's word comes before “accepted” in the alphabet"
    ),
    "exporter/delivery/halving.py core/ReplaceComparisonOperator_Gt_NotEq if len(numbers) > 2: #1": (
        "> → !=: only a body of two events or more is taken apart by its ends"
    ),
    "exporter/delivery/pending.py core/ReplaceComparisonOperator_Lt_NotEq if len(headers) < HEADERS: #1": (
        "< → !=: no more headers are read than `HEADERS`"
    ),
    "exporter/intake/appender.py core/NumberReplacer self._stored_at = 0.0 #2": (
        "0.0 → -1.0: both lie before the start of the machine"
    ),
    "exporter/intake/file_types.py core/ReplaceBinaryOperator_Sub_LShift "
    'name = name[-_LONGEST - 1 :].partition(".")[2] #1': (
        "-n - 1 → -n << 1: looks at twice as much of a name, which no longer known name can be found in"
    ),
    "exporter/intake/forward.py core/NumberReplacer _CHUNK = 1_000_000 #1": (
        "one byte more is read at a time"
    ),
}
