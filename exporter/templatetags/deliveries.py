"""Parts of the pages about delivery: bars, waves, Segment's answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from connectors.templatetags.parts import icon, stored
from connectors.web import time_words
from exporter.display import answer_words, outcome_words, remedies, replay_words, source_words
from exporter.display.health_words import HEALTH
from exporter.display.outcome_words import OutcomeSign
from exporter.models import Attempt
from exporter.reports.source_state import SourceHealth

MOST_SHOWN = 32_000
register = template.Library()
HEIGHT, STEP = 23, 4


@dataclass(frozen=True, slots=True)
class SparkBar:
    """One bar of a sparkline, in whole units of its viewBox."""

    x: int
    y: int
    height: int


@register.filter
def bars(counts: list[int]) -> list[SparkBar]:
    most = max(counts, default=0)
    heights = [max(round(HEIGHT * count / most), 1) if count else 0 for count in counts]
    return [SparkBar(place * STEP, HEIGHT + 1 - height, height) for place, height in enumerate(heights)]


@register.filter
def health_word(health: str) -> str:
    return str(HEALTH[health][0])


@register.simple_tag
def wave(place: int, thickness: float) -> str:
    """The path of one of three waves in a band, longer than the band by one wavelength, so that it can drift."""
    y = thickness * (place + 1) / 4
    return f"M-120 {y:.1f}" + "q30 -5 60 0t60 0" * 8


@register.simple_tag
def answer(attempt: Attempt) -> SafeString:
    """Segment's answer in a few words, with an icon; its own words on hover."""
    name = answer_words.name_of(attempt.status)
    colour, picture = ("ok", "tick-circle") if attempt.verdict == "accepted" else answer_words.sign(name)
    shown = (
        f"{attempt.status} {answer_words.words(name)}"
        if attempt.status
        else stored(attempt.error or "no answer")
    )
    return format_html('<span class="answer {}">{}{}</span>', colour, icon(picture), shown)


@register.filter
def outcome_sign(outcome: str) -> OutcomeSign:
    return outcome_words.sign_of(outcome)


@register.filter
def remedy(reason: str) -> str:
    """What a person can do about events refused for this reason."""
    return remedies.remedy(reason)


@register.filter
def pretty(event: dict[str, Any]) -> str:
    """An event as JSON for people; of a very long one the beginning."""
    text = json.dumps(event, ensure_ascii=False, indent=2)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}\n…"


@register.filter
def span(length: timedelta) -> str:
    return time_words.duration(length.total_seconds())


@register.filter
def seen(moment: datetime | None) -> str:
    """When something was last seen, short enough for a column."""
    if moment is None:
        return _("Never")
    now = timezone.now()
    return time_words.ago(moment, now) if now - moment < timedelta(hours=1) else shortly(moment)


@register.filter
def shortly(moment: datetime) -> str:
    """`09:12` today, `Mon 09:12` within six days, else `12 Aug`."""
    local = timezone.localtime(moment)
    days = abs((local.date() - timezone.localdate()).days)
    if not days:
        return f"{local:%H:%M}"
    return time_words.written(local, "D H:i" if days < 6 else "j M")


@register.simple_tag(takes_context=True)
def pick(
    context: dict[str, Any],
    window: str,
    sort: str,
    label: str,
    *,
    chosen: bool = False,
    all_types: bool | None = None,
) -> SafeString:
    """A link that shows another window, order or number of event types; with JavaScript in place."""
    every = context["all_types"] if all_types is None else all_types
    return format_html(
        '<a href="{0}" hx-get="{1}{0}" hx-target="#live" hx-swap="quiet" hx-push-url="{0}"{2}>{3}</a>',
        f"?window={window}&sort={sort}" + ("&types=all" if every else ""),
        context["request"].path,
        mark_safe(' aria-current="true"' if chosen else ""),  # noqa: S308 - ours
        label,
    )


@register.simple_tag
def badge(health: str) -> SafeString:
    word, colour, picture = HEALTH[str(health)]
    return format_html('<span class="badge {}">{}{}</span>', colour, icon(picture), word)


@register.simple_tag
def replay_badge(state: str) -> SafeString:
    sign = replay_words.sign_of(state)
    return format_html('<span class="badge {}">{}{}</span>', sign.colour, icon(sign.icon), sign.word)


@register.simple_tag
def source_badge(health: str) -> SafeString:
    word, colour, picture = source_words.SIGNS[SourceHealth(health)]
    return format_html('<span class="badge {}">{}{}</span>', colour, icon(picture), word)


@register.filter
def health_colour(health: str) -> str:
    colour = HEALTH[str(health)][1]
    return "bad" if colour == "solid" else colour


@register.filter
def health_icon(health: str) -> str:
    return HEALTH[str(health)][2]
