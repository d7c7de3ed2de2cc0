"""Share on the Compare page: the race as a link, with what a teacher asks and hides."""

from __future__ import annotations

import streamlit as st

from app import links, race_state, state
from app.views.compare.sides import RaceForm

_KEY = "race.share"


def menu(form: RaceForm) -> None:
    """The popover with link and QR code."""
    with st.popover(
        "Share",
        icon=":material/share:",
        width="stretch",
        key=_KEY,
        on_change="rerun",
        help="A link that opens this race anywhere",
    ):
        if not state.widget(_KEY):
            return  # drawn while it is open
        if form.config is None:
            st.write("The settings contradict each other; there is nothing to share yet.")
            return
        st.markdown("**This race as a link.** Opened elsewhere, it has the same contenders, data and starting angles.")
        prompted, hidden = links.prompt_field("race.share.prompt"), links.hide_parts()
        query = {race_state.RACE: form.config.to_url()}
        links.offer(query, prompted=prompted, hidden=hidden)
