"""`python -m tests.mutants [--rooms …] [--resume] …`; needs the services of `make test`."""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import takewhile
from pathlib import Path

from currents_admin import local
from tests.mutants.coverage import Measured, measure
from tests.mutants.draw import ROOMS, Mutant, sample
from tests.mutants.judging import Judge
from tests.mutants.results import Result, Results, digest, report
from tests.mutants.running import Ran, Runner

ROOT = Path(__file__).resolve().parents[2]
# As many tests as take this long without a fault are asked, those of the module first, then the quickest.
MOST_SECONDS = 45.0


def main() -> int:
    options = _options()
    folder = local.folder()
    drawn = [one for one in sample(ROOT, options.size, options.seed) if one.room in options.rooms]
    if options.list:
        print("\n".join(f"{one.module}:{one.line}\n{_change(one)}" for one in drawn))
        return 0
    results = Results(folder / f"results-{options.seed}-{options.size}.jsonl", resume=options.resume)
    measured = measure(ROOT, folder, options.tests)
    runner = Runner(_copy(folder / "tree"), folder)
    runner.prepare()
    until = time.monotonic() + options.minutes * 60
    judge = Judge(partial(runner.run, seconds=measured.seconds), measured.seconds)
    for place, mutant in enumerate(drawn, start=1):
        module = digest((ROOT / mutant.module).read_text())
        tests = _chosen(measured, mutant)
        if results.holds(mutant, module, digest(_texts(tests))):
            continue
        if time.monotonic() > until:
            break
        began = time.monotonic()
        found = judge.judge(tests, partial(_faulty, runner, mutant, measured))
        where, change = f"{mutant.module}:{mutant.line} {mutant.operator}", _change(mutant)
        results.add(
            Result(
                mutant.key, mutant.room, where, change, found.verdict, found.by, module, digest(_texts(tests))
            )
        )
        print(
            f"{place}/{len(drawn)} {found.verdict} in {time.monotonic() - began:.0f} s: {where}", flush=True
        )
    print(report(drawn, results))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--size", type=int, default=150, help="how many faults are drawn over all rooms")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument(
        "--minutes", type=float, default=40.0, help="what is not tried by then waits for --resume"
    )
    parser.add_argument(
        "--rooms", nargs="+", default=ROOMS, choices=ROOMS, help="of the drawn, those of these rooms"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep what an earlier run of this draw has judged"
    )
    parser.add_argument("--list", action="store_true", help="only print what is drawn")
    parser.add_argument(
        "--tests",
        nargs="+",
        default=[f"tests/exporter/{room}" for room in ROOMS],
        help="files or folders to ask",
    )
    return parser.parse_args()


def _copy(tree: Path) -> Path:
    """The files of the checkout, where faults may be put into them."""
    shutil.rmtree(tree, ignore_errors=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, target)
    subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=tree, check=False)
    return tree


def _chosen(measured: Measured, mutant: Mutant) -> list[str]:
    spent = 0.0

    def within(test: str) -> bool:
        nonlocal spent
        spent += measured.seconds.get(test, 1.0)
        return spent <= MOST_SECONDS

    return list(takewhile(within, measured.tests_for(ROOT, mutant.module, mutant.line)))


def _texts(tests: list[str]) -> str:
    """The tests by name and by what their files say."""
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return "\n".join([*sorted(tests), *((ROOT / name).read_text() for name in sorted(files))])


def _faulty(runner: Runner, mutant: Mutant, measured: Measured, tests: list[str]) -> Ran:
    with _put(runner.tree, mutant):
        return runner.run(tests, measured.seconds)


@contextmanager
def _put(tree: Path, mutant: Mutant) -> Iterator[None]:
    place = tree / mutant.module
    whole, times = place.read_text(), place.stat()
    place.write_text(mutant.code(tree))
    # Never the time of the bytecode that is there.
    os.utime(place, (0, 0))
    try:
        yield
    finally:
        place.write_text(whole)
        os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))


def _change(mutant: Mutant) -> str:
    before, after = (ROOT / mutant.module).read_text(), mutant.code(ROOT)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


if __name__ == "__main__":
    sys.exit(main())
