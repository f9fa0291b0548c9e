"""Sign-in at an OpenID Connect provider: `CURRENTS_OIDC_URL` and its companions. Not set, it does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from currents_admin import env, env_urls, safety

_MICROSOFT = (
    *("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"),
    *("login.microsoft.com", "login.windows.net", "sts.windows.net"),
)
# The last is the tenant of all personal accounts.
_MANY_TENANTS = frozenset({"common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"})
_FOR_EVERYBODY = (
    *("accounts.google.com", "appleid.apple.com", "login.live.com", "api.login.yahoo.com", "gitlab.com"),
    *("facebook.com", "linkedin.com", "slack.com", "discord.com", "id.twitch.tv", "login.salesforce.com"),
    *("auth.atlassian.com", "paypal.com", "line.me", "token.actions.githubusercontent.com", "bitbucket.org"),
)


@dataclass(frozen=True, slots=True)
class Provider:
    """`url` is the issuer; its `/.well-known/openid-configuration` tells the rest."""

    url: str
    name: str
    client_id: str
    client_secret: str
    # Its addresses count although it does not call them verified.
    trust_email: bool = False

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
    BadEnvironment: some of the variables are set and others missing, the address is none, or addresses of
        people are to be trusted that anybody can claim.
    """
    client_id, secret = env.line("CURRENTS_OIDC_CLIENT_ID"), env.line("CURRENTS_OIDC_CLIENT_SECRET")
    if not env.text("CURRENTS_OIDC_URL"):
        if client_id or secret:
            raise env.BadEnvironment("CURRENTS_OIDC_URL must be set where CURRENTS_OIDC_CLIENT_ID is.")
        return None
    if not client_id or not secret:
        raise env.BadEnvironment(
            "CURRENTS_OIDC_URL needs CURRENTS_OIDC_CLIENT_ID and CURRENTS_OIDC_CLIENT_SECRET beside it."
        )
    url = env_urls.web("CURRENTS_OIDC_URL", "")
    safety.check_issuer("CURRENTS_OIDC_URL", url)
    trust_email = env.flag("CURRENTS_OIDC_TRUST_EMAIL")
    if trust_email and _serves_many(url):
        raise env.BadEnvironment(
            "CURRENTS_OIDC_TRUST_EMAIL cannot be on for this CURRENTS_OIDC_URL: it serves more than one organisation, "
            "so anybody can claim any address there."
        )
    return Provider(url, env.line("CURRENTS_OIDC_NAME", "OpenID Connect"), client_id, secret, trust_email)


def _serves_many(url: str) -> bool:
    """Whether people of more than one organisation sign in at this issuer, as far as its address tells."""
    parts = urlsplit(url.lower())
    host = parts.hostname or ""
    if any(host == one or host.endswith(f".{one}") for one in _MICROSOFT):
        return not _MANY_TENANTS.isdisjoint(parts.path.split("/")) or not parts.path.strip("/")
    return any(host == one or host.endswith(f".{one}") for one in _FOR_EVERYBODY)
