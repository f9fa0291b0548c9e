"""A way to the test's database that is closed at first, as a server's that is away."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

from django.db import connection


class Doorway:
    """Nobody gets through before `open`; `url` is the database's address on this side."""

    def __init__(self) -> None:
        given = connection.settings_dict
        self._host, self._port = str(given["HOST"]), int(given["PORT"] or 5432)
        self._listener = socket.socket()
        # Bound and not listening: who knocks is refused.
        self._listener.bind(("127.0.0.1", 0))
        self._lines: list[socket.socket] = [self._listener]
        account = f"{quote(str(given['USER']), safe='')}:{quote(str(given['PASSWORD']), safe='')}"
        here = self._listener.getsockname()[1]
        self.url = f"postgresql://{account}@127.0.0.1:{here}/{given['NAME']}"

    def open(self) -> None:
        self._listener.listen()
        threading.Thread(target=self._let_in, daemon=True).start()

    def close(self) -> None:
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _let_in(self) -> None:
        with suppress(OSError):
            while True:
                came, _ = self._listener.accept()
                there = self._there()
                self._lines += [came, there]
                for ends in ((came, there), (there, came)):
                    threading.Thread(target=_carry, args=ends, daemon=True).start()

    def _there(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port))
        line = socket.socket(socket.AF_UNIX)
        line.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return line


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def doorway() -> Iterator[Doorway]:
    made = Doorway()
    try:
        yield made
    finally:
        made.close()
