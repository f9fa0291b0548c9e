"""gunicorn's threaded worker with a loop that gathers whole requests: a slow or silent client costs a file descriptor
and never a thread, and `/healthz` is answered by the loop itself.

    accept → head within 10 s → body within 20 s and a second for every 50 kB → thread → answer, sent by the loop
"""

from __future__ import annotations

import selectors
import time
from collections import defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import structlog

from currents_admin.front import admission, answers, direct, limits, refusals
from currents_admin.front.connection import ClientConnection, Phase
from currents_admin.front.framing import MOST_HEAD, Chunks, Head, Malformed, is_life_sign, read_head
from currents_admin.front.loop import ConnectionLoop

log = structlog.get_logger(__name__)


class FrontWorker(ConnectionLoop):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at_work: dict[str, int] = defaultdict(int)
        self.in_line: dict[str, deque[ClientConnection]] = defaultdict(deque)
        self.aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aside")

    # --- A request arrives ------------------------------------------------------------------------------------
    def _read(self, conn: ClientConnection) -> None:
        self._watch(conn, selectors.EVENT_READ | (selectors.EVENT_WRITE if conn.unsent else 0))
        try:
            piece = conn.line.recv(conn.wanted())
        except BlockingIOError:
            return
        except OSError:
            self._end(conn)
            return
        if conn.phase is Phase.CLOSING:
            # Read away, so that the client reads the answer before it hears that nobody listens.
            if not piece:
                self._end(conn)
            return
        if not piece:
            self._broke_off(conn)
            return
        conn.buffer += piece
        self._go_on(conn)

    def _broke_off(self, conn: ClientConnection) -> None:
        """One that has stopped in the middle of its body may still listen: the application says what is missing."""
        if conn.phase is Phase.BODY and conn.head is not None:
            self._dispatch(conn, conn.head, len(conn.buffer))
        else:
            self._close(conn)

    def _go_on(self, conn: ClientConnection) -> None:
        try:
            if conn.phase is Phase.IDLE and conn.buffer:
                conn.phase, conn.began = Phase.HEAD, time.monotonic()
                conn.within(limits.HEAD_SECONDS)
            if conn.phase is Phase.HEAD:
                self._look_for_head(conn)
            if conn.phase is Phase.BODY and conn.head is not None:
                self._look_for_end(conn, conn.head)
            if conn.phase in (Phase.HEAD, Phase.BODY):
                self._watch(conn, selectors.EVENT_READ)
        except OSError:
            self._end(conn)
        except Malformed as wrong:
            self._refuse(conn, wrong.status)

    def _look_for_head(self, conn: ClientConnection) -> None:
        while conn.buffer[:2] == b"\r\n":
            del conn.buffer[:2]
        stop = conn.buffer.find(b"\r\n\r\n", 0, MOST_HEAD)
        if stop < 0:
            if len(conn.buffer) >= MOST_HEAD:
                raise Malformed(431)
            return
        conn.head = read_head(bytes(conn.buffer[:stop]))
        conn.body_at = stop + 4
        conn.chunks = Chunks(conn.body_at)
        if is_life_sign(conn.head):
            del conn.buffer[: conn.body_at]
            self._answer(conn, answers.alive(conn.head.method), keep=conn.head.keeps_alive)
            return
        if conn.head.length > admission.most(conn.head):
            raise Malformed(413)
        if not admission.needs_token(conn.head):
            self._gather_body(conn, conn.head, trusted=False)
        elif admission.is_known(conn.head):
            self._gather_body(conn, conn.head, trusted=True)
        else:
            self._check(conn, conn.head)

    def _check(self, conn: ClientConnection, head: Head) -> None:
        """A large body of a sender nobody remembers: a thread looks its token up before the body is taken."""
        conn.phase = Phase.CHECK
        self._watch(conn, 0)
        found = self.tpool.submit(admission.look_up, head)
        found.add_done_callback(lambda done: self._later(self._checked, conn, head, done))

    def _checked(self, conn: ClientConnection, head: Head, done: Future[bool]) -> None:
        told = done.exception() is None
        if told and not done.result():
            self._refuse(conn, 401)
            return
        try:
            # Where it could not be told, the application says so; it has the words.
            self._gather_body(conn, head, trusted=told)
        except Malformed as wrong:
            self._refuse(conn, wrong.status)
            return
        self._go_on(conn)
        if conn.phase is Phase.BODY:
            self._read(conn)

    def _gather_body(self, conn: ClientConnection, head: Head, *, trusted: bool) -> None:
        self.rooms.enter(conn, head, trusted=trusted)
        conn.phase = Phase.BODY
        conn.within(limits.BODY_SECONDS + head.length / limits.BYTES_A_SECOND)
        if head.expects_continue and len(conn.buffer) == conn.body_at:
            conn.sendall(answers.CONTINUE)

    def _look_for_end(self, conn: ClientConnection, head: Head) -> None:
        end = conn.body_at + head.length
        if head.chunked:
            conn.chunks.follow(conn.buffer)
            end = conn.chunks.end
            self.rooms.grow(conn, head)
        if 0 <= end <= len(conn.buffer):
            self._dispatch(conn, head, end)

    # --- A thread answers it ----------------------------------------------------------------------------------
    def _dispatch(self, conn: ClientConnection, head: Head, end: int) -> None:
        conn.take(end)
        conn.phase = Phase.WORK
        self._watch(conn, selectors.EVENT_WRITE if conn.unsent else 0)
        if head.path == "/readyz":
            self._work(conn, self.aside)
            return
        sender = head.authorization
        if self.at_work[sender] >= max(1, self.cfg.threads - limits.SPARE_THREADS):
            self.in_line[sender].append(conn)
            return
        self.at_work[sender] += 1
        self._work(conn, self.tpool)

    def _work(self, conn: ClientConnection, pool: ThreadPoolExecutor) -> None:
        done = pool.submit(self.handle, conn)
        done.add_done_callback(lambda answered: self.method_queue.defer(self.finish_request, conn, answered))

    def handle(self, conn: ClientConnection) -> Any:
        """Makes and sends the answer, in a thread; whether the connection is kept."""
        made = None
        if conn.head is not None and not conn.head.chunked:
            made = direct.environ(conn.whole, conn.body_at, conn.client, conn.server)
        if made is None or conn.head is None:
            conn.parse()
            return super().handle(conn)
        keep = conn.head.keeps_alive and self.alive
        try:
            direct.answer(self.wsgi, made, conn, keep=keep)
        except OSError:
            return False
        except Exception as error:
            self.handle_error(None, conn, conn.client, error)
            return False
        return keep

    def handle_error(self, _request: Any, conn: ClientConnection, _client: Any, error: Exception) -> None:
        """Answers what gunicorn's parser does not take, and faults of ours. gunicorn's own line would quote the request
        and name the client's address."""
        status = refusals.status_of(error)
        if status is None:
            log.error("front.fault", next="the client is told to come again", exc_info=error)
        with suppress(OSError):
            conn.sendall(answers.refusal(500) if status is None else refusals.refusal(conn, status))

    def finish_request(self, conn: ClientConnection, done: Future[bool]) -> None:
        """The answer is made; in the loop's thread."""
        if conn.head is not None and conn.head.path != "/readyz":
            self._next_in_line(conn.head.authorization)
        keep = not done.cancelled() and done.exception() is None and done.result()
        self._safely(self._wait_for_next if keep else self._close, conn)

    def _next_in_line(self, sender: str) -> None:
        if line := self.in_line.get(sender):
            self._work(line.popleft(), self.tpool)
            return
        self.in_line.pop(sender, None)
        self.at_work[sender] -= 1
        if not self.at_work[sender]:
            del self.at_work[sender]

    def _wait_for_next(self, conn: ClientConnection) -> None:
        """Once the client has taken this answer, so that nobody orders more than they fetch."""
        self.rooms.leave(conn)
        conn.let_go()
        conn.phase, conn.head = Phase.IDLE, None
        conn.within(limits.IDLE_SECONDS if self.alive else limits.STOPPING_SECONDS)
        # Last to go where there is no room.
        self.connections[conn] = self.connections.pop(conn)
        self._send_on(conn)
