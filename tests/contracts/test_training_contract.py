"""Every registered variant trains: a tiny run that differs from a base run in one section."""

from __future__ import annotations

import numpy as np
import pytest

from qhn_core import RunConfig, plan, train
from qhn_core.config import SECTIONS
from qhn_core.engines.base import PROBABILITIES
from qhn_core.metrics import LOGGED

BASE = {
    "dataset": {"name": "xor", "n_train": 6, "n_test": 8},
    "network": {"name": "mlp", "layers": [2, 1, 1], "activation": "sign"},
    "ansatz": {"name": "linear", "layers": 1},
    "objective": {"name": "selbo", "lam": 0.3},
    "steps": 3,
    "replicas": 2,
}
#: Variants whose options have no default, with some that do.
OPTIONS: dict[tuple[str, str], dict] = {
    ("dataset", "cost_table"): {"costs": [3.0, 1.0, 2.0, 0.0, 5.0, 4.0, 1.5, 2.5]},
    ("ansatz", "product"): {"layers": 1},
}
#: Data that only a user can bring.
UPLOADED = {("dataset", "csv")}
VARIANTS = [(s, n) for s, registry in SECTIONS.items() for n in registry.names() if (s, n) not in UPLOADED]


def one_changed(section: str, name: str) -> RunConfig:
    value = {"name": name} | OPTIONS.get((section, name), {})
    fields = SECTIONS[section][name].model_fields
    if section == "dataset" and (section, name) not in OPTIONS:
        value |= {"n_train": 6, "n_test": 8}
    if section == "network":
        value |= {"layers": [2, 1, 1]} if "layers" in fields else {}
    if section == "estimator" and "shots" in fields:
        value |= {"shots": 32}
    config = BASE | {section: value}
    if section == "engine" and PROBABILITIES not in SECTIONS["engine"].parse(value).provides:
        config["estimator"] = {"name": "spsa", "shots": 32}
    if section == "dataset":
        data = SECTIONS["dataset"].parse(value)
        if data.needs_network:
            d, classes = data.shape()
            config["network"] = {"name": "mlp", "layers": [d, 1, 1 if classes == 2 else classes]}
        else:
            del config["network"]
    return RunConfig.model_validate(config)


@pytest.mark.parametrize(("section", "name"), VARIANTS, ids=[f"{s}-{n}" for s, n in VARIANTS])
def test_trains(section, name):
    config = one_changed(section, name)
    needs = plan(config)
    result = train(config)
    assert result.steps.tolist() == [0, 1, 2, 3]
    assert result.theta.shape == (2, needs.n_params)
    assert np.isfinite(result.theta).all()
    assert set(LOGGED) <= set(result.history)
    for metric in ("loss", "nll_train", "grad_norm", "mmd2"):
        assert np.isfinite(result.history[metric]).all(), metric
    if config.network is not None:
        for metric in ("nll_test", "predictive_nll_test", "accuracy_test", "tie_share"):
            assert np.isfinite(result.history[metric]).all(), metric
    terms = sum(values for key, values in result.history.items() if key.startswith("term_"))
    np.testing.assert_allclose(terms, result.history["loss"], rtol=1e-9, atol=1e-12)
    starting = result.history["grad_norm"][0]
    assert (starting > 1e-9).any(), "q does not move with the angles"


@pytest.mark.parametrize("objective", SECTIONS["objective"].names())
@pytest.mark.parametrize("estimator", SECTIONS["estimator"].names())
def test_every_loss_with_every_estimator_trains_or_is_refused_before_it_starts(objective, estimator):
    from qhn_core.errors import Unsupported

    fields = SECTIONS["estimator"][estimator].model_fields
    shots = {"shots": 32} if "shots" in fields else {}
    config = RunConfig.model_validate(
        BASE | {"steps": 1, "objective": {"name": objective}, "estimator": {"name": estimator} | shots}
    )
    loss = config.objective
    if loss.needs_log_q and estimator not in ("adjoint", "score_function"):
        with pytest.raises(Unsupported, match="explicit distribution"):
            plan(config)
    else:
        assert np.isfinite(train(config).history["loss"]).all()
