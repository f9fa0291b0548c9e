"""Where a request comes from: the address of the client, as far as it can be trusted."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_of(request: HttpRequest) -> str | None:
    """The client's IP address. `X-Forwarded-For` counts only as far as our own proxies wrote it: the entry that the
    outermost of `CURRENTS_TRUSTED_PROXIES` added; anything before it may be made up by the client."""
    proxies: int = settings.CURRENTS_TRUSTED_PROXIES
    if proxies:
        chain = request.headers.get("X-Forwarded-For", "").split(",")
        found = _clean(chain[-proxies]) if len(chain) >= proxies else None
        if found:
            return found
    return _clean(request.META.get("REMOTE_ADDR", ""))


def _clean(text: str) -> str | None:
    try:
        return str(ip_address(text.strip().partition("%")[0]))
    except ValueError:
        return None
