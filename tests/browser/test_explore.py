"""Explore in a real browser: a finished run, section by section, scrubbed back, the evidence identity read off."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qhn_core.config import RunConfig
from qhn_core.runner import RunState, Supervisor
from qhn_core.store import RunStore
from tests.browser.test_accessible import serious

pytestmark = pytest.mark.browser
LONG = 60_000  # milliseconds: other programs may be at work on this machine


@pytest.fixture(scope="module")
def run(dashboard) -> str:  # type: ignore[no-untyped-def]
    """A finished run in the dashboard's data folder: 9 qubits, 40 steps, 4 starts."""
    return _train(dashboard.data)


def _train(folder: Path) -> str:
    store = RunStore(folder)
    supervisor = Supervisor(store)
    config = {"network": {"name": "mlp", "layers": [2, 2, 1]}, "steps": 40, "replicas": 4}
    made = supervisor.start(RunConfig.model_validate(config), name="Small")
    assert supervisor.wait(made, timeout=60).state is RunState.FINISHED
    supervisor.shutdown()
    store.close()
    return made


def _charts(page: Page, *names: str) -> None:
    for name in names:
        expect(page.locator(f"[data-chart={name}] .main-svg").first).to_be_visible(timeout=LONG)


def _data(page: Page, name: str) -> list[dict]:
    return page.evaluate(f"(document.querySelector('[data-chart={name}]')?.data ?? []).map((t) => ({{...t}}))")


def _residual(page: Page) -> float:
    node = page.locator("[data-residual]")
    expect(node).to_have_count(1, timeout=LONG)
    return float(node.get_attribute("data-residual") or "nan")


def _wait(page: Page, holds: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited too long"
        page.wait_for_timeout(100)


def test_explore_a_finished_run(run: str, dashboard, tab) -> None:  # type: ignore[no-untyped-def]
    page = tab(f"{dashboard.address}/explore?run={run}")
    _charts(page, "posterior", "strings", "marginals", "dependence")
    assert _residual(page) < 1e-6
    assert len(_data(page, "dependence")) == 3
    expect(page.get_by_text("WebGL is not supported")).to_have_count(0)
    expect(page.locator("[data-chart=posterior] .scatterlayer .point").first).to_be_visible(timeout=LONG)

    slider = page.get_by_role("slider").first
    expect(slider).to_be_visible(timeout=LONG)
    before = page.get_by_test_id("stMetricValue").first.inner_text()
    slider.focus()
    page.keyboard.press("Home")
    _wait(page, lambda: page.get_by_test_id("stMetricValue").first.inner_text() != before)
    _wait(page, lambda: "step=0" in page.url)
    assert _residual(page) < 1e-6

    page.get_by_role("radio", name="Landscape").or_(page.get_by_text("Landscape", exact=True)).first.click()
    _charts(page, "landscape", "line" if "step=0" not in page.url else "density")
    _wait(page, lambda: any(trace.get("name") == "training" for trace in _data(page, "landscape")))

    page.get_by_text("Walsh spectrum", exact=True).first.click()
    _charts(page, "spectrum", "mmd", "hidden")
    _wait(page, lambda: "section=spectrum" in page.url)

    page.get_by_text("Trainability", exact=True).first.click()
    _charts(page, "steepness")
    page.get_by_role("button", name="Measure").click()
    _wait(page, lambda: len(_data(page, "trainability")) >= 12)

    page.get_by_text("Architecture", exact=True).first.click()
    expect(page.get_by_role("button", name="Set up such a run in Train")).to_be_visible(timeout=LONG)

    page.get_by_text("Sweep", exact=True).first.click()
    _charts(page, "sweep")
    page.get_by_role("button", name="Run 12 cells").click()
    _wait(page, lambda: bool(_data(page, "sweep")) and _data(page, "sweep")[0]["type"] == "heatmap")

    page.reload()
    _charts(page, "sweep")
    assert "step=0" in page.url
    assert "section=sweep" in page.url


def test_a_click_in_the_terrain_draws_that_network(dashboard, tab, run) -> None:  # type: ignore[no-untyped-def]
    page = tab(f"{dashboard.address}/explore?run={run}&section=galaxy")
    _charts(page, "terrain", "galaxy")
    page.wait_for_selector("[data-chart=terrain][data-refreshes]", timeout=LONG)
    page.locator("[data-chart=terrain] .nsewdrag").first.click(position={"x": 40, "y": 60})
    _charts(page, "one-network", "one-prediction")
    expect(page.get_by_text(re.compile(r"costs .* nats per example"))).to_be_visible(timeout=LONG)
    assert not serious(page)
