"""What was asked, in order. A test reads it, or blocks until it holds enough."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, Callable

PATIENCE = 60.0 * float(os.environ.get("TASKBELL_PATIENCE", "1"))  # seconds that a request may take to come


@dataclass
class Entry:
    """One request of the API. The key itself is never kept, only whether it was right."""

    n: int  # 1, 2, 3 …
    time: float  # real, seconds since 1970
    virtual: float  # by the simulator's clock
    connection: int  # which TCP connection, counted from 1
    method: str
    target: str
    path: str  # decoded, without the query
    query: dict[str, list[str]]
    headers: dict[str, str]
    key: str  # right | wrong | missing
    route: str  # list | task | bucket | buckets | other
    fault: str | None = None
    status: int | None = None  # None: no status line went out
    sent: int = 0  # bytes written to the socket
    done: bool = False  # the answer, or what was to stand for it, is out

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Match = Callable[[Entry], bool]


class Journal:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._dropped = 0
        self.limit: int | None = None  # keep the last so many; for runs of days

    def add(self, **fields: Any) -> Entry:
        with self._changed:
            entry = Entry(n=self._dropped + len(self._entries) + 1, time=time.time(), **fields)
            self._entries.append(entry)
            if self.limit is not None and len(self._entries) > self.limit:
                drop = len(self._entries) - self.limit
                del self._entries[:drop]
                self._dropped += drop
            self._changed.notify_all()
            return entry

    def spoil(self, entry: Entry, fault: str | None) -> None:
        with self._changed:
            entry.fault = fault
            self._changed.notify_all()

    def finish(self, entry: Entry, status: int | None, sent: int) -> None:
        with self._changed:
            entry.status, entry.sent, entry.done = status, sent, True
            self._changed.notify_all()

    def entries(self, since: int = 0, match: Match | None = None) -> list[Entry]:
        """Those after number `since`, in order."""
        with self._changed:
            return self._select(since, match)

    def count(self) -> int:
        with self._changed:
            return self._dropped + len(self._entries)

    def wait(
        self,
        n: int,
        timeout: float = PATIENCE,
        since: int = 0,
        match: Match | None = None,
        done: bool = False,
    ) -> list[Entry]:
        """Blocks until `n` entries after `since` match (`done`: and are answered), and returns them."""

        def found() -> list[Entry]:
            hits = self._select(since, match)
            return [e for e in hits if e.done] if done else hits

        with self._changed:
            if not self._changed.wait_for(lambda: len(found()) >= n, timeout):
                seen = ", ".join(f"{e.method} {e.target}" for e in self._select(since, None)[-10:])
                raise TimeoutError(f"{len(found())} of {n} requests within {timeout} s; last: {seen or 'none'}")
            return found()

    def clear(self) -> None:
        with self._changed:
            self._dropped += len(self._entries)
            self._entries.clear()

    def _select(self, since: int, match: Match | None) -> list[Entry]:
        start = max(0, since - self._dropped)
        return [e for e in self._entries[start:] if match is None or match(e)]
