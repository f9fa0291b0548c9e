"""The way to the OpenID Connect provider and back. If the provider does not answer, the page says so in plain words."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import structlog
from allauth.core.internal import ratelimit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from connectors.sign_in import oidc_tokens

log = structlog.get_logger(__name__)
View = Callable[[HttpRequest, str], HttpResponse]
# What a link to the sign-in may choose; allauth would also let it change what the provider is asked for.
MAY_CHOOSE = ("process", "next")


def _told(view: View) -> View:
    @wraps(view)
    def patient(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view(request, provider_id)
        except SocialApp.DoesNotExist:
            raise Http404 from None
        except OSError as error:
            log.warning("sign_in.provider_away", error=type(error).__name__)
            why = _("The provider does not answer. Sign in with your password, or try again later.")
            return render(request, "socialaccount/refused.html", {"why": why}, status=503)

    return patient


def _too_many(request: HttpRequest) -> HttpResponse:
    answer: HttpResponse = ratelimit.respond_429(request)
    return answer


@_told
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Limited separately from the way back, because each start asks the provider and a thread waits for the answer."""
    if ratelimit.consume(request, app="allauth.account", action="provider") is None:
        return _too_many(request)
    chosen = QueryDict(mutable=True)
    chosen.update({name: request.GET[name] for name in MAY_CHOOSE if name in request.GET})
    chosen["auth_params"] = urlencode({"nonce": oidc_tokens.new_nonce(request)})
    request.GET = chosen  # type: ignore[assignment]
    answer: HttpResponse = OAuth2LoginView.adapter_view(oidc_tokens.Adapter(request, provider_id))(request)
    return answer


@_told
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Counts as a sign-in for the limits, so that nobody can fill the audit log with refusals."""
    if ratelimit.consume(request, app="allauth.account", action="login", limit_get=True) is None:
        return _too_many(request)
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(oidc_tokens.Adapter(request, provider_id))(
            request
        )
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return answer
