"""README's tables say what the report's CSV says, recomputed from the single seeds without the package's statistics."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta, t

from qhn_core.studies.claims.conclusions import label
from qhn_core.studies.claims.methods import BY_NAME, UNTUNED

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "assets" / "reports"
#: README's tables in their order: table of the CSV, reference.
TABLES = (("tuned", "mle"), ("tuned", "best_string"), ("untuned", "mle"), ("equal budget", "mle"))
NAMES = {label(name): name for name in (*BY_NAME, *UNTUNED)}
METRICS = ("predictive_nll", "accuracy")
#: The CSV has six digits: a smaller mean difference is a tie.
_ROUNDING = 1e-6
_CELL = re.compile(r"([+−][0-9.]+) \(([+−][0-9.]+) to ([+−][0-9.]+)\)(?:; (\d+) of (\d+) better)?")


def numbers(text: str) -> list[float]:
    found = _CELL.fullmatch(text)
    assert found, text
    return [float(part.replace("−", "-")) for part in found.groups() if part is not None]


def readme_tables(first: str) -> list[list[list[str]]]:
    """The cells of every table of README's section whose head begins with ``first``."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## What the measurements say")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    tables = [[[cell.strip() for cell in line.strip("|").split("|")] for line in b.splitlines()] for b in blocks]
    return [table for table in tables if table[0][0].startswith(first)]


def seeds() -> dict[tuple[str, str, str], dict[str, list[tuple[str, int, float]]]]:
    """(table, method, metric) -> scenario -> (source, seed, value)."""
    found: dict = defaultdict(lambda: defaultdict(list))
    with (REPORTS / "full.csv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            for metric in METRICS:
                one = (row["source"], int(row["seed"]), float(row[metric]))
                found[row["table"], row["method"], metric][row["scenario"]].append(one)
    return found


def on_these(every: dict, table: str, method: str, reference: str, metric: str) -> tuple[list[float], dict]:
    """(mean and ends on these scenarios, source -> mean difference of each of its scenarios)."""
    mine, theirs = every[table, method, metric], every[table, reference, metric]
    assert mine.keys() == theirs.keys()
    means, errors, degrees, by_source = [], [], [], defaultdict(list)
    for scenario, values in mine.items():
        other = {seed: value for _, seed, value in theirs[scenario]}
        d = np.array([value - other[seed] for _, seed, value in values])
        means.append(d.mean())
        errors.append(d.var(ddof=1) / d.size)
        degrees.append(d.size - 1)
        by_source[values[0][0]].append(d.mean())
    k, total = len(means), sum(errors)
    satterthwaite = total**2 / sum(e**2 / n for e, n in zip(errors, degrees, strict=True)) if total else 1.0
    half = t.ppf(0.975, satterthwaite) * np.sqrt(total) / k
    return [np.mean(means), np.mean(means) - half, np.mean(means) + half], by_source


def recomputed(every: dict, table: str, method: str, reference: str, metric: str) -> tuple[list[float], list[float]]:
    """(mean and ends on these scenarios, mean and ends by source with how many sources are better, of how many)."""
    fixed, by_source = on_these(every, table, method, reference, metric)
    sources = np.array([np.mean(one) for one in by_source.values()])
    wide = t.ppf(0.975, sources.size - 1) * sources.std(ddof=1) / np.sqrt(sources.size)
    gains = -sources if metric == "predictive_nll" else sources
    better = (gains > _ROUNDING).sum()
    return fixed, [sources.mean(), sources.mean() - wide, sources.mean() + wide, better, sources.size]


@pytest.mark.parametrize("which", range(len(TABLES)))
def test_readmes_tables_follow_from_the_reports_seeds(which: int) -> None:
    table, reference = TABLES[which]
    tables, every = readme_tables("against"), seeds()
    assert len(tables) == len(TABLES)
    head, _, *lines = tables[which]
    assert head[0] == f"against {label(reference)}"
    assert len(lines) >= 3
    for name, *cells in lines:
        for at, metric in enumerate(METRICS):
            fixed, sources = recomputed(every, table, NAMES[name], reference, metric)
            assert numbers(cells[2 * at]) == pytest.approx(fixed, abs=6e-4), (name, metric)
            assert numbers(cells[2 * at + 1]) == pytest.approx(sources, abs=6e-4), (name, metric)


def test_readmes_table_of_the_demonstration_follows_from_the_reports_seeds() -> None:
    (table,) = readme_tables("demonstration")
    every, lines = seeds(), table[2:]
    assert {NAMES[name] for name, *_ in lines} == {*UNTUNED} - {"mle"}
    for name, *cells in lines:
        for metric, cell in zip(METRICS, cells, strict=True):
            fixed, _ = on_these(every, "demonstration", NAMES[name], "mle", metric)
            assert numbers(cell) == pytest.approx(fixed, abs=6e-4), (name, metric)


@pytest.mark.parametrize(("first", "part"), [("headline", "tuned"), ("stricter", "more rates for MLE")])
def test_readmes_headline_intervals_are_corrected_as_a_family(first: str, part: str) -> None:
    (table,) = readme_tables(first)
    every, seen = seeds(), []
    for name, single, together in table[2:]:
        method, metric = next(
            (m, k)
            for m in ("elbo", "selbo")
            for k in METRICS
            if name.startswith(label(m) + ",") and ("NLL" in name) == (k == "predictive_nll")
        )
        _, (mean, low, high, _, k) = recomputed(every, part, method, "mle", metric)
        assert numbers(single) == pytest.approx([mean, low, high], abs=6e-4)
        wider = (high - mean) * t.ppf(1 - 0.05 / 8, k - 1) / t.ppf(0.975, k - 1)
        assert numbers(together) == pytest.approx([mean, mean - wider, mean + wider], abs=6e-4)
        seen.append((method, metric))
    assert sorted(seen) == [(m, k) for m in ("elbo", "selbo") for k in sorted(METRICS)]


def test_readmes_table_of_depth_follows_from_the_reports_starts() -> None:
    (table,) = readme_tables("study")
    starts: dict = defaultdict(list)
    with (REPORTS / "full-depth.csv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            starts[row["study"], label(row["method"]), row["layers"]].append(float(row["success"]) > 0.5)
    layers = [head.split()[0] for head in table[0][2:-1]]
    for study, loss, *cells, _ in table[2:]:
        for depth, cell in zip(layers, cells, strict=True):
            own = starts[study, loss, depth]
            n, k = len(own), sum(own)
            low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
            high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
            assert cell == f"{k} of {n} ({low:.0%} to {high:.0%})"


def test_the_report_stands_beside_its_numbers() -> None:
    text = (REPORTS / "full.html").read_text(encoding="utf-8")
    assert "What would change our mind" in text
    every = seeds()
    assert {table for table, _, _ in every} >= {"tuned", "untuned", "equal budget"}
    sources = {one[0] for scenarios in every.values() for values in scenarios.values() for one in values}
    assert len(sources) >= 8
