"""Pages that refresh themselves: the browser sends what it shows as `stamp`, and hears 204 while nothing differs."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from connectors.views.answers import is_partial


def unchanged(request: HttpRequest, stamp: str) -> bool:
    return is_partial(request) and bool(stamp) and request.GET.get("stamp") == stamp


def stamped(request: HttpRequest, content: str, stamp: str = "") -> str | None:
    """`content` with its stamp, or None where that is what the browser shows; the content itself serves as one."""
    stamp = stamp or blake2b(content.encode(), digest_size=8).hexdigest()
    if unchanged(request, stamp):
        return None
    return content + format_html('<input type="hidden" name="stamp" value="{}">', stamp)


def page_or_part(
    request: HttpRequest, page: str, part: str, context: dict[str, Any], *, stamp: str = ""
) -> HttpResponse:
    """The whole page around its part, or to htmx the part alone; nothing where that is what the browser shows."""
    content = stamped(request, render_to_string(part, context, request), stamp)
    if content is None:
        return HttpResponse(status=204)
    if is_partial(request):
        return HttpResponse(content)
    # Rendered, and so escaped, by the template of the part.
    return render(request, page, context | {"live": mark_safe(content)})  # noqa: S308
