"""The one description of a run: data, network, prior, circuit, loss, engine, estimator, optimiser, and how long.

:class:`RunConfig` is composed of variants through the registries, at validation, and travels as JSON, as YAML and as
compact text for a URL. What a run would need is said by :mod:`qhn_core.planning`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from qhn_core.ansatze import ANSATZE, AnsatzConfig
from qhn_core.config import text as text_forms
from qhn_core.config.files import keep_files
from qhn_core.datasets import DATASETS, DatasetConfig
from qhn_core.engines import ENGINES, EngineConfig
from qhn_core.errors import ConfigError, InvalidArgument
from qhn_core.estimators import ESTIMATORS, EstimatorConfig
from qhn_core.networks import NETWORKS, NetworkConfig
from qhn_core.objectives import OBJECTIVES, ObjectiveConfig
from qhn_core.optimisers import OPTIMISERS, OptimiserConfig
from qhn_core.priors import PRIORS, PriorConfig
from qhn_core.registry import KnownFields, Registry, VariantConfig, describe_errors
from qhn_core.uploads import Upload

__all__ = [
    "SCHEMA_VERSION",
    "SECTIONS",
    "ConfigError",
    "RunConfig",
    "load_config",
]

#: Version of the fields below. It goes up when a configuration changes its meaning.
SCHEMA_VERSION = 1

#: Name of a section of a configuration -> the registry of its variants.
SECTIONS: dict[str, Registry[Any]] = {
    "dataset": DATASETS,
    "network": NETWORKS,
    "prior": PRIORS,
    "ansatz": ANSATZE,
    "objective": OBJECTIVES,
    "engine": ENGINES,
    "estimator": ESTIMATORS,
    "optimiser": OPTIMISERS,
}

#: The known good demonstration: 20 noisy examples of XOR, a 2-3-1 sign network (13 qubits), 16 starts.
DEFAULTS: dict[str, dict[str, Any]] = {
    "dataset": {
        "name": "xor",
        "n_train": 20,
        "n_test": 500,
        "noise": 0.45,
        "label_noise": 0.1,
        "label_noise_test": True,
        "seed": 0,
    },
    "network": {"name": "mlp", "layers": (2, 3, 1), "activation": "sign"},
    "prior": {"name": "bernoulli", "rho": 0.5},
    "ansatz": {"name": "linear", "layers": 3},
    "objective": {"name": "elbo", "beta": 0.3},
    "engine": {"name": "auto"},
    "estimator": {"name": "adjoint"},
    "optimiser": {"name": "adam", "lr": 0.05},
}

if TYPE_CHECKING:
    _Dataset: TypeAlias = DatasetConfig
    _Network: TypeAlias = NetworkConfig | None
    _Prior: TypeAlias = PriorConfig
    _Ansatz: TypeAlias = AnsatzConfig
    _Objective: TypeAlias = ObjectiveConfig
    _Engine: TypeAlias = EngineConfig
    _Estimator: TypeAlias = EstimatorConfig
    _Optimiser: TypeAlias = OptimiserConfig
else:
    _Dataset, _Prior, _Ansatz, _Objective = DATASETS.field(), PRIORS.field(), ANSATZE.field(), OBJECTIVES.field()
    _Engine, _Estimator, _Optimiser = ENGINES.field(), ESTIMATORS.field(), OPTIMISERS.field()
    _Network = Annotated[
        SerializeAsAny[NetworkConfig] | None,
        BeforeValidator(lambda value: None if value is None else NETWORKS.parse(value)),
    ]


def _default(section: str) -> Any:
    """A field whose default is parsed when first needed, as variants register themselves at import."""
    return Field(default_factory=lambda: SECTIONS[section].parse(DEFAULTS[section]), validate_default=False)


class RunConfig(KnownFields):
    """Everything that determines a run's history, and nothing else (no speed, no paths).

    The number of qubits follows from the network (or from the length of a cost table). Frozen; unknown fields, NaN
    and infinity are refused. ``RunConfig()`` is the demonstration that a newcomer meets first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: ClassVar[str] = "Run"

    schema_version: int = Field(SCHEMA_VERSION, description="Version of this format")
    dataset: _Dataset = _default("dataset")
    network: _Network = Field(
        default_factory=lambda data: _default_network(data),
        description="Absent for a cost table, which needs no network",
    )
    prior: _Prior = _default("prior")
    ansatz: _Ansatz = _default("ansatz")
    objective: _Objective = _default("objective")
    engine: _Engine = _default("engine")
    estimator: _Estimator = _default("estimator")
    optimiser: _Optimiser = _default("optimiser")
    steps: int = Field(250, ge=1, le=1_000_000, description="How often the angles are moved")
    replicas: int = Field(
        16, ge=1, le=4096, description="From how many different initial angles one trains: chance becomes visible"
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        description="Another number begins at other angles and draws other shots; the same gives the same history",
    )
    log_every: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="How many steps lie between two points of the curves; the last step always has one",
    )
    data_draws: int = Field(
        1,
        ge=1,
        le=1024,
        description="How many different draws of the data the starts train on, in turn: with more than one, starts "
        "differ by the luck of the data, too (start r uses the dataset's seed + r mod draws)",
    )

    batch: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Training examples that a step looks at, drawn anew each step; all if not set",
    )

    @field_validator("schema_version", mode="before")
    @classmethod
    def _known_version(cls, value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if whole and value > SCHEMA_VERSION:
            raise ValueError(text_forms.newer("configuration", value, SCHEMA_VERSION))
        if not whole or value != SCHEMA_VERSION:
            raise InvalidArgument("schema_version", expected=f"{SCHEMA_VERSION}", got=value)
        return value

    @field_validator("steps", "replicas", "seed", "log_every", "data_draws", "batch", mode="before")
    @classmethod
    def _no_booleans(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool):
            raise InvalidArgument(str(info.field_name), expected="a whole number", got="true" if value else "false")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        if self.dataset.needs_network and self.network is None:
            raise ValueError(
                f"network: the dataset '{self.dataset.name}' needs a network, for example "
                "{name: mlp, layers: [2, 3, 1]}"
            )
        if not self.dataset.needs_network and self.network is not None:
            raise ValueError(
                f"network: the dataset '{self.dataset.name}' trains without a network, got '{self.network.name}': "
                "leave the network out"
            )
        if self.data_draws > self.replicas:
            raise ValueError(
                f"data_draws: expected at most replicas={self.replicas}, got {self.data_draws}: "
                "each draw of the data needs a start of its own"
            )
        return self

    @property
    def logged_steps(self) -> int:
        """Rows of its history if nothing ends it early: step 0, every ``log_every``-th, and the last."""
        return -(-self.steps // self.log_every) + 1

    def uploaded(self) -> tuple[Upload, ...]:
        """The uploaded files that it names."""
        found = (getattr(self, section).uploaded() for section in SECTIONS if getattr(self, section) is not None)
        return tuple(filter(None, found))

    # --- text forms ------------------------------------------------------------------------------------------------

    @classmethod
    def parse(cls, value: Any, *, source: str = "configuration") -> RunConfig:
        """Validate a mapping from outside; every problem in one :class:`ConfigError`."""
        if isinstance(value, RunConfig):
            return value
        version = value.get("schema_version") if isinstance(value, Mapping) else None
        if isinstance(version, int) and not isinstance(version, bool) and version > SCHEMA_VERSION:
            # what else is wrong with it would be this program's ignorance
            raise ConfigError(
                [("schema_version", text_forms.newer("configuration", version, SCHEMA_VERSION))], source=source
            )
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ConfigError(_problems(error), source=source) from None

    def to_json(self) -> str:
        """All fields as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        """Inverse of :meth:`to_json`; raises :class:`ConfigError`."""
        return cls.parse(text_forms.read_json(text), source="JSON")

    def to_yaml(self) -> str:
        """All fields as YAML text."""
        return text_forms.write_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> RunConfig:
        """Inverse of :meth:`to_yaml`; raises :class:`ConfigError`."""
        return cls.parse(text_forms.read_yaml(text), source="YAML")

    def to_url(self) -> str:
        """Compact text for a URL: ``"1."`` and what differs from the defaults, packed; equal configs, equal text.

        Raises:
            ConfigError: the text would be longer than what browsers and proxies take.
        """
        return text_forms.pack(self.differences())

    @classmethod
    def from_url(cls, text: str) -> RunConfig:
        """Inverse of :meth:`to_url`; raises :class:`ConfigError` for anything damaged, hostile or newer."""
        return cls.parse(text_forms.unpack(text), source="link")

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain data (what JSON can hold); ``network`` is left out where there is none."""
        plain = self.model_dump(mode="json")
        if plain["network"] is None:
            del plain["network"]
        return plain

    def differences(self) -> dict[str, Any]:
        """``schema_version`` and the fields that differ from the defaults, as plain data.

        A section that differs is written as its name and the options that differ from its variant's own defaults.
        """
        base, mine = RunConfig(), self.to_dict()
        plain_base = base.to_dict()
        found: dict[str, Any] = {"schema_version": self.schema_version}
        for key, value in mine.items():
            if value == plain_base.get(key):
                continue
            found[key] = _variant_differences(getattr(self, key)) if key in SECTIONS else value
        return found


def load_config(path: str | Path, *, uploads: Path | None = None) -> RunConfig:
    """The configuration in a ``.yaml``, ``.yml`` or ``.json`` file; raises :class:`ConfigError`.

    With the folder ``uploads`` a circuit may be named by its path, seen from the configuration's folder
    (``ansatz: {name: qasm, file: mine.qasm}``): it is kept there, and named by its content hash.
    """
    path = Path(path)
    text, suffix = text_forms.read_file(path)
    source = f"file {path.name}"
    read = text_forms.read_json if suffix == ".json" else text_forms.read_yaml
    values = read(text, source=source)
    return RunConfig.parse(values if uploads is None else keep_files(values, path.parent, uploads), source=source)


def _default_network(data: dict[str, Any]) -> NetworkConfig | None:
    dataset = data.get("dataset")
    return None if dataset is None or not dataset.needs_network else NETWORKS.parse(DEFAULTS["network"])


def _variant_differences(variant: VariantConfig) -> dict[str, Any]:
    plain = variant.model_dump(mode="json")
    fields = type(variant).model_fields
    return {
        key: value
        for key, value in plain.items()
        if key == "name"
        or fields[key].is_required()
        or getattr(variant, key) != fields[key].get_default(call_default_factory=True)
    }


def _problems(error: ValidationError) -> list[tuple[str, str]]:
    """Problems as (path, message); those of the model as a whole name their field at the start of the message."""
    found = []
    for path, what in describe_errors(error):
        if not path and ": " in what:
            path, what = what.split(": ", 1)
        found.append((path, what.removeprefix(path.rsplit(".", 1)[-1] + ": ")))
    return found
