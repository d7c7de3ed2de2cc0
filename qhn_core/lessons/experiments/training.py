"""One run, or several from the same start, as it trains."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.errors import ConfigError, InvalidArgument
from qhn_core.lessons import training_pictures
from qhn_core.lessons.course import METRICS, Course
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig, check_waiting
from qhn_core.lessons.outcome import Outcome, Watch
from qhn_core.lessons.patch import patched

Array = NDArray[np.float64]
#: What is told of each metric: its value at the ends, its extremes, and how far it came back from them.
STATISTICS = ("first", "last", "lowest", "highest", "rise", "fall")
_ALONE = ("log_evidence", "identity_error", "steps")
#: Seconds between two looks at a run under way.
_LOOK = 0.25


@EXPERIMENTS.register
class Training(ExperimentConfig):
    """Train the lesson's configuration, or variations of it from the same seed, and follow its metrics.

    Numbers are ``<metric>.<statistic>``; with contenders, ``<contender>.<metric>.<statistic>``. Curves are medians over
    starts; pictures of a distribution are of the start of median final loss.
    """

    label = "Training"

    name: Literal["training"] = "training"
    contenders: dict[str, dict[str, Any]] = Field(
        default_factory=dict, max_length=4, description="Name -> what differs from the configuration"
    )

    @field_validator("contenders")
    @classmethod
    def _named(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        bad = [name for name in value if not name.isidentifier() or name != name.lower()]
        if bad:
            raise InvalidArgument("contenders", expected="names of small letters, digits and _", got=bad[0])
        return value

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """``<metric>.<statistic>`` and those that stand alone, for each contender."""
        each = [f"{m}.{s}" for m in METRICS for s in STATISTICS] + list(_ALONE)
        named = [f"{name}.{value}" for name in self.contenders for value in each]
        return tuple(named or each)

    def pictures(self) -> tuple[str, ...]:
        """Names of the pictures."""
        return tuple(training_pictures.PICTURES)

    def configs(self, config: RunConfig) -> dict[str, RunConfig]:
        """Each contender's configuration; one without a name where there are none."""
        found = {}
        for name, change in (self.contenders or {"": {}}).items():
            try:
                found[name] = patched(config, change)
            except ConfigError as error:
                problems = [(f"contenders.{name}.{path}".rstrip("."), what) for path, what in error.problems]
                raise ConfigError(problems, source="experiment") from None
        return found

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Train one after the other."""
        courses: list[Course] = []
        wanted = self.configs(config)
        looked = time.monotonic()
        for k, (name, own) in enumerate(wanted.items()):
            course = Course(name, own, trainer.prepare(own, cancelled=watch.cancelled))
            courses.append(course)
            for step in _train(course, until):
                check_waiting(watch)
                if time.monotonic() - looked > _LOOK:
                    looked = time.monotonic()
                    watch.progress((k + step / own.steps) / len(wanted))
                    watch.share(_outcome(courses, complete=False))
        return _outcome(courses, complete=until is None)


def _train(course: Course, until: int | None) -> Iterator[int]:
    """Train to the end, or to a step; yields the number of each step made."""
    state = trainer.init(course.setup)
    while not state.done:
        course.theta = state.theta
        state, info = trainer.step(course.setup, state)
        if info.row is not None:
            course.steps.append(info.step)
            course.rows.append(info.row)
            course.probs = info.probs
        yield info.step
        if until is not None and info.step >= until:
            return


def _outcome(courses: list[Course], *, complete: bool) -> Outcome:
    going = [course for course in courses if course.rows]
    numbers: dict[str, float] = {}
    for course in going:
        prefix = f"{course.name}." if course.name else ""
        numbers |= {f"{prefix}{name}": value for name, value in _numbers(course).items()}
    made = {name: build(going) for name, build in training_pictures.PICTURES.items()} if going else {}
    return Outcome(numbers, {k: v for k, v in made.items() if v is not None}, complete=complete)


def _numbers(course: Course) -> Mapping[str, float]:
    found: dict[str, float] = {"steps": float(course.steps[-1])}
    for metric in METRICS:
        curve = course.metric(metric)
        if np.isnan(curve).all():
            continue
        low, high, last = float(np.nanmin(curve)), float(np.nanmax(curve)), float(curve[-1])
        statistics = (float(curve[0]), last, low, high, last - low, high - last)
        found |= {f"{metric}.{name}": value for name, value in zip(STATISTICS, statistics, strict=True)}
    if course.setup.problem.tabulated and course.config.data_draws == 1:
        evidence = float(course.setup.problem.log_evidence)
        found["log_evidence"] = evidence
        last_row = course.rows[-1]
        gap = evidence - last_row["elbo"] - last_row["kl_posterior"]
        found["identity_error"] = float(np.abs(gap).max())
    return found
