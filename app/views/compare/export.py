"""Export on the Compare page: the race as one HTML file, its histories as a table, a notebook that races again."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import race_state, services
from app.menus import menu
from app.views.compare.receipt import notebook, receipt, table
from app.views.compare.sides import RaceForm

_NOTHING = "Train first: there is nothing to take home yet"


def export(form: RaceForm) -> None:
    """The menu with all of it."""
    told = "Receipt, histories and notebook as files"
    menu("Export", partial(_export, form), icon="download", key="race.export", help=told)


def _export(form: RaceForm) -> None:
    race = race_state.race_id()
    known = race if race is not None and services.races().known(race) else None
    _of_race("Receipt (one HTML file, works offline)", partial(receipt, known) if known else None, known, "html")
    _of_race("Histories as CSV", partial(table, known) if known else None, known, "csv")
    if form.config is not None:
        st.download_button(
            "Notebook (races again)",
            partial(notebook, form.config),
            "race.ipynb",
            "application/x-ipynb+json",
            width="stretch",
            on_click="ignore",
            key="race.export.notebook",
            help="A Jupyter notebook that races the same again",
        )


def _of_race(label: str, make: partial[bytes] | None, race: str | None, kind: str) -> None:
    st.download_button(
        label,
        make or b"",
        f"race-{race}.{kind}",
        f"text/{kind}",
        disabled=make is None,
        help=None if make else _NOTHING,
        width="stretch",
        on_click="ignore",
        key=f"race.export.{kind}",
    )
