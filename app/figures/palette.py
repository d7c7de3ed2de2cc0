"""One colour per thing, the same on every page, safe for the colour-blind (Okabe and Ito, 2008).

Colours that depend on the theme are tokens (``@ink``, …), resolved in the browser by the live chart or in Python by
:func:`app.figures.plain.resolve`.
"""

from __future__ import annotations

from typing import Final

from qhn_core.objectives import OBJECTIVES

#: Classical rivals and anything that is not a loss of ours.
RIVAL: Final = "#8A8F9C"
#: What a device makes of a circuit, beside the ideal one.
DEVICE: Final = "#E69F00"
#: A second run with the same loss: its twin, another start, another circuit. Seen on light and dark ground.
SECOND: Final = "#8C6D31"
#: Classes of a dataset, apart from the losses; the marker symbols tell them apart without colour.
CLASSES: Final = (
    "#E69F00", "#56B4E9", "#7F3C8D", "#8C6D31", "#F0E442", "#5B8C5A", "#A05195", "#4D4D4D", "#B2DF8A", "#FB9A99",
)  # fmt: skip
SYMBOLS: Final = (
    "circle", "square", "diamond", "triangle-up", "cross", "x", "pentagon", "star", "hexagon", "triangle-down",
)  # fmt: skip

INK: Final = "@ink"  #: text, exact posterior, evidence
MUTED: Final = "@muted"  #: secondary text and lines
GRID: Final = "@grid"
SOFT: Final = "@soft"  #: quiet fill
ACCENT: Final = "@accent"
PAPER: Final = "@paper"

#: Share that would have the accent's full colour: cells stay so pale (so dark, in the dark) that ink is read on them.
PALEST: Final = 1 / 0.55

#: Value of each token in each theme.
TOKENS: Final[dict[str, dict[str, str]]] = {
    "light": {
        INK: "#10131a",
        MUTED: "#5a6170",
        GRID: "#e3e6ee",
        SOFT: "#e9ecf5",
        ACCENT: "#3d4a9e",
        PAPER: "#ffffff",
    },
    "dark": {
        INK: "#eef0f5",
        MUTED: "#a9b0c0",
        GRID: "#2f3644",
        SOFT: "#262d3b",
        ACCENT: "#93a3f5",
        PAPER: "#12151c",
    },
}


def loss_colour(objective: str) -> str:
    """Colour of an objective by its name; grey for what is not known here (a run of a later version, say)."""
    return OBJECTIVES[objective].colour if objective in OBJECTIVES.names() else RIVAL


def translucent(colour: str, alpha: float) -> str:
    """``#rrggbb`` with opacity ``alpha`` in [0, 1], as ``rgba(…)``."""
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},{alpha:g})"


def legible(colour: str, *, dark: bool) -> str:
    """``#rrggbb`` as text of at least 4.5 to 1: lines need less contrast, and are lighter or darker than that."""
    share, goal = (0.4, 255) if dark else (0.3, 0)
    mixed = (round(part + share * (goal - part)) for part in (int(colour[i : i + 2], 16) for i in (1, 3, 5)))
    return "#" + "".join(f"{part:02x}" for part in mixed)
