"""A process that makes slices of training for the one that started it.

It reads requests from its standard input, a JSON head and a packed state each, and answers with packed slices. It ends
when the other end is closed, which happens however the other process ends, and when nobody asks for long.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
from typing import Any, BinaryIO

#: Of a request: sizes of head and state. Of an answer: whether it was made, and the size of what follows.
REQUEST, ANSWER = struct.Struct(">II"), struct.Struct(">?I")
#: Seconds without a request after which its memory is given back.
_IDLE = 300.0
#: How much it gives way to the process that serves pages.
_NICE = 15


def main() -> None:
    """Body of the process: answer until there is nobody to answer."""
    with contextlib.suppress(BrokenPipeError):
        _serve()


def _serve() -> None:
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _get_ready()
    _answer(answers, True, b"")
    os.nice(_NICE)
    while select.select([requests], [], [], _IDLE)[0]:
        sizes = requests.read(REQUEST.size)
        if len(sizes) < REQUEST.size:
            return
        head, state = REQUEST.unpack(sizes)
        _answer(answers, *_made(json.loads(requests.read(head)), requests.read(state)))


def _get_ready() -> None:
    """Load kernels and one set-up, and keep to one core: others compute beside this process."""
    from qhn_core import trainer
    from qhn_core.config import RunConfig
    from qhn_core.engines import cores

    cores.divide(os.cpu_count() or 1)
    setup = trainer.prepare(RunConfig())
    trainer.step(setup, trainer.init(setup))


def _made(head: dict[str, Any], state: bytes) -> tuple[bool, bytes]:
    from qhn_core.runner.slices import advance

    try:
        return True, advance(head["config"], head["uploads"], state, head["steps"], head["seconds"], head["every"])
    except Exception as error:  # the step is made again by who asked, who can say what is wrong with it
        return False, f"{type(error).__name__}: {error}".encode()


def _answer(answers: BinaryIO, made: bool, blob: bytes) -> None:
    answers.write(ANSWER.pack(made, len(blob)) + blob)
    answers.flush()
