"""Charts that change in place: a component around Plotly.react, so that node and zoom survive every refresh.

``st.plotly_chart`` makes the figure part of the element's identity, and so remounts it when the data change. This
component keeps its identity by key alone and hands the new figure to the Plotly that is already on the page.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st

from app import feeds, state
from app.figures.large import enlarge
from app.figures.palette import TOKENS
from app.figures.plain import to_json

_ROOT = Path(__file__).resolve().parent
_ASSETS = _ROOT.parent / "assets"
_STATIC = _ROOT / "static"
_LOG = logging.getLogger(__name__)
#: The plotting library on the server: where ``streamlit run`` hands out what stands in ``app/static``.
SCRIPT = "/app/static/plotly.min.js"

_HTML = """
<div class="qhn-chart-frame">
  <div class="qhn-chart" role="img" tabindex="0" aria-keyshortcuts="r p"></div>
  <div class="qhn-chart-tools" hidden>
    <button type="button" data-tool="reset" tabindex="-1" title="Reset zoom (key R)">reset zoom</button>
    <button type="button" data-tool="save" tabindex="-1" title="Save as PNG (key P)">PNG</button>
  </div>
  <p class="qhn-chart-note" role="status" hidden></p>
</div>
"""
_CSS = """
.qhn-chart-frame { position: relative; width: 100%; color: var(--st-text-color); }
.qhn-chart { width: 100%; overflow: hidden; contain: layout paint style; }
.qhn-chart-tools { position: absolute; right: 2px; bottom: 2px; display: flex; gap: 4px; opacity: 0; z-index: 3; }
.qhn-chart-tools[hidden] { display: none; }
.qhn-chart:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: -2px; border-radius: 4px; }
.qhn-chart-frame:hover .qhn-chart-tools, .qhn-chart-frame:focus-within .qhn-chart-tools { opacity: 1; }
.qhn-chart-tools button { font: 12px var(--st-font); color: var(--st-text-color); cursor: pointer;
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color);
  border-radius: 4px; padding: 1px 7px; }
.qhn-chart-note { padding: 1rem; margin: 0; font: 15px var(--st-font); }
.qhn-chart-note[hidden] { display: none; }
"""


@cache
def plotly_file() -> Path | None:
    """The plotly.min.js of the installed plotly package; None, and a word in the log, where there is none."""
    spec = find_spec("plotly")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (file := Path(folder) / "package_data" / "plotly.min.js").is_file():
            return file
    _LOG.error("plotly is not installed: charts cannot be drawn")
    return None


def install_plotly() -> None:
    """Copy the plotting library to ``app/static``, from where ``streamlit run`` hands it out.

    Where the folder cannot be written and holds no copy, charts show a message instead of a plot.
    """
    source, target = plotly_file(), _STATIC / "plotly.min.js"
    if source is None:
        return
    try:
        if target.exists() and target.stat().st_size == source.stat().st_size:
            return
        _STATIC.mkdir(exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}.part")  # another server may copy at the same time
        shutil.copyfile(source, partial)
        partial.replace(target)
    except OSError as error:
        _LOG.error("cannot copy plotly.min.js to %s: %s", target, error)


@cache
def _component() -> Any:
    script = (_ASSETS / "live_chart.js").read_text(encoding="utf-8")
    return st.components.v2.component("qhn_live_chart", html=_HTML, css=_CSS, js=script, isolate_styles=False)


def below_base(path: str) -> str:
    """The path of ``path``, "" or beginning with a slash, on a server that may have a base path."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path


@cache
def script_url() -> str:
    """Where browsers find the plotting library, below the server's base path."""
    return f"{below_base(SCRIPT)}?v={version('plotly')}"


def encode(
    figure: Mapping[str, Any],
    *,
    name: str,
    alt: str,
    height: int = 280,
    config: Mapping[str, Any] | None = None,
    group: str = "",
    feed: str = "",
    every: float = 0.0,
    scale: float = 1.0,
    clickable: bool = False,
) -> bytes:
    """What :func:`live_chart` sends, so that a page may keep it and mount it again without building it again.

    Args:
        figure: a Plotly figure as a mapping with ``data`` and ``layout`` (:mod:`app.figures`); colours that depend on
            the theme are tokens such as ``@ink`` and are resolved in the browser.
        name: what the DOM node carries as ``data-chart``.
        alt: what a reader without eyes is told; say the current state, not only the kind of chart.
        height: pixels.
        config: Plotly's configuration beyond the defaults, for example ``{"scrollZoom": True}``.
        group: charts of one group have a common crosshair: hovering in one shows the same x in the others.
        feed: name of the feed (:mod:`app.feeds`) from which the chart fetches its newest figure by itself; empty: none.
        every: seconds between two such fetches.
        scale: how much larger than usual letters and lines are.
        clickable: whether the page is told what is clicked.
    """
    payload = {
        "name": name,
        "alt": alt,
        "height": height,
        "figure": enlarge(figure, scale),
        "config": dict(config or {}),
        "group": group,
        "plotly": script_url(),
        "tokens": TOKENS,
        "feed": below_base(f"{feeds.PATH}/{feed}") if feed else "",
        "every": every,
        "clickable": clickable,
    }
    return to_json(payload)


def live_chart(
    figure: Mapping[str, Any] | bytes,
    *,
    name: str,
    alt: str = "",
    key: str | None = None,
    height: int = 280,
    config: Mapping[str, Any] | None = None,
    scale: float = 1.0,
    on_click: Callable[[], None] | None = None,
) -> None:
    """Mount a chart, or update the one mounted under the same key.

    Args:
        figure: a figure with the other arguments as in :func:`encode`, or the bytes that it made.
        name: what the DOM node carries as ``data-chart``.
        alt: what a reader without eyes is told.
        key: identity of the chart on its page, by default ``name``.
        height: pixels.
        config: Plotly's configuration beyond the defaults.
        scale: how much larger than usual letters and lines are.
        on_click: called before the page is drawn anew after a click in the chart; :func:`clicked` tells where.
    """
    if not isinstance(figure, bytes):
        clickable = on_click is not None
        figure = encode(figure, name=name, alt=alt, height=height, config=config, scale=scale, clickable=clickable)
    more = {} if on_click is None else {"default": {"clicked": None}, "on_clicked_change": on_click}
    _component()(key=f"live_chart.{key or name}", data=figure, **more)


def clicked(key: str) -> tuple[int, tuple[int, ...]] | None:
    """What was clicked last in the chart of this key: the number of the curve, and the place in it; None for nothing.

    It comes from a browser: whether there is such a place is for the caller to check.
    """
    held = state.widget(f"live_chart.{key}")
    found = None if held is None else held.get("clicked")
    try:
        return None if found is None else (int(found["curve"]), tuple(int(k) for k in found["place"]))
    except (KeyError, TypeError, ValueError):
        return None
