"""The page behind the link of a mail about too many wrong passwords."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from connectors.sign_in import unlock
from connectors.web.request_helpers import see_other

GONE = 410


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unlock_sign_in(request: HttpRequest, link: str) -> HttpResponse:
    """Mail programs look behind links, so looking changes nothing."""
    address = unlock.address_of(link)
    if address is None:
        return render(request, "account/unlock_over.html", status=GONE)
    if request.method == "POST":
        unlock.use(request, link)
        return see_other("account_login")
    return render(request, "account/unlock.html", {"address": address})
