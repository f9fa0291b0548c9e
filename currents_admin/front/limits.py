"""How long a client may take, and how much it may hold."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from typing import Protocol, TypeVar

IDLE_SECONDS, HEAD_SECONDS, BODY_SECONDS, BYTES_A_SECOND = 75.0, 10.0, 20.0, 50_000
ANSWER_SECONDS, LINGER_SECONDS = 30.0, 3.0
STOPPING_SECONDS = 2.0
# What one sender may have at work at once; the threads beyond are the others'.
SPARE_THREADS = 4
MOST_CONNECTIONS = 4_000
SPARE_FILES = 200
READ_BYTES = 262_144
SWEEP_EVERY = 0.5
ACCEPTED_AT_ONCE = 64


# Answers that nobody has taken yet, all together.
MOST_UNSENT = 128_000_000


class Answering(Protocol):
    """A connection, as far as its answer goes."""

    unsent: bytearray


C = TypeVar("C", bound=Answering)


def beyond_their_share(connections: Iterable[C]) -> list[C]:
    """Those with the largest answers nobody takes, until what the others hold is within the bound."""
    waiting = sorted((conn for conn in connections if conn.unsent), key=lambda conn: len(conn.unsent))
    held = 0
    for place, conn in enumerate(waiting):
        held += len(conn.unsent)
        if held > MOST_UNSENT:
            return waiting[place:]
    return []


def room_for_connections() -> int:
    """As many as the system gives this process files, and not more than the loop looks after with ease."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(MOST_CONNECTIONS, max(64, soft - SPARE_FILES)) if soft != -1 else MOST_CONNECTIONS
