"""OpenQASM 2 (Cross et al., arXiv:1707.03429): programs read, within bounds that hold for strangers' text, and written.

The reader is our own: what a program defines itself goes before the library's gates of the same name, every refusal
names its line, and definitions that double are counted before they are written out.
"""

from qhn_core.circuits.qasm.reader import QasmProgram, WrittenAngle, read_qasm
from qhn_core.circuits.qasm.writing import write_qasm

__all__ = ["QasmProgram", "WrittenAngle", "read_qasm", "write_qasm"]
