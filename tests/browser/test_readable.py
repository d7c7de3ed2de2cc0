"""Numbers in coloured cells, as the browser draws them: their colours in both themes, and titles that fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from qhn_core.config import RunConfig
from qhn_core.runner import Supervisor
from qhn_core.store import RunState, RunStore

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]
DIGITS: dict[str, Any] = {
    "dataset": {"name": "digits"},
    "network": {"name": "mlp", "layers": [4, 2, 1], "activation": "sign"},
    "steps": 20,
    "replicas": 1,
}
INK = {False: "rgb(16, 19, 26)", True: "rgb(238, 240, 245)"}
PAPER = {False: "rgb(255, 255, 255)", True: "rgb(18, 21, 28)"}


@pytest.fixture(scope="module")
def run(dashboard: Any) -> str:
    store = RunStore(dashboard.data)
    supervisor = Supervisor(store)
    found = supervisor.start(RunConfig.parse(DIGITS))
    assert supervisor.wait(found, timeout=120).state is RunState.FINISHED
    supervisor.shutdown()
    store.close()
    return found


def _come_to_be(page: Page, chart: str, kind: str, what: str, wanted: list[str]) -> None:
    """Wait until that is what the chart's texts have: while it is drawn anew it has none for a moment."""
    nodes = f"[...document.querySelectorAll('[data-chart={chart}] {kind}')].filter((n) => n.textContent.length)"
    found = f"JSON.stringify([...new Set({nodes}.map((n) => {what}))].sort())"
    text = json.dumps(wanted, ensure_ascii=False, separators=(",", ":"))  # as JSON.stringify writes it
    try:
        page.wait_for_function(f"{found} === {json.dumps(text)}")
    except AssertionError as error:
        drawn = page.evaluate(f"document.querySelector('[data-chart={chart}]').outerHTML")
        raise AssertionError(f"{chart} has {page.evaluate(found)}, not {text}\n{drawn[:20_000]}") from error


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_numbers_and_signs_have_the_colours_that_can_be_read(dashboard: Any, tab: Tab, run: str, dark: bool) -> None:
    page = tab(f"{dashboard.address}/?run={run}", dark=dark)
    numbers = [INK[dark]]
    _come_to_be(page, "confusion", ".heatmap-label text", "getComputedStyle(n).fill", numbers)
    signs = sorted(["+" + PAPER[dark], "−" + INK[dark]])
    _come_to_be(page, "weights", ".textpoint text", "n.textContent + getComputedStyle(n).fill", signs)
    title = "document.querySelector('[data-chart=confusion] .gtitle')"  # none while the chart is drawn anew
    page.wait_for_function(f"{title} && {title}.getBBox().width <= {title}.closest('[data-chart]').clientWidth")
    page.set_viewport_size({"width": 853, "height": 480})
    wide = "[...document.querySelectorAll('[data-chart]')].every(chart => chart.clientWidth >= 190)"
    page.wait_for_function(wide)  # three in a row would be narrower


def test_titles_break_where_they_are_too_long_and_say_what_is_out_of_view(dashboard: Any, tab: Tab) -> None:
    page = tab(f"{dashboard.address}/?config={RunConfig().to_url()}")
    page.wait_for_selector("[data-chart=circuit] .main-svg")
    title = "document.querySelector('[data-chart=circuit] .gtitle')?.textContent"
    page.wait_for_function(f"{title}.includes('angles') && !{title}.includes('drag')")  # all of it is in view
    page.set_viewport_size({"width": 400, "height": 720})
    page.wait_for_function(f"{title}?.endsWith('drag to see the rest')")
    page.set_viewport_size({"width": 853, "height": 480})
    page.add_style_tag(content="[data-testid=stColumn]:has([data-chart]) { min-width: 0 !important; max-width: 150px }")
    whole = "[...document.querySelectorAll('[data-chart=loss] .gtitle, [data-chart=gap] .gtitle')].every("
    whole += "t => t.querySelector('tspan') && t.getBBox().width <= t.closest('[data-chart]').clientWidth)"
    page.wait_for_function(f"document.querySelector('[data-chart=gap]').clientWidth <= 150 && {whole}")


def test_plots_beside_each_other_are_of_one_height(dashboard: Any, tab: Tab) -> None:
    small = {"objective": {"name": "selbo"}, "steps": 5, "replicas": 2}
    page = tab(f"{dashboard.address}/?config={RunConfig.parse(small).to_url()}")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("· finished").first.wait_for()
    page.get_by_role("spinbutton", name="λ").first.fill("0.5")
    page.keyboard.press("Enter")
    chart = "document.querySelector('[data-chart={}]')"
    loss, gap = chart.format("loss"), chart.format("gap")
    page.wait_for_function(f"{loss}?.data?.some(t => t.name === 'before')")
    high = "{0}._fullLayout._size.h"
    page.wait_for_function(f"Math.abs({high.format(loss)} - {high.format(gap)}) < 3 && {high.format(loss)} > 100")
    lines = f"new Set([...{loss}.querySelectorAll('g.legend g.traces')].map(t => t.getBoundingClientRect().top)).size"
    page.wait_for_function(f"{lines} <= 2")
