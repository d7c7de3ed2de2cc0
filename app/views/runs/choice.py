"""Which runs are ticked: kept by id in the session, since the table knows positions only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from app import state

_CHOSEN, _GENERATION = "runs_chosen", "runs_generation"


def chosen_ids() -> tuple[str, ...]:
    """Ids of the ticked runs, in the order in which they were ticked."""
    return tuple(state.recall(_CHOSEN, ()))


def choose(ids: Iterable[str]) -> None:
    """What the table's ticks say; runs ticked before keep their place."""
    wanted = list(dict.fromkeys(ids))
    before = [run_id for run_id in chosen_ids() if run_id in wanted]
    state.remember(_CHOSEN, (*before, *(run_id for run_id in wanted if run_id not in before)))


def set_choice(ids: Iterable[str]) -> None:
    """Tick exactly these runs, whatever the table shows now: it is made anew."""
    state.remember(_CHOSEN, tuple(ids))
    state.remember(_GENERATION, state.recall(_GENERATION, 0) + 1)


def table_key(ids: Sequence[str]) -> str:
    """Identity of a table with these rows. Another set or order of runs is another table, with its own ticks."""
    digest = hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16]
    return f"runs_table_{digest}_{state.recall(_GENERATION, 0)}"
