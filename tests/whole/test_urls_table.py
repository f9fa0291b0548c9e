"""Every address of the product, asked by everybody with every method, against one table.

A new address without a row here fails. Answers of people who may are listed with an empty form; that a form does
what it says is told elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from connectors.audit.actor import By
from connectors.models import Connector, Membership, Role, User, Workspace
from connectors.sign_in import session_rights
from connectors.workspaces import tokens
from exporter.api import bearer
from tests.support.factories import IntakeTokenFactory
from tests.support.people import launch

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PEOPLE = ("nobody", "stranger", "viewer", "marketer", "admin")
NOT_ALLOWED = 405


@dataclass(frozen=True, slots=True)
class Row:
    """Who may (`see`, `configure` and `admin` are roles in the workspace; `owner` looks after the installation), and
    what they are answered to GET and to an empty POST; 405 where there is no such thing."""

    who: str
    get: int = NOT_ALLOWED
    post: int = NOT_ALLOWED


TABLE = {
    # What people configure.
    "create": Row("configure", 200, 409),
    "edit": Row("configure", 200, 422),
    "event_type": Row("signed_in", 200, NOT_ALLOWED),
    "write_key": Row("admin", 200, 422),
    "discard_write_key": Row("admin", post=303),
    "roll_back_write_key": Row("admin", get=303, post=303),
    "write_key_reminder": Row("admin", post=303),
    "verified": Row("configure", post=404),
    "members": Row("admin", 200),
    "member_invite": Row("admin", 200, 422),
    "require_second_factor": Row("admin", post=303),
    "member": Row("admin", 200, 422),
    "member_remove": Row("admin", 200, 303),
    "invitation_act": Row("admin", post=404),
    "tokens": Row("admin", 200),
    "token_new": Row("admin", 200, 422),
    "token_rotate": Row("admin", 200, 422),
    "token_revoke": Row("admin", 200, 303),
    "audit": Row("admin", 200),
    "audit_csv": Row("admin", 200),
    "all_workspaces": Row("owner", 200),
    "workspace_new": Row("owner", 200, 422),
    "workspace_rename": Row("owner", 200, 422),
    "workspace_archive": Row("owner", 200, 409),
    "owners": Row("owner", 200, 422),
    "owner_remove": Row("owner", 200, 409),
    "installation_audit": Row("owner", 200),
    "installation_audit_csv": Row("owner", 200),
    "invitation": Row("anyone", 410, 410),
    "preferences": Row("signed_in", 200, 303),
    "language": Row("anyone", post=303),
    "imports": Row("admin", 200),
    "webhook": Row("admin", 200, 422),
    "webhook_try": Row("admin", post=404),
    "webhook_remove": Row("admin", post=404),
    "import_begin": Row("admin", post=422),
    "import": Row("admin", 404),
    "import_piece": Row("admin", post=404),
    "import_act": Row("admin", post=404),
    "sources": Row("admin", 200),
    "source_new": Row("admin", 200, 422),
    "source": Row("admin", 404),
    "source_credentials": Row("admin", 404, 404),
    "source_remove": Row("admin", 404, 404),
    "source_act": Row("admin", post=404),
    # What was delivered.
    "retention": Row("admin", 200, 303),
    "seen_types": Row("see", 200),
    "workspaces": Row("signed_in", 200),
    "data_export": Row("see", 200),
    "banner": Row("see", 200),
    "status": Row("see", 200),
    "try_now": Row("configure", post=303),
    "test_events": Row("configure", 200, 303),
    "try_write_key": Row("admin", post=422),
    "pause": Row("configure", 200, 303),
    "resume": Row("configure", 200, 303),
    "delete": Row("admin", 200, 422),
    "refused": Row("see", 200),
    "refused_download": Row("configure", 200),
    "retry_refused": Row("configure", post=303),
    "rejected": Row("see", 200),
    "rejected_download": Row("configure", 200),
    "retry_rejected": Row("configure", post=303),
    "by_type_download": Row("see", 200),
    "explain": Row("see", 200),
    "braze_token": Row("admin", post=303),
    "attempts": Row("see", 200),
    "incidents": Row("see", 200),
    "attempt": Row("see", 404),
    "replays": Row("see", 200),
    "replay_begin": Row("configure", post=422),
    "replay": Row("see", 404),
    "replay_act": Row("configure", post=404),
    "find_event": Row("see", 200),
    "found_event": Row("see", 404),
    "send_again": Row("configure", post=404),
    # Probes, and what machines are told without a token (metrics only on this computer).
    "metrics": Row("anyone", 200),
    "api-description": Row("anyone", 200),
    "healthz": Row("anyone", 200),
    "readyz": Row("anyone", 503),
}
# allauth's: what nobody and what a member is answered to GET; a POST without a form never does anything.
ACCOUNT = {
    "account_login": (200, 302),
    "account_logout": (302, 200),
    "account_inactive": (200, 200),
    "account_signup": (200, 302),
    "account_reauthenticate": (302, 200),
    "account_change_password": (302, 200),
    "account_set_password": (302, 302),
    "account_reset_password": (200, 200),
    "account_reset_password_done": (200, 200),
    "account_reset_password_from_key": (200, 200),
    "account_reset_password_from_key_done": (200, 200),
    "account_unlock": (410, 410),
    "account_email": (302, 302),
    "account_email_verification_sent": (302, 302),
    "mfa_index": (302, 200),
    "mfa_authenticate": (302, 302),
    "mfa_reauthenticate": (302, 302),
    "mfa_activate_totp": (302, 302),
    "mfa_deactivate_totp": (302, 404),
    "mfa_view_recovery_codes": (302, 404),
    "mfa_generate_recovery_codes": (302, 302),
    "mfa_download_recovery_codes": (302, 404),
    "mfa_list_webauthn": (302, 200),
    "mfa_add_webauthn": (302, 302),
    "mfa_reauthenticate_webauthn": (302, 302),
    "mfa_remove_webauthn": (302, 302),
    "mfa_edit_webauthn": (302, 302),
    "mfa_login_webauthn": (302, 302),
    "usersessions_list": (302, 200),
}
# Asked with a bearer token: without one, with one of another workspace, with one of the workspace.
MACHINE = {
    "api-connectors": (401, 200, 200),
    "api-connector-status": (401, 404, 200),
    "api-sources": (401, 200, 200),
    "api-replays": (401, 404, 200),
    "api-replay": (401, 404, 404),
    "api-replay-change": (NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED),
    "intake": (NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED),
    "intake-slash": (NOT_ALLOWED, NOT_ALLOWED, NOT_ALLOWED),
    "api-nothing": (404, 404, 404),
}
MACHINE_POST = {
    "intake": (401, 200, 200),
    "intake-slash": (401, 200, 200),
    "api-replays": (401, 404, 400),
    "api-replay-change": (401, 404, 404),
}
# Any method that has no row above.
MACHINE_ELSE = {"api-nothing": (404, 404, 404)}


def walk(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, str]]:
    """Name and route of every address."""
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield str(pattern.name), route
        else:
            yield from walk(pattern, route)


ROUTES = dict(walk(get_resolver()))


def path_of(route: str, connector: Connector, member: Membership, token: int) -> str:
    """The address with numbers that exist."""
    pk = token if "/tokens/" in route else member.pk if "/members/" in route else connector.pk
    pk = member.user_id if "/owners/" in route else pk
    found = {"slug": "harbour", "pk": pk, "connector_id": connector.pk, "name": "users.messages.email.Open"}
    found |= {
        "act": "again",
        "secret": "nonsense",
        "verb": "pause",
        "uidb36": "1",
        "key": "x-y",
        "link": "nonsense",
    }
    plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<str:\1>", route).replace("^", "").replace("$", "")
    return "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(found.get(match[1], 1)), plain)


@pytest.fixture
def paths(workspace: Workspace, people: dict[str, User], connector: Connector) -> dict[str, str]:
    launch_elsewhere = Membership.objects.get(user=people["stranger"]).workspace
    launch(launch_elsewhere, "Elsewhere")
    token = IntakeTokenFactory.create(workspace=workspace)
    member = Membership.objects.get(user=people["viewer"])
    return {name: path_of(route, connector, member, token.pk) for name, route in ROUTES.items()}


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    assert set(ROUTES) == {*TABLE, *ACCOUNT, *MACHINE}


def expected(row: Row, who: str, method: str) -> int:
    wanted = {"GET": row.get, "HEAD": row.get, "POST": row.post}.get(method, NOT_ALLOWED)
    if wanted == NOT_ALLOWED or row.who == "anyone":
        return wanted
    if who == "nobody":
        return 302
    if row.who == "signed_in":
        return wanted
    if row.who == "owner":
        return 403
    if who == "stranger":
        return 404
    ranks = {"viewer": 0, "marketer": 1, "admin": 2}
    needed = {"see": 0, "configure": 1, "admin": 2}[row.who]
    return wanted if ranks[who] >= needed else 403


@pytest.mark.parametrize("name", TABLE)
def test_the_answers_are_those_of_the_table(name: str, as_: As, paths: dict[str, str], settings: Any) -> None:
    settings.SEGMENT_URLS = {"us": "http://127.0.0.1:1", "eu": "http://127.0.0.1:1"}
    row, answered, wanted = TABLE[name], {}, {}
    for who in PEOPLE:
        client = as_(who)
        for method in METHODS:
            answer = client.generic(method, paths[name])
            answered[who, method] = answer.status_code
            wanted[who, method] = expected(row, who, method)
            if answer.status_code == 302:
                assert answer["Location"].startswith("/accounts/login/?next=/")
    assert answered == wanted


IN_A_WORKSPACE = ("see", "configure", "admin")


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.who in IN_A_WORKSPACE])
def test_a_session_without_the_second_factor_a_workspace_wants_opens_nothing_of_it(
    name: str, as_: As, paths: dict[str, str], workspace: Workspace, people: dict[str, User]
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(require_second_factor=True)
    Authenticator.objects.create(user=people["admin"], type=Authenticator.Type.TOTP, data={})
    row, client = TABLE[name], as_("admin")
    for method in METHODS:
        wanted = expected(row, "admin", method)
        answered = client.generic(method, paths[name]).status_code
        assert answered == (wanted if wanted == NOT_ALLOWED else 403), method


@pytest.mark.parametrize("name", TABLE)
def test_a_session_older_than_a_change_of_how_its_person_signs_in_is_nobody(
    name: str, as_: As, paths: dict[str, str], people: dict[str, User]
) -> None:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    client = as_("admin")
    session_rights.end_all(people["admin"])
    for method in METHODS:
        wanted = expected(TABLE[name], "nobody", method)
        assert client.generic(method, paths[name]).status_code == wanted, method


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.who == "owner"])
def test_owners_may_what_is_theirs(
    name: str, as_: As, paths: dict[str, str], people: dict[str, User]
) -> None:
    User.objects.filter(pk=people["viewer"].pk).update(is_owner=True)
    answers = [as_("viewer").generic(method, paths[name]).status_code for method in ("GET", "POST")]
    assert answers == [TABLE[name].get, TABLE[name].post]


@pytest.mark.parametrize("name", ACCOUNT)
def test_account_pages_answer_as_the_table_says(name: str, as_: As, paths: dict[str, str]) -> None:
    nobody, member = as_("nobody"), as_("viewer")
    assert (nobody.get(paths[name]).status_code, member.get(paths[name]).status_code) == ACCOUNT[name]
    for client in (as_("nobody"), as_("viewer")):
        for method in METHODS[2:]:
            assert client.generic(method, paths[name]).status_code in (200, 302, 400, 403, 404, 405, 410)


@pytest.mark.parametrize("name", MACHINE)
def test_machines_are_answered_by_their_token(
    name: str, paths: dict[str, str], workspace: Workspace, people: dict[str, User]
) -> None:
    bearer.forget()
    elsewhere = Membership.objects.get(user=people["stranger"], role=Role.ADMIN).workspace
    headers: list[dict[str, str]] = [{}]
    for owner in (elsewhere, workspace):
        _token, plain = tokens.create(owner, "machine", ["intake", "read", "write"], By(None))
        headers.append({"Authorization": f"Bearer {plain}"})
    for method in METHODS:
        otherwise = MACHINE_ELSE.get(name, (NOT_ALLOWED,) * 3)
        read, sent = MACHINE[name], MACHINE_POST.get(name, otherwise)
        wanted = {"GET": read, "HEAD": read, "POST": sent}.get(method, otherwise)
        answered = [Client().generic(method, paths[name], headers=each).status_code for each in headers]
        assert tuple(answered) == wanted, method
