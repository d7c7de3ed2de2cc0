"""The Train page in a real browser: real training, read off the page as a person would."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from qhn_core.config import RunConfig
from qhn_core.config.text import pack
from tests.browser.menus import take

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]

expect.set_options(timeout=60_000)
LOSS = "document.querySelector('[data-chart=loss]')"
#: Steps of the curve named "loss", or [] while there is none.
LOSS_STEPS = f"(({LOSS}?.data ?? []).find(t => t.name === 'loss')?.x ?? [])"
ENDLESS: dict[str, Any] = {"steps": 100_000, "replicas": 1, "log_every": 1}


def link(dashboard: Any, config: dict[str, Any] | None = None, **query: str) -> str:
    """The page's address with a configuration in it."""
    parts = dict(query)
    if config is not None:
        parts["config"] = RunConfig.parse(config).to_url()
    return dashboard.address + "/?" + "&".join(f"{key}={value}" for key, value in parts.items())


def button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def ready(page: Page) -> Page:
    """Wait until the charts stand and Train can be pressed."""
    charts = "[...document.querySelectorAll('[data-chart]')]"
    page.wait_for_function(f"{charts}.length > 5 && {charts}.every(e => e.data?.length > 0)")
    expect(button(page, "Train")).to_be_enabled()
    return page


def wait_for(page: Page, script: str) -> None:
    page.wait_for_function(script)


def train_to_the_end(page: Page) -> None:
    button(page, "Train").click()
    expect(page.get_by_text("finished", exact=False).first).to_be_visible()


def tile(page: Page, label: str) -> str:
    found = page.get_by_test_id("stMetric").filter(has_text=label)
    return str(found.get_by_test_id("stMetricValue").inner_text())


def refreshes(page: Page, name: str = "loss") -> int:
    return int(page.get_attribute(f"[data-chart={name}]", "data-refreshes") or 0)


def test_a_newcomer_trains_the_default(dashboard: Any, tab: Tab) -> None:
    """One obvious button; curves, gap and pictures move; every chart says in words what it shows."""
    page = ready(tab(link(dashboard)))
    for name in ("loss", "gap", "weights", "boundary", "marginals", "circuit"):
        chart = page.locator(f"[data-chart={name}]")
        expect(chart).to_have_attribute("role", "img")
        assert len(chart.get_attribute("aria-label") or "") > 20
        assert page.evaluate(f"document.querySelector('[data-chart={name}]').data.length") > 0
    page.evaluate("document.querySelectorAll('[data-chart]').forEach(e => { e.mark = 'same node'; })")
    button(page, "Train").click()
    wait_for(page, f"{LOSS_STEPS}.length > 2")
    expect(page.get_by_text("finished", exact=False).first).to_be_visible()
    wait_for(page, f"{LOSS_STEPS}.at(-1) === 250")
    marks = page.evaluate("[...document.querySelectorAll('[data-chart]')].map(e => e.mark)")
    assert marks == ["same node"] * 6, "no chart is made anew when a run starts or ends"
    wait_for(page, "document.querySelector('[data-chart=gap]').data.every(t => t.x.length === 251)")
    gap = page.evaluate("document.querySelector('[data-chart=gap]').data.map(t => [t.name, t.line.dash])")
    assert gap == [["train", "solid"], ["test", "dash"]]
    assert float(tile(page, "Test accuracy")) > 0.7
    assert tile(page, "KL to posterior").endswith("nats")
    losses = page.evaluate(f"{LOSS}.data.find(t => t.name === 'loss').y")
    assert losses[-1] < losses[0]


def test_the_plotting_library_is_fetched_once_and_before_the_page_asks_for_it(dashboard: Any, tab: Tab) -> None:
    page = ready(tab(link(dashboard)))
    fetched = page.evaluate("performance.getEntriesByType('resource').filter(e => /plotly/.test(e.name))")
    assert [entry["initiatorType"] for entry in fetched] == ["link"]


