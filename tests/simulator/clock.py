"""The simulator's clock: stands still until a test steps it, or runs at a multiple of real time.

Everything a task does is a function of this clock, so a test decides how late it is and never waits for it.
"""

from __future__ import annotations

import threading
import time


class Clock:
    """Seconds since 1970 as the simulated service sees them."""

    def __init__(self, start: float | None = None, speed: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._base = time.time() if start is None else float(start)
        self._since = time.monotonic()
        self._speed = float(speed)

    def now(self) -> float:
        with self._lock:
            return self._now()

    def step(self, seconds: float) -> float:
        """Moves forward and returns the new time. A service's clock does not go back."""
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        with self._lock:
            self._base += seconds
            return self._now()

    def run(self, speed: float) -> None:
        """From now on runs at `speed` times real time; 0 stops it."""
        with self._lock:
            self._base = self._now()
            self._since = time.monotonic()
            self._speed = float(speed)

    def _now(self) -> float:
        if not self._speed:
            return self._base
        return self._base + (time.monotonic() - self._since) * self._speed
