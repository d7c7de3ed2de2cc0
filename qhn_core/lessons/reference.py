"""Everything that a lesson's file may say, from the models that check it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from qhn_core.config import RunConfig
from qhn_core.lessons.conditions import Condition
from qhn_core.lessons.experiments import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.files import library
from qhn_core.lessons.lesson import Challenge, Control, Expectation, Lesson, Step
from qhn_core.lessons.questions import Choice, Curve, Item, Number, Option, Ranking

_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The front matter", Lesson),
    ("A step (steps)", Step),
    ("A question of the kind choice", Choice),
    ("An option of a choice (options)", Option),
    ("A question of the kind number", Number),
    ("A question of the kind curve", Curve),
    ("A question of the kind ranking", Ranking),
    ("An item of a ranking (items)", Item),
    ("A condition (when)", Condition),
    ("What should be seen (expect)", Expectation),
    ("A control (controls)", Control),
    ("A challenge (challenge)", Challenge),
)


def reference() -> str:
    """All fields with what they mean, then all experiments with their options, numbers and pictures, as Markdown."""
    parts = [f"## {title}\n\n" + "\n".join(_fields(model)) for title, model in _PARTS]
    return "\n\n".join([*parts, "## Experiments", *_experiments()]) + "\n"


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if model is Lesson and name in ("id", "words"):
            continue
        kind = f"{name}: {choices[0]}" if name == "kind" and (choices := get_args(field.annotation)) else name
        need = "" if not field.is_required() else " (needed)"
        yield f"- `{kind}`{need}: {field.description or 'which kind it is'}"


def _experiments() -> Iterator[str]:
    used = _used()
    for name in EXPERIMENTS.names():
        model = EXPERIMENTS[name]
        lines = [f"### {name}\n", " ".join((model.__doc__ or "").strip().split("\n\n")[0].split()), ""]
        lines += [
            f"- option `{option}`: {field.description}"
            for option, field in model.model_fields.items()
            if option != "name"
        ]
        if name in used:
            lesson, (experiment, config) = used[name]
            lines.append(f"- pictures (`show`): {', '.join(experiment.pictures())}")
            lines.append(f"- numbers, as in {lesson}: {', '.join(experiment.values(config))}")
        yield "\n".join(lines)


def _used() -> dict[str, tuple[str, tuple[ExperimentConfig, RunConfig]]]:
    """Experiment -> the first lesson that has it, by its name, and how it has it."""
    found: dict[str, tuple[str, tuple[ExperimentConfig, RunConfig]]] = {}
    for lesson in library()[0]:
        for step in lesson.steps:
            prepared = lesson.prepared(step)
            found.setdefault(prepared[0].name, (lesson.id, prepared))
    return found
