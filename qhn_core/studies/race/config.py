"""A race: up to four contenders on the same data, from the same angles, seed by seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from qhn_core.ansatze import ANSATZE, AnsatzConfig
from qhn_core.baselines import BASELINES
from qhn_core.checks import check_choice
from qhn_core.config import SCHEMA_VERSION, RunConfig
from qhn_core.config import text as text_forms
from qhn_core.engines import ENGINES, EngineConfig
from qhn_core.errors import ConfigError
from qhn_core.estimators import ESTIMATORS, EstimatorConfig
from qhn_core.objectives import OBJECTIVES, ObjectiveConfig
from qhn_core.optimisers import OPTIMISERS, OptimiserConfig
from qhn_core.registry import KnownFields, Registry, describe_errors
from qhn_core.uploads import Upload

#: Most contenders in a race: more cannot be told apart on a plot.
MAX_CONTENDERS = 4


def _optional(registry: Registry[Any]) -> Any:
    return Annotated[
        SerializeAsAny[registry.base] | None,  # type: ignore[misc, name-defined]
        BeforeValidator(lambda value: None if value is None else registry.parse(value)),
    ]


if TYPE_CHECKING:
    _Objective: TypeAlias = ObjectiveConfig
    _Ansatz: TypeAlias = AnsatzConfig | None
    _Engine: TypeAlias = EngineConfig | None
    _Estimator: TypeAlias = EstimatorConfig | None
    _Optimiser: TypeAlias = OptimiserConfig | None
    _Base: TypeAlias = RunConfig
else:
    _Objective = OBJECTIVES.field()
    _Ansatz, _Engine = _optional(ANSATZE), _optional(ENGINES)
    _Estimator, _Optimiser = _optional(ESTIMATORS), _optional(OPTIMISERS)
    _Base = RunConfig


class Contender(KnownFields):
    """One side of a race: a loss, and what else differs from the race's base configuration (None: nothing)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: str = Field("", max_length=40, description="What plots and tables call it; by default the loss")
    objective: _Objective
    ansatz: _Ansatz = None
    engine: _Engine = None
    estimator: _Estimator = None
    optimiser: _Optimiser = None

    @property
    def title(self) -> str:
        """``label``, or the loss with its settings and, where it has them of its own, circuit and optimiser."""
        if self.label:
            return self.label
        own = [self.objective.title]
        if self.ansatz is not None:
            own.append(describe_circuit(self.ansatz))
        if self.optimiser is not None:
            own.append(describe_optimiser(self.optimiser))
        return " · ".join(own)

    def applied_to(self, base: RunConfig) -> RunConfig:
        """The base configuration with this contender's changes."""
        changes = {key: getattr(self, key) for key in ("objective", "ansatz", "engine", "estimator", "optimiser")}
        merged = base.to_dict() | {k: v.model_dump(mode="json") for k, v in changes.items() if v is not None}
        return RunConfig.parse(merged, source=f"contender {self.title}")


DEFAULT_CONTENDERS: tuple[dict[str, Any], ...] = (
    {"objective": {"name": "mle"}},
    {"objective": {"name": "elbo", "beta": 1.0}},
    {"objective": {"name": "selbo", "lam": 1.0, "gamma": 0.7}},
)
DEFAULT_RIVALS = ("best_string", "exact_bayes", "mean_field", "logistic_regression")


def _default_base() -> RunConfig:
    return RunConfig.parse({"schema_version": SCHEMA_VERSION, "replicas": 20, "data_draws": 20})


