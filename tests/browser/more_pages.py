"""The pages around the connectors, for what looks at every page: settings, incidents, sources, the account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page

from connectors.models import Connector, Workspace
from connectors.vault import sealing
from exporter.models import MailStep, Notice, Source, SourceObject, Upload, Webhook
from tests.support.factories import (
    IncidentFactory,
    IntakeTokenFactory,
    MembershipFactory,
    RejectedEventFactory,
)

Act = Callable[[Page], object]
# Only identifiers: another test asks whether all other texts of these pages are translated.
URL = "s3://exports-of-harbour-and-pine/currents/dataexport.prod-05.S3.integration.5f3a"


def wait(page: Page) -> None:
    """Until what a loaded page asks for by itself has come: htmx asks as soon as there is a document."""
    page.locator("[hx-trigger^='load delay'], .htmx-request").first.wait_for(state="detached")


def show(page: Page, address: str, act: Act) -> None:
    """The address with `act` done there, once nothing more of it comes by itself."""
    page.goto(address)
    act(page)
    page.wait_for_load_state()
    wait(page)


def incidents(connector: Connector, *, going_on: bool) -> None:
    now = datetime.now(UTC)
    if going_on:
        last = IncidentFactory.create(connector=connector, opened_at=now - timedelta(hours=3))
        for step, hours in ((MailStep.STOPPED, 3), (MailStep.HALF_TIME, 1)):
            at = now - timedelta(hours=hours)
            Notice.objects.create(
                incident=last, step=step, created_at=at, sent_at=at, sent_to=["crm@example.com"]
            )
    for days in (2, 5):
        opened, over = now - timedelta(days=days), now - timedelta(days=days, hours=-2)
        IncidentFactory.create(
            connector=connector,
            reason="retrying",
            opened_at=opened,
            quiet_since=over,
            recovered_at=over,
            closed_at=over,
            lost=days * 11,
        )


def sources(workspace: Workspace) -> Source:
    now = datetime.now(UTC)
    quiet = {"workspace": workspace, "begin": "now", "credentials": sealing.seal("{}")}
    Source.objects.create(url="file:///srv/exports", looked_at=now, accepted=1_204, objects_taken=31, **quiet)
    failing = Source.objects.create(
        url=URL,
        looked_at=now,
        failing_since=now - timedelta(hours=2),
        failures=9,
        trouble=URL,
        accepted=80_211,
        refused=12,
        objects_taken=412,
        last_object=f"{URL}/users.messages.email.Open/2026-11-25-10/502/part-0.avro",
        last_object_at=now - timedelta(hours=2),
        **quiet,
    )
    SourceObject.objects.create(
        source=failing,
        name="currents/users.messages.email.Open/2026-11-25-10/502/part-1.avro",
        etag="e",
        size=120_000,
        modified_at=now,
        state="set_aside",
        trouble=URL,
    )
    return failing


def more_pages(busy: Connector, failing: Connector) -> dict[str, tuple[str, Act]]:
    """Name: address and what to do there."""
    workspace, now = busy.workspace, datetime.now(UTC)
    incidents(busy, going_on=False)
    incidents(failing, going_on=True)
    source = sources(workspace)
    Webhook.objects.create(
        workspace=workspace,
        url=sealing.seal("https://hooks.example.com/a"),
        secret=sealing.seal("s"),
        shown="https://hooks.example.com/…0000",
        last_at=now,
        last_error="connection refused",
    )
    IntakeTokenFactory.create(workspace=workspace)
    MembershipFactory.create(workspace=workspace, role="viewer", user__name="Nadia Night")
    for number in range(3):
        RejectedEventFactory.create(workspace=workspace, event_id=f"refused-{number}")
    Upload.objects.create(
        workspace=workspace, name="export-2026-11-25.avro", size=4_200_000, received=4_200_000, stage="done"
    )
    settings, status = (
        f"/w/{workspace.slug}/settings/",
        "/w/{0.workspace.slug}/data-export/{0.pk}/".format,
    )
    return {
        "incidents": (f"{status(busy)}incidents/", wait),
        "incidents-going-on": (f"{status(failing)}incidents/", wait),
        "test-events": (f"{status(busy)}test/", wait),
        "refused": (f"/w/{workspace.slug}/data-export/refused/", wait),
        "webhook": (f"{settings}webhook/", wait),
        "webhook-none": ("/w/studio/settings/webhook/", wait),
        "sources": (f"{settings}sources/", wait),
        "sources-none": ("/w/studio/settings/sources/", wait),
        "source-new": (f"{settings}sources/new/", wait),
        "source": (f"{settings}sources/{source.pk}/", wait),
        "imports": (f"{settings}imports/", wait),
        "members": (f"{settings}members/", wait),
        "member-invite": (f"{settings}members/invite/", wait),
        "tokens": (f"{settings}tokens/", wait),
        "token-new": (f"{settings}tokens/new/", wait),
        "audit": (f"{settings}audit/", wait),
        "event-types": (f"{settings}event-types/", wait),
        "event-type": ("/events/users.messages.email.Open/", wait),
        "all-workspaces": ("/workspaces/", wait),
        "workspace-new": ("/workspaces/new/", wait),
        "preferences": ("/preferences/", wait),
        "signed-in-where": ("/accounts/sessions/", wait),
    }
