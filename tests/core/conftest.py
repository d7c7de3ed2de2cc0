"""What tests of the core share."""

from __future__ import annotations

import pytest


@pytest.fixture
def own_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """autoray keeps one namespace for all back ends that are named by a string: that which a process asks for first.

    quimb names NumPy and torch so: a test that uses one would get the other's functions after a test of that.
    """
    import autoray.autoray

    monkeypatch.setattr(autoray.autoray, "_NAMESPACE_CACHE", {})
