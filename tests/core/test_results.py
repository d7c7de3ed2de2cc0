"""RunResult and train(): what comes out, and saving without pickles."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from qhn_core import RunConfig, RunResult, train
from qhn_core.errors import ConfigError, StoreError
from qhn_core.results import _UNPACKED_LIMIT

CONFIG = RunConfig.model_validate(
    {
        "dataset": {"name": "xor", "n_train": 6, "n_test": 10},
        "network": {"name": "mlp", "layers": [2, 1, 1], "activation": "sign"},
        "ansatz": {"name": "linear", "layers": 1},
        "steps": 5,
        "replicas": 3,
        "log_every": 2,
    }
)


@pytest.fixture(scope="module")
def result():
    return train(CONFIG)


def test_history_has_a_row_a_logged_step_and_a_column_a_replica(result):
    assert result.steps.tolist() == [0, 2, 4, 5]
    assert result.theta.shape == (3, 10)
    assert {array.shape for array in result.history.values()} == {(4, 3)}
    assert {array.dtype for array in result.history.values()} == {np.dtype(np.float64)}
    assert result.config == CONFIG


def test_every_step_is_told():
    seen = []
    train(CONFIG, on_event=seen.append)
    assert [info.step for info in seen] == [0, 1, 2, 3, 4, 5]
    assert seen[-1].done


def test_saves_and_loads(result, tmp_path):
    folder = result.save(tmp_path / "a" / "run")
    back = RunResult.load(folder)
    assert back.config == result.config
    np.testing.assert_array_equal(back.steps, result.steps)
    np.testing.assert_array_equal(back.theta, result.theta)
    assert back.history.keys() == result.history.keys()
    for name, array in result.history.items():
        np.testing.assert_array_equal(back.history[name], array)
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "history.npz"]
    result.save(folder)  # again, over itself


def damage(folder, how):
    arrays = folder / "history.npz"
    data = arrays.read_bytes()
    if how == "cut":
        arrays.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        arrays.write_bytes(b"")
    elif how == "text":
        arrays.write_text("hello")
    elif how == "flipped":
        middle = len(data) // 2
        arrays.write_bytes(data[:middle] + bytes(b ^ 255 for b in data[middle : middle + 64]) + data[middle + 64 :])
    elif how == "gone":
        arrays.unlink()
    elif how == "pickle":
        np.savez(arrays, steps=np.array([{}], dtype=object), theta=np.zeros((1, 1)))
    elif how == "shapes":
        np.savez(arrays, steps=np.arange(3), theta=np.zeros((2, 4)), **{"history.loss": np.zeros((2, 2))})
    elif how == "no theta":
        np.savez(arrays, steps=np.arange(3))
    elif how == "claims":
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
        with zipfile.ZipFile(arrays, "w") as archive:
            archive.writestr("steps.npy", header.getvalue())
    elif how in ("encrypted", "unknown method", "deflated and flipped", "header"):
        body = b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((((\n" if how == "header" else bytes(range(256)) * 4
        with zipfile.ZipFile(arrays, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("steps.npy", body)
        raw = bytearray(arrays.read_bytes())
        listed = raw.index(b"PK\x01\x02")
        if how == "encrypted":
            raw[6] |= 1
            raw[listed + 8] |= 1
        elif how == "unknown method":
            raw[8] = raw[listed + 10] = 97
        elif how == "deflated and flipped":
            raw[45:70] = bytes(b ^ 255 for b in raw[45:70])
        arrays.write_bytes(bytes(raw))
    elif how == "bomb":
        with zipfile.ZipFile(arrays, "w") as archive:
            archive.writestr("steps.npy", b"0")
            archive.infolist()[0].file_size = _UNPACKED_LIMIT + 1


@pytest.mark.parametrize(
    "how",
    [
        "cut",
        "empty",
        "text",
        "flipped",
        "gone",
        "pickle",
        "shapes",
        "no theta",
        "claims",
        "bomb",
        "encrypted",
        "unknown method",
        "deflated and flipped",
        "header",
    ],
)
def test_damaged_files_say_so(result, tmp_path, how):
    folder = result.save(tmp_path)
    damage(folder, how)
    with pytest.raises(StoreError, match=r"history\.npz"):
        RunResult.load(folder)


def test_a_damaged_config_says_so(result, tmp_path):
    folder = result.save(tmp_path)
    (folder / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json"):
        RunResult.load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(StoreError, match=r"config\.json is missing"):
        RunResult.load(folder)


def test_a_folder_that_cannot_be_written(result, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="Cannot save"):
        result.save(tmp_path / "file")
