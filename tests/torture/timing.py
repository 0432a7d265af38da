"""How long a campaign may take, and which trials to make when there is no time for all."""

from __future__ import annotations

import math
import time
from typing import Sequence, TypeVar

T = TypeVar("T")


class Time:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def over(self) -> bool:
        return self.left() == 0.0

    def share(self, parts: float) -> Time:
        """One of so many equal parts of what is left."""
        return Time(self.left() / max(1.0, parts))


def spread(items: Sequence[T], seed: int) -> list[T]:
    """All of them, in an order whose beginning lies evenly over the whole."""
    n = len(items)
    step = max(1, round(n * 0.6180339887))
    while math.gcd(step, max(1, n)) != 1:
        step += 1
    return [items[(seed + i * step) % n] for i in range(n)]
