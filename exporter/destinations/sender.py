"""One POST → one Answer: the only module that speaks HTTP out.

Requests run in threads of a pool shared by all turns of the process; each thread keeps a session, so connections are
reused. The coordinating thread of a turn watches the clock and may cut a request short by closing its socket,
because the time-outs of `requests` are per read and a dribbling answer would outlast any of them.
"""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from connectors.vault.sealing import Secret
from exporter.destinations.answer import Answer
from exporter.version import VERSION

CONNECT_SECONDS = 3.0
WHOLE_SECONDS = 20.0
MOST_ANSWER_BYTES = 64_000
# Hosts move: names are looked up again at least this often.
SESSION_SECONDS = 3600.0
IDLE_SECONDS = 2.0
# Room for 16 turns with 8 bodies in flight each; threads exist only once they are used.
MOST_THREADS = 128


class Flight:
    """A request on its way. `done` tells whether `answer()` will return at once."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.connection: HTTPConnection | None = None
        self.cut_short = False
        self.reused = False
        self.future: Future[Answer] = Future()

    @property
    def done(self) -> bool:
        return self.future.done()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def answer(self) -> Answer:
        return self.future.result()

    def cut(self) -> None:
        """Closes the socket; the request then ends as a network fault, its outcome unknown."""
        self.cut_short = True
        sock = getattr(self.connection, "sock", None)
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class _Local(threading.local):
    session: requests.Session | None = None
    opened = 0.0
    used = 0.0
    flight: Flight | None = None


_local = _Local()
_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


class _Noted:
    """Tells the flight which connection carries it."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        flight = _local.flight
        if flight is not None:
            flight.connection = self  # type: ignore[assignment]
            flight.reused = getattr(self, "sock", None) is not None
            if flight.cut_short:
                raise ConnectionAbortedError("cut short")
        super().request(*args, **kwargs)  # type: ignore[misc]


class _PlainConnection(_Noted, HTTPConnection):
    pass


class _SecureConnection(_Noted, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def launch(url: str, write_key: Secret, body: Callable[[], bytes], done: Callable[[], None]) -> Flight:
    """Sends `body()` to `url` with HTTP Basic (the write key as user, an empty password); calls `done` at the end.

    `body` is called when the request begins, so that `sentAt` is true.
    """
    flight = Flight()

    def fly() -> None:
        try:
            answer = _post(flight, url, write_key, body)
        except Exception as error:  # a fault of ours must end as an answer, or its turn would wait for ever
            answer = Answer(status=None, error=f"internal fault ({type(error).__name__})")
        flight.future.set_result(answer)
        done()

    _threads().submit(fly)
    return flight


def post(url: str, write_key: Secret, body: Callable[[], bytes]) -> Answer:
    """One request, waited for; for a person's test events."""
    return _post(Flight(), url, write_key, body)


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="sender")
        return _pool


def _session() -> tuple[requests.Session, bool]:
    """The thread's session, and whether its connection has idled long enough to have been closed by the other end."""
    now = time.monotonic()
    if _local.session is None or now - _local.opened > SESSION_SECONDS:
        _close()
        session = requests.Session()
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(pool_connections=4, pool_maxsize=1, max_retries=0))
        _local.session, _local.opened, _local.used = session, now, now
        return session, False
    return _local.session, now - _local.used > IDLE_SECONDS


def _close() -> None:
    if _local.session is not None:
        _local.session.close()
        _local.session = None


def _post(flight: Flight, url: str, write_key: Secret, body: Callable[[], bytes]) -> Answer:
    session, idled = _session()
    answer = _once(session, flight, url, write_key, body)
    if idled and flight.reused and answer.error in (_DROPPED, _RESET) and not flight.cut_short:
        # The other end closed the idle connection; nothing was taken, so this is no failure.
        _close()
        answer = _once(_session()[0], flight, url, write_key, body)
    _local.used = time.monotonic()
    return answer


_DROPPED = "connection closed without an answer"
_RESET = "connection reset"


def _once(
    session: requests.Session, flight: Flight, url: str, write_key: Secret, body: Callable[[], bytes]
) -> Answer:
    _local.flight = flight
    began = time.monotonic()
    try:
        with session.post(
            f"{url}/v1/batch",
            data=body(),
            headers={
                "Authorization": "Basic " + b64encode(f"{write_key}:".encode()).decode(),
                "Content-Type": "application/json",
                "User-Agent": f"currents-admin/{VERSION}",
                "Accept-Encoding": "identity",
            },
            timeout=(CONNECT_SECONDS, WHOLE_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as response:
            return Answer(
                status=response.status_code,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=_read(response),
                milliseconds=(time.monotonic() - began) * 1000,
            )
    except (requests.RequestException, OSError, HTTPError, ValueError) as error:
        return Answer(
            status=None,
            error="timed out" if flight.cut_short else _name(error),
            milliseconds=(time.monotonic() - began) * 1000,
        )
    finally:
        _local.flight = None
        flight.connection = None


def _read(response: requests.Response) -> bytes:
    """Up to 64 kB of the answer's body. The status has decided already, so a body that breaks off is no fault."""
    try:
        body: bytes = response.raw.read(MOST_ANSWER_BYTES, decode_content=True)
    except (OSError, HTTPError, ValueError):
        return b""
    return body


def _name(error: Exception) -> str:
    """A plain name for a network fault; never the error's own text, which may quote what was sent."""
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS certificate or handshake refused"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "connection timed out"
    if isinstance(error, requests.exceptions.Timeout):
        return "timed out"
    text = repr(error)
    if "NameResolution" in text or "gaierror" in text:
        return "host name not found"
    if "Connection refused" in text:
        return "connection refused"
    if "reset" in text.lower() or "BrokenPipe" in text:
        return _RESET
    if "RemoteDisconnected" in text or "closed" in text.lower():
        return _DROPPED
    return f"network fault ({type(error).__name__})"
