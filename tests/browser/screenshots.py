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

from connectors.audit import actor
from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector, Membership, User, Workspace
from connectors.setup import lifecycle
from connectors.workspaces import owners
from currents_admin import local
from exporter.models import Attempt, Delivery
from tests.browser.more_pages import more_pages, show, wait
from tests.browser.planting import attempts, keep, live, reject, replayed
from tests.support.factories import UserFactory, WorkspaceFactory
from tests.support.people import KEY

FOLDER = local.folder() / "screenshots"
LONG = "Warehouse trial with a rather long name (iOS and Android 8.2, second round) – ünïcödé, שלום"
CHOSEN = [event.event_type for event in CATALOGUE.events[::2]]
Act = Callable[[Page], object]
# What is done on a page is the same in every language.
LAST_BUTTON = "form[data-form] button.primary[type=submit]"


def joined(user: User, slug: str, name: str) -> Workspace:
    workspace = WorkspaceFactory.create(slug=slug, name=name)
    Membership.objects.create(workspace=workspace, user=user, role="admin")
    return workspace


def launched(workspace: Workspace, name: str, by: User) -> Connector:
    wanted = lifecycle.Settings(
        name, "lifecycle-data@harbourandpine.example", CHOSEN, include_anonymous=False
    )
    return lifecycle.launch(workspace, wanted, region="eu", write_key=KEY, by=actor.By(by))


def rejected_since(connector: Connector, moment: datetime) -> None:
    """As if the key had been in use for long and rejected since then."""
    began = moment - timedelta(days=30)
    connector.write_keys.update(activated_at=began, rejected_at=moment)
    connector.revisions.update(created_at=began)


