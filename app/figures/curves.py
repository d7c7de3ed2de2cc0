"""Curves over training steps: the loss with its terms, and the generalisation gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, captioned, layout, message, small
from app.figures.palette import INK, loss_colour, translucent
from app.figures.plain import Figure, thin
from qhn_core.metrics import BAND, METRICS, TERM, median_of
from qhn_core.objectives import OBJECTIVES
from qhn_core.store.thinned import medians

Array = NDArray[np.float64]
History = Mapping[str, Array]

#: The metrics that have a train and a test curve: what the page calls it -> history name without its split.
GAPS: Mapping[str, str] = {"predictive": "predictive_nll", "accuracy": "accuracy", "expected": "nll"}
#: Said of a loss beside the evidence that it does not bound.
NO_BOUND = "not itself a bound: −ELBO is"
_DASHES = ("dot", "dash", "dashdot", "longdash")
#: What the curves at a band's ends are called.
ENDS = tuple(f"{100 * end:.0f} %" for end in BAND)
#: What tells single points of one colour apart, as dashes do lines.
_SHAPES = {"solid": "circle", "dot": "diamond", "dash": "square", "dashdot": "cross", "longdash": "triangle-up"}


def gap_name(gap: str) -> str:
    """What a key of :data:`GAPS` is called: the metric without its split."""
    return METRICS[f"{GAPS[gap]}_test"].label.partition(",")[0]


def loss_unit(objective: str) -> str:
    """Unit of a loss per example, for its axis."""
    return OBJECTIVES[objective].unit if objective in OBJECTIVES.names() else METRICS["loss"].unit


def median(values: Array) -> Array:
    """Median over replicas, (T, B) -> (T,), NaN where no replica has a value."""
    return medians(values)


def band(values: Array) -> tuple[Array, Array]:
    """The quantiles :data:`BAND` over replicas, (T, B) -> two (T,); values must not be NaN throughout a row."""
    # Several times faster than nanquantile, which goes row by row.
    quantile = np.nanquantile if np.isnan(values).any() else np.quantile
    low, high = quantile(values, BAND, axis=1)
    return low, high


def line(x: Array, y: Array, name: str, colour: str, **more: Any) -> dict[str, Any]:
    """One curve; a single point is shown as a marker, whose shape says which dash the line will have."""
    dash = more.pop("dash", "solid")
    width = more.pop("width", 2.5)
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "name": name,
        "mode": "lines" if len(x) > 1 else "markers",
        "line": {"color": colour, "dash": dash, "width": width},
        "marker": {"color": colour, "size": 9, "symbol": _SHAPES[dash]},
        "hovertemplate": "%{y:.4g}",
        **more,
    }


def spread(x: Array, values: Array, colour: str, name: str) -> list[dict[str, Any]]:
    """The band over the replicas; nothing for one replica."""
    if values.shape[1] < 2 or len(x) < 2 or np.isnan(values).all(axis=1).any():
        return []
    low, high = band(values)
    edge = {"type": "scatter", "x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    return [
        {**edge, "y": low, "name": f"{name} {ENDS[0]}"},
        {**edge, "y": high, "name": f"{name} {ENDS[1]}", "fill": "tonexty", "fillcolor": translucent(colour, 0.18)},
    ]


def _error(history: History, name: str, keep: NDArray[np.intp]) -> Array | None:
    """Standard error of one start's estimates, (T,); None for several starts, whose spread holds it, and if unknown."""
    found = history.get(f"{name}_se")
    if found is None or found.shape[1] > 1 or np.isnan(found[keep]).all():
        return None
    return found[keep, 0]


def _error_band(x: Array, y: Array, error: Array | None, colour: str) -> list[dict[str, Any]]:
    """± 1 standard error around a curve."""
    if error is None or len(x) < 2:
        return []
    width = np.nan_to_num(error)
    edge = {"type": "scatter", "x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    return [
        {**edge, "y": y - width, "name": "− s.e."},
        {**edge, "y": y + width, "name": "+ s.e.", "fill": "tonexty", "fillcolor": translucent(colour, 0.22)},
    ]


def _error_bar(x: Array, error: Array | None) -> dict[str, Any]:
    """The same for a single point."""
    if error is None or len(x) > 1:
        return {}
    return {"error_y": {"type": "data", "array": np.nan_to_num(error), "thickness": 2, "width": 6}}


def _error_said(points: int, known: bool) -> str:
    """What the band of one start's estimates, or the bar of a single point, means; empty where there is none."""
    return f"{'band' if points > 1 else 'bar'}: ± 1 standard error" if known else ""


def _draws_said(draws: int) -> str:
    """What follows a title, small: from how many strings a step is estimated; nothing where it is exact."""
    return small(f"estimated from {draws:,} draws") if draws else ""


