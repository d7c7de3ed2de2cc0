"""What can be seen of a page's controls at a size of the window: overlaps, buttons without a name, cut-off labels."""

from __future__ import annotations

import time

from playwright.sync_api import Page

#: Half of 1280×720 at 150 % zoom, and a telephone.
NARROW = ((853, 480), (400, 800))
#: Seconds that a page may take to fit another size.
_SETTLING = 20.0
#: Pixels by which boxes may touch.
_TOUCH = 3

_FAULTS = """(touch) => {
  const found = [];
  const textOf = (e) => [...e.querySelectorAll("p")].map((p) => p.innerText).join(" ").trim();
  const iconless = (e) => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll("[data-testid=stIconMaterial], svg").forEach((icon) => icon.remove());
    return copy.textContent.trim();
  };
  const nameOf = (e) => iconless(e) || e.getAttribute("aria-label") || e.title || e.dataset.testid || e.tagName;
  // The part of a box that is not cut away by what scrolls or folds around it.
  const seen = (e) => {
    const shown = { opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true };
    if (!e.checkVisibility(shown)) return null;
    const fold = e.closest("details:not([open])");
    if (fold && !e.closest("summary")) return null;
    const { left, right, top, bottom } = e.getBoundingClientRect();
    const box = { left, right, top, bottom };
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
      const style = getComputedStyle(p);
      if (+style.opacity === 0) return null;
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      const edge = p.getBoundingClientRect();
      box.left = Math.max(box.left, edge.left);
      box.right = Math.min(box.right, edge.right);
      box.top = Math.max(box.top, edge.top);
      box.bottom = Math.min(box.bottom, edge.bottom);
    }
    const inside = box.right - box.left > 3 && box.bottom - box.top > 3 && box.left < innerWidth && box.right > 0;
    return inside ? box : null;
  };
  const kinds = "button, a[href], input:not([type=hidden]), textarea, [role=slider], [role=combobox], [role=radio]";
  const area = document.querySelector("[data-testid=stSidebar][aria-expanded=true]");
  const boxes = [];
  for (const e of document.querySelectorAll(kinds)) {
    const frames = "label, [data-baseweb=select], [data-testid=stNumberInputContainer]";
    const around = e.matches("input") && e.closest(frames);
    const whole = around || e;
    const box = seen(whole);
    if (!box) continue;
    const covered = innerWidth < 769 && area && !area.contains(e); // the sidebar lies over a narrow page
    if (!covered) boxes.push([e, whole, box]);
    if (!e.matches("button")) continue;
    const told = e.closest("[data-testid=stTooltipHoverTarget], [title]") || e.getAttribute("aria-label");
    if (!iconless(e) && !told) found.push(`a button without a name: ${e.outerHTML.slice(0, 160)}`);
    const label = e.querySelector("p");
    if (label && label.scrollWidth > label.clientWidth + 1 && !told) found.push(`cut off: ${textOf(e)}`);
  }
  boxes.forEach(([a, wholeA, one], i) =>
    boxes.slice(i + 1).forEach(([b, wholeB, two]) => {
      if (wholeA.contains(wholeB) || wholeB.contains(wholeA)) return;
      const wide = Math.min(one.right, two.right) - Math.max(one.left, two.left);
      const high = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
      if (wide > touch && high > touch) found.push(`${nameOf(a)} lies over ${nameOf(b)}`);
    }),
  );
  const main = document.querySelector("[data-testid=stMain]");
  if (main.scrollWidth > main.clientWidth + 1) found.push(`the page moves sideways: ${main.scrollWidth} pixels`);
  return [...new Set(found)];
}"""


def faults(page: Page) -> list[str]:
    """What is wrong with the controls as they stand."""
    found: list[str] = page.evaluate(_FAULTS, _TOUCH)
    return found


def narrow_faults(page: Page) -> dict[str, list[str]]:
    """What is wrong at each narrow size and stays so; the window is as large as before after that."""
    whole = page.viewport_size
    assert whole is not None
    found = {}
    for width, height in NARROW:
        page.set_viewport_size({"width": width, "height": height})
        found[f"{width}×{height}"] = _lasting_faults(page)
    page.set_viewport_size(whole)
    page.wait_for_timeout(300)
    return {size: said for size, said in found.items() if said}


def _lasting_faults(page: Page) -> list[str]:
    """What is wrong and is no matter of time: on a busy machine a page takes seconds to fit another size."""
    end = time.monotonic() + _SETTLING
    page.wait_for_timeout(700)
    while (found := faults(page)) and time.monotonic() < end:
        page.wait_for_timeout(500)
    return found
