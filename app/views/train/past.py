"""The time machine of the Train page: the step of a run that the page shows, and the branch that is about to leave it.

The session keeps both as short texts that name the run, so that they end where another run is shown.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import services, state
from app.scrubber import asked, scrubber
from app.views.train.data import with_strings
from app.views.train.shown import Shown
from qhn_core.errors import QHNError

_AT, _FORK = "train.at", "train.fork"
_KEY = "train.scrubber"
_PLACE = re.compile(r"([A-Za-z0-9_-]{1,64}):(\d{1,9})")


def _recalled(name: str, run: str | None) -> int | None:
    found = _PLACE.fullmatch(str(state.recall(name, "")))
    return int(found[2]) if found and found[1] == run else None


def step_of(run: str | None) -> int | None:
    """The step of this run that the page looks back at; None for the newest."""
    return _recalled(_AT, run)


def look_at(run: str | None, step: int | None) -> None:
    """Show a run at an earlier step, or, for None, at its newest."""
    state.remember(_AT, "" if step is None or run is None else f"{run}:{step}")
    if step is None:
        stay()


def fork_of(run: str | None) -> int | None:
    """The step at which a branch is about to leave this run; None where none is."""
    return _recalled(_FORK, run)


def leave_at(run: str, step: int) -> None:
    """From now on changed settings are those of a branch that leaves the run at this step."""
    state.remember(_FORK, f"{run}:{step}")


def stay() -> None:
    """No branch after all."""
    state.remember(_FORK, "")


def past(shown: Shown) -> Shown:
    """What is shown, at the step that the page looks back at; as it is where it looks at none, or a run moves."""
    run = None if shown.status is None else shown.status.run_id
    step = step_of(run)
    if run is None or step is None or not shown.rests or step == shown.step:
        return shown
    try:
        kept, whole = services.supervisor().state_at(run, step), services.supervisor().history(run)
    except QHNError:
        look_at(run, None)
        return shown
    rows = int(np.searchsorted(whole.steps, step, side="right"))
    history = {name: values[:rows] for name, values in whole.history.items()}
    earlier = replace(
        shown,
        steps=whole.steps[:rows],
        history=history,
        step=step,
        theta=kept.theta,
        probs=None,
        bits=None,
        newest=shown,
    )
    return with_strings(earlier)


def kept_steps(shown: Shown) -> NDArray[np.int64]:
    """Steps at which what is shown can be looked at: those kept, and the newest."""
    if shown.status is None:
        return np.zeros(0, dtype=np.int64)
    kept = services.supervisor().kept_steps(shown.status.run_id)
    return np.union1d(kept, [(shown.newest or shown).step]) if len(kept) else kept


def bar(shown: Shown) -> None:
    """Play, rewind, scrub and fork, for a run that rests, to stand in a row; words where it kept no steps."""
    status = shown.status
    if status is None or not shown.rests or (shown.newest or shown).step < 1:
        return
    run, steps = status.run_id, kept_steps(shown)
    if len(steps) < 2:
        st.caption("Only the last step of this run was kept: train it again to look back.")
        return
    moved = partial(_moved, run, int(steps[-1]))
    scrubber(steps.tolist(), shown.step, run=run, total=status.steps, key=_KEY, on_change=moved)
    st.button(
        "Fork here",
        icon=":material/fork_right:",
        key="train.fork.here",
        on_click=leave_at,
        args=(run, shown.step),
        disabled=status.elsewhere or shown.step not in steps,
        help="Go on from this step with another loss or setting; this run stays as it is",
    )


def _moved(run: str, last: int) -> None:
    """Another step is shown; a branch that is about to leave does so there."""
    step = asked(_KEY)
    if step is None:
        return
    forking = fork_of(run)
    look_at(run, None if step == last else step)
    if forking is not None:
        leave_at(run, step)
