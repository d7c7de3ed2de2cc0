"""Teaching from the projector: the presenter's keys, a race taken home, and settings trained at every change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from qhn_core.config import RunConfig
from qhn_core.studies.race.config import RaceConfig
from tests.browser.test_accessible import serious

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]
LONG = 120_000  # milliseconds: other programs may be at work on this machine
SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 2, 1]}, "steps": 40, "replicas": 3}
LOSS = "document.querySelector('[data-chart=loss]')"
SCRUBBED = "Number(document.querySelector('.qhn-scrub')?.dataset.step ?? -1)"
LAST_STEP = f"({LOSS}?.data ?? []).find(t => t.name === 'loss')?.x.at(-1)"


def _told(page: Page, text: str) -> None:
    expect(page.get_by_text(text, exact=False).first).to_be_visible(timeout=LONG)


def test_the_train_page_is_presented_by_keys(dashboard: Any, tab: Tab) -> None:
    config = RunConfig.parse(SMALL | {"steps": 100_000}).to_url()
    page = tab(f"{dashboard.address}/?config={config}&prompt=What+will+happen%3F")
    page.get_by_role("button", name="Present", exact=True).click(timeout=LONG)
    chart = page.locator("[data-chart=loss] .main-svg").first
    page.wait_for_function(f"{LOSS}?._fullLayout?.font.size > 19", timeout=LONG)
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    box = chart.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 720, "the curves are on the first screen"
    keys, first = (page.locator(f".st-key-{key}").bounding_box() for key in ("presenter-bar", "podium-0"))
    assert keys is not None
    assert first is not None
    assert first["y"] < 30, "no empty line above the first row"
    assert 700 < keys["y"] + keys["height"] <= 721, "the keys stand at the foot of the screen"
    page.wait_for_function("document.documentElement.scrollWidth <= 1280")
    assert "present=1" in page.url
    assert not serious(page)

    page.keyboard.press("ArrowRight")
    _told(page, "Step 1 of 100000 · paused")
    page.keyboard.press("Space")
    _told(page, "· running")
    page.keyboard.press("Space")
    _told(page, "· paused")

    page.wait_for_selector(".qhn-scrub", timeout=LONG)
    page.evaluate(f"window.stepped = {SCRUBBED}")
    page.keyboard.press("ArrowLeft")  # a run that rests is gone through by the arrows
    page.wait_for_function(f"{SCRUBBED} < window.stepped", timeout=LONG)
    page.keyboard.press("p")
    prompt = page.get_by_role("dialog", name="Prompt to the class")
    expect(prompt).to_contain_text("What will happen?")
    prompt.get_by_role("button", name="change").click()
    page.keyboard.type("1 2 p, then?")  # in a field no key does anything but write
    page.keyboard.press("Control+A")
    page.keyboard.type("2 or 1 pp?")
    page.keyboard.press("Enter")
    expect(prompt).to_contain_text("2 or 1 pp?")
    page.wait_for_function(
        "decodeURIComponent(location.search.replaceAll('+', ' ')).includes('2 or 1 pp?')", timeout=LONG
    )
    page.keyboard.press("Escape")
    expect(prompt).to_be_hidden()
    _told(page, "· paused")

    page.keyboard.press("1")
    expect(page.locator(".st-key-podium-0 button:visible")).to_have_attribute(
        "data-testid", "stBaseButton-primary", timeout=LONG
    )
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible(timeout=LONG)
    page.wait_for_function("!location.search.includes('present=')", timeout=LONG)


def test_arrows_make_and_go_back_by_one_step(dashboard: Any, tab: Tab) -> None:
    page = tab(f"{dashboard.address}/?present=1&config={RunConfig.parse(SMALL).to_url()}")
    page.wait_for_function(f"{LAST_STEP} === 0", timeout=LONG)
    for made in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        _told(page, f"Step {made} of 40 · paused")
        page.wait_for_function(f"{LAST_STEP} === {made}", timeout=LONG)
        page.wait_for_function(f"{SCRUBBED} === {made}", timeout=LONG)
    for back in (2, 1):
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(f"{SCRUBBED} === {back}", timeout=LONG)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{SCRUBBED} === 2", timeout=LONG)
    _told(page, "Step 3 of 40 · paused · looking back at step 2")


def test_a_race_is_presented_and_taken_home(dashboard: Any, tab: Tab, chromium: Any, tmp_path: Path) -> None:
    race = RaceConfig.parse({"base": {"schema_version": 1, **SMALL}, "rivals": ["best_string"]}).to_url()
    page = tab(f"{dashboard.address}/compare?present=1&race={race}", dark=True)
    names = "[...document.querySelector('[data-chart=race-nll]')?.data ?? []].map(t => t.name)"
    page.wait_for_selector("[data-chart=race-nll] .main-svg", timeout=LONG)
    page.keyboard.press("Space")
    _told(page, "· finished")
    page.wait_for_function(f"{names}.includes('SELBO λ=1')", timeout=LONG)
    assert not serious(page)
    page.keyboard.press("3")
    page.wait_for_function(f"{names}.includes('MLE') && !{names}.includes('SELBO λ=1')", timeout=LONG)
    page.keyboard.press("3")
    page.wait_for_function(f"{names}.includes('SELBO λ=1')", timeout=LONG)
    page.keyboard.press("Escape")
    page.get_by_test_id("stPopoverButton").filter(has_text="Export", visible=True).click(timeout=LONG)
    with page.expect_download(timeout=LONG) as download:
        page.get_by_role("button", name="Receipt").click()
    path = tmp_path / "race.html"
    download.value.save_as(path)

    context = chromium.new_context(offline=True)
    home = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    home.on("request", lambda request: asked.append(request.url))
    home.on("pageerror", lambda error: faults.append(str(error)))
    home.goto(path.as_uri())
    for chart in ("race-nll", "race-accuracy", "race-loss"):
        home.wait_for_selector(f"[data-chart={chart}] .main-svg", timeout=LONG)
    words = home.inner_text("body")
    context.close()
    assert asked == [path.as_uri()]
    assert not faults
    assert "95 % interval" in words
    assert "judged at step 40" in words


def test_a_change_is_trained_at_once(dashboard: Any, tab: Tab) -> None:
    page = tab(f"{dashboard.address}/?present=1&config={RunConfig.parse(SMALL).to_url()}")
    page.wait_for_selector("[data-chart=marginals] .main-svg", timeout=LONG)
    page.get_by_test_id("stCheckbox").filter(has_text="Instant").locator("label").click()
    page.wait_for_function(f"{LAST_STEP} === 40", timeout=LONG)
    _told(page, "Instant: step 40 of 40")
    page.evaluate("document.addEventListener('qhn-figure', () => { window.ahead = true; }, true)")
    page.keyboard.press("1")
    page.wait_for_function(f"{LOSS}.data.some(t => t.name === 'before')", timeout=LONG)
    page.wait_for_function(f"{LAST_STEP} === 40", timeout=LONG)
    for key in "21" * 10:  # where the machine is busy the page itself may be first
        if page.evaluate("Boolean(window.ahead)"):
            break
        page.keyboard.press(key)
        expect(page.locator(f".st-key-podium-{int(key) - 1} button:visible")).to_have_attribute(
            "data-testid", "stBaseButton-primary", timeout=LONG
        )
    else:
        pytest.fail("the charts never were ahead of their page")
    assert "run=" not in page.url


@pytest.mark.parametrize(("path", "width", "height"), [("", 1280, 720), ("compare", 853, 480), ("", 400, 720)])
def test_a_link_is_photographed_from_the_last_row(dashboard: Any, tab: Tab, path: str, width: int, height: int) -> None:
    page = tab(f"{dashboard.address}/{path}?prompt=What+will+happen%3F", dark=width < 1000)
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_selector("[data-chart] .main-svg", timeout=LONG)
    if (sidebar := page.get_by_test_id("stExpandSidebarButton")).is_visible():
        sidebar.click()
    page.get_by_test_id("stPopoverButton").filter(has_text="Share", visible=True).click()
    code = page.get_by_role("button", name="QR code")
    code.wait_for(timeout=LONG)
    body = "document.querySelector('[data-testid=stPopoverBody]').getBoundingClientRect()"
    page.wait_for_function(f"{body}.height > 0.4 * innerHeight && {body}.top >= 0 && {body}.bottom <= innerHeight")
    code.click()
    side = 0.6 * min(width, height)
    picture = "document.querySelector('.qhn-qr img')?.getBoundingClientRect()"
    page.wait_for_function(f"{picture}?.width > {side} && {picture}.top >= 0 && {picture}.bottom <= innerHeight")
    page.wait_for_function("document.querySelector('.qhn-qr').getBoundingClientRect().bottom <= innerHeight")
    _told(page, "What will happen?")
    assert not serious(page)
    page.keyboard.press("Escape")
    expect(page.locator(".qhn-qr")).to_have_count(0, timeout=LONG)
