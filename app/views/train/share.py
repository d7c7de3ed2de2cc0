"""Share and Export: the link with what a teacher asks and hides; settings, history, receipt and notebook as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from app import links, race_state, services, state
from app.carried import carried
from app.downloads import history_file
from app.forms import Form
from app.menus import menu, take
from app.receipt import notebook, receipt
from app.views.train.curves import gap_figure, loss_figure
from app.views.train.shown import Shown
from qhn_core.config import ConfigError, RunConfig
from qhn_core.store import RunStore
from qhn_core.store.exports import Format

_MENU = "share.menu"
#: Largest configuration file read, bytes.
_LARGEST = 1 << 18
#: Seconds that a receipt waits for the evidence, which its chart of the loss is without then.
_PATIENCE = 60.0


def share_and_export(form: Form) -> None:
    """Two popovers in a row, drawn while they are open, and the way back to the defaults."""
    left, right = st.columns(2, gap="small")
    with left:
        told = "A link that opens these settings anywhere"
        menu("Share", partial(_share, form), icon="share", key=_MENU, help=told)
    with right:
        told = "Settings, history, receipt and notebook as files"
        menu("Export", partial(_export, form), icon="download", key="export.menu", help=told)
    left, right = st.columns(2, gap="small")
    with left:
        st.button(
            "Default settings",
            icon=":material/undo:",
            type="tertiary",
            on_click=state.adopt,
            args=(RunConfig(),),
            key="defaults",
            help="Everything as on a first visit",
        )
    with right:
        _race_this(form)
    if form.config is not None and state.link_text(form.config) is None:
        st.caption(":orange[These settings are too long for this page's address: keep them as a file, under Export.]")


def _race_this(form: Form) -> None:
    """To Compare, with these settings."""
    pressed = st.button(
        "Race this",
        icon=":material/sports_score:",
        type="tertiary",
        disabled=not form.ready,
        key="race.this",
        help="Compare MLE, ELBO and SELBO with these settings: same data, same starting angles",
    )
    if pressed and form.config is not None:
        race_state.show(None)
        race_state.adopt(race_state.race_of(form.config))
        st.switch_page("views/compare/page.py")


def _share(form: Form) -> None:
    if form.config is None:
        st.write("The settings contradict each other; there is nothing to share yet.")
        return
    link = state.link_text(form.config)
    if link is None:
        st.write("These settings are too long for a link: share them as a file, under Export.")
        return
    st.markdown("**This page as a link**: the same settings and seed, which give the same history.")
    above = st.container()
    prompted, hidden = links.prompt_field("share.prompt"), links.hide_parts()
    with above:
        links.offer({state.CONFIG: link}, menu=_MENU, prompted=prompted, hidden=hidden)


def _export(form: Form) -> None:
    if form.config is not None:
        st.download_button(
            "Settings as YAML",
            form.config.to_yaml(),
            "run.yaml",
            "application/yaml",
            width="stretch",
            on_click="ignore",
            help="A file that this page, the command line and Python read",
        )
        st.download_button(
            "Settings as JSON",
            form.config.to_json(),
            "run.json",
            "application/json",
            width="stretch",
            on_click="ignore",
            help="A file that this page, the command line and Python read",
        )
    run = state.run_id()
    kinds: tuple[tuple[str, Format], ...] = (("History as CSV", "csv"), ("History as JSON", "json"))
    for label, kind in kinds:
        mime = f"text/{kind}" if kind == "csv" else "application/json"
        file = history_file([run], kind) if run else None
        take(label, file, f"run-{run}.{kind}", mime, missing="Train first: there is no history yet")
    names = state.file_names()
    file = partial(receipt_of, services.store(), run, names) if run else None
    why = "Train first: there is nothing to show yet"
    take("Receipt (one HTML file, works offline)", file, f"run-{run}.html", "text/html", missing=why)
    if form.config is not None:
        st.download_button(
            "Notebook (trains it again)",
            partial(_notebook, form.config, services.uploads(), names),
            "run.ipynb",
            "application/x-ipynb+json",
            width="stretch",
            on_click="ignore",
            help="A Jupyter notebook that trains the same again",
        )
        if hint := carried(form.config.uploaded(), services.uploads(), names).hint:
            st.caption(hint)
    st.file_uploader(
        "Open settings (YAML or JSON)",
        type=["yaml", "yml", "json"],
        key="open.settings",
        on_change=_open,
        max_upload_size=1,
        help="A file saved with Settings as YAML or JSON: it fills in the whole form.",
    )
    if problem := state.recall("open_problem", ""):
        st.error(str(problem))


def receipt_of(store: RunStore, run: str, names: Callable[[str], str]) -> bytes:
    """The receipt of a run, with the charts of its page.

    Args:
        store: in which the run is.
        run: its id.
        names: content hash of an uploaded file -> the name that it had, or nothing.
    """
    record, rows = store.get(run), store.history(run)
    config = RunConfig.from_json(record.config_json)
    setup = services.previews().wait(config, _PATIENCE).setup
    shown = Shown(f"run:{run}", config, None, rows.steps, rows.history, setup)
    figures = {"loss": loss_figure(shown), "gap": gap_figure(shown)}
    return receipt(record, rows, config, figures, carried(config.uploaded(), store.uploads, names))


def _notebook(config: RunConfig, folder: Path, names: Callable[[str], str]) -> bytes:
    return notebook(config, carried(config.uploaded(), folder, names))


def _open() -> None:
    """Take over an uploaded configuration; what is wrong with it is said under the uploader."""
    file = state.widget("open.settings")
    state.remember("open_problem", "")
    if file is None:
        return
    try:
        text = file.getvalue()[: _LARGEST + 1].decode("utf-8")
        read = RunConfig.from_json if file.name.endswith(".json") else RunConfig.from_yaml
        state.adopt(read(text))
    except UnicodeDecodeError:
        state.remember("open_problem", "The file is not text in UTF-8.")
    except ConfigError as error:
        state.remember("open_problem", str(error))
