"""Logistic regression on the features: real weights, no hidden layer, the plainest rival there is.

L2-regularised maximum likelihood; C is the inverse strength. Fitted with scikit-learn. Where all n examples are of one
class the likelihood has no maximum: of K classes that one then gets (n + 1)/(n + K), by Laplace's rule of succession.
"""

from __future__ import annotations

import time
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival
from qhn_core.datasets import Dataset
from qhn_core.problems.problem import Problem

_NOTES = "Real-valued weights; evaluations are solver iterations. Data of one class only: the rule of succession."


@BASELINES.register
class LogisticRegressionRival(BaselineConfig):
    """Not a distribution over strings: it has predictive metrics only."""

    label: ClassVar[str] = "Logistic regression"
    name: Literal["logistic_regression"] = "logistic_regression"
    needs_network: ClassVar[bool] = True
    stochastic: ClassVar[bool] = False
    trailless: ClassVar[str] = "is solved by a library that keeps its iterates to itself"
    C: float = Field(1.0, gt=0.0, le=1e6, description="Inverse strength of the L2 penalty")

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """All replicas end alike. Its evaluations are the solver's iterations."""
        from sklearn.linear_model import LogisticRegression

        self.require_network(problem)
        data = problem.dataset
        assert data is not None  # noqa: S101 - require_network has just raised otherwise
        start = time.perf_counter()
        if len(np.unique(data.y_train)) == 1:
            return self._of_one_class(data, replicas)
        model = LogisticRegression(C=self.C, max_iter=10_000).fit(data.x_train, data.y_train)

        def proba(x: NDArray[np.float64]) -> NDArray[np.float64]:
            full = np.zeros((len(x), data.n_classes))
            if len(x):
                full[:, model.classes_] = model.predict_proba(x)
            return np.repeat(full[None], replicas, axis=0)

        return Rival(
            self.name,
            None,
            int(np.max(model.n_iter_)),
            time.perf_counter() - start,
            proba_train=proba(data.x_train),
            proba_test=proba(data.x_test),
            notes=_NOTES,
        )

    def _of_one_class(self, data: Dataset, replicas: int) -> Rival:
        """The same prediction everywhere, as there is no boundary to fit."""
        start = time.perf_counter()
        share = np.bincount(data.y_train, minlength=data.n_classes) + 1.0
        share /= share.sum()

        def proba(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.tile(share, (replicas, len(x), 1))

        return Rival(
            self.name,
            None,
            1,
            time.perf_counter() - start,
            proba_train=proba(data.x_train),
            proba_test=proba(data.x_test),
            notes=_NOTES,
        )
