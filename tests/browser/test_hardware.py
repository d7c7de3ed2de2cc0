"""The Hardware page in a real browser: the dial, a noisy Aer device, a fake IBM back end, training from shots."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from qhn_core.config import RunConfig
from qhn_core.runner import Supervisor
from qhn_core.store import RunState, RunStore
from tests.browser.menus import take

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]
#: Nine qubits, so that Aer with noise answers within seconds; three, so that a five-qubit back end holds it.
NINE: dict[str, Any] = {
    "network": {"name": "mlp", "layers": [2, 2, 1], "activation": "sign"},
    "objective": {"name": "selbo", "lam": 0.3},
    "steps": 60,
    "replicas": 4,
}
#: Thirteen qubits under noise keep Aer busy for many seconds.
THIRTEEN: dict[str, Any] = {**NINE, "network": {"name": "mlp", "layers": [2, 3, 1], "activation": "sign"}, "steps": 20}
THREE: dict[str, Any] = {**NINE, "network": {"name": "mlp", "layers": [2, 1], "activation": "sign"}, "replicas": 2}
CASES = {"nine": NINE, "three": THREE, "thirteen": THIRTEEN}
#: Names of the charts that can be seen.
VISIBLE = "[...document.querySelectorAll('[data-chart]')].filter(e => e.offsetParent).map(e => e.dataset.chart)"
SPREAD = """(() => { const t = document.querySelector('[data-chart=shots-mmd]')?.data?.find(t => t.type === 'bar');
    return t ? t.x.at(-1) - t.x[0] : 0 })()"""

UNDER_NOISE = """(() => { const t = document.querySelector('[data-chart=noise-study]').data.find(
    t => t.name === 'under noise'); return t ? Array.from(t.x, (x, i) => [x, t.y[i]]) : [] })()"""


@pytest.fixture(scope="module")
def runs(dashboard: Any) -> dict[str, str]:
    """Three trained runs in the dashboard's data folder."""
    store = RunStore(dashboard.data)
    supervisor = Supervisor(store)
    found = {name: supervisor.start(RunConfig.parse(c)) for name, c in CASES.items()}
    for run in found.values():
        assert supervisor.wait(run, timeout=120).state is RunState.FINISHED
    supervisor.shutdown()
    store.close()
    return found


def opened(dashboard: Any, tab: Tab, *, dark: bool = False, **query: str) -> Page:
    """The page, with its first chart drawn."""
    page = tab(dashboard.address + "/hardware?" + "&".join(f"{k}={v}" for k, v in query.items()), dark=dark)
    page.wait_for_selector("[data-chart=shots-histogram] .main-svg")
    return page


def choose(page: Page, label: str, option: str) -> None:
    take(page.get_by_role("combobox", name=label).first, option, exact=True)


def view(page: Page, name: str) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()


def data(page: Page, chart: str, script: str) -> Any:
    return page.evaluate(f"(() => {{ const d = document.querySelector('[data-chart={chart}]').data; {script} }})()")


def picture(page: Page, name: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("QHN_SCREENSHOTS", tmp_path))
    page.mouse.move(640, 5)
    page.wait_for_timeout(700)
    page.screenshot(path=folder / name)
    assert (folder / name).stat().st_size > 20_000


def test_dial_deploy_and_training_on_aer_with_noise(
    dashboard: Any, tab: Tab, runs: dict[str, str], tmp_path: Path
) -> None:
    page = opened(dashboard, tab, run=runs["nine"])
    page.wait_for_function(f"{SPREAD} > 0")
    before = page.evaluate(SPREAD)
    dial = page.get_by_role("slider", name="Shots")
    dial.focus()
    for _ in range(5):
        dial.press("ArrowRight")
    page.wait_for_function(f"{SPREAD} > {3 * before}")
    page.wait_for_function("location.search.includes('shots=32')")
    choose(page, "Device", "Aer with noise")
    page.get_by_text("calculated exactly", exact=False).wait_for()
    page.wait_for_function("document.querySelector('[data-chart=shots-histogram]')?.data?.length === 3")
    picture(page, "hardware-light.png", tmp_path)
    again = tab(page.url, dark=True)
    again.wait_for_function("document.querySelector('[data-chart=shots-histogram]')?.data?.length === 3")
    picture(again, "hardware-dark.png", tmp_path)

    view(page, "Deploy")
    page.get_by_role("button", name="Draw weights").click()
    page.wait_for_selector("[data-chart=deploy-accuracy] .main-svg")
    seen = data(page, "deploy-histogram", "return d[0].y")
    ideal = data(page, "deploy-histogram", "return d[1].y")
    assert sum(seen) > 50
    assert seen != ideal
    floor, distance = data(page, "deploy-distance", "return [d[0].x[0], d[1].x[0]]")
    assert distance > 2 * floor, "noise is seen beyond the shots"

    view(page, "Train here")
    page.get_by_role("spinbutton", name="Steps").fill("3")
    page.get_by_role("spinbutton", name="Steps").press("Enter")
    expect(page.get_by_text("12 circuits", exact=False).first).to_be_visible()
    expect(page.get_by_text("ms a circuit", exact=False)).to_be_visible()
    page.get_by_role("button", name="Train on this device").click()
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_function(
        "(document.querySelector('[data-chart=hardware-loss]')?.data ?? [])"
        ".some(t => t.name === 'loss, estimated' && t.x.length === 4)"
    )
    expect(page.get_by_text("finished", exact=False).first).to_be_visible()


