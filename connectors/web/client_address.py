"""Where a request comes from: the address of the client, as far as it can be trusted."""

from __future__ import annotations

import logging
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

log = logging.getLogger(__name__)
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")
_warned = False
# Kept for the chore that tells the owners.
UNDECLARED = "undeclared-proxy"


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


def client_for_limits(request: HttpRequest) -> str | None:
    """Whom limits count: an address, of IPv6 its network of 64 bits, because a household has that many. None where a
    proxy stands in front that nobody declared: counted by the proxy's address, one could shut out everybody."""
    if undeclared_proxy(request):
        return None
    found = client_of(request)
    if found and isinstance(ip_address(found), IPv6Address):
        return str(ip_network(f"{found}/64", strict=False).network_address)
    return found


def undeclared_proxy(request: HttpRequest) -> bool:
    """Whether somebody forwards requests without being declared; said once in the log of each process."""
    global _warned
    found = not settings.CURRENTS_TRUSTED_PROXIES and any(name in request.headers for name in _FORWARDED)
    if found and not _warned:
        _warned = True
        log.warning(
            "Requests arrive with X-Forwarded-For, but no proxy is declared. Set CURRENTS_TRUSTED_PROXIES to the "
            "number of your proxies: until then limits and the audit log cannot tell people's addresses."
        )
        cache.add(UNDECLARED, True, 30 * 86_400)
    return found


def _clean(text: str) -> str | None:
    try:
        return str(ip_address(text.strip().partition("%")[0]))
    except ValueError:
        return None
