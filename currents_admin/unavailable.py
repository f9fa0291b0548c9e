"""What people are told when something failed here: 503 in words if it was the database, 500 for a fault of ours."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

RETRY_AFTER = "5"


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`. The page is drawn without asking for anybody or anything: the database may be away."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        page = loader.get_template("503.html").render()
        return HttpResponse(page, status=503, headers={"Retry-After": RETRY_AFTER})
    return HttpResponse(loader.get_template("500.html").render(), status=500)
