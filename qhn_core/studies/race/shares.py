"""One race shared out over many people: everybody gets one unit of it, and what they find is pooled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis import statistics
from qhn_core.analysis.statistics import Comparison, Summary
from qhn_core.checks import check_choice, check_int
from qhn_core.errors import Unsupported
from qhn_core.metrics import JUDGED
from qhn_core.studies.race.config import RaceConfig

Array = NDArray[np.float64]
Unit = Literal["draw", "seed"]
#: Contender -> metric -> its value in one share.
Found = Mapping[str, Mapping[str, float]]


def share_of(config: RaceConfig, number: int, unit: Unit) -> RaceConfig:
    """The race of one unit: draw of the data or start number ``number`` = 0, 1, … of ``config``.

    Args:
        config: the race of all.
        number: which unit. Share k has the data of draw k of the race (dataset seed + k) and starts of its own.
        unit: ``draw`` gives everybody their own draw of the data, with as many starts as the race has on each;
            ``seed`` the same data, and one start.
    """
    check_choice("unit", unit, ("draw", "seed"))
    check_int("number", number, low=0)
    base = config.base.to_dict()
    starts = max(1, config.base.replicas // config.base.data_draws) if unit == "draw" else 1
    plain = base | {"seed": config.base.seed + number, "data_draws": 1, "replicas": starts}
    if unit == "draw":
        if config.base.network is None:
            raise Unsupported(
                "A cost table is not drawn, so there is no draw of the data for everybody. Give everybody a start "
                "instead, or choose a dataset."
            )
        plain["dataset"] = base["dataset"] | {"seed": (config.base.dataset.seed + number) % 2**32}
    return RaceConfig.parse(config.to_dict() | {"base": plain})


class Pooled(NamedTuple):
    """A contender's paired differences to the first one, as shares came in."""

    contender: str
    differences: Array  #: (n,), in the order in which shares came in
    growing: tuple[Summary, ...]  #: after 2, 3, …, n of them: mean with its 95 % interval


def pool(found: Sequence[Found], titles: Sequence[str], metric: str) -> list[Pooled]:
    """Paired differences of every contender to the first in one metric, with their interval after every share.

    A share in which one of the two has no value (NaN) is left out: it costs width and nothing else.
    """
    pooled = []
    for title in titles[1:]:
        gaps = np.array([one[title][metric] - one[titles[0]][metric] for one in found], dtype=np.float64)
        gaps = gaps[np.isfinite(gaps)]
        growing = tuple(statistics.mean_interval(gaps[:n]) for n in range(2, len(gaps) + 1))
        pooled.append(Pooled(title, gaps, growing))
    return pooled


def judge(found: Sequence[Found], titles: Sequence[str], metric: str) -> list[Comparison]:
    """Every contender against the first in the metric set beforehand; every share is an independent unit."""
    sides = {title: {metric: [one[title][metric] for one in found]} for title in titles}
    return statistics.compare(sides, reference=titles[0], metrics={metric: JUDGED[metric]})
