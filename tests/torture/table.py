"""What was tried and what came of it."""

from __future__ import annotations

import sys
import threading
from collections import Counter

from judge import Verdict

_lock = threading.Lock()  # trials are made at once


class Row:
    def __init__(self, name: str) -> None:
        self.name = name
        self.count = self.lost = self.repeated = self.hung = self.faults = 0
        self.worst = 0.0
        self.examples: list[str] = []
        self.codes: Counter[int] = Counter()

    def code(self, code: int) -> None:
        with _lock:
            self.codes[code] += 1

    def wrong(self, name: str, why: str) -> None:
        with _lock:
            self.faults += 1
            self.examples.append(f"{name}: {why}")
            print(f"!! {name}: {why}", flush=True)

    def tried(self, name: str, verdict: Verdict, seconds: float, why: str = "") -> None:
        with _lock:
            self.count += 1
            self.lost += len(verdict.lost)
            self.repeated += len(verdict.repeated)
            self.worst = max(self.worst, seconds)
            self.hung += "hang" in why
        words = "; ".join(w for w in (why, verdict.words()) if w)
        if words:
            self.wrong(name, words)


class Table:
    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def row(self, name: str) -> Row:
        return self.rows.setdefault(name, Row(name))

    def broken(self) -> bool:
        return any(row.faults for row in self.rows.values())

    def tries(self) -> int:
        return sum(row.count for row in self.rows.values())

    def show(self) -> None:
        width = max((len(name) for name in self.rows), default=5)
        head = f"{'fault':<{width}}  {'tried':>6} {'lost':>5} {'repeated':>9} {'hung':>5} {'wrong':>6} {'worst delay':>12}"
        print(head + "\n" + "-" * len(head))
        for row in self.rows.values():
            print(
                f"{row.name:<{width}}  {row.count:>6} {row.lost:>5} {row.repeated:>9} {row.hung:>5} "
                f"{row.faults:>6} {row.worst:>10.2f} s"
                + "".join(f"  {n} x {code}" for code, n in sorted(row.codes.items()))
            )
        sys.stdout.flush()
