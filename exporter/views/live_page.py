"""Pages that refresh themselves: the browser sends what it shows as `stamp`, and hears 204 while nothing differs."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from connectors.web.request_helpers import is_partial

# The token of a form is masked anew for every answer; that is no news.
_FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')


def stamp_of(*what: object) -> str:
    """A stamp of what a page depends on, to be asked for before the page is made."""
    return blake2b(repr(what).encode(), digest_size=8).hexdigest()


def unchanged(request: HttpRequest, stamp: str) -> bool:
    return is_partial(request) and bool(stamp) and request.GET.get("stamp") == stamp


def stamped(
    request: HttpRequest, content: str, stamp: str = "", state: dict[str, str] | None = None
) -> str | None:
    """`content` with its stamp, or None where that is what the browser shows; the content itself serves as one.

    The browser sends `state` back with each refresh: what the reader chose."""
    stamp = stamp or blake2b(_FORM_TOKEN.sub("", content).encode(), digest_size=8).hexdigest()
    if unchanged(request, stamp):
        return None
    inputs = ({"stamp": stamp} | (state or {})).items()
    hidden = format_html_join("", '<input type="hidden" name="{}" value="{}">', inputs)
    return content + format_html('<div class="state" hidden>{}</div>', hidden)


def page_or_part(
    request: HttpRequest,
    page: str,
    part: str,
    context: dict[str, Any],
    *,
    stamp: str = "",
    state: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page around its part, or to htmx the part alone; nothing where that is what the browser shows."""
    content = stamped(request, render_to_string(part, context, request), stamp, state)
    if content is None:
        return HttpResponse(status=204)
    if is_partial(request):
        return HttpResponse(content)
    # Rendered, and so escaped, by the template of the part.
    return render(request, page, context | {"live": mark_safe(content)}, status=status)  # noqa: S308
