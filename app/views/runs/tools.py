"""What can be done with the chosen runs: open, resume, pin, name, note, export, delete."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import streamlit as st

from app import race_state, services, state
from app.downloads import history_file
from app.remote import agree_to, total, warn
from app.views.runs import choice
from app.views.runs.rows import Row
from qhn_core.errors import QHNError
from qhn_core.planning import RemoteCost
from qhn_core.store import RunRecord, RunState
from qhn_core.store.exports import Format
from qhn_core.store.races import RaceRecord
from qhn_core.studies.race.config import RaceConfig

_LISTED = 8
#: Session memory of how an action went: its failures, then how many runs it was done to.
_TOLD = "runs_told"
_MENU = "runs_menu"


def toolbar(chosen: Sequence[Row], *, hidden: int = 0) -> None:
    """One line of buttons; those that make no sense for the chosen runs are disabled."""
    _tell()
    one = chosen[0] if len(chosen) == 1 else None
    resumable = [row for row in chosen if row.record.state.resumable and not row.settings.problem]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Reopen", icon=":material/open_in_new:", disabled=one is None, help="On the page Train") and one:
            _open(one)
        race = services.store().races.of_run(one.record.id) if one is not None else None
        if race is not None and st.button("Open race", icon=":material/sports_score:", help="On the page Compare"):
            _open_race(race)
        if st.button(
            "Resume",
            icon=":material/resume:",
            disabled=not resumable,
            help="Let the ticked run go on from where it stopped",
        ):
            _resume(resumable)
        _pin(chosen)
        _name_and_note(one)
        _download("CSV", "csv", chosen)
        _download("JSON", "json", chosen)
        if st.button(
            "Delete", icon=":material/delete:", disabled=not chosen, help="Remove the ticked runs, after a question"
        ):
            _confirm_deletion(chosen)
        if st.button("Clear", type="tertiary", help="Untick all", disabled=not chosen):
            choice.set_choice([])
            st.rerun()
    st.caption(_told(chosen, hidden))  # in a row of its own, over the end of which the table's own tools appear


def _open(row: Row) -> None:
    try:
        config = row.record.config
    except QHNError as error:
        st.toast(f"This version cannot use the run's configuration: {error}", icon=":material/error:", duration="long")
        return
    state.open_run(row.record.id, config)
    link = state.link_text(config)
    st.switch_page(
        "views/train/page.py", query_params={state.RUN: row.record.id} | ({} if link is None else {state.CONFIG: link})
    )


def _open_race(race: RaceRecord) -> None:
    """Compare, with the race that a run is a contender of."""
    try:
        link = RaceConfig.parse(json.loads(race.config_json)).to_url()
    except QHNError as error:
        st.toast(f"This version cannot use the race's configuration: {error}", icon=":material/error:", duration="long")
        return
    st.switch_page("views/compare/page.py", query_params={race_state.RACE: link, race_state.RACED: race.id})


def _resume(rows: Sequence[Row]) -> None:
    """Go on with the runs, or ask first where some of them send jobs to real devices."""
    parts, allowed = [], []
    for row in rows:
        try:
            part = (row.record.config, row.record.step)
            total([part])
        except QHNError as error:
            st.toast(f"{row.record.name}: {error}", icon=":material/error:", duration="long")
        else:
            parts.append(part)
            allowed.append(row)
    cost = total(parts)
    if cost.devices:
        _confirm_sending(allowed, cost)
    elif allowed:
        _each(allowed, services.supervisor().resume, "resumed")


@st.dialog("Send to a real device?")
def _confirm_sending(rows: Sequence[Row], cost: RemoteCost) -> None:
    """One question for all ticked runs; those that stay on this machine wait for its answer, too."""
    warn("Resume", cost)
    _list(rows)
    with st.container(horizontal=True):
        sent = st.button(
            "Send",
            type="primary",
            key="runs_send",
            on_click=_try,
            args=(rows, _go_on, "resumed"),
            help="Send these jobs now",
        )
        if st.button("Not now", key="runs_not_now", help="Send nothing") or sent:
            st.rerun()


def _go_on(run_id: str) -> None:
    services.supervisor().resume(run_id)
    agree_to(run_id)


def _list(rows: Sequence[Row]) -> None:
    for row in rows[:_LISTED]:
        st.text(f"{row.record.name}  ({row.record.id}, {row.record.state.value})")
    if len(rows) > _LISTED:
        st.text(f"and {len(rows) - _LISTED} more")


def _told(chosen: Sequence[Row], hidden: int) -> str:
    if not chosen:
        return "Tick runs to lay them over each other."
    return f"{len(chosen)} ticked" + (f", {hidden} of them not in view" if hidden else "")


def tell_trouble(row: Row) -> None:
    """Why a run ended early, or why its configuration cannot be used; as text, never as markup of the user's."""
    record = row.record
    if row.settings.problem:
        st.warning(row.settings.problem, icon=":material/history:")
    if record.message and (record.state is not RunState.FINISHED or record.step < record.steps):
        st.text(f"{record.state.value.capitalize()}: {record.message}")


