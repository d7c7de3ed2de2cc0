"""A race on few draws of the data, on others, and on many: what is left of a small p-value."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.analysis.statistics import holm, sign_flip_p_value
from qhn_core.baselines import BASELINES
from qhn_core.config import RunConfig
from qhn_core.errors import InvalidArgument
from qhn_core.lessons.course import Course, train_course
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Bars, Lines, Outcome, Picture, Series, Watch
from qhn_core.lessons.patch import patched
from qhn_core.objectives import OBJECTIVES
from qhn_core.studies.rivals import score_rivals

Array = NDArray[np.float64]
#: What is compared of each two contenders.
COMPARED = ("accuracy_test", "predictive_nll_test", "nll_test", "accuracy_train")
_SHORT = {"accuracy_test": "acc", "predictive_nll_test": "NLL", "nll_test": "E NLL", "accuracy_train": "train"}
#: Below this a p is called small.
LEVEL = {"p": 0.05}
RIVALS = ("mean_field", "logistic_regression", "exact_bayes")


@EXPERIMENTS.register
class Race(ExperimentConfig):
    """Contenders on the same draws of the data, one start each; paired comparisons of four metrics.

    ``first`` draws, then as many others, then all. Of few draws the paired t-test's p is read as many would read it,
    without correction; of all of them the sign-flip test's, corrected after Holm.
    """

    label = "Race"

    name: Literal["race"] = "race"
    contenders: dict[str, dict[str, Any]] = Field(min_length=2, max_length=4, description="Name -> what it changes")
    draws: int = Field(20, ge=10, le=60, description="Draws of the data in all")
    first: int = Field(5, ge=4, le=10, description="Draws of the first race, and of the second")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """p-values, means, and how likely a false discovery is."""
        names = (*self.contenders, *RIVALS)
        means = [f"{name}.{metric}" for name in names for metric in ("accuracy_test", "predictive_nll_test")]
        return (
            "comparisons",
            "chance",
            "chance_percent",
            "spread.points",
            "first.smallest",
            "first.below",
            "again.same",
            "again.below",
            "all.smallest",
            "all.same",
            "all.below",
            "best_gain",
            *means,
        )

    def pictures(self) -> tuple[str, ...]:
        """What many looks find by chance; p of every comparison in both races; scores of contenders and rivals."""
        return ("chance", "p", "corrected", "scores")

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Train all contenders on all draws, then look at few, at others, and at all."""
        if 2 * self.first > self.draws:
            raise InvalidArgument("first", expected=f"at most half of the {self.draws} draws", got=self.first)
        courses = self._train(config, watch)
        final = {course.name: course.rows[-1] for course in courses}
        pairs = [(a, b, metric) for a, b in combinations(final, 2) for metric in COMPARED]
        differences = np.stack([final[b][metric] - final[a][metric] for a, b, metric in pairs])
        first, again = differences[:, : self.first], differences[:, self.first : 2 * self.first]
        p_first, p_again = _t_test(first), _t_test(again)
        p_all = np.array(holm([sign_flip_p_value(row) for row in differences]))
        best = int(np.argmin(p_first))
        problem = courses[0].setup
        rivals = {
            score.name: score.row
            for score in score_rivals(RIVALS, problem.problem, problem.metrics, replicas=self.draws)
        }
        scores = {name: _means(row) for name, row in {**final, **rivals}.items()}
        names = [f"{_said(a)}/{_said(b)} {_SHORT[m]}" for a, b, m in pairs]
        numbers = {
            "comparisons": float(len(pairs)),
            "chance": 1.0 - 0.95 ** len(pairs),
            "chance_percent": 100.0 * (1.0 - 0.95 ** len(pairs)),
            "spread.points": 100.0 * float(np.ptp([scores[name]["accuracy_test"] for name in final])),
            "first.smallest": float(p_first.min()),
            "first.below": float((p_first < 0.05).sum()),
            "again.same": float(p_again[best]),
            "again.below": float((p_again < 0.05).sum()),
            "all.smallest": float(p_all.min()),
            "all.same": float(p_all[best]),
            "all.below": float((p_all < 0.05).sum()),
            "best_gain": float(differences[best].mean()),
            **{f"{name}.{metric}": value for name, row in scores.items() for metric, value in row.items()},
        }
        return Outcome(numbers, self._pictures(names, p_first, p_again, p_all, scores))

    def _train(self, config: RunConfig, watch: Watch) -> list[Course]:
        """Each contender, one start a draw of the data."""
        courses = []
        change = {"replicas": self.draws, "data_draws": self.draws, "log_every": config.steps}
        for k, (name, own) in enumerate(self.contenders.items()):
            course = Course(name, patched(patched(config, change), own))
            courses.append(course)
            for step in train_course(course, watch):
                watch.progress((k + step / config.steps) / len(self.contenders))
        return courses

    def _pictures(
        self, names: list[str], first: Array, again: Array, every: Array, scores: dict[str, dict[str, float]]
    ) -> dict[str, Picture]:
        p = Bars(
            "p of each comparison, uncorrected",
            "",
            "p",
            names,
            {f"first {self.first} draws": first, f"{self.first} other draws": again},
            ("mle", "rival"),
            levels=LEVEL,
        )
        title = f"All {self.draws} draws, corrected after Holm"
        corrected = Bars(title, "", "p", names, {"p": every}, ("ink",), levels=LEVEL)
        accuracy = np.array([row["accuracy_test"] for row in scores.values()])
        labels = [_said(name) for name in scores]
        each = [name if name in self.contenders else "ink" if name == "exact_bayes" else "rival" for name in scores]
        title = f"Test accuracy, mean over {self.draws} draws"
        bars = Bars(title, "", "share correct", labels, {"mean": accuracy}, each=each)
        return {"chance": _chance(len(names)), "p": p, "corrected": corrected, "scores": bars}


def _chance(comparisons: int) -> Lines:
    """How likely k independent looks at nothing find a p below .05 somewhere: 1 − .95^k."""
    looks = np.arange(1.0, 2.0 * comparisons + 1.0)
    curve = Series("at least one p below .05", looks, 1.0 - 0.95**looks, "ink")
    at = [comparisons - 1]
    here = Series(f"{comparisons} comparisons", looks[at], curve.y[at], "mle", marked=True)
    return Lines(
        "Chance of a find where there is nothing", "comparisons", "probability", [curve, here], y_range=(0.0, 1.0)
    )


def _said(name: str) -> str:
    """A contender as the field writes it, a rival in words."""
    if name in OBJECTIVES.names():
        return name.upper()
    return BASELINES[name].label if name in BASELINES.names() else name.replace("_", " ")


def _means(row: dict[str, Array]) -> dict[str, float]:
    return {metric: float(np.nanmean(row[metric])) for metric in ("accuracy_test", "predictive_nll_test")}


def _t_test(differences: Array) -> Array:
    """Two-sided p of Student's paired test for each row, (K, n) -> (K,); 1 where all differences are zero."""
    from scipy.stats import t

    n = differences.shape[1]
    error = differences.std(axis=1, ddof=1) / np.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 2.0 * t.sf(np.abs(differences.mean(axis=1) / error), n - 1)
    return np.where(error > 0, found, 1.0)
