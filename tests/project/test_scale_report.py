"""README's numbers on 640 weights are those of the scale report's CSV, recomputed without the package's statistics."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
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


def accuracies() -> dict[tuple[str, int], dict[int, float]]:
    """(method, budget) -> seed -> test accuracy of 640 weights."""
    found: dict[tuple[str, int], dict[int, float]] = {}
    with (REPORTS / "scale.csv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["bits"] == "640":
                found.setdefault((row["method"], int(row["likelihoods"])), {})[int(row["seed"])] = float(
                    row["accuracy"]
                )
    return found


def interval(values: np.ndarray) -> tuple[float, float, float]:
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean(), values.mean() - half, values.mean() + half


def section() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.split("### A thousand weights")[1].split("\n## ")[0]


def test_the_table_is_that_of_the_csv():
    known, cells = accuracies(), 0
    rows = [line.strip("|").split("|") for line in section().splitlines() if line.startswith("| ")][1:]
    assert {name.strip() for name, *_ in rows} == set(METHODS)
    for name, *entries in rows:
        for budget, entry in zip(BUDGETS, entries, strict=True):
            seeds = known.get((METHODS[name.strip()], budget))
            if seeds is None:
                assert entry.strip() == "–"
                continue
            assert len(seeds) >= 5
            mean, low, high = interval(np.array(list(seeds.values())))
            assert entry.strip() == f"{mean:.3f} ({low:.3f} to {high:.3f})"
            cells += 1
    assert cells == len(known)


def test_the_comparisons_are_paired_by_seed():
    known, text = accuracies(), " ".join(section().split())
    for mine, theirs, budget in (
        ("chain 2", "chain 1", 12_000),
        ("chain 3", "chain 1", 12_000),
        ("chain 3", "straight_through", 3000),
    ):
        a, b = known[mine, budget], known[theirs, budget]
        mean, low, high = interval(np.array([a[s] - b[s] for s in sorted(a)]))
        wanted = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})".replace("-", "−")
        assert wanted in text
        assert (low <= 0.0 <= high) == (theirs == "chain 1")
    assert np.mean(list(known["chain 1", 12_000].values())) >= 0.9


def test_the_report_says_what_is_missing():
    about = json.loads((REPORTS / "scale.json").read_text(encoding="utf-8"))["about"]
    html = (REPORTS / "scale.html").read_text(encoding="utf-8")
    assert ("Not finished" in html) == (about["cells"] < about["of"])
    assert bool(re.search(r"what is missing\s+is said there", section())) == (about["cells"] < about["of"])
