"""Any vector of 2**N costs, trained directly: no network, no examples."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from qhn_core.datasets.base import DATASETS, Dataset, DatasetConfig
from qhn_core.datasets.cost_file import ReadCosts, check_costs, parse_costs
from qhn_core.uploads import SUFFIXES, Upload, check_sha256, find_upload, read_upload

MAX_INLINE = 4096


@DATASETS.register
class CostTable(DatasetConfig):
    """ℓ(w) of every string in index order (wire 0 most significant), in the file or written out in ``costs``.

    The fields that draw examples have no effect. The example has its best string, 101, behind a local minimum at 010.
    """

    label: ClassVar[str] = "Cost table"
    needs_network: ClassVar[bool] = False

    name: Literal["cost_table"] = "cost_table"
    sha256: str = Field("", description="An uploaded .npy, .json or text file, by the SHA-256 of its content")
    costs: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(
        (2.0, 2.5, 0.5, 2.5, 2.0, 0.0, 2.5, 2.0),
        max_length=MAX_INLINE,
        description="What each string costs (2^N numbers, in their order); an uploaded file goes before them",
    )

    @field_validator("sha256")
    @classmethod
    def _hash(cls, sha256: str) -> str:
        return check_sha256(sha256) if sha256 else sha256

    def uploaded(self) -> Upload | None:
        """The file, where one is named."""
        return Upload(self.sha256, SUFFIXES, "cost table") if self.sha256 else None

    def shape(self, uploads: Path | None = None) -> tuple[int, int]:
        """No features and no classes."""
        return 0, 0

    def load(self, uploads: Path | None = None) -> Dataset:
        """The table, checked to be 2**N finite costs."""
        if self.sha256:
            costs, how = _parsed(str(uploads), self.sha256)
            source = f"Uploaded cost table {self.sha256[:12]}…, read as {how}"
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


def read_costs(data: bytes, suffix: str) -> NDArray[np.float64]:
    """The 2**N costs in a file's content, in index order; :func:`~qhn_core.datasets.cost_file.parse_costs` says how."""
    return parse_costs(data, suffix).costs


@lru_cache(maxsize=4)
def _parsed(uploads: str, sha256: str) -> ReadCosts:
    folder = None if uploads == "None" else Path(uploads)
    path = find_upload(folder, sha256, suffixes=SUFFIXES, what="cost table")
    read = parse_costs(read_upload(folder, sha256, suffixes=(path.suffix,), what="cost table"), path.suffix)
    read.costs.flags.writeable = False
    return read
