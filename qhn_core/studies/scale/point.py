"""What the scale study measures at one budget."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One trial at one budget.

    Args:
        bits, network: the network's size and its title.
        method: ``chain 1`` … ``chain 4``, or a rival.
        chi: bond dimension; 0 for rivals.
        seed: of data, start and draws.
        likelihoods: minibatch likelihoods spent.
        accuracy, nll: on the test split, of the mean prediction of 256 drawn networks (of a rival's one network); nats.
        entropy: H[q] in bits; 0 for rivals.
        seconds: of the whole trial so far.
    """

    bits: int
    network: str
    method: str
    chi: int
    seed: int
    likelihoods: int
    accuracy: float
    nll: float
    entropy: float
    seconds: float
