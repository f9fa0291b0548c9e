"""The catalogue is whole, consistent, and says so in a sentence where it is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.catalogue import catalogue
from connectors.catalogue.catalogue import ALL, CATALOGUE, MESSAGE_ENGAGEMENT, CatalogueError, canonical, load

TEXT = Path(catalogue.__file__).with_name("events.json").read_text()


def test_it_holds_the_55_exportable_event_types() -> None:
    assert len(CATALOGUE.events) == len(ALL) == 55
    assert len({event.segment_event for event in CATALOGUE.events}) == 55


def test_sections_and_groups_hold_every_event_once_in_order() -> None:
    assert [section.name for section in CATALOGUE.sections] == [
        "Behaviors",
        "Campaigns",
        "Canvas",
        "Messages",
    ]
    shown = [event for section in CATALOGUE.sections for group in section.groups for event in group.events]
    assert shown == list(CATALOGUE.events)
    assert all(event.label and event.summary.endswith(".") for event in shown)


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
    assert MESSAGE_ENGAGEMENT < ALL
    assert {name.split(".")[1] for name in ALL - MESSAGE_ENGAGEMENT} == {"behaviors"}
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
    events = json.loads(TEXT)["events"]
    spoil(events)
    with pytest.raises(CatalogueError) as fault:
        load(json.dumps({"events": events}))
    assert word in str(fault.value)
    assert str(fault.value).startswith("The event catalogue ")
    assert str(fault.value).endswith(".")


def test_a_broken_file_stops_the_start_with_one_sentence() -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        load("{")


def test_nothing_in_it_can_be_changed() -> None:
    event = CATALOGUE.events[0]
    with pytest.raises(TypeError):
        event.storage["extra"] = "optional string"  # type: ignore[index]
    with pytest.raises(AttributeError):
        event.label = "Other"  # type: ignore[misc]
