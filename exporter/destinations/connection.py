"""Connections to a destination: opened (through a proxy if there is one), kept while beyond doubt, and lent out.

Shared by all threads of the process and by everyone who sends to the same host; the key is part of each request. A
connection goes back only after an answer that was read whole with nothing behind it, and is looked at again before
it is lent: whatever it holds by then is no answer to a request still to come, so it is closed.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import defaultdict, deque
from functools import lru_cache

import certifi
from django.utils.translation import gettext_noop

from exporter.destinations.address_guard import AddressGuard
from exporter.destinations.endpoint import Endpoint, Proxy
from exporter.destinations.http_answer import NO_ANSWER, AnswerReader, Broken, Receive

CONNECT_SECONDS = 3.0
# Hosts move: names are looked up again at least this often.
LONGEST_LIFE_SECONDS = 3600.0
# A connection unused for so long is closed when the next one is returned.
LONGEST_REST_SECONDS = 60.0

# Faults are stored and told to machines in English; pages tell them in the reader's language.
TIMED_OUT = gettext_noop("timed out")
RESET = gettext_noop("connection reset")
NOT_PERMITTED = gettext_noop("the address lies inside the server’s own network")

Origin = tuple[bool, str, int, Proxy | None, AddressGuard | None]


class Connection:
    """One open connection. `fresh` until its first answer; `rested` is how long it lay unused when it was lent."""

    __slots__ = ("fresh", "opened", "origin", "rested", "sock", "used")

    def __init__(self, sock: socket.socket, origin: Origin) -> None:
        self.sock = sock
        self.origin = origin
        self.opened = self.used = time.monotonic()
        self.fresh = True
        self.rested = 0.0

    def exchange(self, request: bytes, deadline: float, received: bytes = b"") -> AnswerReader:
        """Sends a request and returns the reader of its answer, of which `received` has come already. An answer that
        came before the whole request was taken (an early refusal) is still to be read, so a send that breaks off is
        the reader's to report."""
        _limit(self.sock, deadline)
        try:
            self.sock.sendall(request)
        except TimeoutError:
            raise
        except OSError as fault:
            return AnswerReader(_early(self.sock, fault), received)
        return AnswerReader(_until(self.sock, deadline), received)

    def is_silent(self) -> bool:
        """Whether the other end has neither closed it nor sent anything unasked."""
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def break_off(self) -> None:
        """Wakes whoever waits on it, from any thread. Not by `SSLSocket.shutdown`, which takes the encryption off
        first: what another thread is sending at that moment would go out in plain text."""
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        self.sock.close()


def _limit(sock: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)


def _until(sock: socket.socket, deadline: float) -> Receive:
    def receive(size: int) -> bytes:
        _limit(sock, deadline)
        return sock.recv(size)

    return receive


def _early(sock: socket.socket, fault: OSError) -> Receive:
    """Reads only what has already arrived; after that, the fault while sending is reported."""

    def receive(size: int) -> bytes:
        try:
            sock.settimeout(0.2)
            return sock.recv(size)
        except OSError:
            raise fault from None

    return receive


class Connections:
    """The idle ones, the last used first."""

    def __init__(self) -> None:
        self._idle: dict[Origin, deque[Connection]] = defaultdict(deque)
        self._lock = threading.Lock()

    def lend(self, origin: Origin) -> Connection | None:
        """An idle connection that is beyond doubt, or None: open one."""
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                if not idle:
                    return None
                connection = idle.pop()
            now = time.monotonic()
            connection.rested = now - connection.used
            if now - connection.opened < LONGEST_LIFE_SECONDS and connection.is_silent():
                return connection
            connection.close()

    def give_back(self, connection: Connection) -> None:
        connection.used, connection.fresh = time.monotonic(), False
        with self._lock:
            idle = self._idle[connection.origin]
            idle.append(connection)
            old = []
            while connection.used - idle[0].used > LONGEST_REST_SECONDS:
                old.append(idle.popleft())
        for one in old:
            one.close()

    def close(self) -> None:
        """Closes idle connections; whoever borrowed one closes it."""
        with self._lock:
            idle = [connection for rest in self._idle.values() for connection in rest]
            self._idle.clear()
        for connection in idle:
            connection.close()


