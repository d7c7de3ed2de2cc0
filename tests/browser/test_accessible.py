"""Every page and tab by axe-core, colours in the dark too; no overlap at narrow widths; what the keyboard reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from qhn_core.config import RunConfig
from qhn_core.studies.race.config import RaceConfig
from tests.browser.looks import narrow_faults

Tab = Callable[..., Page]
#: What axe-core looks at: all rules, and those of which the theme decides.
RULES: dict[bool, dict[str, Any]] = {
    False: {"type": "tag", "values": ["wcag2a", "wcag2aa"]},
    True: {"type": "rule", "values": ["color-contrast"]},
}
RUN: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 2, 1]}, "steps": 5, "replicas": 3}
#: Page -> what it shows when it is ready, and its tabs.
PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "": ("[data-chart=loss] .main-svg", ()),
    "compare": (
        "[data-chart=race-nll] .main-svg",
        ("Trainability", "Evidence", "Pictures", "Verdict", "Rivals", "Is it quantum?"),
    ),
    "explore": (
        "[data-testid=stMain] [data-chart] .main-svg",
        ("Galaxy", "Landscape", "Walsh spectrum", "Trainability", "Architecture", "Sweep"),
    ),
    "hardware": ("[data-chart] .main-svg", ("Deploy", "Train here", "Noise study")),
    "learn": ("[data-testid=stMain] h2, [data-testid=stMain] h3", ()),
    "runs": ("[data-testid=stDataFrame]", ()),
}


@pytest.fixture(scope="module")
def begun(dashboard: Any, chromium: Any) -> Iterator[dict[str, str]]:
    """Queries with which pages show a finished run and a finished race."""
    context = chromium.new_context(bypass_csp=True)  # no test of the policy: only a run and a race are begun
    page = context.new_page()
    page.set_default_timeout(120_000)
    finished = "document.body.innerText.includes('finished')"
    page.goto(f"{dashboard.address}/?config={RunConfig.parse(RUN).to_url()}")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function(finished)
    run = page.url.split("?")[1]
    race = RaceConfig.parse({"base": {"schema_version": 1, **RUN}}).to_url()
    page.goto(f"{dashboard.address}/compare?race={race}")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function(finished)
    page.wait_for_function("location.search.includes('raced=')")
    yield {"": run, "explore": run, "hardware": run, "compare": page.url.split("?")[1]}
    context.close()


def serious(page: Page, *, colours: bool = False) -> list[str]:
    """Serious and critical violations of WCAG 2 A and AA, or of its contrasts alone, each with the first places."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_function(  # what Streamlit is about to replace is drawn pale, and where work goes on it is so often
        "!document.querySelector('[data-stale=true]') && "
        "[...document.querySelectorAll('[data-testid=stProgress]')].every((bar) => !bar.innerText.includes(' … '))"
    )
    page.wait_for_timeout(400)
    found = Axe().run(page, options={"runOnly": RULES[colours]}).response["violations"]
    return [
        f"{v['id']}: {[node['html'][:160] for node in v['nodes']][:3]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def in_the_dark(page: Page) -> list[str]:
    """Serious violations of contrast while the browser's theme is dark; it is light again after that."""
    ground = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{ground} !== '{light}'")
    found = serious(page, colours=True)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"{ground} === '{light}'")
    return found


@pytest.mark.parametrize("name", PAGES)
def test_no_serious_fault_on_any_tab(name: str, dashboard: Any, tab: Tab, begun: dict[str, str]) -> None:
    ready, tabs = PAGES[name]
    page = tab(f"{dashboard.address}/{name}?{begun.get(name, '')}")
    page.wait_for_selector(ready)
    found: dict[str, Any] = {}
    for label in ("first", *tabs):
        if label in tabs:
            page.get_by_test_id("stButtonGroup").get_by_text(label, exact=True).click()
            page.wait_for_timeout(1200)
        found[label] = [*serious(page), *narrow_faults(page).items(), *in_the_dark(page)]
    assert not {label: said for label, said in found.items() if said}


def test_a_chart_is_one_stop_of_the_tab_key_and_shows_it(dashboard: Any, tab: Tab, begun: dict[str, str]) -> None:
    page = tab(f"{dashboard.address}/?{begun['']}")
    page.wait_for_selector("[data-chart=marginals] .main-svg")
    page.locator("[data-chart=loss]").focus()
    stops = []
    for _ in range(2):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.dataset.chart ?? document.activeElement.outerHTML"))
    assert stops[0] == "gap", stops
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.dataset.chart") == "loss"
    width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert width == "2px"


def test_letters_reset_the_zoom_of_the_chart_in_focus(dashboard: Any, tab: Tab, begun: dict[str, str]) -> None:
    page = tab(f"{dashboard.address}/?{begun['']}")
    page.wait_for_selector("[data-chart=loss] .main-svg")
    span = "(r => r[1] - r[0])(document.querySelector('[data-chart=loss]')._fullLayout.xaxis.range)"
    before = page.evaluate(span)
    page.evaluate("Plotly.relayout(document.querySelector('[data-chart=loss]'), {'xaxis.range': [1, 2]})")
    page.wait_for_function(f"Math.abs({span} - 1) < 1e-9")
    page.locator("[data-chart=loss]").focus()
    page.keyboard.press("r")
    page.wait_for_function(f"Math.abs({span} - {before}) < 1e-9")
