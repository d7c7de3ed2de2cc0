"""QHN Lab: the entrance of the dashboard. Start it from the project's folder with ``./run.sh``."""

from __future__ import annotations

import sys
from pathlib import Path

# Streamlit puts only this file's folder on the path.
_ROOT = Path(__file__).resolve().parent.parent
if str(_ROOT) not in sys.path:
    sys.path.insert(0, str(_ROOT))

import streamlit as st  # noqa: E402

from app import class_bar, live_chart, services, turns, wide_tables  # noqa: E402
from app.feeds import FEEDS  # noqa: E402
from qhn_core.errors import QHNError  # noqa: E402

#: Folder under views/, title, icon: one line a page. The first is where the server's address leads.
PAGES = (
    ("train", "Train", ":material/play_circle:"),
    ("compare", "Compare", ":material/sports_score:"),
    ("explore", "Explore", ":material/travel_explore:"),
    ("learn", "Learn", ":material/school:"),
    ("hardware", "Hardware", ":material/memory:"),
    ("runs", "Runs", ":material/history:"),
)
#: What a class's teacher has beside these.
TEACHERS: tuple[tuple[str, str, str], ...] = (("classroom", "Class", ":material/groups:"),)


#: The accent that is read on a dark ground is too light for the white that Streamlit writes on buttons of that colour;
#: under the mouse it is darkened, and too dark for black.
#: The page follows when the browser's theme changes under it; menus, which stand outside of it, are told by the server.
_PRIMARY = '[data-testid^="stBaseButton-primary"]:not(:disabled)'
_DARKENED = f"{_PRIMARY}:hover:not(:active)"
_BUTTONS = (
    f"<style>.stApp {_PRIMARY} {{ color: light-dark(#ffffff, #12151c); }} "
    f".stApp {_DARKENED} {{ color: #ffffff; }}</style>"
)
_DARK_BUTTONS = f"<style>{_PRIMARY} {{ color: #12151c; }} {_DARKENED} {{ color: #ffffff; }}</style>"
#: Charts side by side go on in a second row where one would be too narrow for its numbers; those that are
#: compared by eye are all as wide.
_ROWS = (
    "<style>[data-testid=stColumn]:has([data-chart]) { min-width: min(100%, 190px); } "
    "@media (min-width: 641px) { "
    "[class*=st-key-alike] [data-testid=stColumn] { max-width: calc(50% - .5rem); } }</style>"
)
#: A teacher's seven pages fit a window of 853 pixels by their names alone.
_NAMES = (
    "<style>@media (max-width: 1000px) { "
    "[data-testid=stTopNavLink] > :first-child:has([data-testid=stIconMaterial]) { display: none; } }</style>"
)
#: What only talks to the browser takes no line of the page.
_UNSEEN = "<style>.st-key-browser-id, .st-key-presenter, .st-key-post { position: absolute; }</style>"


def main() -> None:
    """Set the page up, and hand over to the view chosen."""
    st.set_page_config(
        page_title="QHN Lab", page_icon=str(_ROOT / "assets" / "icon.png"), layout="wide", initial_sidebar_state=300
    )
    wide_tables.style()
    st.html(_BUTTONS)
    st.html(_ROWS + _UNSEEN)
    if st.context.theme.type == "dark":
        st.html(_DARK_BUTTONS)
    st.logo(str(_ROOT / "assets" / "logo.svg"), size="medium")
    if not FEEDS.is_open:  # served by Streamlit alone
        live_chart.install_plotly()
    try:
        views = Path(__file__).parent / "views"
        teacher = class_bar.is_teacher()
        offered = PAGES + (TEACHERS if teacher else ())
        if teacher:
            st.html(_NAMES)
        pages = [
            st.Page(views / name / "page.py", title=title, icon=icon, default=i == 0, url_path=name)
            for i, (name, title, icon) in enumerate(offered)
        ]
        chosen = st.navigation(pages, position="top")
        services.warm_up()
        if class_bar.show({name: page for (name, _, _), page in zip(offered, pages, strict=True)}, chosen):
            with turns.turn():
                chosen.run()
    except QHNError as error:
        st.error(str(error), icon=":material/error:")


main()
