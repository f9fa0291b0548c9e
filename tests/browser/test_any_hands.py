"""Any hands and eyes: forced colours, no motion, longer texts, and the keyboard alone."""

from __future__ import annotations

from playwright.sync_api import expect

from connectors.models import User
from tests.browser.every_page import OpenAs, States, every_state, one_of_each, readers, visited
from tests.browser.fitting import misfits
from tests.browser.screenshots import pages  # noqa: F401 - a fixture
from tests.support.pseudo import LANGUAGE, pseudo_language

# Controls whose edge or words nobody sees: both have the colour of what is behind them.
UNSEEN = """() => {
  const behind = (one) => {
    for (let up = one; up; up = up.parentElement) {
      const colour = getComputedStyle(up).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const drawn = (one) => {
    const style = getComputedStyle(one), under = behind(one.parentElement);
    const edge = parseFloat(style.borderTopWidth) > 0 && style.borderTopColor !== under;
    const words = one.innerText?.trim() && style.color !== behind(one);
    const before = getComputedStyle(one, "::before");
    const sign = (one.querySelector("svg") || parseFloat(before.borderRightWidth) > 0) && style.color !== behind(one);
    return edge || words || sign;
  };
  const controls = "a[href], button, summary, select, input:not([type=hidden], [type=file]), textarea";
  return [...document.querySelectorAll(controls)]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".unseen"))
    .filter((one) => one.getBoundingClientRect().width > 1 && !drawn(one))
    .map((one) => one.outerHTML.slice(0, 120));
}"""
MOVING = "document.getAnimations().filter((one) => one.playState === 'running').length"


def test_forced_colours_hide_no_control_and_nothing_moves_where_that_is_asked_for(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    found = {}
    both = readers(open_as, admin, forced_colors="active")
    for name, _language, page in visited(*both, one_of_each(every_state(pages, admin))):
        told = [f"unseen: {one}" for one in page.evaluate(UNSEEN)]
        told += ["something moves"] if page.evaluate(MOVING) else []
        if told:
            found[name] = told
    assert found == {}


def test_texts_may_be_forty_per_cent_longer(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    found = []
    with pseudo_language(longer=0.4):
        for name, _language, page in visited(
            *readers(open_as, admin), one_of_each(every_state(pages, admin)), [LANGUAGE]
        ):
            for width in (320, 1440):
                found += [f"{name}: {one}" for one in misfits(page, width)]
    assert not found, "\n".join(found)


def test_the_menu_of_a_narrow_screen_is_worked_by_keyboard_alone(admin: User, open_as: OpenAs) -> None:
    page = open_as(admin)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/w/harbour/data-export/")
    toggle, first = page.locator("#menu-toggle"), page.locator(".sidebar a").first
    toggle.focus()
    page.keyboard.press("Space")
    expect(first).to_be_focused()
    page.keyboard.press("Escape")
    expect(toggle).to_be_focused()
    expect(first).to_be_hidden()
    page.keyboard.press("Space")
    expect(first).to_be_focused()
    page.locator(".scrim").click(position={"x": 380, "y": 400})
    expect(first).to_be_hidden()


def test_the_language_is_chosen_by_keyboard_and_stays(admin: User, open_as: OpenAs) -> None:
    page = open_as(admin)
    page.goto("/w/harbour/data-export/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.locator("header .languages summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    for _step in range(10):
        if page.evaluate("document.activeElement.lang") == "ja":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    admin.refresh_from_db()
    assert admin.language == "ja"
