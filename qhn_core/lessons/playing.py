"""A lesson from end to end without anybody watching: does what it says should be seen happen?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from qhn_core.config import RunConfig
from qhn_core.lessons.experiments import ExperimentConfig
from qhn_core.lessons.lesson import Lesson, Step
from qhn_core.lessons.outcome import Outcome, Unwatched
from qhn_core.lessons.questions import Choice, Curve
from qhn_core.lessons.words import fill


@dataclass(frozen=True)
class Played:
    """One step, run to its end.

    Args:
        outcome: what its experiment found.
        seen, missed: texts of the expectations that held, and of those that did not, and questions without an answer.
        seconds: how long the experiment took; 0 where it was that of an earlier step.
    """

    outcome: Outcome
    seen: tuple[str, ...]
    missed: tuple[str, ...]
    seconds: float

    @property
    def expected(self) -> int:
        """How many things should be seen."""
        return len(self.seen) + len(self.missed)


def play(lesson: Lesson) -> Iterator[tuple[Step, Played]]:
    """Run every step's experiment with its controls as they begin; equal ones once."""
    known: dict[tuple[str, str], Outcome] = {}
    for step in lesson.steps:
        experiment, config = lesson.prepared(step)
        key = key_of(experiment, config)
        began = time.monotonic()
        if key not in known:
            known[key] = experiment.measure(config, until=None, watch=Unwatched())
            seconds = time.monotonic() - began
        else:
            seconds = 0.0
        outcome = known[key]
        seen = [fill(e.text, outcome.numbers) for e in step.expect if e.holds(outcome.numbers)]
        missed = [fill(e.text, outcome.numbers) for e in step.expect if not e.holds(outcome.numbers)]
        yield step, Played(outcome, tuple(seen), (*missed, *_undecided(step, outcome)), seconds)


def key_of(experiment: ExperimentConfig, config: RunConfig) -> tuple[str, str]:
    """Equal for experiments that find the same."""
    return experiment.model_dump_json(), config.to_json()


def _undecided(step: Step, outcome: Outcome) -> list[str]:
    """What is wrong with a question once its experiment has run."""
    question = step.question
    if question is None:
        return []
    if isinstance(question, Choice):
        right = [option for option in question.options if option.right(outcome.numbers)]
        return [] if right else [f"no option of the question is right: {question.prompt}"]
    if isinstance(question, Curve):
        truth = question.truth(outcome)
        return [] if truth is not None else [f"the curve '{question.series}' is not there to be drawn on"]
    unknown = [name for name in question.names() if name not in outcome.numbers]
    return [f"the question reads '{name}', which the run does not give" for name in unknown]
