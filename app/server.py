"""The dashboard as a server: Streamlit's pages, and the feeds from which live charts fetch their figures.

``streamlit run app/main.py`` gives the same pages; there, charts refresh with the page.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_APP = Path(__file__).resolve().parent
# Streamlit puts only this file's folder on the path.
if str(_APP.parent) not in sys.path:
    sys.path.insert(0, str(_APP.parent))

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from app import doors, feeds, hints, live_chart  # noqa: E402

# Before anybody is told to fetch it.
live_chart.install_plotly()
feeds.FEEDS.open()
app = st.App(
    _APP / "main.py",
    middleware=[
        Middleware(
            doors.Doors,
            names=doors.served_names((os.environ.get("QHN_HOST_NAMES", "")).split(",")),
            embed=tuple(os.environ.get("QHN_EMBED", "").split()),
            base=live_chart.below_base(""),
        ),
        Middleware(feeds.FeedsFirst, path=live_chart.below_base(feeds.PATH)),
        Middleware(hints.PageHeaders),
    ],
)
