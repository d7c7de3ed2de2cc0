"""Menus as people use them: one that closes again, as the page moved, is opened once more."""

from __future__ import annotations

import time

from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as InVain

#: Milliseconds for which a list stays open where nothing closes it; seconds in all.
_OPEN, _PATIENCE = 6_000, 90.0


def take(box: Locator, name: str, *, exact: bool = False) -> None:
    """Take the first entry of this name.

    Args:
        box: what opens the list.
        name: of the entry, or a part of it unless ``exact``.
    """
    option, end = box.page.get_by_role("option", name=name, exact=exact).first, time.monotonic() + _PATIENCE
    while True:
        box.click()
        try:
            return option.click(timeout=_OPEN)
        except InVain:
            if time.monotonic() > end:
                raise
