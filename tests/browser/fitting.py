"""Whether a page fits its window: nothing scrolls sideways, no text lies on another, none is cut, no word broken."""

from __future__ import annotations

from playwright.sync_api import Page

# The boxes of all visible texts that nothing clips or scrolls by itself; answers pairs that overlap.
OVERLAPPING = """() => {
  const boxes = [], out = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const apart = (style) => ["fixed", "sticky"].includes(style.position) || style.opacity === "0"
    || [style.overflowX, style.overflowY].some((way) => ["auto", "scroll", "hidden", "clip"].includes(way));
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.nodeValue.trim() || !parent.checkVisibility({ visibilityProperty: true })) continue;
    if (parent.closest("script, style, svg, template, .unseen, option")) continue;
    if (parent.closest("details:not([open]) > :not(summary), details.menu-host[open] .menu")) continue;
    let clipped = false;
    for (let up = parent; up; up = up.parentElement) clipped = clipped || apart(getComputedStyle(up));
    if (clipped) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width > 2 && box.height > 4) boxes.push([node.nodeValue.trim().slice(0, 40), box, parent]);
    }
  }
  boxes.forEach(([one, a, of], place) => boxes.slice(place + 1).forEach(([other, b, its]) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (of !== its && across > 2 && down > 5) out.push(`${one} | ${other}`);
  }));
  return out;
}"""
# The same of the words in pictures: answers pairs of one picture that overlap.
_LABELS = """() => {
  const out = [];
  for (const picture of document.querySelectorAll("svg:has(text)")) {
    const seen = [...picture.querySelectorAll("text")]
      .filter((one) => one.checkVisibility({ visibilityProperty: true }));
    const boxes = seen.map((one) => [one.textContent.trim(), one.getBoundingClientRect()])
      .filter(([, box]) => box.width > 2);
    boxes.forEach(([one, a], place) => boxes.slice(place + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 5) out.push(`${one} | ${other}`);
    }));
  }
  return out;
}"""
WIDER = """(width) => [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > width + 0.5).map((one) => one.className || one.tagName)
  .slice(0, 5).join(", ")"""
# Texts that a box around them cuts off at a side, and words of pictures that stick out of their card. An ellipsis says
# that something is missing, and what scrolls can be read.
_CUT = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), out = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.nodeValue.trim() || !parent.checkVisibility({ visibilityProperty: true })) continue;
    if (parent.closest("script, style, svg, template, .unseen, option")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    if (parent.closest("progress")) continue;
    for (let up = parent; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (["auto", "scroll"].includes(style.overflowX) || style.textOverflow === "ellipsis") break;
      if (!["hidden", "clip"].includes(style.overflowX)) continue;
      const box = up.getBoundingClientRect();
      // For screen readers alone.
      if (box.width < 2) break;
      if (text.right > box.right + 1 || text.left < box.left - 1) {
        out.push(node.nodeValue.trim().slice(0, 60));
        break;
      }
    }
  }
  for (const label of document.querySelectorAll("svg text")) {
    const text = label.getBoundingClientRect(), card = label.closest(".card, body").getBoundingClientRect();
    if (label.checkVisibility() && text.width > 2 && (text.right > card.right + 1 || text.left < card.left - 1)) {
      out.push(label.textContent.trim().slice(0, 60));
    }
  }
  return out;
}"""
# Words that go on in the next line, without a hyphen. What somebody typed or what a machine is called by may.
_BROKEN = r"""() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), out = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.nodeValue.trim() || !parent.checkVisibility({ visibilityProperty: true })) continue;
    if (parent.closest("script, style, svg, template, .unseen, option, code, pre, kbd, bdi, q, [dir]")) continue;
    if (getComputedStyle(parent).hyphens === "auto") continue;
    for (const found of node.nodeValue.matchAll(/(?<![\p{L}\w@./•])\p{Script=Latin}{4,}(?![\p{L}\w@/])/gu)) {
      const range = document.createRange();
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      const tops = [...range.getClientRects()].filter(({ width }) => width > 1).map(({ top }) => Math.round(top));
      if (new Set(tops).size > 1) out.push(found[0]);
    }
  }
  return out;
}"""


def misfits(page: Page, width: int) -> list[str]:
    """What does not fit once the window is so wide."""
    page.set_viewport_size({"width": width, "height": 900})
    wide = page.evaluate("document.documentElement.scrollWidth")
    found = [f"{wide} wide, {page.evaluate(WIDER, width)}"] if wide > width else []
    found += page.evaluate(OVERLAPPING) + page.evaluate(_LABELS)
    found += [f"cut: {text}" for text in page.evaluate(_CUT)]
    found += [f"broken: {word}" for word in page.evaluate(_BROKEN)]
    return [f"at {width}: {fault}" for fault in found]
