"""A made-up past is one the product could have had: every ledger balances, every page reads it."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random

import pytest
from django.core.management import call_command

from connectors.models import Connector, Membership, Role, Workspace
from currents_admin import demo_life
from exporter import sql
from exporter.display import status_page, type_table
from exporter.intake.normalise import normalise
from exporter.ledger import check
from exporter.maintenance import rollup
from exporter.models import Attempt, Delivery, DeliveryCount, Incident
from exporter.reports import balance, event_search, rejected, time_series, windows
from exporter.reports import summary as status
from exporter.reports.health import Health
from exporter.samples import history
from exporter.samples.history import Mix
from tests.support.delivering import EMAIL_OPEN, Line, a_line
from tests.support.factories import MembershipFactory, WorkspaceFactory, event

pytestmark = pytest.mark.django_db(transaction=True)
MIX = Mix({EMAIL_OPEN: 5, "users.messages.email.Click": 1, "unknown.type": 0.2}, rejected=0.01)


def counted(line: Line, events: int = 20_000) -> None:
    now = sql.clock()
    history.counts(line.connector, MIX, events, now - timedelta(days=4), now, Random(1))


def test_counts_alone_balance_and_fill_every_window() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        counted(line)
        assert check.check() == []
        summary = status.summary(line.connector)
        assert 18_000 < summary.received < 22_000
        assert summary.pending == 0
        assert {"delivered", "unselected", "unsupported", "rejected"} <= {
            outcome for outcome, count in summary.outcomes.items() if count
        }
        now = sql.clock()
        for window in windows.WINDOWS.values():
            found = windows.flow(line.connector, window, now)
            assert found.off_by == 0
            assert found.received > 0
            assert not time_series.trends(status.summary(line.connector), window).delays.empty


def test_minutes_that_would_be_rolled_up_are_written_as_hours() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        counted(line)
        old = DeliveryCount.objects.filter(minute__lt=sql.clock() - rollup.MINUTES_KEPT - timedelta(hours=1))
        assert old.exists()
        assert not old.exclude(minute__minute=0).exists()


def test_real_events_of_the_past_are_found_and_what_waits_is_delivered() -> None:
    with a_line() as line:
        counted(line)
        now, random = sql.clock(), Random(2)
        some = [
            normalise(json.dumps(event(n, external_user_id=None if n % 5 else "me")).encode())
            for n in range(50)
        ]
        more = [normalise(json.dumps(event(100 + n)).encode()) for n in range(30)]
        history.events(line.connector, [(now - timedelta(hours=5), some)], random, settled=True)
        history.events(line.connector, [(now - timedelta(hours=1), more)], random, settled=False)
        assert check.check() == []
        (found,) = event_search.search(line.workspace.pk, event_search.SearchBy.EVENT, "event-5").found
        assert event_search.fate(line.connector, found).outcome == "delivered"
        assert status.summary(line.connector).pending == 30
        line.deliver()
        assert len(line.arrived()) == 30


def test_a_rejected_key_of_the_past_is_told_with_its_time() -> None:
    with a_line() as line:
        line.feed(10)
        since = sql.clock() - timedelta(hours=3)
        history.refused_since(line.connector, since, wait=60)
        summary = status.summary(line.connector)
        assert (summary.health, summary.failing_since) == (Health.KEY_REJECTED, since)
        assert Incident.objects.get(connector=line.connector).opened_at == since
        assert Attempt.objects.filter(status=401).count() == 37
        line.make_due()
        line.deliver()
        assert status.summary(line.connector).health == Health.DELIVERING


def test_the_command_makes_workspaces_whose_pages_can_be_measured() -> None:
    call_command("make_history", workspaces=10, events=30_000, days=2, prefix="bench")
    assert check.check() == []
    connectors = Connector.objects.filter(workspace__slug__startswith="bench-")
    summaries = status.summaries(connectors.select_related("workspace"))
    assert len(summaries) == 10
    assert sum(summary.pending for summary in summaries) == 500
    assert 27_000 < sum(summary.received for summary in summaries) < 33_000


def test_the_demo_has_a_healthy_and_a_failing_connector_and_a_ledger_that_balances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo_life, "EVENTS_AN_HOUR", 400)
    workspace = WorkspaceFactory.create(slug="demo", name="Demo")
    MembershipFactory.create(workspace=workspace, role=Role.VIEWER, user__email="viewer@demo.example")
    assert demo_life.create()
    assert not demo_life.create(), "a second start leaves it alone"
    assert check.check() == []
    healthy, failing = Connector.objects.order_by("pk")
    assert status.summary(healthy).health == Health.DELIVERING
    assert status.summary(failing).health == Health.KEY_REJECTED
    assert status.summary(failing).pending > 1_000
    assert Membership.objects.filter(workspace__slug=demo_life.OUTLET, role=Role.VIEWER).count() == 1
    for connector in (healthy, failing):
        for choice in balance.CHOICES:
            assert (
                status_page.gather(connector, choice, type_table.RECEIVED, all_types=False)["ledger"].off_by
                == 0
            )
        (group,) = rejected.groups(connector)
        assert group.last_at - group.first_at > timedelta(hours=1), "as they came, not all at once"
        found = time_series.trends(status.summary(connector), windows.DAY).events
        hours = [sum(row[hour] or 0 for row in found.rows.values()) for hour in range(1, 23)]
        assert max(hours) < 5 * min(hours), "nothing looks broken that is not"
    assert Delivery.objects.count() == Workspace.objects.count() == 2
