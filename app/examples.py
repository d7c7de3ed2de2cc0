"""Settings to begin with, one press away: what a newcomer meets first, and what is worth seeing next."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import streamlit as st

from app import state
from qhn_core.config import RunConfig

#: Name -> what differs from the defaults.
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "XOR with noise, 13 weights": {},
    "Ten digits, 640 weights": {
        "dataset": {"name": "digits", "classes": list(range(10)), "side": 8, "n_train": 898, "n_test": 899},
        "network": {"name": "mlp", "layers": [64, 10], "bias": False, "output_scale": 0.25},
        "ansatz": {"name": "chain", "layers": 2, "hadamard": True, "init": "normal", "scale": 0.1},
        "objective": {"name": "elbo", "beta": 0.03},
        "engine": {"name": "auto"},
        "estimator": {"name": "score_function", "shots": 4},
        "optimiser": {"name": "adam", "lr": 0.05},
        "steps": 2000,
        "replicas": 1,
        "batch": 128,
        "log_every": 50,
    },
}


@cache
def example(name: str) -> RunConfig:
    """The configuration of an example."""
    return RunConfig.model_validate(EXAMPLES[name])


def pick() -> None:
    """A menu of the examples; choosing one puts its settings into the form."""
    st.selectbox(
        "Examples",
        list(EXAMPLES),
        index=None,
        placeholder="Examples",
        key="example",
        label_visibility="collapsed",
        on_change=_adopt,
        help="Settings worth seeing: a choice fills in the whole form.",
    )


def _adopt() -> None:
    name = state.widget("example", None)
    if name in EXAMPLES:
        state.show_run(None)
        state.adopt(example(name))
