"""Whether a network fits the data."""

from __future__ import annotations

from qhn_core.errors import InvalidArgument
from qhn_core.networks.base import NetworkConfig


def check_fit(network: NetworkConfig, n_features: int, n_classes: int, *, name: str) -> None:
    """Refuse a network whose inputs or outputs do not fit the dataset ``name``, naming the layers that would."""
    layers = getattr(network, "layers", ())
    outputs = layers[-1] if layers and network.n_classes >= n_classes else (1 if n_classes == 2 else n_classes)
    fitting = ", ".join(map(str, (n_features, *layers[1:-1], outputs)))
    remedy = f"Use layers ({fitting})." if layers else ""
    if network.n_inputs != n_features:
        raise InvalidArgument(
            "network.layers[0]" if layers else "network",
            expected=f"{n_features}, the number of features of dataset '{name}'",
            got=network.n_inputs,
            remedy=remedy,
        )
    if network.n_classes < n_classes:
        raise InvalidArgument(
            f"network.layers[{len(layers) - 1}]" if layers else "network",
            expected=f"an output for {n_classes} classes, as dataset '{name}' has",
            got=f"one for {network.n_classes}",
            remedy=remedy,
        )
