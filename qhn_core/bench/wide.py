"""Matrix products at hundreds of weights: draws and scores beside quimb, growth, memory, and a step on ten digits."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from math import inf, log2
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.ansatze import ansatz
from qhn_core.bench import ours
from qhn_core.bench.figure import Figure
from qhn_core.bench.timing import compare
from qhn_core.bitstrings import Bits
from qhn_core.circuits.circuit import Circuit
from qhn_core.config import RunConfig
from qhn_core.config.examples import TEN_DIGITS
from qhn_core.engines import engine
from qhn_core.engines.base import Array

#: The example with one layer, every step on all its examples, nothing logged between the ends.
STEP = TEN_DIGITS | {
    "ansatz": {**TEN_DIGITS["ansatz"], "layers": 1},
    "batch": None,
    "steps": 100_000,
    "log_every": 100_000,
}


def draw_and_score(circuit: Circuit, shots: int) -> Callable[[], Array]:
    """Draws, then the weighted score of what was drawn, at angles that differ from call to call."""
    run, rng = engine("mps"), np.random.default_rng(0)
    weights = rng.normal(size=shots)

    def step() -> Array:
        theta = rng.uniform(0.0, 6.0, circuit.n_params)
        bits, _log_q = run.draw(circuit, theta, shots, rng)
        return run.score(circuit, theta, bits, weights)

    return step


def quimb_score(circuit: Circuit, bits: Bits, theta: Array, weights: Array) -> Callable[[], Array]:
    """Σ_s weights_s ∂_θ log q(w_s) by quimb: all strings in one contraction over the circuit's gates, torch's autodiff.

    The order of contractions is found beforehand and drawing is not included, which both favour it. Gates are RY, RZ
    and CZ, the last as two tensors with a bond of two.
    """
    import quimb.tensor as qtn
    import torch

    fixed, inds = _network(circuit, bits)
    dummies = [np.empty((2, 2)) if isinstance(array, int) else array for array in fixed]
    network = qtn.TensorNetwork([qtn.Tensor(array, own) for array, own in zip(dummies, inds, strict=True)])
    tree = network.contraction_tree(optimize="greedy", output_inds=("string",))
    constants = [None if isinstance(array, int) else torch.tensor(array, dtype=torch.complex128) for array in fixed]
    slots = [array if isinstance(array, int) else None for array in fixed]
    axes = _generators(circuit)
    generators, weight = torch.tensor(axes), torch.tensor(weights)

    def step() -> Array:
        angles = torch.tensor(theta, requires_grad=True)
        half = (angles / 2).to(torch.complex128)[:, None, None]
        gates = torch.cos(half) * torch.eye(2) - 1j * torch.sin(half) * generators
        arrays = [gates[slot] if slot is not None else one for slot, one in zip(slots, constants, strict=True)]
        log_q = 2.0 * tree.contract(arrays).abs().log()
        (weight * log_q).sum().backward()
        found: Array = angles.grad.numpy()  # type: ignore[union-attr]
        return found

    return step


def _network(circuit: Circuit, bits: Bits) -> tuple[list[Any], list[tuple[str, ...]]]:
    """Every tensor, an angle's slot where it turns, and its indices; the strings share the index ``string``."""
    arrays: list[Any] = [np.array([1.0, 0.0]) for _ in range(circuit.n_qubits)]
    ends = [f"w{wire}" for wire in range(circuit.n_qubits)]
    inds: list[tuple[str, ...]] = [(end,) for end in ends]
    halves = (np.stack([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])]), np.stack([np.eye(2), np.diag([1.0, -1.0])]))
    for at, gate in enumerate(circuit.gates):
        for wire, half in zip(gate.wires, halves, strict=False):
            bond = () if gate.param is not None else (f"b{at}",)
            arrays.append(half if gate.param is None else gate.param)
            inds.append((*bond, f"g{at}w{wire}", ends[wire]))
            ends[wire] = f"g{at}w{wire}"
    for wire, end in enumerate(ends):
        arrays.append(np.eye(2)[bits[:, wire]])
        inds.append(("string", end))
    return arrays, inds


