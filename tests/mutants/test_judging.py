"""The judge blames a fault only for what it did: tests that fail without it, or only sometimes, say nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.mutants.judging import LOADING, Judge, Judgement, Verdict
from tests.mutants.running import Ran

# What becomes of a test each time it is run; the last of it goes on.
Script = dict[str, str]
QUICK, SLOW = "tests/test_a.py::test_quick", "tests/test_a.py::test_slow"


def _runs(script: Script) -> Callable[[list[str]], Ran]:
    left: dict[str, Iterator[str]] = {test: iter(words.split()) for test, words in script.items()}
    last = {test: words.split()[-1] for test, words in script.items()}

    def run(tests: list[str]) -> Ran:
        ran = Ran(loaded=True)
        for test in tests:
            how = next(left[test], last[test])
            ran.seconds[test] = 0.1
            if how == "unloaded":
                return Ran()
            if how in ("red", "hangs"):
                ran.failed, ran.hung = (test, "") if how == "red" else ("", test)
                return ran
        return ran

    return run


def _judged(whole: Script, faulty: Script) -> Judgement:
    return Judge(_runs(whole), {}).judge(list(whole), _runs(faulty))


def test_a_fault_is_killed_by_a_test_that_is_green_without_it() -> None:
    assert _judged({QUICK: "green", SLOW: "green"}, {QUICK: "green", SLOW: "red"}) == Judgement(
        Verdict.KILLED, SLOW
    )


def test_a_fault_that_no_test_sees_survives() -> None:
    assert _judged({QUICK: "green"}, {QUICK: "green"}).verdict == Verdict.SURVIVED
    assert _judged({}, {}).verdict == Verdict.NO_TEST


def test_what_fails_without_the_fault_judges_nothing() -> None:
    judged = _judged({QUICK: "red"}, {QUICK: "red"})
    assert judged == Judgement(Verdict.NOT_JUDGED, f"{QUICK} fails without a fault")


def test_what_hangs_without_the_fault_judges_nothing() -> None:
    judged = _judged({QUICK: "hangs"}, {QUICK: "red"})
    assert judged == Judgement(Verdict.NOT_JUDGED, f"{QUICK} hangs without a fault")


def test_what_failed_while_it_was_measured_is_not_asked() -> None:
    judge = Judge(_runs({QUICK: "green"}), {QUICK: "it failed before"})
    assert judge.judge([QUICK], _runs({QUICK: "red"})) == Judgement(Verdict.NOT_JUDGED, "it failed before")


def test_what_does_not_load_without_the_fault_ends_the_run() -> None:
    for broken in ("unloaded", "red"):
        with pytest.raises(RuntimeError, match="do not load without a fault"):
            _judged({QUICK: "unloaded"}, {QUICK: broken})


def test_a_fault_seen_once_and_not_again_is_not_judged() -> None:
    judged = _judged({QUICK: "green", SLOW: "green"}, {QUICK: "red green", SLOW: "green"})
    assert judged == Judgement(Verdict.NOT_JUDGED, f"{QUICK} saw it once, and not again")


def test_another_test_may_still_see_it() -> None:
    judged = _judged({QUICK: "red", SLOW: "green"}, {QUICK: "red", SLOW: "red"})
    assert judged == Judgement(Verdict.KILLED, SLOW)
    judged = _judged({QUICK: "green", SLOW: "green"}, {QUICK: "red green", SLOW: "red"})
    assert judged == Judgement(Verdict.KILLED, SLOW)


def test_a_fault_that_keeps_a_test_from_ending_is_told_as_timed_out() -> None:
    assert _judged({QUICK: "green"}, {QUICK: "hangs"}) == Judgement(Verdict.TIMED_OUT, QUICK)


def test_a_module_that_does_not_load_is_killed() -> None:
    assert _judged({QUICK: "green"}, {QUICK: "unloaded"}) == Judgement(Verdict.KILLED, LOADING)
