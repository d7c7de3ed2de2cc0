"""Reading strangers' files: a table of 4 MB with words and missing cells, and the costs of a million strings."""

from __future__ import annotations

import numpy as np

from qhn_core.bench.figure import Figure
from qhn_core.bench.timing import compare
from qhn_core.datasets.cost_table import read_costs
from qhn_core.datasets.table.summary import inspect_csv

_WORDS = np.array(["red", "green", "blue", "", "NA", "unknown"])


def table_file(n_rows: int) -> bytes:
    """A CSV: a row number, words of many spellings, three columns of numbers with every third cell missing, a class."""
    rng = np.random.default_rng(0)
    colour, label = _WORDS[rng.integers(0, len(_WORDS), n_rows)], rng.integers(0, 3, n_rows)
    values = rng.normal(size=(n_rows, 3))
    missing = rng.random((n_rows, 3)) < 1 / 3
    lines = ["id,name,a,b,c,colour,class"]
    for row in range(n_rows):
        cells = ("" if gone else f"{value:.5f}" for value, gone in zip(values[row], missing[row], strict=True))
        lines.append(f"{row},word {row:x},{','.join(cells)},{colour[row]},{'xyz'[label[row]]}")
    return "\n".join(lines).encode()


def costs_file(n_bits: int) -> bytes:
    """The costs of all 2^n strings, each line an index and a cost."""
    costs = np.random.default_rng(0).normal(size=1 << n_bits)
    return "\n".join(["index,cost", *(f"{index},{cost:.6f}" for index, cost in enumerate(costs))]).encode()


def figures(*, quick: bool) -> list[Figure]:
    """Both; a quarter of the sizes if ``quick``."""
    table, n_bits = table_file(25_000 if quick else 100_000), 18 if quick else 20
    costs, megabytes = costs_file(n_bits), len(table) / 1e6
    took = compare({"table": lambda: inspect_csv(table), "costs": lambda: read_costs(costs, ".csv")}, seconds=0.0)
    return [
        Figure(f"a CSV of {megabytes:.1f} MB, words and missing cells", took["table"], "s", 1.0),
        Figure(f"a cost table of 2^{n_bits} lines", took["costs"], "s", 3.0),
    ]
