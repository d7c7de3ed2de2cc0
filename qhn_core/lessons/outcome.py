"""What an experiment of a lesson finds: numbers by name, and pictures described without any plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qhn_core.config import RunConfig
    from qhn_core.trainer import TrainState

Array = NDArray[np.float64]


class Watch(Protocol):
    """Who waits for an experiment."""

    def progress(self, fraction: float) -> None:
        """Share done, 0 to 1."""

    def cancelled(self) -> bool:
        """Whether to give up."""

    def share(self, partial: Any) -> None:
        """Show what there is so far."""


class Unwatched:
    """Nobody waits: reports go nowhere."""

    def progress(self, fraction: float) -> None:
        """Nothing."""

    def cancelled(self) -> bool:
        """Never."""
        return False

    def share(self, partial: Any) -> None:
        """Nothing."""


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: x and y of the same length; ``colour``: what it belongs to.

    A loss by name, rival, ink, device, accent, or second: another run with the same loss.
    """

    name: str
    x: Array
    y: Array
    colour: str = "accent"
    dashed: bool = False
    marked: bool = False


@dataclass(frozen=True, eq=False)
class Lines:
    """Curves over one axis, with level lines by name."""

    title: str
    x: str
    y: str
    series: Sequence[Series]
    levels: Mapping[str, float] = field(default_factory=dict)
    log_x: bool = False
    log_y: bool = False
    y_range: tuple[float, float] | None = None
    x_range: tuple[float, float] | None = None

    def alt(self) -> str:
        """The picture in words: where each curve begins and ends."""
        ends = [f"{s.name} goes from {_short(s.y[0])} to {_short(s.y[-1])}" for s in self.series if len(s.y) and s.name]
        levels = [f"{name} is at {_short(value)}" for name, value in self.levels.items()]
        return f"{self.title}: {'; '.join([*ends, *levels])}."


@dataclass(frozen=True, eq=False)
class Bars:
    """Groups of bars side by side: one value a category and group.

    ``colours`` as in :class:`Series`, one a group; ``each`` one a category instead, where there is a single group.
    ``levels`` are lines across, by name.
    """

    title: str
    x: str
    y: str
    categories: Sequence[str]
    groups: Mapping[str, Array]
    colours: Sequence[str] = ("accent", "rival", "ink")
    each: Sequence[str] = ()
    levels: Mapping[str, float] = field(default_factory=dict)

    def alt(self) -> str:
        """The picture in words."""
        said = [
            f"{name}: " + ", ".join(f"{c} {_short(v)}" for c, v in list(zip(self.categories, values, strict=True))[:8])
            for name, values in self.groups.items()
        ]
        return f"{self.title}. {'; '.join(said)}."


@dataclass(frozen=True, eq=False)
class Plane:
    """Predictions over a plane of two features, the training data, and lines of single networks.

    ``proba`` is P(class 1), (H, G); ``x`` (n, 2), ``y`` (n,). ``curves`` are the P = ½ lines of drawn networks, as
    (H, G) each.
    """

    title: str
    grid_x: Array
    grid_y: Array
    proba: Array | None
    x: Array
    y: NDArray[np.int64]
    class_names: Sequence[str]
    feature_names: Sequence[str]
    curves: Sequence[Array] = ()

    def alt(self) -> str:
        """The picture in words."""
        shade = "" if self.proba is None else ", the shade says how sure they are together"
        lines = f", and the boundaries of {len(self.curves)} drawn networks" if len(self.curves) else ""
        return f"{self.title}: {len(self.y)} training examples{lines}{shade}."


@dataclass(frozen=True, eq=False)
class Qubits:
    """One or two qubits to be turned: angles in radians, and whether a CNOT couples them."""

    title: str
    angles: tuple[float, ...]
    coupled: bool = False

    def alt(self) -> str:
        """The picture in words."""
        degrees = " and ".join(f"{np.degrees(a):.0f} degrees" for a in self.angles)
        return f"{self.title}: angles of {degrees}{', coupled by a CNOT' if self.coupled else ''}."


Picture: TypeAlias = Lines | Bars | Plane | Qubits


@dataclass(frozen=True, eq=False)
class Handed:
    """Where a run of a lesson stands, to go on from elsewhere.

    Args:
        config: what it trains.
        state: angles, step and what the optimiser remembers.
        steps: logged so far, (T,).
        history: name -> (T, B).
    """

    config: RunConfig
    state: TrainState
    steps: NDArray[np.int64]
    history: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an experiment found.

    Args:
        numbers: by name; NaN where one does not exist yet.
        pictures: by name.
        notes: picture -> what is to be said below it, such as why something was refused.
        complete: whether nothing more will come.
        handed: its runs, to go on from.
    """

    numbers: Mapping[str, float]
    pictures: Mapping[str, Picture]
    notes: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True
    handed: tuple[Handed, ...] = ()


def _short(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "unknown"
