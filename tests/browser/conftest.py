"""Chromium in front of the live server. A page that logs an error or breaks the Content-Security-Policy fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connector, Role, User, Workspace
from tests.browser import chromium
from tests.support.factories import MembershipFactory, WorkspaceFactory
from tests.support.people import launch

# Answers the tests provoke; Chromium logs them as errors of loading.
EXPECTED = ("status of 409", "status of 422")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = not os.path.exists(chromium.PATH) and os.environ.get("CI") != "true"
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed here"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright's synchronous interface keeps an event loop in this thread; the ORM is used beside it, not in it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium.PATH, args=chromium.SWITCHES)
        yield started
        started.close()


@pytest.fixture
def harbour(live_server: LiveServer) -> Workspace:
    return WorkspaceFactory.create(slug="harbour", name="Harbour & Pine")


@pytest.fixture
def admin(harbour: Workspace) -> User:
    return MembershipFactory.create(workspace=harbour, role=Role.ADMIN, user__name="Maya Okafor").user


@pytest.fixture
def marketer(harbour: Workspace) -> User:
    return MembershipFactory.create(workspace=harbour, role=Role.MARKETER, user__name="Jonas Lindqvist").user


@pytest.fixture
def connector(harbour: Workspace, admin: User) -> Connector:
    return launch(harbour, by=admin)


def watched(context: BrowserContext, complaints: list[str]) -> Page:
    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(expected in message.text for expected in EXPECTED):
            complaints.append(message.text)

    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(10_000)
    return page


@pytest.fixture
def open_as(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """A page signed in as somebody (or nobody), with or without JavaScript."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(user: User | None, *, scripts: bool = True, zone: str = "UTC") -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": 1440, "height": 900},
            java_script_enabled=scripts,
            timezone_id=zone,
        )
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        return watched(context, complaints)

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
