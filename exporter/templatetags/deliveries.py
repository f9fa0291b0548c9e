"""Parts of the pages about delivery: bars, waves, Segment's answers."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from connectors.templatetags.parts import HEALTH, icon
from exporter.models import Attempt

register = template.Library()
HEIGHT, STEP = 23, 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a sparkline, in whole units of its viewBox."""

    x: int
    y: int
    height: int


@register.filter
def bars(counts: list[int]) -> list[Bar]:
    most = max(counts, default=0)
    heights = [max(round(HEIGHT * count / most), 1) if count else 0 for count in counts]
    return [Bar(place * STEP, HEIGHT + 1 - height, height) for place, height in enumerate(heights)]


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
    colour, picture = _sign(attempt)
    shown = (
        f"{attempt.status} {_words(attempt.status)}" if attempt.status else (attempt.error or _("no answer"))
    )
    return format_html(
        '<span class="answer {}" title="{}">{}{}</span>', colour, attempt.excerpt, icon(picture), shown
    )


def _sign(attempt: Attempt) -> tuple[str, str]:
    if attempt.verdict == "accepted":
        return "ok", "tick-circle"
    if attempt.status in (401, 403):
        return "bad", "key-struck"
    if attempt.status in (400, 413):
        return "bad", "minus-circle"
    waits = attempt.status is None or attempt.status in (408, 410, 429, 460) or attempt.status >= 500
    return ("warn", "retry") if waits else ("bad", "octagon")


def _words(status: int) -> str:
    known = {
        400: _("malformed"),
        401: _("key rejected"),
        403: _("key rejected"),
        413: _("too large"),
        429: _("too many requests"),
    }
    if status in known:
        return known[status]
    if 200 <= status < 300:
        return _("accepted")
    return _("did not work") if status >= 500 or status in (408, 410, 460) else _("refused")
