"""Pictures of runs under way: curves of their metrics, the networks that they draw, what these predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.dependence import dependence
from qhn_core.lessons.course import Course
from qhn_core.lessons.outcome import Bars, Lines, Picture, Plane, Series
from qhn_core.metrics import median_of

Array = NDArray[np.float64]
#: Networks in the bar chart.
_TOP = 8
#: Points of a curve that is drawn.
_POINTS = 250


def _colour(course: Course, place: int) -> str:
    """A loss has its colour; further contenders with the same loss have others. (Black is the exact posterior's.)"""
    return course.config.objective.name if place == 0 else ("second", "accent", "rival")[(place - 1) % 3]


def _colours(courses: Sequence[Course]) -> list[str]:
    losses = [course.config.objective.name for course in courses]
    return losses if len(set(losses)) == len(losses) else [_colour(c, k) for k, c in enumerate(courses)]


def _of(course: Course) -> str:
    """Whose a picture of one contender is."""
    return f": {course.label}" if course.label else ""


def _thin(steps: Sequence[int], y: Array) -> tuple[Array, Array]:
    keep = np.unique(np.linspace(0, len(y) - 1, min(len(y), _POINTS)).astype(int))
    return np.asarray(steps, dtype=float)[keep], y[keep]


def _along(courses: Sequence[Course]) -> str:
    """The axis of steps, which says what the curves of several starts are."""
    said = median_of(*(course.config.replicas for course in courses))
    return f"step ({said})" if said else "step"


def _curves(title: str, y: str, metrics: Mapping[str, str], **more: object) -> Callable[[Sequence[Course]], Lines]:
    """A chart of metrics against steps: label -> metric; the first solid, further ones dashed."""

    def build(courses: Sequence[Course]) -> Lines:
        series = []
        for course, colour in zip(courses, _colours(courses), strict=True):
            for label, metric in metrics.items():
                said = f"{course.label} {label}".strip()
                series.append(Series(said, *_thin(course.steps, course.metric(metric)), colour, dashed=label == "test"))
        total = max(course.config.steps for course in courses)
        return Lines(title, _along(courses), y, series, x_range=(0.0, float(total)), **more)  # type: ignore[arg-type]

    return build


def _evidence(courses: Sequence[Course]) -> Lines | None:
    """The ELBO under log p(D), per run; None without a table."""
    series, levels = [], {}
    for course, colour in zip(courses, _colours(courses), strict=True):
        series.append(Series(f"{course.label} ELBO".strip(), *_thin(course.steps, course.metric("elbo")), colour))
        if course.setup.problem.table is not None and course.config.data_draws == 1:
            levels["log p(D)"] = float(course.setup.problem.log_evidence)
    total = max(course.config.steps for course in courses)
    if not levels:
        return None
    return Lines("ELBO and evidence", _along(courses), "nats", series, levels, x_range=(0.0, float(total)))


def _networks(courses: Sequence[Course]) -> Bars | None:
    """The most probable networks of the middle start of the newest contender."""
    course = courses[-1]
    if course.probs is None:
        return None
    start = course.middle()
    q = course.probs[start]
    top = np.argsort(-q, kind="stable")[:_TOP]
    n_bits = int(q.size).bit_length() - 1
    names = ["".join("+" if (i >> k) & 1 else "−" for k in range(n_bits - 1, -1, -1)) for i in top]
    groups = {f"{course.label} q".strip(): q[top]}
    problem = course.setup.problem
    if problem.table is not None and course.config.data_draws == 1:
        groups["posterior"] = problem.posterior[top]
    title = f"Most probable networks{_of(course)} (start {start + 1})"
    return Bars(title, "network: its weights", "probability", names, groups, (_colours(courses)[-1], "ink"))


def _information(courses: Sequence[Course]) -> Bars | None:
    """The pairs of weights that tell most of each other, of each contender's middle start."""
    groups: dict[str, Array] = {}
    pairs: list[tuple[int, int]] = []
    for course in courses:
        if course.probs is None:
            return None
        matrix = dependence(course.probs[course.middle()]).mutual_information
        upper = np.triu_indices(len(matrix), 1)
        if not pairs:
            order = np.argsort(-matrix[upper], kind="stable")[:_TOP]
            pairs = [(int(upper[0][k]), int(upper[1][k])) for k in order]
        groups[course.label or "circuit"] = np.array([matrix[pair] for pair in pairs])
    names = [f"{i + 1}–{j + 1}" for i, j in pairs]
    return Bars("What one weight tells of another", "pair of weights", "bits", names, groups, _colours(courses))


def _plane(courses: Sequence[Course]) -> Plane | None:
    """What the newest contender's networks predict together; None beyond two inputs."""
    course = courses[-1]
    problem = course.setup.problem
    data = problem.dataset
    if course.probs is None or data is None or data.n_features != 2 or problem.network is None:
        return None
    grid = course.grid
    start = course.middle()
    proba = grid.of(course.probs[start]).proba
    if proba.shape[2] != 2:
        return None
    names = [str(name) for name in data.class_names] or ["0", "1"]
    title = f"Prediction of all networks together{_of(course)} (start {start + 1})"
    return Plane(title, grid.x, grid.y, proba[:, :, 1], data.x_train, data.y_train, names, ("x1", "x2"))


#: Name -> what draws it from the contenders so far; None where there is nothing to draw.
PICTURES: Mapping[str, Callable[[Sequence[Course]], Picture | None]] = {
    "gap": _curves(
        "Predictive NLL",
        "nats per example",
        {"train": "predictive_nll_train", "test": "predictive_nll_test"},
    ),
    "train": _curves("Training loss", "nats per example", {"train": "loss"}),
    "accuracy": _curves(
        "Accuracy",
        "share correct",
        {"train": "accuracy_train", "test": "accuracy_test"},
    ),
    "effective": _curves(
        "Networks still mixed, 2ᴴ",
        "effective networks",
        {"": "effective_networks"},
        log_y=True,
    ),
    "distance": _curves("Distance from the posterior", "KL, nats", {"": "kl_posterior"}),
    "prior": _curves("Distance from the prior", "KL, nats", {"": "kl_prior"}),
    "mmd": _curves("MMD² to the prior", "MMD²", {"": "mmd2"}),
    "evidence": _evidence,
    "networks": _networks,
    "information": _information,
    "plane": _plane,
}
