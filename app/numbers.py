"""Numbers for people."""

from __future__ import annotations

import math


def digits(value: float) -> str:
    """Three significant digits, without exponents where these are not needed; a dash where there is no number."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    if 1e-3 <= size < 1e5:
        decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
        return f"{value:,.{decimals}f}".replace("-", "−")
    return f"{value:.2g}".replace("-", "−")
