"""What `more_pages` leaves out: what asks before it does something, one of each list, the account, and the pages people
see who are not signed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.urls import reverse

from connectors.audit.actor import By
from connectors.models import Connector, Role, User
from connectors.workspaces import invitations, tokens
from exporter.models import ReceivedTotal, SeenField, SeenType, Upload
from exporter.models.uploads import Stage
from tests.browser.more_pages import Act, sources, wait
from tests.support.factories import MembershipFactory

EMAIL_OPEN = "users.messages.email.Open"
CUSTOM = "users.behaviors.CustomEvent"
SIGNED_OUT = {
    "sign-in": "/accounts/login/",
    "password-reset": "/accounts/password/reset/",
    "password-reset-sent": "/accounts/password/reset/done/",
    "password-key-old": "/accounts/password/reset/key/1-nonsense/",
    "signup-closed": "/accounts/signup/",
    "sign-in-inactive": "/accounts/inactive/",
}


def account_pages(connector: Connector, by: User) -> dict[str, tuple[str, Act]]:
    """Name: address and what to do there. `by` is an admin of the connector's workspace and an owner."""
    workspace = connector.workspace
    member = MembershipFactory.create(workspace=workspace, role=Role.MARKETER, user__name="Ola Orchard")
    _invitation, link = invitations.invite(workspace, "new@orchard.example", Role.VIEWER, None, By(by))
    token, _plain = tokens.create(workspace, "Braze", ["intake", "read"], By(by))
    source, upload = sources(workspace), _half_imported(connector, by)
    _seen(connector)
    here = {"slug": workspace.slug}
    it, them, one = here | {"pk": connector.pk}, here | {"pk": member.pk}, here | {"pk": token.pk}
    addresses = {
        "pause": reverse("pause", kwargs=it),
        "resume": reverse("resume", kwargs=it),
        "member": reverse("member", kwargs=them),
        "member-remove": reverse("member_remove", kwargs=them),
        "invitation": urlsplit(link).path,
        "token-rotate": reverse("token_rotate", kwargs=one),
        "token-revoke": reverse("token_revoke", kwargs=one),
        "source-credentials": reverse("source_credentials", kwargs=here | {"pk": source.pk}),
        "import": reverse("import", kwargs=here | {"pk": upload.pk}),
        "seen-types": reverse("seen_types", kwargs=here),
        "seen-type": reverse("seen_types", kwargs=here) + f"?event_type={EMAIL_OPEN}",
        "event-type-custom": reverse("event_type", args=[CUSTOM]),
        "workspace-rename": reverse("workspace_rename", kwargs=here),
        "workspace-archive": reverse("workspace_archive", kwargs=here),
        "installation-audit": reverse("installation_audit"),
        "passkeys": reverse("mfa_list_webauthn"),
        "password": reverse("account_change_password"),
        "reauthenticate": reverse("account_reauthenticate"),
        "sign-out": reverse("account_logout"),
    }
    return {name: (address, wait) for name, address in addresses.items()}


def _half_imported(connector: Connector, by: User) -> Upload:
    return Upload.objects.create(
        workspace=connector.workspace,
        name="journeys-2026-11-25.avro",
        size=8_400_000,
        received=8_400_000,
        stage=Stage.FAILED,
        created_by=by,
        finished_at=datetime.now(UTC),
        position=6_000,
        accepted=5_880,
        duplicates=114,
        refused=6,
    )


def _seen(connector: Connector) -> None:
    now = datetime.now(UTC)
    times = {"first_seen_at": now - timedelta(days=40), "last_seen_at": now}
    for name in (EMAIL_OPEN, CUSTOM, "users.never.Heard"):
        SeenType.objects.create(workspace=connector.workspace, event_type=name, examined=900, **times)
        ReceivedTotal.objects.create(
            workspace=connector.workspace, event_type=name, count=1_204, last_received_at=now
        )
    for field, forms in (("id", 2), ("time", 4), ("campaign_name", 6), ("brand_new", 8)):
        SeenField.objects.create(
            workspace=connector.workspace,
            event_type=EMAIL_OPEN,
            field=field,
            examined=840,
            forms=forms,
            drifted_at=now - timedelta(hours=3) if forms == 6 else None,
            **times,
        )
