"""The dashboard as a server: Streamlit's pages, and the feeds from which live charts fetch their figures.

``streamlit run app/main.py`` gives the same pages; there, charts refresh with the page.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_APP = Path(__file__).resolve().parent
# Streamlit puts only this file's folder on the path.
if str(_APP.parent) not in sys.path:
    sys.path.insert(0, str(_APP.parent))

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from app import (  # noqa: E402
    classroom,
    clicks,
    deliveries,
    doors,
    downloads,
    feeds,
    gate,
    hints,
    housekeeping,
    library,
    live_chart,
    post,
    services,
)
from qhn_core.errors import QHNError  # noqa: E402

deliveries.mend()
feeds.FEEDS.open()
downloads.TICKETS.open()
# Here and not when a page is opened: nobody is to find a run in work that is in work no more. What is wrong with the
# data folder every page says.
with contextlib.suppress(QHNError):
    services.shared_supervisor()
    housekeeping.start(services.let_go)
base, room = live_chart.below_base(""), None
if classroom.is_asked():
    room = classroom.begin(services.shared_store().people, port=int(st.get_option("server.port")))
    print(classroom.announcement(room), flush=True)  # noqa: T201 -- for whoever started the server
app = st.App(
    _APP / "main.py",
    middleware=[
        Middleware(
            doors.Doors,
            names=doors.served_names((os.environ.get("QHN_HOST_NAMES", "")).split(",")),
            embed=tuple(os.environ.get("QHN_EMBED", "").split()),
            base=base,
        ),
        *([Middleware(gate.Gate, room=room, base=base)] if room is not None else []),
        Middleware(library.Library, path=live_chart.below_base(live_chart.SCRIPT)),
        Middleware(feeds.FeedsFirst, path=live_chart.below_base(feeds.PATH)),
        Middleware(feeds.FeedsFirst, path=live_chart.below_base(post.PATH), answers=post.answer),
        Middleware(hints.PageHeaders),
        Middleware(clicks.ClicksOnce),
        Middleware(downloads.Downloads, path=live_chart.below_base(downloads.PATH)),
    ],
)
