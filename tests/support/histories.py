"""Random histories of one connector: whatever happens to it, its ledger balances.

What they get to is noted (`reached`).
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, ClassVar
from unittest.mock import patch

from django.apps import apps
from django.conf import settings
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from connectors.models import Connector, ConnectorState
from connectors.setup import key_rotation, lifecycle
from exporter import sql
from exporter.actions import retries
from exporter.delivery import expiry, over_age, turn
from exporter.delivery.deliver import deliver
from exporter.delivery.lanes import agenda, coordinator
from exporter.delivery.lanes.coordinator import Coordinator
from exporter.dispatch import queues
from exporter.dispatch.heartbeats import claim
from exporter.display import status_page, type_table
from exporter.ledger import check
from exporter.maintenance import rollup, trimming
from exporter.models import Delivery
from exporter.reports import balance
from exporter.sandbox.handle import Sandbox
from tests.support.delivering import NOBODY, Line
from tests.support.drawn_events import ABORT, ALIAS, SELECTABLE, events
from tests.support.factories import IntakeTokenFactory, event
from tests.support.failing_workers import FailingWorkers, take_its_turn
from tests.support.reached import Reached, shown
from tests.support.told_alike import ToldAlike

KEY = "a-key-for-the-sandbox"
LOOK_EVERY = 3


class History(ToldAlike, FailingWorkers, RuleBasedStateMachine):
    """`types` are the event types by number: what was really appended, told independently of the product."""

    sandbox: ClassVar[Sandbox]
    # In how many histories, of all.
    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.sandbox.heal()
        self.patches = ExitStack()
        self.patches.enter_context(patch.object(turn, "LOOK_SECONDS", 0.001))
        self.patches.enter_context(patch.object(agenda, "GAP_SECONDS", 0.001))
        # How many wake-ups wait is another matter.
        self.patches.enter_context(patch.object(queues, "QUEUES", ()))
        self.patches.enter_context(patch.object(coordinator, "settle_many", self._settle_set))
        self.own: set[Reached] = set()
        self.steps = self.made = 0
        self.types: list[str] = []
        self.ids: set[str] = set()
        self.good_key = True

    @initialize(
        before=events,
        selected=st.sets(st.sampled_from(SELECTABLE), min_size=1),
        anonymous=st.booleans(),
    )
    def launch(self, before: list[tuple[str, str]], selected: set[str], anonymous: bool) -> None:
        self.line = Line(self.sandbox, selected=sorted(selected), include_anonymous=anonymous)
        # The workspace had received events before this connector was launched.
        self.line.connector.delete()
        self.append(before)
        self.earlier = Counter(self.types)
        self.start = len(self.types)
        self.line.connector = Line.launch(self.line.workspace, sorted(selected), anonymous, KEY)
        self.rotations = 0
        self.keys = [(sql.clock(), KEY[-4:])]
        self.token = f"cur_{IntakeTokenFactory.create(workspace=self.line.workspace).prefix}_test"
        self._spoil_bad_ones()

    def teardown(self) -> None:
        try:
            self._look()
            type(self).reached.update(self.own)
        finally:
            self.patches.close()
            tables = [model._meta.db_table for model in apps.get_app_config("exporter").get_models()]
            with connection.cursor() as cursor:
                cursor.execute(";".join(f"DELETE FROM {table}" for table in reversed(tables)))

    # --- what can happen ------------------------------------------------------------------------------------------

    @rule(some=events)
    def append(self, some: list[tuple[str, str]]) -> None:
        made = []
        for event_type, kind in some:
            self.made += 1
            fields: dict[str, Any] = {"event_type": event_type, "id": f"{kind}-{self.made}"}
            if kind == "anonymous":
                fields["external_user_id"] = None
            if kind == "huge":
                fields["campaign_name"] = "x" * 33_000
            made.append(event(self.made, **fields))
            self.types.append(ABORT if event_type == ALIAS else event_type)
        self.ids |= set(self.line.feed_events(made))

    @rule(selected=st.sets(st.sampled_from(SELECTABLE), min_size=1), anonymous=st.booleans())
    def choose(self, selected: set[str], anonymous: bool) -> None:
        connector = self.connector
        chosen = lifecycle.Settings(connector.name, connector.contact_email, sorted(selected), anonymous)
        lifecycle.update(connector, chosen, seen_version=connector.version, by=NOBODY)

    @rule()
    def pause_or_resume(self) -> None:
        change = lifecycle.resume if self.connector.state == ConnectorState.PAUSED else lifecycle.pause
        change(self.connector, by=NOBODY)

    @rule(good=st.booleans())
    def rotate(self, good: bool) -> None:
        """The connector gets a new key; Segment knows that one only, or another one only."""
        self.rotations += 1
        new = f"{KEY}-{self.rotations}"
        self.sandbox.switch(known_keys=[new if good else KEY], unknown_key=401)
        lifecycle.rotate(self.connector, write_key=new, region="us", by=NOBODY)
        self.keys.append((self.connector.revisions.latest("pk").created_at, new[-4:]))

    @precondition(lambda self: self.rotations > 0)
    @rule()
    def roll_back(self) -> None:
        try:
            key_rotation.roll_back(self.connector, seen=None, by=NOBODY, anyway=True)
        except key_rotation.NoWayBack:
            return
        newest = self.connector.revisions.latest("pk")
        self.keys.append((newest.created_at, newest.write_key.last4))

    @rule(status=st.sampled_from([503, 429, 408, 404]), count=st.integers(1, 2))
    def fail(self, status: int, count: int) -> None:
        self.sandbox.fail(status=status, count=count)

    @rule()
    def mend(self) -> None:
        """Segment understands every event now, and every key."""
        self.sandbox.heal()

    @rule()
    def turn(self) -> None:
        self.line.make_due()
        before = self.line.outcomes().get("delivered", 0)
        self.line.deliver()
        if self.line.outcomes().get("delivered", 0) > before:
            self.own.add(Reached.ACCEPTED_IN_A_TURN)

    @rule(some=events)
    def all_is_well(self, some: list[tuple[str, str]]) -> None:
        """Whatever was wrong is over, and what waits is delivered: sets take none but healthy connectors."""
        self.append(some)
        self.mend()
        self._spoil_bad_ones()
        if self.connector.state == ConnectorState.PAUSED:
            lifecycle.resume(self.connector, by=NOBODY)
        self.turn()

    @rule(some=events)
    def in_a_set(self, some: list[tuple[str, str]]) -> None:
        """The small way; what it hands on has its turn at once."""
        self.append(some)
        Coordinator(take_its_turn).settle_all([self.line.workspace.pk])

    @rule(share=st.floats(0, 1))
    def grow_old(self, share: float) -> None:
        """48 hours pass for a part of what is in the log."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT received_at FROM exporter_eventbatch WHERE workspace_id = %s ORDER BY end_event",
                [self.line.workspace.pk],
            )
            moments = [row[0] for row in cursor.fetchall()]
        if moments:
            claim("sweep", 0.0)
            at = moments[int(share * (len(moments) - 1))] + over_age.expiry() + timedelta(microseconds=1)
            expiry.expire_due(at)

    @rule()
    def roll_up(self) -> None:
        self._look()
        rollup.roll_up(sql.clock() + timedelta(hours=28))

    @rule()
    def trim(self) -> None:
        self._look()
        claim("sweep", 0.0)
        if trimming.trim(sql.clock() + timedelta(hours=settings.CURRENTS_RETENTION_HOURS + 1)):
            self.own.add(Reached.TRIMMED)

    @precondition(lambda self: self.delivered_or_rejected)
    @rule()
    def retry_rejected(self) -> None:
        try:
            made = retries.retry_all(self.connector, NOBODY)
        except (retries.Nothing, retries.AlreadyRetrying):
            return
        deliver(made.pk)
        if made.deliverytotal_set.filter(outcome="delivered").exists():
            self.own.add(Reached.RETRIED)

    @precondition(lambda self: self.delivered_or_rejected)
    @rule()
    def go_on_retrying(self) -> None:
        self.line.make_due()
        for delivery in Delivery.objects.filter(connector=self.connector, kind="retry"):
            deliver(delivery.pk)
            if delivery.deliverytotal_set.filter(outcome="delivered").exists():
                self.own.add(Reached.RETRIED)

    # --- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def every_event_is_accounted_for(self) -> None:
        """Looked at after every third step, before a step that leaves less to look at, and at the end: what is wrong
        in a ledger stays wrong, and looking takes longer than the steps."""
        self.steps += 1
        if self.steps % LOOK_EVERY == 0:
            self._look()

    def _look(self) -> None:
        if not hasattr(self, "token"):
            return
        assert check.check() == []
        context = status_page.gather(self.connector, balance.ALL, type_table.RECEIVED, all_types=True)
        self.adds_up(context["ledger"], context["summary"])
        self.is_told_alike(context["summary"])
        self.trouble_is_told_alike(context)
        self.own |= shown(context["summary"])

    # --- means ----------------------------------------------------------------------------------------------------

    @property
    def connector(self) -> Connector:
        return Connector.objects.get(pk=self.line.connector.pk)

    @property
    def delivered_or_rejected(self) -> bool:
        return self.line.delivery.cursor > self.start

    def _spoil_bad_ones(self) -> None:
        self.sandbox.fail(status=400, body="no", match={"message_id_prefix": "bad-"})