def test_node_and_zoom_survive_twenty_refreshes(dashboard: Any, tab: Tab) -> None:
    page = ready(tab(link(dashboard, ENDLESS)))
    button(page, "Train").click()
    wait_for(page, f"{LOSS_STEPS}.length > 20")
    page.evaluate(f"{LOSS}.mark = 'same node'; Plotly.relayout({LOSS}, {{'xaxis.range': [3, 11]}})")
    gap_end = "document.querySelector('[data-chart=gap]')._fullLayout.xaxis.range[1]"
    wait_for(page, f"{gap_end} < {ENDLESS['steps']}")  # it has left the preview, too
    before, first = page.evaluate(gap_end), refreshes(page)
    wait_for(page, f"Number({LOSS}.dataset.refreshes) >= {first + 20}")
    assert page.evaluate(f"{LOSS}.mark") == "same node"
    assert page.evaluate(f"{LOSS}._fullLayout.xaxis.range") == [3, 11]
    assert page.evaluate(gap_end) > before, "a chart that nobody touched goes on with the data"
    page.hover("[data-chart=loss]")
    page.locator(".qhn-chart-frame").first.get_by_role("button", name="reset zoom").click()
    wait_for(page, f"{LOSS}._fullLayout.xaxis.range[1] > 11")
    button(page, "Stop").click()
    expect(page.get_by_text("stopped", exact=False).first).to_be_visible()


def test_slow_motion_pause_step_resume_stop_reset(dashboard: Any, tab: Tab) -> None:
    page = ready(tab(link(dashboard, ENDLESS)))
    take(page.get_by_role("combobox", name="Speed, steps per second"), "Speed: 5 steps/s")
    button(page, "Train").click()
    wait_for(page, f"{LOSS_STEPS}.length > 3")
    button(page, "Pause").click()
    expect(button(page, "Resume")).to_be_visible()
    paused = page.get_by_text(re.compile(r"^Step \d+ of .* paused"))
    expect(paused).to_be_visible()
    page.wait_for_timeout(1500)  # a message of the last refresh before the pause may still be on its way
    at = int(paused.inner_text().split()[1])
    button(page, "Step").click()
    expect(page.get_by_text(re.compile(rf"^Step {at + 1} of .* paused"))).to_be_visible()
    button(page, "Resume").click()
    wait_for(page, f"{LOSS_STEPS}.at(-1) > {at + 2}")
    button(page, "Stop").click()
    expect(page.get_by_text("stopped", exact=False).first).to_be_visible()
    button(page, "Reset").click()
    expect(page.get_by_text("Ready: step 0", exact=False).first).to_be_visible()
    wait_for(page, f"{LOSS_STEPS}.length === 1")
    assert "run=" not in page.url


def test_double_clicks_start_one_run(dashboard: Any, tab: Tab) -> None:
    from qhn_core.store import RunStore

    store = RunStore(dashboard.data)
    before = len(store.list())
    page = ready(tab(link(dashboard, {**ENDLESS, "seed": 5})))
    button(page, "Train").dblclick()
    wait_for(page, f"{LOSS_STEPS}.length > 2")
    assert len(store.list()) == before + 1
    button(page, "Pause").dblclick()
    expect(button(page, "Resume")).to_be_visible()
    page.wait_for_timeout(600)
    expect(button(page, "Resume")).to_be_visible()
    button(page, "Stop").dblclick()
    expect(page.get_by_text("stopped", exact=False).first).to_be_visible()
    store.close()


def test_a_reload_finds_the_run_and_a_link_gives_the_same_history(dashboard: Any, tab: Tab) -> None:
    config = {"steps": 60, "replicas": 4, "seed": 3, "objective": {"name": "selbo", "lam": 1.0}, "dataset": "moons"}
    page = ready(tab(link(dashboard, config)))
    train_to_the_end(page)
    wait_for(page, f"{LOSS_STEPS}.at(-1) === 60")
    curve = f"{LOSS}.data.find(t => t.name === 'loss').y"
    first = page.evaluate(curve)
    address = page.url
    page.reload()
    page.wait_for_selector("[data-chart=loss] .main-svg")
    wait_for(page, f"{LOSS_STEPS}.at(-1) === 60")
    assert page.evaluate(curve) == first
    elsewhere = ready(tab(address.split("&run=")[0]))
    expect(elsewhere.get_by_text("SELBO λ=1", exact=False).first).to_be_visible()
    train_to_the_end(elsewhere)
    wait_for(elsewhere, f"{LOSS_STEPS}.at(-1) === 60")
    assert elsewhere.evaluate(curve) == first


