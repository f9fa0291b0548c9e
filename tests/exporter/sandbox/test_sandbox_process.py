"""The sandbox as a process, and its file of ids."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from exporter.sandbox import running_sandbox
from tests.exporter.sandbox.test_sandbox import ROOT
from tests.support.sandbox_calls import (
    KEY,
    call,
    offer,
)


def test_the_file_of_ids_is_complete_when_the_answer_is_there(tmp_path: Path) -> None:
    ids_file = tmp_path / "ids"
    with running_sandbox(ids_file=ids_file, remember=1) as sandbox:
        offer(sandbox, call("a"), call("b c\nd"), call("a"), call("x", userId=...))
        lines = [line.split(" ", 2) for line in ids_file.read_text().splitlines()]
        assert [line[1:] for line in lines] == [
            ["accepted", "a"],
            ["accepted", "b c\\nd"],
            ["duplicate", "a"],
        ]
        assert abs(float(lines[0][0]) - time.time()) < 60
        assert sandbox.message_ids("duplicate") == ["a"]


def test_a_file_of_ids_is_continued_without_its_torn_tail(tmp_path: Path) -> None:
    ids_file = tmp_path / "ids"
    ids_file.write_text("1.0 accepted a\n2.0 accepted b-to")
    with running_sandbox(ids_file=ids_file) as sandbox:
        offer(sandbox, call("a"), call("b"))
        assert sandbox.message_ids() == ["a", "b"]
        assert sandbox.message_ids("duplicate") == ["a"]


def test_nothing_is_acknowledged_that_the_file_of_ids_could_not_take(tmp_path: Path) -> None:
    ids_file = tmp_path / "ids"
    with running_sandbox(ids_file=ids_file) as sandbox:
        offer(sandbox, call("a"))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ids_file.stat().st_size, hard))
        try:
            refused = offer(sandbox, call("b"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
        assert refused.status_code == 500
        assert offer(sandbox, call("b")).status_code == 200
        assert sandbox.message_ids() == ["a", "b"]
        assert sandbox.stats()["received"] == 2


def test_as_a_process_it_tells_its_address_and_its_ids_outlive_a_kill(tmp_path: Path) -> None:
    ids_file = tmp_path / "ids"
    command = [
        sys.executable,
        "-m",
        "exporter.sandbox",
        "--port",
        "0",
        "--ids-file",
        str(ids_file),
        "--key",
        KEY,
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("sandbox listening on http://127.0.0.1:")
        url = line.split()[-1]
        answer = requests.post(url + "/v1/batch", json={"batch": [call("a")]}, auth=(KEY, ""), timeout=10)
        process.kill()
    assert answer.status_code == 200
    assert ids_file.read_text().endswith(" accepted a\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_stops_when_asked(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "exporter.sandbox"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with requests.Session() as session:
            assert session.get(url + "/stats", timeout=10).status_code == 200
            os.kill(process.pid, number)
            assert process.wait(10) == 0
