"""Results: measured values, how they are summed up, and the table that tells them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(slots=True)
class Result:
    """Values of one measurement, one a run, in `unit`; `against` holds a peer's values of the same runs."""

    part: str
    name: str
    unit: str
    values: list[float]
    note: str = ""
    ratios: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return median(self.values)

    def compare(self, peer: Result) -> None:
        """Notes how often this is the peer's value, run by run."""
        pairs = zip(self.values, peer.values, strict=False)
        self.ratios[peer.name] = median(own / other for own, other in pairs)

    def as_json(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "values": self.values,
            "ratios": self.ratios,
            "note": self.note,
        }


def machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown",
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load before": Path("/proc/loadavg").read_text().strip(),
    }


def table(results: Iterable[Result]) -> str:
    """All results as Markdown: what, median, spread, ratios, notes."""
    rows = [("part", "what", "median", "lowest – highest", "ratios", "note")]
    for one in results:
        spread = f"{_figure(min(one.values))} – {_figure(max(one.values))}" if len(one.values) > 1 else ""
        ratios = ", ".join(f"{ratio:.3g} × {name}" for name, ratio in one.ratios.items())
        rows.append((one.part, one.name, f"{_figure(one.median)} {one.unit}", spread, ratios, one.note))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def write(folder: Path, surroundings: dict[str, Any], results: list[Result]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"result-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    content = {"surroundings": surroundings, "results": [one.as_json() for one in results]}
    path.write_text(json.dumps(content, indent=1))
    return path


def _figure(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
