"""README's numbers on a thousand weights are those of the report's CSV, recomputed without the package."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "assets" / "reports"
METHODS = {
    "circuit, χ = 1": "chain 1",
    "circuit, χ = 2": "chain 2",
    "circuit, χ = 4": "chain 3",
    "circuit, χ = 8": "chain 4",
    "mean field, no circuit": "mean_field",
    "straight-through, one network": "straight_through",
    "BayesBiNN": "bayesbinn",
    "simulated annealing, one network": "simulated_annealing",
    "best of random networks": "random_search",
    "logistic regression, real weights": "logistic_regression",
}
BUDGETS = (3000, 12_000)
SIZES = ("chain 1", "chain 2", "mean_field", "straight_through", "bayesbinn", "logistic_regression")
#: Weights, method, compared with, budget, and what the words beside it say: -1 behind, 0 no difference shown, 1 ahead.
COMPARED = (
    (640, "chain 2", "chain 1", 12_000, 0),
    (640, "chain 3", "chain 1", 12_000, 0),
    (640, "chain 1", "mean_field", 12_000, 0),
    (640, "chain 1", "straight_through", 12_000, 0),
    (640, "chain 1", "logistic_regression", 12_000, -1),
    (640, "chain 3", "straight_through", 3000, -1),
    (1184, "chain 1", "mean_field", 3000, -1),
    (1184, "chain 1", "straight_through", 3000, -1),
    (1184, "chain 2", "chain 1", 3000, 0),
)


def accuracies() -> dict[tuple[int, str, int], dict[int, float]]:
    """(weights, method, budget) -> seed -> test accuracy."""
    found: dict[tuple[int, str, int], dict[int, float]] = {}
    with (REPORTS / "scale.csv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            key = int(row["bits"]), row["method"], int(row["likelihoods"])
            found.setdefault(key, {})[int(row["seed"])] = float(row["accuracy"])
    return found


def interval(values: np.ndarray) -> tuple[float, float, float]:
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean(), values.mean() - half, values.mean() + half


def section() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.split("### A thousand weights")[1].split("\n## ")[0]


def table(head: str) -> list[list[str]]:
    """Rows of the table whose first heading begins so."""
    lines = section().split(f"| {head}")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_is_that_of_the_csv():
    known, cells = accuracies(), 0
    rows = table("test accuracy")
    assert {name for name, *_ in rows} == set(METHODS)
    for name, *entries in rows:
        for budget, entry in zip(BUDGETS, entries, strict=True):
            seeds = known.get((640, METHODS[name], budget))
            if seeds is None:
                assert entry == "–"
                continue
            assert len(seeds) >= 5
            mean, low, high = interval(np.array(list(seeds.values())))
            assert entry == f"{mean:.3f} ({low:.3f} to {high:.3f})"
            cells += 1
    assert cells == sum(bits == 640 for bits, *_ in known)


def test_the_table_of_sizes_is_that_of_the_csv():
    known = accuracies()
    rows = table("weights")
    assert {int(size.split(":")[0]) for size, *_ in rows} == {bits for bits, *_ in known}
    for size, *entries in rows:
        seeds = [known.get((int(size.split(":")[0]), method, 3000)) for method in SIZES]
        assert entries == [f"{np.mean(list(found.values())):.3f}" if found else "–" for found in seeds]


@pytest.mark.parametrize(("bits", "mine", "theirs", "budget", "sign"), COMPARED)
def test_the_comparisons_are_paired_by_seed(bits, mine, theirs, budget, sign):
    known, text = accuracies(), " ".join(section().split())
    a, b = known[bits, mine, budget], known[bits, theirs, budget]
    mean, low, high = interval(np.array([a[s] - b[s] for s in sorted(a)]))
    assert f"{mean:+.3f} ({low:+.3f} to {high:+.3f})".replace("-", "−") in text
    assert int(low > 0) - int(high < 0) == sign


def test_means_in_the_text_are_those_of_the_csv():
    known, text = accuracies(), " ".join(section().split("**Entanglement")[1].split("\n\n")[0].split())
    for method in ("chain 1", "chain 2", "chain 3", "mean_field", "straight_through", "logistic_regression"):
        assert f"{np.mean(list(known[640, method, 12_000].values())):.3f}" in text
    assert np.mean(list(known[640, "chain 1", 12_000].values())) >= 0.9


def test_what_bonds_earned_over_all_networks_is_counted():
    known, signs = accuracies(), []
    for bits, method, budget in known:
        if method in ("chain 2", "chain 3", "chain 4"):
            a, b = known[bits, method, budget], known[bits, "chain 1", budget]
            _, low, high = interval(np.array([a[s] - b[s] for s in sorted(a)]))
            signs.append(int(low > 0) - int(high < 0))
    assert not any(signs)
    assert f"none of {len(signs)} comparisons with χ = 1 shows a gain or a loss" in " ".join(section().split())


def test_the_report_says_what_is_missing():
    about = json.loads((REPORTS / "scale.json").read_text(encoding="utf-8"))["about"]
    html = (REPORTS / "scale.html").read_text(encoding="utf-8")
    assert ("Not finished" in html) == (about["cells"] < about["of"])
    assert bool(re.search(r"what is missing\s+is said there", section())) == (about["cells"] < about["of"])
