"""Random histories with replays of every kind, broken off, paused and cancelled: each event has one live outcome, and
every replay balances by itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from connectors.audit.actor import By
from exporter import sql
from exporter.actions import imports, replays
from exporter.actions.replay_preview import ReplayRefused, Wanted
from exporter.delivery.deliver import deliver
from exporter.intake import uploads
from exporter.log import imported_batches
from exporter.models import RecoveredEvent, Replay, Upload
from tests.support.delivering import NOBODY
from tests.support.drawn_events import events
from tests.support.factories import event
from tests.support.failing_workers import Crash
from tests.support.histories import History

OUTCOMES = ["expired", "rejected", "delivered", "unselected", "everything"]
TYPES = ["users.messages.email.Open", "users.messages.email.Click", "users_campaigns_abort"]
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

replayed_types = st.sets(st.sampled_from(TYPES), max_size=1)


_append = imported_batches.append


def _dying(*batches: Any) -> Any:
    """The worker dies with its batches written and nothing committed."""
    _append(*batches)
    raise Crash


class ReplayHistory(History):
    """`recovered` is in how many histories, of all, a replay delivered what had expired or been rejected."""

    reached: ClassVar[Counter[str]] = Counter()
    recovered: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        if any(one.recovered_expired for one in self.replays):
            type(self).recovered["expired"] += 1
        if any(one.recovered_rejected for one in self.replays):
            type(self).recovered["rejected"] += 1
        super().teardown()

    @precondition(lambda self: self.delivered_or_rejected)
    @rule(
        outcomes=st.sets(st.sampled_from(OUTCOMES), min_size=1), same_ids=st.booleans(), types=replayed_types
    )
    def replay(self, outcomes: set[str], same_ids: bool, types: set[str]) -> None:
        made = self._begin(outcomes, types, same_ids=same_ids)
        if made is not None:
            deliver(made.delivery_id)

    @rule(some=events, healed=st.booleans())
    def lose_and_replay(self, some: list[tuple[str, str]], healed: bool) -> None:
        """Events expire and are asked for again, while Segment may still be down."""
        self.append(some)
        self.grow_old(1.0)
        if healed:
            self.mend()
        made = self._begin({"expired", "rejected"}, set())
        if made is not None:
            deliver(made.delivery_id)

    @rule(some=events, same_ids=st.booleans(), twice=st.booleans())
    def import_for_one(self, some: list[tuple[str, str]], same_ids: bool, twice: bool) -> None:
        """A file for this connector alone; the worker that reads it may die before it commits its first events."""
        lines = []
        for event_type, kind in some:
            self.made += 1
            user = {"external_user_id": None} if kind == "anonymous" else {}
            lines.append(event(self.made, event_type=event_type, id=f"{kind}-{self.made}", **user))
        content = "\n".join(json.dumps(one) for one in [*lines, *(lines if twice else [])]).encode()
        upload = imports.begin(self.line.workspace, "events.ndjson", len(content), NOBODY)
        imports.start(imports.add_piece(upload, 0, content), NOBODY, only=self.connector, same_ids=same_ids)
        if twice:
            with patch.object(imported_batches, "append", _dying):
                try:
                    uploads.run(upload.pk)
                except Crash:
                    Upload.objects.update(held_until=None)
        while uploads.run(upload.pk):
            pass
        upload.refresh_from_db()
        assert (upload.accepted, upload.duplicates) == (len(lines), len(lines) * twice)
        assert upload.replay is not None
        replays.advance()
        deliver(upload.replay.delivery_id)

    @precondition(lambda self: self.replays)
    @rule(act=st.sampled_from([replays.pause, replays.resume, replays.cancel]))
    def change_a_replay(self, act: Callable[[Replay, By], None]) -> None:
        try:
            act(self.replays[-1], NOBODY)
        except ReplayRefused:
            return

    @precondition(lambda self: self.replays)
    @rule()
    def go_on_replaying(self) -> None:
        for one in self._due():
            deliver(one.delivery_id)

    @precondition(lambda self: self.replays)
    @rule(settles=st.integers(0, 1))
    def crash_in_a_replay(self, settles: int) -> None:
        """The worker dies before its first or second settle, whatever Segment has accepted by then."""
        for one in self._due():
            try:
                self._deliver_with(self._dying(settles), one.delivery_id)
            except Crash:
                self._abandon(one.delivery_id)

    @precondition(lambda self: self.replays)
    @rule()
    def two_workers_at_a_replay(self) -> None:
        """One worker freezes before it settles; another takes over; the first one wakes up."""
        for one in self._due():
            self._deliver_with(self._freezing(), one.delivery_id)

    def _look(self) -> None:
        super()._look()
        moved = sum(one.recovered_expired for one in self.replays)
        assert RecoveredEvent.objects.count() == moved, "what expired is recovered once"

    # --- means ----------------------------------------------------------------------------------------------------

    @property
    def replays(self) -> list[Replay]:
        if not hasattr(self, "token"):
            return []
        return list(Replay.objects.filter(connector=self.line.connector.pk).order_by("pk"))

    def _due(self) -> list[Replay]:
        self.line.make_due()
        replays.advance()
        return self.replays

    def _begin(self, outcomes: set[str], types: set[str], *, same_ids: bool = True) -> Replay | None:
        wanted = Wanted(
            EPOCH, sql.clock(), event_types=sorted(types), outcomes=sorted(outcomes), same_ids=same_ids
        )
        try:
            return replays.begin(self.connector, wanted, NOBODY)
        except ReplayRefused:
            return None
