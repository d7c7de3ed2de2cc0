"""One run, or several from the same start, as it trains."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from qhn_core import trainer
from qhn_core.analysis.dependence import dependence
from qhn_core.analysis.evidence import elbo
from qhn_core.baselines.mean_field import MeanField
from qhn_core.config import RunConfig
from qhn_core.errors import ConfigError, InvalidArgument
from qhn_core.kernels import walsh_hadamard
from qhn_core.lessons import training_pictures
from qhn_core.lessons.course import METRICS, Course, train_course
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Lines, Outcome, Watch
from qhn_core.lessons.patch import patched

Array = NDArray[np.float64]
#: What is told of each metric: its value at the ends, its extremes, and how far it came back from them.
STATISTICS = ("first", "last", "lowest", "highest", "rise", "fall")
_ALONE = ("log_evidence", "identity_error", "steps", "total_correlation", "largest_single", "largest_pair", "mmd2_one")
#: Of two contenders: by how much the first leads the second at the end.
_LEADS = ("lead.elbo", "lead.elbo_size", "lead.points")
#: Seconds between two looks at a run under way, and the largest share of the time that looking may take.
_LOOK, _SHARE = 0.4, 0.1


@EXPERIMENTS.register
class Training(ExperimentConfig):
    """Train the lesson's configuration, or variations of it from the same seed, and follow its metrics.

    Numbers are ``<metric>.<statistic>``; with contenders, ``<contender>.<metric>.<statistic>``. Curves are medians over
    starts; pictures of a distribution are of the start of median final loss. ``largest_single`` and ``largest_pair``
    are the largest |E_q − E_π| of one weight ±1, and of a product of two, for that start; ``mmd2_one`` is the MMD² to
    the prior of a q on one network (the all-minus one). ``floor`` is the least KL(q‖posterior) of a product
    distribution that coordinate ascent finds.
    """

    label = "Training"

    name: Literal["training"] = "training"
    contenders: dict[str, dict[str, Any]] = Field(
        default_factory=dict, max_length=4, description="Name -> what differs from the configuration"
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="Contender -> what it is called in pictures; without it, by its name"
    )
    axes: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="Picture of curves -> bottom and top of its y axis, which then stands still while a run waits",
    )
    floor: int = Field(
        0, ge=0, le=200, description="Starts of a search for the product distribution nearest to the posterior; 0: none"
    )

    @field_validator("contenders")
    @classmethod
    def _named(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        bad = [name for name in value if not name.isidentifier() or name != name.lower()]
        if bad:
            raise InvalidArgument("contenders", expected="names of small letters, digits and _", got=bad[0])
        return value

    @model_validator(mode="after")
    def _names_known(self) -> Training:
        for field, given, known in (
            ("labels", self.labels, tuple(self.contenders)),
            ("axes", self.axes, self.pictures()),
        ):
            if odd := [name for name in given if name not in known]:
                raise InvalidArgument(field, expected=f"names among {', '.join(known) or 'none'}", got=odd[0])
        return self

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """``<metric>.<statistic>`` and those that stand alone, for each contender."""
        each = [f"{m}.{s}" for m in METRICS for s in STATISTICS] + list(_ALONE)
        named = [f"{name}.{value}" for name in self.contenders for value in each]
        alone = (*(_LEADS if len(self.contenders) > 1 else ()), *(("floor",) if self.floor else ()))
        return (*(named or each), *alone)

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
        next_look = time.monotonic() + _LOOK
        for k, (name, own) in enumerate(wanted.items()):
            course = Course(name, own, label=self.labels.get(name, name))
            courses.append(course)
            for step in train_course(course, watch, until=until):
                began = time.monotonic()
                if began > next_look:
                    watch.progress((k + step / own.steps) / len(wanted))
                    watch.share(self._outcome(courses, complete=False))
                    next_look = began + max(_LOOK, (time.monotonic() - began) / _SHARE)
        found = self._outcome(courses, complete=until is None)
        return replace(found, handed=tuple(run for course in courses if (run := course.handed()) is not None))

    def _outcome(self, courses: list[Course], *, complete: bool) -> Outcome:
        going = [course for course in courses if course.rows]
        numbers: dict[str, float] = {}
        for course in going:
            prefix = f"{course.name}." if course.name else ""
            numbers |= {f"{prefix}{name}": value for name, value in _numbers(course).items()}
        if len(going) > 1:
            numbers |= _leads(*going[:2])
        built = {name: build(going) for name, build in training_pictures.PICTURES.items()} if going else {}
        made = {name: picture for name, picture in built.items() if picture is not None}
        for name, ends in self.axes.items():
            if isinstance(picture := made.get(name), Lines):
                made[name] = replace(picture, y_range=ends)
        if complete and self.floor and going[0].setup.problem.table is not None and going[0].config.data_draws == 1:
            numbers["floor"] = _floor(going[0].config.to_json(), self.floor)
            if isinstance(picture := made.get("distance"), Lines):
                made["distance"] = replace(picture, levels={"best product found": numbers["floor"]})
        return Outcome(numbers, made, complete=complete)


@lru_cache(maxsize=8)
def _floor(config: str, starts: int) -> float:
    """The least KL(q‖posterior) of a product distribution q, nats, that coordinate ascent finds from so many starts."""
    problem = trainer.prepare(RunConfig.from_json(config)).problem
    found = MeanField(starts=starts).fit(problem)
    assert found.probs is not None  # noqa: S101 -- a problem with a table
    return float(problem.log_evidence - elbo(found.probs, problem).max())


def _leads(one: Course, other: Course) -> dict[str, float]:
    """By how much the first is ahead: ELBO in nats, test accuracy in points of a hundred."""
    elbo = float(one.metric("elbo")[-1] - other.metric("elbo")[-1])
    accuracy = float(one.metric("accuracy_test")[-1] - other.metric("accuracy_test")[-1])
    return dict(zip(_LEADS, (elbo, abs(elbo), 100.0 * accuracy), strict=True))


def _numbers(course: Course) -> Mapping[str, float]:
    found: dict[str, float] = {"steps": float(course.steps[-1])}
    for metric in METRICS:
        curve = course.metric(metric)
        if np.isnan(curve).all():
            continue
        low, high, last = float(np.nanmin(curve)), float(np.nanmax(curve)), float(curve[-1])
        statistics = (float(curve[0]), last, low, high, last - low, high - last)
        found |= {f"{metric}.{name}": value for name, value in zip(STATISTICS, statistics, strict=True)}
    if course.setup.problem.table is not None and course.config.data_draws == 1:
        evidence = float(course.setup.problem.log_evidence)
        found["log_evidence"] = evidence
        last_row = course.rows[-1]
        if course.probs is not None:
            q = course.probs[course.middle()]
            found["total_correlation"] = float(dependence(q).total_correlation)
            found |= _seen_by_orders(q, course)
        gap = evidence - last_row["elbo"] - last_row["kl_posterior"]
        found["identity_error"] = float(np.abs(gap).max())
    return found


def _seen_by_orders(q: Array, course: Course) -> dict[str, float]:
    """How far single weights and pairs of them are from the prior, and the MMD² of a single network beside it."""
    prior = np.exp(course.setup.problem.log_prior)
    apart = np.abs(walsh_hadamard(q - prior))
    order = np.bitwise_count(np.arange(q.size))
    one = np.zeros(q.size)
    one[0] = 1.0
    return {
        "largest_single": float(apart[order == 1].max()),
        "largest_pair": float(apart[order == 2].max()) if q.size > 2 else float("nan"),
        "mmd2_one": float(np.ravel(course.setup.metrics.kernel.mmd2(one, prior))[0]),
    }
