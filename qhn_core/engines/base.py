"""What an engine is: one Protocol for each capability. What an engine provides is what it implements.

An engine turns a circuit and angles into probabilities, strings or scores. ``theta`` is in radians, (P,) or (B, P);
B replicas are independent. All methods may be called from several Python threads at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import Bits
from qhn_core.circuits.circuit import Circuit
from qhn_core.compiled.rows import RowLoss, RowUpdate
from qhn_core.errors import TooLarge, Unsupported
from qhn_core.registry import Registry, VariantConfig

Array = NDArray[np.float64]


class Evaluation(NamedTuple):
    """Result of :meth:`Tabulates.evaluate`."""

    probs: Array  #: q, (B, 2**N)
    aux: Any  #: whatever the diagonal callback returned beside the diagonal
    gradient: Array  #: ∂_θ Σ_w q(w) g(w) with g frozen, (B, P)


class DescentTask(NamedTuple):
    """What :meth:`Engine.descend` is to do: steps 0 … T, T being the number of updates."""

    loss: RowLoss
    update: RowUpdate  #: of T updates
    n_train: int  #: examples by which gradients are divided before an update
    kept: NDArray[np.int64]  #: the steps to keep, rising, (K,)
    cancelled: Callable[[], bool]  #: asked now and then; where it says True, Cancelled is raised


class Descent(NamedTuple):
    """Result of :meth:`Engine.descend`: the last angles, and what was kept at K steps."""

    theta: Array  #: (B, P)
    probs: Array  #: q, (K, B, 2**N)
    fit: Array  #: Σ q ℓ, (K, B)
    penalty: Array  #: without its weight, (K, B)
    gradient: Array  #: not ÷ n, (K, B, P)


@runtime_checkable
class Tabulates(Protocol):
    """Knows q of all 2**N strings, exactly."""

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """q(w) = |⟨w|U(θ)|0⟩|²: (2**N,) or (B, 2**N), float64, each row sums to 1."""

    def gradient(self, circuit: Circuit, theta: ArrayLike, diagonal: ArrayLike) -> Array:
        """∂_θ Σ_w q(w) g(w) for a frozen diagonal g, (2**N,) or (B, 2**N): shape of theta."""

    def evaluate(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        """One forward pass, ``diagonal(q) -> (g (B, 2**N), aux)``, one reverse sweep; theta is (B, P).

        The hot path of exact training: the forward state is used again by the sweep.
        """


@runtime_checkable
class Draws(Protocol):
    """Draws strings, as a device does: shots."""

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> Bits:
        """Bitstrings: (shots, N) or (B, shots, N), column i is wire i."""


@runtime_checkable
class Scores(Protocol):
    """Draws strings and knows log q of each, and how it moves with the angles; needs no table of all strings."""

    def draw(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> tuple[Bits, Array]:
        """Bitstrings (B, shots, N) and log q of each in nats, (B, shots); without B for theta (P,).

        The strings are those of :meth:`Draws.sample` from the same generator.
        """

    def log_prob(self, circuit: Circuit, theta: ArrayLike, bits: ArrayLike) -> Array:
        """log q in nats of bits (S, N), the same for every replica, or (B, S, N): (S,) or (B, S); −∞ where q = 0."""

    def score(self, circuit: Circuit, theta: ArrayLike, bits: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_s weights_s ∂_θ log q(bits_s): bits (S, N) and weights (S,), or with B in front, -> shape of theta."""


#: Capability, as a configuration's plan and messages name it -> the Protocol whose methods give it.
CAPABILITIES: dict[str, type] = {"probabilities": Tabulates, "samples": Draws, "log_q": Scores}
PROBABILITIES, SAMPLES, LOG_Q = CAPABILITIES
#: The same in words.
IN_WORDS = {
    PROBABILITIES: "exact probabilities and gradients",
    SAMPLES: "samples",
    LOG_Q: "q(w) of a drawn string and its derivative, which no hardware gives",
}
_METHODS = {
    method: name
    for name, capability in CAPABILITIES.items()
    for method in vars(capability)
    if not method.startswith("_")
}


def capabilities(engine: type) -> frozenset[str]:
    """Names of the Protocols that a class implements."""
    return frozenset(name for name, capability in CAPABILITIES.items() if issubclass(engine, capability))


class MissingCapability(Unsupported, AttributeError):
    """A method that an engine does not have, because it belongs to a capability that it does not provide."""


class Engine:
    """Base of all engines: a simulator or a device."""

    @property
    def provides(self) -> frozenset[str]:
        """Names of its capabilities."""
        return capabilities(type(self))

    @property
    def title(self) -> str:
        """What a message calls it."""
        return type(self).__name__

    def descend(self, circuit: Circuit, theta: Array, task: DescentTask) -> Descent | None:
        """All steps at once from theta (B, P), bit for bit as one by one.

        None where this engine makes steps one at a time, or a loss or gradient was not finite.
        """
        return None

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        has = " and ".join(sorted(self.provides))
        raise MissingCapability(
            f"{self.title} gives {has} only, so that '{name}', which needs {IN_WORDS[_METHODS[name]]}, is not "
            "available. Use the engine auto, or an estimator that works from samples."
        )


class EngineConfig(VariantConfig):
    """Base of all engine configurations."""

    @property
    @abstractmethod
    def implementation(self) -> type[Engine]:
        """The class of the engine that :meth:`build` gives; looking at it imports nothing expensive."""

    @abstractmethod
    def build(self) -> Any:
        """The engine, an instance of :attr:`implementation`; expensive imports happen here."""

    @abstractmethod
    def check(self, circuit: Circuit, *, replicas: int = 1, shots: int = 0) -> int:
        """Peak memory of one step, bytes: of an exact gradient, or of ``shots`` strings a replica if there are some.

        Raises:
            TooLarge: the engine cannot run this circuit; says why, and what could be done.
        """

    @property
    def provides(self) -> frozenset[str]:
        """Names of the capabilities of the engine that :meth:`build` gives, known without building it."""
        return capabilities(self.implementation)

    @property
    def remote(self) -> bool:
        """Whether jobs leave this machine, and may cost money."""
        return False


def takes(config: EngineConfig, circuit: Circuit, *, replicas: int = 1, shots: int = 0) -> bool:
    """Whether :meth:`EngineConfig.check` would not refuse."""
    try:
        config.check(circuit, replicas=replicas, shots=shots)
    except TooLarge:
        return False
    return True


ENGINES: Registry[EngineConfig] = Registry("engine", EngineConfig)
