"""How people get in: invitations only, so nobody signs up by themselves."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from connectors.web import client_address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages: ClassVar[dict[str, Any]] = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": gettext_lazy("The address or the password is not right."),
        "incorrect_password": gettext_lazy("That password is not right."),
        "enter_current_password": gettext_lazy("That is not your current password."),
        "too_many_login_attempts": gettext_lazy("Too many tries. Wait five minutes, then try again."),
        "rate_limited": gettext_lazy("Too many tries. Wait a while, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """For the limits on sign-in, by the same rule as the audit log. Over a socket without proxies there is no
        address; then all share one limit."""
        return client_address.client_of(request) or "0.0.0.0"  # noqa: S104 - no address to bind to
