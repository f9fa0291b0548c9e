"""What the catalogue is made of: event types in groups and sections, and what each becomes in Segment."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.catalogue import labels

# The catalogue's version that held exactly the event types of Braze's reference page for Segment.
REFERENCE = 1


# Where every call carries what identifies the event and its user: place in the call, field.
IDENTITY = (
    ("userId", "external_user_id"),
    ("anonymousId", "user_id"),
    ("messageId", "id"),
    ("timestamp", "time"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """One value of the Segment call: its name there, the flat field it comes from, its JSON type there.

    ``alternate`` names the field that Currents files have where Custom HTTP has ``source``; empty for most.
    """

    name: str
    source: str
    type: str
    alternate: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, self.alternate) if self.alternate else (self.source,)


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type.

    ``since`` is the catalogue's version that learned the type; ``partial``: Braze has published only a part of it
    so far. ``storage`` maps each flat field to e.g. ``optional string``; ``required`` there is what Braze promises,
    never a reason to refuse. ``also`` names further fields that only Braze's Custom HTTP shape carries.
    ``segment_event`` is empty where the event's own ``segment_event_from`` is its name in Segment.
    """

    event_type: str
    since: int
    partial: bool
    aliases: tuple[str, ...]
    section: str
    group: str
    action: str
    label: str
    summary: str
    segment_event: str
    segment_event_from: str
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

    @property
    def places(self) -> tuple[tuple[str, Target], ...]:
        """Each of them with its place in the call, such as ``context.traits.email``."""
        return tuple(
            (prefix + target.name, target)
            for prefix, targets in (
                ("context.traits.", self.traits),
                ("context.device.", self.device),
                ("properties.", self.properties),
            )
            for target in targets
        )

    def places_of(self, field: str) -> tuple[str, ...]:
        """Where in the call a field goes; empty if it is not sent."""
        named = ("event",) if field == self.segment_event_from else ()
        identity = tuple(place for place, source in IDENTITY if source == field)
        return named + identity + tuple(place for place, target in self.places if field in target.sources)

    @property
    def fields(self) -> frozenset[str]:
        """Every field Braze is known to send for it, in either shape."""
        return frozenset(self.storage) | frozenset(self.also)

    def type_of(self, field: str) -> str:
        """The JSON type of a field, as Braze describes it; empty for one it does not know."""
        described = self.storage.get(field)
        if described is not None:
            return described.partition(" ")[2]
        sent = next((target.type for _place, target in self.places if field == target.source), "any")
        return sent if field in self.also else ""

    @property
    def newer(self) -> bool:
        """Not on Braze's reference page for Segment."""
        return self.since > REFERENCE

    @property
    def title(self) -> str:
        """Its name in Segment or, where every event brings its own, its label in the reader's language."""
        return self.segment_event or labels.translated(self.label)

    def name_in_segment(self, event: Mapping[str, Any]) -> str:
        """What this event, in the flat shape, is called there; empty where it does not carry the name it should."""
        if not self.segment_event_from:
            return self.segment_event
        name = event.get(self.segment_event_from)
        return name if isinstance(name, str) else ""

    @property
    def exportable(self) -> bool:
        """Its name in Segment is known."""
        return bool(self.segment_event or self.segment_event_from)


def _key(name: str) -> str:
    return name.lower().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class EventGroup:
    """A named run of event types within a section, such as *Content Card*."""

    name: str
    events: tuple[EventType, ...]

    @property
    def key(self) -> str:
        """The name as it stands in an element's id."""
        return _key(self.name)


@dataclass(frozen=True, slots=True)
class Section:
    """A named run of groups, such as *Messages*."""

    name: str
    groups: tuple[EventGroup, ...]

    @property
    def key(self) -> str:
        return _key(self.name)


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """What a version of the catalogue brought; ``date`` is ISO 8601."""

    version: int
    date: str
    what: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All event types that can be exported, in their order of display; ``by_name`` knows canonical names and aliases.

    ``sections`` holds those of the reference page, ``newer_sections`` the others. ``nameless`` are types whose name
    in Segment Braze has not published, ``without_segment_form`` the names of those it does not send to Segment.
    ``test_events`` are the ids and times that the events of Braze's *Send Test Events* all carry.
    """

    version: int
    date: str
    currents_version: int
    changes: tuple[CatalogueChange, ...]
    events: tuple[EventType, ...]
    nameless: tuple[EventType, ...]
    test_events: frozenset[tuple[str, int]]
    without_segment_form: frozenset[str]
    sections: tuple[Section, ...]
    newer_sections: tuple[Section, ...]
    by_name: Mapping[str, EventType]

    def is_test_event(self, event: Mapping[str, Any]) -> bool:
        """Whether Braze made it up to try a connection out."""
        return (event.get("id"), event.get("time")) in self.test_events

    @property
    def day(self) -> datetime.date:
        return datetime.date.fromisoformat(self.date)

    def canonical(self, name: str) -> str:
        """The catalogue's spelling of a known name or alias; any other name unchanged."""
        known = self.by_name.get(name)
        return name if known is None else known.event_type
