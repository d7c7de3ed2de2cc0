"""What the scale study measures at one budget."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One seed of one method at the end of its budget.

    Args:
        bits, network: the network's size and its title.
        method: ``chain 1`` … ``chain 4``, or a rival.
        chi: bond dimension; 0 for rivals.
        seed: of split, start and draws.
        likelihoods: minibatch likelihoods spent.
        accuracy, nll: on the test split, of the mean prediction of 256 drawn networks, or of a rival's one; nats.
        entropy: H[q] in bits; 0 for a single network, None where weights are real.
        seconds: of training, a seed's share.
    """

    bits: int
    network: str
    method: str
    chi: int
    seed: int
    likelihoods: int
    accuracy: float
    nll: float
    entropy: float | None
    seconds: float
