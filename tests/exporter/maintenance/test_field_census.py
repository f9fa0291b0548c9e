"""The field census: every type and field that comes is told, known or not; what changes its form is noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.intake import appender
from exporter.intake.normalise import normalise
from exporter.maintenance import field_census
from exporter.models import FieldCensus, SeenField, SeenType
from exporter.models.seen import Form
from exporter.reports import event_types
from exporter.reports.event_types import Standing
from tests.support.delivering import EMAIL_OPEN, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = "users.somewhere.New"


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line(selected=[EMAIL_OPEN]) as line:
        yield line
        line.connector.delete()
        line.workspace.delete()


def look(line: Line) -> None:
    """As if five minutes had passed."""
    FieldCensus.objects.update(looked_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert field_census.look_at_all() == 1


def seen(line: Line, event_type: str) -> event_types.TypeSeen:
    return next(one for one in event_types.types_of(line.workspace) if one.event_type == event_type)


def field(line: Line, name: str, event_type: str = EMAIL_OPEN) -> event_types.FieldSeen:
    found = event_types.fields_of(line.workspace, event_type, seen(line, event_type).examined)
    return next(one for one in found if one.field == name)


def test_types_are_told_known_or_not_and_whether_they_are_exported(line: Line) -> None:
    line.feed(30)
    line.feed(2, event_type=UNKNOWN, colour="blue")
    line.feed(1, event_type="users.messages.banner.Click")
    line.feed(1, event_type="users.UserOrphan")
    line.feed(1, event_type="users.canvas.sendtodestination.Sent")
    look(line)
    found = {one.event_type: (one.standing, one.count) for one in event_types.types_of(line.workspace)}
    assert found == {
        EMAIL_OPEN: (Standing.EXPORTED, 30),
        UNKNOWN: (Standing.UNKNOWN, 2),
        "users.messages.banner.Click": (Standing.NOT_CHOSEN, 1),
        "users.UserOrphan": (Standing.NO_SEGMENT_FORM, 1),
        "users.canvas.sendtodestination.Sent": (Standing.NAMELESS, 1),
    }
    assert seen(line, UNKNOWN).first_seen_at is not None
    assert field(line, "colour", UNKNOWN).targets == ()


def test_fields_tell_where_they_go_and_which_ones_nobody_knows(line: Line) -> None:
    line.feed(10, email_address="a@example.com", shoe_size=42)
    look(line)
    assert field(line, "email_address").targets == ("context.traits.email",)
    assert field(line, "email_address").personal
    assert field(line, "id").targets == ("messageId",)
    shoe = field(line, "shoe_size")
    assert (shoe.targets, shoe.expected, shoe.forms) == ((), "", Form.WHOLE)
    assert seen(line, EMAIL_OPEN).unknown_fields == 1


@pytest.mark.parametrize(
    ("before", "after", "drifts"),
    [("7", 7, True), ("7", None, True), (7, 7.5, False), ("7", "seven", False), ([1], {"a": 1}, True)],
)
def test_a_field_that_changes_its_form_is_noticed(line: Line, before: Any, after: Any, drifts: bool) -> None:
    for _ in range(3):
        line.feed(40, campaign_name=before)
        look(line)
    assert field(line, "campaign_name").drifted_at is None
    late = {"event_type": EMAIL_OPEN, "id": "late", "time": 1, "campaign_name": after}
    appender.append_now(line.workspace.pk, [normalise(json.dumps(late).encode())])
    look(line)
    assert (field(line, "campaign_name").drifted_at is not None) is drifts
    assert seen(line, EMAIL_OPEN).drifting_fields == int(drifts)


def test_a_look_is_bounded_and_finds_a_rare_type_among_many(line: Line) -> None:
    for _ in range(field_census.PAYLOADS + 5):
        line.feed(60)
    line.feed(1, event_type=UNKNOWN)
    for _ in range(field_census.PAYLOADS + 5):
        line.feed(60)
    look(line)
    assert SeenType.objects.get(event_type=EMAIL_OPEN).examined == field_census.EVENTS
    assert SeenType.objects.get(event_type=UNKNOWN).examined == 1
    assert field_census.look_at_all() == 0


def test_names_are_bounded(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_census, "MOST_FIELDS", 10)
    line.feed(1, **{f"made_up_{number}": number for number in range(50)})
    line.feed(1, **{f"made_up_too_{number}": number for number in range(50)})
    look(line)
    first = SeenField.objects.count()
    line.feed(1, **{f"another_{number}": number for number in range(50)})
    look(line)
    assert first <= 20
    assert SeenField.objects.count() == first
