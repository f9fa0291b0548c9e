"""What the door promises behind the real web server: bodies that break off, come in chunks or explode."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.log import event_log
from tests.support.factories import event
from tests.support.serving import Server, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as started:
        yield started


def chunks(body: bytes, size: int) -> list[bytes]:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]


def test_bodies_of_every_fate_get_their_answer(server: Server) -> None:
    events = json.dumps({"events": [event(number) for number in range(50)]}).encode()
    chunked = "Transfer-Encoding: chunked"

    assert server.send(b"") == (200, {"accepted": 0, "duplicates": 0, "rejected": []})
    assert server.exchange(chunked, *chunks(b"", 10))[0] == 200

    # Chunked: never taken for an empty probe.
    assert server.exchange(chunked, *chunks(events, 1_000))[1]["accepted"] == 50
    packed = gzip.compress(events)
    status, answer = server.exchange(f"{chunked}\r\nContent-Encoding: gzip", *chunks(packed, 100))
    assert (status, answer["duplicates"]) == (202, 50)
    assert server.exchange(chunked, *chunks(b" " * 10_000_001, 1_000_000))[0] == 413

    # Broken off: nothing of it is acknowledged.
    broken = json.dumps([event(number) for number in range(100, 103)]).encode()
    assert server.exchange(f"Content-Length: {len(broken) + 9}", broken, half_close=True)[0] in (0, 400)
    assert server.exchange("Content-Length: 500", half_close=True)[0] in (0, 400)
    assert server.exchange(chunked, *chunks(broken, 50)[:-2], half_close=True)[0] in (0, 400)
    assert server.exchange(chunked, b"zz\r\nnonsense\r\n", half_close=True)[0] in (0, 400)

    # A bomb, and what is too large by its own word.
    bomb = gzip.compress(b" " * 100_000_000)
    assert server.send(bomb, "Content-Encoding: gzip")[0] == 413
    # Small on the wire, and much work for whoever believes it: what it may become depends on what was sent.
    began = time.monotonic()
    nested = gzip.compress(b"[" + b"[[],[],[]]," * 2_800_000 + b"[]]")
    assert len(nested) < 100_000
    assert server.send(nested, "Content-Encoding: gzip")[0] == 413
    assert time.monotonic() - began < 5
    assert server.send(b" " * 10_000_001)[0] == 413

    # Refused before the body was read: the sender sees the answer all the same.
    assert server.exchange(f"{chunked}\r\nContent-Encoding: br", *chunks(events * 50, 50_000))[0] == 415

    assert server.send(json.dumps(event(999)).encode())[1]["accepted"] == 1
    assert event_log.head(server.token.workspace_id) == 51
    assert b"Traceback" not in server.log.read_bytes()
