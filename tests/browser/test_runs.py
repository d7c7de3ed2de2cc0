"""The page Runs in a real browser: list, filter, rename, overlay, export, resume, delete."""

from __future__ import annotations

import io
import json
import os
import re
import time
import zipfile
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
ROW = 34  # pixels
LONG = 60_000  # milliseconds: other programs may be at work on this machine


@pytest.fixture(scope="module")
def data(dashboard: Any) -> Path:
    """The dashboard's data folder with four real runs: three finished, one stopped on its way."""
    folder: Path = dashboard.data
    store = RunStore(folder)
    supervisor = Supervisor(store)
    common = {"steps": 150, "replicas": 8, "dataset": {"name": "xor", "label_noise": 0.1}}
    losses = {"mle": {}, "elbo": {"beta": 0.3}, "selbo": {"lam": 1.0}}
    for name, options in losses.items():
        run_id = supervisor.start(RunConfig.model_validate({**common, "objective": {"name": name, **options}}))
        assert supervisor.wait(run_id, timeout=120).state is RunState.FINISHED
    long = RunConfig.model_validate({**common, "steps": 1500, "dataset": {"name": "moons"}, "ansatz": {"name": "ring"}})
    run_id = supervisor.start(long, name="Moons, stopped early", speed=60.0)
    _until(lambda: supervisor.status(run_id).step >= 30, 120)
    supervisor.stop(run_id)
    assert supervisor.wait(run_id, timeout=60).state is RunState.STOPPED
    supervisor.shutdown()
    store.close()
    return folder


@pytest.fixture
def page(tab: Tab, dashboard: Any, data: Path) -> Page:
    return _open(tab, dashboard, dark=False)


@pytest.fixture
def dark_page(tab: Tab, dashboard: Any, data: Path) -> Page:
    return _open(tab, dashboard, dark=True)


def _open(tab: Tab, dashboard: Any, *, dark: bool) -> Page:
    opened = tab(f"{dashboard.address}/runs", dark=dark)
    expect(_table(opened)).to_be_visible(timeout=LONG)
    return opened


def _until(condition: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def _wait(page: Page, condition: Callable[[], object], seconds: float = 30) -> None:
    """As :func:`_until`, while the browser goes on working."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited too long; the table shows {_names(page)}"
        page.wait_for_timeout(50)


def _table(page: Page):
    return page.get_by_test_id("stDataFrame").first


def _column(page: Page, header: str) -> list[str]:
    """Cells of a column, from the grid's accessibility tree."""
    script = """(header) => {
        const table = document.querySelector("[data-testid=stDataFrame] table");
        const heads = [...(table?.querySelectorAll("th") ?? [])];
        const index = heads.find((th) => th.textContent === header)?.getAttribute("aria-colindex");
        return [...(table?.querySelectorAll(`td[aria-colindex="${index}"]`) ?? [])].map((td) => td.textContent);
    }"""
    cells: list[str] = page.evaluate(script, header)
    return cells


def _names(page: Page) -> list[str]:
    return _column(page, "Name")


def _row(page: Page, name: str) -> int:
    """Position of the run whose name holds ``name``, once the table shows it (it is redrawn now and then)."""
    found: list[int] = []

    def there() -> bool:
        found[:] = [i for i, text in enumerate(_names(page)) if name in text]
        return bool(found)

    _wait(page, there)
    return found[0]


def _tick(page: Page, name: str) -> None:
    row = _row(page, name)
    box = _table(page).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + ROW * (row + 1) + ROW / 2)


def _ticked(page: Page, count: int) -> None:
    expect(page.get_by_text(f"{count} ticked")).to_be_visible(timeout=LONG)


def _curves(page: Page) -> list[dict]:
    """The medians that the overlay draws: name, number of points, last step and last value."""
    script = """() => (document.querySelector("[data-chart=overlay]")?.data ?? [])
        .filter((t) => t.mode === "lines" && t.showlegend !== false)
        .map((t) => ({ name: t.name, points: t.x.length, step: t.x[t.x.length - 1],
            last: t.y[t.y.length - 1] }))"""
    return page.evaluate(script)


