"""How people get in: invitations only, so nobody signs up by themselves."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from connectors import addresses


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """For the limits on sign-in, by the same rule as the audit log. Over a socket without proxies there is no
        address; then all share one limit."""
        return addresses.client_of(request) or "0.0.0.0"  # noqa: S104 - no address to bind to
