"""What strangers leave behind is bounded and goes again: sessions, counts, entries of the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.utils import timezone

from connectors.models import AuditEntry, User
from connectors.sign_in import audit_trail, housekeeping
from connectors.sign_in.models import Mark
from connectors.sign_in.session_store import OF_NOBODY_SECONDS, SessionStore
from connectors.web import client_address

pytestmark = pytest.mark.django_db


def left(session: Session) -> timedelta:
    found: timedelta = session.expire_date - timezone.now()
    return found


def test_a_session_of_nobody_ends_within_the_hour_and_one_of_somebody_does_not(
    as_: Callable[[str], Client], settings: Any
) -> None:
    begun = SessionStore()
    begun["oidc_nonces"] = ["made-up"]
    begun.save()
    assert left(Session.objects.get()) <= timedelta(seconds=OF_NOBODY_SECONDS)
    assert begun.get_expiry_age() == OF_NOBODY_SECONDS
    Session.objects.all().delete()
    as_("viewer").get("/")
    assert left(Session.objects.get()) > timedelta(seconds=settings.SESSION_COOKIE_AGE - 60)


def test_more_than_anybody_makes_between_two_runs_is_purged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_AT_ONCE", 10)
    over = timezone.now() - timedelta(seconds=1)
    Mark.objects.bulk_create(Mark(key=f"{number}", expires_at=over) for number in range(95))
    Mark.objects.create(key="kept", expires_at=over + timedelta(hours=1))
    assert housekeeping.purge() == 95
    assert Mark.objects.get().key == "kept"


def test_strangers_cannot_fill_the_audit_log(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is deleted from it, and everybody may send made-up addresses."""
    monkeypatch.setattr(audit_trail, "MOST_OF_STRANGERS", 3)

    def guess(address: str, client: str) -> None:
        Client(REMOTE_ADDR=client).post("/accounts/login/", {"login": address, "password": "a guess"})

    for number in range(6):
        guess(f"nobody-{number}@example.com", f"198.51.100.{number}")
    rows = AuditEntry.objects.order_by("pk")
    assert list(rows.values_list("target", flat=True)) == [
        f"nobody-{number}@example.com" for number in range(3)
    ]
    assert "too many today" in str(rows.latest("pk").after)
    guess(people["viewer"].email, "198.51.100.99")
    assert rows.latest("pk").target == people["viewer"].email, (
        "tries with the address of somebody here are recorded"
    )


def test_all_addresses_of_a_household_are_one_client_for_every_limit(people: dict[str, User]) -> None:
    typed = {"login": people["viewer"].email, "password": "a long enough phrase"}
    answers = [
        Client().post("/accounts/login/", typed, REMOTE_ADDR=f"2001:db8::{number:x}").status_code
        for number in range(61)
    ]
    assert (answers[0], answers[-1]) == (302, 429)


@pytest.mark.parametrize("form", ["{}", "::ffff:{}"])
def test_clients_of_ipv4_are_told_apart_on_a_socket_for_both(form: str) -> None:
    """As they are called there, they would all be of one network, and one of them could slow down everybody."""
    asked = [
        RequestFactory().get("/", REMOTE_ADDR=form.format(address))
        for address in ("198.51.100.7", "198.51.100.8")
    ]
    told = [client_address.client_for_limits(request) for request in asked]
    assert told == ["198.51.100.7", "198.51.100.8"]
