"""Rivals at hundreds of weights, at as many minibatch likelihoods as the circuits; each ends with one network.

Straight-through: w = sign(u), Adam on u by the gradient of the minibatch's ℓ at w (arXiv:1511.00363). A gradient counts
as one likelihood. Annealing: single flips judged on all training examples, so that n / batch minibatch likelihoods
pay for one; from temperature 5 down to .05 nats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.scores import accuracy_with_ties, predictive_nll
from qhn_core.baselines.relaxed import bits_of, relaxed_nll
from qhn_core.problems.minibatch import minibatch
from qhn_core.problems.problem import Problem
from qhn_core.torch_setup import torch_module

#: Steps between two looks at all training examples, of which the best network is kept.
_LOOK = 50


def run(name: str, task: Problem, *, likelihoods: int, batch: int, seed: int) -> tuple[float, float]:
    """Test accuracy and test NLL of one rival."""
    data = task.dataset
    assert data is not None  # noqa: S101 -- the study's problems have data
    if name == "logistic_regression":
        return _logistic(task)
    work = {"straight_through": straight_through, "simulated_annealing": annealing}[name]
    bits = work(task, likelihoods=likelihoods, batch=batch, seed=seed)
    assert task.network is not None  # noqa: S101 -- likewise
    proba = task.network.predict_proba(bits[None], data.x_test)
    return float(accuracy_with_ties(proba, data.y_test)[0]), float(predictive_nll(proba, data.y_test)[0])


def straight_through(task: Problem, *, likelihoods: int, batch: int, seed: int) -> NDArray[np.uint8]:
    """The best network visited, by its ℓ on all training examples."""
    torch = torch_module()
    rng = np.random.Generator(np.random.Philox(key=[seed, 0]))
    u = torch.as_tensor(rng.uniform(-0.1, 0.1, (1, task.n_bits))).requires_grad_(True)
    optimiser = torch.optim.Adam([u], lr=0.01)
    best, kept = np.inf, bits_of(u.detach().numpy())
    for step in range(likelihoods):
        nll = relaxed_nll(minibatch(task, rng.permutation(task.n_train)[:batch]))
        binary = torch.where(u.detach() >= 0, 1.0, -1.0).to(u.dtype).requires_grad_(True)
        (u.grad,) = torch.autograd.grad(nll(binary).sum() / task.n_train, binary)
        optimiser.step()
        with torch.no_grad():
            u.clamp_(-1.0, 1.0)
        if step % _LOOK == 0 or step == likelihoods - 1:
            bits = bits_of(u.detach().numpy())
            value = float(task.nll_at(bits)[0])
            if value < best:
                best, kept = value, bits
    return kept[0]


def annealing(task: Problem, *, likelihoods: int, batch: int, seed: int) -> NDArray[np.uint8]:
    """The best network seen."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 1]))
    proposals = max(2, likelihoods * batch // task.n_train)
    bits = rng.integers(0, 2, (1, task.n_bits)).astype(np.uint8)
    value = best = float(task.nll_at(bits)[0])
    kept = bits.copy()
    for temperature in np.geomspace(5.0, 0.05, proposals - 1):
        proposal = bits.copy()
        proposal[0, rng.integers(task.n_bits)] ^= 1
        new = float(task.nll_at(proposal)[0])
        if new - value <= -np.log(rng.random()) * temperature:
            bits, value = proposal, new
            if value < best:
                best, kept = value, bits.copy()
    return kept[0]


def _logistic(task: Problem) -> tuple[float, float]:
    from qhn_core.baselines import BASELINES

    found = BASELINES.make("logistic_regression").fit(task)
    data = task.dataset
    assert data is not None  # noqa: S101 -- the study's problems have data
    assert found.proba_test is not None  # noqa: S101 -- it has no distribution over strings
    return (
        float(accuracy_with_ties(found.proba_test, data.y_test)[0]),
        float(predictive_nll(found.proba_test, data.y_test)[0]),
    )
