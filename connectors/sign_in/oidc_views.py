"""The way to the OpenID Connect provider and back. One that does not answer is told in words, as no fault of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core.internal import ratelimit
from allauth.socialaccount import app_settings
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect import views
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from connectors.sign_in import oidc_adapter, oidc_claims

log = logging.getLogger(__name__)
View = Callable[[HttpRequest, str], HttpResponse]
# What a link to the sign-in may choose; allauth would let it change what the provider is asked, too.
MAY_CHOOSE = ("process", "next")


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


class _Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """What the provider says is cleaned before anything is looked up by it."""

    def _fetch_user_info(self, access_token: str) -> dict[str, Any]:
        return self._cleaned(super()._fetch_user_info(access_token))

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        return self._cleaned(super()._decode_id_token(app, id_token))

    def _cleaned(self, claims: Any) -> dict[str, Any]:
        try:
            return oidc_claims.clean(claims if isinstance(claims, dict) else {}, app_settings.UID_MAX_LENGTH)
        except oidc_claims.BadSubject:
            raise oidc_adapter.refusal(
                self.request, "", _("The provider does not say in a usable way who you are.")
            ) from None


def _too_many(request: HttpRequest) -> HttpResponse:
    answer: HttpResponse = ratelimit.respond_429(request)
    return answer


@_told
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Limited apart from the way back: each start asks the provider, and a thread waits for it."""
    if ratelimit.consume(request, app="allauth.account", action="provider") is None:
        return _too_many(request)
    chosen = QueryDict(mutable=True)
    chosen.update({name: request.GET[name] for name in MAY_CHOOSE if name in request.GET})
    request.GET = chosen  # type: ignore[assignment]
    answer: HttpResponse = views.login(request, provider_id)
    return answer


@_told
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Counts as a sign-in for the limits, so that nobody fills the audit log with refusals."""
    if ratelimit.consume(request, app="allauth.account", action="login", limit_get=True) is None:
        return _too_many(request)
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(_Adapter(request, provider_id))(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return answer
