"""Numbers in coloured cells, as the browser draws them: their colours in both themes, and titles that fit."""

from __future__ import annotations

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


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_numbers_and_signs_have_the_colours_that_can_be_read(dashboard: Any, tab: Tab, run: str, dark: bool) -> None:
    page = tab(f"{dashboard.address}/?run={run}", dark=dark)
    page.wait_for_selector("[data-chart=confusion] .heatmap-label text")
    page.wait_for_selector("[data-chart=weights] .textpoint text")
    fill = "nodes => [...new Set(nodes.map(n => n.textContent.length ? getComputedStyle(n).fill : ''))]"
    numbers = page.eval_on_selector_all("[data-chart=confusion] .heatmap-label text", fill)
    assert numbers == [INK[dark]]
    pairs = "nodes => [...new Set(nodes.map(n => n.textContent + getComputedStyle(n).fill))].sort()"
    signs = page.eval_on_selector_all("[data-chart=weights] .textpoint text", pairs)
    assert signs == sorted(["+" + PAPER[dark], "−" + INK[dark]])
    title, width = page.evaluate("""() => { const c = document.querySelector('[data-chart=confusion]');
        return [c.querySelector('.gtitle').getBBox().width, c.clientWidth]; }""")
    assert title <= width
    page.set_viewport_size({"width": 853, "height": 480})
    wide = "[...document.querySelectorAll('[data-chart]')].every(chart => chart.clientWidth >= 190)"
    page.wait_for_function(wide)  # three in a row would be narrower
