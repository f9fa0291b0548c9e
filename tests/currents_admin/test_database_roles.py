"""The role the product runs as does what the product does, and nothing that would cover a trace."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from currents_admin import database_roles
from tests.support.serving import database_url

pytestmark = pytest.mark.django_db(transaction=True)
ROLE = f"app_{secrets.token_hex(4)}"


@pytest.fixture
def app() -> Iterator[psycopg.Connection]:
    parts = urlsplit(database_url())
    url = parts._replace(netloc=f"{ROLE}:made-up-{ROLE}@{parts.netloc.rpartition('@')[2]}").geturl()
    database_roles.let_in(url)
    database_roles.let_in(url)
    with psycopg.connect(url, autocommit=True) as line:
        yield line
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


REFUSED = [
    "DROP TRIGGER audit_log_is_append_only ON connectors_auditentry",
    "ALTER TABLE connectors_auditentry DISABLE TRIGGER ALL",
    "CREATE OR REPLACE FUNCTION connectors_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "DELETE FROM connectors_auditentry",
    "UPDATE connectors_auditentry SET target = ''",
    "TRUNCATE connectors_auditentry",
    "TRUNCATE exporter_eventbatch CASCADE",
    "DROP TABLE connectors_mark",
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine SUPERUSER",
    "SET session_replication_role = replica",
    "COPY connectors_mark TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    "DELETE FROM django_migrations",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_what_it_may_not(app: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(statement)


def test_no_statement_holds_its_password(app: psycopg.Connection) -> None:
    """A server that logs statements, or those that failed, would have it in its log."""
    parts = urlsplit(database_url())
    url = parts._replace(netloc=f"{ROLE}:made-up-{ROLE}@{parts.netloc.rpartition('@')[2]}").geturl()
    with CaptureQueriesContext(connection) as said:
        database_roles.let_in(url)
    statements = "".join(one["sql"] for one in said.captured_queries)
    assert f'ALTER ROLE "{ROLE}" LOGIN' in statements
    assert f"made-up-{ROLE}" not in statements


def test_it_owns_nothing_and_reads_and_writes_every_table(app: psycopg.Connection) -> None:
    owned = app.execute("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole").fetchone()
    assert owned == (0,)
    tables = connection.introspection.table_names()
    for table in tables:
        app.execute(f'SELECT 1 FROM "{table}" LIMIT 1')
    app.execute("INSERT INTO connectors_mark VALUES ('k', '1', now()) ON CONFLICT DO NOTHING")
    app.execute("DELETE FROM connectors_mark")
    interval = app.execute("SHOW client_connection_check_interval").fetchone()
    assert interval == ("2s",)
