"""The Compare page in a real browser: three losses race, are scrubbed, judged, and raced again at once."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from qhn_core.metrics import METRICS
from qhn_core.store import RunStore
from qhn_core.studies.race.config import DEFAULT_CONTENDERS, RaceConfig
from tests.browser.menus import take

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]
#: Seconds: other programs may be at work on this machine.
PATIENCE = 60
expect.set_options(timeout=1000 * PATIENCE)

BASE: dict[str, Any] = {
    "schema_version": 1,
    "dataset": {"name": "xor", "n_train": 20, "noise": 0.45, "label_noise": 0.1, "label_noise_test": True},
    "network": {"name": "mlp", "layers": [2, 2, 1], "activation": "sign"},
    "steps": 60,
    "replicas": 10,
    "data_draws": 10,
}
LOSSES = ["MLE", "ELBO", "SELBO"]
RIVALS = ["best_string", "exact_bayes", "mean_field"]


def link(dashboard: Any, **base: Any) -> str:
    race = RaceConfig.parse({"base": BASE | base, "contenders": list(DEFAULT_CONTENDERS), "rivals": RIVALS})
    return f"{dashboard.address}/compare?race={race.to_url()}"


def button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def ready(page: Page) -> Page:
    page.wait_for_selector("[data-chart=race-nll] .main-svg")
    expect(button(page, "Train")).to_be_enabled()
    return page


def curve(page: Page, chart: str, name: str) -> dict[str, Any]:
    """x and y of a contender's median in a chart."""
    return page.evaluate(
        """([chart, name]) => {
            const t = (document.querySelector(`[data-chart=${chart}]`)?.data ?? [])
                .find((t) => t.mode === "lines" && t.name.startsWith(name));
            return t ? { x: Array.from(t.x), y: Array.from(t.y) } : { x: [], y: [] };
        }""",
        [chart, name],
    )


def until_curve(page: Page, chart: str, name: str, points: int) -> None:
    page.wait_for_function(
        """([chart, name, points]) => (document.querySelector(`[data-chart=${chart}]`)?.data ?? [])
            .some((t) => t.mode === "lines" && t.name.startsWith(name) && t.x.length >= points)""",
        arg=[chart, name, points],
    )


def choose(page: Page, tab_name: str) -> None:
    page.get_by_text(tab_name, exact=True).first.click()


def picture(page: Page, name: str, tmp_path: Path) -> None:
    """Kept in the repository where QHN_SCREENSHOTS asks for it."""
    file = Path(os.environ.get("QHN_SCREENSHOTS", tmp_path)) / name
    page.mouse.move(640, 5)
    page.wait_for_timeout(700)
    page.screenshot(path=file)
    assert 20_000 < file.stat().st_size < 300_000


@pytest.fixture(scope="module")
def finished(dashboard: Any) -> str:
    """The link of the race that the tests look at."""
    return link(dashboard)


def test_three_losses_race_and_are_judged(tab: Tab, dashboard: Any, finished: str, tmp_path: Path) -> None:
    page = ready(tab(finished))
    button(page, "Train").dblclick()
    page.wait_for_url("**raced=*")
    raced = page.url.split("raced=")[1]
    until_curve(page, "race-nll", "SELBO", 61)
    expect(page.get_by_text("Step 60 of 60 · finished", exact=True)).to_be_visible()
    assert page.url.split("raced=")[1] == raced
    page.wait_for_function(  # rivals are scored after the race
        """() => { const found = document.querySelector('[data-chart=race-nll]').layout.annotations.map((a) => a.text);
            return ["Exact Bayes", "Best string"].every((name) => found.includes(name)); }"""
    )
    _common_crosshair(page)
    before = curve(page, "race-nll", "ELBO")
    _scrub(page)
    _seconds(page)
    _evidence(page)
    choose(page, "Verdict")
    expect(page.get_by_text("Exact Bayes averages over all strings at once")).to_be_visible()
    expect(page.locator("tr").filter(has_text="Mean-field")).to_contain_text("sweeps")
    table = page.locator("table").filter(has_text="NLL, test").first
    expect(table).to_contain_text("SELBO λ=1")
    words = table.inner_text().replace("\u00a0", " ")
    assert any(word in words for word in ("better", "worse", "no difference"))
    expect(page.get_by_text("corrected for all 14 comparisons")).to_be_visible()
    page.goto(finished)
    ready(page)
    button(page, "Train").click()
    until_curve(page, "race-nll", "ELBO", 61)
    assert curve(page, "race-nll", "ELBO") == before


