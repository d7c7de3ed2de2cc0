"""Give what a run of a page has drawn the time to be sent, before the next run begins.

Streamlit 1.67 sends drawing instructions in batches. Where another run already waits for its turn (a refresh, or a
control used in the meantime), it begins the moment this one ends, and Streamlit drops what was not sent yet, since it
will be drawn again. The browser, told that this run ended without those charts, takes them away until then: a blink.
"""

from __future__ import annotations

import time

#: Seconds; batches leave every hundredth of a second.
SENDING = 0.05


def let_it_be_sent() -> None:
    """Wait at the end of a run, once: nothing is polled here, and what was drawn is on the page already."""
    time.sleep(SENDING)