def term_names(history: History) -> list[str]:
    """Names of the loss's terms in a history, sorted."""
    return sorted(name for name in history if name.startswith(TERM))


def loss_curves(
    steps: NDArray[Any],
    history: History,
    *,
    objective: str,
    label: str = "",
    n_train: int = 1,
    log_evidence: float | None = None,
    total: int = 0,
    draws: int = 0,
    bounds: bool = False,
    several_data: bool = False,
) -> Figure:
    """Loss per example with its terms, against the log evidence; for one start that is estimated, ± 1 standard error.

    Of several starts each line is their median, and the loss has a band.

    Args:
        steps: logged steps, (T,).
        history: name -> (T, B); ``loss`` and ``term_…`` per example, ``elbo`` in nats over all examples.
        objective: the loss's name, for its colour.
        label: what the title calls the loss.
        n_train: examples n by which ELBO and evidence are divided (1 for a cost table).
        log_evidence: log Z in nats, or None where it is not known; −log Z / n is the limit of −ELBO / n.
        total: steps of the whole run, in view while only step 0 is logged.
        draws: strings from which each step's loss is estimated, with its error as ``loss_se``; 0 where it is exact.
        bounds: whether the loss itself is −ELBO. If not, −ELBO is drawn as the bound, like the evidence that it
            bounds, and the title says that the loss is none.
        several_data: whether starts have different data, so that the log evidence is a median, too.
    """
    title = f"Loss per example: {label}" if label else "Loss per example"
    if not len(steps):
        return message(title, "No step logged yet")
    colour = loss_colour(objective)
    keep = thin(median(history["loss"]))
    x = np.asarray(steps)[keep]
    traces = spread(x, history["loss"][keep], colour, "loss")
    middle, error = median(history["loss"][keep]), _error(history, "loss", keep)
    traces += _error_band(x, middle, error, colour)
    traces.append(line(x, middle, "loss", colour, width=3, **_error_bar(x, error)))
    known = OBJECTIVES[objective].terms if objective in OBJECTIVES.names() else {}
    names = [n for n in term_names(history) if not np.isnan(history[n][keep]).all()]
    for name, dash in zip(names if len(names) > 1 else [], _DASHES * len(names), strict=False):
        short = name.removeprefix(TERM)
        text = known.get(short, short.replace("_", " "))
        traces.append(line(x, median(history[name][keep]), text, colour, dash=dash, width=1.6))
    if loss_unit(objective) != METRICS["loss"].unit:  # on no common scale with the evidence
        log_evidence = None
    notes = []
    bound = history.get("elbo")
    if log_evidence is not None and bound is not None and not np.isnan(bound[keep]).all():
        if not bounds:
            traces.append(line(x, -median(bound[keep]) / n_train, "−ELBO", INK, width=2))
            title += small(NO_BOUND)
        level = -log_evidence / n_train
        notes.append(_level_name(level, "−log p(D) ≤ loss = −ELBO" if bounds else "−log p(D) ≤ −ELBO", traces))
        traces.append(_level_line(x, level, "−log p(D)", total))
    said = median_of(history["loss"].shape[1], band=len(x) > 1)
    of_data = "−log p(D): median of the draws of the data" if several_data and notes else ""
    along = captioned(step_axis(x, total), said, of_data, _error_said(len(x), error is not None))
    shape = _curve_layout(title, along, loss_unit(objective), annotations=notes)
    shape["title"]["text"] += _draws_said(draws)
    return {"data": traces, "layout": shape}


def _curve_layout(title: str, x: dict[str, Any], unit: str, **more: Any) -> dict[str, Any]:
    """Fixed margins: measuring the labels at every refresh would take a third of the drawing's time."""
    y = axis(unit, nticks=6, automargin=False)
    return layout(title, x=x | {"automargin": False}, y=y, margin={"l": 62, "r": 14, "t": 54, "b": 48}, **more)


def _level_line(x: Array, level: float, name: str, total: int) -> dict[str, Any]:
    ends = np.array([x[0], x[-1] if len(x) > 1 else max(total, 1)], dtype=float)
    return line(ends, np.full(2, level), name, INK, dash="dash", width=2, showlegend=False)


#: Width and height of the level's name, as shares of the plot's.
_NAME_WIDTH, _NAME_HEIGHT = 0.34, 0.16
#: Points at which the curves are looked at for room between them.
_LOOKS = 200


