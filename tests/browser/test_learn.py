"""Learn in a real browser: lessons and story by keyboard, a curve drawn and found again, a shared link."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from qhn_core.lessons import Lesson, library
from tests.browser.conftest import restart_server
from tests.browser.test_accessible import serious

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]
LESSONS = library()[0]
LONG = 180_000  # milliseconds: an experiment may wait for others on this machine


def _open(tab: Tab, dashboard: Any, lesson: str, step: str, **more: str) -> Page:
    page = tab(f"{dashboard.address}/learn?{urlencode({'lesson': lesson, 'step': step, **more})}")
    page.get_by_role("button", name="All lessons").wait_for()
    return page


def _main_height(page: Page) -> int:
    return int(page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_a_lesson_is_walked_by_keyboard_and_each_screen_fits(dashboard: Any, tab: Tab, lesson: Lesson) -> None:
    page = _open(tab, dashboard, lesson.id, lesson.steps[0].id)
    for k, step in enumerate(lesson.steps):
        expect(page.get_by_text(f"{k + 1} of {len(lesson.steps)}").first).to_be_visible(timeout=LONG)
        expect(page.get_by_role("heading", name=step.title, exact=True)).to_be_visible(timeout=LONG)
        if step.question is None:
            expect(page.locator(f"[data-chart={step.show[0]}]").first).to_be_visible(timeout=LONG)
        else:
            # While a step goes, the next one's question may stand beside its own for a moment.
            expect(page.get_by_text("How sure are you?")).to_have_count(1, timeout=LONG)
        assert page.get_by_test_id("stException").count() == 0
        assert page.get_by_test_id("stAlertContentError").count() == 0
        assert _main_height(page) <= 720, step.id
        page.locator("body").press("ArrowRight")
    page.get_by_text("Learn: predict first, then see").wait_for(timeout=LONG)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_each_screen_fits_a_projector(dashboard: Any, tab: Tab, lesson: Lesson) -> None:
    page = _open(tab, dashboard, lesson.id, lesson.steps[0].id, present="1")
    for step in lesson.steps:
        expect(page.get_by_role("heading", name=step.title, exact=True)).to_be_visible(timeout=LONG)
        if step.question is None or step.until is not None:
            page.locator("[data-chart]").first.wait_for(timeout=LONG)
        page.wait_for_function(
            "document.querySelector('[data-testid=stMain]').scrollHeight <= 720", timeout=LONG
        )  # while a step goes, the next one may stand below its own for a moment
        page.locator("body").press("ArrowRight")


def test_digits_choose_and_the_space_bar_locks(dashboard: Any, tab: Tab) -> None:
    page = _open(tab, dashboard, "bit-qubit-weight", "one", present="1")
    lock = page.get_by_role("button", name="Lock my answer")
    expect(lock).to_be_disabled(timeout=LONG)
    page.locator("body").press("3")
    expect(page.get_by_role("radio").nth(2)).to_be_checked(timeout=LONG)
    expect(lock).to_be_enabled(timeout=LONG)
    page.locator("body").press("Space")
    page.get_by_text("It happened").wait_for(timeout=LONG)


def test_a_drawn_curve_is_locked_revealed_and_found_after_reload_and_restart(dashboard: Any, tab: Tab) -> None:
    page = _open(tab, dashboard, "mle-and-collapse", "draw")
    axes = page.locator("[data-chart=gap] svg")
    axes.wait_for(timeout=LONG)
    lock = page.get_by_role("button", name="Lock my answer")
    assert lock.is_disabled()
    box = axes.bounding_box()
    assert box is not None
    left, width = box["x"] + 62, box["width"] - 76
    page.mouse.move(left + 0.22 * width, box["y"] + 260)
    page.mouse.down()
    for k in range(25):
        page.mouse.move(left + (0.22 + 0.78 * k / 24) * width, box["y"] + 260 - 4 * k)
    page.mouse.up()
    expect(lock).to_be_enabled(timeout=LONG)
    lock.click()
    revealed = page.locator("[data-chart=gap][data-revealed=true]")
    revealed.wait_for(timeout=LONG)
    page.get_by_text("It happened").wait_for()
    drawn = json.loads(revealed.get_attribute("data-drawn") or "[]")
    assert all(height is not None for height in drawn)
    assert drawn[-1] > drawn[0]
    page.reload()
    revealed.wait_for(timeout=LONG)
    assert json.loads(revealed.get_attribute("data-drawn") or "[]") == drawn
    assert page.get_by_role("button", name="Lock my answer").count() == 0
    address = page.url
    page.goto("about:blank")  # a page that loses its server says so in its console
    restart_server(dashboard)
    page.goto(address)
    revealed.wait_for(timeout=LONG)
    assert json.loads(revealed.get_attribute("data-drawn") or "[]") == drawn
    page.get_by_role("button", name="All lessons").click()
    expect(page.get_by_role("button", name="Go on", exact=True)).to_have_count(1, timeout=LONG)
    expect(page.get_by_text("1 of 3 answered", exact=False)).to_have_count(1)


def test_a_curve_can_be_drawn_by_keys(dashboard: Any, tab: Tab) -> None:
    page = _open(tab, dashboard, "mle-and-collapse", "draw")
    axes = page.locator("[data-chart=gap] svg")
    axes.wait_for(timeout=LONG)
    axes.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Lock my answer")).to_be_enabled(timeout=LONG)
    expect(page.get_by_text("2 of 5").first).to_be_visible()  # the arrows drew, they did not turn the page


def test_answers_make_a_profile_that_is_exported_and_cleared(dashboard: Any, tab: Tab) -> None:
    page = _open(tab, dashboard, "bit-qubit-weight", "one")
    toy = page.locator("[data-chart=qubits]")
    expect(toy).to_contain_text("Its odds are shown when your answer is locked.", timeout=LONG)
    assert "%" not in toy.inner_text()
    assert toy.get_attribute("data-p") == ""
    page.get_by_text("0, the middle.").click(timeout=LONG)
    page.get_by_role("radio", name="sure", exact=True).click()
    page.get_by_role("button", name="Lock my answer").click()
    page.get_by_text("not as you said").wait_for(timeout=LONG)
    expect(toy).to_contain_text("50.0 %", timeout=LONG)
    page.get_by_role("button", name="All lessons").click()
    page.get_by_text("Sure and wrong: 1 of 1.").wait_for(timeout=LONG)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export my answers").click()
    answers = json.loads(download.value.path().read_text())["answers"]
    assert [(a["lesson"], a["answer"], a["sure"], a["correct"]) for a in answers] == [
        ("bit-qubit-weight", "zero", 2, False)
    ]
    page.get_by_role("button", name="Clear my answers").click()
    page.get_by_role("button", name="Clear them").click()
    page.get_by_text("None yet.").wait_for(timeout=LONG)


def test_a_shared_link_brings_step_prompt_and_hidden_controls(dashboard: Any, tab: Tab) -> None:
    prompt = "What would <b>you</b> expect? ![x](https://elsewhere.example/x.png)"
    page = _open(tab, dashboard, "mle-and-collapse", "break", prompt=prompt, hide="dataset.n_train")
    page.get_by_text(prompt, exact=False).wait_for(timeout=LONG)
    page.get_by_text("Share of wrong labels").wait_for(timeout=LONG)
    assert page.get_by_text("Patients to learn from").count() == 0
    page.get_by_test_id("stPopoverButton").filter(has_text="Share", visible=True).click()
    page.get_by_text("lesson=mle-and-collapse").first.wait_for()
    assert page.get_by_text("Hide these controls").count() == 0, "what is hidden is not for its reader to choose"
    page.get_by_role("button", name="QR code").click()
    expect(page.locator(".qhn-qr img")).to_be_visible()


def test_a_qubit_turns_and_is_measured(dashboard: Any, tab: Tab) -> None:
    page = tab(f"{dashboard.address}/learn?show=qubit")
    toy = page.locator("[data-chart=qubits]")
    toy.wait_for(timeout=LONG)
    slider = toy.get_by_role("slider")
    slider.fill("60")
    p = json.loads(toy.get_attribute("data-p") or "[]")
    assert p == pytest.approx([0.75, 0.25], abs=1e-6)  # cos² and sin² of 30°
    toy.get_by_role("button", name="measure", exact=True).click()
    assert toy.get_attribute("data-last") in ("0", "1")
    page.get_by_test_id("stButtonGroup").get_by_text("2", exact=True).click()
    page.wait_for_function("JSON.parse(document.querySelector('[data-chart=qubits]')?.dataset.p || '[]').length === 4")
    expect(toy).to_have_count(1)  # for a moment the one before stands beside it
    p = json.loads(toy.get_attribute("data-p") or "[]")
    assert p[1] == pytest.approx(0.0, abs=1e-6)  # the CNOT leaves −− and ++
    assert p[2] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (400, False)])
def test_no_serious_fault_in_lessons_and_story(dashboard: Any, tab: Tab, width: int, dark: bool) -> None:
    page = tab(f"{dashboard.address}/learn?show=qubit", dark=dark)
    page.set_viewport_size({"width": width, "height": 720})
    screens = {
        "show=qubit": "[data-chart=qubits]",
        "lesson=mle-and-collapse&step=draw": "[data-chart=gap] svg",
        "lesson=superposition-of-networks&step=break": "[data-chart=networks] .main-svg",
        "lesson=ten-minute-story&step=one": "[data-chart=one] .main-svg",
    }
    for query, ready in screens.items():
        page.goto(f"{dashboard.address}/learn?{query}")
        page.wait_for_selector(ready, timeout=LONG)
        assert not serious(page), query
        page.wait_for_function(f"document.documentElement.scrollWidth <= {width}")


def test_a_receipt_opens_from_disk_with_the_network_off(chromium: Any, tmp_path: Path) -> None:
    from app.figures import gap_curves, loss_curves
    from app.receipt import receipt
    from qhn_core.config import RunConfig
    from qhn_core.runner import Supervisor
    from qhn_core.store import RunStore

    config = RunConfig.parse({"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 8, "replicas": 2})
    store = RunStore(tmp_path / "runs")
    supervisor = Supervisor(store)
    run = supervisor.start(config)
    supervisor.wait(run, timeout=120)
    supervisor.shutdown()
    path = tmp_path / "receipt.html"
    rows = store.history(run)
    curves = {"loss": loss_curves, "gap": gap_curves}
    figures = {name: draw(rows.steps, rows.history, objective="elbo") for name, draw in curves.items()}
    path.write_bytes(receipt(store.get(run), rows, config, figures))
    context = chromium.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(path.as_uri())
    for chart in ("loss", "gap"):
        page.wait_for_selector(f"[data-chart={chart}] .main-svg", timeout=LONG)
    context.close()
    assert asked == [path.as_uri()]
    assert not faults
