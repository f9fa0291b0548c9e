"""`GET /metrics`: with METRICS_TOKEN as bearer token; without where the product serves this machine alone. With
`?connectors=0` those of single connectors are left out."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.views.decorators.http import require_safe

from exporter.api import exposition as measured
from exporter.api.problem import problem

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not (_knows_token(request) or _is_here(request)):
        return problem(
            401, "Send METRICS_TOKEN as “Authorization: Bearer <token>”.", WWW_Authenticate="Bearer"
        )
    try:
        told = measured.exposition(of_connectors=request.GET.get("connectors") != "0")
        return HttpResponse(told, content_type=measured.CONTENT_TYPE)
    except DatabaseError:
        return problem(503, "The metrics cannot be read now. Ask again in a few seconds.", Retry_After="5")


def _knows_token(request: HttpRequest) -> bool:
    expected = settings.METRICS_TOKEN
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if not expected or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), expected.encode())


def _is_here(request: HttpRequest) -> bool:
    """Whether it was asked from this machine itself. Where the product is published, what comes from here may be what a
    proxy passes on, whatever the headers say."""
    if settings.SECURE or settings.CURRENTS_TRUSTED_PROXIES:
        return False
    if any(f"HTTP_{name}" in request.META for name in ("X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP")):
        return False
    if not _goes_by_a_name_of_ours(request):
        return False
    address = request.META.get("REMOTE_ADDR", "")
    try:
        # Over a Unix socket there is no address; only a proxy on this machine speaks that way.
        return bool(address) and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _goes_by_a_name_of_ours(request: HttpRequest) -> bool:
    """A page from elsewhere can have a browser on this machine ask here, under a name of the page's own (DNS
    rebinding), and read the answer."""
    host = request.META.get("HTTP_HOST")
    names = [*_LOOPBACK, *(name for name in settings.ALLOWED_HOSTS if name != "*")]
    return host is None or validate_host(split_domain_port(host)[0], names)
