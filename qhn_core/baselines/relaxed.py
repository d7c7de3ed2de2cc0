"""The network with real weights, differentiable: what gradient-based rivals descend on.

The sign activation passes the gradient where its input lies in [−1, 1] (straight-through with hard tanh,
Hubara et al., arXiv:1602.02830); the other activations are differentiable as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import Unsupported
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack
from qhn_core.torch_setup import torch_module

if TYPE_CHECKING:
    from torch import Tensor


def relaxed_nll(problem: Problem | ProblemStack) -> Callable[..., Tensor]:
    """A function from coordinates u (B, N) to the summed negative log-likelihood (B,), in nats.

    Given rows of the training examples besides, it sums over these alone, times n / rows.

    u = −1 is a bit 0 and u = +1 a bit 1; values between are mapped linearly into the network's alphabet.
    With a stack of problems, of K replicas, the rows of u are K equal runs, one for each replica's own data.
    """
    torch = torch_module()
    network: Any = problem.network
    parts = [problem.parts[w] for w in problem.which] if isinstance(problem, ProblemStack) else [problem]
    data = [part.dataset for part in parts if part.dataset is not None]
    if not data or not hasattr(network, "layers") or network.name != "mlp":
        raise Unsupported(
            f"Gradient-based rivals need a plain 'mlp' network on data; this problem has "
            f"{'no network' if network is None else repr(network.name)}."
        )
    x = torch.as_tensor(np.stack([d.x_train for d in data]))
    y = torch.as_tensor(np.stack([d.y_train for d in data]))
    low, high = network.alphabet
    activate = _activation(network.activation)

    def nll(u: Tensor, rows: NDArray[np.intp] | None = None) -> Tensor:
        weights = low + (u + 1.0) * (high - low) / 2.0
        each = len(u) // len(x)
        inputs, targets = (x, y) if rows is None else (x[:, rows], y[:, rows])
        hidden, labels, at = inputs.repeat_interleave(each, 0), targets.repeat_interleave(each, 0), 0
        pairs = list(zip(network.layers[:-1], network.layers[1:], strict=True))
        for depth, (fan_in, fan_out) in enumerate(pairs):
            matrix = weights[:, at : at + fan_in * fan_out].reshape(-1, fan_in, fan_out)
            at += fan_in * fan_out
            hidden = hidden @ matrix
            if network.bias:
                hidden = hidden + weights[:, None, at : at + fan_out]
                at += fan_out
            if depth < len(pairs) - 1:
                hidden = activate(hidden)
        out = network.output_scale * hidden
        if out.shape[-1] == 1:
            out = torch.cat([torch.zeros_like(out), out], dim=-1)
        picked = torch.log_softmax(out, dim=-1).gather(-1, labels.unsqueeze(-1))
        total = -picked.sum(dim=(1, 2))
        return total if rows is None else total * (x.shape[1] / len(rows))

    return nll


def _activation(name: str) -> Callable[[Tensor], Tensor]:
    torch = torch_module()

    def sign(z: Tensor) -> Tensor:
        soft = torch.nn.functional.hardtanh(z)
        return soft + (torch.sign(z) - soft).detach()

    choices: dict[str, Callable[[Tensor], Tensor]] = {
        "sign": sign,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
    }
    return choices[name]


def bits_of(u: Any) -> np.ndarray:
    """Bits of coordinates: u ≥ 0 is 1. (B, N) -> uint8 (B, N)."""
    return (np.asarray(u) >= 0).astype(np.uint8)
