"""Azure Blob is followed like S3, against a stand-in or, where `AZURITE` and `AZURITE_KEY` name it, against Azurite."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any

import obstore
import pytest
from obstore.store import AzureStore

from connectors.audit.actor import By
from exporter.actions import sources
from exporter.log import event_log
from exporter.models import Source
from exporter.models.sources import Begin
from exporter.sources.following import FollowTurn, follow
from exporter.sources.store import Trouble
from tests.support.avro import container, record
from tests.support.azure_storage import ACCOUNT, KEY, make_container, running_storage
from tests.support.factories import WorkspaceFactory
from tests.support.object_listing import hour_folder

pytestmark = pytest.mark.django_db(transaction=True)
FOLDER = f"currents/dataexport/event_type=users.messages.email.Open/{hour_folder()}"
CONTAINER = f"exports{token_hex(4)}"

Put = Callable[[str, bytes], Any]


@pytest.fixture
def blobs(settings: Any) -> Iterator[tuple[str, Put]]:
    """Its endpoint, and what puts a blob there."""
    if not (server := os.environ.get("AZURITE")):
        with running_storage(CONTAINER) as storage:
            settings.CURRENTS_SOURCE_ENDPOINTS = [storage.url]
            yield storage.url, storage.put
        return
    endpoint = f"{server}/{ACCOUNT}"
    settings.CURRENTS_SOURCE_ENDPOINTS = [endpoint]
    make_container(server, CONTAINER)
    store: Any = AzureStore(
        CONTAINER,
        config={"account_name": ACCOUNT, "account_key": KEY, "endpoint": endpoint},
        client_options={"allow_http": True},
    )
    yield endpoint, lambda name, content: obstore.put(store, name, content)


def wish(endpoint: str, place: str = CONTAINER, key: str = KEY) -> sources.Wish:
    options = {"endpoint": endpoint, "account_name": ACCOUNT}
    return sources.Wish(f"az://{place}/currents", Begin.BEGINNING, None, options, {"account_key": key})


def test_a_container_is_listed_in_pages_read_and_followed(blobs: tuple[str, Put]) -> None:
    endpoint, put = blobs
    workspace = WorkspaceFactory.create()
    for number in range(5):
        put(f"{FOLDER}/part-{number}.avro", container([record(number)]))
    put("elsewhere/x.avro", container([record(99)]))
    assert len(sources.check(wish(endpoint))) > 0
    source = sources.add(workspace, wish(endpoint), By(None))
    assert follow(source.pk) is FollowTurn.IDLE
    assert event_log.head(workspace.pk) == 5
    put(f"{FOLDER}/part-9.avro", container([record(9)]))
    Source.objects.update(next_look_at=None)
    assert follow(source.pk) is FollowTurn.IDLE
    assert event_log.head(workspace.pk) == 6


def test_a_container_that_is_none_is_told(blobs: tuple[str, Put]) -> None:
    with pytest.raises(Trouble, match="no such bucket or container"):
        sources.check(wish(blobs[0], "nothing"))
