"""Configurations in few words, and networks that fit their data: no framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from app.fields import specs
from qhn_core.config import SECTIONS, RunConfig
from qhn_core.objectives import OBJECTIVES

#: Title of each section in forms and tables.
TITLES: Mapping[str, str] = {
    "dataset": "Data",
    "network": "Network",
    "prior": "Prior",
    "ansatz": "Circuit",
    "objective": "Loss",
    "optimiser": "Optimiser",
    "engine": "Engine",
    "estimator": "Gradient",
}
#: What each section decides, for somebody who has not met its name.
SECTION_HELP: Mapping[str, str] = {
    "dataset": "What is to be learnt: the examples that the network sees, and those on which it is tested.",
    "network": "The small neural network whose weights the circuit draws; each weight is one bit.",
    "prior": "How likely each network is before any data are seen.",
    "ansatz": "The quantum circuit that holds the odds on all networks. More layers hold more, and train less easily.",
    "objective": "What training makes small: how badly drawn networks fit (MLE), and how far their odds lie from what "
    "was believed before (ELBO, SELBO, KSD).",
    "optimiser": "How the angles move from one step to the next.",
    "engine": "What computes the circuit: all strings at once, bonds for many qubits, or a device.",
    "estimator": "How the slope of the loss is found: exactly, or from measurements.",
}
#: How a summary counts: field name -> noun.
_NOUNS = {"n_train": "example", "layers": "layer", "components": "component", "max_iter": "iteration"}
#: Fields that hold the content hash of an uploaded file.
_HASHES = ("sha256", "file")
#: A network fitted to other data is narrowed until it has at most so many bits, if it had no more before.
COMFORTABLE_BITS = 16


def value_text(value: Any) -> str:
    """A field's value in few characters; whatever a configuration can hold, lists of words included."""
    if isinstance(value, Mapping):
        return f"{value_text(value.get('start', '?'))} → {value_text(value.get('end', '?'))}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        whole = all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        return ("-" if whole else ", ").join(map(str if whole else value_text, value)) or "all"
    return str(value)


def section_summary(section: str, values: Mapping[str, Any], *, limit: int = 3) -> str:
    """The values of a section's main fields, such as ``2-3-1 · sign``."""
    parts = []
    variant = SECTIONS[section][values["name"]]
    idle = SECTIONS[section].base.model_fields if not getattr(variant, "needs_network", True) else ()
    for spec in specs(variant):
        if spec.name in idle:
            continue  # a cost table draws no examples
        value = values.get(spec.name, spec.default)
        if spec.advanced or value is None or value is False or value in ((), [], "") or spec.name in _HASHES:
            continue
        if spec.name == "free":
            parts.append(counted(len(value), "free angle"))
            continue
        if isinstance(value, (list, tuple)) and len(value) > 8:
            value = f"{len(value)} values"
        if spec.kind == "bool":
            parts.append(spec.label.lower())
        elif spec.kind in ("choice", "text") or (spec.name == "layers" and section == "network"):
            parts.append(value_text(value)[:24])
        elif spec.name in _NOUNS and isinstance(value, int):
            parts.append(counted(value, _NOUNS[spec.name]))
        else:
            parts.append(f"{spec.label.lower() if len(spec.label) > 2 else spec.label} {value_text(value)[:24]}")
    return " · ".join(parts[:limit])


def loss_names() -> dict[str, str]:
    """Every registered loss as the field writes it: name -> ``ELBO``."""
    return {name: OBJECTIVES[name].short for name in OBJECTIVES.names()}


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 start``, ``250 steps``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def headline(config: RunConfig) -> str:
    """What is trained, in one line."""
    data = type(config.dataset).label or config.dataset.name
    parts = [f"**{data}**"]
    if config.dataset.needs_network:
        parts[0] += f", {counted(config.dataset.n_train, 'example')}"
    if config.network is not None:
        layers = getattr(config.network, "layers", None)
        activation = getattr(config.network, "activation", "")
        size = value_text(tuple(layers)) + " " if layers else ""
        parts.append(f"{size}{activation} network".strip())
    layers = getattr(config.ansatz, "layers", None)
    circuit = "own circuit" if config.ansatz.own else config.ansatz.name.replace("_", " ")
    parts.append(f"{circuit} × {layers}" if layers and layers > 1 else circuit)
    parts.append(f"**{config.objective.title}**")
    rate = config.optimiser.model_dump()["lr"]
    parts.append(f"{type(config.optimiser).label or config.optimiser.name} {value_text(rate)}")
    parts.append(f"{counted(config.steps, 'step')}, {counted(config.replicas, 'start')}")
    if config.data_draws > 1:
        parts.append(f"{config.data_draws} draws of the data")
    return " · ".join(parts)


def fit_layers(
    layers: Sequence[int], *, features: int, classes: int, bias: bool = True, most: int = COMFORTABLE_BITS
) -> tuple[int, ...]:
    """Layer sizes with inputs and outputs for the data; hidden layers are narrowed to stay within ``most`` bits.

    Args:
        layers: sizes as they are, inputs first.
        features: number d of inputs.
        classes: number C of classes; two need one output.
        bias: whether units have biases.
        most: largest number of bits, kept unless even one hidden unit a layer exceeds it (or it was exceeded before).
    """
    before = list(layers)
    fitted = [features, *before[1:-1], 1 if classes == 2 else classes]
    if fitted == before or _bits(before, bias) > most:
        return tuple(fitted)
    while _bits(fitted, bias) > most and max(fitted[1:-1], default=1) > 1:
        widest = max(range(1, len(fitted) - 1), key=lambda i: fitted[i])
        fitted[widest] -= 1
    return tuple(fitted)


def _bits(layers: Sequence[int], bias: bool) -> int:
    return sum((a + bias) * b for a, b in pairwise(layers))


def duration_text(seconds: float) -> str:
    """Time left for people: ``8 s``, ``2 min 10 s``, ``1 h 5 min``."""
    if seconds < 1:
        return "under 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
