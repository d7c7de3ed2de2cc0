"""What a lesson is: its front matter as a checked model, and the words of each of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializeAsAny, ValidationError, field_validator, model_validator

from qhn_core.config import RunConfig
from qhn_core.errors import ConfigError, InvalidArgument, QHNError
from qhn_core.lessons.conditions import Condition, all_hold
from qhn_core.lessons.experiments import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.patch import merged, patched, set_path
from qhn_core.lessons.questions import Choice, Curve, Name, Question
from qhn_core.lessons.words import Line, places
from qhn_core.registry import KnownFields, invalid_options

#: Most numbers of steps and of training steps: what a class can wait for.
MOST_STEPS, LONGEST_RUN = 14, 5_000

Setting = bool | int | float | str


class _Part(KnownFields):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Expectation(_Part):
    """Something that should be seen, and by which numbers the run shows it."""

    text: Line = Field(description="What should be seen")
    when: tuple[Condition, ...] = Field(min_length=1, max_length=6, description="It was seen if all of these hold")

    def holds(self, numbers: Mapping[str, float]) -> bool:
        """Whether it happened."""
        return all_hold(self.when, numbers)

    def known(self, numbers: Mapping[str, float]) -> bool:
        """Whether the run has got far enough to tell."""
        return all(name in numbers for condition in self.when for name in condition.names())


class Control(_Part):
    """One setting that a step lets people change."""

    set: str = Field(
        pattern=r"^[a-z_]+(\.[a-z_]+){0,3}$",
        description="A field of the configuration (objective.beta), or of the experiment (experiment.angle)",
    )
    label: Line = Field(description="What it is called")
    help: Line | None = Field(None, description="What it does to what one sees")
    choices: tuple[Setting, ...] = Field((), max_length=8, description="What it can be, the first to begin with")
    low: float | None = Field(None, description="Smallest value of a slider")
    high: float | None = Field(None, description="Largest")
    step: float = Field(0.1, gt=0, description="Smallest change")
    start: float | None = Field(None, description="Where a slider begins; without it, in the middle")

    @model_validator(mode="after")
    def _one_form(self) -> Control:
        slider = self.low is not None and self.high is not None
        if slider == bool(self.choices):
            raise InvalidArgument("choices", expected="either choices, or low and high", got=self.set)
        if slider and not self.low < self.high:  # type: ignore[operator]
            raise InvalidArgument("low", expected="less than high", got=self.low)
        if slider and self.start is not None and not self.low <= self.start <= self.high:  # type: ignore[operator]
            raise InvalidArgument("start", expected="between low and high", got=self.start)
        return self

    def first(self) -> Setting:
        """Where it begins."""
        if self.choices:
            return self.choices[0]
        low, high = (float(value) for value in self.extremes())
        return self.start if self.start is not None else (low + high) / 2

    def extremes(self) -> tuple[Setting, ...]:
        """Values that show whether all of its values can be used."""
        return self.choices or (self.low, self.high)  # type: ignore[return-value]


class Challenge(_Part):
    """Something to reach by turning the controls."""

    text: Line = Field(description="What to find")
    when: tuple[Condition, ...] = Field(min_length=1, max_length=6, description="It is reached if all of these hold")


class Step(_Part):
    """One screen."""

    id: Name = Field(description="Short name; its words stand under a heading of this name")
    title: Line = Field(description="Heading of the screen")
    show: tuple[str, ...] = Field((), max_length=2, description="Pictures of the experiment")
    until: int | None = Field(None, ge=1, description="Training step at which the run waits for the prediction")
    experiment: SerializeAsAny[ExperimentConfig] | None = Field(None, description="In place of the lesson's")
    configuration: dict[str, Any] = Field(default_factory=dict, description="What differs from the lesson's")
    question: Question | None = Field(None, description="Asked before the run goes on")
    hides: bool = Field(True, description="Whether pictures wait for the answer, where no step ends the wait")
    hint: Line | None = Field(None, description="Shown to who asks for it")
    expect: tuple[Expectation, ...] = Field((), max_length=4, description="What should be seen")
    controls: tuple[Control, ...] = Field((), max_length=3, description="What can be changed")
    challenge: Challenge | None = Field(None, description="Something to reach with the controls")

    @field_validator("experiment", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        return None if value is None else EXPERIMENTS.parse(value)

    @model_validator(mode="after")
    def _whole(self) -> Step:
        if self.until is not None and self.question is None:
            raise InvalidArgument("until", expected="a question beside it, which ends the wait", got=self.until)
        if self.challenge is not None and not self.controls:
            raise InvalidArgument("challenge", expected="controls to reach it with", got="none")
        return self


class Lesson(_Part):
    """A lesson. ``words`` holds, for each step, what is said before its question is answered, and after."""

    schema_version: Literal[1] = Field(1, description="Version of this format")
    number: int = Field(ge=0, le=999, description="Its place among the lessons")
    title: Line = Field(description="Its title")
    question: Line = Field(description="The question that it opens with")
    minutes: int = Field(ge=1, le=60, description="How long it takes")
    goals: tuple[Line, ...] = Field(min_length=1, max_length=4, description="What one can do afterwards")
    sentence: Line = Field(description="What one could now defend")
    story: bool = Field(False, description="Told by a lecturer: one picture, one sentence, one key a screen")
    configuration: dict[str, Any] = Field(default_factory=dict, description="The run; what is left out has its default")
    experiment: SerializeAsAny[ExperimentConfig] = Field(description="What is run in place")
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS, description="The screens, in order")
    id: Name = Field(description="From the file's name")
    words: dict[str, tuple[str, str]] = Field(repr=False, description="Step -> words before and after the reveal")

    @field_validator("experiment", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        return EXPERIMENTS.parse(value)

    @field_validator("steps")
    @classmethod
    def _distinct(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        ids = [step.id for step in steps]
        if doubled := sorted({i for i in ids if ids.count(i) > 1}):
            raise InvalidArgument("steps", expected="ids that differ", got=", ".join(doubled))
        return steps

    def step(self, step_id: str) -> Step:
        """A step by its id."""
        found = [step for step in self.steps if step.id == step_id]
        if not found:
            raise InvalidArgument("step", expected=f"one of {', '.join(s.id for s in self.steps)}", got=step_id)
        return found[0]

    def prepared(self, step: Step, settings: Mapping[str, Setting] | None = None) -> tuple[ExperimentConfig, RunConfig]:
        """The experiment and the configuration of a step, its controls at ``settings`` (by :attr:`Control.set`)."""
        change: dict[str, Any] = {}
        options: dict[str, Any] = {}
        for control in step.controls:
            value = (settings or {}).get(control.set, control.first())
            room, _, path = control.set.partition(".")
            if room == "experiment":
                options[path] = value
            else:
                change = set_path(change, control.set, value)
        experiment = step.experiment or self.experiment
        if options:
            experiment = EXPERIMENTS.parse({**experiment.model_dump(), **options})
        base = merged(merged(RunConfig().to_dict(), self.configuration), step.configuration)
        return experiment, patched(RunConfig.parse(base), change)

    def problems(self) -> Iterator[tuple[str, str]]:
        """(path, what is wrong) for everything that no field shows by itself."""
        try:
            config = RunConfig.parse(merged(RunConfig().to_dict(), self.configuration))
        except ConfigError as error:
            yield from ((f"configuration.{path}".rstrip("."), what) for path, what in error.problems)
            return
        if config.steps > LONGEST_RUN:
            yield "configuration.steps", f"expected at most {LONGEST_RUN}, got {config.steps}: a class waits for it"
        for k, step in enumerate(self.steps):
            yield from ((f"steps.{k}{'.' if path else ''}{path}", what) for path, what in self._step_problems(step))

    def _step_problems(self, step: Step) -> Iterator[tuple[str, str]]:
        try:
            self.prepared(step.model_copy(update={"controls": ()}))
        except (QHNError, ValidationError) as error:
            yield "configuration", _words_of(error)
            return
        wrong = list(self._control_problems(step))
        yield from wrong
        if wrong:
            return
        experiment, config = self.prepared(step)
        pictures = experiment.pictures()
        for name in step.show:
            if name not in pictures:
                yield "show", f"expected pictures of the experiment ({', '.join(pictures)}), got '{name}'"
        if isinstance(step.question, Curve) and step.question.picture not in pictures:
            yield "question.picture", f"expected one of {', '.join(pictures)}, got '{step.question.picture}'"
        if step.until is not None and step.until >= config.steps:
            yield "until", f"expected less than the run's {config.steps} steps, got {step.until}"
        known = set(experiment.values(config))
        for path, name in self._read(step):
            if name not in known:
                yield (
                    path,
                    f"the experiment '{experiment.name}' gives no number '{name}'; it gives {_some(known, name)}",
                )

    def _control_problems(self, step: Step) -> Iterator[tuple[str, str]]:
        for k, control in enumerate(step.controls):
            for value in control.extremes():
                try:
                    self.prepared(step.model_copy(update={"controls": (control,)}), {control.set: value})
                except (QHNError, ValidationError) as error:
                    yield f"controls.{k}", f"{control.set} = {value!r} cannot be used: {_words_of(error)}"
                    return
        yield from self._clashes(step)

    def _clashes(self, step: Step) -> Iterator[tuple[str, str]]:
        """Values of several controls that cannot be used together, the first of them."""
        for values in product(*(control.extremes() for control in step.controls)):
            settings = {control.set: value for control, value in zip(step.controls, values, strict=True)}
            try:
                self.prepared(step, settings)
            except (QHNError, ValidationError) as error:
                told = " with ".join(f"{name} = {value!r}" for name, value in settings.items())
                why = f"{_words_of(error)} Offer fewer choices, or one control less."
                yield "controls", f"{told} cannot be used together: {why}"
                return

    def _read(self, step: Step) -> Iterator[tuple[str, str]]:
        """(path, name) of every number that a step reads."""
        for k, expected in enumerate(step.expect):
            for condition in expected.when:
                yield from ((f"expect.{k}.when", name) for name in condition.names())
            yield from ((f"expect.{k}.text", name) for name in places(expected.text))
        for condition in step.challenge.when if step.challenge else ():
            yield from (("challenge.when", name) for name in condition.names())
        if step.question is not None:
            yield from (("question", name) for name in step.question.names())
            if isinstance(step.question, Choice):
                for option in step.question.options:
                    yield from (("question.options", name) for name in places(f"{option.text} {option.why or ''}"))
        for text in self.words.get(step.id, ()):
            yield from (("", name) for name in places(text))


def _words_of(error: QHNError | ValidationError) -> str:
    return str(invalid_options(error) if isinstance(error, ValidationError) else error)


def _some(known: set[str], name: str) -> str:
    """A few of the names there are, those most like ``name`` first."""
    from difflib import get_close_matches

    near = get_close_matches(name, sorted(known), n=4, cutoff=0.3) or sorted(known)[:4]
    return ", ".join(near) + (", …" if len(known) > len(near) else "")
