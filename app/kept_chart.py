"""Live charts whose figures are built once for all who look at them, and again when what they show has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from app import services
from app.figures import Figure
from app.live_chart import encode, live_chart


def encoded(
    build: Callable[[], tuple[Figure, str]],
    *,
    name: str,
    key: tuple[Hashable, ...],
    version: Hashable,
    patience: float = 0.0,
    **options: Any,
) -> bytes:
    """What :func:`app.live_chart.live_chart` mounts.

    Args:
        build: makes the figure and what a reader without eyes is told.
        name: what the DOM node carries as ``data-chart``.
        key: what tells this figure from all others on this server, beside its name.
        version: the figure is built anew when this changes,
        patience: but at most once in so many seconds.
        options: height and the rest of :func:`app.live_chart.encode`.
    """

    def built() -> bytes:
        figure, alt = build()
        return encode(figure, name=name, alt=alt, **options)

    return services.cached_figure((*key, name), version, built, every=patience)


def kept_chart(
    build: Callable[[], tuple[Figure, str]],
    *,
    name: str,
    key: tuple[Hashable, ...],
    version: Hashable,
    patience: float = 0.0,
    **options: Any,
) -> None:
    """Mount a chart, or update the one mounted under its name; the arguments are those of :func:`encoded`."""
    live_chart(encoded(build, name=name, key=key, version=version, patience=patience, **options), name=name)
