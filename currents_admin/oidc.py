"""Sign-in at an OpenID Connect provider: `CURRENTS_OIDC_URL` and its companions. Not set, it does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from currents_admin import env


@dataclass(frozen=True, slots=True)
class Provider:
    """`url` is the issuer; its `/.well-known/openid-configuration` tells the rest."""

    url: str
    name: str
    client_id: str
    client_secret: str

    @property
    def origin(self) -> str:
        """The sign-in form is redirected there, which the Content-Security-Policy must allow."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def as_app(self) -> dict[str, Any]:
        return {
            "provider_id": "oidc",
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.client_secret,
            "settings": {"server_url": self.url},
        }


def from_environment() -> Provider | None:
    """Raises:
    BadEnvironment: some of the variables are set and others missing, or the address is none.
    """
    client_id, secret = env.text("CURRENTS_OIDC_CLIENT_ID"), env.text("CURRENTS_OIDC_CLIENT_SECRET")
    if not env.text("CURRENTS_OIDC_URL"):
        if client_id or secret:
            raise env.BadEnvironment("CURRENTS_OIDC_URL must be set where CURRENTS_OIDC_CLIENT_ID is.")
        return None
    if not client_id or not secret:
        raise env.BadEnvironment(
            "CURRENTS_OIDC_URL needs CURRENTS_OIDC_CLIENT_ID and CURRENTS_OIDC_CLIENT_SECRET beside it."
        )
    url = env.web_address("CURRENTS_OIDC_URL", "")
    return Provider(url, env.text("CURRENTS_OIDC_NAME", "OpenID Connect"), client_id, secret)
