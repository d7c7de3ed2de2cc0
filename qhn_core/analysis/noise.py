"""What gate and readout noise does to a trained circuit: loss and distribution against noise strength.

A depolarising channel follows every gate, with one- and two-qubit rates set apart (Qiskit's λ), as in Carrasquilla et
al., arXiv:2301.08292. Training *under* noise is a matter of configuration: ``engine: {name: pennylane, device:
default.mixed, noise_1q: …, noise_2q: …}`` trains on exact noisy probabilities, with ``device: qiskit.aer`` and a
sampling estimator on shots.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.evidence import entropy_bits, expected_nll
from qhn_core.checks import check_angles, check_finite
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.devices.noise import Noise
from qhn_core.engines.devices.qiskit import density_probs
from qhn_core.errors import Cancelled, InvalidArgument, TooLarge
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Largest N of exact noisy probabilities: a density matrix of 4^N entries.
MAX_QUBITS = 12


class NoiseSweep(NamedTuple):
    """Exact quantities at K noise strengths for B replicas."""

    strengths: Array  #: λ after two-qubit gates, (K,)
    probs: Array  #: noisy q, (K, B, 2**N)
    loss: Array  #: the objective at the noisy q, nats per example, (K, B)
    terms: dict[str, Array]  #: its terms, nats per example, each (K, B)
    nll: Array  #: E_q ℓ, nats per example, (K, B)
    entropy_bits: Array  #: (K, B)
    total_variation: Array  #: ½ Σ_w |q_λ − q_0| from the noiseless circuit, (K, B)


def noisy_probs(
    circuit: Circuit, theta: ArrayLike, *, noise_1q: float = 0.0, noise_2q: float = 0.0, readout_error: float = 0.0
) -> Array:
    """Exact q under noise, (2**N,) or (B, 2**N) for theta (P,) or (B, P).

    Args:
        noise_1q, noise_2q: depolarising λ after every one- and two-qubit gate, in [0, 1].
        readout_error: probability that a measured bit is read wrongly, in [0, ½].

    Raises:
        TooLarge: more than 12 qubits.
    """
    angles = check_angles(theta, circuit.n_params)
    for name, value, high in (
        ("noise_1q", noise_1q, 1.0),
        ("noise_2q", noise_2q, 1.0),
        ("readout_error", readout_error, 0.5),
    ):
        if not 0.0 <= value <= high:
            raise InvalidArgument(name, expected=f"a probability from 0 to {high:g}", got=value)
    if circuit.n_qubits > MAX_QUBITS:
        raise TooLarge(
            f"Exact noisy probabilities need a density matrix of 4^{circuit.n_qubits} entries; the limit is "
            f"{MAX_QUBITS} qubits. Draw shots from the device qiskit.aer instead."
        )
    found = density_probs(circuit, np.atleast_2d(angles), Noise(noise_1q, noise_2q, readout_error))
    return found if angles.ndim == 2 else found[0]


def noise_sweep(
    circuit: Circuit,
    theta: ArrayLike,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    strengths: ArrayLike,
    one_qubit_share: float = 0.1,
    readout_error: float = 0.0,
    step: int = 0,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NoiseSweep:
    """Loss, its terms, entropy and distance from the noiseless q, at fixed angles, against noise strength.

    Args:
        theta: trained angles, (P,) or (B, P), radians.
        strengths: λ after two-qubit gates, each in [0, 1]; 0 is the noiseless circuit (with its readout errors).
        one_qubit_share: λ after one-qubit gates as a fraction of that, in [0, 1].
        readout_error: the same at every strength.
        step: where the objective's schedules are taken.
        progress: told the finished fraction; cancelled: asked at each strength, True raises :class:`Cancelled`.
    """
    angles = np.atleast_2d(check_angles(theta, circuit.n_params))
    grid = np.atleast_1d(check_finite("strengths", strengths))
    if grid.ndim != 1 or not grid.size or grid.min() < 0.0 or grid.max() > 1.0:
        raise InvalidArgument("strengths", expected="numbers from 0 to 1", got=strengths)
    if not 0.0 <= one_qubit_share <= 1.0:
        raise InvalidArgument("one_qubit_share", expected="a number from 0 to 1", got=one_qubit_share)
    ideal = noisy_probs(circuit, angles)
    found = []
    for done, strength in enumerate(grid):
        if cancelled is not None and cancelled():
            raise Cancelled("The noise study was stopped.")
        found.append(
            noisy_probs(
                circuit,
                angles,
                noise_1q=one_qubit_share * float(strength),
                noise_2q=float(strength),
                readout_error=readout_error,
            )
        )
        if progress is not None:
            progress((done + 1) / grid.size)
    probs = np.stack(found)
    exact = [objective.exact(q, problem, step) for q in probs]
    n = problem.n_train
    return NoiseSweep(
        strengths=grid,
        probs=probs,
        loss=np.stack([e.value for e in exact]) / n,
        terms={name: np.stack([e.terms[name] for e in exact]) / n for name in exact[0].terms},
        nll=np.stack([expected_nll(q, problem) for q in probs]) / n,
        entropy_bits=np.stack([entropy_bits(q) for q in probs]),
        total_variation=0.5 * np.abs(probs - ideal).sum(axis=2),
    )
