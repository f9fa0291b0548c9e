"""Who may open which page: the table of roles, row by row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from connectors.models import Connector, Workspace
from tests.support.factories import MembershipFactory

pytestmark = pytest.mark.django_db

# page: viewer, marketer, admin. Nobody is sent to the sign-in, a stranger gets 404 everywhere.
PAGES = {
    "": (200, 200, 200),
    "{pk}/": (200, 200, 200),
    "{pk}/edit/": (403, 200, 200),
    "{pk}/pause/": (403, 200, 200),
    "{pk}/resume/": (403, 200, 200),
    "new/segment/": (403, 200, 200),
    "{pk}/write-key/": (403, 403, 200),
    "{pk}/delete/": (403, 403, 200),
}
ROLES = ("viewer", "marketer", "admin")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_for_the_roles_of_the_table_and_nobody_else(
    page: str, as_: Callable[[str], Client], connector: Connector, workspace: Workspace
) -> None:
    path = f"/w/{workspace.slug}/data-export/{page.format(pk=connector.pk)}"
    answered = tuple(as_(role).get(path).status_code for role in ROLES)
    assert answered == PAGES[page]
    assert as_("stranger").get(path).status_code == 404
    nobody = as_("nobody").get(path)
    assert nobody.status_code == 302
    assert nobody["Location"].startswith("/accounts/login/?next=/w/")


POSTS = {
    "pause/": "marketer",
    "resume/": "marketer",
    "try-now/": "marketer",
    "edit/": "marketer",
    "write-key/": "admin",
    "delete/": "admin",
}


@pytest.mark.parametrize("page", POSTS)
def test_a_change_by_a_role_below_the_needed_one_changes_nothing(
    page: str, as_: Callable[[str], Client], connector: Connector, workspace: Workspace
) -> None:
    path = f"/w/{workspace.slug}/data-export/{connector.pk}/{page}"
    too_low = ["viewer"] if POSTS[page] == "marketer" else ["viewer", "marketer"]
    for role in too_low:
        refused = as_(role).post(path, {"name": connector.name})
        assert refused.status_code == 403
        assert (
            "marketers and admins" if POSTS[page] == "marketer" else "Only admins"
        ) in refused.content.decode()
        assert "Admins here: " in refused.content.decode()
    assert as_("stranger").post(path, {"name": connector.name}).status_code == 404
    assert as_("nobody").post(path, {"name": connector.name}).status_code == 302
    unchanged = Connector.objects.get(pk=connector.pk)
    assert (unchanged.version, unchanged.state) == (connector.version, "live")


def test_a_connector_of_another_workspace_is_not_found_through_ones_own(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    elsewhere = MembershipFactory.create(role="admin")
    client = Client()
    client.force_login(elsewhere.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    for page in ("", "edit/", "write-key/", "delete/", "pause/"):
        path = f"/w/{elsewhere.workspace.slug}/data-export/{connector.pk}/{page}"
        assert client.get(path).status_code == 404
        assert client.get(path.replace(str(connector.pk), "9" * 30)).status_code == 404


def test_what_a_viewer_may_not_do_is_shown_with_the_reason(
    as_: Callable[[str], Client], connector: Connector, workspace: Workspace
) -> None:
    page = as_("viewer").get(f"/w/{workspace.slug}/data-export/{connector.pk}/").content.decode()
    assert "/edit/" not in page
    assert 'aria-disabled="true"' in page
    assert "Only marketers and admins of this workspace may do this." in page
