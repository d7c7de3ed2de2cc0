"""A trained circuit's distribution, for experiments that measure it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.config import RunConfig
from qhn_core.lessons.course import Course, train_course
from qhn_core.lessons.outcome import Watch
from qhn_core.lessons.patch import patched

Array = NDArray[np.float64]


def trained(config: RunConfig, watch: Watch) -> tuple[Course, Array]:
    """The run to its end, and q (2**N,) of its start of median final loss."""
    course = Course("", patched(config, {"log_every": config.steps}))
    for step in train_course(course, watch):
        watch.progress(0.8 * step / config.steps)
    assert course.probs is not None  # noqa: S101 -- lessons' runs are exact
    return course, course.probs[course.middle()]


def draw(q: Array, shots: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of ``shots`` strings drawn from q."""
    return np.asarray(rng.choice(q.size, shots, p=q / q.sum()), dtype=np.int64)


def shares(index: NDArray[np.int64], size: int) -> Array:
    """How often each string was drawn, as a share, (size,)."""
    return np.bincount(index, minlength=size) / len(index)