@pytest.fixture
def pages(admin: User) -> dict[str, tuple[str, Act]]:
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
    reject(busy, 3)
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
    rejected_since(failing, now - timedelta(hours=3))
    paused = launched(joined(admin, "northwind", "Northwind Papers"), LONG, admin)
    live(paused, {"delivered": 512}, 128, late=7000)
    lifecycle.pause(paused, by=actor.By(admin))
    launched(joined(admin, "quiet", "Quiet Harbour"), "Write-key check", admin)
    catching_up = launched(joined(admin, "catching", "Kettle & Co"), "Journeys, all of them", admin)
    live(catching_up, {"delivered": 18200, "anonymous": 400}, 5200, late=700)
    retrying = launched(joined(admin, "retrying", "Slow Trains"), "Retention journeys", admin)
    live(retrying, {"delivered": 18200}, 310, late=900, failing_since=now - timedelta(minutes=15))
    attempts(retrying, 503, 503, 503, 200)
    losing = launched(joined(admin, "losing", "Lost Letters"), "Old key", admin)
    live(
        losing,
        {"delivered": 18200, "expired": 2118},
        4100,
        late=170_000,
        stopped="key_rejected",
        failing_since=now - timedelta(hours=50),
        expired_at=now,
    )
    attempts(losing, 401, 401)
    rejected_since(losing, now - timedelta(hours=50))
    keep(losing, 160)
    replay = replayed(losing, admin)
    misdirected = launched(joined(admin, "refused", "Wrong Region"), "Lifecycle", admin)
    live(
        misdirected,
        {"delivered": 18200},
        900,
        late=5000,
        stopped="request_refused",
        failing_since=now - timedelta(minutes=80),
    )
    attempts(misdirected, 404, 404)
    unreadable = launched(joined(admin, "unreadable", "Moved House"), "Lifecycle", admin)
    live(unreadable, {"delivered": 900}, 40, late=4000, stopped="key_unreadable")
    joined(admin, "studio", "Paper Studio")
    status = "/w/{0.workspace.slug}/data-export/{0.pk}/".format

    def create_wrong(page: Page) -> None:
        page.locator("#id_name").fill("Lifecycle events to Segment")
        page.locator("#id_contact_email").fill(
            "lifecycle-data@harbourandpine.example, crm@harbourandpine.example"
        )
        page.locator("[name=write_key]").fill("k" * 31)
        page.locator("[name=write_key]").blur()
        # What the server remarks moves what lies below it.
        wait(page)
        page.locator("#id_region_eu").check()
        page.locator("[data-group=page-messages-email] .group-head input").check()
        page.locator('[value="users.messages.email.Abort"]').uncheck()
        page.locator("#pane").evaluate(
            "pane => { pane.scrollTop = pane.querySelector('[data-group=page-messages-email]').offsetTop - 34; }"
        )
        page.locator('.event:has([value="users.messages.email.Click"]) .unfold').click()
        page.get_by_text("context.traits.email").first.wait_for()

    def refused(page: Page) -> None:
        # The draft of the state before.
        page.evaluate("sessionStorage.clear()")
        page.reload()
        page.locator(LAST_BUTTON).click()
        page.locator("#remarks-region .message.bad").wait_for()

    def conflict(page: Page) -> None:
        page.locator("#id_name").fill("My better name")
        theirs = lifecycle.Settings(
            busy.name, "team@harbourandpine.example", CHOSEN[:20], include_anonymous=False
        )
        version = Connector.objects.get(pk=busy.pk).version
        lifecycle.update(busy, theirs, seen_version=version, by=actor.By(admin))
        page.locator(LAST_BUTTON).click()
        page.locator("#conflict").wait_for()
        mine = lifecycle.Settings(
            busy.name, "lifecycle-data@harbourandpine.example", CHOSEN, include_anonymous=False
        )
        lifecycle.update(busy, mine, seen_version=version + 1, by=actor.By(admin))

    def counted(page: Page) -> None:
        page.locator("#replay-form [name=look]").click()
        page.locator("button[form=replay-form]").wait_for()

    def samples(page: Page) -> None:
        with page.expect_navigation():
            page.locator('a[href^="?samples="]').first.click()

    def unknown_owner(page: Page) -> None:
        page.locator("[name=email]").fill("new@harbourandpine.example")
        page.locator("main button[type=submit]").last.click()
        page.locator(".message.bad").wait_for()

    second = UserFactory.create(email="jonas@harbourandpine.example", name="Jonas Lindqvist")
    User.objects.filter(pk=admin.pk).update(is_owner=True)
    owners.add(second.email, actor.By(admin))
    return {
        "first-run": ("/w/studio/data-export/", wait),
        "list": (
            "/w/harbour/data-export/",
            lambda page: page.locator("main details.menu-host > summary").first.click(),
        ),
        "workspaces": ("/", wait),
        "create": ("/w/studio/data-export/new/segment/", create_wrong),
        "create-refused": ("/w/studio/data-export/new/segment/", refused),
        "create-taken": ("/w/harbour/data-export/new/segment/", wait),
        "status-busy": (status(busy), wait),
        "status-failing": (status(failing), wait),
        "status-paused": (status(paused), wait),
        "status-waiting": (status(Connector.objects.get(workspace__slug="quiet")), wait),
        "status-catching-up": (status(catching_up), wait),
        "status-retrying": (status(retrying), wait),
        "status-losing": (status(losing), wait),
        "status-refused": (status(misdirected), wait),
        "status-unreadable": (status(unreadable), wait),
        "status-1h": (f"{status(busy)}?window=1h", wait),
        "status-7d": (f"{status(busy)}?window=7d&sort=last", wait),
        "why": (f"{status(busy)}why/", wait),
        "attempts": (f"{status(busy)}attempts/", wait),
        "attempt": (
            f"{status(failing)}attempts/{Attempt.objects.filter(delivery__connector=failing).latest('at').pk}/",
            wait,
        ),
        "retention": ("/w/losing/settings/retention/", wait),
        "replays": (f"{status(losing)}replays/", wait),
        "replay-preview": (f"{status(losing)}replays/", counted),
        "replay": (f"{status(losing)}replays/{replay.pk}/", wait),
        "rejected": (f"{status(busy)}rejected/", samples),
        "find": (f"{status(failing)}find/?by=external&value=customer-1", wait),
        "found": (
            f"{status(failing)}find/?by=event&value=event-{Delivery.objects.get(connector=failing).cursor}",
            wait,
        ),
        "banner": (f"{status(failing)}write-key/", wait),
        "edit-conflict": (f"{status(busy)}edit/", conflict),
        "write-key": (f"{status(busy)}write-key/", wait),
        "delete": (f"{status(busy)}delete/", wait),
        "second-factor": ("/accounts/2fa/", wait),
        "owners": ("/workspaces/owners/", wait),
        "owner-unknown": ("/workspaces/owners/", unknown_owner),
        "not-found": ("/w/nowhere/data-export/", wait),
        **more_pages(busy, failing),
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
            show(page, address, act)
            taller = name.startswith("create") or name == "edit-conflict"
            page.set_viewport_size({"width": width, "height": 1900 if taller else 900})
            page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", full_page=not taller)
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        for number in range(100 - Connector.objects.count()):
            launched(joined(admin, f"client-{number}", f"Client {number}"), f"Export {number}", admin)
        page.goto("/")
        page.screenshot(path=FOLDER / f"workspaces-100-{width}-{scheme}.png", full_page=True)
