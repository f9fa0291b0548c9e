"""The audit log in the browser: whose entries one sees, what a search finds, what a spreadsheet gets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from django.test import Client

from connectors.audit import actor
from connectors.audit.actions import AuditAction
from connectors.audit.actor import SYSTEM
from connectors.audit.record import record
from connectors.models import AuditEntry, Connector, Role, User, Workspace
from connectors.setup import lifecycle
from tests.support.factories import MembershipFactory, UserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db
PAGE = "/w/harbour/settings/audit/"
As = Callable[[str], Client]


def text(client: Client, query: str = "", page: str = PAGE) -> str:
    answer = client.get(page + query)
    assert answer.status_code == 200
    return answer.content.decode()


def rows(client: Client, query: str = "") -> list[list[str]]:
    answer = client.get(f"{PAGE}csv/{query}")
    return list(csv.reader(io.StringIO(b"".join(answer).decode())))


def test_a_change_is_told_with_who_what_and_from_where(as_: As, connector: Connector) -> None:
    as_("marketer").post(f"/w/harbour/data-export/{connector.pk}/pause/", REMOTE_ADDR="192.0.2.7")
    page = text(as_("admin"), "?action=connector.paused")
    assert "Connector paused" in page
    assert "192.0.2.7" in page
    assert "<del>live</del>" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=lifecycle", True),
        ("?q=Connector+launched", True),
        ("?q=nothing-like-this", False),
        ("?action=connector.launched", True),
        ("?action=intake_token.revoked", False),
        ("?since=2000-01-01&until=2100-01-01", True),
        ("?until=2000-01-01", False),
        ("?since=yesterday&action=%00&page=x", True),
    ],
)
def test_a_search_finds_what_fits(as_: As, connector: Connector, query: str, found: bool) -> None:
    assert ("data@example.com" in text(as_("admin"), query)) is found


@pytest.mark.parametrize(
    ("language", "typed"),
    [("fr", "lancé"), ("fr", "LANCE"), ("de", "ｇｅｓｔａｒｔｅｔ"), ("ja", "ｺﾈｸﾀｰを起動")],
)
def test_an_action_is_found_in_ones_own_language_however_it_is_typed(
    language: str, typed: str, as_: As, connector: Connector
) -> None:
    answer = as_("admin").get(PAGE, {"q": typed}, headers={"accept-language": language})
    assert "data@example.com" in answer.content.decode()


def test_a_search_for_a_person_finds_only_theirs(
    as_: As, people: dict[str, User], connector: Connector
) -> None:
    as_("marketer").post(f"/w/harbour/data-export/{connector.pk}/pause/")
    page = text(as_("admin"), f"?person={people['marketer'].email}")
    assert "<b>Connector paused</b>" in page
    assert "<b>Connector launched</b>" not in page


def test_another_workspaces_entries_are_not_seen(as_: As, workspace: Workspace) -> None:
    record(AuditAction.CONNECTOR_DELETED, SYSTEM, workspace=WorkspaceFactory.create(), target="Elsewhere")
    assert "Elsewhere" not in text(as_("admin"))


def test_pages_are_cut_and_keep_the_filter(as_: As, workspace: Workspace) -> None:
    for number in range(60):
        record(AuditAction.CONNECTOR_PAUSED, SYSTEM, workspace=workspace, target=f"Number {number:02d}")
    first, second = text(as_("admin"), "?q=Number"), text(as_("admin"), "?q=Number&page=2")
    assert "q=Number&amp;page=2" in first
    assert ("Number 59" in first, "Number 09" in first) == (True, False)
    assert ("Number 59" in second, "Number 09" in second) == (False, True)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1"])
def test_a_spreadsheet_gets_no_formula(as_: As, workspace: Workspace, name: str) -> None:
    record(AuditAction.CONNECTOR_DELETED, SYSTEM, workspace=workspace, target=name)
    assert rows(as_("admin"), "?action=connector.deleted")[1][4] == f"'{name}"


def test_the_csv_holds_every_entry_once_beyond_one_reading(
    as_: As, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.audit.search.CHUNK", 7)
    made = [
        record(AuditAction.CONNECTOR_PAUSED, SYSTEM, workspace=workspace, target=str(n)) for n in range(30)
    ]
    found = [row[4] for row in rows(as_("admin"), "?action=connector.paused")[1:]]
    assert sorted(found, key=int) == [entry.target for entry in made]


def sign_in(email: str, password: str) -> None:
    Client().post("/accounts/login/", {"login": email, "password": password}, REMOTE_ADDR="192.0.2.9")


def test_sign_ins_show_in_the_workspaces_of_that_person(as_: As, people: dict[str, User]) -> None:
    sign_in(people["viewer"].email, "a long enough phrase")
    sign_in(people["viewer"].email, "wrong")
    page = text(as_("admin"), f"?person={people['viewer'].email}")
    assert "<b>Signed in</b>" in page
    assert "<b>Sign-in refused</b>" in page
    assert "192.0.2.9" in page
    entry = AuditEntry.objects.filter(action="sign_in.refused").get()
    assert "wrong" not in str(entry.after).replace("wrong address or password", "")


def test_somebody_who_joins_later_brings_no_old_sign_ins(as_: As, workspace: Workspace) -> None:
    later = UserFactory.create(email="later@example.com")
    sign_in(later.email, "a long enough phrase")
    MembershipFactory.create(workspace=workspace, user=later, role=Role.VIEWER)
    assert AuditEntry.objects.filter(actor=later).exists()
    assert "<b>Signed in</b>" not in text(as_("admin"), f"?person={later.email}")


def test_unknown_addresses_are_for_owners_only(as_: As, people: dict[str, User]) -> None:
    sign_in("nobody-we-know@example.com", "x")
    assert "nobody-we-know" not in text(as_("admin"))
    assert as_("admin").get("/workspaces/audit/").status_code == 403
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    assert "nobody-we-know@example.com" in text(as_("admin"), page="/workspaces/audit/")


def test_a_password_typed_as_the_address_is_not_kept() -> None:
    sign_in("my secret phrase", "x")
    assert not AuditEntry.objects.filter(target__contains="secret").exists()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "198.51.100.1", "192.0.2.9"),
        (1, "10.9.9.9, 198.51.100.1", "198.51.100.1"),
        (2, "made-up, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "192.0.2.9"),
        (1, "not an address", "192.0.2.9"),
    ],
)
def test_the_address_is_believed_only_as_far_as_our_own_proxies_wrote_it(
    as_: As, people: dict[str, User], settings: object, proxies: int, forwarded: str, seen: str
) -> None:
    settings.CURRENTS_TRUSTED_PROXIES = proxies  # type: ignore[attr-defined]
    typed = {"login": people["viewer"].email, "password": "wrong"}
    Client().post("/accounts/login/", typed, REMOTE_ADDR="192.0.2.9", headers={"X-Forwarded-For": forwarded})
    assert AuditEntry.objects.get(action="sign_in.refused").address == seen


def test_the_settings_of_a_deleted_connector_stay_in_the_log(as_: As, connector: Connector) -> None:
    lifecycle.delete(connector, by=actor.By(None))
    assert "Connector deleted" in text(as_("admin"), "?q=lifecycle")