def connect(endpoint: Endpoint, deadline: float) -> Connection:
    """Raises:
    Broken: no connection to the destination or its proxy; the text names which, and what was wrong.
    OSError: the TLS handshake failed.
    """
    if endpoint.fault:
        raise Broken(endpoint.fault)
    proxy = endpoint.proxy
    host, port = (proxy.host, proxy.port) if proxy else (endpoint.host, endpoint.port)
    try:
        if proxy and endpoint.guard:
            _judge_behind_proxy(endpoint, endpoint.guard)
        sock = _dial(host, port, deadline, None if proxy else endpoint.guard)
    except OSError as fault:
        named = f"proxy {host}: " if proxy else ""
        raise Broken(named + fault_name(fault, connecting=True)) from None
    try:
        if endpoint.secure:
            if proxy is not None:
                _tunnel(sock, proxy, endpoint, deadline)
            sock.settimeout(max(0.01, min(CONNECT_SECONDS, deadline - time.monotonic())))
            sock = _tls().wrap_socket(sock, server_hostname=endpoint.host)
    except BaseException:
        sock.close()
        raise
    return Connection(sock, endpoint.origin)


def _judge_behind_proxy(endpoint: Endpoint, guard: AddressGuard) -> None:
    """The proxy connects, so what can be judged is what the name means here; one that only the proxy knows is its own
    rules' business.

    Raises:
        Broken: it means an address that is not permitted.
    """
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError:
        return
    if not all(guard.permits(str(address[0])) for *_rest, address in found):
        raise Broken(NOT_PERMITTED)


def _dial(host: str, port: int, deadline: float, guard: AddressGuard | None = None) -> socket.socket:
    """Tries each address of the host in turn, so that one dead address does not hide one that works.

    Raises:
        Broken: the guard permits none of them.
    """
    fault: OSError | Broken | None = None
    for family, kind, protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if guard is not None and not guard.permits(str(address[0])):
            fault = fault or Broken(NOT_PERMITTED)
            continue
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.01, min(CONNECT_SECONDS, deadline - time.monotonic())))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            fault = error
    raise fault or OSError("no address")


def _tunnel(sock: socket.socket, proxy: Proxy, endpoint: Endpoint, deadline: float) -> None:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [f"CONNECT {host}:{endpoint.port} HTTP/1.1", f"Host: {host}:{endpoint.port}"]
    lines += [f"Proxy-Authorization: {proxy.authorization.decode()}"] if proxy.authorization else []
    try:
        sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        answer, _version = AnswerReader(
            _until(sock, min(deadline, time.monotonic() + CONNECT_SECONDS))
        ).read_head()
    except (OSError, Broken) as fault:
        raise Broken(f"proxy {proxy.host}: {fault_name(fault)}") from None
    if not 200 <= answer.status < 300:
        raise Broken(f"proxy {proxy.host}: refused with status {answer.status}")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The system's certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR` add a company's own) and Mozilla's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def fault_name(fault: Exception, *, connecting: bool = False) -> str:
    """A plain name for a fault; never the error's own text, which may quote what was sent."""
    if isinstance(fault, Broken):
        return str(fault)
    if isinstance(fault, ssl.SSLError) and not isinstance(fault, (ssl.SSLEOFError, TimeoutError)):
        return gettext_noop("TLS certificate or handshake refused")
    if isinstance(fault, socket.gaierror):
        return gettext_noop("host name not found")
    if isinstance(fault, TimeoutError):
        return gettext_noop("connection timed out") if connecting else TIMED_OUT
    if isinstance(fault, ConnectionRefusedError):
        return gettext_noop("connection refused")
    if isinstance(fault, (ConnectionResetError, BrokenPipeError)):
        return RESET
    if isinstance(fault, (ssl.SSLEOFError, ConnectionAbortedError)):
        return NO_ANSWER
    return f"network fault ({type(fault).__name__})"