def _common_crosshair(page: Page) -> None:
    """Hovering in one chart shows the values of all contenders in the others.

    What is drawn anew beneath a mouse at rest shows nothing until it moves again.
    """
    area = page.locator("[data-chart=race-nll] .nsewdrag").first
    shown = page.locator("[data-chart=race-entropy] .hoverlayer .legend")
    moves = itertools.cycle((0.4, 0.5))
    deadline = time.monotonic() + PATIENCE
    while not shown.is_visible() and time.monotonic() < deadline:
        if (box := area.bounding_box()) is not None:
            page.mouse.move(box["x"] + next(moves) * box["width"], box["y"] + 0.5 * box["height"])
        page.wait_for_timeout(250)
    expect(shown).to_be_visible()
    page.mouse.move(5, 5)


def _scrub(page: Page) -> None:
    slider = page.get_by_role("slider", name="Step looked at")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowLeft")
    expect(page.locator("table").filter(has_text="step 55").first).to_be_visible()
    page.wait_for_function(
        "document.querySelector('[data-chart=race-nll]').layout.shapes.some((line) => line.x0 === 55)"
    )


def _seconds(page: Page) -> None:
    button(page, "Axes").click()
    page.get_by_text("seconds", exact=True).click()
    page.wait_for_function(
        "document.querySelector('[data-chart=race-nll]').layout.xaxis.title.text.startsWith('seconds')"
    )
    x = curve(page, "race-nll", "ELBO")["x"]
    assert 0.0 < x[-1] < 60.0
    assert x == sorted(x)
    lines = page.evaluate(
        """document.querySelector('[data-chart=race-nll]').layout.shapes
            .filter((s) => s.yref === "paper").map((s) => [s.line.color, s.x0])"""
    )
    assert [colour for colour, _ in lines] == ["#D55E00", "#0072B2", "#009E73"]  # each has its own seconds
    assert all(0.0 < at <= curve(page, "race-nll", name)["x"][-1] for (_, at), name in zip(lines, LOSSES, strict=True))
    page.get_by_text("steps", exact=True).click()
    page.keyboard.press("Escape")


def _evidence(page: Page) -> None:
    choose(page, "Evidence")
    until_curve(page, "evidence", "ELBO", 61)
    assert float(page.locator("[data-residual]").get_attribute("data-residual") or "nan") < 1e-6
    notes = page.evaluate("document.querySelector('[data-chart=evidence]').layout.annotations.map((a) => a.text)")
    assert any("log p(D)" in text for text in notes)
    assert any(text.startswith("median KL(q‖posterior) =") for text in notes)
    page.wait_for_function("(document.querySelector('[data-chart=race-weights]')?.data?.length ?? 0) === 4")


def test_instant_races_again_when_beta_moves(tab: Tab, dashboard: Any) -> None:
    page = ready(tab(link(dashboard, seed=5)))
    page.get_by_text("Instant", exact=True).click()
    until_curve(page, "race-nll", "ELBO β=1", 61)
    slider = page.get_by_role("slider", name="β")
    slider.focus()
    slider.press("ArrowLeft")
    until_curve(page, "race-nll", "ELBO β=0.95", 61)
    expect(button(page, "Keep")).to_be_enabled()


def test_a_contender_with_an_optimiser_of_its_own(tab: Tab, dashboard: Any) -> None:
    page = ready(tab(link(dashboard, seed=7)))
    card = page.locator(".st-key-race-card-1")
    card.get_by_text("More", exact=True).click()
    _pick_optimiser(page, "Gradient descent")
    expect(card.get_by_text("Gradient descent", exact=True).first).to_be_visible()  # the fold says what differs
    rate = card.get_by_role("spinbutton", name="Learning rate")
    rate.fill("0.2")
    rate.press("Enter")
    button(page, "Train").click()
    until_curve(page, "race-nll", "ELBO β=1 · SGD 0.2", 61)
    before = curve(page, "race-nll", "ELBO β=1 · SGD 0.2")
    again = ready(tab(page.url.split("&raced=")[0].split("?raced=")[0]))
    card = again.locator(".st-key-race-card-1")
    card.locator("summary").click()
    expect(card.get_by_role("spinbutton", name="Learning rate")).to_have_value("0.2")
    button(again, "Train").click()
    until_curve(again, "race-nll", "ELBO β=1 · SGD 0.2", 61)
    assert curve(again, "race-nll", "ELBO β=1 · SGD 0.2") == before
    _pick_optimiser(again, "as the race")
    expect(card.get_by_text("More", exact=True)).to_be_visible()
    button(again, "Train").click()
    again.wait_for_function(
        "document.querySelector('[data-chart=race-nll]').data.some((t) => t.name === 'ELBO β=1' && t.x.length >= 61)"
    )


def _pick_optimiser(page: Page, name: str) -> None:
    """The second contender's, when its fold is at rest: a list that opens while the page moves is closed again."""
    page.wait_for_timeout(800)
    take(page.locator(".st-key-race-card-1").get_by_role("combobox", name="Optimiser"), name, exact=True)


