"""What another process changes between a claim's look and its lock."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import connection

from exporter import sql
from exporter.delivery.lanes import claim as claims
from exporter.models import Delivery
from tests.exporter.delivery.lanes.test_coordinator import many
from tests.house.running import until

pytestmark = pytest.mark.django_db(transaction=True)

GATE = 40_17
_LOOK = "FROM unnest(%(workspaces)s::bigint[]) AS w(id)"
_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %(gate)s AND NOT granted"


def test_what_was_accepted_ahead_meanwhile_is_left_to_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set moves the cursor without looking at what lies ahead of it: that would be counted twice."""
    assert _LOOK in claims.CLAIM
    gated = claims.CLAIM.replace(
        _LOOK, f"FROM pg_advisory_xact_lock_shared({GATE}), {_LOOK.removeprefix('FROM ')}"
    )
    monkeypatch.setattr(claims, "CLAIM", gated)
    made: list[claims.Claim] = []

    def work(workspace: int) -> None:
        made.append(claims.claim([workspace], 1, (), uuid.uuid4()))
        connection.close()

    with many() as those:
        line = those.first
        line.feed(1)
        thread = threading.Thread(target=work, args=[line.workspace.pk])
        sql.execute("SELECT pg_advisory_lock(%(gate)s::bigint)", {"gate": GATE})
        try:
            thread.start()
            until(lambda: sql.execute(_WAITING, {"gate": GATE})[0][0], seconds=10)
            Delivery.objects.filter(pk=line.delivery.pk).update(ahead=[{"first": 1}])
        finally:
            sql.execute("SELECT pg_advisory_unlock(%(gate)s::bigint)", {"gate": GATE})
            thread.join(10)
        assert [one.claimed for one in made] == [[]]
        assert line.delivery.lease_token is None
        Delivery.objects.filter(pk=line.delivery.pk).update(ahead=[])
        those.work()
