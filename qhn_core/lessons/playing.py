"""A lesson from end to end without anybody watching: does what it says should be seen happen?

Its challenges too: is there an offered setting that meets each, and does the untouched one leave it to be found?
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from pydantic import ValidationError

from qhn_core.config import RunConfig
from qhn_core.errors import Cancelled, QHNError
from qhn_core.lessons.conditions import all_hold
from qhn_core.lessons.experiments import ExperimentConfig
from qhn_core.lessons.lesson import Control, Lesson, Setting, Step
from qhn_core.lessons.outcome import Outcome, Unwatched
from qhn_core.lessons.questions import Choice, Curve
from qhn_core.lessons.words import fill

#: Most settings that are tried for a challenge, most values of one slider among them, and seconds of the processor's
#: two cores that one may take. (By the clock a busy machine would give up what a class can wait for.)
MOST_TRIED, MOST_VALUES, LONGEST = 120, 61, 2 * 10.0


@dataclass(frozen=True)
class Tried:
    """What became of a challenge.

    Args:
        met: the first setting found that meets it, by :attr:`Control.set`; None where none of those tried does.
        tried, offered: how many settings were tried, and how many there are.
        slow: how many of those tried took too long and were given up.
        wrong: what is wrong: that nothing meets it, that the untouched setting does, settings that cannot be used.
    """

    met: Mapping[str, Setting] | None
    tried: int
    offered: int
    slow: int
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Played:
    """One step, run to its end.

    Args:
        outcome: what its experiment found.
        seen, missed: texts of the expectations that held, and of those that did not, and questions without an answer.
        seconds: how long the experiment took; 0 where it was that of an earlier step.
        challenge: what became of its challenge; None where it has none.
    """

    outcome: Outcome
    seen: tuple[str, ...]
    missed: tuple[str, ...]
    seconds: float
    challenge: Tried | None = None

    @property
    def expected(self) -> int:
        """How many things should be seen."""
        return len(self.seen) + len(self.missed)

    @property
    def wrong(self) -> tuple[str, ...]:
        """Everything that is not as the lesson says."""
        return (*(f"not seen: {text}" for text in self.missed), *(self.challenge.wrong if self.challenge else ()))


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
        missed += _undecided(step, outcome)
        yield step, Played(outcome, tuple(seen), tuple(missed), seconds, _challenge(lesson, step, outcome))


def key_of(experiment: ExperimentConfig, config: RunConfig) -> tuple[str, str]:
    """Equal for experiments that find the same."""
    return experiment.model_dump_json(), config.to_json()


def _challenge(lesson: Lesson, step: Step, untouched: Outcome) -> Tried | None:
    """Go over the offered settings, those near the untouched one first, until one meets the step's challenge."""
    if step.challenge is None:
        return None
    when, sentence = step.challenge.when, step.challenge.text
    settings = offered(step)
    slow, wrong = 0, []
    if all_hold(when, untouched.numbers):
        wrong.append(f"the untouched setting meets the challenge already: {sentence}")
    for count, setting in enumerate(settings[1 : MOST_TRIED + 1], start=1):
        try:
            experiment, config = lesson.prepared(step, setting)
            found = experiment.measure(config, until=None, watch=_Patient(LONGEST))
        except Cancelled:
            slow += 1
        except (QHNError, ValidationError) as error:
            wrong.append(f"the offered setting {said(setting)} cannot be used: {error}")
        else:
            if all_hold(when, found.numbers):
                return Tried(setting, count, len(settings) - 1, slow, tuple(wrong))
    count = min(len(settings) - 1, MOST_TRIED)
    given_up = f", {slow} of them given up as too slow" if slow else ""
    wrong.append(f"no offered setting meets the challenge ({count} of {len(settings) - 1} tried{given_up}): {sentence}")
    return Tried(None, count, len(settings) - 1, slow, tuple(wrong))


def offered(step: Step) -> list[dict[str, Setting]]:
    """What a step's controls can be set to together, the untouched setting first, then by how many differ from it.

    Of sliders as many values, evenly over their range, as keep the whole within :data:`MOST_TRIED`.
    """
    first = {control.set: _rounded(control.first()) for control in step.controls}
    for most in range(MOST_VALUES, 2, -1):
        values = [_values(control, most) for control in step.controls]
        if np.prod([len(each) for each in values]) <= MOST_TRIED:
            break
    found = [dict(zip(first, chosen, strict=True)) for chosen in product(*values)]
    rest = [setting for setting in found if setting != first]
    return [first, *sorted(rest, key=lambda setting: sum(setting[name] != value for name, value in first.items()))]


def _values(control: Control, most: int) -> list[Setting]:
    if control.choices:
        return list(control.choices)
    low, high = (float(value) for value in control.extremes())
    places = np.arange(round((high - low) / control.step) + 1)
    kept = np.unique(np.linspace(0, places[-1], min(most, len(places))).round().astype(int))
    return [_rounded(low + float(k) * control.step) for k in kept]


def _rounded(value: Setting) -> Setting:
    """Without the rounding errors of steps, by which equal settings would differ."""
    return round(value, 9) if isinstance(value, float) else value


def said(setting: Mapping[str, Setting]) -> str:
    """A setting in words."""
    return ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}" for name, value in setting.items()
    )


class _Patient(Unwatched):
    """Waits so many seconds of the processor's time."""

    def __init__(self, seconds: float) -> None:
        self._until = time.process_time() + seconds

    def cancelled(self) -> bool:
        """Whether they are over."""
        return time.process_time() > self._until


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
