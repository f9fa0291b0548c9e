"""Settings › Event types: every type that came, its fields, and what is odd about them."""

from __future__ import annotations

import pytest

from connectors.models import Role
from exporter.maintenance import field_census
from tests.exporter.views.test_attempts import somebody
from tests.support.delivering import EMAIL_OPEN, a_line

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


def test_a_workspace_sees_what_came_known_or_not() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed(1_200)
        line.feed(1, event_type="users.somewhere.<b>New</b>/1")
        field_census.look_at_all()
        client, path = (
            somebody(line.workspace, Role.VIEWER),
            f"/w/{line.workspace.slug}/settings/event-types/",
        )
        page = client.get(path).content.decode()
        assert "1,200" in page
        assert "no: unknown to the catalogue" in page
        assert "<b>New" not in page
        fields = client.get(path, {"event_type": "users.somewhere.<b>New</b>/1"}).content.decode()
        assert "campaign_name" in fields
        assert "kept, not sent" in fields


def test_a_field_is_told_with_its_place_in_segment() -> None:
    with a_line() as line:
        line.feed(3, email_address=7)
        field_census.look_at_all()
        client, path = (
            somebody(line.workspace, Role.VIEWER),
            f"/w/{line.workspace.slug}/settings/event-types/",
        )
        table = client.get(path, {"event_type": EMAIL_OPEN}, headers=HTMX).content.decode()
        assert "<html" not in table
        assert "context.traits.email" in table
        assert "not as Braze says" in table
        assert client.get(path, {"event_type": "users.never.Came"}).status_code == 404


def test_before_anything_came_the_page_says_so() -> None:
    with a_line() as line:
        client = somebody(line.workspace, Role.VIEWER)
        page = client.get(f"/w/{line.workspace.slug}/settings/event-types/").content.decode()
        assert "Nothing has arrived yet" in page
