"""Variants and how they are found: one file per variant, holding its config and its function.

A *room* (``ansatze``, ``datasets``, …) owns one :class:`Registry`. A file in the room decorates its config class
with ``@ROOM.register``; :meth:`Registry.discover` imports every file of the room, so that adding a variant is adding
a file. Forms, documentation, contract tests and benchmarks read the registries and find it by themselves.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from qhn_core import demands
from qhn_core.checks import check_choice
from qhn_core.errors import InvalidArgument, UnknownName, shorten
from qhn_core.extras import require
from qhn_core.uploads import Upload

#: Kinds of value, as pydantic names them in the place of an error.
_KINDS = frozenset({"int", "float", "str", "bool", "none"})


class KnownFields(BaseModel):
    """Base of what is read from outside: an unknown field is refused with the names there are, and the nearest."""

    @model_validator(mode="wrap")
    @classmethod
    def _name_the_fields(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            raise _with_names(error, cls) from None


def _with_names(error: ValidationError, model: type[BaseModel]) -> ValidationError:
    """The same problems, those about fields that ``model`` does not have in words of ours."""
    problems = []
    for item in error.errors(include_url=False):
        context = item.get("ctx", {})
        kind: str | PydanticCustomError = item["type"]
        if kind == "extra_forbidden" and len(item["loc"]) == 1:
            kind = PydanticCustomError("unknown_field", "{error}", {"error": _unknown(str(item["loc"][0]), model)})
        elif kind == "unknown_field":
            kind = PydanticCustomError("unknown_field", "{error}", context)
        problems.append(InitErrorDetails(type=kind, loc=item["loc"], input=item["input"], ctx=context))
    return ValidationError.from_exception_data(error.title, problems)


def _unknown(name: str, model: type[BaseModel]) -> UnknownName:
    names = [field for field in model.model_fields if field != "name"]
    near = get_close_matches(name, names, n=1)
    expected = f"one of the fields {', '.join(names)}" if names else "no fields, as this variant has none"
    remedy = f"Did you mean '{near[0]}'?" if near else "Correct the name, or leave it out."
    return UnknownName(shorten(name, 40), expected=expected, got=shorten(name, 40), remedy=remedy)


class VariantConfig(KnownFields):
    """Base of every variant's configuration: frozen, strict about unknown fields, finite numbers only.

    A subclass sets ``name: Literal["…"] = "…"`` and the class attribute ``label`` (what a form shows); each field
    carries its bounds and a ``description``, from which forms and documentation are made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: ClassVar[str] = ""
    #: Packages, as they are imported, that it needs beyond a plain installation.
    packages: ClassVar[tuple[str, ...]] = ()
    name: str

    def check_installed(self) -> None:
        """Refuse, by name, what this variant needs and is not installed; the message names the extra."""
        require(*self.packages, purpose=f"'{self.name}'")

    def uploaded(self) -> Upload | None:
        """The uploaded file that it reads; None where it reads none."""
        return None

    @classmethod
    def variant_name(cls) -> str:
        """The registered name, from the ``Literal`` of field ``name``."""
        return str(get_args(cls.model_fields["name"].annotation)[0])


V = TypeVar("V", bound=VariantConfig)


class Registry(Generic[V]):
    """Names to config classes for one room.

    Args:
        kind: what the variants are, in one word, as a configuration names it ("ansatz").
        base: the class that every variant extends.
    """

    def __init__(self, kind: str, base: type[V]) -> None:
        self.kind = kind
        self.base = base
        self._variants: dict[str, type[V]] = {}

    def register(self, variant: type[V]) -> type[V]:
        """Class decorator: add ``variant`` under its own name."""
        name = variant.variant_name()
        if name in self._variants:
            raise InvalidArgument(self.kind, expected="a name that is not taken", got=name)
        self._variants[name] = variant
        return variant

    @contextmanager
    def holding(self, variant: type[V]) -> Iterator[type[V]]:
        """``with`` block in which ``variant`` is registered: for a notebook's trial, and for tests."""
        self.register(variant)
        try:
            yield variant
        finally:
            del self._variants[variant.variant_name()]

    def discover(self, package: str, path: list[str]) -> None:
        """Import every module of the room; its ``__init__`` ends with ``ROOM.discover(__name__, __path__)``."""
        for module in pkgutil.iter_modules(path):
            if not module.name.startswith("_"):
                import_module(f"{package}.{module.name}")

    def names(self) -> tuple[str, ...]:
        """Registered names, sorted."""
        return tuple(sorted(self._variants))

    def __getitem__(self, name: str) -> type[V]:
        return self._variants[check_choice(self.kind, name, self._variants)]

    def parse(self, value: object) -> V:
        """A validated config from a config, a name, or a mapping with the key ``name``."""
        if isinstance(value, self.base):
            return value
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, Mapping):
            raise InvalidArgument(self.kind, expected="a name, or a mapping with the key 'name'", got=shorten(value))
        if "name" not in value:
            raise InvalidArgument(self.kind, expected="the key 'name'", got=sorted(map(str, value)))
        return self[value["name"]].model_validate(dict(value))

    def make(self, name: str, /, **options: Any) -> V:
        """A config by name and options; wrong options raise :class:`InvalidArgument` naming each of them."""
        try:
            return self.parse({"name": name, **options})
        except ValidationError as error:
            raise invalid_options(error, prefix=self.kind) from None

    def field(self) -> Any:
        """Pydantic field type that accepts any registered variant and serialises it with all its fields."""
        return Annotated[SerializeAsAny[self.base], BeforeValidator(self.parse)]  # type: ignore[misc, name-defined]


