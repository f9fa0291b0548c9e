"""The catalogue is whole, consistent, and says so in a sentence where it is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.catalogue import catalogue
from connectors.catalogue.catalogue import (
    ALL,
    CATALOGUE,
    KNOWN,
    MESSAGE_ENGAGEMENT,
    REFERENCE_PAGE,
    canonical,
)
from connectors.catalogue.reading import CatalogueError, load

TEXT = Path(catalogue.__file__).with_name("catalogue.json").read_text()


def test_it_holds_all_102_event_types_braze_sends_to_segment() -> None:
    assert len(CATALOGUE.events) == len(ALL) == 101
    assert [event.event_type for event in CATALOGUE.nameless] == ["users.canvas.sendtodestination.Sent"]
    assert len(KNOWN) == 101 + 1 + len(CATALOGUE.without_segment_form) == 108


def test_the_55_of_the_reference_page_are_told_from_the_newer_ones() -> None:
    reference = [event for event in CATALOGUE.events if not event.newer]
    assert {event.event_type for event in reference} == REFERENCE_PAGE
    assert len({event.segment_event for event in reference}) == 55
    assert CATALOGUE.events[:55] == tuple(reference)


def test_sections_and_groups_hold_every_event_once_in_order() -> None:
    names = ["Behaviors", "Campaigns", "Canvas", "Messages"]
    assert [section.name for section in CATALOGUE.sections] == names
    assert [section.name for section in CATALOGUE.newer_sections] == names
    shown = [
        event
        for section in (*CATALOGUE.sections, *CATALOGUE.newer_sections)
        for group in section.groups
        for event in group.events
    ]
    assert shown == list(CATALOGUE.events)
    assert all(event.label and event.summary.endswith(".") for event in shown)


def test_what_braze_has_published_in_part_says_so() -> None:
    partial = {event.event_type for event in (*CATALOGUE.events, *CATALOGUE.nameless) if event.partial}
    assert len(partial) == 8
    assert "users.messages.survey.Response" in partial
    assert CATALOGUE.by_name["users.messages.landingpage.Click"].properties[0].type == "any"


def test_a_custom_event_is_called_in_segment_what_its_name_says() -> None:
    custom = CATALOGUE.by_name["users.behaviors.CustomEvent"]
    assert custom.name_in_segment({"name": "Size guide opened"}) == "Size guide opened"
    assert custom.name_in_segment({"name": None}) == ""
    assert custom.title == "Custom Event"


def test_every_version_of_it_says_what_it_brought() -> None:
    assert [change.version for change in CATALOGUE.changes] == [1, 2]
    assert CATALOGUE.changes[-1].date == CATALOGUE.date
    assert {event.since for event in CATALOGUE.events} <= {change.version for change in CATALOGUE.changes}


@pytest.mark.parametrize(
    ("alias", "name"),
    [("users_campaigns_abort", "users.campaigns.Abort"), ("users_canvas_abort", "users.canvas.Abort")],
)
def test_aliases_are_found_and_spelled_as_the_catalogue_does(alias: str, name: str) -> None:
    assert canonical(alias) == canonical(name) == name
    assert CATALOGUE.by_name[alias] is CATALOGUE.by_name[name]
    assert alias not in ALL


def test_an_unknown_name_keeps_its_spelling() -> None:
    assert canonical("users.somewhere.New") == "users.somewhere.New"


def test_message_engagement_is_everything_but_behaviors() -> None:
    assert MESSAGE_ENGAGEMENT < REFERENCE_PAGE
    assert {name.split(".")[1] for name in REFERENCE_PAGE - MESSAGE_ENGAGEMENT} == {"behaviors"}
    assert not any(name.startswith("users.behaviors.") for name in MESSAGE_ENGAGEMENT)


def test_renamed_fields_and_context_come_from_where_the_catalogue_says() -> None:
    click = CATALOGUE.by_name["users.messages.email.Click"]
    assert {"link_url": "url"}.items() <= {target.name: target.source for target in click.properties}.items()
    assert [(target.name, target.source) for target in click.traits] == [("email", "email_address")]
    assert "email_address" in click.pii


def _set(path: str, value: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(events: list[dict[str, Any]]) -> None:
        events[0][path] = value

    return change


FAULTS: list[tuple[Callable[[list[dict[str, Any]]], None], str]] = [
    (_set("event_type", "users.canvas.Entry"), "users.canvas.Entry twice"),
    (_set("segment_event", "Email Opened"), "Segment event Email Opened twice"),
    (_set("aliases", ["users_canvas_abort"]), "users_canvas_abort twice"),
    (_set("aliases", ["users.canvas.Entry"]), "users.canvas.Entry twice"),
    (_set("label", ""), "empty"),
    (_set("since", 3), "version 3"),
    (_set("segment_event_from", "shoe_size"), "shoe_size"),
    (_set("segment_event_from", "id"), "does not send"),
    (_set("event_type", "users.UserOrphan"), "users.UserOrphan twice"),
    (_set("storage", {"id": "required string"}), "without the field external_user_id"),
    (_set("pii", ["shoe_size"]), "shoe_size"),
    (_set("segment_properties", {"size": {"from": "shoe_size", "type": "string"}}), "shoe_size"),
    (_set("segment_properties", {"app_id": {"from": "app_id", "type": "money"}}), "unknown type 'money'"),
    (_set("segment_traits", {"app": {"from": "app_id", "type": "string"}}), "app_id twice"),
    (
        lambda events: events[0]["storage"].update(app_id="sometimes string"),
        "unknown type 'sometimes string'",
    ),
    (lambda events: events[0].pop("group"), "'group'"),
]


@pytest.mark.parametrize(("spoil", "word"), FAULTS)
def test_a_fault_stops_the_start_with_one_sentence(
    spoil: Callable[[list[dict[str, Any]]], None], word: str
) -> None:
    data = json.loads(TEXT)
    spoil(data["events"])
    with pytest.raises(CatalogueError) as fault:
        load(json.dumps(data))
    assert word in str(fault.value)
    assert str(fault.value).startswith("The event catalogue ")
    assert str(fault.value).endswith(".")


def test_a_version_without_a_word_about_it_stops_the_start() -> None:
    data = json.loads(TEXT)
    data["version"] += 1
    with pytest.raises(CatalogueError, match="version by version"):
        load(json.dumps(data))


def test_a_broken_file_stops_the_start_with_one_sentence() -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        load("{")


def test_nothing_in_it_can_be_changed() -> None:
    event = CATALOGUE.events[0]
    with pytest.raises(TypeError):
        event.storage["extra"] = "optional string"  # type: ignore[index]
    with pytest.raises(AttributeError):
        event.label = "Other"  # type: ignore[misc]


def test_test_events_of_braze_are_recognised_by_id_and_time() -> None:
    placeholder = {"id": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "time": 2033802504}
    assert CATALOGUE.is_test_event(placeholder)
    assert not CATALOGUE.is_test_event({**placeholder, "time": 1767225600})
    assert not CATALOGUE.is_test_event({})
