"""Runs: everything that was trained, in one table; overlay, export, resume, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import services, state
from app.describe import counted
from app.sending import sent
from app.views.runs import choice, overlay, tools
from app.views.runs.rows import FEW, NUMBERS, SORTS, Row, columns, keep, order, to_rows
from qhn_core.errors import QHNError
from qhn_core.metrics import METRICS, Metric
from qhn_core.store import RunState

#: Rows on one page of the table, and runs that are read before someone asks for all.
PAGE, LIMIT = 200, 1000
#: Seconds between refreshes while a run is in work.
REFRESH = 2.0

_ROW_HEIGHT = 34  # pixels


def page() -> None:
    """The page."""
    services.supervisor()  # marks what another process left behind as interrupted
    store = services.store()
    for notice in store.notices:
        st.warning(notice)
    everything = state.widget("runs_everything", False)
    records = store.list(limit=None if everything else LIMIT + 1)
    if not records:
        _welcome()
        return
    rows = to_rows(records[: None if everything else LIMIT])
    shown = _without_trials(_filtered(rows))
    if len(records) > len(rows):
        _offer_everything()
    shown = _paged(shown)
    by_id = {row.record.id: row for row in rows}
    chosen = [by_id[run_id] for run_id in choice.chosen_ids() if run_id in by_id]
    tools.toolbar(chosen, hidden=_hidden(chosen, shown))
    active = {row.record.id for row in rows if row.record.state.active}
    refresh = REFRESH if active else None
    st.fragment(sent(_live_table), run_every=refresh)(shown, chosen, active)


def _welcome() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("**Nothing trained yet.** Every run will be listed here, to compare, resume and export.")
        if st.button(
            "Train a first run", type="primary", icon=":material/play_arrow:", help="Train the default settings"
        ):
            st.switch_page("views/train/page.py")


def _filtered(rows: Sequence[Row]) -> list[Row]:
    """The filter's widgets, and what it keeps, sorted."""
    wide, *narrow = st.columns([2.0, 1.1, 1.1, 1.3, 1.5], gap="small")
    quiet: Any = {"label_visibility": "collapsed"}
    text = wide.text_input(
        "Filter",
        placeholder="Filter by name, note, circuit …",
        key="runs_text",
        **quiet,
        help="Show runs whose name, note or settings hold this text.",
    )
    fields = {
        "State": [row.record.state.value for row in rows],
        "Loss": [row.settings.loss for row in rows],
        "Dataset": [row.settings.dataset for row in rows],
    }
    chosen = []
    for column, (label, values) in zip(narrow, fields.items(), strict=False):
        options = sorted({value for value in values if value})
        chosen.append(
            column.multiselect(
                label,
                options,
                placeholder=label,
                key=f"runs_{label.lower()}",
                **quiet,
                help="Show only runs with one of these.",
            )
        )
    by = narrow[3].selectbox(
        "Sort by",
        list(SORTS),
        format_func=lambda name: f"Sort: {name}",
        key="runs_sort",
        **quiet,
        help="Which runs stand on top.",
    )
    return order(keep(rows, text=text, states=chosen[0], losses=chosen[1], datasets=chosen[2]), by)


def _offer_everything() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"The newest {LIMIT:,} runs are listed and searched.")
        st.toggle("List all runs", key="runs_everything", help="Every run of this data folder, not only the newest.")


def _without_trials(rows: list[Row]) -> list[Row]:
    """The rows without the runs that were only tried out; a switch shows them, and says how many there are."""
    trials = sum(row.trial for row in rows)
    if not trials:
        return rows
    everything = st.toggle(
        f"Show {counted(trials, 'run')} left after fewer than {FEW} steps",
        key="runs_trials",
        help="What Step and Reset leave behind. Pinned runs are always shown.",
    )
    return rows if everything else [row for row in rows if not row.trial]


def _paged(rows: list[Row]) -> list[Row]:
    pages = max(1, -(-len(rows) // PAGE))
    if pages == 1:
        return rows
    number = st.pagination(pages, key=f"runs_page_{pages}")
    return rows[(number - 1) * PAGE : number * PAGE]


def _hidden(chosen: Sequence[Row], shown: Sequence[Row]) -> int:
    visible = {row.record.id for row in shown}
    return sum(row.record.id not in visible for row in chosen)


def _live_table(shown: Sequence[Row], chosen: Sequence[Row], active: set[str]) -> None:
    """Table and overlay; called again while runs are in work, with the latest state of those only."""
    try:
        fresh = {row.record.id: row for row in to_rows(services.store().list(states=_ACTIVE))} if active else {}
    except QHNError as error:
        st.error(str(error))
        return
    if set(fresh) != active:  # a run began or ended: the tools above change, too
        st.rerun()
    picked = _table([fresh.get(row.record.id, row) for row in shown])
    hidden = [row.record.id for row in chosen if row.record.id not in {r.record.id for r in shown}]
    if set(picked) | set(hidden) != {row.record.id for row in chosen}:
        choice.choose([*hidden, *picked])
        st.rerun()
    newest = [fresh.get(row.record.id, row) for row in chosen]
    with st.container():  # below the table, which must not move under the pointer; always there, so the chart stays
        if len(newest) == 1:
            tools.tell_trouble(newest[0])
    overlay.show(newest)


_ACTIVE = [s for s in RunState if s.active]


def _table(rows: Sequence[Row]) -> list[str]:
    """The table; returns the ids of the rows that are ticked."""
    if not rows:
        st.info("No run passes the filter.")
        return []
    ids = [row.record.id for row in rows]
    marked = set(choice.chosen_ids())
    event: Any = st.dataframe(
        columns(rows),
        # Positions are all that the widget remembers: another set or order of runs must be another widget.
        key=choice.table_key(ids),
        selection_default={"selection": {"rows": [i for i, run_id in enumerate(ids) if run_id in marked]}},
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        row_height=_ROW_HEIGHT,
        height=_ROW_HEIGHT * min(len(rows) + 1, 7) + 3,
        column_config=_column_config(),
        placeholder="–",
        alt="Runs, one a row",
    )
    return [ids[i] for i in event["selection"]["rows"] if i < len(ids)]


def _number_column(metric: Metric) -> Any:
    """A metric's column: what it is called and counted in, and which statistic it is."""
    text = (
        f"{metric.title}: mean over starts at the last logged step. {metric.meaning[:1].upper()}{metric.meaning[1:]}."
    )
    return st.column_config.NumberColumn(f"Mean {metric.short}", format=f"%{metric.form}", help=text, width=135)


def _column_config() -> Mapping[str, Any]:
    c = st.column_config
    return {
        "pinned": c.TextColumn("Pin", width=45),
        "name": c.TextColumn("Name", width=230),
        "state": c.TextColumn("State", width=90),
        **{column: _number_column(METRICS[name]) for column, name in NUMBERS.items()},
        "loss": c.TextColumn("Loss", width=95),
        "dataset": c.TextColumn("Dataset", width=110),
        "network": c.TextColumn("Network", width=75),
        "circuit": c.TextColumn("Circuit", width=100),
        "qubits": c.NumberColumn("N", help="Qubits: one for each weight", width=45),
        "steps": c.TextColumn("Steps", width=90),
        "seed": c.NumberColumn("Seed", width=55),
        "created": c.DatetimeColumn("Created, UTC", format="MM-DD HH:mm", timezone="UTC", width=105),
        "note": c.TextColumn("Note", width=200),
        "run": c.TextColumn("Run", help="Name in links and on the command line", width=90),
    }


if __name__ == "__main__":
    page()
