"""Every page and state in six languages at four widths: `make languages`.

Nothing scrolls sideways, no text lies on another or is cut, and axe finds no violation of WCAG 2.2 A and AA. Pictures
land in `var/test/languages/`, with the strip of `docs/pictures/languages.png`. The usual test run does not collect it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.utils import translation
from playwright.sync_api import Page

from connectors.models import User
from currents_admin import local
from exporter.incidents import letter
from exporter.incidents.letter import Facts
from exporter.models import MailStep
from tests.browser.accessibility import WCAG, speak
from tests.browser.screenshots import Act, pages  # noqa: F401 - a fixture
from tests.browser.test_every_width import OVERLAPPING, WIDER
from tests.support.pseudo import LANGUAGE, pseudo_language

OpenAs = Callable[..., Page]
WIDTHS = (320, 390, 768, 1440)
FOLDER = local.folder() / "languages"
# Texts that their box cuts off, but those that say so by an ellipsis and can be read elsewhere.
CUT = """() => [...document.querySelectorAll("main *, nav *, header *")].filter((one) => {
  const style = getComputedStyle(one);
  const holds = [...one.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
  return holds && one.checkVisibility() && !one.closest(".unseen, select, input")
    && ["hidden", "clip"].includes(style.overflowX) && style.textOverflow !== "ellipsis"
    && one.scrollWidth > one.clientWidth + 1;
}).map((one) => one.textContent.trim().slice(0, 60))"""


def misfits(page: Page, name: str, width: int) -> list[str]:
    """Where the page is too wide, and which texts lie on another or are cut."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    found = [f"{wide} wide, {page.evaluate(WIDER, width)}"] if wide > width else []
    found += page.evaluate(OVERLAPPING)
    found += [f"cut: {text}" for text in page.evaluate(CUT)]
    return [f"{name} at {width}: {fault}" for fault in found]


STRIP = ("list", "create", "status-failing", "write-key")


def a_letter(language: str) -> str:
    """The first mail about a rejected write key, as its reader gets it."""
    now = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)
    told = Facts(
        connector="Retention journeys",
        workspace="Bright Foods",
        link="https://currents.example.com/w/bright/data-export/2/",
        cause="key_rejected",
        since=now - timedelta(minutes=1),
        now=now,
        pending=12_440,
        first_loss=now + timedelta(hours=47, minutes=59),
        expired={},
        kept_until=now + timedelta(hours=120),
        answer="401",
    )
    with translation.override(language):
        return letter.write(MailStep.STOPPED, told, ["data@example.com"], "", language).html


def test_the_strip_of_all_languages(
    admin: User,
    open_as: OpenAs,
    pages: dict[str, tuple[str, Act]],  # noqa: F811
) -> None:
    page, columns = open_as(admin), []
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 760})
    for language, _name in settings.LANGUAGES:
        page.goto("/")
        speak(page, language)
        taken = []
        for name in STRIP:
            address, act = pages[name]
            page.goto(address)
            act(page)
            if name == "create":
                page.evaluate("scrollTo(0, document.querySelector('.picker').offsetTop - 80)")
            taken.append(page.screenshot())
        page.set_content(f"<style>body {{ font: 16px sans-serif; margin: 16px }}</style>{a_letter(language)}")
        taken.append(page.screenshot())
        columns.append(
            "".join(f'<img src="data:image/png;base64,{b64encode(one).decode()}">' for one in taken)
        )
    page.set_viewport_size({"width": 1560, "height": 100})
    page.set_content(
        "<style>body { margin: 0; display: grid; grid-template-columns: repeat(6, 1fr); background: #d9dee5 }"
        "div { display: grid } img { width: 256px; margin: 2px }</style>"
        + "".join(f"<div>{column}</div>" for column in columns)
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / "strip.png", full_page=True)


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_every_page_fits_in_every_language(
    language: str,
    admin: User,
    open_as: OpenAs,
    pages: dict[str, tuple[str, Act]],  # noqa: F811
) -> None:
    page, axe, faults = open_as(admin), Axe(), []
    pages.pop("not-found")
    folder = FOLDER / language
    folder.mkdir(parents=True, exist_ok=True)
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    speak(page, language)
    for name, (address, act) in pages.items():
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(address)
        act(page)
        violations = axe.run(page, options=WCAG).response["violations"]
        faults += [f"{name}: {one['id']}: {one['nodes'][0]['html'][:160]}" for one in violations]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            faults += misfits(page, name, width)
            page.screenshot(path=folder / f"{name}-{width}.png")
    assert not faults, "\n".join(faults)


def test_texts_may_be_forty_per_cent_longer(
    admin: User,
    open_as: OpenAs,
    pages: dict[str, tuple[str, Act]],  # noqa: F811
) -> None:
    page, faults = open_as(admin), []
    pages.pop("not-found")
    page.goto("/")
    speak(page, LANGUAGE)
    with pseudo_language(longer=0.4):
        for name, (address, act) in pages.items():
            page.set_viewport_size({"width": 1440, "height": 900})
            page.goto(address)
            act(page)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                faults += misfits(page, name, width)
    assert not faults, "\n".join(faults)
