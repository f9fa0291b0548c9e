"""Connecting takes no longer than it may, and no less than it needs."""

from __future__ import annotations

import socket
import time

import pytest

from exporter.destinations import connection
from exporter.destinations.connection import CONNECT_SECONDS


@pytest.mark.parametrize(
    ("seconds", "patience"),
    [(60.0, CONNECT_SECONDS), (3.0, 3.0), (-1.0, 0.01)],
    ids=["long", "short", "over"],
)
def test_the_time_to_connect_is_bounded_by_itself_and_by_the_deadline(
    seconds: float, patience: float
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sock = connection._dial("127.0.0.1", port, time.monotonic() + seconds)
        with sock:
            given = sock.gettimeout()
    assert given is not None
    assert patience * 0.8 <= given <= patience
