"""What networks made of layers share: sizes, biases, activation, alphabet, output scale."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from qhn_core.errors import InvalidArgument
from qhn_core.networks.base import NetworkConfig

Width = Annotated[int, Field(ge=1, le=1000)]
Activation = Literal["sign", "tanh", "relu", "sigmoid"]


def check_alphabet(alphabet: tuple[float, float]) -> tuple[float, float]:
    """Two different weights of sensible size."""
    if alphabet[0] == alphabet[1] or max(map(abs, alphabet)) > 100:
        raise InvalidArgument(
            "alphabet",
            expected="two different weights between -100 and 100",
            got=alphabet,
            remedy="Use (-1, 1) or (0, 1).",
        )
    return alphabet


class LayeredConfig(NetworkConfig):
    """Base of fully connected networks; one output is a logistic, several are a softmax."""

    layers: tuple[Width, ...] = Field(
        (2, 3, 1),
        min_length=2,
        max_length=8,
        description="Sizes: inputs, hidden layers, outputs (1 output: two classes)",
    )
    bias: bool = Field(True, description="Give every unit a binary bias")
    activation: Activation = Field("sign", description="What hidden units compute")
    alphabet: tuple[float, float] = Field((-1.0, 1.0), description="The weights that bits 0 and 1 stand for")
    output_scale: float = Field(
        1.0,
        gt=0.0,
        le=100.0,
        description="How sure a network sounds: a factor s on its outputs before the class probabilities",
    )

    @field_validator("alphabet")
    @classmethod
    def _two_values(cls, alphabet: tuple[float, float]) -> tuple[float, float]:
        return check_alphabet(alphabet)

    @property
    def n_inputs(self) -> int:
        """First layer's size."""
        return self.layers[0]

    @property
    def n_classes(self) -> int:
        """Two for one output, else the number of outputs."""
        return max(2, self.layers[-1])
