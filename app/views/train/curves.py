"""Loss and generalisation gap over steps, with the runs before and the branches behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app import figures
from app.figures.ghosts import Ghost, haunted, marked
from app.pictures import Built
from app.views.train import branches, ghosts
from app.views.train.mounting import USUAL, Chart, Look, mount, waiting
from app.views.train.shown import Shown
from qhn_core.metrics import median_of

#: Ids of the runs before, and of the branches, of which curves are drawn behind those of the run shown.
_Others = tuple[tuple[str, ...], tuple[str, ...]]
_TAGS = re.compile(r"<[^>]*>")


def show(shown: Shown, *, metric: str, look: Look = USUAL) -> None:
    """Loss and generalisation gap over steps, side by side."""
    for column, chart in zip(st.columns(2, gap="small"), curve_charts(shown, metric=metric, look=look), strict=True):
        with column:
            mount(shown, chart)


def curve_charts(shown: Shown, *, metric: str, look: Look) -> tuple[Chart, Chart]:
    """Loss and generalisation gap, with the runs before as ghosts."""
    before = (ghosts.of(shown), branches.of(shown))
    option = ",".join((*before[0], "", *before[1]))
    loss = partial(_in_row, draw=partial(_loss, before=before))
    gap = partial(_in_row, draw=partial(_gap, metric=metric, before=before))
    return (
        Chart("loss", loss, look.curves, option=option, scale=look.scale),
        Chart("gap", gap, look.curves, option=f"{metric},{option}", scale=look.scale),
    )


def _behind(others: _Others) -> list[Ghost]:
    """The curves of other runs: those before, and the branches of the one shown."""
    return [*ghosts.ghosts(others[1], before="branch"), *ghosts.ghosts(others[0])]


def _in_row(shown: Shown, draw: Callable[[Shown, int | None], Built]) -> Built:
    """The same, of a chart whose plot is as high as that of the other one beside it (live_chart.js)."""
    figure, alt = _of_newest(shown, draw)
    return {"data": figure["data"], "layout": figure["layout"] | {"meta": {"row": "curves"}}}, alt


def _of_newest(shown: Shown, draw: Callable[[Shown, int | None], Built]) -> Built:
    """A figure over all steps, with a mark at the one that the page looks back at."""
    if shown.newest is None:
        return draw(shown, None)
    figure, alt = draw(shown.newest, shown.step)
    return marked(figure, shown.step), f"{alt} Marked: {shown.step}."


def _loss(shown: Shown, _at: int | None, before: _Others) -> Built:
    if not len(shown.steps):
        return waiting(shown, "Loss per example")
    figure = haunted(loss_figure(shown), _behind(before), {"loss": "solid"})
    value = figures.median(shown.history["loss"][-1:])[0]
    evidence, n_train = _evidence(shown)
    limit = "" if evidence is None else f"; minus log evidence per example is {-evidence / n_train:.3g}"
    how = _estimated(shown.loss_shots)
    of = median_of(shown.config.replicas)
    said = f"{of}, {value:.3g}" if of else f"{value:.3g}"
    return figure, f"Loss per example over steps: {said} at step {shown.steps[-1]}{limit}{how}."


def loss_figure(shown: Shown) -> figures.Figure:
    """The loss with its terms and, where it is known, the evidence."""
    evidence, n_train = _evidence(shown)
    return figures.loss_curves(
        shown.steps,
        shown.history,
        objective=shown.config.objective.name,
        label=shown.config.objective.title,
        n_train=n_train,
        log_evidence=evidence,
        total=shown.config.steps,
        draws=shown.loss_shots,
        bounds=shown.config.objective.bounds_evidence,
        several_data=shown.config.data_draws > 1,
    )


def _evidence(shown: Shown) -> tuple[float | None, int]:
    """log Z in nats, the median over draws of the data, where it is known; and the examples by which it is divided."""
    if shown.setup is None:
        return None, 1
    problem: Any = shown.setup.problem
    known = problem.table is not None
    return (float(np.median(problem.log_evidence)) if known else None), shown.setup.n_train


def _estimated(draws: int) -> str:
    return f", estimated from {draws:,} draws" if draws else ""


def _gap(shown: Shown, at: int | None, metric: str, before: _Others) -> Built:
    if not len(shown.steps):
        return waiting(shown, "Generalisation gap")
    figure = gap_figure(shown, metric, at)
    stem = figures.GAPS[metric]
    figure = haunted(figure, _behind(before), {f"{stem}_train": "solid", f"{stem}_test": "dash"})
    title = _TAGS.sub("", str(figure["layout"]["title"]["text"]).replace(" <span", ", <span"))
    step = f" at step {shown.steps[-1]}" if at is None else ""
    return figure, f"Train and test curves over steps. {title}{step}{_estimated(shown.shots)}."


def gap_figure(shown: Shown, metric: str = "predictive", at: int | None = None) -> figures.Figure:
    """Train and test curves of one metric, with the gap at the step ``at``, or at the newest."""
    return figures.gap_curves(
        shown.steps,
        shown.history,
        objective=shown.config.objective.name,
        metric=metric,
        total=shown.config.steps,
        draws=shown.shots,
        at=at,
    )
