"""How fast a run goes, and how fast it may."""

from __future__ import annotations

from collections import deque

#: Seconds over which the rate is averaged, and between the marks that it is made of.
_WINDOW, _GRAIN = 3.0, 0.1


class Pace:
    """Rate of a run, and the moment when its next step is due. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque(maxlen=int(_WINDOW / _GRAIN) + 1)
        self._last = 0.0
        self._due = 0.0
        self._newest = (0.0, 0)
        #: Seconds that a step takes, smoothed; None before the first.
        self.step_seconds: float | None = None

    def restart(self, now: float, step: int) -> None:
        """Begin to measure at ``step``: after a start, a pause or a wait in the queue."""
        self._marks.clear()
        self._marks.append((now, step))
        self._newest = (now, step)
        self._last = self._due = now

    def tick(self, began: float, now: float, step: int) -> None:
        """A step that began at ``began`` is done."""
        took = now - began
        self.step_seconds = took if self.step_seconds is None else 0.9 * self.step_seconds + 0.1 * took
        self._newest = (now, step)
        if not self._marks or now - self._marks[-1][0] >= _GRAIN:
            self._marks.append((now, step))

    def rate(self, now: float) -> float:
        """Steps per second over the last few seconds; 0 before the first step."""
        if not self._marks:
            return 0.0
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW:
            self._marks.popleft()
        then, step = self._marks[0]
        latest, reached = self._newest
        return (reached - step) / max(latest - then, 1e-6) if reached > step else 0.0

    def delay(self, now: float, speed: float | None) -> float:
        """Seconds until the next step is due at ``speed`` steps a second."""
        if speed is None:
            return 0.0
        # Never later than one period after the last step, so that a raised limit acts at once; and a late step is
        # made up for within a tenth of a second at most, so that a hiccup is not followed by a burst.
        due = min(self._due, self._last + 1.0 / speed)
        return max(0.0, due - now)

    def began(self, now: float, speed: float | None) -> None:
        """A step begins now: set when the following one is due."""
        if speed is not None:
            self._due = max(min(self._due, now), now - 0.1) + 1.0 / speed
        self._last = now
