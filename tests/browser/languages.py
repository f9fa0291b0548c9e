"""Every page and state in six languages at four widths: `make languages`.

Nothing scrolls sideways, no text lies on another or is cut, and axe finds nothing. Pictures land in
`var/test/languages/`, and beside them `texts.txt`: what a language's pages say, each sentence once, to be read through.
`docs/pictures/languages.jpg` is made anew. The usual test run does not collect this file.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from connectors.models import User
from currents_admin import local
from exporter.incidents import letter
from exporter.incidents.letter import Facts
from exporter.models import MailStep
from tests.browser.axe import violations
from tests.browser.every_page import OpenAs, States, every_state, readers, speak, visited
from tests.browser.fitting import misfits
from tests.browser.more_pages import show
from tests.browser.screenshots import pages  # noqa: F401 - a fixture
from tests.support.pseudo import LANGUAGE, pseudo_language

WIDTHS = (320, 390, 768, 1440)
PICTURED = (390, 1440)
FOLDER = local.folder() / "languages"
LANGUAGES = [code for code, _name in settings.LANGUAGES]
STRIP = ("list", "create", "status-failing", "write-key")
PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "languages.jpg"


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_fits_in_every_language(
    language: str,
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    folder, faults, said = FOLDER / language, [], dict[str, str]()
    folder.mkdir(parents=True, exist_ok=True)
    for name, _language, page in visited(*readers(open_as, admin), every_state(pages, admin), [language]):
        faults += [f"{name}: {one}" for one in violations(page)]
        for line in page.locator("body").inner_text().splitlines():
            said.setdefault(line.strip(), name)
        for width in WIDTHS:
            faults += [f"{name}: {one}" for one in misfits(page, width)]
            if width in PICTURED:
                page.screenshot(path=folder / f"{name}-{width}.png")
    (folder / "texts.txt").write_text("".join(f"{name}\t{line}\n" for line, name in said.items() if line))
    assert not faults, "\n".join(faults)


def test_texts_may_be_forty_per_cent_longer(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    faults, states = [], every_state(pages, admin)
    with pseudo_language(longer=0.4):
        for name, _language, page in visited(*readers(open_as, admin), states, [LANGUAGE]):
            for width in WIDTHS:
                faults += [f"{name}: {one}" for one in misfits(page, width)]
    assert not faults, "\n".join(faults)


def test_the_strip_of_all_languages(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    (page, _stranger), columns = readers(open_as, admin), list[str]()
    # A blank page has no policy against styles.
    sheet = page.context.new_page()
    sheet.set_viewport_size({"width": 390, "height": 760})
    page.set_viewport_size({"width": 390, "height": 760})
    for language in LANGUAGES:
        speak(page, language)
        taken = []
        for name in STRIP:
            show(page, *pages[name])
            if name == "create":
                page.evaluate("scrollTo(0, document.querySelector('.picker').offsetTop - 80)")
            taken.append(page.screenshot())
        sheet.set_content(
            f"<style>body {{ font: 16px sans-serif; margin: 16px }}</style>{a_letter(language)}"
        )
        taken.append(sheet.screenshot())
        columns.append(
            "".join(f'<img src="data:image/png;base64,{b64encode(one).decode()}">' for one in taken)
        )
    sheet.set_viewport_size({"width": 1560, "height": 100})
    sheet.set_content(
        "<style>body { margin: 0; display: grid; grid-template-columns: repeat(6, 1fr); background: #d9dee5 }"
        "div { display: grid } img { width: 256px; margin: 2px }</style>"
        + "".join(f"<div>{column}</div>" for column in columns)
    )
    sheet.screenshot(path=PICTURE, full_page=True, type="jpeg", quality=80)