class RaceConfig(KnownFields):
    """Everything that determines a race.

    Replica r of every contender starts from the same θ₀ (they share seed, r, and the circuit's number of angles) and,
    where ``base.data_draws`` > 1, sees the same draw of the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    base: _Base = Field(default_factory=_default_base, description="What the contenders share")
    contenders: tuple[Contender, ...] = Field(
        default_factory=lambda: tuple(Contender.model_validate(c) for c in DEFAULT_CONTENDERS),
        min_length=1,
        max_length=MAX_CONTENDERS,
        description="The losses that race, the first being the one that the others are compared with",
    )
    rivals: tuple[str, ...] = Field(DEFAULT_RIVALS, description="Classical methods on the same problem")
    judged_step: int | None = Field(
        None, ge=1, description="Step at which the race is judged, set before it begins; the last if not set"
    )

    @property
    def judged_at(self) -> int:
        """The step whose verdict counts."""
        return self.base.steps if self.judged_step is None else self.judged_step

    @field_validator("judged_step")
    @classmethod
    def _logged(cls, step: int | None, info: ValidationInfo) -> int | None:
        base = info.data.get("base")
        if step is None or base is None:
            return step
        if step > base.steps or (step % base.log_every and step != base.steps):
            raise ValueError(
                f"expected a logged step: {base.steps} (the last) or a smaller multiple of {base.log_every}, got {step}"
            )
        return None if step == base.steps else step

    @field_validator("contenders")
    @classmethod
    def _distinct(cls, contenders: tuple[Contender, ...], info: ValidationInfo) -> tuple[Contender, ...]:
        if (base := info.data.get("base")) is not None:
            contenders = tuple(_without_repetition(contender, base) for contender in contenders)
        titles = [c.title for c in contenders]
        twice = sorted({t for t in titles if titles.count(t) > 1})
        if twice:
            raise ValueError(f"two contenders are both called '{twice[0]}': give one another label")
        return contenders

    @field_validator("rivals")
    @classmethod
    def _known(cls, rivals: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_choice("rivals", name, BASELINES.names()) for name in dict.fromkeys(rivals))

    def configs(self) -> tuple[RunConfig, ...]:
        """One run configuration per contender, in their order."""
        return tuple(contender.applied_to(self.base) for contender in self.contenders)

    @classmethod
    def parse(cls, value: Any, *, source: str = "race") -> RaceConfig:
        """Validate a mapping from outside; every problem in one :class:`ConfigError`."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ConfigError(describe_errors(error), source=source) from None

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain data."""
        contenders = [c.model_dump(mode="json", exclude_none=True, exclude_defaults=False) for c in self.contenders]
        plain = {"base": self.base.to_dict(), "contenders": contenders, "rivals": list(self.rivals)}
        return plain if self.judged_step is None else plain | {"judged_step": self.judged_step}

    def to_json(self) -> str:
        """All fields as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_yaml(self) -> str:
        """All fields as YAML text."""
        return text_forms.write_yaml(self.to_dict(), spread=("base", "contenders"))

    @classmethod
    def from_yaml(cls, text: str) -> RaceConfig:
        """Inverse of :meth:`to_yaml`; raises :class:`ConfigError`."""
        return cls.parse(text_forms.read_yaml(text), source="race")

    def uploaded(self) -> tuple[Upload, ...]:
        """The uploaded files that its contenders' runs name."""
        return tuple(dict.fromkeys(file for config in self.configs() for file in config.uploaded()))

    def to_url(self) -> str:
        """Compact text for a URL; the base is written as what differs from a run's defaults."""
        return text_forms.pack(self.to_dict() | {"base": self.base.differences()})

    @classmethod
    def from_url(cls, text: str) -> RaceConfig:
        """Inverse of :meth:`to_url`; raises :class:`ConfigError` for anything damaged, hostile or newer."""
        return cls.parse(text_forms.unpack(text), source="link")


def describe_circuit(ansatz: AnsatzConfig) -> str:
    """Short name: ``brickwork × 2``; of a person's own circuit what its file's content hash begins with."""
    if ansatz.own:
        return f"own circuit {getattr(ansatz, 'file', '')[:4]}".strip()
    name = ansatz.name.replace("_", " ")
    return f"{name} × {ansatz.layers}" if ansatz.layers > 1 else name


def describe_optimiser(optimiser: OptimiserConfig) -> str:
    """Short name with the learning rate and what is not the default: ``Adam 0.01``, ``Adam 0.01 clip 1``."""
    rate = optimiser.lr
    short = {"sgd": "SGD"}.get(optimiser.name, type(optimiser).label or optimiser.name)
    parts = [short, f"{rate:g}" if isinstance(rate, (int, float)) else rate.kind]
    for key, field in type(optimiser).model_fields.items():
        value = getattr(optimiser, key)
        if key in ("name", "lr") or value == field.default:
            continue
        words = key.replace("_", " ")
        parts.append(words if value is True else f"no {words}" if value in (None, False) else f"{words} {value:g}")
    return " ".join(parts)


def _without_repetition(contender: Contender, base: RunConfig) -> Contender:
    """The contender without a circuit or optimiser of its own that is the race's."""
    named = ("ansatz", "optimiser")
    same = {key: None for key in named if getattr(contender, key) == getattr(base, key)}
    return contender.model_copy(update=same) if same else contender
