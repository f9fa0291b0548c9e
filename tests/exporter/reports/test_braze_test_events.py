"""Braze's *Send Test Events*: one event of every type, all with one id and one time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.models import Role
from exporter.maintenance import field_census
from exporter.models import SeenField
from exporter.reports import event_search
from tests.exporter.views.test_attempts import base, somebody
from tests.support.delivering import a_line

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = Path(__file__).parents[2] / "samples"
PLACEHOLDER: dict[str, Any] = {"id": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "time": 2033802504}


def one_of_each_type() -> list[dict[str, Any]]:
    return [json.loads(path.read_text())["custom_http"] | PLACEHOLDER for path in sorted(SAMPLES.iterdir())]


def test_every_type_is_stored_delivered_and_marked_though_all_share_one_id() -> None:
    with a_line(include_anonymous=True) as line:
        assert not event_search.test_events_came(line.workspace.pk)
        made = one_of_each_type()
        line.feed_events(made)
        line.deliver()
        assert line.outcomes() == {"delivered": len(made)}
        assert len(set(line.arrived())) == len(made) == 101
        assert event_search.test_events_came(line.workspace.pk)
        client = somebody(line.workspace, Role.VIEWER)
        page = client.get(
            f"{base(line)}find/", {"by": "event", "value": str(PLACEHOLDER["id"])}
        ).content.decode()
        assert "test event of Braze" in page
        field_census.look_at_all()
        assert not SeenField.objects.filter(field__startswith="currents_").exists()


def test_the_first_run_page_says_that_they_came() -> None:
    with a_line() as line:
        client = somebody(line.workspace, Role.MARKETER)
        line.connector.delete()
        address = f"/w/{line.workspace.slug}/data-export/"
        assert "Test events of Braze have arrived" not in client.get(address).content.decode()
        line.feed_events(one_of_each_type()[:3])
        assert "Test events of Braze have arrived" in client.get(address).content.decode()
