"""A destination that answers each request with the very bytes a test gives, over real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

# What one request gets: bytes, sent at once; None closes the connection; a function is called with the socket.
Script = Sequence[bytes | Callable[[socket.socket], None] | None]


class RawServer:
    """Takes requests of any connection in the order they come, and answers the next of the script to each.

    `connections` counts what was opened, `requests` keeps each request's head and body.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = list(script)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1/batch"
        self.connections = 0
        self.requests: list[bytes] = []
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            while (request := _request(sock)) is not None:
                with self._lock:
                    self.requests.append(request)
                    said = self._script.pop(0) if self._script else None
                if said is None:
                    break
                if callable(said):
                    said(sock)
                else:
                    sock.sendall(said)
        except OSError:
            pass
        finally:
            sock.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _request(sock: socket.socket) -> bytes | None:
    got = b""
    while b"\r\n\r\n" not in got:
        more = sock.recv(65_536)
        if not more:
            return None
        got += more
    head, _end, body = got.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += sock.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def raw_server(
    *script: bytes | Callable[[socket.socket], None] | None, tls: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    server = RawServer(script, tls)
    try:
        yield server
    finally:
        server.close()
