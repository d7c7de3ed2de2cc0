"""Ghosts on the Train page: the curves of the runs before stay, thin, behind those of the next one.

The session keeps the runs' ids, newest first. A run becomes a ghost when the page leaves it, by changed settings, Train
or Reset; a run that never made a step leaves none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import services, state
from app.changes import AND, changes
from app.describe import counted
from app.figures import GAPS
from app.figures.ghosts import Ghost
from app.views.train import branches, instant
from app.views.train.data import config_of
from app.views.train.shown import Shown
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError

#: Runs that are kept in view behind the one shown.
MOST = 3
#: What is read of a ghost's history.
_NAMES = ("loss", *(f"{stem}_{split}" for stem in GAPS.values() for split in ("train", "test")))
_KEPT, _INSTANT = "train.ghosts", "train.ghosts.instant"


def leave(run: str | None) -> None:
    """The page leaves this run for another, or for a preview."""
    if run is None:
        return
    try:
        trained = services.supervisor().status(run).step > 0
    except QHNError:
        return
    if trained:
        _add(run)


def follow(name: str | None) -> None:
    """The page shows this instant result, or none: the one before becomes a ghost."""
    before = followed()
    if before and before != name and instant.known(before) is not None:
        _add(before)
    state.remember(_INSTANT, name)


def followed() -> str:
    """The name of the instant result that the page shows; empty for none."""
    return str(state.recall(_INSTANT) or "")


def _add(run: str) -> None:
    _remember([run, *(old for old in _ids() if old != run)][:MOST])


def clear() -> None:
    """Let all ghosts go."""
    _remember([])


def of(shown: Shown) -> tuple[str, ...]:
    """Ids of the ghosts behind what is shown, newest first."""
    mine = (shown.key,) if shown.status is None else (shown.status.run_id, *branches.of(shown))
    return tuple(run for run in _ids() if run not in mine)


@lru_cache(maxsize=64)
def _read(run: str, step: int, before: str) -> Ghost | None:
    rows = services.supervisor().curves(run)
    return _ghost(rows.steps, rows.history, config_of(run), before)


def _ghost(
    steps: NDArray[np.int64], rows: Mapping[str, NDArray[np.float64]], config: RunConfig, before: str
) -> Ghost | None:
    history = {name: np.array(rows[name]) for name in _NAMES if name in rows}
    return Ghost(np.array(steps), history, config.objective.name, before) if "loss" in history else None


def ghosts(ids: tuple[str, ...], *, before: str = "before") -> list[Ghost]:
    """Their curves; a run that was deleted meanwhile leaves none.

    Args:
        before: what the legend calls them: a word, as longer ones take the plot's room.
    """
    found = []
    for run in ids:
        if (at_once := instant.known(run)) is not None:
            ghost = _ghost(at_once.steps, at_once.history, at_once.config, before)
            found += [] if ghost is None else [ghost]
            continue
        try:
            ghost = _read(run, services.supervisor().status(run).step, before)
        except QHNError:
            continue
        if ghost is not None:
            found.append(ghost)
    return found


def caption(shown: Shown) -> None:
    """What the thin lines are, what changed since, and the way to be rid of them."""
    ids = of(shown)
    branches.caption(shown)
    try:
        changed = changes(_config_of(ids[0]), shown.config) if ids else ()
    except QHNError:
        return
    if not ids:
        return
    more = f", and {counted(len(ids) - 1, 'run')} before it" if len(ids) > 1 else ""
    what = AND.join(changed) if changed else "nothing: the same settings again"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption(f"Thin lines: the run before{more}. **Changed since:** {what}", width="content")
        st.button(
            "Clear ghosts",
            key="train.ghosts.clear",
            icon=":material/layers_clear:",
            type="tertiary",
            on_click=clear,
            help="Remove the thin lines of the runs before",
        )


def _config_of(run: str) -> RunConfig:
    at_once = instant.known(run)
    return config_of(run) if at_once is None else at_once.config


def _ids() -> list[str]:
    return [run for run in str(state.recall(_KEPT, "")).split(",") if run]


def _remember(ids: list[str]) -> None:
    state.remember(_KEPT, ",".join(ids))