def _shown(page: Page, texts: int) -> None:
    _wait(page, lambda: len(_names(page)) == texts, 30)


def _picture(page: Page, name: str, tmp_path: Path) -> None:
    """Kept in the repository where QHN_SCREENSHOTS asks for it, otherwise only looked at by nobody."""
    folder = Path(os.environ.get("QHN_SCREENSHOTS", tmp_path))
    page.mouse.move(640, 5)
    page.wait_for_timeout(600)
    page.screenshot(path=folder / name)
    assert (folder / name).stat().st_size > 20_000


def test_overlay_of_three_losses(page: Page, tmp_path: Path) -> None:
    """Ticked runs are drawn over each other, and only the differing settings are listed."""
    _shown(page, 4)
    for count, loss in enumerate(("MLE", "SELBO", "ELBO β=0.3"), 1):
        _tick(page, loss)
        _ticked(page, count)
    _wait(page, lambda: len(_curves(page)) == 3, 30)
    assert [curve["points"] for curve in _curves(page)] == [151] * 3
    expect(page.get_by_text("Where they differ")).to_be_visible()
    _picture(page, "runs-light.png", tmp_path)
    page.evaluate("document.querySelector('[data-chart=overlay]').marked = true")
    take(page.get_by_test_id("stSelectbox").filter(has_text="Metric").locator("input"), "Accuracy, test")
    accuracy = "document.querySelector('[data-chart=overlay]').layout.title.text.includes('Accuracy')"
    page.wait_for_function(accuracy, timeout=LONG)
    assert all(0.4 <= curve["last"] <= 1.0 for curve in _curves(page))
    assert page.evaluate("document.querySelector('[data-chart=overlay]').marked")  # same node, not a new one
    page.get_by_text("Log axis").click()
    page.wait_for_function("document.querySelector('[data-chart=overlay]').layout.yaxis.type === 'log'", timeout=LONG)


def test_ticks_leave_the_table_where_it_is(page: Page) -> None:
    """Two clicks in a row, the second one before the page has answered to the first, must land on two rows."""
    _shown(page, 4)
    places = [_table(page).bounding_box()]
    for count, name in enumerate(("Moons", "MLE", "SELBO"), 1):  # a stopped run, which has something to say, first
        _tick(page, name)
        _ticked(page, count)
        page.wait_for_timeout(300)
        places.append(_table(page).bounding_box())
    assert [place["y"] for place in places if place] == [places[0]["y"]] * 4  # type: ignore[index]


def test_dark(dark_page: Page, tmp_path: Path) -> None:
    _shown(dark_page, 4)
    _tick(dark_page, "MLE")
    _ticked(dark_page, 1)
    _tick(dark_page, "Moons")
    _ticked(dark_page, 2)
    _wait(dark_page, lambda: len(_curves(dark_page)) == 2, 30)
    _picture(dark_page, "runs-dark.png", tmp_path)


def test_filter_and_sort(page: Page) -> None:
    _shown(page, 4)
    box = page.get_by_placeholder("Filter by name")
    box.fill("xor MLE")
    box.press("Enter")
    _shown(page, 1)
    assert "MLE" in _names(page)[0]
    box.fill("")
    box.press("Enter")
    _shown(page, 4)
    take(page.get_by_test_id("stMultiSelect").nth(0).locator("input"), "stopped")
    _shown(page, 1)
    assert _names(page) == ["Moons, stopped early"]


