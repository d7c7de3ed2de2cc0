"""A perceptron whose architecture is part of what the circuit superposes.

After the weights' bits come bits that choose hyperparameters, in the order activation, width, alphabet: 0 keeps the
first choice, 1 takes the other. A circuit then learns weights and architecture together, and the mass of q on an
architecture is its probability. Source: arXiv:2301.08292.
"""

from __future__ import annotations

from functools import cached_property
from itertools import product
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator, model_validator

from qhn_core.checks import check_bits, check_finite, check_shape
from qhn_core.errors import InvalidArgument, TooLarge
from qhn_core.networks.base import NETWORKS
from qhn_core.networks.functions import FunctionTable, StackedFunctions, Tick
from qhn_core.networks.layered import Activation, LayeredConfig, check_alphabet
from qhn_core.networks.mlp import MLP

Array = NDArray[np.float64]


@NETWORKS.register
class SuperposedMLP(LayeredConfig):
    """A multilayer perceptron with bits that choose its activation, first hidden width or weight alphabet.

    A narrower network uses the first hidden units only; the bits of the others are then without effect.
    """

    label: ClassVar[str] = "Perceptron with superposed architecture"
    name: Literal["mlp_superposed"] = "mlp_superposed"
    choose_activation: bool = Field(True, description="One bit chooses between the two activations")
    other_activation: Activation = Field("relu", description="The activation that bit 1 takes")
    choose_width: bool = Field(False, description="One bit chooses between two widths of the first hidden layer")
    other_width: int = Field(1, ge=1, le=1000, description="The smaller width, which bit 1 takes")
    choose_alphabet: bool = Field(False, description="One bit chooses between the two weight alphabets")
    other_alphabet: tuple[float, float] = Field((0.0, 1.0), description="The alphabet that bit 1 takes")

    @field_validator("other_alphabet")
    @classmethod
    def _other_two_values(cls, alphabet: tuple[float, float]) -> tuple[float, float]:
        return check_alphabet(alphabet)

    @model_validator(mode="after")
    def _something_to_choose(self) -> SuperposedMLP:
        if not self.choose:
            raise InvalidArgument(
                "choose_activation, choose_width, choose_alphabet",
                expected="at least one that is on",
                got="none",
                remedy="Use the network mlp for a fixed architecture.",
            )
        if len(self.layers) < 3 and (self.choose_width or self.choose_activation):
            raise InvalidArgument("layers", expected="a hidden layer to choose for", got=self.layers)
        if self.choose_width and self.other_width >= self.layers[1]:
            raise InvalidArgument(
                "other_width", expected=f"less than {self.layers[1]}, the first hidden layer", got=self.other_width
            )
        return self

    @property
    def choose(self) -> tuple[str, ...]:
        """What the last bits choose, in their order."""
        return tuple(name for name in ("activation", "width", "alphabet") if getattr(self, f"choose_{name}"))

    @property
    def n_bits(self) -> int:
        """Number N of weights, biases and choices."""
        return self._full.n_bits + len(self.choose)

    @property
    def bit_labels(self) -> tuple[str, ...]:
        """Those of the widest perceptron, then what each further bit chooses."""
        return self._full.bit_labels + self.choose

    @property
    def architectures(self) -> tuple[str, ...]:
        """A label for each setting of the choosing bits, in index order."""
        return tuple(
            f"{net.activation}, {'-'.join(map(str, net.layers))}, weights {net.alphabet[0]:g}/{net.alphabet[1]:g}"
            for net, _ in self._networks
        )

    def architecture_of(self, bits: ArrayLike) -> NDArray[np.int64]:
        """Index into :attr:`architectures` of each string, (S, N) -> (S,)."""
        chosen = check_bits("bits", bits, self.n_bits)[:, self._full.n_bits :].astype(np.int64)
        return chosen @ (1 << np.arange(len(self.choose) - 1, -1, -1))

    def architecture_probabilities(self, q: ArrayLike) -> Array:
        """Mass of q on each architecture: (B, 2**N) -> (B, architectures)."""
        rows = check_shape("q", check_finite("q", q), (None, 2**self.n_bits))
        return rows.reshape(len(rows), -1, len(self.architectures)).sum(axis=1)

    def log_proba(self, bits: ArrayLike, x: ArrayLike) -> Array:
        """log p(y|x, w) for bits (S, N) and inputs (n, d): shape (S, n, C), nats."""
        strings = check_bits("bits", bits, self.n_bits)
        inputs = check_shape("x", check_finite("x", x), (None, self.n_inputs))
        which = self.architecture_of(strings)
        out = np.empty((len(strings), len(inputs), self.n_classes))
        for k, (net, places) in enumerate(self._networks):
            mine = which == k
            if mine.any():
                out[mine] = net.log_proba(strings[mine][:, places], inputs)
        return out

    def functions(self, x: ArrayLike, *, tick: Tick | None = None) -> FunctionTable:
        """The functions of each architecture in turn, with their own symmetries."""
        if self.n_bits > 24:
            raise TooLarge(f"Functions of all 2^{self.n_bits} strings are not listed. Use drawn strings.")
        tables = [net.functions(x, tick=tick) for net, _ in self._networks]
        heads = np.arange(2**self._full.n_bits, dtype=np.int64)
        group_of = np.empty((len(heads), len(tables)), dtype=np.int32)
        first = 0
        for k, ((_, places), table) in enumerate(zip(self._networks, tables, strict=True)):
            index = np.zeros_like(heads)
            for place in places:
                index = (index << 1) | ((heads >> (self._full.n_bits - 1 - place)) & 1)
            group_of[:, k] = first + table.group_of[index]
            first += table.n_functions
        return StackedFunctions(tables, group_of.ravel())

    @cached_property
    def _full(self) -> MLP:
        return self._plain(self.layers[1], self.activation, self.alphabet)

    @cached_property
    def _networks(self) -> tuple[tuple[MLP, NDArray[np.intp]], ...]:
        """Each architecture as a plain network, and the places of its bits among those of the widest."""
        alternatives = product(
            (self.activation, self.other_activation) if self.choose_activation else (self.activation,),
            (self.layers[1], self.other_width) if self.choose_width else (self.layers[1],),
            (self.alphabet, self.other_alphabet) if self.choose_alphabet else (self.alphabet,),
        )
        found = []
        for activation, width, alphabet in alternatives:
            net = self._plain(width, activation, alphabet)
            kept = set(net.bit_labels)
            places = [i for i, label in enumerate(self._full.bit_labels) if label in kept]
            found.append((net, np.array(places, dtype=np.intp)))
        return tuple(found)

    def _plain(self, width: int, activation: Activation, alphabet: tuple[float, float]) -> MLP:
        return MLP(
            layers=(self.layers[0], width, *self.layers[2:]),
            bias=self.bias,
            activation=activation,
            alphabet=alphabet,
            output_scale=self.output_scale,
        )
