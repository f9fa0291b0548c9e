"""The doctor finds what is wrong, names it, and says what to do; where all is well it says so."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.management import call_command
from django.db import connection

from connectors.models import Connector, WriteKey
from exporter.dispatch import heartbeats
from exporter.operations import doctor
from exporter.operations.doctor import Finding, Level

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def all_is_well(settings: LazySettings, listening: str) -> None:
    settings.SEGMENT_URLS = {"us": listening, "eu": listening}
    heartbeats.beat(["worker:delivery", "worker:retry", "worker:chores", "beat"])


def wrong() -> dict[str, Finding]:
    return {each.part: each for each in doctor.examine() if each.level is Level.BAD}


def test_where_all_is_well_nothing_is_wrong(all_is_well: None, connector: Connector) -> None:
    assert wrong() == {}
    call_command("doctor")


def test_a_queue_without_a_worker_is_named_with_the_command_that_starts_one(all_is_well: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_heartbeat SET at = at - interval '1 minute' WHERE part = 'worker:retry'"
        )
    found = wrong()
    assert list(found) == ["worker:retry"]
    assert "silent for" in found["worker:retry"].what
    assert "-Q retry" in found["worker:retry"].remedy


def test_a_broker_and_a_destination_that_cannot_be_reached_are_told(
    all_is_well: None, settings: LazySettings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.SEGMENT_URLS = {"us": "http://127.0.0.1:1"}
    found = wrong()
    assert set(found) == {"broker", "way to Segment"}
    assert "connection refused" in found["way to Segment"].what
    with pytest.raises(SystemExit):
        call_command("doctor")


def test_a_write_key_nobody_can_read_is_named_by_its_connector(
    all_is_well: None, connector: Connector
) -> None:
    WriteKey.objects.filter(connector=connector).update(ciphertext=b"not sealed by us")
    assert connector.name in wrong()["write keys"].what


def test_a_clock_that_is_wrong_is_a_warning(all_is_well: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exporter_heartbeat SET skew_ms = 5000")
    warned = [each for each in doctor.examine() if each.level is Level.WARNING]
    assert [(each.part, "5.0 s away" in each.what) for each in warned] == [("clocks", True)]


def test_a_test_letter_is_sent_only_where_one_is_asked_for(all_is_well: None) -> None:
    list(doctor.examine())
    assert mail.outbox == []
    list(doctor.examine("admin@example.com"))
    assert [letter.to for letter in mail.outbox] == [["admin@example.com"]]
