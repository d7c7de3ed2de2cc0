"""What an experiment of a lesson is."""

from __future__ import annotations

from abc import abstractmethod

from qhn_core.config import RunConfig
from qhn_core.lessons.outcome import Outcome, Watch
from qhn_core.registry import Registry, VariantConfig


class ExperimentConfig(VariantConfig):
    """Base of all experiments. The lesson's run configuration comes beside its own options."""

    @abstractmethod
    def values(self, config: RunConfig) -> tuple[str, ...]:
        """Names of the numbers that it gives."""

    @abstractmethod
    def pictures(self) -> tuple[str, ...]:
        """Names of the pictures that it gives."""

    @abstractmethod
    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Run it.

        Args:
            config: the lesson's configuration, with what its controls changed.
            until: the training step at which to stop, for a prediction of what follows; None: to the end.
            watch: where it reports and shares partial outcomes.
        """


EXPERIMENTS: Registry[ExperimentConfig] = Registry("experiment", ExperimentConfig)
