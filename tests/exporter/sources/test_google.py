"""Google Cloud Storage is followed like S3, against a stand-in that speaks what its XML API does."""

from __future__ import annotations

import pytest

from connectors.audit.actor import By
from exporter.actions import sources
from exporter.log import event_log
from exporter.models import Source
from exporter.models.sources import Begin
from exporter.sources.following import FollowTurn, follow
from exporter.sources.store import Trouble
from tests.support.avro import container, record
from tests.support.factories import WorkspaceFactory
from tests.support.google_storage import running_storage
from tests.support.object_listing import hour_folder

pytestmark = pytest.mark.django_db(transaction=True)
FOLDER = f"currents/dataexport/event_type=users.messages.email.Open/{hour_folder()}"


def test_a_bucket_of_google_is_listed_in_pages_read_and_followed() -> None:
    workspace = WorkspaceFactory.create()
    with running_storage("exports") as storage:
        for number in range(5):
            storage.objects[f"{FOLDER}/part-{number}.avro"] = container([record(number)])
        storage.objects["elsewhere/x.avro"] = container([record(99)])
        wish = sources.Wish(
            "gs://exports/currents",
            Begin.BEGINNING,
            None,
            {"endpoint": storage.url},
            {"service_account_key": storage.key()},
        )
        assert len(sources.check(wish)) > 0
        source = sources.add(workspace, wish, By(None))
        assert follow(source.pk) is FollowTurn.IDLE
        assert event_log.head(workspace.pk) == 5
        storage.objects[f"{FOLDER}/part-9.avro"] = container([record(9)])
        Source.objects.update(next_look_at=None)
        assert follow(source.pk) is FollowTurn.IDLE
        assert event_log.head(workspace.pk) == 6
        storage.forbidden = True
        with pytest.raises(Trouble, match=r"forbidden|not accepted"):
            sources.check(wish)