def _level_name(level: float, text: str, traces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The name of a level line, above or below it where the least of the other curves passes."""
    curves = [_looked_at(trace) for trace in traces if not np.isnan(np.asarray(trace["y"], dtype=float)).all()]
    everything = np.concatenate([*curves, [level]])
    height = _NAME_HEIGHT * max(float(np.nanmax(everything) - np.nanmin(everything)), 1e-12)
    over, under = np.array([_higher(y) for y in curves]), np.array([_lower(y) for y in curves])

    def crowd(place: tuple[float, int]) -> int:
        left, side = place
        low, high = (level, level + height) if side > 0 else (level - height, level)
        part = np.s_[..., int(left * _LOOKS) : int((left + _NAME_WIDTH) * _LOOKS) + 1]
        # A curve is in the way where it is within the name's height, or crosses it between two looks.
        return int(np.count_nonzero((over[part] >= low) & (under[part] <= high)))

    rightmost = 1.0 - _NAME_WIDTH
    places = [(left, side) for left in np.linspace(rightmost, 0.0, 7) for side in (1, -1)]
    left, side = min(places, key=crowd)
    return {
        "text": text,
        "xref": "paper",
        "x": min(left + _NAME_WIDTH, 1.0) if left else 0.01,
        "xanchor": "right" if left else "left",
        "y": level,
        "yanchor": "bottom" if side > 0 else "top",
        "showarrow": False,
        "font": {"size": FONT - 1, "color": INK},
    }


def _looked_at(trace: Mapping[str, Any]) -> Array:
    """A curve at equally spaced places along the axis, (_LOOKS,)."""
    x, y = np.asarray(trace["x"], dtype=float), np.asarray(trace["y"], dtype=float)
    known = ~np.isnan(y)
    return np.interp(np.linspace(x[0], x[-1], _LOOKS), x[known], y[known])


def _higher(y: Array) -> Array:
    return np.maximum(y, np.append(y[1:], y[-1]))


def _lower(y: Array) -> Array:
    return np.minimum(y, np.append(y[1:], y[-1]))


def step_axis(x: Array, total: int) -> dict[str, Any]:
    """The axis of steps; the whole run is in view while only step 0 is logged."""
    return axis("step", range=[0, max(total, 1)]) if len(x) < 2 else axis("step", rangemode="tozero")


def gap_curves(
    steps: NDArray[Any],
    history: History,
    *,
    objective: str,
    metric: str = "predictive",
    total: int = 0,
    draws: int = 0,
    at: int | None = None,
) -> Figure:
    """Train and test curves of one metric with the gap between them shaded; train solid, test dashed.

    Of several starts each line is a median, and the gap that the title tells is the median of their gaps, each start's
    own test minus train: not what the shaded medians differ by.

    Args:
        steps: logged steps, (T,).
        history: name -> (T, B).
        objective: the loss's name, for its colour.
        metric: a key of :data:`GAPS`.
        total: steps of the whole run, in view while only step 0 is logged.
        draws: strings from which each step is estimated, with its errors as ``…_se``; 0 where it is exact.
        at: the logged step whose gap the title tells; None for the newest.
    """
    stem = GAPS[metric]
    shown = METRICS[f"{stem}_test"]
    train, test = history.get(f"{stem}_train"), history.get(f"{stem}_test")
    if train is None or test is None or not len(steps) or np.isnan(test).all():
        return message("Generalisation gap", "No test examples: nothing to compare")
    colour = loss_colour(objective)
    middle = median(test)
    keep = thin(middle)
    x = np.asarray(steps)[keep]
    lower, upper = median(train[keep]), middle[keep]
    shade = {"fill": "tonexty", "fillcolor": translucent(colour, 0.16)}
    errors = [_error(history, f"{stem}_{split}", keep) for split in ("train", "test")]
    bands = [b for y, e in zip((lower, upper), errors, strict=True) for b in _error_band(x, y, e, colour)]
    traces = [
        *bands,
        line(x, lower, "train", colour, width=3, **_error_bar(x, errors[0])),
        line(x, upper, "test", colour, dash="dash", width=3, **shade, **_error_bar(x, errors[1])),
    ]
    row = len(steps) - 1 if at is None else max(int(np.searchsorted(steps, at, side="right")) - 1, 0)
    starts = test.shape[1]
    gap = median(test[row : row + 1] - train[row : row + 1])[0]
    value = f"{round(float(gap), 3) + 0.0:+.3f}".replace("-", "−")  # no minus before nothing
    title = f"{'Median g' if starts > 1 else 'G'}eneralisation gap {'≈ ' if draws else ''}{value}"
    title += small(", ".join([gap_name(metric), *([f"step {at}"] if at is not None else [])]))
    said = f"lines: {median_of(starts)}, each by itself" if starts > 1 else ""
    along = captioned(step_axis(x, total), said, _error_said(len(x), any(error is not None for error in errors)))
    shape = _curve_layout(title, along, shown.unit)
    if len(x) < 2:
        shape["yaxis"]["range"] = [min(lower[0], upper[0]) - 0.1, max(lower[0], upper[0]) + 0.1]
    shape["title"]["text"] += _draws_said(draws)
    return {"data": traces, "layout": shape}
