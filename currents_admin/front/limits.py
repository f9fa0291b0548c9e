"""How long a client may take, and how much it may hold."""

from __future__ import annotations

import resource

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


def room_for_connections() -> int:
    """As many as the system gives this process files, and not more than the loop looks after with ease."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(MOST_CONNECTIONS, max(64, soft - SPARE_FILES)) if soft != -1 else MOST_CONNECTIONS
