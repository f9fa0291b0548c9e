"""A connection that lies open, as the wire needs one: what it does not find open is opened by a thread."""

from __future__ import annotations

import time

from exporter.destinations.connection import connect
from exporter.destinations.endpoint import Endpoint
from exporter.destinations.flight import connections


def keep_one_open(to: Endpoint, count: int = 1) -> None:
    """So many at least, where some may be open already."""
    lent = [connections.lend(to.origin) or connect(to, time.monotonic() + 5) for _ in range(count)]
    for one in lent:
        connections.give_back(one)
