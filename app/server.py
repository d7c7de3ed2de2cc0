"""The dashboard as a server: ``./run.sh`` starts this file. What the first visitor needs is made ready from the start.

``streamlit run app/main.py`` gives the same pages; there, loading begins with the first visitor.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_APP = Path(__file__).resolve().parent
# Streamlit puts only this file's folder on the path.
if str(_APP.parent) not in sys.path:
    sys.path.insert(0, str(_APP.parent))

import streamlit as st  # noqa: E402


def _load() -> None:
    from app import services

    services.warm_up()
    # What the first page imports (a view itself is run, not imported).
    from app.views import _train_charts, _train_controls, _train_share  # noqa: F401


@asynccontextmanager
async def _ready(_app: object) -> AsyncIterator[None]:
    """Load modules, kernels and the default's first step in the background, while the browser loads the page."""
    threading.Thread(target=_load, name="qhn-load", daemon=True).start()
    yield


app = st.App(_APP / "main.py", lifespan=_ready)
