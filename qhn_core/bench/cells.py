"""What is compared: sizes, circuits and losses, and the ratios that this project has set itself."""

from __future__ import annotations

from dataclasses import dataclass

from qhn_core.ansatze.base import ANSATZE

LAYERS = 4
REPLICAS = 30
#: The circuit and loss that are reported first.
CIRCUIT, LOSS = "linear", "elbo"
#: Smallest ratio (faster of the uncompiled peers ÷ ours) asked of every circuit and loss: (qubits, replicas) -> ratio.
TARGETS: dict[tuple[int, int], float] = {
    (6, 1): 30.0,
    (6, REPLICAS): 40.0,
    (10, 1): 40.0,
    (10, REPLICAS): 10.0,
    (13, 1): 8.0,
    (13, REPLICAS): 10.0,
    (16, 1): 4.0,
    (18, 1): 3.0,
    (20, 1): 3.0,
}
LOSSES = ("mle", "elbo", "selbo")


@dataclass(frozen=True)
class Cell:
    """One comparison: a full training step of ``replicas`` starts of one circuit and loss."""

    circuit: str
    loss: str
    qubits: int
    replicas: int

    @property
    def target(self) -> float | None:
        """Smallest ratio asked for, if any."""
        return TARGETS.get((self.qubits, self.replicas))

    @property
    def main(self) -> bool:
        """Whether it is of the circuit and loss that the benchmark reports first."""
        return (self.circuit, self.loss) == (CIRCUIT, LOSS)

    @property
    def label(self) -> str:
        """Short text: circuit, loss, qubits, replicas."""
        return f"{self.circuit} {self.loss} N={self.qubits} B={self.replicas}"


def target_cells(*, quick: bool) -> list[Cell]:
    """All sizes with the main circuit and loss; the small ones only if ``quick``."""
    return [Cell(CIRCUIT, LOSS, n, b) for n, b in TARGETS if not quick or (n <= 13 and (n <= 10 or b == 1))]


def survey_cells(circuits: list[str] | None, *, quick: bool) -> list[Cell]:
    """Every circuit (or the named ones) with every loss at all sizes; one run of six qubits only if ``quick``."""
    families = [name for name in ANSATZE.names() if not ANSATZE[name].own]
    names = families if circuits is None else [ANSATZE[c].variant_name() for c in circuits]
    sizes = [(6, 1)] if quick else list(TARGETS)
    cells = [Cell(c, loss, n, b) for c in names for loss in LOSSES for n, b in sizes]
    return [cell for cell in cells if circuits is not None or not cell.main]


def parse_cells(text: str) -> list[Cell]:
    """Cells from text such as "linear:elbo:13:1,iqp:mle:10:30"; circuit and loss may be left out ("13:1")."""
    from qhn_core.checks import check_choice
    from qhn_core.errors import InvalidArgument

    cells = []
    for item in text.split(","):
        parts = item.strip().split(":")
        if len(parts) == 2:
            parts = [CIRCUIT, LOSS, *parts]
        if len(parts) != 4 or not (parts[2].isdecimal() and parts[3].isdecimal()):
            raise InvalidArgument("cells", expected="circuit:loss:qubits:replicas, or qubits:replicas", got=item)
        circuit, loss = check_choice("circuit", parts[0], ANSATZE.names()), check_choice("loss", parts[1], LOSSES)
        qubits, replicas = int(parts[2]), int(parts[3])
        if not (2 <= qubits <= 20 and 1 <= replicas <= 4096):
            raise InvalidArgument("cells", expected="2 to 20 qubits and 1 to 4096 replicas", got=item)
        cells.append(Cell(circuit, loss, qubits, replicas))
    return cells
