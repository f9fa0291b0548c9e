"""The catalogue's file, read and checked: a fault in it stops the start with one sentence."""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from connectors.catalogue.event_type import (
    REFERENCE,
    Catalogue,
    CatalogueChange,
    EventGroup,
    EventType,
    Section,
    Target,
)

# `any`: Braze has published the field, but not its type; its value is sent as it came.
JSON_TYPES = frozenset({"string", "boolean", "int", "number", "object", "array of string", "any"})


class CatalogueError(Exception):
    """The catalogue contradicts itself; the message is one plain sentence."""


def load(text: str | bytes) -> Catalogue:
    """Build the catalogue from the text of ``catalogue.json``. Raises CatalogueError."""
    try:
        data = json.loads(text)
        known = tuple(_event_type(entry) for entry in data["events"])
        changes = tuple(CatalogueChange(**entry) for entry in data["changes"])
        version, date, currents = data["version"], data["date"], data["currents_version"]
        without = frozenset(data["without_segment_form"])
        test_events = frozenset((entry["id"], entry["time"]) for entry in data["test_events"])
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise CatalogueError(
            f"The event catalogue cannot be read: {type(fault).__name__} {fault}."
        ) from fault
    _check(known, without, changes, version)
    events = tuple(event for event in known if event.exportable)
    return Catalogue(
        version,
        date,
        currents,
        changes,
        events,
        tuple(event for event in known if not event.exportable),
        test_events,
        without,
        _sections(event for event in events if not event.newer),
        _sections(event for event in events if event.newer),
        MappingProxyType({name: event for event in events for name in (event.event_type, *event.aliases)}),
    )


def _event_type(entry: Mapping[str, Any]) -> EventType:
    return EventType(
        event_type=entry["event_type"],
        since=entry["since"],
        partial=entry.get("partial", False),
        aliases=tuple(entry["aliases"]),
        section=entry["section"],
        group=entry["group"],
        action=entry["action"],
        label=entry["label"],
        summary=entry["summary"],
        segment_event=entry["segment_event"],
        segment_event_from=entry.get("segment_event_from", ""),
        storage=MappingProxyType(dict(entry["storage"])),
        also=tuple(entry["also"]),
        pii=frozenset(entry["pii"]),
        properties=_targets(entry["segment_properties"]),
        traits=_targets(entry["segment_traits"]),
        device=_targets(entry["segment_device"]),
    )


def _targets(entries: Mapping[str, Mapping[str, str]]) -> tuple[Target, ...]:
    return tuple(
        Target(name, entry["from"], entry["type"], entry.get("or", "")) for name, entry in entries.items()
    )


def _check(
    known: Sequence[EventType], without: frozenset[str], changes: Sequence[CatalogueChange], version: int
) -> None:
    for event in known:
        _check_event(event)
        if not REFERENCE <= event.since <= version:
            raise CatalogueError(
                f"The event catalogue says {event.event_type} came with version {event.since}, no version of it."
            )
    if [change.version for change in changes] != list(range(REFERENCE, version + 1)):
        raise CatalogueError("The event catalogue does not list its changes version by version.")
    # Braze's newest channels share bare names such as Clicked; on the reference page each is one event's.
    _check_unique("Segment event", (event.segment_event for event in known if not event.newer))
    names = [name for event in known for name in (event.event_type, *event.aliases)]
    _check_unique("event type or alias", [*names, *without])


def _check_event(event: EventType) -> None:
    name = event.event_type
    for text in (name, event.section, event.group, event.label, event.summary):
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
    sources = [source for target in event.targets for source in target.sources]
    if strange := sorted({*sources, event.segment_event_from} - fields - {""}):
        raise CatalogueError(
            f"The event catalogue takes a value of {name} from {strange[0]}, no field of it."
        )
    _check_unique(f"source in {name}", sources)
    if event.segment_event_from and event.segment_event_from not in sources:
        raise CatalogueError(
            f"The event catalogue names {name} after {event.segment_event_from}, which it does not send."
        )


def _check_unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise CatalogueError(f"The event catalogue lists the {what} {name} twice.")
        seen.add(name)


def _sections(events: Iterable[EventType]) -> tuple[Section, ...]:
    grouped: dict[str, dict[str, list[EventType]]] = {}
    for event in events:
        grouped.setdefault(event.section, {}).setdefault(event.group, []).append(event)
    return tuple(
        Section(section, tuple(EventGroup(name, tuple(members)) for name, members in groups.items()))
        for section, groups in grouped.items()
    )
