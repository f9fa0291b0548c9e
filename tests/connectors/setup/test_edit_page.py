"""Editing, rotating, pausing, deleting: what is stored, and what the second of two people is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from connectors.audit import actor
from connectors.models import AuditEntry, Connector, User
from connectors.setup import lifecycle
from connectors.vault import sealing
from tests.support.people import EMAIL_EVENTS, KEY

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(connector: Connector) -> str:
    return f"/w/harbour/data-export/{connector.pk}/"


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def open_form(client: Client, path: str) -> dict[str, object]:
    """What the browser would send back unchanged."""
    page = client.get(f"{path}edit/").content.decode()
    return {
        "version": hidden(page, "version"),
        "seen": hidden(page, "seen"),
        "name": "Lifecycle events",
        "contact_email": "data@example.com",
        "selected_events": list(EMAIL_EVENTS),
    }


def test_update_current_stores_and_says_what_changed(
    as_: Callable[[str], Client], path: str, connector: Connector
) -> None:
    client = as_("marketer")
    chosen = [EMAIL_EVENTS[0], "users.messages.email.Send", "users.messages.email.Bounce"]
    answer = client.post(f"{path}edit/", open_form(client, path) | {"selected_events": chosen})
    assert answer.status_code == 303
    connector.refresh_from_db()
    assert connector.selected_events == sorted(chosen)
    page = client.get(path).content.decode()
    assert "Updated: 2 events added, 1 event removed. It takes effect within seconds" in page


def test_how_the_contact_is_written_to_can_be_changed(
    as_: Callable[[str], Client], path: str, connector: Connector
) -> None:
    client = as_("marketer")
    assert connector.language == "en"
    client.post(f"{path}edit/", open_form(client, path) | {"language": "ja", "weekly_mail": "on"})
    connector.refresh_from_db()
    assert (connector.language, connector.weekly_mail) == ("ja", True)
    page = client.get(f"{path}edit/").content.decode()
    assert re.search(r'<option value="ja"\s+lang="ja"\s+selected>', page)
    entry = AuditEntry.objects.latest("pk")
    assert entry.before == {"language": "en", "weekly_mail": False}
    assert client.post(f"{path}edit/", open_form(client, path) | {"language": "tlh"}).status_code == 422
    # A program that sends no language leaves it as it is.
    client.post(f"{path}edit/", open_form(client, path))
    connector.refresh_from_db()
    assert (connector.language, connector.weekly_mail) == ("ja", False)


def test_the_second_of_two_editors_is_told_and_loses_nothing(
    as_: Callable[[str], Client], people: dict[str, User], path: str, connector: Connector
) -> None:
    client = as_("marketer")
    form = open_form(client, path)
    theirs = lifecycle.Settings(
        "Lifecycle events",
        "team@example.com",
        [*EMAIL_EVENTS, "users.messages.email.Send"],
        include_anonymous=False,
    )
    lifecycle.update(connector, theirs, seen_version=1, by=actor.By(people["admin"]))

    typed = {"name": "My better name", "selected_events": [EMAIL_EVENTS[0]]}
    answer = client.post(f"{path}edit/", form | typed)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "The Admin changed this while you were editing: contact, events." in page
    assert 'value="My better name"' in page
    assert 'value="team@example.com"' in page
    connector.refresh_from_db()
    assert connector.name == "Lifecycle events"

    again = (
        form
        | typed
        | {
            "version": hidden(page, "version"),
            "seen": hidden(page, "seen"),
            "contact_email": "team@example.com",
            "selected_events": re.findall(r'name="selected_events"\s+value="([^"]+)"\s+checked', page),
        }
    )
    assert client.post(f"{path}edit/", again).status_code == 303
    connector.refresh_from_db()
    assert connector.name == "My better name"
    assert connector.contact_email == "team@example.com"
    assert connector.selected_events == [EMAIL_EVENTS[0], "users.messages.email.Send"]


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40])
def test_a_form_without_a_usable_version_is_a_conflict(
    version: str, as_: Callable[[str], Client], path: str, connector: Connector
) -> None:
    client = as_("marketer")
    answer = client.post(f"{path}edit/", open_form(client, path) | {"version": version, "seen": "forged"})
    assert answer.status_code == 409
    connector.refresh_from_db()
    assert connector.version == 1


def test_a_new_key_alone_rotates_and_keeps_the_region(
    as_: Callable[[str], Client], path: str, connector: Connector
) -> None:
    assert as_("admin").post(f"{path}write-key/", {"write_key": "n" * 32}).status_code == 303
    connector.refresh_from_db()
    assert connector.region == "eu"
    active = connector.write_keys.get(retired_at=None)
    assert sealing.unseal(active) == "n" * 32
    page = as_("admin").get(f"{path}write-key/").content.decode()
    assert "••••tail" in page
    assert KEY not in page


def test_a_refused_key_changes_nothing_and_is_not_shown(
    as_: Callable[[str], Client], path: str, connector: Connector
) -> None:
    answer = as_("admin").post(f"{path}write-key/", {"write_key": "with space inside", "region": "us"})
    assert answer.status_code == 422
    assert "with space inside" not in answer.content.decode()
    connector.refresh_from_db()
    assert connector.region == "eu"


def test_pause_and_resume_say_what_happens_and_do_it(
    as_: Callable[[str], Client], path: str, connector: Connector
) -> None:
    client = as_("marketer")
    assert "kept for 48 hours" in client.get(f"{path}pause/").content.decode()
    assert client.post(f"{path}pause/").status_code == 303
    connector.refresh_from_db()
    assert connector.state == "paused"
    assert "Paused by The Marketer" in client.get(path).content.decode()
    assert client.post(f"{path}resume/").status_code == 303
    connector.refresh_from_db()
    assert connector.state == "live"


def test_deleting_needs_the_name_and_is_recorded_with_what_was_pending(
    as_: Callable[[str], Client], path: str, connector: Connector
) -> None:
    client = as_("admin")
    wrong = client.post(f"{path}delete/", {"name": "lifecycle"})
    assert wrong.status_code == 422
    assert "That is not the name. Nothing was deleted." in wrong.content.decode()
    assert Connector.objects.filter(pk=connector.pk).exists()
    assert client.post(f"{path}delete/", {"name": connector.name}).status_code == 303
    assert not Connector.objects.filter(pk=connector.pk).exists()
    assert AuditEntry.objects.get(action="connector.deleted").before["pending"] == 0
    assert client.get(path).status_code == 404


def test_try_now_makes_the_connector_due_at_once(
    as_: Callable[[str], Client], path: str, connector: Connector
) -> None:
    connector.deliveries.update(next_attempt_at=datetime.now(UTC) + timedelta(minutes=5))
    assert as_("marketer").get(f"{path}try-now/").status_code == 405
    assert as_("marketer").post(f"{path}try-now/").status_code == 303
    assert connector.deliveries.get().next_attempt_at is None
