"""Migrations after the first only add, so that the release before runs on their schema (docs/operations.md)."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from tests.support.releases import NextRelease

OURS = ("connectors", "exporter")
_ADDS = (
    migrations.AddIndex,
    migrations.AddConstraint,
    migrations.CreateModel,
    migrations.RunSQL,
    migrations.RunPython,
    migrations.AlterModelOptions,
)


def only_adds(operation: Operation) -> bool:
    """A column may be empty or has a default of the database's: the release before does not fill it. What goes, goes a
    release after its last use, and is named here then."""
    if isinstance(operation, migrations.AddField):
        field = operation.field
        return field.null or field.has_db_default() or isinstance(field, models.ManyToManyField)
    return isinstance(operation, _ADDS)


def test_what_a_release_adds_the_one_before_can_do_without() -> None:
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        if app in OURS and not name.startswith("0001_"):
            assert [one for one in migration.operations if not only_adds(one)] == [], f"{app}.{name}"


def test_the_next_release_of_the_tests_is_such_a_one() -> None:
    assert all(map(only_adds, NextRelease.operations))


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("attempt", "of_next_release", models.IntegerField()),
        migrations.AddField("attempt", "of_next_release", models.IntegerField(default=0)),
        migrations.RemoveField("attempt", "status"),
        migrations.RenameField("attempt", "status", "code"),
        migrations.DeleteModel("Attempt"),
        migrations.AlterField("attempt", "error", models.CharField(max_length=10)),
    ],
    ids=str,
)
def test_what_would_break_it_is_seen(operation: Operation) -> None:
    assert not only_adds(operation)