def test_ticks_stay_with_their_runs_when_the_table_changes(page: Page) -> None:
    """The grid remembers positions; a filter that moves rows must not move the ticks."""
    _shown(page, 4)
    _tick(page, "MLE")
    _ticked(page, 1)
    box = page.get_by_placeholder("Filter by name")
    box.fill("elbo")
    box.press("Enter")
    _shown(page, 3)
    expect(page.get_by_text("1 ticked, 1 of them not in view")).to_be_visible()
    box.fill("xor")
    box.press("Enter")
    _shown(page, 3)
    expect(page.get_by_text("1 ticked", exact=True)).to_be_visible()
    _wait(page, lambda: [curve["name"].split(" (")[0] for curve in _curves(page)] == ["MLE · xor, 20 · 2-3-1"])


def test_export_of_one_and_of_many(page: Page) -> None:
    _shown(page, 4)
    _tick(page, "MLE")
    _ticked(page, 1)
    with page.expect_download() as one:
        page.get_by_role("button", name="JSON", exact=True).click()
    content = json.loads(Path(one.value.path()).read_text())
    assert content["config"]["objective"]["name"] == "mle"
    assert len(content["history"]["loss"]) == len(content["steps"]) == 151
    _tick(page, "SELBO")
    _ticked(page, 2)
    with page.expect_download() as many:
        page.get_by_role("button", name="CSV", exact=True).click()
    archive = zipfile.ZipFile(io.BytesIO(Path(many.value.path()).read_bytes()))
    assert len(archive.namelist()) == 2
    lines = archive.read(archive.namelist()[0]).decode().splitlines()
    assert len(lines) == 1 + 151 * 8
    assert lines[0].startswith("run,step,replica,")


def test_rename_and_note(page: Page, data: Path) -> None:
    _shown(page, 4)
    _tick(page, "SELBO")
    _ticked(page, 1)
    page.get_by_role("button", name="Name, note").click()
    page.get_by_label("Name", exact=True).fill("Lecture <3>: SELBO")
    page.get_by_label("Note", exact=True).fill("λ = 1, shown on Monday")
    page.get_by_role("button", name="Save").click()
    _wait(page, lambda: "Lecture <3>: SELBO" in _names(page), 30)
    store = RunStore(data)
    record = next(r for r in store.list() if r.name == "Lecture <3>: SELBO")
    assert record.note == "λ = 1, shown on Monday"
    store.close()


def test_resumed_run_is_followed_live_and_stays_ticked(page: Page) -> None:
    """The stopped run goes on; its row and its curve grow by themselves while the tick stays."""
    _shown(page, 4)
    _tick(page, "Moons")
    _ticked(page, 1)
    _wait(page, lambda: _curves(page), 30)
    before = _curves(page)[0]["step"]
    page.get_by_role("button", name="Resume").click()
    _wait(page, lambda: _curves(page)[0]["step"] > before + 100, 60)
    _wait(page, lambda: "finished" in _state_of(page, "Moons"), 120)
    expect(page.get_by_text("1 ticked", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_disabled()
    _wait(page, lambda: _curves(page)[0]["step"] == 1500, 30)


def _state_of(page: Page, name: str) -> str:
    states = _column(page, "State")
    row = _row(page, name)
    return states[row] if row < len(states) else ""


def test_open_leads_to_the_run_on_train(page: Page) -> None:
    _shown(page, 4)
    _tick(page, "MLE")
    _ticked(page, 1)
    page.get_by_role("button", name="Reopen").click()
    page.wait_for_url(re.compile(r"[?&]run=\w+"), timeout=LONG)
    whole = "document.querySelector('[data-chart=loss]')?.data?.some((t) => t.x.length === 151) ?? false"
    page.wait_for_function(whole, timeout=LONG)


def test_deletion_asks_first(page: Page, data: Path) -> None:
    """Last, as it takes a run away."""
    _shown(page, 4)
    _tick(page, "MLE")
    _ticked(page, 1)
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("MLE · xor, 20 · 2-3-1")).to_be_visible()
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_be_hidden()
    assert len(_names(page)) == 4
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    _shown(page, 3)
    assert not [name for name in _names(page) if "MLE" in name]
    store = RunStore(data)
    assert len(store.list()) == 3
    store.close()