def _each(rows: Sequence[Row], action: Callable[[str], object], done: str) -> None:
    """Do it to every row, tell how that went, and draw the page anew where something was done."""
    _try(rows, action, done)
    if _tell():
        st.rerun()


def _try(rows: Sequence[Row], action: Callable[[str], object], done: str) -> None:
    """Do it to every row; what fails does not keep the others from it. :func:`_tell` tells how that went."""
    failures = []
    for row in rows:
        try:
            action(row.record.id)
        except QHNError as error:
            failures.append(f"{row.record.name}: {error}")
    worked = len(rows) - len(failures)
    state.remember(_TOLD, (*failures, f"{worked} {done}" if worked else ""))


def _tell() -> bool:
    """Tell how the last action went, once; returns whether it did anything."""
    *failures, done = state.recall(_TOLD, ("",))
    state.remember(_TOLD, ("",))
    for failure in failures:
        st.toast(failure, icon=":material/error:", duration="long")
    if done:
        st.toast(done)
    return bool(done)


def _pin(chosen: Sequence[Row]) -> None:
    unpin = bool(chosen) and all(row.record.pinned for row in chosen)
    if st.button(
        "Unpin" if unpin else "Pin",
        key="runs_pin",
        icon=":material/keep:",
        disabled=not chosen,
        help="Pinned runs stay on top and are never cleared away",
    ):
        _each(chosen, lambda run_id: services.store().set_pinned(run_id, not unpin), "unpinned" if unpin else "pinned")


def _name_and_note(row: Row | None) -> None:
    with st.popover(
        "Name, note",
        icon=":material/edit:",
        disabled=row is None,
        key=_MENU,
        on_change="rerun",
        help="Call it something, and write down why",
    ):
        if row is None:
            return
        record = row.record
        with st.form(f"runs_edit_{record.id}", border=False):
            st.text_input(
                "Name",
                record.name,
                max_chars=200,
                key=f"runs_name_{record.id}",
                help="What tables and curves call this run.",
            )
            st.text_area(
                "Note",
                record.note,
                max_chars=20_000,
                height=140,
                key=f"runs_note_{record.id}",
                help="What you want to remember about it.",
            )
            st.form_submit_button("Save", type="primary", on_click=_save, args=(record,), help="Keep name and note")


def _save(record: RunRecord) -> None:
    """Keep what was written, and close the menu; what cannot be kept is said, and the menu stays."""
    try:
        services.store().rename(record.id, state.widget(f"runs_name_{record.id}", record.name))
        services.store().set_note(record.id, state.widget(f"runs_note_{record.id}", record.note))
    except QHNError as error:
        st.toast(str(error), icon=":material/error:", duration="long")
        return
    state.close_menu(_MENU)


def _download(label: str, kind: Format, chosen: Sequence[Row]) -> None:
    """A file that is made while it is sent; several runs come as a zip archive."""
    ids = [row.record.id for row in chosen]
    many = len(ids) > 1
    name = f"qhn-runs-{kind}.zip" if many else f"qhn-run-{''.join(ids)}.{kind}"
    mime = "application/zip" if many else {"csv": "text/csv", "json": "application/json"}[kind]

    st.download_button(
        label,
        history_file(ids, kind),
        file_name=name,
        mime=mime,
        key=f"runs_{kind}",
        on_click="ignore",
        icon=":material/download:",
        disabled=not ids,
        help="Save the ticked runs as a file",
    )


@st.dialog("Delete for good?")
def _confirm_deletion(rows: Sequence[Row]) -> None:
    _list(rows)
    if any(row.record.state.active for row in rows):
        st.caption("A run in work is stopped first.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="runs_delete_confirmed", help="This cannot be undone"):
            _delete(rows)
        if st.button("Keep", key="runs_keep", help="Delete nothing"):
            st.rerun()


def _delete(rows: Sequence[Row]) -> None:
    failures = {}
    for row in rows:
        try:
            services.supervisor().delete(row.record.id)
        except QHNError as error:
            failures[row.record.id] = f"{row.record.name}: {error}"
    choice.set_choice(list(failures))
    if not failures:
        st.rerun()
    for failure in failures.values():
        st.error(failure)
