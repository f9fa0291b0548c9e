"""The direct way of an ordinary request with events: the front has read it whole, so it calls the application itself.

gunicorn's own way reads the head a second time, builds what only other servers and protocols need, and sends head and
body of the answer apart; that is more than half of what storing a single event costs. Whatever is not plain, gunicorn
takes: chunks, names of headers it may refuse, another address.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import lru_cache
from io import BytesIO
from typing import Any

from gunicorn.http.wsgi import FileWrapper

from currents_admin.front.connection import ClientConnection

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

ADDRESS = "/api/v1/events"
# Letters of RFC 9110; without the underscore, which would let two names become one variable.
_PLAIN = re.compile(
    rb"POST "
    + ADDRESS.encode()
    + rb" HTTP/1\.1(?:\r\n[A-Za-z0-9!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*){1,100}"
)
# Headers that make gunicorn do something of its own, or that may come but once.
_GUNICORNS = frozenset((b"expect", b"upgrade", b"transfer-encoding", b"http2-settings"))
_ONCE = frozenset((b"host", b"content-type", b"content-length", b"authorization"))
_CONSTANT = {
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "",
    "PATH_INFO": ADDRESS,
    "RAW_URI": ADDRESS,
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": "gunicorn",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "wsgi.file_wrapper": FileWrapper,
}


def environ(raw: bytearray, body_at: int, client: Any, server: Any) -> dict[str, Any] | None:
    """The WSGI environment of a request of known length; None where gunicorn has to read it."""
    head = bytes(raw[: body_at - 4])
    if not isinstance(client, tuple) or not _PLAIN.fullmatch(head):
        return None
    made: dict[str, Any] = {
        **_CONSTANT,
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "wsgi.errors": sys.stderr,
        "wsgi.input": BytesIO(memoryview(raw)[body_at:]),
    }
    for line in head.split(b"\r\n")[1:]:
        name, _colon, value = line.partition(b":")
        key, once, gunicorns = _variable(name)
        if gunicorns or (once and key in made):
            return None
        text = value.strip(b" \t").decode("latin-1")
        made[key] = f"{made[key]},{text}" if key in made else text
    return made


@lru_cache(maxsize=500)
def _variable(name: bytes) -> tuple[str, bool, bool]:
    """A header's name in the environment, whether it may come once only, and whether it is gunicorn's affair."""
    small = name.lower()
    key = name.decode("ascii").upper().replace("-", "_")
    if small not in (b"content-type", b"content-length"):
        key = f"HTTP_{key}"
    return key, small in _ONCE, small in _GUNICORNS


def answer(application: Application, made: dict[str, Any], conn: ClientConnection, *, keep: bool) -> None:
    """Calls the application and sends its answer in one piece.

    Raises:
        OSError: the client is gone.
    """
    head: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
        head[:] = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]

    parts = application(made, start_response)
    try:
        body = b"".join(parts)
    finally:
        if (close := getattr(parts, "close", None)) is not None:
            close()
    if not any(line[:15].lower() == "content-length:" for line in head):
        head.append(f"Content-Length: {len(body)}")
    head += [_date(int(time.time())), f"Connection: {'keep-alive' if keep else 'close'}", "", ""]
    conn.sendall("\r\n".join(head).encode("latin-1") + body)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}"
