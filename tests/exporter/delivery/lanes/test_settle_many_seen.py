"""The settle of a set, repeated, without its fences or with a row missing: prevented, or seen by `check_ledger`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings as django_settings

from exporter.delivery.deliver import deliver
from exporter.delivery.lanes import claim as claims
from exporter.delivery.lanes.claim import Claimed
from exporter.delivery.lanes.settings_cache import SettingsCache
from exporter.delivery.lanes.settle_many import Landed, parameters, settle_many
from exporter.delivery.lanes.settle_many_sql import SETTLE_MANY
from exporter.delivery.lanes.small_body import small_body
from exporter.delivery.piece import Piece
from exporter.delivery.step import Tried
from exporter.ledger.check import check
from exporter.models import Delivery
from exporter.sandbox.handle import running_sandbox
from exporter.sql import execute
from tests.exporter.delivery.lanes.test_coordinator import lease_runs_out, many
from tests.support.delivering import EMAIL_OPEN, Line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)

LEASE, CURSOR = "d.lease_token = n.token", "d.cursor = n.old"
# What is left of the release without these words keeps the token: the same parameters find their delivery again.
RELEASE = "lease_token = NULL,"
ONE_RANGE = "WHERE NOT EXISTS (SELECT 1 FROM grown WHERE grown.delivery_id = r.id)"


def settle_without(*guards: str) -> str:
    """The statement without these guards, and without the constraint on settled ranges that would stop it too."""
    broken = SETTLE_MANY
    for guard in guards:
        assert SETTLE_MANY.count(guard) == 1, f"{guard} guards the settle no more"
        broken = broken.replace(guard, "" if guard == RELEASE else "true")
    return broken.replace(ONE_RANGE, f"{ONE_RANGE} ON CONFLICT DO NOTHING")


def accepted(claimed: Claimed, *, events: int = 1) -> Landed:
    """What waits was sent and accepted; of 0 events, nothing of it had to be sent."""
    body = small_body(claimed, SettingsCache().of([claimed.revision_id])[claimed.revision_id])
    assert body.sent.total() == events
    now = time.time()
    if not events:
        return Landed(claimed, Piece.of(body, now), None)
    tried = Tried(now, 200, "accepted", "", 5.0, events, 900, body.first, body.end - 1, "", None)
    return Landed(claimed, Piece.of(body, now), tried)


def failed(claimed: Claimed) -> Landed:
    tried = Tried(time.time(), 503, "retry", "", 5.0, 1, 900, claimed.cursor, claimed.cursor, "", 1.0)
    return Landed(claimed, None, tried, wait=1.0)


def claim(lines: list[Line]) -> list[Claimed]:
    """What waits in each of them, in their order."""
    found = claims.claim([line.workspace.pk for line in lines], 10, (), uuid.uuid4()).claimed
    claimed = {one.workspace_id: one for one in found}
    return [claimed[line.workspace.pk] for line in lines]


@contextmanager
def running_lines(count: int) -> Iterator[list[Line]]:
    """One event waits in each; their ledgers need not balance at the end."""
    with running_sandbox() as sandbox:
        django_settings.SEGMENT_URLS, before = (
            {"us": sandbox.url, "eu": sandbox.url},
            django_settings.SEGMENT_URLS,
        )
        try:
            lines = [Line(sandbox) for _ in range(count)]
            for line in lines:
                line.feed(1)
            yield lines
        finally:
            django_settings.SEGMENT_URLS = before


def sentences() -> list[str]:
    return [found.sentence for found in check()]


@pytest.mark.parametrize("broken", [[], [LEASE], [RELEASE], [CURSOR]])
def test_a_set_settled_twice_moves_nothing_the_second_time(broken: list[str]) -> None:
    """The lease that the first one released and the old cursor: each stops it without the other."""
    statement = settle_without(*broken)
    with many(3) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        terms = parameters([accepted(one) for one in claim(those.lines)])
        assert len(execute(statement, terms)) == 3
        assert execute(statement, terms) == []
        assert [line.outcomes() for line in those.lines] == [{"delivered": 1}] * 3
        assert check() == []


@pytest.mark.parametrize("broken", [[LEASE, CURSOR], [RELEASE, CURSOR]])
def test_a_set_settled_twice_without_a_fence_is_seen(broken: list[str]) -> None:
    statement = settle_without(*broken)
    with running_lines(3) as lines:
        terms = parameters([accepted(one) for one in claim(lines)])
        assert len(execute(statement, terms)) == len(execute(statement, terms)) == 3
        found = sentences()
        for table in ("deliverytotal", "deliverycount", "deliveryhour"):
            assert found.count(f"the cursor moved over 1 events, but {table} holds 2.") == 3


@pytest.mark.parametrize("broken", [[], [CURSOR]])
def test_a_failed_attempt_settled_twice_counts_once(broken: list[str]) -> None:
    """Its cursor stays, so that nothing but the lease stops the second one, and no sum would tell."""
    statement = settle_without(*broken)
    with many(2) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        terms = parameters([failed(one) for one in claim(those.lines)])
        assert len(execute(statement, terms)) == 2
        assert execute(statement, terms) == []
        assert [(line.delivery.failures, line.delivery.attempts.count()) for line in those.lines] == [
            (1, 1)
        ] * 2


# The columns of one table's rows, and what the check says where the row of one delivery is not among them.
COUNTED = "the cursor moved over 1 events, but {} holds 0."
DROPPED = {
    "count_ids minutes types outcomes counts": COUNTED.format("deliverycount"),
    "hour_ids hours hour_outcomes hour_counts": COUNTED.format("deliveryhour"),
    "total_ids total_types total_outcomes total_counts": COUNTED.format("deliverytotal"),
    "range_ids range_firsts range_ends range_revisions range_kinds": (
        "the cursor is 1, but what is settled ends at None."
    ),
}


@pytest.mark.parametrize("columns", DROPPED)
def test_a_row_dropped_from_one_table_of_a_set_is_seen(columns: str) -> None:
    with running_lines(3) as lines:
        terms = parameters([accepted(one) for one in claim(lines)])
        for name in columns.split():
            del terms[name][1]
        assert len(execute(SETTLE_MANY, terms)) == 3
        found = check()
        assert DROPPED[columns] in [one.sentence for one in found]
        assert len({one.workspace for one in found}) == 1, "the others of the set balance"


def test_a_delivery_dropped_from_a_set_is_not_moved_and_has_its_turn_when_its_lease_is_over() -> None:
    with many(3) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        terms = parameters([accepted(one) for one in claim(those.lines)])
        dropped = terms["ids"][1]
        for name in ("ids", "tokens", "olds", "news", "accepted", "waits"):
            del terms[name][1]
        assert dropped not in {row[0] for row in execute(SETTLE_MANY, terms)}
        assert Delivery.objects.get(pk=dropped).cursor == 0
        assert check() == [], "nothing of it is written, so nothing is missing"
        lease_runs_out()
        those.work()
        assert [line.outcomes() for line in those.lines] == [{"delivered": 1}] * 3


def test_a_set_that_holds_one_delivery_under_a_lost_lease_and_a_new_one_counts_the_new_one_alone() -> None:
    """The process stood still past its lease, another delivered and released, and this one claimed again."""
    with many(2, selected=[EMAIL_OPEN]) as those:
        line, beside = those.lines
        # What the other one settles is merged with this range, so that no constraint speaks up for it.
        line.feed(1)
        those.work()
        line.feed(1)
        lost = accepted(claim([line])[0])
        lease_runs_out()
        deliver(line.delivery.pk)
        line.feed(1, event_type="users.messages.email.Click")
        beside.feed(1)
        mine, other = claim(those.lines)
        new = [accepted(mine, events=0), accepted(other)]
        assert settle_many([lost, *new]) == {line.delivery.pk, beside.delivery.pk}
        assert line.outcomes() == {"delivered": 2, "unselected": 1}
        assert line.delivery.attempts.count() == 2
        assert check() == []
