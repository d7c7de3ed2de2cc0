"""What several commands share: options, the store, numbers as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qhn_core.runner.cluster import Cluster
    from qhn_core.store import RunStore

DataOption = Annotated[str | None, typer.Option("--data", help="Data folder [default: QHN_DATA, or the user's].")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or its beginning.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
SchedulerOption = Annotated[
    str | None, typer.Option("--scheduler", help="Train on a Dask cluster, such as tcp://host:8786 [default: here].")
]

_BARS = "▁▂▃▄▅▆▇█"


def open_store(data: str | None) -> RunStore:
    """The store of runs; tells the user what is to be told about it."""
    from qhn_core.store import RunStore

    store = RunStore(data)
    for notice in store.notices:
        typer.secho(notice, fg="yellow", err=True)
    store.mark_interrupted()
    return store


def cluster_at(scheduler: str | None, store: RunStore) -> Cluster | None:
    """The cluster of this address; None for none."""
    from qhn_core.runner.cluster import Cluster

    return Cluster(scheduler, uploads=store.uploads) if scheduler else None


def number(value: float, digits: int = 3) -> str:
    """``value`` with so many significant digits; a dash for NaN."""
    return "–" if not math.isfinite(value) else f"{value:.{digits}g}"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """A curve in one line of text; blanks where there is no number."""
    if not len(values):
        return ""
    count = min(width, len(values))
    places = [values[round(i * (len(values) - 1) / max(1, count - 1))] for i in range(count)]
    finite = [v for v in places if math.isfinite(v)]
    if not finite:
        return ""
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    marks = [_BARS[int((v - low) / span * (len(_BARS) - 1))] if math.isfinite(v) else " " for v in places]
    return "".join(marks)
