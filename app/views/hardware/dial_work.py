"""What the shots dial works out in the background: the device's distribution, estimates from it, and gradients."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.jobs import Job, Watch, jobs
from app.resting import gently
from app.views.hardware.device import Device, engine_of, exact_engine
from app.views.hardware.source import Source
from qhn_core.analysis import dial
from qhn_core.objectives.base import ObjectiveConfig

Array = NDArray[np.float64]
#: Estimates drawn at each position: largest N -> how many, so that the charts follow the dial at once.
REPEATS = {17: 200, 18: 100, 20: 50}
#: Largest N at which a device's own distribution is calculated exactly, and gradient noise is worked out.
_EXACT_NOISE, GRADIENT = 9, 14
#: Draws that stand for a device's distribution where that cannot be calculated: few where each is simulated at length.
_POOL, _SMALL_POOL = 4096, 1024
#: Circuits whose noisy distributions a gradient keeps.
_KEPT = 2048


class Pool(NamedTuple):
    """A device's distribution, exact or as relative frequencies."""

    q: Array  #: (2**N,)
    shots: int | None  #: how many draws it holds; None where it is exact


class Turn(NamedTuple):
    """One position of the dial."""

    drawn: dial.DialEstimates | None
    exact: dial.ExactValues
    device: dial.ExactValues | None


class Slope(NamedTuple):
    """A gradient with its noise, and what draws more of it."""

    noise: dial.GradientNoise
    engine: Any


def distribution(source: Source, device: Device) -> Job | None:
    """The device's own distribution at theta; None for ideal devices and those that are not asked unbidden."""
    if device.perfect or device.remote or device.config is None:
        return None
    work = _exact_noise if _calculable(source, device) else _pool
    return jobs().get(("hardware", "pool", *source.key, *device.key), partial(work, source, device), patience=0.6)


def _calculable(source: Source, device: Device) -> bool:
    """Whether the device's distribution is calculated rather than drawn from."""
    return device.kind == "noise" and not device.perfect and source.circuit.n_qubits <= _EXACT_NOISE


def _exact_noise(source: Source, device: Device, watch: Watch) -> Pool:
    from qhn_core.analysis.noise import noisy_probs

    one, two, readout = device.noise
    return Pool(noisy_probs(source.circuit, source.theta, noise_1q=one, noise_2q=two, readout_error=readout), None)


def _pool(source: Source, device: Device, watch: Watch) -> Pool:
    from qhn_core.analysis.deployment import deploy

    found = deploy(
        source.circuit,
        source.theta,
        source.problem,
        engine=engine_of(device),
        exact_engine=exact_engine(),
        shots=_pool_size(source),
        parts=32 if source.circuit.n_qubits > 10 else 2,
        progress=gently(watch.progress),
        cancelled=watch.cancelled,
    )
    return Pool(found.seen, _pool_size(source))


def _pool_size(source: Source) -> int:
    return _POOL if source.circuit.n_qubits <= 10 else _SMALL_POOL


def turn_of(source: Source, objective: ObjectiveConfig, shots: int | None, pool: Pool | None, watch: Watch) -> Turn:
    exact = dial.exact_values(source.q, source.problem, objective, step=source.step)
    own = None if pool is None else _own_values(source, objective, pool)
    if shots is None:
        return Turn(None, exact, own)
    drawn = dial.estimates(
        source.q if pool is None else pool.q,
        source.problem,
        objective,
        shots=shots,
        repeats=repeats_of(source),
        step=source.step,
        pool=None if pool is None else pool.shots,
    )
    return Turn(drawn, exact, own)


def _own_values(source: Source, objective: ObjectiveConfig, pool: Pool) -> dial.ExactValues:
    """What infinitely many shots of the device would give: exactly, or estimated from its draws."""
    if pool.shots is None:
        return dial.exact_values(pool.q, source.problem, objective, step=source.step)
    return dial.drawn_values(pool.q, pool.shots, source.problem, objective, step=source.step)


def repeats_of(source: Source) -> int:
    return next(count for most, count in REPEATS.items() if source.circuit.n_qubits <= most)


def slope(source: Source, objective: ObjectiveConfig) -> Job | None:
    """The gradient of the noiseless circuit and its shot noise; None where there is none."""
    if source.circuit.n_qubits > GRADIENT or not shiftable(objective):
        return None
    key = ("hardware", "gradient", *source.key, objective.model_dump_json())
    return jobs().get(key, partial(_gradient_noise, source, objective, None), patience=0.5)


def noisy_slope(source: Source, device: Device, objective: ObjectiveConfig) -> Job | None:
    """The same on the device, where its distributions can be calculated."""
    if not _calculable(source, device) or not shiftable(objective):
        return None
    key = ("hardware", "gradient", *source.key, *device.key, objective.model_dump_json())
    return jobs().get(key, partial(_gradient_noise, source, objective, device.noise), patience=0.3)


def shiftable(objective: ObjectiveConfig) -> bool:
    return objective.polynomial


def _gradient_noise(
    source: Source, objective: ObjectiveConfig, noise: tuple[float, float, float] | None, watch: Watch
) -> Slope:
    from qhn_core.analysis.noise_training import NoisyEngine

    engine: Any = exact_engine() if noise is None else NoisyEngine(*noise, keep=_KEPT)
    found = dial.gradient_noise(
        source.circuit,
        source.theta,
        source.problem,
        objective,
        engine=engine,
        step=source.step,
        at_once=None if noise is None else 2,
        progress=watch.progress if noise is None else gently(watch.progress),
        cancelled=watch.cancelled,
    )
    return Slope(found, engine)


def one_estimate(source: Source, objective: ObjectiveConfig, shots: int, engine: Any, watch: Watch) -> Array:
    from qhn_core.estimators.base import Work
    from qhn_core.estimators.parameter_shift import ParameterShift

    work = Work(engine, source.circuit, objective, source.problem)
    rng = np.random.Generator(np.random.Philox(key=[0, shots]))
    found = ParameterShift(shots=shots).estimate(work, source.theta[None], source.step, rng)
    return np.asarray(found.gradient[0] / source.problem.n_train)
