"""How long a campaign may take, and which trials to make when there is no time for all."""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterable, Sequence, TypeVar

T = TypeVar("T")
SHORT_SECONDS = 60.0  # a campaign that has less does not first count what takes seconds to count


class Time:
    """So many seconds (infinity: until all is tried), and how many trials are made at once."""

    def __init__(self, seconds: float, workers: int = 1) -> None:
        self._end = time.monotonic() + seconds
        self.workers = workers

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def over(self) -> bool:
        return self.left() == 0.0

    def share(self, parts: float) -> Time:
        """One of so many equal parts of what is left."""
        return Time(self.left() / max(1.0, parts), self.workers)


def each(time: Time, trials: Iterable[tuple[Any, ...]], run: Callable[..., None]) -> None:
    """Runs them all, or as many as there is time for."""
    rest = iter(trials)
    lock = threading.Lock()

    def work() -> None:
        while not time.over():
            with lock:
                trial = next(rest, None)
            if trial is None:
                return
            run(*trial)

    with ThreadPoolExecutor(time.workers) as pool:
        for done in [pool.submit(work) for _ in range(time.workers)]:
            done.result()


def spread(items: Sequence[T], seed: int) -> list[T]:
    """All of them, in an order whose beginning lies evenly over the whole."""
    n = len(items)
    step = max(1, round(n * 0.6180339887))
    while math.gcd(step, max(1, n)) != 1:
        step += 1
    return [items[(seed + i * step) % n] for i in range(n)]
