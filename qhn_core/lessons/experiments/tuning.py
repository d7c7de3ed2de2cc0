"""Two contenders at several settings each, chosen on some draws of the data and judged on others."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.config import RunConfig
from qhn_core.lessons.course import Course, train_course
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Bars, Outcome, Watch
from qhn_core.lessons.patch import patched

Array = NDArray[np.float64]
#: What settings are chosen by, and contenders judged by: the smaller the better.
_BY = "predictive_nll_test"
_WHO = ("none", "first", "second", "both")


@EXPERIMENTS.register
class Tuning(ExperimentConfig):
    """The lead of the first of two contenders over the second: mean predictive NLL of the second minus the first's.

    Each contender has a list of settings, the first of which is how it comes. Tuned, it has the one of least mean NLL
    over ``draws`` draws of the data; the lead is measured on as many others, which no setting was chosen by.
    """

    label = "Tuning"

    name: Literal["tuning"] = "tuning"
    contenders: dict[str, list[dict[str, Any]]] = Field(
        min_length=2, max_length=2, description="Name -> its settings, each as what it changes"
    )
    draws: int = Field(20, ge=10, le=60, description="Draws of the data to choose on, and as many to judge on")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """The lead by who was tuned, with its standard error; what is left of the first's own; which settings won."""
        leads = [f"{kind}.{who}" for kind in ("lead", "error") for who in _WHO]
        return (*leads, "kept_percent", *(f"chosen.{name}" for name in self.contenders), "settings")

    def pictures(self) -> tuple[str, ...]:
        """The lead by who was tuned."""
        return ("leads",)

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Train every setting on all draws; choose on the first half of them, judge on the second."""
        scores = self._scores(config, watch)
        chosen = {name: int(np.argmin(rows[:, : self.draws].mean(axis=1))) for name, rows in scores.items()}
        judged = {name: rows[:, self.draws :] for name, rows in scores.items()}
        first, second = judged
        differences = {
            who: judged[second][chosen[second] * (who in ("second", "both"))]
            - judged[first][chosen[first] * (who in ("first", "both"))]
            for who in _WHO
        }
        leads = {who: float(row.mean()) for who, row in differences.items()}
        numbers = {
            **{f"lead.{who}": lead for who, lead in leads.items()},
            **{f"error.{who}": float(row.std(ddof=1) / np.sqrt(self.draws)) for who, row in differences.items()},
            "kept_percent": 100.0 * leads["both"] / leads["first"] if leads["first"] else float("nan"),
            **{f"chosen.{name}": 1.0 + k for name, k in chosen.items()},
            "settings": float(sum(len(rows) for rows in scores.values())),
        }
        words = ("nobody tuned", f"only {_said(first)} tuned", f"only {_said(second)} tuned", "both tuned")
        bars = Bars(
            f"Lead of {_said(first)} over {_said(second)} on {self.draws} new draws, test NLL",
            "",
            "nats per example",
            words,
            {"lead": np.array([leads[who] for who in _WHO])},
            each=("rival", first, second, "ink"),
        )
        return Outcome(numbers, {"leads": bars})

    def _scores(self, config: RunConfig, watch: Watch) -> dict[str, Array]:
        """Each contender's score, (settings, 2 draws)."""
        total, done = sum(len(settings) for settings in self.contenders.values()), 0
        change = {"replicas": 2 * self.draws, "data_draws": 2 * self.draws}
        found = {}
        for name, settings in self.contenders.items():
            rows = []
            for own in settings:
                made = patched(patched(config, change), own)
                course = Course(name, made.model_copy(update={"log_every": made.steps}))
                for step in train_course(course, watch):
                    watch.progress((done + step / made.steps) / total)
                done += 1
                rows.append(course.rows[-1][_BY])
            found[name] = np.stack(rows)
        return found


def _said(name: str) -> str:
    return name.upper() if len(name) <= 5 else name.replace("_", " ")