def paused_at(page: Page) -> int:
    """The step at which a race rests: one that was being made when it was paused may still come."""
    said = page.get_by_text("paused", exact=False).first
    before, now = "", said.inner_text()
    while now != before:
        page.wait_for_timeout(1500)
        before, now = now, said.inner_text()
    return int(now.split()[1])


def paused(tab: Tab, dashboard: Any) -> tuple[Page, int]:
    """A long race that was begun and paused, and the step at which it rests."""
    page = ready(tab(link(dashboard, steps=100_000, log_every=10)))
    button(page, "Train").click()
    until_curve(page, "race-nll", "MLE", 2)
    button(page, "Pause").click()
    expect(button(page, "Resume")).to_be_visible()
    return page, paused_at(page)


def test_stop_pause_step(tab: Tab, dashboard: Any) -> None:
    page, reached = paused(tab, dashboard)
    button(page, "Step").click()
    expect(page.get_by_text(f"Step {reached + 1} of 100000 · paused", exact=True)).to_be_visible()
    button(page, "Resume").click()
    expect(button(page, "Pause")).to_be_visible()
    button(page, "Stop").click()
    expect(page.get_by_text("stopped", exact=False).first).to_be_visible()
    button(page, "Reset").click()
    expect(page.get_by_text("Ready: step 0 of 100000")).to_be_visible()


def test_a_click_counts_once_though_the_page_refreshes_itself_first(tab: Tab, dashboard: Any) -> None:
    """A browser so busy that it comes to send a click only after the page's own refreshes."""
    page, reached = paused(tab, dashboard)
    page.evaluate(
        """() => {
            const soon = window.setTimeout;
            window.setTimeout = (then, wait, ...more) => soon(then, wait || 1000, ...more);
        }"""
    )
    for made in (1, 2, 3):
        button(page, "Step").click()
        expect(page.get_by_text(f"Step {reached + made} of 100000 · paused", exact=True)).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_picture(tab: Tab, dashboard: Any, tmp_path: Path, dark: bool) -> None:
    page = ready(tab(link(dashboard, steps=300), dark=dark))
    button(page, "Train").click()
    until_curve(page, "race-nll", "SELBO", 200)
    expect(page.get_by_text("finished", exact=False).first).to_be_visible()
    expect(page.get_by_text("scoring", exact=False)).to_have_count(0)
    picture(page, f"compare-{'dark' if dark else 'light'}.png", tmp_path)


def test_the_same_number_stands_on_compare_runs_and_train(tab: Tab, dashboard: Any) -> None:
    base = BASE | {"steps": 12, "replicas": 5, "data_draws": 1, "seed": 3}
    race = RaceConfig.parse({"base": base, "contenders": [{"objective": {"name": "elbo", "beta": 0.35}}], "rivals": []})
    page = ready(tab(f"{dashboard.address}/compare?race={race.to_url()}"))
    button(page, "Train").click()
    expect(page.get_by_text("Step 12 of 12 · finished", exact=True)).to_be_visible()
    shown = page.locator("table").filter(has_text="step 12, means of 5")
    heads, cells = shown.locator("th").all_inner_texts(), shown.locator("tbody tr").first.locator("td")
    compare = dict(zip(heads, cells.all_inner_texts(), strict=True))
    page.goto(f"{dashboard.address}/runs")
    page.wait_for_selector('[data-testid=stDataFrame] table td:has-text("ELBO β=0.35")', state="attached")
    rows = page.evaluate(
        """() => [...document.querySelectorAll("[data-testid=stDataFrame] table tr")].map(
            (row) => [...row.children].map((cell) => cell.textContent))"""
    )
    (listed,) = [dict(zip(rows[0], row, strict=True)) for row in rows if "ELBO β=0.35" in row]
    store = RunStore(dashboard.data)
    (run,) = [record.id for record in store.list() if '"beta":0.35' in record.config_json.replace(" ", "")]
    store.close()
    page.goto(f"{dashboard.address}/?run={run}")
    page.wait_for_selector("[data-chart=marginals] .main-svg")
    train = {
        tile.get_by_test_id("stMetricLabel").inner_text(): tile.get_by_test_id("stMetricValue").inner_text()
        for tile in page.get_by_test_id("stMetric").all()
    }
    for metric, tile in (("accuracy_test", "Test accuracy"), ("kl_posterior", "KL to posterior")):
        short = METRICS[metric].short
        told = compare[short]
        assert told == train[f"{tile}, mean of 5"].removesuffix(" nats"), (compare, train)
        # What the table paints is rounded; what it tells a screen reader is not.
        assert told == f"{float(listed['Mean ' + short]):.{len(told.partition('.')[2])}f}", (compare, listed)
    titles = page.evaluate(
        """() => ["weights", "boundary", "marginals"].map(
            (name) => document.querySelector(`[data-chart=${name}]`).layout.title.text)"""
    )
    assert all("median loss" in title for title in titles)
