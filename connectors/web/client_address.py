"""Where a request comes from: the address of the client, as far as it can be trusted."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

log = structlog.get_logger(__name__)
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
    """Whom limits count: an address, of IPv6 its network of 64 bits. None where a proxy stands in front that nobody
    declared: counted by the proxy's address, one could shut out everybody."""
    if undeclared_proxy(request):
        return None
    return household_of(client_of(request))


def household_of(address: str | None) -> str | None:
    """The address; of IPv6 the first of its network, because one client has them all."""
    if address and isinstance(ip_address(address), IPv6Address):
        return str(ip_network(f"{address}/64", strict=False).network_address)
    return address


def undeclared_proxy(request: HttpRequest) -> bool:
    """Whether somebody forwards requests without being declared; said once in the log of each process."""
    global _warned
    found = not settings.CURRENTS_TRUSTED_PROXIES and any(name in request.headers for name in _FORWARDED)
    if found and not _warned:
        _warned = True
        log.warning(
            "proxy.undeclared",
            next="Set CURRENTS_TRUSTED_PROXIES to the number of your proxies: until then limits and the audit log "
            "cannot tell people's addresses.",
        )
        cache.add(UNDECLARED, True, 30 * 86_400)
    return found


def _clean(text: str) -> str | None:
    try:
        found = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    # What a socket for both calls a client of IPv4: as IPv6, all of them would be of one network.
    return str((found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found)
