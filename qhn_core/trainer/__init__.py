"""Training as pure functions: ``prepare(config)``, ``init(setup)``, then ``state, info = step(setup, state)``."""

from qhn_core.trainer.descent import Passage, descend
from qhn_core.trainer.judging import (
    ENSEMBLE,
    METRIC_SHOTS,
    ensemble,
    ensemble_of,
    loss_error,
    metric_shots,
    rows,
    takes_ensemble,
)
from qhn_core.trainer.setup import Setup, draw_of, prepare
from qhn_core.trainer.state import Info, TrainState
from qhn_core.trainer.steps import advance, estimate, init, step

__all__ = [
    "ENSEMBLE",
    "METRIC_SHOTS",
    "Info",
    "Passage",
    "Setup",
    "TrainState",
    "advance",
    "descend",
    "draw_of",
    "ensemble",
    "ensemble_of",
    "estimate",
    "init",
    "loss_error",
    "metric_shots",
    "prepare",
    "rows",
    "step",
    "takes_ensemble",
]
