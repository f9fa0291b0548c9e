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
from pathlib import Path

from currents_admin import local
from tests.mutants.coverage import Measured, measure
from tests.mutants.draw import ROOMS, Mutant, sample
from tests.mutants.equivalents import EQUIVALENT
from tests.mutants.judging import Judge, Judgement, Verdict
from tests.mutants.results import Result, Results, digest, report
from tests.mutants.running import Ran, Runner

ROOT = Path(__file__).resolve().parents[2]
# Of the tests that run a line, as many are asked as take this long without a fault.
MOST_SECONDS = 45.0


def main() -> int:
    options = _options()
    folder = local.folder()
    drawn = [one for one in sample(ROOT, options.size, options.seed) if one.room in options.rooms]
    drawn = drawn[options.part - 1 :: options.of]
    if options.list:
        print("\n".join(f"{one.module}:{one.line}\n{_change(ROOT, one)}" for one in drawn))
        return 0
    results = Results(folder / f"results-{options.seed}-{options.size}.jsonl", resume=options.resume)
    measured = measure(ROOT, folder, options.tests)
    trial = _Trial(Runner(_copy(folder / "tree"), folder), measured, results)
    until = time.monotonic() + options.minutes * 60
    for place, mutant in enumerate(drawn, start=1):
        if time.monotonic() > until:
            break
        if told := trial.of(mutant):
            print(f"{place}/{len(drawn)} {told}", flush=True)
    print(report(drawn, results))
    return 0


class _Trial:
    """Puts faults into the runner's copy, one by one. Nothing else is looked at: the checkout may be worked on."""

    def __init__(self, runner: Runner, measured: Measured, results: Results) -> None:
        self._runner, self._tree = runner, runner.tree
        self._measured, self._results = measured, results
        unfit = {test: f"{test} failed while it was measured" for test in measured.failed}
        self._judge = Judge(partial(runner.run, seconds=measured.seconds), unfit)
        runner.prepare()

    def of(self, mutant: Mutant) -> str:
        """What became of it, in a line; nothing if that is known from before."""
        tests = self._measured.tests_for(self._tree, mutant.module, mutant.line, MOST_SECONDS)
        module, asked = digest((self._tree / mutant.module).read_text()), digest(_texts(self._tree, tests))
        if self._results.holds(mutant, module, asked):
            return ""
        began = time.monotonic()
        if mutant.key in EQUIVALENT:
            found = Judgement(Verdict.EQUIVALENT, EQUIVALENT[mutant.key])
        else:
            found = self._judge.judge(tests, partial(self._with_fault, mutant))
        where, change = f"{mutant.module}:{mutant.line} {mutant.operator}", _change(self._tree, mutant)
        self._results.add(
            Result(mutant.key, mutant.room, where, change, found.verdict, found.by, module, asked)
        )
        return f"{found.verdict} in {time.monotonic() - began:.0f} s: {where}"

    def _with_fault(self, mutant: Mutant, tests: list[str]) -> Ran:
        with _put(self._tree, mutant):
            return self._runner.run(tests, self._measured.seconds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--size", type=int, default=150, help="how many faults are drawn over all rooms")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument(
        "--minutes",
        type=float,
        default=60.0,
        help="after measuring; what is not tried then waits for --resume",
    )
    parser.add_argument(
        "--rooms", nargs="+", default=ROOMS, choices=ROOMS, help="of the drawn, those of these rooms"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep what an earlier run of this draw has judged"
    )
    parser.add_argument("--part", type=int, default=1, help="with --of: which of several runs side by side")
    parser.add_argument(
        "--of", type=int, default=1, help="every so-manieth only; each run in a folder of its own"
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


def _texts(tree: Path, tests: list[str]) -> str:
    """The tests by name and by what their files say."""
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return "\n".join([*sorted(tests), *((tree / name).read_text() for name in sorted(files))])


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


def _change(root: Path, mutant: Mutant) -> str:
    before, after = (root / mutant.module).read_text(), mutant.code(root)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


if __name__ == "__main__":
    sys.exit(main())
