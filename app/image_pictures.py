"""Pictures of networks too wide for bars: weights as images, and test images with what the networks say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import figures
from app.figures.images import MAX_IMAGES, image_strip, weight_maps
from app.pictures import Built, Moment
from qhn_core.config import RunConfig

#: Weights beyond which bars and rows of signs cannot be read.
WIDE = 24
#: Networks shown beside their mean, and networks that the strip averages over.
_MEMBERS = 128


def is_wide(config: RunConfig) -> bool:
    """Whether the network has too many weights for bars, and layers whose weights can be drawn as pictures."""
    return config.network is not None and config.network.n_bits > WIDE and bool(getattr(config.network, "layers", ()))


def reads_images(config: RunConfig) -> bool:
    """Whether the inputs are the pixels of square images."""
    side = getattr(config.dataset, "side", None)
    return side is not None and config.network is not None and config.network.n_inputs == side * side


def mean_weights(moment: Moment) -> Built:
    """The mean of each first-layer weight over the drawn networks, one picture a unit."""
    maps, names = _maps(moment, moment.draws.mean(axis=0)), _units(moment)
    title = f"Mean weights of {len(moment.draws)} networks"
    decided = float((np.abs(maps) > 0.9).mean())
    text = f"Mean weights into {len(maps)} units over {len(moment.draws)} drawn networks; {decided:.0%} are decided."
    return moment.named(weight_maps(maps, names=names, title=title)), text


def one_network(moment: Moment) -> Built:
    """The first-layer weights of the first drawn network."""
    maps = _maps(moment, moment.draws[0].astype(np.float64))
    text = f"Weights of one network drawn from the circuit, {moment.problem.n_bits} signs in all."
    return moment.named(weight_maps(maps, names=_units(moment), title="One drawn network")), text


def tested_images(moment: Moment) -> Built:
    """A strip of test images with the class probabilities of the drawn networks together."""
    data, network = moment.problem.dataset, moment.problem.network
    if data is None or network is None or not len(data.y_test):
        return figures.message("Test images", "No test examples"), "Test images: none."
    x, y = data.x_test[:MAX_IMAGES], data.y_test[:MAX_IMAGES]
    members = moment.draws[:_MEMBERS]
    proba = network.predict_proba(members, x).mean(axis=0)
    side = round(np.sqrt(x.shape[1]))
    figure = image_strip(x.reshape(-1, side, side), proba, y, class_names=_classes(moment), members=len(members))
    right = int((proba.argmax(axis=1) == y).sum())
    return moment.named(figure), f"{len(x)} test images, {right} read correctly by {len(members)} drawn networks."


def _maps(moment: Moment, ones: NDArray[np.float64]) -> NDArray[np.float64]:
    """Signs −1 … +1 of the first layer, (units, rows, columns): images, or the inputs in one row."""
    network: Any = moment.problem.network
    inputs, units = network.layers[:2]
    signs = 2.0 * ones[: inputs * units].reshape(inputs, units).T - 1.0
    side = round(np.sqrt(inputs))
    return signs.reshape(units, side, side) if side * side == inputs else signs.reshape(units, 1, inputs)


def _units(moment: Moment) -> tuple[str, ...]:
    network: Any = moment.problem.network
    if len(network.layers) == 2 and network.layers[1] > 1:
        return _classes(moment)
    return tuple(str(j) for j in range(network.layers[1]))


def _classes(moment: Moment) -> tuple[str, ...]:
    data = moment.problem.dataset
    assert data is not None  # noqa: S101 -- these pictures are drawn of networks, which have data
    return data.class_names or tuple(map(str, range(data.n_classes)))
