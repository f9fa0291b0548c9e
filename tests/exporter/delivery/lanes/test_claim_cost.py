"""A claim reads what it claims: how many others there are, and how often they were changed, costs it nothing.

Told by what PostgreSQL says it did, in the state it meets in the first minute of many new connectors: it does not know
yet how many there are.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from exporter import sql
from exporter.delivery import settings_in_force
from exporter.delivery.lanes import claim as claims
from exporter.models import Delivery
from tests.exporter.delivery.lanes.test_coordinator import many
from tests.support.delivering import Line

pytestmark = pytest.mark.django_db(transaction=True)

OTHERS = 1_000
_COLUMNS = """
SELECT string_agg(quote_ident(column_name), ',' ORDER BY column_name) FROM information_schema.columns
 WHERE table_name = %(table)s AND column_name <> 'id'
"""


def copies(table: str, row: int, count: int, **own: str) -> list[int]:
    """`count` copies of a row; `own` has SQL for the columns that differ, where `n` counts the copies."""
    ((columns,),) = sql.execute(_COLUMNS, {"table": table})
    values = ",".join(own.get(name.strip('"'), f"t.{name}") for name in columns.split(","))
    rows = sql.execute(
        f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} t, generate_series(1, %(count)s) n"
        " WHERE t.id = %(row)s RETURNING id",
        {"count": count, "row": row},
    )
    return [one for (one,) in rows]


def explained(query: str, terms: dict[str, Any]) -> list[dict[str, Any]]:
    """Every step of the query as PostgreSQL ran it."""
    found = sql.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", terms)[0][0]
    whole = json.loads(found) if isinstance(found, str) else found

    def steps(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield node
        for inner in node.get("Plans", ()):
            yield from steps(inner)

    return list(steps(whole[0]["Plan"]))


def looked_at(steps: list[dict[str, Any]], table: str) -> float:
    """How many rows of a table were looked at, those left out again included."""
    rows: list[float] = [
        (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"]
        for step in steps
        if step.get("Relation Name") == table
    ]
    return sum(rows)


def sought(step: dict[str, Any]) -> str:
    """What a step sought in an index."""
    return str(step.get("Index Cond") or step.get("Recheck Cond") or "")


def claim_terms(workspaces: list[int]) -> dict[str, Any]:
    return {
        "workspaces": workspaces,
        "most": 128,
        "apart": [],
        "token": uuid.uuid4(),
        "seconds": 15.0,
        "careful": 60.0,
        "events": claims.MOST_EVENTS,
        "batches": claims.MOST_BATCHES,
        "payload": claims.MOST_PAYLOAD,
    }


def test_the_newest_settings_are_found_at_once_though_others_changed_theirs_often() -> None:
    with many(2) as those:
        ours, other = those.lines
        ours.feed(1)
        revision = other.connector.revisions.order_by("-pk").first()
        assert revision is not None
        copies("exporter_revision", revision.pk, OTHERS)
        connection.cursor().execute("ANALYZE exporter_revision")
        steps = explained(claims.CLAIM, claim_terms([ours.workspace.pk]))
        assert looked_at(steps, "exporter_revision") <= 1
        for query in (settings_in_force._STAMP, settings_in_force._CURRENT):
            steps = explained(query, {"connector": ours.connector.pk})
            # Its number, then its row.
            assert looked_at(steps, "exporter_revision") <= 2


def test_a_claim_looks_at_the_deliveries_of_its_workspaces_only() -> None:
    with many() as those:
        first = those.first
        # What PostgreSQL believes is of a moment when all deliveries were one workspace's, and hardly one was live.
        retries = copies("exporter_delivery", first.delivery.pk, OTHERS, kind="'retry'")
        connection.cursor().execute("VACUUM ANALYZE exporter_delivery")
        Delivery.objects.filter(pk__in=retries).delete()
        lines = [first, Line(first.sandbox), Line(first.sandbox)]
        for line in lines:
            line.feed(1)
        of_others(first)
        steps = explained(claims.CLAIM, claim_terms([line.workspace.pk for line in lines]))
        # How those are locked by their ids is PostgreSQL's choice: in a table so small it may read all of it.
        looks = [step for step in steps if "workspace_id" in sought(step)]
        assert looked_at(looks, "exporter_delivery") == len(lines), looks


def test_retries_that_are_over_are_not_looked_at() -> None:
    with many() as those:
        first = those.first
        # By their letters they stand on both sides of the live one.
        kinds = "CASE mod(n, 2) WHEN 0 THEN 'retry' ELSE 'import' END"
        over = copies("exporter_delivery", first.delivery.pk, OTHERS, kind=kinds)
        first.feed(1)
        of_others(first)
        for statistics in ("SELECT 1", "VACUUM ANALYZE exporter_delivery"):
            connection.cursor().execute(statistics)
            steps = explained(claims.CLAIM, claim_terms([first.workspace.pk]))
            looks = [step for step in steps if "workspace_id" in sought(step)]
            assert looked_at(looks, "exporter_delivery") == 1, looks
            Delivery.objects.update(lease_token=None, lease_until=None)
        Delivery.objects.filter(pk__in=over).delete()


def of_others(first: Line) -> None:
    """Live deliveries of as many workspaces."""
    workspaces = copies(
        "connectors_workspace", first.workspace.pk, OTHERS, slug="t.slug || n", name="t.name || n"
    )
    offset = workspaces[0] - 1
    connectors = copies("connectors_connector", first.connector.pk, OTHERS, workspace_id=f"{offset} + n")
    own = {"workspace_id": f"{offset} + n", "connector_id": f"{connectors[0] - 1} + n"}
    copies("exporter_delivery", first.delivery.pk, OTHERS, **own)
