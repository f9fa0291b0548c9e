"""Downloads of personal data leave an entry in the audit log."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from connectors.models import AuditEntry, Connector, User

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]


@pytest.mark.parametrize(
    ("path", "action", "who"),
    [
        ("data-export/{pk}/rejected.ndjson", "rejected.downloaded", "marketer"),
        ("data-export/refused.ndjson", "refused.downloaded", "marketer"),
        ("settings/audit/csv/", "audit.downloaded", "admin"),
    ],
)
def test_who_downloads_personal_data_is_noted(
    as_: As, people: dict[str, User], connector: Connector, path: str, action: str, who: str
) -> None:
    answer = as_(who).get(f"/w/harbour/{path.format(pk=connector.pk)}")
    assert answer.status_code == 200
    entry = AuditEntry.objects.get(action=action)
    assert entry.workspace == connector.workspace
    assert entry.actor == people[who]


def test_the_table_by_event_type_holds_no_people_and_leaves_none(as_: As, connector: Connector) -> None:
    before = AuditEntry.objects.count()
    assert as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/by-type.csv").status_code == 200
    assert AuditEntry.objects.count() == before
