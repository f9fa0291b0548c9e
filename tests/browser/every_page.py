"""What visits every page: which pages there are, in which language one reads, and whether axe finds fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import resolve
from playwright.sync_api import Page

from connectors.models import User
from tests.browser.account_pages import SIGNED_OUT, account_pages
from tests.browser.more_pages import show, wait
from tests.browser.screenshots import Act, joined, launched

OpenAs = Callable[..., Page]
States = dict[str, tuple[str, Act]]


def readers(open_as: OpenAs, admin: User, **media: Any) -> tuple[Page, Page]:
    """Somebody signed in and somebody who is not, both at the product; nothing moves before their eyes."""
    both = open_as(admin), open_as(None)
    for page in both:
        page.emulate_media(reduced_motion="reduce", **media)
        # What was typed on the last visit is no draft for the next.
        page.add_init_script("sessionStorage.clear()")
        page.goto("/accounts/login/")
    return both


def speak(page: Page, language: str) -> None:
    """As if somebody had used the switch of languages; the page must be one of the product already."""
    address = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": address}])


def every_state(states: States, admin: User) -> States:
    """The states of the pictures and the pages they leave out, but that of a wrong address, where a browser logs an
    error of loading."""
    orchard = launched(joined(admin, "orchard", "Orchard & Field"), "Lifecycle events", admin)
    return {name: state for name, state in states.items() if name != "not-found"} | account_pages(
        orchard, admin
    )


def one_of_each(states: States) -> States:
    """One state of each page."""
    found: States = {}
    taken = set()
    for name, (address, act) in states.items():
        page = resolve(urlsplit(address).path).url_name
        if page not in taken:
            taken.add(page)
            found[name] = (address, act)
    return found


def visited(
    page: Page, stranger: Page, states: States, languages: Sequence[str] = ("en",)
) -> Iterator[tuple[str, str, Page]]:
    """Each state's name and language with the browser page that shows it: somebody's who is signed in, or a stranger's.
    Both must be at the product's address already."""
    for name, (address, act) in states.items():
        for language in languages:
            speak(page, language)
            show(page, address, act)
            yield name, language, page
    for name, address in SIGNED_OUT.items():
        for language in languages:
            speak(stranger, language)
            show(stranger, address, wait)
            yield name, language, stranger
