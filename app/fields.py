"""What a configuration's fields look like to a form: read off the config models, no framework."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Kind = Literal["choice", "bool", "int", "float", "text", "numbers", "number or numbers", "texts", "schedule"]

#: Names that a field's own name does not spell well.
LABELS: Final[dict[str, str]] = {
    "alpha": "α",
    "batch": "Examples a step",
    "beta1": "β₁",
    "beta2": "β₂",
    "clip": "Clip gradient",
    "data_draws": "Draws of the data",
    "dtype": "Precision",
    "eps": "ε",
    "gamma": "γ",
    "hadamard": "Hadamards first",
    "init": "Initial angles",
    "label_noise_test": "Noise in test labels too",
    "layers": "Layers",
    "log_every": "Log every",
    "lr": "Learning rate",
    "n_test": "Test examples",
    "noise_1q": "Noise of one-qubit gates",
    "noise_2q": "Noise of two-qubit gates",
    "n_train": "Training examples",
    "replicas": "Starts (replicas)",
    "rho": "ρ",
    "scale": "Spread of initial angles",
}
#: Fields folded away: what a first visitor need not see.
ADVANCED: Final[frozenset[str]] = frozenset(
    (
        *("n_test", "label_noise_test", "seed", "log_every", "data_draws", "batch"),
        *("alphabet", "bias", "output_scale", "scale"),
        *("clip", "early_stop", "beta1", "beta2", "alpha", "eps", "momentum", "centered", "nesterov"),
        *("gradient", "account", "timeout", "attempts", "pause"),
        *("max_iter", "max_eval", "history_size", "tolerance_grad", "tolerance_change"),
    )
)


@dataclass(frozen=True)
class Spec:
    """One field.

    Args:
        name, label, help: as the model and the form name it.
        kind: which widget it needs.
        default: the model's default, or None where it has none.
        low, high: bounds, or None.
        low_open, high_open: whether the bound itself is refused.
        choices: for ``choice``; words in place of numbers for ``number or numbers``; the kinds of schedule (model
            classes) for ``schedule``.
        optional: whether None ("off") is a value.
        whole: whether numbers are integers.
        length: for ``numbers`` of a fixed count.
        longest: most letters of a ``text``, or None.
        advanced: whether a form folds it away.
    """

    name: str
    label: str
    help: str
    kind: Kind
    default: Any = None
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    choices: tuple[Any, ...] = field(default=())
    optional: bool = False
    whole: bool = False
    length: int | None = None
    longest: int | None = None
    advanced: bool = False


def specs(model: type[BaseModel]) -> tuple[Spec, ...]:
    """The model's fields in their order, without its name, those that leave nothing to choose, and open mappings.

    (A device's further options are for configuration files: a form keeps them as they are.)
    """
    return _specs(model)  # type: ignore[arg-type]


@cache
def _specs(model: type[BaseModel]) -> tuple[Spec, ...]:
    found = [
        describe(name, info)
        for name, info in model.model_fields.items()
        if name not in ("name", "kind") and get_origin(info.annotation) is not dict
    ]
    return tuple(spec for spec in found if not (spec.kind == "choice" and len(spec.choices) == 1))


def describe(name: str, info: FieldInfo) -> Spec:
    """The :class:`Spec` of one field of a model."""
    annotation, optional = _without_none(info.annotation)
    default = None if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
    bounds = _bounds(info.metadata)
    kind, extra = _kind(annotation)
    if kind == "text":
        extra |= {"longest": next((m.max_length for m in info.metadata if hasattr(m, "max_length")), None)}
    return Spec(
        name=name,
        label=info.title or LABELS.get(name, name.replace("_", " ").capitalize()),
        help=info.description or "",
        kind=kind,
        default=default,
        optional=optional,
        advanced=name in ADVANCED,
        **bounds,
        **extra,
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [arg for arg in get_args(annotation) if arg is not type(None)]
        if len(rest) < len(get_args(annotation)):
            return (rest[0] if len(rest) == 1 else Union[tuple(rest)]), True  # noqa: UP007
    return annotation, False


def _bounds(metadata: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in metadata:
        for attribute, side, is_open in (
            ("ge", "low", False),
            ("gt", "low", True),
            ("le", "high", False),
            ("lt", "high", True),
        ):
            value = getattr(item, attribute, None)
            if value is not None:
                found |= {side: value, f"{side}_open": is_open}
    return found


def _kind(annotation: Any) -> tuple[Kind, dict[str, Any]]:
    origin = get_origin(annotation)
    schedules = _models(annotation)
    if schedules:
        return "schedule", {"choices": schedules}
    if origin is Literal:
        return "choice", {"choices": get_args(annotation)}
    if annotation is bool:
        return "bool", {}
    if annotation is int:
        return "int", {"whole": True}
    if annotation is float:
        return "float", {}
    if origin in (tuple, list):
        kind: Kind = "texts" if _bare(get_args(annotation)[0]) is str else "numbers"
        return kind, _sequence(annotation)
    if origin in (Union, types.UnionType):
        parts = [arg for arg in get_args(annotation) if get_origin(arg) in (tuple, list)]
        if parts and any(arg in (int, float) for arg in get_args(annotation)):
            words = [arg for arg in get_args(annotation) if get_origin(arg) is Literal]
            return "number or numbers", _sequence(parts[0]) | {"choices": get_args(words[0]) if words else ()}
    return "text", {}


def _sequence(annotation: Any) -> dict[str, Any]:
    args = [_bare(arg) for arg in get_args(annotation)]
    fixed = get_origin(annotation) is tuple and Ellipsis not in args
    return {"whole": args[0] is int, "length": len(args) if fixed else None}


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is typing.Annotated else annotation


def _models(annotation: Any) -> tuple[type[BaseModel], ...]:
    """Model classes anywhere in a union, as the kinds of a schedule."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    if get_origin(annotation) in (Union, types.UnionType, typing.Annotated):
        parts = get_args(annotation)[:1] if get_origin(annotation) is typing.Annotated else get_args(annotation)
        return tuple(model for part in parts for model in _models(part))
    return ()


def write_numbers(values: Any) -> str:
    """Numbers as text that :func:`read_numbers` reads: ``(2, 3, 1)`` becomes ``2, 3, 1``."""
    return ", ".join(str(int(v)) if float(v).is_integer() and abs(v) < 1e15 else repr(v) for v in values)


def read_numbers(text: str, *, whole: bool = False) -> tuple[float, ...]:
    """Numbers separated by commas or blanks (and, for whole ones, by dashes: ``2-3-1``).

    Raises:
        ValueError: with a message for the form.
    """
    for separator in ",;×" + ("-" if whole else ""):
        text = text.replace(separator, " ")
    try:
        return tuple((int if whole else float)(part) for part in text.split())
    except ValueError:
        kind = "whole numbers" if whole else "numbers"
        raise ValueError(f"Write {kind} with commas between them.") from None


def step_of(spec: Spec) -> float:
    """A sensible increment for a float: a tenth of the default's magnitude."""
    default = spec.default if isinstance(spec.default, (int, float)) and not isinstance(spec.default, bool) else 0.0
    size = abs(float(default)) or abs(float(spec.high or 1.0)) / 10
    exponent = 0
    while size < 1 and exponent < 9:
        size *= 10
        exponent += 1
    return float(10.0**-exponent) if exponent else 0.1