class _Problem(NamedTuple):
    """One thing that is wrong, at one field."""

    path: str  #: dotted, empty for the whole
    what: str  #: in words
    said: InvalidArgument  #: the same with its parts


def describe_errors(error: ValidationError, *, prefix: str = "") -> list[tuple[str, str]]:
    """(dotted path of the field, what is wrong with it) for every problem in a pydantic error."""
    return [(problem.path, problem.what) for problem in _problems(error, prefix)]


def invalid_options(error: ValidationError, *, prefix: str = "") -> InvalidArgument:
    """One :class:`InvalidArgument` that says what is wrong with every option of a pydantic error."""
    first, *others = _problems(error, prefix)
    also = "; ".join(f"{path}: {what}" for path, what, _ in others)
    more = f"Also: {also}." if also else ""
    path, own = first.path, first.said
    if path.rpartition(".")[2] != own.argument:  # a rule about several fields names the field itself
        path = f"{path}.{own.argument}"
    remedy = " ".join(filter(None, (own.remedy, more)))
    return InvalidArgument(path, expected=own.expected, got=own.got, remedy=remedy)


def _problems(error: ValidationError, prefix: str) -> list[_Problem]:
    """Every problem once, in the words of this package.

    Where a field takes values of several kinds, pydantic tells what each of them found. They are told together; that a
    value is not of one kind is left out where it was read as another, in which something is wrong.
    """
    items = error.errors(include_url=False)
    causes = [item for item in items if item["type"] != "default_factory_not_called"]  # follows from another
    paths = [_path(item["loc"], prefix) for item in causes or items]
    found: dict[str, list[ErrorDetails]] = {}
    for path, item in zip(paths, causes or items, strict=True):
        kind = len(item["loc"]) > 1 and _is_kind(item["loc"][-1])
        if not (kind and any(other.startswith(f"{path}.") for other in paths)):
            found.setdefault(path, []).append(item)
    return [problem for path, items in found.items() for problem in _told(path, items)]


def _told(path: str, items: list[ErrorDetails]) -> Iterator[_Problem]:
    """What is wrong with one field: rules of ours each by itself, all else in one sentence."""
    argument = path.rpartition(".")[2]
    others = []
    for item in items:
        own = item.get("ctx", {}).get("error")
        if own is None:
            others.append(item)
            continue
        what = str(own).removeprefix(f"{argument}: ")
        if not isinstance(own, InvalidArgument):
            expected = what.split(", got ")[0].removeprefix("expected ")
            own = InvalidArgument(argument, expected=expected, got=item["input"])
        yield _Problem(path, what, own)
    if others:
        kinds = [(item["type"], item.get("ctx", {})) for item in others]
        expected = " or ".join(dict.fromkeys(demands.expected(*kind) for kind in kinds))
        got = demands.got(kinds[0][0], others[0]["input"], kinds[0][1])
        said = InvalidArgument(argument, expected=expected, got=got, remedy=demands.remedy(kinds[0][0]))
        tail = f". {said.remedy}" if said.remedy else ""
        yield _Problem(path, f"expected {expected}, got {said.got}{tail}", said)


def _path(places: tuple[int | str, ...], prefix: str) -> str:
    """The field's dotted path; which kinds of value it takes is no part of its name."""
    parts = [str(place) for i, place in enumerate(places) if not (i and _is_kind(place))]
    return ".".join([prefix, *parts] if prefix else parts)


def _is_kind(place: int | str) -> bool:
    """Whether it names a kind of value among those that a field takes, such as ``float`` or ``tuple[float, ...]``."""
    return isinstance(place, str) and (place in _KINDS or "[" in place)
