"""Going from page to page quickly, while a run is in work and every page refreshes by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from qhn_core.config import RunConfig

pytestmark = pytest.mark.browser
CONFIG = RunConfig.parse({"objective": {"name": "selbo", "lam": 0.3}, "steps": 100_000, "replicas": 8})
#: Milliseconds on a page: before it is there, while it is drawn, and after its first refreshes.
PAUSES = (30, 400, 1500, 150, 900)


def test_pages_come_up_whole_however_quickly_they_change(dashboard: Any, tab: Callable[..., Page]) -> None:
    page = tab(f"{dashboard.address}/?config={CONFIG.to_url()}")
    page.wait_for_selector("[data-chart=loss] .main-svg")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector("[data-chart=loss][data-refreshes]")

    def go(name: str) -> None:
        page.get_by_test_id("stTopNavLink").filter(has_text=name).first.click()

    for k, name in enumerate(("Hardware", "Train", "Explore", "Hardware", "Runs", "Train", "Compare", "Explore") * 2):
        go(name)
        page.wait_for_timeout(PAUSES[k % len(PAUSES)])
    for name, chart in (("Hardware", "shots-histogram"), ("Explore", "posterior"), ("Compare", "race-nll")):
        go(name)
        page.wait_for_selector(f"[data-chart={chart}] .main-svg")
    go("Runs")
    page.get_by_test_id("stDataFrame").first.wait_for()
    go("Train")
    page.wait_for_selector("[data-chart=loss] .main-svg")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("stopped", exact=False).first.wait_for()
