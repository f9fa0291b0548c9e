"""A workspace's webhook: set, tried, removed by people; each with its entry in the audit log."""

from __future__ import annotations

import secrets
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Workspace
from connectors.vault import sealing
from connectors.workspaces.archived import hold_open
from exporter import sql
from exporter.incidents import webhook as posting
from exporter.models import Webhook

MOST_LETTERS = 1000
_TAIL = 4


class BadTarget(Exception):
    """The text is one sentence that says what to give."""


def put(workspace: Workspace, url: str, by: By) -> str:
    """Sets or replaces it, with a new secret, which is returned and never shown again.

    Raises:
        BadTarget, Archived.
    """
    parts = check(url)
    secret = f"whsec_{secrets.token_urlsafe(32)}"
    values = {
        "url": sealing.seal(url.strip()),
        "secret": sealing.seal(secret),
        "shown": _shown(url.strip(), parts),
        "last_at": None,
        "last_status": None,
        "last_error": "",
    }
    with transaction.atomic():
        hold_open(workspace)
        before = Webhook.objects.filter(workspace=workspace).first()
        made, _created = Webhook.objects.update_or_create(
            workspace=workspace, defaults=values, create_defaults=values | {"created_at": sql.clock()}
        )
        record(
            AuditAction.WEBHOOK_SET,
            by,
            workspace=workspace,
            before={"address": before.shown} if before else None,
            after={"address": made.shown},
        )
    return secret


def remove(webhook: Webhook, by: By) -> None:
    with transaction.atomic():
        record(
            AuditAction.WEBHOOK_REMOVED, by, workspace=webhook.workspace, before={"address": webhook.shown}
        )
        webhook.delete()


def test(webhook: Webhook, by: By) -> None:
    """Raises:
    NotTaken: the receiver did not take it; the text names its status or the fault.
    """
    record(AuditAction.WEBHOOK_TESTED, by, workspace=webhook.workspace, after={"address": webhook.shown})
    posting.trial(webhook).send()


def check(url: str) -> SplitResult:
    """What can be told of an address before anything is connected to.

    Raises:
        BadTarget.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        port_is_one = parts.port is None or parts.port > 0
        host = parts.hostname or ""
        host.encode("ascii")
    except (ValueError, UnicodeError):
        raise BadTarget(
            _("This is no address. Give one such as https://hooks.example.com/currents.")
        ) from None
    if not host or not port_is_one or not text.isascii() or not text.isprintable() or " " in text:
        raise BadTarget(_("This is no address. Give one such as https://hooks.example.com/currents."))
    if len(text) > MOST_LETTERS:
        raise BadTarget(
            _("The address is too long; %(most)s characters are the most.") % {"most": MOST_LETTERS}
        )
    if parts.scheme not in ("https", "http") or (
        parts.scheme == "http" and not settings.CURRENTS_WEBHOOK_NETWORKS
    ):
        raise BadTarget(_("Give an address that begins with https://."))
    if parts.username is not None or parts.fragment:
        raise BadTarget(_("Give the address without a user, a password and “#”."))
    if _is_literal(host) and not posting.address_guard().permits(host):
        raise BadTarget(
            _(
                "Addresses inside the server’s own network are not called. CURRENTS_WEBHOOK_NETWORKS can allow them."
            )
        )
    return parts


def _is_literal(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _shown(url: str, parts: SplitResult) -> str:
    """The host, and the end of the address: the rest of it may be a secret."""
    origin = f"{parts.scheme}://{parts.netloc}"
    rest = url[len(origin) :]
    return origin[:250] + (rest if len(rest) <= _TAIL else f"/…{rest[-_TAIL:]}")
