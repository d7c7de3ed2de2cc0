"""Missing cells of features: refused, their rows left out, or the median of the training rows in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import DataError

Missing = Literal["refuse", "rows", "median"]


def rows_kept(x: NDArray[np.float64], y: NDArray[np.int64], missing: Missing) -> tuple[NDArray[np.bool_], str]:
    """(which rows are used, sentence about the others): those with a class and, where asked, every feature.

    Args:
        x: features (n, d), NaN where a cell is missing.
        y: classes (n,), -1 where a row has none.
        missing: ``rows`` leaves out rows with a missing cell.
    """
    labelled = y >= 0
    whole = ~np.isnan(x).any(axis=1) if missing == "rows" else np.ones(len(y), dtype=bool)
    said = [
        f"{count} row{'s' * (count > 1)} {why} left out"
        for count, why in (
            (int((~labelled).sum()), "without a class"),
            (int((labelled & ~whole).sum()), "with a missing cell"),
        )
        if count
    ]
    return labelled & whole, (", ".join(said) + ". ") if said else ""


def filled(x: NDArray[np.float64], train: NDArray[np.int64], names: Sequence[str]) -> tuple[NDArray[np.float64], str]:
    """(``x`` with the training rows' median in place of each missing cell, sentence about it).

    Args:
        x: features (n, d), NaN where a cell is missing.
        train: rows whose medians are taken; what test rows hold has no part in them.
        names: of the features.

    Raises:
        DataError: no training row has a value in some column.
    """
    holes = np.isnan(x)
    if not holes.any():
        return x, ""
    x, said = x.copy(), []
    for at in map(int, np.flatnonzero(holes.any(axis=0))):
        told = x[train, at][~holes[train, at]]
        if not len(told):
            raise DataError(
                f"column '{names[at]}'",
                expected="a value in some training row",
                got="missing cells only",
                remedy="Train on more rows, or leave the column out.",
            )
        median, count = 2 * float(np.median(told / 2)), int(holes[:, at].sum())  # the sum of two may be infinite
        x[holes[:, at], at] = median
        said.append(f"{count} of '{names[at]}' ({median:.4g})")
    return x, f"Missing cells filled with the training rows' median: {', '.join(said)}. "
