"""Named arrays as one blob in safetensors form: no code in it, and exact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import StoreError, TooLarge

#: Largest checkpoint, bytes: it is written several times a second.
_MAX_CHECKPOINT = 256 * 2**20


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    from safetensors.numpy import save

    blob = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    if len(blob) > _MAX_CHECKPOINT:
        size, most = math.ceil(len(blob) / 2**20), _MAX_CHECKPOINT // 2**20
        raise TooLarge(f"A checkpoint may take {most} MB; this one takes {size} MB. Train fewer replicas at once.")
    return blob


def unpack(blob: bytes) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return {name: np.array(array) for name, array in load(blob).items()}
    except (SafetensorError, ValueError, KeyError) as error:  # KeyError: a kind of number that NumPy does not have
        raise StoreError(f"The run's checkpoint is damaged and cannot be read ({error}).") from error
