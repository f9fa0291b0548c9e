"""The provider's id token: its signature and its nonce are checked, wherever it comes from.

django-allauth leaves the signature out where the token came over TLS, which OpenID Connect allows (Core 1.0, 3.1.3.7);
here a token must prove itself, and must have been made for this browser's sign-in.
"""

from __future__ import annotations

import secrets
from typing import Any

import jwt
from allauth.socialaccount import app_settings
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from connectors.sign_in import oidc_adapter, oidc_claims

# Signed with a key pair: a shared secret would let whoever holds it make tokens.
_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
_KEPT_AS = "oidc_nonces"
# Sign-ins begun in several windows of one browser.
_MOST_BEGUN = 5


def new_nonce(request: HttpRequest) -> str:
    nonce = secrets.token_urlsafe(24)
    request.session[_KEPT_AS] = [*request.session.get(_KEPT_AS, []), nonce][-_MOST_BEGUN:]
    return nonce


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        path = reverse("openid_connect_callback", kwargs={"provider_id": self.provider_id})
        return f"{settings.SITE_URL}{path}"

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> Any:
        """Raises:
        OAuth2Error: there is no id token, or it proves nothing.
        """
        if not kwargs["response"].get("id_token"):
            raise OAuth2Error("There is no id token.")
        return super().complete_login(request, app, token, **kwargs)

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        try:
            algorithm = jwt.get_unverified_header(id_token).get("alg")
        except jwt.PyJWTError as error:
            raise OAuth2Error("The id token is none.") from error
        if algorithm not in _ALGORITHMS:
            raise OAuth2Error("The id token is not signed with a key pair.")
        try:
            data: dict[str, Any] = jwtkit.verify_and_decode(
                credential=id_token,
                keys_url=self.openid_config["jwks_uri"],
                issuer=self.openid_config["issuer"],
                audience=app.client_id,
                lookup_kid=jwtkit.lookup_kid_jwk,
                verify_signature=True,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("The id token names no key of the provider's.") from error
        self._check_nonce(str(data.get("nonce", "")))
        return self._cleaned(data)

    def _fetch_user_info(self, access_token: str) -> dict[str, Any]:
        return self._cleaned(super()._fetch_user_info(access_token))

    def _cleaned(self, claims: Any) -> dict[str, Any]:
        """Cleans what the provider says before anything is looked up by it."""
        try:
            return oidc_claims.clean(claims if isinstance(claims, dict) else {}, app_settings.UID_MAX_LENGTH)
        except oidc_claims.BadSubject:
            raise oidc_adapter.refusal(
                self.request, "", _("The provider’s answer does not say clearly who you are.")
            ) from None

    def _check_nonce(self, nonce: str) -> None:
        begun = self.request.session.get(_KEPT_AS, [])
        if nonce not in begun:
            raise OAuth2Error("The id token was made for another sign-in.")
        self.request.session[_KEPT_AS] = [other for other in begun if other != nonce]


# The way there is built by the provider, from this class.
OpenIDConnectProvider.oauth2_adapter_class = Adapter
