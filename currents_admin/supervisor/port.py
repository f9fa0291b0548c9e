"""Ports on 127.0.0.1."""

from __future__ import annotations

import secrets
import socket

HOST = "127.0.0.1"
# Below the range that systems use for outgoing connections: a restarted part must get the port it had, and nobody
# may have borrowed it in between.
FIRST, LAST = 20_000, 31_999


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free() -> int:
    while True:
        port = FIRST + secrets.randbelow(LAST - FIRST + 1)
        if is_free(port):
            return port


def answers(port: int, host: str = HOST) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
