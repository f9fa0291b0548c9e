"""A backlog for the delivery to work off: workspaces with a paused connector each, and events in their logs."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from benchmarks import events
from benchmarks.ground import Sink, wait_until
from connectors.audit import actor
from connectors.catalogue.catalogue import ALL
from connectors.models import Connector, Workspace
from connectors.setup import lifecycle
from exporter.intake import appender
from exporter.models import Delivery, EventLog

_numbers = itertools.count()
NOBODY = actor.By(None)


@dataclass(frozen=True, slots=True)
class Run:
    """`seconds` from the moment delivery was allowed to its last settle, by the database's clock."""

    events: int
    seconds: float
    requests: int

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def connector(*, paused: bool = True) -> Connector:
    """A new workspace's connector for all events, those of anonymous users included."""
    name = f"bench-{next(_numbers)}-{secrets.token_hex(3)}"
    workspace = Workspace.objects.create(slug=name, name=name)
    settings = lifecycle.Settings(name, "bench@example.com", sorted(ALL), include_anonymous=True)
    made = lifecycle.launch(workspace, settings, region="us", write_key=secrets.token_hex(16), by=NOBODY)
    if paused:
        lifecycle.pause(made, by=NOBODY)
    return made


def fill(connectors: list[Connector], count: int) -> None:
    """Appends `count` events, in equal shares."""
    for one in connectors:
        for group in events.incoming(one.workspace.slug, count // len(connectors)):
            appender.append_now(one.workspace_id, group)


def work_off(sink: Sink, connectors: list[Connector], count: int, milliseconds: int) -> Run:
    """Lets the workers deliver what waits.

    Raises:
        AssertionError: the sink did not see exactly `count` distinct ids, or a ledger does not balance.
        TimeoutError: it did not end.
    """
    sink.reset(milliseconds)
    began = resume(connectors)
    ids = [one.pk for one in connectors]
    wait_until(lambda: pending(ids) == 0, 60 + count / 1000, "delivering the backlog")
    moved = Delivery.objects.filter(connector__in=ids).values_list("moved_at", flat=True)
    seconds = max((moment - began).total_seconds() for moment in moved if moment)
    counted = sink.count()
    assert counted["distinct"] == counted["events"] == count, f"the sink saw {counted}, not {count} events"
    _check_ledgers(ids, count)
    return Run(count, seconds, int(counted["requests"]))


def resume(connectors: list[Connector]) -> datetime:
    """Allows delivery; answers when, by the database's clock."""
    with transaction.atomic():
        began = _clock()
        for one in connectors:
            lifecycle.resume(one, by=NOBODY)
    return began


def pending(connector_ids: list[int]) -> int:
    """Events behind the cursors of the live deliveries."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT sum(l.next_event - d.cursor) FROM {Delivery._meta.db_table} d "
            f"JOIN {EventLog._meta.db_table} l USING (workspace_id) WHERE d.connector_id = ANY(%s)",
            [connector_ids],
        )
        return int(cursor.fetchone()[0])


def _clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def _check_ledgers(connector_ids: list[int], count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(t.count) FROM exporter_deliverytotal t JOIN exporter_delivery d ON d.id = t.delivery_id "
            "WHERE d.connector_id = ANY(%s) AND t.outcome = 'delivered'",
            [connector_ids],
        )
        delivered = cursor.fetchone()[0]
    assert delivered == count, f"the ledger says {delivered} delivered, not {count}"
