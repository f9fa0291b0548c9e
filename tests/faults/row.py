"""One row of the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from tests.faults.judge import Verdict


@dataclass(slots=True)
class Row:
    """`bound` is the most that may be doubled, with its reason in `bound_is`; `proof` tells how it is known that the
    fault happened; `notes` are printed below the table; `troubles` make the run fail."""

    fault: str
    verdict: Verdict
    proof: str = ""
    bound: int = 0
    bound_is: str = ""
    balanced: bool | None = None
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def wrong(self) -> list[str]:
        """Everything that makes this row a failure, in sentences."""
        verdict = self.verdict
        found = list(self.troubles)
        if verdict.acknowledged != verdict.sent:
            found.append(f"{verdict.sent - verdict.acknowledged} events were never acknowledged")
        if verdict.lost:
            found.append(f"{verdict.lost} acknowledged events are lost")
        if verdict.doubled > self.bound:
            found.append(f"{verdict.doubled} events doubled, at most {self.bound} may be")
        if not self.balanced:
            found.append("the ledger does not balance")
        if not self.proof:
            found.append("there is no proof that the fault happened")
        return found

    def as_json(self) -> dict[str, Any]:
        content = asdict(self)
        content["verdict"].pop("delays")
        return content | {"longest_delay_seconds": round(self.verdict.longest, 3), "wrong": self.wrong()}


NOTHING = Verdict(0, 0, 0, 0, 0, [])
