"""The same seed draws the same faults, also after an edit, and what was judged is not judged again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.draw import ROOMS, Mutant, sample
from tests.mutants.judging import Verdict
from tests.mutants.results import Result, Results

CODE = "def is_over(count: int, most: int) -> bool:\n    return count + 1 > most\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for room in ROOMS:
        (tmp_path / "exporter" / room).mkdir(parents=True)
        (tmp_path / "exporter" / room / "limits.py").write_text(CODE)
    return tmp_path


def _keys(drawn: list[Mutant]) -> set[str]:
    return {mutant.key for mutant in drawn}


def test_a_seed_draws_the_same_after_an_edit_elsewhere_in_the_module(root: Path) -> None:
    drawn = sample(root, 14, 13)
    (root / "exporter" / "log" / "limits.py").write_text("def other() -> None:\n    pass\n\n\n" + CODE)
    assert _keys(sample(root, 14, 13)) == _keys(drawn)
    assert _keys(sample(root, 14, 14)) != _keys(drawn)


def test_delivery_gets_twice_its_share(root: Path) -> None:
    drawn = sample(root, 14, 13)
    assert [sum(mutant.room == room for mutant in drawn) for room in ROOMS] == [4, 2, 2, 2, 2, 2]


def test_every_fault_drawn_is_python_and_changes_something(root: Path) -> None:
    (root / "exporter" / "log" / "limits.py").write_text("def both(names):\n    return dict(**names)\n")
    for mutant in sample(root, 60, 13):
        compile(mutant.code(root), mutant.module, "exec")
        assert mutant.code(root) != (root / mutant.module).read_text()


def test_an_interrupted_run_is_taken_up(root: Path) -> None:
    mutant = sample(root, 14, 13)[0]
    path = root / "results.jsonl"
    survived = Result(mutant.key, mutant.room, "", "", Verdict.SURVIVED, "", "code", "tests")
    Results(path, resume=False).add(survived)
    assert Results(path, resume=True).holds(mutant, "code", "tests")
    assert not Results(path, resume=True).holds(mutant, "code", "more tests")
    assert not Results(path, resume=True).holds(mutant, "other code", "tests")
    Results(path, resume=True).add(replace(survived, verdict=Verdict.KILLED))
    assert Results(path, resume=True).holds(mutant, "code", "more tests")
    Results(path, resume=True).add(replace(survived, verdict=Verdict.NOT_JUDGED))
    assert not Results(path, resume=True).holds(mutant, "code", "tests")
    assert not Results(path, resume=False).holds(mutant, "code", "tests")
