"""A person's own table in a real browser: uploaded, narrowed, trained; what is refused says so where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.menus import take

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]

expect.set_options(timeout=60_000)


def patients(folder: Path) -> Path:
    """120 rows with an id; ``a`` and ``b`` decide the class, ``c`` is noise; 70 % are "no"."""
    rng = np.random.default_rng(5)
    lines = ["id,a,b,c,kind"]
    for i in range(120):
        yes = i % 10 < 3
        a, b = (1.5, 1.2) if yes else (-0.8, -1.0)
        x = rng.normal(size=3) * 0.5 + (a, b, 0.0)
        lines.append(f"p{i:03d},{x[0]:.3f},{x[1]:.3f},{x[2]:.3f},{'yes' if yes else 'no'}")
    path = folder / "patients.csv"
    path.write_text("\n".join(lines))
    return path


def choose_own_csv(page: Page) -> Page:
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
    take(page.get_by_role("combobox", name="Data").first, "Your own CSV")
    expect(page.get_by_text("Upload one of at most 50 MB under Data")).to_be_visible()
    return page


def uploader(page: Page) -> Any:
    return page.get_by_test_id("stSidebar").get_by_test_id("stFileUploader").first


def give(page: Page, path: Path) -> None:
    uploader(page).locator("input[type=file]").set_input_files(path)


def accuracy(page: Page) -> float:
    found = page.get_by_test_id("stMetric").filter(has_text="Test accuracy")
    return float(found.get_by_test_id("stMetricValue").inner_text())


def test_a_table_with_an_id_is_uploaded_narrowed_and_trained(dashboard: Any, tab: Tab, tmp_path: Path) -> None:
    page = choose_own_csv(tab(dashboard.address))
    expect(uploader(page)).to_be_visible()
    assert uploader(page).bounding_box()["y"] < 400, "the uploader is where one looks first"
    give(page, patients(tmp_path))
    train = page.get_by_role("button", name="Train", exact=True)
    expect(page.get_by_text("Not usable: id (text 'p000' in row 2)")).to_be_visible()
    expect(train).to_be_enabled()
    page.get_by_test_id("stMultiSelect").get_by_role("button", name="Remove c").click()
    expect(page.get_by_test_id("stSidebar").get_by_text("Network: 2-3-1")).to_be_visible()
    expect(page.get_by_text("2-3-1 sign network").first).to_be_visible()
    expect(train).to_be_enabled()
    train.click()
    expect(page.get_by_text("finished", exact=False).first).to_be_visible()
    assert accuracy(page) > 0.8, "always 'no' gives 0.7"
    page.reload()
    expect(page.get_by_text("2-3-1 sign network").first).to_be_visible()
    expect(page.get_by_text("finished", exact=False).first).to_be_visible()


def test_a_file_that_is_too_large_is_refused_and_the_one_in_use_named(dashboard: Any, tab: Tab, tmp_path: Path) -> None:
    page = choose_own_csv(tab(dashboard.address))
    large = tmp_path / "large.csv"
    large.write_bytes(b"a,b,y\n" + b"1,2,0\n" * 9_000_000)
    give(page, patients(tmp_path))
    expect(page.get_by_text("In use: patients.csv")).to_be_visible()
    assert page.get_by_text("is refused").count() == 0, "nothing was refused"
    give(page, large)
    expect(uploader(page).get_by_text("large.csv")).to_be_visible()
    expect(page.get_by_text("In use: patients.csv")).to_be_visible()
    expect(uploader(page).get_by_text("File must be")).to_be_visible()
