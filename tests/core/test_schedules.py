"""Schedules: values by hand, bounds that hold, and refusals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from qhn_core.errors import InvalidArgument
from qhn_core.schedules import KINDS, Anneal, Cosine, Cyclical, Linear, Scheduled, bounds, check_range, value_at

FIELD = TypeAdapter(Scheduled)


def test_a_plain_number_never_changes() -> None:
    assert [value_at(0.3, t) for t in (0, 7, 10**6)] == [0.3] * 3


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Linear(start=0, end=2, steps=10), {0: 0.0, 5: 1.0, 10: 2.0, 999: 2.0}),
        (Linear(start=3, end=1, steps=4), {0: 3.0, 1: 2.5, 4: 1.0}),
        (Cyclical(start=0, end=1, steps=10, ramp=0.5), {0: 0.0, 1: 0.2, 5: 1.0, 9: 1.0, 10: 0.0, 13: 0.6}),
        (Cosine(start=1, end=0, steps=10), {0: 1.0, 5: 0.5, 10: 0.0, 50: 0.0}),
        (Anneal(start=100, end=1, steps=2), {0: 100.0, 1: 10.0, 2: 1.0, 9: 1.0}),
    ],
)
def test_values_by_hand(schedule: object, expected: dict[int, float]) -> None:
    for step, value in expected.items():
        assert value_at(schedule, step) == pytest.approx(value, abs=1e-15)  # type: ignore[arg-type]


@given(
    kind=st.sampled_from(sorted(KINDS)),
    start=st.floats(0.01, 100),
    end=st.floats(0.01, 100),
    steps=st.integers(1, 500),
    step=st.integers(0, 2000),
)
def test_every_kind_stays_within_its_bounds(kind: str, start: float, end: float, steps: int, step: int) -> None:
    schedule = FIELD.validate_python({"kind": kind, "start": start, "end": end, "steps": steps})
    low, high = bounds(schedule)
    assert low - 1e-9 <= value_at(schedule, step) <= high + 1e-9
    assert value_at(schedule, 0) == pytest.approx(start)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_survives_a_round_trip_and_has_defaults(kind: str) -> None:
    schedule = FIELD.validate_python({"kind": kind})
    assert FIELD.validate_json(FIELD.dump_json(schedule)) == schedule
    assert math.isfinite(value_at(schedule, 3))


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "stairs"},
        {"kind": "linear", "steps": 0},
        {"kind": "linear", "start": float("nan")},
        {"kind": "anneal", "end": 0.0},
        {"kind": "cyclical", "ramp": 0.0},
        {"kind": "cosine", "speed": 1},
        "fast",
    ],
)
def test_impossible_schedules_are_refused(bad: object) -> None:
    with pytest.raises(ValidationError):
        FIELD.validate_python(bad)


def test_range_is_checked_over_the_whole_schedule() -> None:
    assert check_range("beta", 0.5, low=0, high=1) == 0.5
    with pytest.raises(InvalidArgument, match="beta: expected values from 0 to 1"):
        check_range("beta", Linear(start=0.5, end=2.0), low=0, high=1)
