"""What every page must stand: axe, the policy, no shift, nothing too wide."""

import json
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

# Notes what the page's policy blocks, and what moves while it loads.
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    for (const source of entry.sources || []) {
      const node = source.node, name = node && (node.className || node.nodeName);
      window.shifts.push([entry.value, `${name || "?"}`]);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""
_TOO_WIDE = """() => {
  const root = document.documentElement, over = root.scrollWidth - root.clientWidth;
  if (over <= 0) return "";
  const sticking = [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
    .slice(-3).map((one) => `${one.tagName}.${one.className}`);
  return `${over} px too wide: ${sticking.join(", ")}`;
}"""
_HEADINGS = """() => [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")]
  .filter((one) => one.getClientRects().length)
  .map((one) => Number(one.tagName[1]))"""

_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]


def axe(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.0 to 2.2 A and AA, one line each.

    Given to the page by the debugger, so the page's own policy stays as it is.
    """
    # Django's admin fades its colours; a colour on its way is nobody's.
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    options: dict[str, Any] = {
        "resultTypes": ["violations"],
        "runOnly": {"type": "tag", "values": WCAG},
        # Rules that are off by default although they carry one of the tags.
        "rules": {"target-size": {"enabled": True}},
    }
    found = page.evaluate(f"axe.run({json.dumps(options)})")
    return [
        f"axe {rule['id']}: {' '.join(map(str, node['target']))}: "
        f"{' '.join((node['failureSummary'] or '').split())}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def too_wide(page: Page) -> list[str]:
    """How far the page sticks out sideways, and with what."""
    said: str = page.evaluate(_TOO_WIDE)
    return [said] if said else []


def shifted(page: Page) -> list[str]:
    """What moved by itself since the page began to load: nothing may."""
    moved: list[tuple[float, str]] = page.evaluate("window.shifts.splice(0)")
    return [f"shifted: {name} by {size:.4f}" for size, name in moved]


def blocked(page: Page) -> list[str]:
    """What the page asked for against its own policy."""
    found: list[str] = page.evaluate("window.violations.splice(0)")
    return [f"blocked: {one}" for one in found]


def headings(page: Page) -> list[str]:
    """One h1, and no level left out on the way down."""
    levels: list[int] = page.evaluate(_HEADINGS)
    wrong = [f"h{a} is followed by h{b}" for a, b in _pairs(levels) if b > a + 1]
    return wrong if levels.count(1) == 1 else [*wrong, f"{levels.count(1)} h1"]


def _pairs(levels: list[int]) -> list[tuple[int, int]]:
    return list(zip([0, *levels], levels, strict=False))
