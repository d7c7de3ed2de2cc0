"""A circuit of one's own, written in OpenQASM 2."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.circuits.qasm import QasmProgram, read_qasm
from qhn_core.errors import InvalidArgument
from qhn_core.uploads import CIRCUIT_SUFFIXES, Upload, check_sha256, read_upload

#: Most angles that may be chosen one by one.
MAX_CHOSEN = 4096


@ANSATZE.register
class Qasm(AnsatzConfig):
    """Your own circuit: an OpenQASM 2 program (Cross et al., arXiv:1707.03429) with a qubit for each bit.

    Angles of rx, ry, rz, rzz, p, u1, u2, u3 and u that stand in it are free, all or those chosen: the angle is θ_k plus
    the number in the text, so that a normal start begins near what is written. Without a file: an example, RY and RZ on
    every wire, a ladder of CNOT, and RY once more.
    """

    label: ClassVar[str] = "Your own (OpenQASM 2)"
    own: ClassVar[bool] = True

    name: Literal["qasm"] = "qasm"
    layers: Literal[1] = Field(1, description="Always one: the program is the whole circuit")
    hadamard: Literal[False] = Field(False, description="Not available: write them into the program")
    init: Literal["uniform", "normal"] = Field(
        "normal", description="Free angles start near the numbers in the text (normal), or uniform on a whole turn"
    )
    file: str = Field("", description="The uploaded OpenQASM 2 program, by the SHA-256 of its content")
    free: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(
        None, max_length=MAX_CHOSEN, description="Which of the written angles are free, counted from 0; all by default"
    )

    @field_validator("file")
    @classmethod
    def _hash(cls, file: str) -> str:
        return check_sha256(file, argument="file") if file else file

    @field_validator("layers", "hadamard", mode="before")
    @classmethod
    def _as_written(cls, value: object, info: ValidationInfo) -> object:
        only = 1 if info.field_name == "layers" else False
        if value != only:
            raise InvalidArgument(
                str(info.field_name),
                expected=f"{str(only).lower()}, as the program is the whole circuit",
                got=value,
                remedy="Leave it out, and write layers and Hadamards into the program.",
            )
        return value

    def uploaded(self) -> Upload | None:
        """The file, where one is named."""
        return Upload(self.file, CIRCUIT_SUFFIXES, "circuit") if self.file else None

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """Those of the example."""
        program = read_qasm(example(n_qubits), free_angles=self._free())
        yield from (gate if gate.param is None else Gate(gate.name, gate.wires, next(slot)) for gate in program.gates)

    def build(self, n_qubits: int, uploads: Path | None = None) -> Circuit:
        """The circuit of the file.

        Raises:
            MissingUpload: the file is not in ``uploads``.
            InvalidArgument: it is no OpenQASM 2 program, has another number of qubits, or no free angle.
            Unsupported: what a circuit here cannot hold, such as conditions.
        """
        if not self.file:
            return super().build(n_qubits, uploads)
        program = read_program(uploads, self.file, self.free)
        if program.n_qubits != n_qubits:
            raise InvalidArgument(
                "ansatz.file",
                expected=f"a circuit of {n_qubits} qubits, one for each bit of the network",
                got=f"one of {program.n_qubits}",
                remedy=f"Choose a network of {program.n_qubits} bits, or declare qreg q[{n_qubits}] in the program.",
            )
        if not program.free:
            raise InvalidArgument(
                "ansatz.free" if self.free is not None else "ansatz.file",
                expected="at least one free angle, of rx, ry, rz, rzz, p, u1, u2, u3 or u",
                got=f"{len(program.angles)} in the program, 0 of them free",
                remedy="Write rotations into the program, for example ry(0.1) q[0];",
            )
        return Circuit(n_qubits, program.gates, name=self.name)

    def _free(self) -> bool | tuple[int, ...]:
        return True if self.free is None else self.free


@lru_cache(maxsize=16)
def read_program(uploads: Path | None, file: str, free: tuple[int, ...] | None) -> QasmProgram:
    """The uploaded program, with all or the chosen angles free."""
    data = read_upload(uploads, file, suffixes=CIRCUIT_SUFFIXES, what="circuit")
    return read_qasm(decoded(data), free_angles=True if free is None else free)


def decoded(data: bytes) -> str:
    """A file's content as text."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            "file",
            expected="an OpenQASM 2 program, text in UTF-8",
            got=f"the byte {data[error.start]:#04x} at place {error.start}",
            remedy="Save it as UTF-8.",
        ) from None


def example(n_qubits: int) -> str:
    """A program to begin with: RY and RZ on every qubit, a ladder of CNOT, RY; the angles are 0."""
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";', f"qreg q[{n_qubits}];", "ry(0) q;", "rz(0) q;"]
    lines += [f"cx q[{k}],q[{k + 1}];" for k in range(n_qubits - 1)]
    return "\n".join([*lines, "ry(0) q;"]) + "\n"
