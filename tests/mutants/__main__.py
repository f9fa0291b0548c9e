"""`python -m tests.mutants [--size 150] [--seed 13] [--minutes 40] [--rooms …]`; needs the services of `make test`."""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from currents_admin import local
from tests.mutants.coverage import Measured, measure
from tests.mutants.draw import Mutant, every, sample

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("delivery", "destinations", "intake", "log", "ledger", "maintenance")
MOST_TESTS = 30


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--size", type=int, default=150, help="how many faults are drawn")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument(
        "--minutes", type=float, default=40.0, help="what is not tried by then is left out, and said so"
    )
    parser.add_argument(
        "--tests", nargs="+", help="test files to hold them against, instead of the rooms' own"
    )
    parser.add_argument("--rooms", nargs="+", default=ROOMS, choices=ROOMS)
    options = parser.parse_args()
    until = time.monotonic() + options.minutes * 60
    folder = local.folder() / "mutants"
    measured = measure(
        ROOT, folder, [f"exporter/{room}" for room in options.rooms], options.tests or _tests(options.rooms)
    )
    modules = sorted(
        str(path.relative_to(ROOT))
        for room in options.rooms
        for path in (ROOT / "exporter" / room).rglob("*.py")
        if path.name != "__init__.py" and any(measured.lines.get(str(path.relative_to(ROOT)), {}).values())
    )
    drawn = sample(every(ROOT, modules), options.size, options.seed)
    tree = _copy(folder / "tree")
    killed: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    survivors: list[Mutant] = []
    for place, mutant in enumerate(drawn, start=1):
        if time.monotonic() > until:
            print(f"{len(drawn) - place + 1} were not tried: the time is over.")
            break
        room = mutant.module.split("/")[1]
        tried[room] += 1
        dead = _is_seen(tree, mutant, measured)
        killed[room] += dead
        if not dead:
            survivors.append(mutant)
        word = "killed" if dead else "SURVIVED"
        print(f"{place}/{len(drawn)} {word} {mutant.module}:{mutant.line} {mutant.operator}", flush=True)
    _report(tree, survivors, killed, tried)
    return 0


def _tests(rooms: Iterable[str]) -> list[str]:
    return [f"tests/exporter/{room}" for room in rooms]


def _copy(tree: Path) -> Path:
    """The files under version control, where faults may be put into them."""
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return tree


def _is_seen(tree: Path, mutant: Mutant, measured: Measured) -> bool:
    code = mutant.code(ROOT)
    tests = measured.tests_for(mutant.module, mutant.line, MOST_TESTS)
    if code is None or not tests:
        return False
    place = tree / mutant.module
    whole = place.read_text()
    place.write_text(code)
    try:
        seconds = 60 + 5 * sum(measured.seconds.get(test, 1.0) for test in tests)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--reuse-db", "-p", "no:cacheprovider", *tests]
        done = subprocess.run(
            command,
            cwd=tree,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        place.write_text(whole)


def _report(tree: Path, survivors: list[Mutant], killed: Counter[str], tried: Counter[str]) -> None:
    for mutant in survivors:
        before, after = (ROOT / mutant.module).read_text(), mutant.code(ROOT) or ""
        print(f"\n{mutant.module}:{mutant.line} {mutant.operator}")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
        print("\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")))
    print()
    for room in sorted(tried):
        print(f"{room}: {killed[room]} of {tried[room]} killed")
    print(f"all: {killed.total()} of {tried.total()} killed")


if __name__ == "__main__":
    sys.exit(main())
