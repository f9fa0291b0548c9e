"""The check for known flaws: it stops for a flaw, and for nothing else: not for silence, not for nobody there."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from currents_admin.supervisor import port
from tests.house import flaws
from tests.house.running import ROOT
from tests.support.http_stand_in import serving

LOCK = """\
blaze-kit==1.2.0 ; sys_platform == 'linux' \\
    --hash=sha256:00
Sound_Ness[extra]==4.0 \\
    --hash=sha256:01
"""
FLAW = {
    "id": "GHSA-aaaa",
    "summary": "A door stands open.",
    "aliases": ["CVE-1999-1"],
    "affected": [
        {
            "package": {"name": "Blaze_Kit", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2.1"}]}],
        }
    ],
}
SAME_FLAW = {"id": "PYSEC-1", "aliases": ["CVE-1999-1"], "affected": FLAW["affected"]}
TAKEN_BACK = {"id": "GHSA-zzzz", "withdrawn": "2026-01-01T00:00:00Z"}
# Most of it is the start of an interpreter on a busy machine; without its bound the check would wait for ever.
MOST_SECONDS = 30


class Advisories(BaseHTTPRequestHandler):
    """An OSV service that knows flaws of `blaze-kit` 1.2.0; `ids` names those it tells."""

    ids: tuple[str, ...] = ()

    def do_POST(self) -> None:
        queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        assert self.path == "/v1/querybatch"
        wanted = {"package": {"name": "blaze-kit", "ecosystem": "PyPI"}, "version": "1.2.0"}
        self._answer(
            {"results": [{"vulns": [{"id": i} for i in self.ids]} if q == wanted else {} for q in queries]}
        )

    def do_GET(self) -> None:
        kept = {f"/v1/vulns/{flaw['id']}": flaw for flaw in (FLAW, SAME_FLAW, TAKEN_BACK)}
        self._answer(kept.get(self.path))

    def _answer(self, said: Any) -> None:
        self.send_response(404 if said is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())


class Dripping(Advisories):
    """Sends a byte now and then and never ends, so that no single read takes long."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        gone = threading.Event()
        while not gone.wait(0.05):
            try:
                self.wfile.write(b" ")
            except OSError:
                gone.set()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(LOCK)
    return path


def check(lock: Path, service: str, seconds: float = 20) -> tuple[int, str]:
    """As `make` runs it."""
    command = [sys.executable, "-m", "tests.house.flaws", str(lock), "--service", service]
    done = subprocess.run(
        [*command, "--seconds", str(seconds)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_known_flaw_stops_the_check_and_says_what_to_do(lock: Path) -> None:
    with serving(Advisories, ids=("PYSEC-1", "GHSA-zzzz", "GHSA-aaaa")) as service:
        status, said = check(lock, service)
    assert status == 1
    told = "blaze-kit 1.2.0: GHSA-aaaa (CVE-1999-1): A door stands open. Fixed in: 1.2.1."
    assert [line.strip() for line in said.splitlines()[1:-1]] == [told], "one flaw of two names, told once"
    assert "make lock" in said


def test_a_flaw_whose_advisory_cannot_be_read_stops_it_too(lock: Path) -> None:
    with serving(Advisories, ids=("GHSA-lost",)) as service:
        status, said = check(lock, service)
    assert (status, "GHSA-lost" in said) == (1, True)


def test_asked_and_clean_is_one_line(lock: Path) -> None:
    with serving(Advisories) as service:
        assert check(lock, service) == (0, "Known flaws: none to mend in 2 pinned versions.\n")


def test_a_flaw_taken_back_or_accepted_does_not_stop_it(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Advisories, ids=("GHSA-zzzz", "GHSA-aaaa")) as service:
        asked = [str(lock), "--service", service]
        assert flaws.main(asked) == 1
        monkeypatch.setitem(flaws.ACCEPTED, "CVE-1999-1", "the door leads nowhere")
        assert flaws.main(asked) == 0


def test_nobody_there_is_said_and_stops_nothing(lock: Path) -> None:
    status, said = check(lock, f"http://127.0.0.1:{port.free()}")
    assert (status, said.count("\n")) == (0, 1)
    assert "not asked" in said
    assert "This proves nothing" in said


def test_a_service_that_keeps_silent_is_left_after_the_bound(lock: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        status, said = check(lock, f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=1)
        took = time.monotonic() - begun
    assert (status, "no answer within 1 s" in said) == (0, True)
    assert 1 <= took < MOST_SECONDS


def test_a_service_that_drips_for_ever_is_left_after_the_bound(lock: Path) -> None:
    with serving(Dripping) as service:
        begun = time.monotonic()
        status, said = check(lock, service, seconds=1)
        took = time.monotonic() - begun
    assert (status, "no answer within 1 s" in said) == (0, True)
    assert 1 <= took < MOST_SECONDS


def test_the_bound_is_ten_seconds_at_most_and_every_pinned_version_is_read() -> None:
    assert flaws.SECONDS < 10
    texts = [(ROOT / "requirements" / name).read_text() for name in ("production.txt", "run.txt")]
    starts = {line.split("==")[0] for text in texts for line in text.splitlines() if line[:1].isalnum()}
    assert len(flaws.pins(texts)) == len(starts) > 40
