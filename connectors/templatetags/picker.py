"""The event picker, written tightly: a page holds a hundred rows of it."""

from __future__ import annotations

import re
from functools import cache

from django import template
from django.template.context import Context
from django.utils.html import format_html, strip_spaces_between_tags
from django.utils.safestring import SafeString, mark_safe

from connectors.catalogue import labels
from connectors.catalogue.catalogue import CATALOGUE, MESSAGE_ENGAGEMENT, REFERENCE_PAGE
from connectors.catalogue.event_type import EventGroup, EventType, Section

register = template.Library()

# The buttons that choose some event types; of a group they choose all or none.
PRESETS = {"reference": REFERENCE_PAGE, "engagement": MESSAGE_ENGAGEMENT}

# Blanks behind an opening tag and before a closing one.
_AT_THE_EDGE = re.compile(r"(<[a-z][^<>]*>) | (?=</)")


@register.simple_block_tag
def tight(content: str) -> SafeString:
    """The same markup without indentation; for what is repeated often and laid out by grids."""
    lines = re.sub(r"\s+", " ", strip_spaces_between_tags(content))
    return mark_safe(_AT_THE_EDGE.sub(r"\1", lines))  # noqa: S308 - rendered already


@register.simple_tag(takes_context=True)
def event_box(context: Context, event: EventType) -> SafeString:
    """The checkbox of an event type, ticked where it is chosen and marked where the connector exports it already."""
    name = event.event_type
    ticked = " checked" if name in context["chosen"] else ""
    standing = " data-standing" if name in (context.get("standing_events") or ()) else ""
    return format_html(
        '<input type="checkbox" name="selected_events" value="{}"{}{}>', name, ticked, standing
    )


@register.simple_tag
def event_words(event: EventType) -> SafeString:
    """What an event type is also found by, where the row itself does not say it: its English label and its aliases."""
    return _words((event.label,), event.aliases)


@register.simple_tag
def group_marks(section: Section, group: EventGroup) -> SafeString:
    """The buttons that choose a group, and its English name and its section's where the page says them otherwise."""
    names = {event.event_type for event in group.events}
    presets = [name for name, chosen in PRESETS.items() if names <= chosen]
    words = _words((section.name, group.name), ())
    return format_html('data-presets="{}"{}', " ".join(presets), words)


def _words(english: tuple[str, ...], further: tuple[str, ...]) -> SafeString:
    words = (*(text for text in english if labels.translated(text) != text), *further)
    return format_html(' data-words="{}"', " ".join(words)) if words else SafeString("")


@register.simple_tag
@cache
def events_by_field() -> str:
    """For the search by property: every name of a field in Braze or Segment, with the places of the event types that
    carry it in the order of the page: `app_id 0-3 5 6;app_version 4`."""
    places: dict[str, list[int]] = {}
    for place, event in enumerate(CATALOGUE.events):
        names = (name for target in event.targets for name in (target.name, *target.sources))
        for name in dict.fromkeys(names):
            places.setdefault(name, []).append(place)
    return ";".join(f"{name} {_runs(found)}" for name, found in places.items())


def _runs(numbers: list[int]) -> str:
    """`0-3 5 6` for 0, 1, 2, 3, 5, 6."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return " ".join("-".join(map(str, run)) for run in runs)