@pytest.mark.parametrize(
    ("data", "layers", "chart"),
    [
        ({"name": "breast_cancer", "components": 4, "n_train": 40, "n_test": 300}, [4, 2, 1], "confusion"),
        ({"name": "gaussian_mixture", "n_train": 40, "n_test": 300}, [2, 3, 1], "boundary"),
    ],
    ids=["breast_cancer", "gaussian_mixture"],
)
def test_real_and_synthetic_data_beat_the_majority(
    data: dict[str, Any], layers: list[int], chart: str, dashboard: Any, tab: Tab
) -> None:
    """Better than always saying the commonest class, read off the page."""
    network = {"name": "mlp", "layers": layers, "activation": "sign"}
    config = {"dataset": data, "network": network, "steps": 120, "replicas": 4}
    labels = RunConfig.parse(config).dataset.load().y_test
    majority = max((labels == c).mean() for c in set(labels.tolist()))
    page = ready(tab(link(dashboard, config)))
    train_to_the_end(page)
    wait_for(page, f"{LOSS_STEPS}.at(-1) === 120")
    wait_for(page, f"document.querySelector('[data-chart={chart}]')?.data?.length > 0")
    page.wait_for_timeout(500)
    assert float(tile(page, "Test accuracy")) > majority + 0.05


def test_choosing_in_the_form_changes_page_and_url(dashboard: Any, tab: Tab) -> None:
    page = ready(tab(link(dashboard)))
    before = page.url
    take(page.get_by_role("combobox", name="Data"), "Iris")
    expect(page.get_by_text("2-2-3", exact=False).first).to_be_visible()
    wait_for(page, f"location.href !== {before!r}")
    take(page.get_by_role("combobox", name="Loss"), "Maximum likelihood (MLE)")
    expect(page.get_by_text("MLE", exact=True).first).to_be_visible()
    ready(page)
    page.reload()
    expect(page.get_by_text("Iris", exact=False).first).to_be_visible()
    expect(page.get_by_text("2-2-3", exact=False).first).to_be_visible()


def test_a_bad_link_is_told_and_does_no_harm(dashboard: Any, tab: Tab) -> None:
    page = ready(tab(link(dashboard, config=None) + "config=1.%3Cscript%3Ealert(1)%3C/script%3E&run=..%2F..%2Fx"))
    expect(page.get_by_text("This link cannot be opened", exact=False)).to_be_visible()
    expect(page.get_by_text("13 qubits", exact=False)).to_be_visible()


def test_a_bad_link_fetches_no_picture_from_elsewhere(dashboard: Any, chromium: Any) -> None:
    """Markdown in what a message quotes could name one; the port is one where nobody listens."""
    context = chromium.new_context()
    page = context.new_page()
    blocked: list[str] = []
    page.on("console", lambda message: blocked.append(message.text))
    text = pack({"dataset": {"name": "![x](http://127.0.0.1:9/pixel.png)"}})
    page.goto(f"{dashboard.address}/?config={text}")
    expect(page.get_by_text("This link cannot be opened", exact=False)).to_be_visible()
    page.wait_for_timeout(1000)
    assert any("pixel.png" in line and "img-src" in line for line in blocked)
    context.close()


def test_what_does_not_fit_is_refused_before_it_starts(dashboard: Any, tab: Tab) -> None:
    page = tab(link(dashboard, {"network": {"name": "mlp", "layers": [2, 7, 1]}}))
    expect(page.get_by_text("29 qubits", exact=False).first).to_be_visible()
    expect(button(page, "Train")).to_be_disabled()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible_in_both_themes(dark: bool, dashboard: Any, tab: Tab) -> None:
    """No serious violation of WCAG by axe-core in what is ours; charts have the theme's colours."""
    from axe_playwright_python.sync_playwright import Axe

    page = ready(tab(link(dashboard, {"steps": 5, "replicas": 2}), dark=dark))
    train_to_the_end(page)
    page.wait_for_timeout(700)
    colour = page.evaluate(f"{LOSS}._fullLayout.title.font.color")
    assert colour == ("#eef0f5" if dark else "#10131a")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    serious = [(v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in found if v["impact"] == "critical"]
    assert not serious


def test_everything_works_without_the_plotting_library(dashboard: Any, chromium: Any) -> None:
    """A chart that cannot be drawn says so, and the page goes on."""
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/plotly.min.js*", lambda route: route.abort())
    page.goto(link(dashboard))
    expect(page.get_by_text("This chart cannot be drawn", exact=False).first).to_be_visible(timeout=60_000)
    expect(button(page, "Train")).to_be_visible()
    context.close()
