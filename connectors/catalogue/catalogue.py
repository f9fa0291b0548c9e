"""The catalogue: every event type Currents can export to Segment, and what each becomes there.

``events.json`` beside this module is the only list; the form, the intake, the transform and the documentation
read it through :data:`CATALOGUE`. The facts were compiled from Braze's public Currents event glossary and
samples and from Segment's page about Braze as a source.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

JSON_TYPES = frozenset({"string", "boolean", "int", "array of string"})

MESSAGE_ENGAGEMENT_SECTIONS = frozenset({"Campaigns", "Canvas", "Messages"})


class CatalogueError(Exception):
    """The catalogue contradicts itself; the message is one plain sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """One value of the Segment call: its name there, the flat field it comes from, its JSON type there."""

    name: str
    source: str
    type: str


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type.

    ``storage`` maps each flat field to e.g. ``optional string``; ``required`` there is what Braze promises,
    never a reason to refuse. ``also`` names further fields that only Braze's Custom HTTP shape carries.
    """

    event_type: str
    aliases: tuple[str, ...]
    section: str
    group: str
    action: str
    label: str
    summary: str
    segment_event: str
    storage: Mapping[str, str]
    also: tuple[str, ...]
    pii: frozenset[str]
    properties: tuple[Target, ...]
    traits: tuple[Target, ...]
    device: tuple[Target, ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everything the Segment call carries besides the event's identity."""
        return self.properties + self.traits + self.device


@dataclass(frozen=True, slots=True)
class Group:
    """A named run of event types within a section, such as *Content Card*."""

    name: str
    events: tuple[EventType, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A named run of groups, such as *Messages*."""

    name: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All event types in their order of display; ``by_name`` knows canonical names and aliases."""

    events: tuple[EventType, ...]
    sections: tuple[Section, ...]
    by_name: Mapping[str, EventType]

    def canonical(self, name: str) -> str:
        """The catalogue's spelling of a known name or alias; any other name unchanged."""
        known = self.by_name.get(name)
        return name if known is None else known.event_type


def load(text: str | bytes) -> Catalogue:
    """Build the catalogue from the text of ``events.json``. Raises CatalogueError."""
    try:
        events = tuple(_event_type(entry) for entry in json.loads(text)["events"])
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise CatalogueError(
            f"The event catalogue cannot be read: {type(fault).__name__} {fault}."
        ) from fault
    for event in events:
        _check_event(event)
    _check_unique("Segment event", (event.segment_event for event in events))
    _check_unique(
        "event type or alias", (name for event in events for name in (event.event_type, *event.aliases))
    )
    by_name = {name: event for event in events for name in (event.event_type, *event.aliases)}
    return Catalogue(events, _sections(events), MappingProxyType(by_name))


def _event_type(entry: Mapping[str, Any]) -> EventType:
    return EventType(
        event_type=entry["event_type"],
        aliases=tuple(entry["aliases"]),
        section=entry["section"],
        group=entry["group"],
        action=entry["action"],
        label=entry["label"],
        summary=entry["summary"],
        segment_event=entry["segment_event"],
        storage=MappingProxyType(dict(entry["storage"])),
        also=tuple(entry["also"]),
        pii=frozenset(entry["pii"]),
        properties=_targets(entry["segment_properties"]),
        traits=_targets(entry["segment_traits"]),
        device=_targets(entry["segment_device"]),
    )


def _targets(entries: Mapping[str, Mapping[str, str]]) -> tuple[Target, ...]:
    return tuple(Target(name, entry["from"], entry["type"]) for name, entry in entries.items())


def _check_event(event: EventType) -> None:
    name = event.event_type
    for text in (name, event.section, event.group, event.label, event.segment_event):
        if not isinstance(text, str) or not text:
            raise CatalogueError(f"The event catalogue leaves a name of {name!r} empty.")
    fields = event.storage.keys() | set(event.also)
    if missing := {"id", "time", "user_id", "external_user_id"} - event.storage.keys():
        raise CatalogueError(f"The event catalogue lists {name} without the field {min(missing)}.")
    if strangers := event.pii - fields:
        raise CatalogueError(
            f"The event catalogue marks {min(strangers)} of {name} personal, a field it does not have."
        )
    for storage_type in event.storage.values():
        promise, _, json_type = storage_type.partition(" ")
        if promise not in ("required", "optional") or json_type not in JSON_TYPES:
            raise CatalogueError(
                f"The event catalogue gives a field of {name} the unknown type {storage_type!r}."
            )
    for target in event.targets:
        if target.type not in JSON_TYPES:
            raise CatalogueError(
                f"The event catalogue gives {target.name} of {name} the unknown type {target.type!r}."
            )
        if target.source not in fields:
            raise CatalogueError(
                f"The event catalogue takes {target.name} of {name} from {target.source}, no field of it."
            )
    _check_unique(f"source in {name}", (target.source for target in event.targets))


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise CatalogueError(f"The event catalogue lists the {what} {name} twice.")
        seen.add(name)


def _sections(events: tuple[EventType, ...]) -> tuple[Section, ...]:
    grouped: dict[str, dict[str, list[EventType]]] = {}
    for event in events:
        grouped.setdefault(event.section, {}).setdefault(event.group, []).append(event)
    return tuple(
        Section(section, tuple(Group(name, tuple(members)) for name, members in groups.items()))
        for section, groups in grouped.items()
    )


CATALOGUE = load(Path(__file__).with_name("events.json").read_bytes())

ALL = frozenset(event.event_type for event in CATALOGUE.events)
MESSAGE_ENGAGEMENT = frozenset(
    event.event_type for event in CATALOGUE.events if event.section in MESSAGE_ENGAGEMENT_SECTIONS
)


def canonical(name: str) -> str:
    """The catalogue's spelling of a known name or alias; any other name unchanged."""
    return CATALOGUE.canonical(name)
