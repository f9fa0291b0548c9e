"""What a killed run left behind is ended; a stranger who was given its process number is not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from currents_admin.supervisor import leftovers
from currents_admin.supervisor.part import Part

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Part:
    monkeypatch.setenv("CURRENTS_VAR", str(tmp_path))
    return Part(name="worker", command=SLEEPER, log=tmp_path / "worker.log")


def test_a_process_that_was_noted_is_ended(part: Part) -> None:
    part.start()
    leftovers.note([part])
    leftovers.clear()
    assert part.process is not None
    assert part.process.wait(1) == -signal.SIGTERM


@pytest.mark.parametrize("change", [{"started": 1.0}, {"command": ["something", "else"]}])
def test_a_stranger_with_a_noted_number_is_left_alone(
    part: Part, tmp_path: Path, change: dict[str, object]
) -> None:
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE, start_new_session=True) as stranger:
        part.process = stranger
        leftovers.note([part])
        noted = json.loads((tmp_path / "pids.json").read_text())
        noted["worker"] |= change
        (tmp_path / "pids.json").write_text(json.dumps(noted))
        leftovers.clear()
        assert stranger.poll() is None
        stranger.kill()


def test_a_part_that_dies_at_once_is_tried_at_most_two_seconds_apart(part: Part) -> None:
    pauses = []
    for _ in range(6):
        part.start()
        part.plan_restart()
        assert part.start_again_at is not None
        pauses.append(round(part.start_again_at - part.started_at, 1))
        part.ask_to_stop()
        part.finish(part.started_at + 5)
    assert pauses[0] < 0.5
    assert max(pauses) <= 2.1
