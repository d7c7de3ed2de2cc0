"""Screenshots of lessons, of pictures that can be touched, and of the projector, into ``assets/screenshots``.

    python -m tests.browser.screenshots [NAME …]

Without names all are made. They are stored with a palette of 128 colours, which halves their size.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from qhn_core.config import RunConfig
from qhn_core.lessons import Lesson, library
from qhn_core.lessons.questions import Curve
from qhn_core.studies.race.config import RaceConfig
from tests.browser.conftest import ROOT, Server, start_server, stop_server
from tests.browser.picture_shots import LONG, PICTURES, SMALL, Shot, finished
from tests.conftest import launched

OUT = ROOT / "assets" / "screenshots"
MANY = SMALL | {"replicas": 16}


def _lesson(lesson: Lesson) -> Shot:
    """The lesson's curve drawn and revealed, else its last screen on which something can be turned."""
    curve = next((step for step in lesson.steps if isinstance(step.question, Curve)), None)
    free = next((step for step in reversed(lesson.steps) if step.question is None), lesson.steps[-1])
    step = curve or free

    def take(page: Page, base: str) -> None:
        page.goto(f"{base}/learn?{urlencode({'lesson': lesson.id, 'step': step.id})}")
        if curve is not None:
            _draw(page)
        elif step.show:
            page.locator(f"[data-chart={step.show[0]}]").first.wait_for(timeout=LONG)
        page.wait_for_function("() => !document.body.innerText.includes('The run goes on')", timeout=LONG)

    return take


def _draw(page: Page) -> None:
    axes = page.locator("[data-chart] svg[role=application]").first
    axes.wait_for(timeout=LONG)
    box = axes.bounding_box()
    assert box is not None
    left, width = box["x"] + 62, box["width"] - 76
    page.mouse.move(left + 0.2 * width, box["y"] + 0.55 * box["height"])
    page.mouse.down()
    for k in range(25):
        page.mouse.move(left + (0.2 + 0.8 * k / 24) * width, box["y"] + (0.55 - 0.006 * k) * box["height"])
    page.mouse.up()
    page.get_by_role("button", name="Lock my answer").click(timeout=LONG)
    page.locator("[data-revealed=true]").first.wait_for(timeout=LONG)


def _presented_run(page: Page, base: str) -> None:
    page.goto(f"{base}/?present=1&config={RunConfig.parse(MANY).to_url()}")
    page.wait_for_selector("[data-chart=marginals] .main-svg", timeout=LONG)
    page.keyboard.press("Space")
    finished(page)


def _presented_race(page: Page, base: str) -> None:
    race = RaceConfig.parse({"base": {"schema_version": 1, **MANY}, "rivals": ["best_string"]}).to_url()
    page.goto(f"{base}/compare?present=1&race={race}")
    page.wait_for_selector("[data-chart=race-nll] .main-svg", timeout=LONG)
    page.keyboard.press("Space")
    finished(page)


def _prompt(page: Page, base: str) -> None:
    page.goto(f"{base}/?present=1&prompt=What+will+the+test+loss+do%3F")
    page.wait_for_selector("[data-chart=loss] .main-svg", timeout=LONG)
    page.keyboard.press("p")
    page.wait_for_timeout(300)


def _instant(page: Page, base: str) -> None:
    page.goto(f"{base}/?config={RunConfig.parse(MANY).to_url()}")
    page.wait_for_selector("[data-chart=marginals] .main-svg", timeout=LONG)
    page.get_by_test_id("stCheckbox").filter(has_text="Instant").locator("label").click()
    page.get_by_text("Instant: step", exact=False).first.wait_for(timeout=LONG)
    page.wait_for_timeout(2500)


def _receipt(page: Page, base: str) -> None:
    _presented_race(page, base)
    page.keyboard.press("Escape")
    page.get_by_test_id("stPopoverButton").filter(has_text="Export", visible=True).click(timeout=LONG)
    with page.expect_download(timeout=LONG) as download:
        page.get_by_role("button", name="Receipt").click()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "race.html"
        download.value.save_as(path)
        page.goto(path.as_uri())
        page.wait_for_selector("[data-chart=race-loss] .main-svg", timeout=LONG)


def shots() -> Iterator[tuple[str, bool, Shot]]:
    """Name, whether in the dark, and what brings the page there."""
    for lesson in library()[0]:
        yield f"lesson-{lesson.number:02d}", bool(lesson.number % 2), _lesson(lesson)
    for name, (dark, bring) in PICTURES.items():
        yield name, dark, bring
    yield "presenter-train", False, _presented_run
    yield "presenter-compare", True, _presented_race
    yield "presenter-prompt", False, _prompt
    yield "instant", False, _instant
    yield "receipt-race", False, _receipt


def keep(page: Page, name: str) -> None:
    """The page as it stands, with few colours."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(OUT / f"{name}.png", optimize=True)


def take(browser: Browser, server: Server, wanted: set[str]) -> None:
    """Make the pictures of these names, or all."""
    for name, dark, bring in shots():
        if wanted and name not in wanted:
            continue
        context = browser.new_context(
            viewport={"width": 1280, "height": 720}, color_scheme="dark" if dark else "light", bypass_csp=True
        )
        page = context.new_page()
        page.set_default_timeout(LONG)
        bring(page, server.address)
        page.wait_for_timeout(1200)
        keep(page, name)
        context.close()
        print(name, flush=True)  # noqa: T201 -- a script's own words


def main() -> None:
    """Start a server on a fresh folder, and take them."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server, browser = start_server(Path(folder) / "data"), launched(playwright.chromium)
        try:
            take(browser, server, set(sys.argv[1:]))
        finally:
            browser.close()
            stop_server(server)


if __name__ == "__main__":
    main()
