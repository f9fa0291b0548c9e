"""Connections tell which part of which host they belong to."""

from __future__ import annotations

import pytest
from django.db import connection

from currents_admin.postgresql.naming import application_name
from currents_admin.supervisor import parts
from currents_admin.supervisor.part import Part


@pytest.mark.parametrize("part", [parts.worker(), parts.retry_worker(), parts.beat()])
def test_a_part_is_named_as_it_is_started(part: Part) -> None:
    _python, _m, _celery, *arguments = part.command
    name = application_name(["/venv/site-packages/celery/__main__.py", *arguments], "host-2")
    assert name == f"currents {part.name}@host-2"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["/venv/bin/gunicorn", "-c", "x.py"], "web"),
        (["/venv/site-packages/gunicorn/__main__.py", "-c", "x.py"], "web"),
        (["/venv/bin/celery", "-A", "currents_admin", "worker"], "worker"),
        (["manage.py", "status"], "status"),
        (["/venv/bin/currents-admin", "check_ledger"], "check_ledger"),
        ([""], "command"),
    ],
)
def test_every_way_to_start_has_its_name(words: list[str], name: str) -> None:
    assert application_name(words, "h") == f"currents {name}@h"


def test_a_long_name_is_cut_where_postgresql_cuts_it() -> None:
    assert len(application_name(["manage.py", "status"], "ö" * 100)) == 63


@pytest.mark.django_db
def test_the_database_sees_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW application_name")
        ((name,),) = cursor.fetchall()
    assert name.startswith("currents ")
