"""Ten digits with 640 weights in the browser: trained, stopped, resumed, found again, drawn on a device, and raced."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.examples import EXAMPLES
from qhn_core.config import RunConfig
from tests.browser.menus import take

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
#: Milliseconds for what takes 5 s on a quiet machine; others may be at work on it.
LONG = 600_000
CHARTS = ("loss", "gap", "weights", "confusion", "marginals", "images", "profile", "circuit")
_ACCURACY = """() => {
  const tile = [...document.querySelectorAll('[data-testid=stMetric]')].find(t => /Test accuracy/.test(t.innerText));
  return tile ? parseFloat((tile.innerText.match(/[01]\\.\\d+/) || ['0'])[0]) : 0;
}"""


def wait_for_accuracy(page: Page, least: float) -> float:
    """The test accuracy on the tile, once it is at least ``least``."""
    page.wait_for_function(f"() => ({_ACCURACY})() >= {least}", timeout=LONG)
    return float(page.evaluate(_ACCURACY))


def test_ten_digits_train_stop_resume_and_come_back_by_their_link(dashboard: Any, tab: Any) -> None:
    page = tab(dashboard.address)
    examples = page.get_by_test_id("stSelectbox").filter(has_text="Examples").get_by_role("combobox")
    take(examples, "Ten digits, 640 weights")
    expect(page.get_by_text("64-10 sign network", exact=False).first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("640", exact=True).first).to_be_visible()
    # else it may have ended before Stop is pressed
    take(page.get_by_role("combobox", name="Speed, steps per second"), "Speed: 25 steps/s")
    page.get_by_role("button", name="Train", exact=True).click()
    assert wait_for_accuracy(page, 0.8) <= 1.0
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("stopped", exact=False).first).to_be_visible(timeout=LONG)
    steps = page.evaluate("document.querySelector('[data-chart=loss]').data[0].x.at(-1)")
    page.get_by_role("button", name="Resume", exact=True).click()
    page.wait_for_function(
        f"() => document.querySelector('[data-chart=loss]').data[0].x.at(-1) > {steps}", timeout=LONG
    )
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("stopped", exact=False).first).to_be_visible(timeout=LONG)
    expect(page).to_have_url(re.compile("run="))
    for name in CHARTS:
        chart = page.locator(f"[data-chart={name}]")
        assert len(chart.get_attribute("aria-label") or "") > 20, name
        page.wait_for_function(f"() => document.querySelector('[data-chart={name}]').data.length > 0", timeout=LONG)
    again = tab(page.url)
    wait_for_accuracy(again, 0.8)
    expect(again.get_by_text("64-10 sign network", exact=False).first).to_be_visible(timeout=LONG)
    deploy_by_bonds(tab(f"{dashboard.address}/hardware?run={again.url.split('run=')[1]}&view=deploy&draws=256"))


def deploy_by_bonds(page: Page) -> None:
    """Draw the run's weights where nothing is tabulated; a back end that is too small is refused in words."""
    draw = page.get_by_role("button", name="Draw weights")
    draw.click(timeout=LONG)
    page.wait_for_function(
        "() => document.querySelector('[data-chart=deploy-accuracy]')?.data?.length > 0", timeout=LONG
    )
    alt = page.locator("[data-chart=deploy-marginals]").get_attribute("aria-label") or ""
    assert "640 bits" in alt, alt
    expect(page.get_by_text("Loading PennyLane and Qiskit", exact=False)).to_be_hidden(timeout=LONG)
    take(page.get_by_role("combobox", name="Device").first, "Fake IBM back end", exact=True)
    expect(page.get_by_text("No snapshot has 640 qubits", exact=False)).to_be_visible(timeout=LONG)
    expect(draw).to_be_disabled(timeout=LONG)
    take(page.get_by_role("combobox", name="Device").first, "Aer with noise", exact=True)
    expect(page.get_by_text("every shot is simulated by itself", exact=False)).to_be_visible(timeout=LONG)


def test_a_race_of_640_weights_is_set_beside_its_twin_without_entanglement(dashboard: Any, tab: Any) -> None:
    few = EXAMPLES["Ten digits, 640 weights"] | {"steps": 20, "log_every": 10, "replicas": 2, "batch": 64}
    page = tab(f"{dashboard.address}/?config={RunConfig.model_validate(few).to_url()}")
    page.get_by_role("button", name="Race this").click(timeout=LONG)
    page.wait_for_url("**/compare?*", timeout=LONG)
    twins = page.get_by_role("radio", name="Is it quantum?")
    expect(twins).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("Step 20 of 20 · finished", exact=False)).to_be_visible(timeout=LONG)
    twins.click()
    page.get_by_role("button", name="Train the product twin").click(timeout=LONG)
    chart = page.locator("[data-chart=dependence]")
    expect(chart).to_have_attribute("aria-label", re.compile("product twin: "), timeout=LONG)
    judged = page.get_by_text("2 independent seeds are too few to judge", exact=False).first
    expect(judged).to_be_visible(timeout=LONG)  # both stand at their last step
    largest = chart.evaluate("el => el.data.map(t => Math.max(...t.y))")
    assert largest[0] > 1e-3, "the circuit's neighbours depend on each other"
    assert largest[1] < 1e-9, "those of the twin cannot"
    table = page.locator("table").filter(has_text="product twin").first
    rows = [row.split("\t") for row in table.inner_text().splitlines()]
    at = rows[0].index(next(head for head in rows[0] if head.startswith("Accuracy, test")))
    assert all(0.05 < float(row[at]) <= 1.0 for row in rows[1:]), rows


def test_every_example_is_a_configuration_that_a_link_can_hold() -> None:
    for options in EXAMPLES.values():
        config = RunConfig.model_validate(options)
        assert RunConfig.from_url(config.to_url()) == config
