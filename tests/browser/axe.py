"""axe-core on a page as it stands: WCAG 2.2 A and AA, and axe's best practices (landmarks, headings, regions).

The script comes with the wheel `axe-playwright-python`; it is put into a page once and asked as often as wanted. Reduce
motion first (`page.emulate_media(reduced_motion="reduce")`): a colour that still fades is measured on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from playwright.sync_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# What depends on the theme; everything else is the same in light and dark.
CONTRAST = ("color-contrast",)
_SCRIPT = (files("axe_playwright_python") / "axe.min.js").read_text()
_ASK = """async ([only, without]) => {
  const rules = Object.fromEntries(without.map((rule) => [rule, { enabled: false }]));
  const { violations } = await axe.run(document, {
    runOnly: only, rules, resultTypes: ["violations"], preload: false, elementRef: false,
  });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
}"""


def violations(page: Page, *, rules: Sequence[str] = (), without: Sequence[str] = ()) -> list[str]:
    """`rule: the beginning of its HTML` for each element at fault, by all rules of `TAGS` (some left out) or only those
    named."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_SCRIPT)
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": list(TAGS)}
    found: list[str] = page.evaluate(_ASK, [only, list(without)])
    return found
