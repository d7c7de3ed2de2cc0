"""What goes wrong around training: kills, a full disk, a locked database, nonsense as input. Nothing may be lost."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qhn_core.circuits.qasm import read_qasm
from qhn_core.config import RunConfig
from qhn_core.config import text as text_forms
from qhn_core.datasets import inspect_csv
from qhn_core.errors import QHNError
from qhn_core.lessons.files import read_lesson
from qhn_core.results import train
from qhn_core.runner import Supervisor
from qhn_core.store import RunState, RunStore
from tests.load.serving import ROOT

_BASE = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 10},
    "network": {"name": "mlp", "layers": [2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "replicas": 2,
}
#: Goes on with a run at a speed until it is killed.
_GO_ON = """
import sys, time
from qhn_core.runner import Supervisor
from qhn_core.store import RunStore
supervisor = Supervisor(RunStore(sys.argv[1]))
supervisor.resume(sys.argv[2])
supervisor.set_speed(sys.argv[2], float(sys.argv[3]))
time.sleep(1000)
"""
#: Steps a second of a run that is to be killed, and the longest time, seconds, that it has between two kills.
_SPEED, _LIVES = 50.0, 2.0
#: Seconds of CPU after which an answer to nonsense is late.
_LATE = 3.0


def _is_whole(store: RunStore, run_id: str, config: RunConfig) -> bool:
    found, wanted = store.history(run_id), train(config).history
    return found.history.keys() == wanted.keys() and all(
        found.history[name].tobytes() == column.tobytes() for name, column in wanted.items()
    )


def kills(folder: Path, count: int, rng: random.Random) -> dict[str, Any]:
    """A run killed so often at random moments, each time gone on with, then brought to its end."""
    config = RunConfig.model_validate(_BASE | {"steps": int(count * _LIVES * _SPEED) + 200})
    store = RunStore(folder)
    run_id = store.create(config, state=RunState.INTERRUPTED)
    environment, lost = {**os.environ, "PYTHONPATH": str(ROOT)}, 0
    for _ in range(count):
        begun = store.get(run_id).step
        command = [sys.executable, "-c", _GO_ON, str(folder), run_id, str(_SPEED)]
        process = subprocess.Popen(command, env=environment)
        while store.get(run_id).step <= begun + 1 and process.poll() is None:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, _LIVES))
        process.kill()
        process.wait()
        lost += store.get(run_id).step <= begun
    supervisor = Supervisor(store)
    supervisor.resume(run_id)
    state = supervisor.wait(run_id, timeout=600).state
    supervisor.shutdown()
    return {"state": str(state), "kills that lost all": lost, "bit for bit": _is_whole(store, run_id, config)}


def locked(folder: Path, seconds: float) -> dict[str, Any]:
    """Another program holds the database for so long while a run trains."""
    config, store = RunConfig.model_validate(_BASE | {"steps": 3000}), RunStore(folder, timeout=1.0)
    supervisor = Supervisor(store)
    run_id = supervisor.start(config, speed=200.0)
    while supervisor.status(run_id).step < 10:
        time.sleep(0.02)
    holder = sqlite3.connect(folder / "runs.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    during = supervisor.status(run_id)
    holder.execute("ROLLBACK")
    holder.close()
    supervisor.set_speed(run_id, None)
    state = supervisor.wait(run_id, timeout=600).state
    supervisor.shutdown()
    return {"trained on": during.step > 10, "state": str(state), "bit for bit": _is_whole(store, run_id, config)}


def disk_full(folder: Path) -> dict[str, Any]:
    """A run on a disk (of memory, 8 MB; mounting it needs root) that is full for a while."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False).returncode:
        return {"state": "not tried: no disk could be mounted"}
    try:
        config, store = RunConfig.model_validate(_BASE | {"steps": 2000}), RunStore(folder)
        supervisor, ballast = Supervisor(store), folder / "ballast"
        run_id = supervisor.start(config, speed=300.0)
        while supervisor.status(run_id).step < 10:
            time.sleep(0.02)
        _fill(ballast)
        time.sleep(4)
        during = supervisor.status(run_id)
        ballast.unlink()
        supervisor.set_speed(run_id, None)
        state = supervisor.wait(run_id, timeout=600).state
        supervisor.shutdown()
        whole = _is_whole(store, run_id, config)
        store.close()
        return {"trained on": during.step > 10, "state": str(state), "bit for bit": whole}
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def _fill(path: Path) -> None:
    try:
        with path.open("wb") as out:
            while True:
                out.write(b"\0" * 65536)
                out.flush()
    except OSError:
        return


def _seeds() -> dict[str, tuple[bytes, Callable[[bytes], Any]]]:
    """Kind of input -> (a sound one, what reads it)."""
    config = RunConfig.model_validate(_BASE)

    def text(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
        return lambda data: read(data.decode("utf-8", "surrogateescape"))

    qasm = 'OPENQASM 2.0;\ninclude "qelib1.inc";\ngate g(a) x,y {cx x,y;rz(a/2) y;}\nqreg q[3];\ng(0.3) q[0],q[1];\n'
    table = "a,b,label\n" + "".join(f"{i}.5,{-i},{i % 2}\n" for i in range(20))
    lesson = next((ROOT / "assets" / "lessons").glob("*.md")).read_bytes()
    return {
        "YAML": (config.to_yaml().encode(), text(RunConfig.from_yaml)),
        "JSON": (config.to_json().encode(), text(RunConfig.from_json)),
        "link": (text_forms.pack(config.to_dict()).encode(), text(text_forms.unpack)),
        "CSV": (table.encode(), inspect_csv),
        "OpenQASM": (qasm.encode(), text(lambda program: read_qasm(program, free_angles=True))),
        "lesson": (lesson, text(lambda words: read_lesson(words, id="fuzzed"))),
    }


def _spoiled(sound: bytes, rng: random.Random) -> bytes:
    """A sound input after some random edits: bytes changed, parts cut, doubled, swapped with odd ones."""
    data = bytearray(sound)
    odd = [b"\x00", b"\xff\xfe", b"-1e999", b"9" * 40, b"[" * 200, b"&a *a", "λ\ud800".encode("utf-8", "surrogatepass")]
    for _ in range(rng.randint(1, 6)):
        at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        edit = rng.randrange(4)
        if edit == 0 and data:
            data[min(at, len(data) - 1)] = rng.randrange(256)
        elif edit == 1:
            del data[at : min(to, at + 200)]
        elif edit == 2:
            data[at:at] = bytes(data[at:to]) * rng.choice((1, 1, 50))
        else:
            data[at:at] = rng.choice(odd)
    return bytes(data[: 1 << 20])


def fuzzed(count: int, rng: random.Random) -> dict[str, Any]:
    """So many spoiled inputs: taken, refused with a message for people, and what else happened."""
    told: Counter[str] = Counter()
    worst, seeds = 0.0, _seeds()
    for number in range(count):
        kind = list(seeds)[number % len(seeds)]
        sound, read = seeds[kind]
        data = _spoiled(sound, rng)
        began = time.process_time()
        try:
            read(data)
            told["taken"] += 1
        except QHNError:
            told["refused"] += 1
        except Exception as error:
            told[f"{kind}: {type(error).__name__}"] += 1
        worst = max(worst, time.process_time() - began)
    return {**told, "slowest, s of CPU": round(worst, 2), "late": int(worst > _LATE)}
