"""Two releases beside each other: the code of one on the schema of the next."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import ClassVar

from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor

ROOT = Path(__file__).resolve().parents[2]


def release_before() -> str:
    """The tag of the newest release that is not this commit; empty before the first release."""
    told = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip() if told.returncode == 0 else ""


def unpack(tag: str, folder: Path) -> Path:
    """The code of a release."""
    packed = subprocess.run(["git", "archive", tag], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class NextRelease(migrations.Migration):
    """What a release may do to tables that are in use: add columns that may be empty or have a default of the
    database's, indexes, and tables that point at those that are there."""

    operations: ClassVar = [
        *(
            migrations.AddField(model, "of_next_release", models.TextField(null=True))
            for model in ("delivery", "eventbatch", "deliverytotal", "revision")
        ),
        migrations.AddField("attempt", "of_next_release", models.SmallIntegerField(db_default=0)),
        migrations.AddIndex("attempt", models.Index(fields=["at"], name="of_next_release")),
        migrations.CreateModel(
            "OfNextRelease",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("delivery", models.ForeignKey("exporter.Delivery", models.CASCADE)),
            ],
        ),
    ]


@contextmanager
def next_schema() -> Iterator[None]:
    """The tables as the next release makes them; afterwards as they were."""
    migration = NextRelease("of_next_release", "exporter")
    before = MigrationExecutor(connection).loader.project_state()
    with connection.schema_editor(atomic=True) as editor:
        migration.apply(before.clone(), editor)
    try:
        yield
    finally:
        with connection.schema_editor(atomic=True) as editor:
            migration.unapply(before.clone(), editor)
