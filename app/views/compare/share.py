"""Share on the Compare page: the race as a link, with what a teacher asks and hides."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import links, race_state
from app.menus import menu
from app.views.compare.sides import RaceForm

_MENU = "race.share"


def share(form: RaceForm) -> None:
    """The menu with the link and the button for its QR code."""
    told = "A link that opens this race anywhere"
    menu("Share", partial(_share, form), icon="share", key=_MENU, help=told)


def _share(form: RaceForm) -> None:
    if form.config is None:
        st.write("The settings contradict each other; there is nothing to share yet.")
        return
    st.markdown("**This race as a link**: the same contenders, data and starting angles.")
    above = st.container()
    prompted, hidden = links.prompt_field("race.share.prompt"), links.hide_parts()
    with above:
        links.offer({race_state.RACE: form.config.to_url()}, menu=_MENU, prompted=prompted, hidden=hidden)
