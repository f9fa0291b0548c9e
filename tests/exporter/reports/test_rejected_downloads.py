"""Rejected events and the table by type as files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from connectors.models import Role
from connectors.web.csv_cells import plain
from exporter.display import type_csv
from exporter.reports import rejected
from exporter.reports.balance import Balance
from exporter.reports.windows import TypeFlow
from tests.exporter.reports.test_rejected import reject
from tests.support.delivering import EMAIL_OPEN, Line, a_line
from tests.support.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)


def client(line: Line, role: Role) -> Client:
    made = Client()
    user = MembershipFactory.create(workspace=line.workspace, role=role).user
    made.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return made


def test_a_marketer_downloads_what_was_rejected_and_a_viewer_does_not() -> None:
    with a_line() as line:
        reject(line)
        path = f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/rejected.ndjson"
        answer: Any = client(line, Role.MARKETER).get(path)
        assert answer.status_code == 200
        rows = [json.loads(row) for row in b"".join(answer.streaming_content).splitlines()]
        assert [row["event"]["id"] for row in rows] == ["bad-2", "bad-1", "bad-0"]
        assert all("no such field" in row["reason"] for row in rows)
        assert "attachment" in answer["Content-Disposition"]
        assert client(line, Role.VIEWER).get(path).status_code == 403
        assert Client().get(path).status_code == 302


def test_an_event_whose_bytes_are_gone_is_told_without_them() -> None:
    with a_line() as line:
        reject(line)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept_batches AS SELECT * FROM exporter_eventbatch")
            cursor.execute("DELETE FROM exporter_eventbatch")
        rows = [
            json.loads(row)
            for row in b"".join(rejected.download(line.workspace.pk, line.connector)).splitlines()
        ]
        assert [row["event"] for row in rows] == [None, None, None]
        (group,) = rejected.groups(line.connector)
        samples = rejected.samples(line.workspace.pk, group, personal=True)
        assert {sample.event is None for sample in samples} == {True}
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO exporter_eventbatch SELECT * FROM kept_batches")
            cursor.execute("DROP TABLE kept_batches")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1"])
def test_no_cell_of_the_table_is_a_formula(name: str) -> None:
    flows = [TypeFlow(name, name, 1, {"delivered": 1}, 0, None)]
    text = type_csv.by_type(Balance(datetime.now(UTC), 1, {"delivered": 1}, 0, 0, 0, "", flows))
    assert f"'{name}" in text
    assert plain(EMAIL_OPEN) == EMAIL_OPEN


def test_the_table_by_type_is_downloaded_with_rows_that_add_up() -> None:
    with a_line() as line:
        reject(line)
        line.feed(2, event_type="something.new")
        line.deliver()
        path = f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/by-type.csv"
        answer = client(line, Role.VIEWER).get(path)
        _words, head, *rows = [row.split(",") for row in answer.content.decode().splitlines()]
        received, pending = head.index("received"), head.index("pending")
        assert len(rows) == 2
        for row in rows:
            assert int(row[received]) == sum(map(int, row[received + 1 : pending + 1]))
        for table in ("receivedcount", "deliverycount"):
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE exporter_{table} SET minute = minute - interval '3 hours'")
        assert len(client(line, Role.VIEWER).get(path, {"window": "1h"}).content.splitlines()) == 2
        assert len(client(line, Role.VIEWER).get(path, {"window": "24h"}).content.splitlines()) == 4
