"""Whether the tests see a fault, and when that cannot be said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.mutants.running import Ran

# Runs tests, with what each is known to take; the fault is in the code or not.
Run = Callable[[list[str]], Ran]
LOADING = "(the module does not load)"


class Verdict(StrEnum):
    KILLED = "killed"  # a test that passes without the fault fails with it, twice
    TIMED_OUT = "timed out"  # a test that ends without the fault does not end with it, twice
    SURVIVED = "survived"  # every test that runs the line passes
    NO_TEST = "no test"  # no test runs the line; counted as survived
    EQUIVALENT = "equivalent"  # it changes nothing: `equivalents` says why
    NOT_JUDGED = "not judged"  # a test fails or hangs without the fault, or sees the fault only sometimes


SEEN = (Verdict.KILLED, Verdict.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    by: str = ""  # the test that saw it, or what was wrong with the tests


class Judge:
    """Holds faults against tests. `unfit` holds those that fail without a fault, with what is known of it."""

    def __init__(self, whole: Run, unfit: dict[str, str]) -> None:
        self._whole = whole
        self.unfit = unfit
        self._sound: set[str] = set()

    def judge(self, tests: list[str], faulty: Run) -> Judgement:
        """Raises RuntimeError: the tests do not load without a fault."""
        if not tests:
            return Judgement(Verdict.NO_TEST)
        doubts = [self.unfit[test] for test in tests if test in self.unfit]
        left = [test for test in tests if test not in self.unfit]
        while left:
            ran = faulty(left)
            if not ran.loaded:
                self._check_loading(left)
                return Judgement(Verdict.KILLED, LOADING)
            seen = ran.failed or ran.hung
            if not seen:
                break
            verdict, doubt = self._confirmed(seen, faulty)
            if verdict:
                return Judgement(verdict, seen)
            doubts.append(doubt)
            left = [test for test in left if test != seen and test not in ran.seconds]
        return Judgement(Verdict.NOT_JUDGED, doubts[0]) if doubts else Judgement(Verdict.SURVIVED)

    def _check_loading(self, tests: list[str]) -> None:
        if not self._whole(tests[:1]).loaded:
            raise RuntimeError("The tests do not load without a fault.")

    def _confirmed(self, test: str, faulty: Run) -> tuple[Verdict | None, str]:
        """The verdict, if the test passes alone without the fault and sees the fault again, alone."""
        if doubt := self._doubt(test):
            return None, doubt
        with_fault = faulty([test])
        if with_fault.hung:
            return Verdict.TIMED_OUT, ""
        if with_fault.failed or not with_fault.loaded:
            return Verdict.KILLED, ""
        return None, f"{test} saw it once, and not again"

    def _doubt(self, test: str) -> str:
        """Why the test says nothing of a fault; nothing where it passes alone. Asked once of each test."""
        if test not in self._sound:
            ran = self._whole([test])
            if not ran.loaded:
                raise RuntimeError("The tests do not load without a fault.")
            if ran.failed or ran.hung:
                self.unfit[test] = f"{test} {'fails' if ran.failed else 'hangs'} without a fault"
            self._sound.add(test)
        return self.unfit.get(test, "")
