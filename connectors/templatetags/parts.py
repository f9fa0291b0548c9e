"""Small parts that every page is made of: icons, badges, moments, e-mail addresses, remarks of a form."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

from django import forms, template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from connectors.catalogue import labels
from connectors.catalogue.catalogue import CATALOGUE
from connectors.web import list_words, time_words
from connectors.web.field_remarks import Remarked

register = template.Library()


# Kept, because a page has a hundred icons of some forty kinds.
@register.simple_tag
@cache
def icon(name: str, extra: str = "") -> SafeString:
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>', extra, static("icons.svg"), name
    )


@register.filter
def ago(moment: datetime | None) -> str:
    return time_words.ago(moment, timezone.now()) if moment else gettext("Never")


@register.filter
def age(moment: datetime) -> str:
    return time_words.age(moment, timezone.now())


@register.filter(expects_localtime=True)
def written(moment: date | None, pattern: str) -> str:
    """A date by one of the patterns of `time_words`, as the reader's language writes it."""
    return time_words.written(moment, pattern) if moment else ""


@register.filter
def clock(moment: datetime | None) -> str:
    return time_words.by_the_clock(moment, timezone.now()) if moment else "–"


@register.filter
def seconds(value: float) -> str:
    return time_words.duration(value)


@register.filter
def milliseconds(value: int) -> str:
    return time_words.milliseconds(value)


@register.filter
def listed(items: list[str]) -> str:
    return list_words.listed(items)


@register.filter
def catalogue_word(text: str) -> str:
    """A section, group, label or summary of the event catalogue in the reader's language."""
    return labels.translated(text)


@register.filter
def event_title(event_type: str) -> str:
    """What an event type is called, by its name in Braze; that name where the catalogue does not know it."""
    known = CATALOGUE.by_name.get(event_type)
    return known.title if known else event_type


@register.filter
def stored(sentence: str) -> str:
    """A sentence that was stored in English, in the reader's language where the catalogues know it; else marked as
    English for screen readers."""
    said = gettext(sentence) if sentence else ""
    return said if said != sentence or not sentence else format_html('<span lang="en">{}</span>', sentence)


@register.filter
def address(email: str) -> SafeString:
    """An e-mail address that breaks before its `@`."""
    name, _at, domain = email.rpartition("@")
    return format_html('<span class="address">{}<wbr>@{}</span>', name, domain)


@register.filter
def initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").replace(".", " ").replace("&", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper()


@register.filter
def remarks(form: forms.BaseForm, field: str) -> list[tuple[str, str]]:
    """What the form says about a field, worst first: pairs of kind (`bad`, `warn`, `ok`) and sentence."""
    found = [("bad", str(sentence)) for sentence in form.errors.get(field, [])] if form.is_bound else []
    if isinstance(form, Remarked):
        found += [("warn", sentence) for sentence in form.warnings.get(field, [])]
        found += [("ok", sentence) for sentence in form.corrections.get(field, [])]
    return found


@register.filter
def labelled(names: list[str], form: forms.BaseForm) -> list[tuple[str, str]]:
    return [(name, str(form.fields[name].label)) for name in names if name in form.fields]


@register.inclusion_tag("components/action.html")
def action(
    permission: dict[str, Any], href: str, label: str, picture: str, style: str = ""
) -> dict[str, Any]:
    """A link that looks like a button; without the right to it, the same sunken with the reason beside it."""
    return {"may": permission, "href": href, "label": label, "icon": picture, "style": style}


@register.inclusion_tag("components/ask.html")
def ask(permission: dict[str, Any], href: str, label: str, picture: str, style: str = "") -> dict[str, Any]:
    """Like `action`, for a page that asks a question: with JavaScript it opens as a dialog."""
    return {"may": permission, "href": href, "label": label, "icon": picture, "style": style}
