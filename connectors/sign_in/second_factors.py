"""Second factors: their secrets are encrypted in the database like write keys, and people who lost theirs get help."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from connectors.audit.actions import AuditAction
from connectors.audit.actor import SYSTEM
from connectors.audit.record import record
from connectors.models import Membership, User
from connectors.sign_in import session_rights
from connectors.vault import sealing


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages: ClassVar[dict[str, Any]] = DefaultMFAAdapter.error_messages | {
        "incorrect_code": gettext_lazy("That code is wrong. An app’s code changes every 30 seconds."),
        "cannot_generate_recovery_codes": gettext_lazy("Set up an authenticator app or a passkey first."),
    }

    def encrypt(self, text: str) -> str:
        return sealing.seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return str(sealing.open_sealed(encrypted_text.encode()))

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002
        """The name of a new passkey, unless its owner chooses another."""
        there = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(n)s") % {"n": there + 1} if there else _("Passkey")


@transaction.atomic
def take_away(user: User) -> int:
    """Removes all second factors of somebody who lost theirs, with their recovery codes, and returns how many there
    were. The password stays, so the person can sign in with it alone and set up another."""
    session_rights.end_all(user)
    gone, _by_model = Authenticator.objects.filter(user=user).delete()
    if gone:
        record(
            AuditAction.SIGN_IN_FACTOR,
            SYSTEM,
            workspace=None,
            seen_in=Membership.objects.standing().filter(user=user).values_list("workspace_id", flat=True),
            target=user.email,
            after={"how": gettext_noop("removed by a command")},
        )
    return int(gone)
