"""What was judged, kept line by line, so that an interrupted run is taken up where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.draw import Mutant
from tests.mutants.judging import SEEN, Verdict


@dataclass(frozen=True, slots=True)
class Result:
    key: str
    room: str
    place: str
    change: str
    verdict: Verdict
    by: str
    module_digest: str
    tests_digest: str


class Results:
    """The latest result of each fault."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self.of: dict[str, Result] = {}
        if not resume:
            path.unlink(missing_ok=True)
        elif path.exists():
            for line in path.read_text().splitlines():
                found = json.loads(line)
                self.of[found["key"]] = Result(**found | {"verdict": Verdict(found["verdict"])})

    def add(self, result: Result) -> None:
        self.of[result.key] = result
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")

    def holds(self, mutant: Mutant, module: str, tests: str) -> bool:
        """Whether it need not be judged again: what was seen is asked again when its module has changed, what
        survived when the tests have, and what could not be judged always."""
        found = self.of.get(mutant.key)
        if found is None or found.verdict == Verdict.NOT_JUDGED or found.module_digest != module:
            return False
        return found.verdict in (*SEEN, Verdict.EQUIVALENT) or found.tests_digest == tests


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def report(drawn: list[Mutant], results: Results) -> str:
    found = [results.of[mutant.key] for mutant in drawn if mutant.key in results.of]
    lines = []
    for verdict in (
        *(Verdict.EQUIVALENT, Verdict.TIMED_OUT, Verdict.NOT_JUDGED),
        *(Verdict.NO_TEST, Verdict.SURVIVED),
    ):
        for one in found:
            if one.verdict == verdict:
                lines += [f"\n{verdict}: {one.place}", one.change, *([f"  {one.by}"] if one.by else [])]
    lines.append("")
    for room in dict.fromkeys(mutant.room for mutant in drawn):
        lines.append(_sum(room, [one for one in found if one.room == room], drawn, room))
    lines.append(_sum("all", found, drawn))
    return "\n".join(lines)


def _sum(name: str, found: list[Result], drawn: list[Mutant], room: str = "") -> str:
    counts = Counter(one.verdict for one in found)
    aside = counts[Verdict.NOT_JUDGED] + counts[Verdict.EQUIVALENT]
    seen, judged = sum(counts[one] for one in SEEN), len(found) - aside
    untried = sum(room in ("", mutant.room) for mutant in drawn) - len(found)
    parts = [f"{name}: {seen} of {judged} seen ({100 * seen / max(1, judged):.1f} %)"]
    told = (Verdict.TIMED_OUT, Verdict.EQUIVALENT, Verdict.NOT_JUDGED)
    parts += [f"{counts[one]} {one}" for one in told if counts[one]]
    parts += [f"{untried} not tried"] if untried else []
    return ", ".join(parts)
