"""What a run works with: checked, then built, and shared with all whose problem is equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qhn_core.analysis.metrics import Metrics
from qhn_core.circuits.circuit import Circuit
from qhn_core.config import RunConfig
from qhn_core.datasets import Dataset
from qhn_core.engines.base import Engine
from qhn_core.errors import Cancelled
from qhn_core.planning import Plan, plan
from qhn_core.problems.problem import Problem, problem
from qhn_core.problems.stack import stack_problems
from qhn_core.sharing import Shared

#: Metrics in use by what their problems are made from.
_TABLES: Shared[Metrics] = Shared()


@dataclass(frozen=True, eq=False)
class Setup:
    """What a run works with, built once: safe to share between threads, never changed."""

    config: RunConfig
    plan: Plan
    circuit: Circuit
    problem: Problem
    engine: Engine
    metrics: Metrics
    #: Held so that others with the same problem share its tables.
    tables: Metrics | None = None

    @property
    def n_train(self) -> int:
        """Training examples n by which losses are divided (1 for a cost table)."""
        return self.problem.n_train


def prepare(
    config: RunConfig,
    *,
    uploads: Path | None = None,
    circuit: Circuit | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Setup:
    """Check, then build data, likelihood table, circuit, engine and metrics.

    Problem and metrics' tables are shared with all that are in use of equal data, network and prior: in a class all
    train on the same ones, and so do the contenders of a race.

    Args:
        config: the run.
        uploads: folder of content-addressed uploaded files.
        circuit: the circuit to train instead of the one that ``config.ansatz`` describes.
        progress: called with a fraction from 0 to 1 now and then.
        cancelled: asked now and then; where it says True, :class:`~qhn_core.errors.Cancelled` is raised.
    """
    needs = plan(config, uploads, circuit=circuit)
    tick = _tick(cancelled)
    tables = _TABLES.get(
        _content(config), lambda: Metrics(_problem(config, needs, uploads, progress, cancelled), tick=tick), tick=tick
    )
    metrics = Metrics(tables.problem, gamma=getattr(config.objective, "gamma", None), like=tables)
    return Setup(config, needs, needs.circuit, tables.problem, config.engine.build(), metrics, tables)


def _content(config: RunConfig) -> str:
    """What problem and metrics' tables are made from, as text. Uploaded files are named by their content."""
    replicas = config.replicas if config.data_draws > 1 else None
    return repr((config.dataset.model_dump_json(), config.network, config.prior, config.data_draws, replicas))


def _tick(cancelled: Callable[[], bool] | None) -> Callable[[], None]:
    def tick() -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("Set-up was stopped.")

    return tick


def _problem(
    config: RunConfig,
    needs: Plan,
    uploads: Path | None,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Problem:
    """The run's problem, or a stack of them where each start has its own draw of the data."""
    parts = []
    for draw in range(config.data_draws):

        def share(fraction: float, draw: int = draw) -> None:
            if progress is not None:
                progress((draw + fraction) / config.data_draws)

        parts.append(
            problem(
                config.network,
                draw_of(config, draw, uploads),
                config.prior,
                progress=share,
                cancelled=cancelled,
                tabulate=None if needs.tabulated else False,
            )
        )
    return parts[0] if config.data_draws == 1 else stack_problems(parts, config.replicas)


def draw_of(config: RunConfig, draw: int, uploads: Path | None = None) -> Dataset:
    """The data of replicas r with r mod ``data_draws`` = ``draw``: the dataset at seed + draw."""
    seed = config.dataset.seed + draw
    return config.dataset.model_copy(update={"seed": seed % 2**32}).load(uploads)
