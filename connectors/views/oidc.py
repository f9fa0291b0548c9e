"""The way to the OpenID Connect provider and back. One that does not answer is told in words, as no fault of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

from allauth.socialaccount.providers.openid_connect import views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

log = logging.getLogger(__name__)
View = Callable[[HttpRequest, str], HttpResponse]


def _told(view: View) -> View:
    @wraps(view)
    def patient(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view(request, provider_id)
        except OSError as error:
            log.warning("The OpenID Connect provider did not answer (%s).", type(error).__name__)
            why = _("The provider does not answer. Sign in with your password, or try again later.")
            return render(request, "socialaccount/refused.html", {"why": why}, status=503)

    return patient


login = _told(views.login)
callback = _told(views.callback)
