"""The store: turns submitted events into batches of the log, in one transaction for a whole group of submissions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction

from exporter import sql as sql_module
from exporter.intake import refusals
from exporter.intake.duplicates import Duplicates, IdWindow, Segment
from exporter.intake.refusals import Refusal
from exporter.intake.unknown_types import TypeNames
from exporter.log import batches, event_log
from exporter.log.append_at_once import Addition, append_at_once
from exporter.log.batches import Batch
from exporter.log.events import Incoming

_TOO_LONG = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)
# From here on a body's own batch compresses well enough not to be joined with others.
_LARGE = 250


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a submission, after the commit; refused events are not included."""

    accepted: int
    duplicates: int


@dataclass(slots=True)
class Submission:
    """The events of one body for one workspace, cut into batches by the thread that received them."""

    workspace_id: int
    events: Sequence[Incoming]
    refused: Sequence[Refusal] = ()
    batches: list[Batch] = field(init=False)
    size: int = field(init=False)
    # Monotonic seconds.
    made_at: float = field(init=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.batches = batches.cut(self.events)
        for batch in self.batches:
            if batch.count >= _LARGE:
                batch.compressed()
        self.size = sum(len(batch.text) for batch in self.batches) + sum(len(one.raw) for one in self.refused)


class WorkspaceBusy(Exception):
    """The log of `workspace_id` stayed locked by somebody else for longer than we wait."""

    def __init__(self, workspace_id: int) -> None:
        super().__init__(f"The event log of workspace {workspace_id} is locked.")
        self.workspace_id = workspace_id


@dataclass(slots=True)
class _Plan:
    """What is to be stored for a workspace's submissions of a group."""

    window: IdWindow
    submissions: Sequence[Submission]
    too_many_types: set[str]
    kept: list[Sequence[Incoming]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    placed: list[event_log.Placed] = field(default_factory=list)

    @property
    def workspace_id(self) -> int:
        return self.window.workspace_id

    def judge(self, now: datetime) -> None:
        """Leaves out what the window knows and makes the batches of the rest, ready to be inserted."""
        self.window.expire(now)
        self.kept = self.window.fresh([one.events for one in self.submissions])
        pieces: list[Batch] = []
        for submission, kept in zip(self.submissions, self.kept, strict=True):
            pieces += submission.batches if kept is submission.events else batches.cut(kept)
        self.batches = batches.join(pieces)
        for batch in self.batches:
            batch.rename_types(self.too_many_types)
            batch.compressed()

    def claim(self, sql: psycopg.Cursor[Any]) -> bool:
        """Claims the numbers of the batches; False if the log's head is not the one the window reaches to."""
        count = sum(batch.count for batch in self.batches)
        if not count:
            return True
        received_at = event_log.claim(sql, self.workspace_id, self.window.head, count)
        if received_at is not None:
            self.place(received_at)
        return received_at is not None

    def place(self, received_at: datetime) -> None:
        """Notes where the batches stand: behind the head the window reaches to."""
        number = self.window.head
        for batch in self.batches:
            self.placed.append(event_log.Placed(self.workspace_id, number, received_at, batch))
            number += batch.count

    def goes_at_once(self) -> bool:
        """Whether there is nothing to look up or to keep beside the events."""
        return not self.window.shared and not any(one.refused for one in self.submissions)


class _Clock:
    """The database's time, counted on from when it was last told."""

    def __init__(self, told: datetime) -> None:
        self._told, self._at = told, time.monotonic()

    def now(self) -> datetime:
        return self._told + timedelta(seconds=time.monotonic() - self._at)


class Store:
    """Appends groups of submissions. It remembers what was stored lately, so each thread that appends keeps
    one; several, in several processes, are exact together."""

    def __init__(self) -> None:
        self._duplicates = Duplicates()
        self._type_names = TypeNames()
        self._clock: _Clock | None = None

    def store(
        self, submissions: Sequence[Submission], extra: Callable[[], None] | None = None
    ) -> list[Receipt]:
        """Appends all of them in one transaction, `extra` within it; answers after the commit, in their
        order. Nothing is remembered before the commit.

        Raises:
            WorkspaceBusy: a workspace's log stayed locked.
            psycopg.Error, django.db.Error: nothing was stored; where the connection broke during the commit
                nobody knows, but to store the same again is harmless.
            RuntimeError: called inside a transaction.
        """
        groups = _by_workspace(submissions)
        too_many = {workspace_id: self._prepare(workspace_id, group) for workspace_id, group in groups}
        plans = [
            _Plan(self._duplicates.window(workspace_id), group, too_many[workspace_id])
            for workspace_id, group in groups
        ]
        if extra is not None or not self._append_at_once(plans):
            self._append_in_steps(plans, extra)
        for plan in plans:
            plan.window.remember(
                Segment(one.first_event, one.end_event, one.received_at, one.batch.id_hashes)
                for one in plan.placed
            )
        self._duplicates.trim(plan.window for plan in plans)
        return _receipts(submissions, plans)

    def _append_at_once(self, plans: Sequence[_Plan]) -> bool:
        """Appends with one statement if nothing speaks against it; otherwise does nothing and returns False."""
        if (
            self._clock is None
            or connection.in_atomic_block
            or not all(plan.goes_at_once() for plan in plans)
        ):
            return False
        for plan in plans:
            plan.judge(self._clock.now())
        additions = [
            Addition(plan.workspace_id, plan.window.head, plan.batches) for plan in plans if plan.batches
        ]
        if not additions:
            return True
        appended = append_at_once(additions)
        if appended is None:
            for plan in plans:
                plan.window.shared = True
            return False
        self._clock = _Clock(appended.now)
        for plan in plans:
            if plan.batches:
                plan.place(appended.received_at[plan.workspace_id])
        return True

    def _append_in_steps(self, plans: Sequence[_Plan], extra: Callable[[], None] | None) -> None:
        """Looks at each log, waits for one that is locked, keeps what was refused."""
        with transaction.atomic(durable=True):
            sql = sql_module.cursor()
            now = _begin(sql)
            self._clock = _Clock(now)
            for plan in plans:
                self._look(sql, plan, now)
            for plan in plans:
                _claim(sql, plan, now)
            event_log.insert(sql, [placed for plan in plans for placed in plan.placed])
            for plan in plans:
                refusals.keep(
                    sql, plan.workspace_id, [one for each in plan.submissions for one in each.refused]
                )
            if extra is not None:
                extra()

    def _prepare(self, workspace_id: int, group: Sequence[Submission]) -> set[str]:
        """Makes sure the log exists; returns the type names beyond the limit."""
        if workspace_id not in self._duplicates:
            event_log.ensure(workspace_id)
        unknown = {name for one in group for batch in one.batches for name in batch.unknown_types()}
        if not unknown:
            return set()
        try:
            return self._type_names.refused(workspace_id, unknown)
        except OperationalError as error:
            if isinstance(error.__cause__, _TOO_LONG):
                raise WorkspaceBusy(workspace_id) from None
            raise

    def _look(self, sql: psycopg.Cursor[Any], plan: _Plan, now: datetime) -> None:
        """Judges before any lock is taken, so that little is left to do under it."""
        window = plan.window
        if window.shared:
            known = window.head
            window.catch_up(sql, event_log.look(sql, plan.workspace_id), now)
            window.shared = window.head != known
        plan.judge(now)


def _by_workspace(submissions: Sequence[Submission]) -> list[tuple[int, list[Submission]]]:
    """In the order of ids, which every process keeps, so that two never wait for each other."""
    groups: dict[int, list[Submission]] = {}
    for submission in submissions:
        groups.setdefault(submission.workspace_id, []).append(submission)
    return sorted(groups.items())


def _begin(sql: psycopg.Cursor[Any]) -> datetime:
    """Bounds how long the transaction may wait; returns the database's time."""
    sql.execute(
        "SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '5s', true), "
        "clock_timestamp()"
    )
    row = sql.fetchone()
    assert row is not None  # noqa: S101 - for the type checker: a SELECT without FROM has a row
    now: datetime = row[2]
    return now


def _claim(sql: psycopg.Cursor[Any], plan: _Plan, now: datetime) -> None:
    try:
        if plan.claim(sql):
            return
        # Another process appended meanwhile: under the lock nobody does, and the second look is the last.
        window = plan.window
        window.shared = True
        window.catch_up(sql, event_log.lock(sql, plan.workspace_id), now)
        plan.judge(now)
        if not plan.claim(sql):
            raise LookupError(f"The event log of workspace {plan.workspace_id} cannot be followed.")
    except _TOO_LONG:
        raise WorkspaceBusy(plan.workspace_id) from None


def _receipts(submissions: Sequence[Submission], plans: Sequence[_Plan]) -> list[Receipt]:
    kept = {
        id(submission): len(events)
        for plan in plans
        for submission, events in zip(plan.submissions, plan.kept, strict=True)
    }
    return [
        Receipt(kept[id(submission)], len(submission.events) - kept[id(submission)])
        for submission in submissions
    ]
