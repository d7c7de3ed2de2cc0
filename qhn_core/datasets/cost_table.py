"""Any vector of 2**N costs, trained directly: no network, no examples."""

from __future__ import annotations

import contextlib
import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from qhn_core.datasets.base import DATASETS, Dataset, DatasetConfig
from qhn_core.datasets.uploads import check_sha256, check_size, find_upload, read_upload
from qhn_core.errors import DataError

MAX_INLINE = 4096
MAX_BITS = 20
_SUFFIXES = (".npy", ".csv", ".txt", ".json")


@DATASETS.register
class CostTable(DatasetConfig):
    """ℓ(w) of every string in index order (wire 0 most significant), in the file or written out in ``costs``.

    The fields that draw examples have no effect. The example has its best string, 101, behind a local minimum at 010.
    """

    label: ClassVar[str] = "Cost table"
    needs_network: ClassVar[bool] = False

    name: Literal["cost_table"] = "cost_table"
    sha256: str = Field("", description="An uploaded .npy, .csv, .txt or .json file, by the SHA-256 of its content")
    costs: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(
        (2.0, 2.5, 0.5, 2.5, 2.0, 0.0, 2.5, 2.0),
        max_length=MAX_INLINE,
        description="The 2^N costs themselves; an uploaded file goes before them",
    )

    @field_validator("sha256")
    @classmethod
    def _hash(cls, sha256: str) -> str:
        return check_sha256(sha256) if sha256 else sha256

    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """No features and no classes."""
        return 0, 0

    def load(self, uploads: Path | None = None) -> Dataset:
        """The table, checked to be 2**N finite costs."""
        if self.sha256:
            costs, source = _parsed(str(uploads), self.sha256), f"Uploaded cost table {self.sha256[:12]}…"
        else:
            costs, source = check_costs(np.array(self.costs)), "Cost table written out in the configuration"
        n_bits = int(costs.size).bit_length() - 1
        return Dataset(
            name=self.name,
            x_train=np.zeros((0, 0)),
            y_train=np.zeros(0, dtype=np.int64),
            x_test=np.zeros((0, 0)),
            y_test=np.zeros(0, dtype=np.int64),
            source=f"{source}: {costs.size} costs, {n_bits} bits, from {costs.min():g} to {costs.max():g}.",
            costs=costs,
        )


def check_costs(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """A vector of 2**N finite costs, 1 ≤ N ≤ 20; otherwise :class:`DataError` with the nearest lengths."""
    if costs.ndim != 1:
        raise DataError(
            "costs", expected="one vector", got=f"shape {costs.shape}", remedy="Save one number per bitstring."
        )
    size = costs.size
    n_bits = max(1, size.bit_length() - 1)
    if size < 2 or size != 2**n_bits:
        near = f"{2**n_bits} or {2 ** (n_bits + 1)}" if size > 2 else "2"
        raise DataError(
            "costs",
            expected="2^N costs, one for each bitstring",
            got=f"{size} of them",
            remedy=f"No power of two; the nearest are {near}. Pad with a large cost, or cut.",
        )
    if n_bits > MAX_BITS:
        raise DataError("costs", expected=f"at most 2^{MAX_BITS} costs", got=f"2^{n_bits}")
    bad = np.flatnonzero(~np.isfinite(costs))
    if len(bad):
        raise DataError(
            "costs",
            expected="finite costs",
            got=f"{costs[bad[0]]} at index {bad[0]}",
            remedy="Use a large finite cost for forbidden strings.",
        )
    return np.ascontiguousarray(costs, dtype=np.float64)


def read_costs(data: bytes, suffix: str) -> NDArray[np.float64]:
    """Costs from the content of a .npy file, a .json list, or a text of numbers apart by commas, spaces or lines."""
    check_size(len(data))
    if not data.strip():
        raise DataError("file", expected="2^N costs", got="an empty file", remedy="Save the table again.")
    if suffix == ".npy":
        return check_costs(_from_npy(data))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("file", expected="UTF-8 text", got="other bytes", remedy="Save it as UTF-8 text.") from None
    return check_costs(_from_json(text) if suffix == ".json" else _from_text(text))


def _from_npy(data: bytes) -> NDArray[np.float64]:
    remedy = "Save a float array with numpy.save(…, allow_pickle=False)."
    try:
        array = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # a hostile header can fail in many ways
        raise DataError("file", expected="a NumPy array of numbers", got=str(error), remedy=remedy) from None
    if array.dtype.kind not in "fiub":
        raise DataError("file", expected="a NumPy array of real numbers", got=str(array.dtype), remedy=remedy)
    return array.astype(np.float64)


def _from_json(text: str) -> NDArray[np.float64]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("file", expected="a JSON list of numbers", got=str(error)) from None
    if isinstance(values, list) and all(type(v) in (int, float) for v in values):
        with contextlib.suppress(OverflowError):
            return np.array(values, dtype=np.float64)
    raise DataError("file", expected="a JSON list of numbers", got=values, remedy="Write [0.5, 1.0, …].")


def _from_text(text: str) -> NDArray[np.float64]:
    lines = text.splitlines()
    if lines and lines[0].strip().strip('"').isidentifier() and lines[0].strip().lower() not in ("nan", "inf"):
        lines = lines[1:]  # a header such as "cost"
    values: list[float] = []
    for number, line in enumerate(lines, start=1 + len(text.splitlines()) - len(lines)):
        for cell in line.replace(",", " ").replace(";", " ").split():
            try:
                values.append(float(cell))
            except ValueError:
                raise DataError(
                    f"line {number}", expected="numbers", got=cell, remedy="Keep one column of costs, without labels."
                ) from None
    return np.array(values)


@lru_cache(maxsize=4)
def _parsed(uploads: str, sha256: str) -> NDArray[np.float64]:
    folder = None if uploads == "None" else Path(uploads)
    path = find_upload(folder, sha256, suffixes=_SUFFIXES, what="cost table")
    costs = read_costs(read_upload(folder, sha256, suffixes=(path.suffix,), what="cost table"), path.suffix)
    costs.flags.writeable = False
    return costs
