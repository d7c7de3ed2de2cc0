"""Export on the Compare page: the race as one HTML file, its histories as a table, a notebook that races again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from app import race_state, services, state
from app.carried import carried
from app.menus import menu, take
from app.views.compare.receipt import notebook, receipt, table
from app.views.compare.sides import RaceForm
from qhn_core.studies.race.config import RaceConfig

_NOTHING = "Train first: there is nothing to take home yet"


def export(form: RaceForm) -> None:
    """The menu with all of it."""
    told = "Receipt, histories and notebook as files"
    menu("Export", partial(_export, form), icon="download", key="race.export", help=told)


def _export(form: RaceForm) -> None:
    race = race_state.race_id()
    known = race if race is not None and services.races().known(race) else None
    names, folder = state.file_names(), services.uploads()
    whole = partial(receipt, name_of=names)
    files = (("Receipt (one HTML file, works offline)", whole, "html"), ("Histories as CSV", table, "csv"))
    for label, make, kind in files:
        file = partial(make, known) if known else None
        key = f"race.export.{kind}"
        take(label, file, f"race-{known}.{kind}", f"text/{kind}", missing=_NOTHING, key=key)
    if form.config is not None:
        st.download_button(
            "Notebook (races again)",
            partial(_notebook, form.config, folder, names),
            "race.ipynb",
            "application/x-ipynb+json",
            width="stretch",
            on_click="ignore",
            key="race.export.notebook",
            help="A Jupyter notebook that races the same again",
        )
        if hint := carried(form.config.uploaded(), folder, names).hint:
            st.caption(hint)


def _notebook(config: RaceConfig, folder: Path, names: Callable[[str], str]) -> bytes:
    return notebook(config, carried(config.uploaded(), folder, names))
