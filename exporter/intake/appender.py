"""The appender: one thread per web process that stores the events of all its requests.

It takes everything that is waiting and appends it in one transaction (group commit), because flushing to disk
costs the same for one body as for fifty. It never waits on purpose: whatever arrives during a commit is the next
group.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

import psycopg
import structlog
from django.db import InterfaceError, OperationalError, connection

from exporter.intake import notifier
from exporter.intake.refusals import Refusal
from exporter.intake.store import Receipt, Store, Submission, WorkspaceBusy
from exporter.log.events import Incoming

log = structlog.get_logger(__name__)

MOST_WAITING_BYTES = 64_000_000
_GROUP_BYTES = 16_000_000
_PATIENCE = 8.0
# How long a workspace whose log was locked is refused at once; otherwise every group would wait for it.
_REST = 2.0

# How long after a commit a connection is used without checking that it still works.
_UNCHECKED = 1.0

_LOST = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
_Group = list[tuple[Submission, Future[Receipt]]]


class Unavailable(Exception):
    """Nothing was acknowledged; the same should be sent again after `retry_after` seconds."""

    def __init__(self, sentence: str, retry_after: int = 2) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Appender:
    """`submit` may be called from any thread; `stop` ends the thread once everything waiting has been stored."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Submission, Future[Receipt]]] = deque()
        self._at_work: _Group = []
        self._bytes = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._resting: dict[int, float] = {}
        self._store = Store()
        self._stored_at = 0.0
        self._thread = threading.Thread(target=self._run, name="appender", daemon=True)
        self._thread.start()

    def submit(self, submission: Submission) -> Receipt:
        """Stores the submission; returns after the commit.

        Raises:
            Unavailable: it was not stored in time. It may still be: sent again, its events are then
            duplicates.
        """
        answer: Future[Receipt] = Future()
        with self._changed:
            if self._stopping or not self.is_alive():
                raise Unavailable("The server is stopping.")
            if self._bytes and self._bytes + submission.size > MOST_WAITING_BYTES:
                raise Unavailable("Too many events are waiting to be stored.")
            self._waiting.append((submission, answer))
            self._bytes += submission.size
            self._changed.notify()
        try:
            return answer.result(_PATIENCE)
        except FutureTimeout:
            answer.cancel()
            raise Unavailable("The events could not be stored in time.", 5) from None

    def oldest_seconds(self) -> float:
        """How long the body that came first has waited to be stored; 0 where none waits."""
        with self._changed:
            first = next(iter((*self._at_work, *self._waiting)), None)
        return time.monotonic() - first[0].made_at if first else 0.0

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while group := self._take():
                try:
                    self._append(group)
                except Exception as error:
                    log.error("intake.store_failed", doing="group", next="the senders repeat", exc_info=error)
                    _refuse(group)
                with self._changed:
                    self._at_work = []
                    self._bytes -= sum(submission.size for submission, _ in group)
        finally:
            connection.close()

    def _take(self) -> _Group:
        """Everything that is waiting, up to the bounds of a group; empty when it is time to stop."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if (group := self._gather()) or (self._stopping and not self._waiting):
                    self._at_work = group
                    return group

    def _gather(self) -> _Group:
        group: _Group = []
        size = 0
        while self._waiting and (not group or size + self._waiting[0][0].size <= _GROUP_BYTES):
            submission, answer = self._waiting.popleft()
            # Drops one whose sender has given up.
            if answer.set_running_or_notify_cancel():
                group.append((submission, answer))
                size += submission.size
            else:
                self._bytes -= submission.size
        return group

    def _append(self, group: _Group) -> None:
        while due := self._without_resting(group):
            try:
                self._store_all(due)
            except WorkspaceBusy as busy:
                self._rest(busy.workspace_id, due)
            except Exception as error:
                log.error(
                    "intake.store_failed", doing="group", next="each body is tried alone", exc_info=error
                )
                self._append_alone(due)
                return
            else:
                return

    def _append_alone(self, group: _Group) -> None:
        """A body that cannot be stored must not take the others with it. Without a database, the first one fails for
        all."""
        while group:
            one, group = group[:1], group[1:]
            try:
                self._store_all(self._without_resting(one))
            except WorkspaceBusy as busy:
                self._rest(busy.workspace_id, one)
            except Exception as error:
                log.error("intake.store_failed", doing="body", next="the sender repeats it", exc_info=error)
                _refuse(one)
                if isinstance(error, _LOST):
                    _refuse(group)
                    return

    def _rest(self, workspace_id: int, group: _Group) -> None:
        self._resting[workspace_id] = time.monotonic() + _REST
        _refuse([one for one in group if one[0].workspace_id == workspace_id])

    def _without_resting(self, group: _Group) -> _Group:
        """Refuses submissions of workspaces whose log was just found locked and returns the others."""
        now = time.monotonic()
        self._resting = {workspace_id: until for workspace_id, until in self._resting.items() if until > now}
        _refuse([one for one in group if one[0].workspace_id in self._resting])
        return [one for one in group if not one[1].done()]

    def _check_connection(self) -> None:
        """After a rest. Of one that breaks between two groups the second one hears, and its bodies are tried again."""
        if time.monotonic() - self._stored_at > _UNCHECKED:
            connection.close_if_unusable_or_obsolete()

    def _store_all(self, group: _Group) -> None:
        if not group:
            return
        self._check_connection()
        try:
            receipts = self._store.store([submission for submission, _ in group])
        except WorkspaceBusy:
            raise
        except Exception:
            # Whatever state it is in, the next attempt begins with a new one.
            connection.close()
            raise
        self._stored_at = time.monotonic()
        notifier.appended(
            submission.workspace_id
            for (submission, _), receipt in zip(group, receipts, strict=True)
            if receipt.accepted
        )
        for (_, answer), receipt in zip(group, receipts, strict=True):
            answer.set_result(receipt)


def _refuse(group: _Group) -> None:
    for _, answer in group:
        if not answer.done():
            answer.set_exception(Unavailable("The events cannot be stored at the moment."))


_current: Appender | None = None
_guard = threading.Lock()


def _forget_after_fork() -> None:
    """A forked child has no such thread: it starts its own with its first request."""
    global _current, _guard
    _current = None
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)


def current() -> Appender:
    """This process's appender, started on first use, and again if its thread has died."""
    global _current
    with _guard:
        if _current is None or not _current.is_alive():
            _current = Appender()
        return _current


def oldest_seconds() -> float:
    """How long the oldest body of this process has waited to be stored."""
    with _guard:
        return _current.oldest_seconds() if _current is not None else 0.0


def stop() -> None:
    """Stops this process's appender, if it runs, after it has stored everything waiting."""
    global _current
    with _guard:
        appender, _current = _current, None
    if appender is not None:
        appender.stop()


class _Stores(threading.local):
    def __init__(self) -> None:
        self.store = Store()


_stores = _Stores()


def append_now(
    workspace_id: int,
    incoming: Sequence[Incoming],
    refused: Sequence[Refusal] = (),
    extra: Callable[[], None] | None = None,
) -> Receipt:
    """Stores in the calling thread, in a transaction of its own that includes `extra`; for commands and
    chores.

    Raises:
        WorkspaceBusy, psycopg.Error, django.db.Error: nothing was stored.
    """
    receipt = _stores.store.store([Submission(workspace_id, incoming, refused)], extra)[0]
    if receipt.accepted:
        notifier.appended([workspace_id])
    return receipt
