"""What a look at a page finds: axe's rules, and what axe cannot see (texts over each other, cut off, nameless)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from browser.person import HEIGHTS, THEMES

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
# pixels that two texts may share: rounding, and descenders over the next line
SLACK = 2
# of axe's rules, those that look at colours
OF_COLOUR = ["color-contrast", "link-in-text-block"]


def look(page: Page) -> dict[str, list[str]]:
    """The faults of a page on a desk and on a phone, dark and light; of variants that have any."""
    found = {}
    for width, height in HEIGHTS.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            # a theme changes nothing but colours
            found[f"{width} px, {theme}"] = faults(page) if theme == THEMES[-1] else _axe(page, runOnly=OF_COLOUR)
    return {variant: said for variant, said in found.items() if said}


def faults(page: Page) -> list[str]:
    """In words, none if all is well."""
    return [*_axe(page), *page.evaluate(_LOOK, SLACK)]


def _axe(page: Page, **only: list[str]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        # evaluated, not added as a script: the page's own policy forbids that
        page.evaluate(_axe_source())
    # the details of what is right cost as much as all the rest
    options = {"resultTypes": ["violations"], **only}
    found: list[dict[str, Any]] = page.evaluate("async (options) => (await axe.run(options)).violations", options)
    return [
        f"{violation['id']}: {violation['help']}: {json.dumps([node['target'] for node in violation['nodes']])}"
        for violation in found
    ]


@cache
def _axe_source() -> str:
    return (FRONTEND / "node_modules" / "axe-core" / "axe.min.js").read_text()


_LOOK = """
(slack) => {
  const faults = [];
  const name = (element) => {
    const text = (element.getAttribute("aria-label") || element.textContent || "").trim().replace(/\\s+/g, " ");
    return `<${element.tagName.toLowerCase()}> ${JSON.stringify(text.slice(0, 40))}`;
  };
  const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    faults.push(`the page is ${root.scrollWidth} wide, the window ${root.clientWidth}`);
  }

  // only what can be seen counts: what an element or an ancestor scrolls or clips away is not there
  const seen = (element, box) => {
    let { left, top, right, bottom } = box;
    for (let up = element; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      const frame = up.getBoundingClientRect();
      left = Math.max(left, frame.left); right = Math.min(right, frame.right);
      top = Math.max(top, frame.top); bottom = Math.min(bottom, frame.bottom);
    }
    return { left, top, right, bottom, width: right - left, height: bottom - top };
  };
  const layer = (element) => {
    for (let up = element; up; up = up.parentElement) {
      if (["fixed", "sticky"].includes(getComputedStyle(up).position)) return up;
    }
    return null;
  };

  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || !visible(element) || element.closest("script, style, [aria-hidden=true], .sr-only, svg")) {
      continue;
    }
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const raw of range.getClientRects()) {
      const box = seen(element, raw);
      if (box.width > 1 && box.height > 1) texts.push({ element, box, layer: layer(element) });
    }
  }
  for (let a = 0; a < texts.length; a++) {
    for (let b = a + 1; b < texts.length; b++) {
      const one = texts[a], other = texts[b];
      if (one.element === other.element || one.layer !== other.layer) continue;
      const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      if (wide > slack && high > slack + 2) faults.push(`${name(one.element)} lies over ${name(other.element)}`);
    }
  }

  const controls = document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, [role=button], [role=switch], [role=tab]"
  );
  for (const control of controls) {
    if (!visible(control) || control.closest(".sr-only")) continue;
    // a row of a grid is one target, and opens what the link in it does
    const target = (control.tabIndex < 0 && control.closest("[role=row]")) || control;
    const box = target.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) continue;
    const inText = control.tagName === "A" && getComputedStyle(control).display === "inline";
    const small = ({ width, height }) => width < 24 || height < 24;
    const labels = [...(control.labels ?? [])].filter(visible).map((label) => label.getBoundingClientRect());
    if (!inText && [box, ...labels].every(small)) {
      faults.push(`${name(control)} is ${Math.round(box.width)} x ${Math.round(box.height)}: too small to hit`);
    }
  }
  for (const element of document.querySelectorAll("button, a[href], h1, h2, h3, dt, dd, th, td, label")) {
    if (!visible(element) || element.closest(".sr-only")) continue;
    const style = getComputedStyle(element);
    const clipped = element.scrollWidth > element.clientWidth + 1 && style.overflowX === "hidden";
    if (clipped && style.textOverflow !== "ellipsis") faults.push(`${name(element)} is cut off`);
  }
  return faults;
}
"""
