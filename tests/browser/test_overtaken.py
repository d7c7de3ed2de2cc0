"""Streamlit ends a component's call, too, that newer data overtook: what stands on the page must not care."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from app import live_chart
from app.figures.layout import layout

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]
ASSETS = Path(__file__).parents[2] / "assets"
#: Streamlit 1.67: both calls are on their way when the second set of data comes; then the first is ended.
OVERTAKE = """async ([source, html, first, second]) => {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const component = (await import(url)).default;
    const place = document.createElement("div");
    place.innerHTML = html;
    document.body.prepend(place);
    const call = (data) => component({ data, parentElement: place, setStateValue() {} });
    const end = call(first);
    window.overtaking = { place, end: call(second) };
    end();
}"""


def figure(title: str) -> str:
    drawn: dict[str, Any] = {"data": [{"type": "scatter", "x": [0, 1], "y": [1, 2]}], "layout": layout(title)}
    return live_chart.encode(drawn, name="overtaken", alt=title, height=200).decode()


def test_a_chart_stays_and_shows_the_newest_data(dashboard: Any, tab: Tab) -> None:
    page = tab(f"{dashboard.address}/runs")
    page.wait_for_function("window.Plotly || document.querySelector('[data-testid=stMain]')")
    bytes_of = "((call) => (a) => call([a[0], a[1], ...a.slice(2).map((t) => new TextEncoder().encode(t))]))"
    source = (ASSETS / "live_chart.js").read_text(encoding="utf-8")
    page.evaluate(f"{bytes_of}({OVERTAKE})", [source, live_chart._HTML, figure("First"), figure("Second")])
    title = "document.querySelector('[data-chart=overtaken] .gtitle')"
    page.wait_for_function(f"{title} && {title}.textContent === 'Second'")
    page.wait_for_timeout(1000)  # a chart that is ended goes when its drawing is done
    assert page.evaluate(f"{title}.textContent") == "Second"
    page.evaluate("() => { window.overtaking.place.remove(); window.overtaking.end(); }")
    page.wait_for_function("!window.overtaking.place.querySelector('.qhn-chart').data")


def test_what_goes_ahead_of_the_page_still_goes(dashboard: Any, tab: Tab) -> None:
    page = tab(f"{dashboard.address}/runs")
    page.wait_for_selector("[data-testid=stMain]")
    page.evaluate(
        OVERTAKE,
        [(ASSETS / "post.js").read_text(encoding="utf-8"), "", {"address": "/first"}, {"address": "/second"}],
    )
    with page.expect_request("**/second"):
        page.wait_for_timeout(100)
        page.mouse.click(5, 5)
    # another takes its place before it is ended
    page.evaluate("() => { window.before = window.overtaking; window.before.place.remove(); }")
    page.evaluate(
        OVERTAKE,
        [(ASSETS / "post.js").read_text(encoding="utf-8"), "", {"address": "/third"}, {"address": "/fourth"}],
    )
    with page.expect_request("**/fourth"):
        page.evaluate("window.before.end()")
        page.wait_for_timeout(100)
        page.mouse.click(5, 5)
