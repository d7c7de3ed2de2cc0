"""Branches on the Train page: runs that left one another at some step, their curves as a tree, and the way to each."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import streamlit as st

from app import services, state
from app.changes import AND, changes
from app.figures.tree import Branch, tree
from app.live_chart import live_chart
from app.views.train.data import config_of
from app.views.train.shown import Shown
from qhn_core.errors import QHNError
from qhn_core.store import RunRecord

#: Branches drawn at most, the newest of them.
MOST = 8
HEIGHT = 320


def family(shown: Shown) -> list[RunRecord]:
    """All runs of the tree that the shown one belongs to, oldest first; itself alone where nothing ever branched."""
    if shown.status is None:
        return []
    try:
        return services.store().family(shown.status.run_id)
    except QHNError:  # deleted meanwhile
        return []


def of(shown: Shown) -> tuple[str, ...]:
    """Ids of the other runs of the tree, newest first."""
    mine = "" if shown.status is None else shown.status.run_id
    others = [record.id for record in family(shown) if record.id != mine]
    return tuple(others[::-1][:MOST])


def named(record: RunRecord, parent: RunRecord | None) -> str:
    """A branch by what was changed where it left: ``step 120: Loss MLE → ELBO``."""
    if parent is None:
        return f"from the start: {record.config.objective.title}"
    changed = AND.join(changes(parent.config, record.config)) or "the same settings"
    return f"step {record.forked}: {changed}"


def caption(shown: Shown) -> None:
    """Where the run shown comes from, if it is a branch."""
    records = {record.id: record for record in family(shown)}
    mine = None if shown.status is None else records.get(shown.status.run_id)
    if mine is not None and mine.parent in records:
        parent = records[mine.parent]
        st.caption(
            f"Branch of *{parent.name}* ({parent.id}), from **{named(mine, parent)}**. Thin: the other branches."
        )


def show(shown: Shown) -> None:
    """The tree: each branch's loss from where it left, and a button to open it."""
    records = family(shown)[-MOST - 1 :]
    if len(records) < 2:
        st.caption("No branch yet. Move the slider above to a step and press **Fork here**.")
        return
    known = {record.id: record for record in records}
    names = {record.id: named(record, known.get(record.parent)) for record in records}
    mine = shown.status.run_id if shown.status is not None else ""
    branches = [_branch(record, names[record.id], record.id == mine) for record in records]
    live_chart(
        tree(branches, total=max(record.steps for record in records)),
        name="branches",
        alt=f"{len(records)} branches of one run: " + "; ".join(names.values()) + ".",
        height=HEIGHT,
    )
    for record in records:
        _row(record, names[record.id], record.id == mine)


def _row(record: RunRecord, name: str, mine: bool) -> None:
    left, middle, right = st.columns([4, 3, 1], gap="small", vertical_alignment="center")
    with left:
        st.markdown(f"**{name}**" if mine else name)
    with middle:
        st.markdown(f"loss {record.final('loss'):.4f} at step {record.step}, mean over starts")
    with right:
        key = f"train.branch.{record.id}"
        st.button(
            "Open", key=key, disabled=mine, on_click=_open, args=(record.id,), width="stretch", help="Look at this run"
        )


def _open(run: str) -> None:
    try:
        state.open_run(run, config_of(run))
    except QHNError as error:
        state.remember("problem", str(error))


@lru_cache(maxsize=64)
def _curve(run: str, step: int) -> tuple[np.ndarray, np.ndarray]:
    rows = services.supervisor().curves(run)
    loss = rows.history.get("loss", np.zeros((0, 1)))
    return np.array(rows.steps), np.nanmedian(loss, axis=1) if len(loss) else np.zeros(0)


def _branch(record: RunRecord, name: str, mine: bool) -> Branch:
    steps, loss = _curve(record.id, services.supervisor().status(record.id).step)
    return Branch(name, record.config.objective.name, steps, loss, mine)
