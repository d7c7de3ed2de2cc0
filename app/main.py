"""QHN Lab: the entrance of the dashboard. Start it from the project's folder with ``./run.sh``."""

from __future__ import annotations

import sys
from pathlib import Path

# Streamlit puts only this file's folder on the path.
_ROOT = Path(__file__).resolve().parent.parent
if str(_ROOT) not in sys.path:
    sys.path.insert(0, str(_ROOT))

import streamlit as st  # noqa: E402

from app import class_bar, deliveries, live_chart, qr, services, turns  # noqa: E402
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

_STYLES = _ROOT / "assets" / "styles"


def main() -> None:
    """Set the page up, and hand over to the view chosen."""
    deliveries.mend()
    st.set_page_config(
        page_title="QHN Lab", page_icon=str(_ROOT / "assets" / "icon.png"), layout="wide", initial_sidebar_state=300
    )
    st.html(_STYLES / "pages.css")
    if st.context.theme.type == "dark":
        st.html(_STYLES / "dark.css")
    st.logo(str(_ROOT / "assets" / "logo.svg"), size="medium")
    if not FEEDS.is_open:  # served by Streamlit alone
        live_chart.install_plotly()
    try:
        views = Path(__file__).parent / "views"
        teacher = class_bar.is_teacher()
        offered = PAGES + (TEACHERS if teacher else ())
        if teacher:
            st.html(_STYLES / "teacher.css")
        pages = [
            st.Page(views / name / "page.py", title=title, icon=icon, default=i == 0, url_path=name)
            for i, (name, title, icon) in enumerate(offered)
        ]
        chosen = st.navigation(pages, position="top")
        services.warm_up()
        if class_bar.show({name: page for (name, _, _), page in zip(offered, pages, strict=True)}, chosen):
            qr.show()
            with turns.turn():
                chosen.run()
    except QHNError as error:
        st.error(str(error), icon=":material/error:")


main()
