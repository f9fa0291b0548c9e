"""The table of a run, for the terminal and as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path
from typing import Any

from currents_admin.supervisor.house import say
from tests.faults.house import LEASE_SECONDS
from tests.faults.row import Row

_HEADINGS = (
    "fault",
    "sent",
    "acknowledged",
    "delivered",
    "lost",
    "doubled",
    "allowed",
    "longest delay",
    "ledger",
)


def show(rows: Sequence[Row]) -> None:
    """The table; below it, for each row, how it is known that the fault happened and what else was seen."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEADINGS))]
    for number, line in enumerate(lines):
        say(_line(line, widths))
        if not number:
            say("-|-".join("-" * width for width in widths))
    say("")
    for row in rows:
        say(f"{row.fault}: {row.proof or 'NO PROOF'}")
        if row.bound:
            say(f"    doubled may be {row.bound:,}: {row.bound_is}")
        for note in row.notes:
            say(f"    {note}")
        for sentence in row.wrong():
            say(f"    WRONG: {sentence}")


def one_line(row: Row) -> str:
    """For watching a run."""
    return " · ".join((*_cells(row)[:1], *_marked(row), "WRONG" if row.wrong() else "good"))


def write(path: Path, rows: Sequence[Row], form: str, seconds: float) -> None:
    content = {
        "form": form,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": cpu_count(),
        "lease_seconds": LEASE_SECONDS,
        "rows": [row.as_json() for row in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1))
    path.with_suffix(".md").write_text(markdown(content))


def markdown(content: dict[str, Any]) -> str:
    """The table for `docs/reliability.md`, from what `write` keeps as JSON."""
    lines = ["| " + " | ".join((*_HEADINGS, "proof")) + " |", "|---|" + "---:|" * 7 + "---|---|"]
    notes = []
    for row in content["rows"]:
        verdict = row["verdict"]
        cells = [f"{verdict[name]:,}" for name in ("sent", "acknowledged", "delivered", "lost", "doubled")]
        cells += [f"{row['bound']:,}", f"{row['longest_delay_seconds']:.1f} s"]
        cells += ["balanced" if row["balanced"] else "**wrong**", row["proof"] or "**none**"]
        lines.append(f"| {row['fault']} | " + " | ".join(cells) + " |")
        notes += [f"- {row['fault']}: {note}" for note in row["notes"]]
    made = (
        f"{content['form'].capitalize()} form, {content['at'][:10]}, {content['seconds']} s, {content['cores']} cores, "
        f"Python {content['python']}, leases of {content['lease_seconds']} s."
    )
    return "\n".join([made, "", *lines, "", *notes, ""])


def _cells(row: Row) -> tuple[str, ...]:
    verdict = row.verdict
    counts = (verdict.sent, verdict.acknowledged, verdict.delivered, verdict.lost, verdict.doubled, row.bound)
    return (
        row.fault,
        *(f"{number:,}" for number in counts),
        f"{verdict.longest:.1f} s",
        {True: "balanced", False: "WRONG", None: "unchecked"}[row.balanced],
    )


def _marked(row: Row) -> list[str]:
    return [f"{name} {cell}" for name, cell in zip(_HEADINGS[1:], _cells(row)[1:], strict=True)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])
