"""The loop of the web process: connections come, wait with a deadline, are told something, and go. What is said in a
request is `currents_admin.front.worker`'s."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from currents_admin.front import admission, limits, refusals
from currents_admin.front.connection import ClientConnection, Phase, accept


class ConnectionLoop(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker, whose own loop turns; a subclass says what `_read` and `_go_on` do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worker_connections = limits.room_for_connections()
        self.connections: dict[ClientConnection, None] = {}
        self.rooms = admission.Rooms()
        self.swept_at = 0.0

    def _read(self, conn: ClientConnection) -> None:
        """Takes what has come."""
        raise NotImplementedError

    def _go_on(self, conn: ClientConnection) -> None:
        """Looks at what is there already."""
        raise NotImplementedError

    # --- Connections come and go ------------------------------------------------------------------------------
    def accept(self, listener: socket.socket) -> None:
        for _ in range(limits.ACCEPTED_AT_ONCE):
            accepted = accept(listener)
            if accepted is None:
                return
            line, client = accepted
            if self.nr_conns >= self.worker_connections - 1:
                self._make_room()
            self.nr_conns += 1
            conn = ClientConnection(self.cfg, line, client, listener.getsockname())
            conn.want_to_send = partial(self._later, self._send_on)
            conn.when_ready = partial(self._safely, self._ready, conn)
            self.connections[conn] = None
            conn.within(limits.HEAD_SECONDS)
            self._safely(self._read, conn)

    def _make_room(self) -> None:
        """The one that has waited longest without a whole request goes."""
        longest = next((conn for conn in self.connections if conn.phase is not Phase.WORK), None)
        if longest is not None:
            self._end(longest)

    def _end(self, conn: ClientConnection) -> None:
        if conn.ended:
            return
        conn.ended = conn.closed = True
        self._watch(conn, 0)
        self.rooms.leave(conn)
        self.connections.pop(conn, None)
        conn.line.close()
        conn.flush()
        self.nr_conns -= 1

    def _watch(self, conn: ClientConnection, events: int) -> None:
        if events == conn.watched:
            return
        if not events:
            self.poller.unregister(conn.line)
        elif conn.watched:
            self.poller.modify(conn.line, events, conn.when_ready)
        else:
            self.poller.register(conn.line, events, conn.when_ready)
        conn.watched = events

    def _later(self, step: Callable[..., None], conn: ClientConnection, *more: Any) -> None:
        """The step in the loop's thread, soon."""
        self.method_queue.defer(self._safely, step, conn, *more)

    def _safely(self, step: Callable[..., None], conn: ClientConnection, *more: Any) -> None:
        """What goes wrong for one connection ends that one; the loop turns for the others."""
        if conn.ended:
            return
        try:
            step(conn, *more)
        except Exception:
            self.log.exception("A connection was ended.")
            self._end(conn)

    def _ready(self, conn: ClientConnection, _line: socket.socket) -> None:
        if conn.unsent:
            self._send_on(conn)
        if not conn.ended and conn.watched & selectors.EVENT_READ:
            self._read(conn)

    # --- What the loop says itself ----------------------------------------------------------------------------
    def _answer(self, conn: ClientConnection, raw: bytes, *, keep: bool) -> None:
        conn.phase = Phase.WORK
        try:
            conn.sendall(raw)
        except OSError:
            self._end(conn)
            return
        (self._wait_for_next if keep and self.alive else self._close)(conn)

    def _refuse(self, conn: ClientConnection, status: int) -> None:
        self._answer(conn, refusals.refusal(conn, status), keep=False)

    def _close(self, conn: ClientConnection) -> None:
        """Ends it once the client has the answer."""
        conn.phase = Phase.CLOSING
        self.rooms.leave(conn)
        conn.let_go()
        conn.buffer.clear()
        conn.within(limits.ANSWER_SECONDS)
        self._send_on(conn)

    def _send_on(self, conn: ClientConnection) -> None:
        if not conn.flush():
            self._watch(conn, selectors.EVENT_WRITE)
        elif conn.phase in (Phase.WORK, Phase.CHECK):
            # `finish_request` ends one that is closed.
            self._watch(conn, 0)
        elif conn.closed:
            self._end(conn)
        elif conn.phase is Phase.CLOSING:
            self._say_goodbye(conn)
        elif conn.buffer:
            self._watch(conn, 0)
            self._later(self._go_on, conn)
        else:
            self._watch(conn, selectors.EVENT_READ)

    def _say_goodbye(self, conn: ClientConnection) -> None:
        if not conn.hang_up():
            self._end(conn)
        else:
            conn.deadline = min(conn.deadline, time.monotonic() + limits.LINGER_SECONDS)
            self._watch(conn, selectors.EVENT_READ)

    # --- Time -------------------------------------------------------------------------------------------------
    def murder_keepalived(self, force: bool = False) -> None:
        """gunicorn calls this at every turn of its loop."""
        now = time.monotonic()
        if not force and now - self.swept_at < limits.SWEEP_EVERY:
            return
        self.swept_at = now
        for conn in limits.beyond_their_share(self.connections):
            self._end(conn)
        for conn in list(self.connections):
            if conn.phase not in (Phase.WORK, Phase.CHECK) and (force or conn.deadline < now):
                self._overdue(conn, force)

    def murder_pending(self) -> None:
        """There is one list here, see `murder_keepalived`."""

    def _overdue(self, conn: ClientConnection, force: bool) -> None:
        if force or conn.phase in (Phase.IDLE, Phase.CLOSING) or not conn.buffer:
            self._end(conn)
        else:
            self._refuse(conn, 408)

    def _cap_keepalive(self, deadline: float) -> None:
        for conn in self.connections:
            conn.deadline = min(conn.deadline, deadline)
