"""The time machine in a real browser: look back, play a run again, fork it, and find both branches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from qhn_core.config import RunConfig
from tests.browser.menus import take
from tests.browser.test_accessible import serious

pytestmark = pytest.mark.browser
expect.set_options(timeout=90_000)
CONFIG = {
    "dataset": {"name": "xor", "n_train": 12, "n_test": 40},
    "network": {"name": "mlp", "layers": [2, 2, 1]},
    "ansatz": {"name": "linear", "layers": 2},
    "objective": {"name": "mle"},
    "steps": 40,
    "replicas": 3,
}


def title(page: Page, chart: str) -> str:
    return str(page.evaluate(f"document.querySelector('[data-chart={chart}]')?.layout?.title?.text ?? ''"))


def finished(page: Page) -> None:
    expect(page.get_by_text("Step 40 of 40 · finished").first).to_be_visible()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).last.click()


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[Page, str], None]:
    """Keeps a screenshot, to be looked at."""

    def look(page: Page, name: str) -> None:
        page.wait_for_timeout(700)  # what is drawn fades in
        page.screenshot(path=tmp_path / f"{name}.png")

    return look


def test_a_run_is_played_again_and_forked_and_both_branches_are_found(
    dashboard: Any, tab: Callable[..., Page], keep: Callable[[Page, str], None]
) -> None:
    page = tab(f"{dashboard.address}/?config={RunConfig.parse(CONFIG).to_url()}")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
    press(page, "Train")
    finished(page)
    page.evaluate("document.querySelectorAll('[data-chart]').forEach(e => { e.mark = 'same node'; })")
    slider = page.get_by_role("slider", name="Step shown")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.qhn-scrub')?.dataset.step === '0'")
    for chart in ("weights", "boundary", "marginals"):
        page.wait_for_function(
            f"document.querySelector('[data-chart={chart}]')?.layout?.title?.text.includes('step 0')", timeout=60_000
        )
    expect(page.get_by_text("looking back at step 0")).to_be_visible()
    keep(page, "at-0")
    marks = page.evaluate("[...document.querySelectorAll('[data-chart]')].map(e => e.mark)")
    assert marks == ["same node"] * len(marks), "no chart is made anew when one looks back"
    press(page, "Play from here")
    page.wait_for_function("Number(document.querySelector('.qhn-scrub').dataset.step) >= 12", timeout=60_000)
    press(page, "Pause the film")
    at = slider.get_attribute("aria-valuetext") or ""
    step = int(at.split()[1])
    assert 12 <= step < 40
    page.wait_for_function(
        f"document.querySelector('[data-chart=boundary]')?.layout?.title?.text.includes('step {step}')"
    )

    keep(page, "back")

    press(page, "Fork here")
    expect(page.get_by_text(f"goes on from step {step} of this run")).to_be_visible()
    parent = page.evaluate("new URLSearchParams(location.search).get('run')")
    take(page.get_by_role("combobox", name="Loss", exact=True), "ELBO")
    expect(page.get_by_text("Changed: Loss MLE → ELBO", exact=False)).to_be_visible()
    press(page, "Train")
    page.wait_for_function(f"new URLSearchParams(location.search).get('run') !== '{parent}'")
    finished(page)
    page.get_by_role("radio", name="Branches", exact=True).click()
    names = "(document.querySelector('[data-chart=branches]')?.data ?? []).map(t => t.name)"
    page.wait_for_function(f"{names}.length === 3")
    found = page.evaluate(names)
    assert found[0] == "from the start: MLE"
    assert found[1].startswith(f"step {step}: Loss MLE → ELBO")
    begins = page.evaluate("document.querySelector('[data-chart=branches]').data.map(t => t.x[0])")
    assert begins == [0, step, step]
    assert not serious(page)
    keep(page, "branches")
    page.locator("[class*=st-key-train-branch]").get_by_role("button", name="Open", disabled=False).click()
    page.wait_for_function(f"new URLSearchParams(location.search).get('run') === '{parent}'")
    page.wait_for_function("document.querySelector('[data-chart=loss]').layout.title.text.includes('MLE')")
    finished(page)