def _generators(circuit: Circuit) -> NDArray[np.complex128]:
    """σ of every angle's gate exp(−iθσ/2), (P, 2, 2)."""
    sigma = {"RY": np.array([[0, -1j], [1j, 0]]), "RZ": np.diag([1.0 + 0j, -1.0])}
    found = np.empty((circuit.n_params, 2, 2), np.complex128)
    for gate in circuit.gates:
        if gate.param is not None:
            found[gate.param] = sigma[gate.name]
    return found


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Slope of log seconds over log size, by least squares."""
    return float(np.polyfit([log2(size) for size in sizes], [log2(second) for second in seconds], 1)[0])


def growth(make: Callable[[int], Callable[[], Any]], sizes: Sequence[int], *, seconds: float) -> tuple[float, str]:
    """The exponent with which a step grows, and its milliseconds at every size."""
    found = compare({str(size): make(size) for size in sizes}, seconds=seconds)
    times = [found[str(size)] for size in sizes]
    return exponent(sizes, times), ", ".join(f"{s}: {1e3 * t:.2g} ms" for s, t in zip(sizes, times, strict=True))


def peak_memory(circuit: Circuit, shots: int) -> float:
    """Peak of a draw and score above what was held before, MB."""
    step = draw_and_score(circuit, shots)
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def time_to_accuracy(config: RunConfig, accuracy: float) -> tuple[float, int]:
    """Seconds and steps from preparing until the logged test accuracy reaches this; ∞ seconds where it never does."""
    began = perf_counter()
    setup = trainer.prepare(config)
    state = trainer.init(setup)
    while not state.done:
        state, info = trainer.step(setup, state)
        if info.row is not None and float(np.mean(info.row["accuracy_test"])) >= accuracy:
            return perf_counter() - began, state.step
    return inf, state.step


def _chain(n_qubits: int, layers: int) -> Circuit:
    return ansatz("chain", n_qubits=n_qubits, layers=layers)


def _beside_quimb(*, seconds: float) -> list[Figure]:
    circuit, shots = _chain(1000, 3), 64
    contenders: dict[str, Callable[[], Any]] = {"ours": draw_and_score(circuit, shots)}
    if find_spec("quimb") is not None:
        rng = np.random.default_rng(1)
        theta, weights = rng.uniform(0.0, 6.0, circuit.n_params), rng.normal(size=shots)
        bits, _ = engine("mps").draw(circuit, theta, shots, rng)
        contenders["quimb"] = quimb_score(circuit, bits, theta, weights)
    found = compare(contenders, seconds=seconds, rounds=5)
    name = "draw and score, N=1000, chain, 3 layers, 64 draws"
    rows = [Figure(name, 1e3 * found["ours"], "ms", 30.0)]
    if "quimb" in found:
        detail = f"{found['quimb']:.2f} s: one contraction for all strings and torch's autodiff, drawing not counted"
        rows.append(Figure("the same, beside quimb's score", found["quimb"] / found["ours"], "×", 20.0, True, detail))
    return rows


def figures(*, quick: bool) -> list[Figure]:
    """All of them."""
    seconds = 3.0 if quick else 12.0
    wires = growth(lambda n: draw_and_score(_chain(n, 3), 64), (100, 300, 1000, 2000), seconds=seconds)
    draws = growth(lambda s: draw_and_score(_chain(1000, 3), s), (16, 64, 256), seconds=seconds)
    bonds = growth(lambda chi: draw_and_score(_chain(500, 1 + int(log2(chi))), 64), (2, 4, 8, 16), seconds=seconds)
    step = compare({"ours": ours.stepper(trainer.prepare(RunConfig.model_validate(STEP)))}, seconds=seconds)["ours"]
    reached, steps = time_to_accuracy(RunConfig.model_validate(TEN_DIGITS), 0.85)
    return [
        *_beside_quimb(seconds=seconds),
        Figure("growth in wires: exponent", wires[0], "", 1.1, detail=wires[1]),
        Figure("growth in draws: exponent", draws[0], "", 1.1, detail=draws[1]),
        Figure("growth in bond dimension: exponent", bonds[0], "", 2.1, detail=bonds[1]),
        Figure("memory, N=2000, bond dimension 16, 256 draws", peak_memory(_chain(2000, 5), 256), "MB", 300.0),
        Figure("ten digits, 640 weights, 4 draws, 898 examples", 1.0 / step, "steps/s", 300.0, True),
        Figure("ten digits to .85 test accuracy", reached, "s", 15.0, detail=f"{steps} steps of 128 examples"),
    ]
