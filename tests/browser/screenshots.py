"""Pictures of every screen, wide and narrow, light and dark: `python -m pytest tests/browser/screenshots.py`.

They land in `var/screenshots/` (or under `CURRENTS_VAR`). All data is invented. `make screenshots` runs this; the
usual test run does not collect it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from connectors import lifecycle
from connectors.catalogue import CATALOGUE
from connectors.models import Connector, Membership, User, Workspace
from currents_admin import local
from exporter.models import (
    Attempt,
    Delivery,
    DeliveryHour,
    DeliveryTotal,
    EventBatch,
    EventLog,
    ReceivedCount,
    ReceivedTotal,
)
from tests.factories import WorkspaceFactory
from tests.web.conftest import KEY

FOLDER = local.folder() / "screenshots"
LONG = "Warehouse trial with a rather long name (iOS and Android 8.2, second round) – ünïcödé, שלום"
CHOSEN = [event.event_type for event in CATALOGUE.events[::2]]
TYPES = [event.event_type for event in CATALOGUE.events[28:42]]
Act = Callable[[Page], object]


def joined(user: User, slug: str, name: str) -> Workspace:
    workspace = WorkspaceFactory.create(slug=slug, name=name)
    Membership.objects.create(workspace=workspace, user=user, role="admin")
    return workspace


def launched(workspace: Workspace, name: str, by: User) -> Connector:
    wanted = lifecycle.Settings(
        name, "lifecycle-data@harbourandpine.example", CHOSEN, include_anonymous=False
    )
    return lifecycle.launch(workspace, wanted, region="eu", write_key=KEY, by=lifecycle.By(by))


def live(
    connector: Connector, outcomes: dict[str, int], waiting: int, late: float = 1.2, **state: object
) -> None:
    """Plants a day of traffic whose ledger balances."""
    now = datetime.now(UTC)
    delivery, done = Delivery.objects.get(connector=connector), sum(outcomes.values())
    EventLog.objects.filter(workspace=connector.workspace).update(next_event=done + waiting)
    share = [2.0**-place for place in range(len(TYPES))]
    received = dict.fromkeys(TYPES, 0)
    for outcome, count in outcomes.items():
        parts = [int(count * part / sum(share)) for part in share]
        parts[0] += count - sum(parts)
        for name, part in zip(TYPES, parts, strict=True):
            received[name] += part
            DeliveryTotal.objects.create(delivery=delivery, event_type=name, outcome=outcome, count=part)
    received[TYPES[0]] += waiting
    hour = now.replace(minute=0, second=0, microsecond=0)
    for name, count in received.items():
        ReceivedTotal.objects.create(
            workspace=connector.workspace, event_type=name, count=count, last_received_at=now
        )
    for back in range(24):
        ReceivedCount.objects.create(
            workspace=connector.workspace,
            minute=hour - timedelta(hours=back),
            event_type=TYPES[0],
            count=1000 + 700 * ((back * 7) % 11),
        )
        DeliveryHour.objects.create(
            delivery=delivery,
            hour=hour - timedelta(hours=back),
            outcome="delivered",
            count=max(outcomes["delivered"] // 24 + 90 * ((back * 7) % 11) - 450, 0),
        )
    if waiting:
        EventBatch.objects.create(
            workspace=connector.workspace,
            first_event=done,
            end_event=done + waiting,
            received_at=now - timedelta(seconds=late),
            type_counts={},
            id_hashes=b"",
            payload=b"",
        )
    Delivery.objects.filter(pk=delivery.pk).update(
        **{"cursor": done, "moved_at": now, "accepted_at": now} | state
    )


def attempts(connector: Connector, *statuses: int) -> None:
    delivery, now = Delivery.objects.get(connector=connector), datetime.now(UTC)
    for place, status in enumerate(statuses):
        Attempt.objects.create(
            delivery=delivery,
            at=now - timedelta(seconds=5 * place),
            status=status,
            verdict="accepted" if status == 200 else "refused",
            milliseconds=118 - place,
            events=14 + place,
            bytes=13_200,
            first_event=4_182_377 - 20 * place,
            last_event=4_182_394 - 20 * place,
        )


@pytest.fixture
def pages(live_server: LiveServer, admin: User) -> dict[str, tuple[str, Act]]:
    """Name: address and what to do there before the picture is taken."""
    now = datetime.now(UTC)
    harbour = Workspace.objects.get(slug="harbour")
    busy = launched(harbour, "Lifecycle events to Segment", admin)
    live(
        busy,
        {"unsupported": 2413, "unselected": 16383, "anonymous": 2214, "delivered": 77393, "rejected": 6},
        3,
    )
    attempts(busy, 200, 200, 200, 429, 200, 400)
    failing = launched(joined(admin, "bright", "Bright Foods"), "Retention journeys", admin)
    live(
        failing,
        {"unsupported": 2068, "unselected": 14060, "anonymous": 1894, "delivered": 66402, "rejected": 6},
        12440,
        late=10_800,
        stopped="key_rejected",
        failing_since=now - timedelta(hours=3),
        next_attempt_at=now + timedelta(minutes=3),
        accepted_at=now - timedelta(hours=3),
    )
    attempts(failing, 401, 401, 401, 200)
    paused = launched(joined(admin, "northwind", "Northwind Papers"), LONG, admin)
    live(paused, {"delivered": 512}, 128, late=7000)
    lifecycle.pause(paused, by=lifecycle.By(admin))
    launched(joined(admin, "quiet", "Quiet Harbour"), "Write-key check", admin)
    joined(admin, "studio", "Paper Studio")
    status = "/w/{0.workspace.slug}/data-export/{0.pk}/".format

    def wait(page: Page) -> None:
        page.wait_for_load_state("networkidle")

    def create_wrong(page: Page) -> None:
        page.get_by_label("Integration name").fill("Lifecycle events to Segment")
        page.get_by_label("Contact email").fill(
            "lifecycle-data@harbourandpine.example, crm@harbourandpine.example"
        )
        page.locator("[name=write_key]").fill("k" * 31)
        page.locator("[name=write_key]").blur()
        page.get_by_label("European Union").check()
        page.locator("[data-group=messages-email] .group-head input").check()
        page.locator('[value="users.messages.email.Abort"]').uncheck()
        page.locator("#pane").evaluate(
            "pane => { pane.scrollTop = document.getElementById('group-messages-email').offsetTop - 34; }"
        )
        page.locator('[data-event]:has([value="users.messages.email.Click"]) summary').click()
        page.get_by_text("context.traits.email").first.wait_for()

    def refused(page: Page) -> None:
        page.get_by_role("button", name="Launch Current").click()
        page.get_by_text("Give the Current a name.").wait_for()

    def conflict(page: Page) -> None:
        page.get_by_label("Integration name").fill("My better name")
        theirs = lifecycle.Settings(
            busy.name, "team@harbourandpine.example", CHOSEN[:20], include_anonymous=False
        )
        version = Connector.objects.get(pk=busy.pk).version
        lifecycle.update(busy, theirs, seen_version=version, by=lifecycle.By(admin))
        page.get_by_role("button", name="Update Current").click()
        page.get_by_role("alert").wait_for()
        mine = lifecycle.Settings(
            busy.name, "lifecycle-data@harbourandpine.example", CHOSEN, include_anonymous=False
        )
        lifecycle.update(busy, mine, seen_version=version + 1, by=lifecycle.By(admin))

    return {
        "first-run": ("/w/studio/data-export/", wait),
        "list": ("/w/harbour/data-export/", lambda page: page.get_by_text("Create New Current").click()),
        "workspaces": ("/", wait),
        "create": ("/w/studio/data-export/new/segment/", create_wrong),
        "create-refused": ("/w/studio/data-export/new/segment/", refused),
        "create-taken": ("/w/harbour/data-export/new/segment/", wait),
        "status-busy": (status(busy), wait),
        "status-failing": (status(failing), wait),
        "status-paused": (status(paused), wait),
        "status-waiting": (status(Connector.objects.get(workspace__slug="quiet")), wait),
        "edit-conflict": (f"{status(busy)}edit/", conflict),
        "write-key": (f"{status(busy)}write-key/", wait),
        "delete": (f"{status(busy)}delete/", wait),
        "not-found": ("/w/nowhere/data-export/", wait),
    }


@pytest.mark.parametrize(("width", "scheme"), list(product((1440, 390), ("light", "dark"))))
def test_pictures(
    width: int,
    scheme: str,
    browser: Browser,
    live_server: LiveServer,
    admin: User,
    pages: dict[str, tuple[str, Act]],
) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    client = Client()
    client.force_login(admin, backend=settings.AUTHENTICATION_BACKENDS[0])
    with browser.new_context(
        base_url=live_server.url,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    ) as context:
        page = context.new_page()
        page.goto("/accounts/login/")
        page.screenshot(path=FOLDER / f"sign-in-{width}-{scheme}.png")
        cookie = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        for name, (address, act) in pages.items():
            page.goto(address)
            act(page)
            taller = name.startswith("create") or name == "edit-conflict"
            page.set_viewport_size({"width": width, "height": 1900 if taller else 900})
            page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", full_page=not taller)
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        for number in range(100 - Connector.objects.count()):
            launched(joined(admin, f"client-{number}", f"Client {number}"), f"Export {number}", admin)
        page.goto("/")
        page.screenshot(path=FOLDER / f"workspaces-100-{width}-{scheme}.png", full_page=True)