def test_deploy_on_a_fake_back_end_and_the_noise_study(
    dashboard: Any, tab: Tab, runs: dict[str, str], tmp_path: Path
) -> None:
    page = opened(dashboard, tab, dark=True, run=runs["three"])
    choose(page, "Device", "Fake IBM back end")
    view(page, "Deploy")
    expect(page.get_by_text("fake_manila", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Draw weights").click()
    page.wait_for_selector("[data-chart=deploy-nll] .main-svg")
    address = page.url
    picture(page, "hardware-deploy-dark.png", tmp_path)
    view(page, "Noise study")
    page.wait_for_function("(document.querySelector('[data-chart=noise-study]')?.data ?? []).length === 2")
    losses = data(page, "noise-study", "return d[0].y")
    assert losses[-1] > losses[0], "noise costs"
    page.get_by_role("button", name="Train under noise too").click()
    page.wait_for_function(f"{UNDER_NOISE}.length === 4")
    expect(page.get_by_text("Training under noise", exact=False)).to_have_count(0)
    expect(page.get_by_role("button", name="Train under noise too")).to_be_disabled()
    expect(page.get_by_text("further Adam steps", exact=False)).to_be_visible()
    curve = dict(zip(*data(page, "noise-study", "return [d[0].x, d[0].y]"), strict=True))
    for strength, loss in page.evaluate(UNDER_NOISE):
        assert loss <= curve[strength] + 1e-9, "it starts from these angles and keeps the best step"
    picture(page, "hardware-noise-dark.png", tmp_path)
    again = tab(address, dark=True)
    expect(again.get_by_text("fake_manila", exact=False).first).to_be_visible()
    again.wait_for_selector("[data-chart=deploy-nll] .main-svg")


def test_the_elbo_is_refused_and_selbo_offered(dashboard: Any, tab: Tab) -> None:
    page = opened(dashboard, tab, config=RunConfig().to_url(), source="settings")
    view(page, "Train here")
    expect(page.get_by_text("explicit distribution", exact=False)).to_be_visible()
    page.get_by_role("button", name="Switch to SELBO").click()
    expect(page.get_by_role("button", name="Train on this device")).to_be_visible()
    assert "train_loss=selbo" in page.url


def test_charts_stay_while_controls_are_used_faster_than_they_answer(
    dashboard: Any, tab: Tab, runs: dict[str, str]
) -> None:
    """A control used while the page still answers to another one waits for its turn, and no chart is taken away."""
    page = opened(dashboard, tab, run=runs["nine"])
    page.wait_for_function(f"{SPREAD} > 0")
    page.evaluate("""() => { window.removed = []; new MutationObserver(seen => seen.forEach(m =>
        m.removedNodes.forEach(n => { if (n.querySelector?.('[data-chart]')) removed.push(n.textContent); }))
        ).observe(document.body, {childList: true, subtree: true}); }""")
    dial = page.get_by_role("slider", name="Shots")
    for k in range(12):
        choose(page, "Device", ("Aer, ideal", "Aer, noise of an IBM device", "Ideal simulator")[k % 3])
        dial.press("ArrowRight" if k % 2 else "ArrowLeft")
        page.wait_for_timeout((200, 600, 1100)[k % 3])
    page.wait_for_timeout(1500)
    assert page.evaluate("removed.length") == 0


def test_charts_of_another_view_go_at_once(dashboard: Any, tab: Tab, runs: dict[str, str]) -> None:
    """While Aer is busy too: never do the charts of two views stand on the page together, and old ones go soon."""
    page = opened(dashboard, tab, run=runs["thirteen"], device="noise")
    page.wait_for_selector("[data-chart=shots-mmd] .main-svg")
    page.evaluate(f"""() => {{ window.mixed = []; setInterval(() => {{
        const views = new Set({VISIBLE}.map(n => n.split('-')[0]));
        if (views.size > 1) window.mixed.push([...views].join(' ')); }}, 30); }}""")
    for name, first, old in (
        ("Noise study", "noise-study", "shots"),
        ("Shots", "shots-histogram", "noise"),
        ("Deploy", "deploy-histogram", "shots"),
        ("Noise study", "noise-study", "deploy"),
    ):
        view(page, name)
        page.wait_for_function(f"!{VISIBLE}.some(n => n.startsWith('{old}-'))", timeout=6000)
        page.wait_for_selector(f"[data-chart={first}]")
    assert page.evaluate("mixed") == []
