"""What brings a page to each picture that can be touched, for :mod:`tests.browser.screenshots`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

from qhn_core.config import RunConfig

LONG = 180_000  # milliseconds: other programs may be at work on this machine
#: Two inputs and nine weights: everything can be enumerated, and drawn.
SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 2, 1]}, "steps": 120, "replicas": 4}
Shot = Callable[[Page, str], None]


def finished(page: Page) -> None:
    """Wait for the end of a run or race, and for what is drawn of it."""
    page.get_by_text("· finished", exact=False).first.wait_for(timeout=LONG)
    page.wait_for_timeout(2500)


def trained(page: Page, base: str) -> str:
    """Train the small run; returns its id."""
    page.goto(f"{base}/?config={RunConfig.parse(SMALL).to_url()}")
    page.wait_for_selector("[data-chart=marginals] .main-svg", timeout=LONG)
    page.get_by_role("button", name="Train", exact=True).last.click()
    finished(page)
    return parse_qs(urlsplit(page.url).query)["run"][0]


def look_back(page: Page, step: int) -> None:
    """Go back in the run on the page, by the keyboard."""
    slider = page.get_by_role("slider", name="Step shown")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(step):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => document.querySelector('.qhn-scrub')?.dataset.step === '{step}'", timeout=LONG)


def _past(page: Page, base: str) -> None:
    trained(page, base)
    look_back(page, 15)


def _branches(page: Page, base: str) -> None:
    trained(page, base)
    look_back(page, 15)
    page.get_by_role("button", name="Fork here", exact=True).last.click()
    page.get_by_text("goes on from step 15", exact=False).first.wait_for(timeout=LONG)
    page.get_by_role("combobox", name="Loss", exact=True).click()
    page.get_by_role("option", name="MLE", exact=False).first.click()
    page.get_by_text("Changed: Loss", exact=False).first.wait_for(timeout=LONG)
    page.get_by_role("button", name="Train", exact=True).last.click()
    page.get_by_text("Branch of", exact=False).first.wait_for(timeout=LONG)
    finished(page)
    _asked(page, "Branches", "branches")


def _asked(page: Page, name: str, chart: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    _in_view(page, chart)


def _in_view(page: Page, chart: str) -> None:
    found = page.locator(f"[data-chart={chart}]")
    found.locator(".main-svg").first.wait_for(timeout=LONG)
    found.evaluate("node => node.scrollIntoView({block: 'center'})")


def _more(name: str, chart: str, page: Page, base: str) -> None:
    trained(page, base)
    _asked(page, name, chart)


def _equation(page: Page, base: str) -> None:
    trained(page, base)
    page.get_by_test_id("stCheckbox").filter(has_text="Equation").locator("label").click()
    page.locator(".katex").first.wait_for(timeout=LONG)


def _section(section: str, chart: str, page: Page, base: str) -> None:
    page.goto(f"{base}/explore?run={trained(page, base)}&section={section}")
    _in_view(page, chart)


def _terrain(page: Page, base: str) -> None:
    _section("galaxy", "terrain", page, base)
    page.wait_for_selector("[data-chart=terrain][data-refreshes]", timeout=LONG)
    page.locator("[data-chart=terrain] .nsewdrag").first.click(position={"x": 40, "y": 60})
    _in_view(page, "one-network")


def _qubits(page: Page, base: str) -> None:
    page.goto(f"{base}/learn?show=qubit")
    page.locator("[data-chart=qubits]").wait_for(timeout=LONG)
    page.get_by_test_id("stButtonGroup").get_by_text("2", exact=True).click()


#: Name -> whether in the dark, and what brings the page there.
PICTURES: Mapping[str, tuple[bool, Shot]] = {
    "picture-qubits": (False, _qubits),
    "picture-equation": (True, _equation),
    "picture-galaxy": (False, partial(_section, "galaxy", "galaxy")),
    "picture-terrain": (True, _terrain),
    "picture-spectrum": (False, partial(_section, "spectrum", "spectrum")),
    "picture-time-machine": (True, _past),
    "picture-branches": (False, _branches),
    "picture-film": (True, partial(_more, "Prediction film", "film-best")),
    "picture-barometer": (False, partial(_more, "Plateau barometer", "barometer")),
    "picture-entanglement": (True, partial(_more, "Entanglement", "entanglement-cuts")),
}
