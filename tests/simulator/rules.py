"""Which requests get which fault."""

from __future__ import annotations

import fnmatch
import itertools
import random
import threading
from dataclasses import dataclass, field
from typing import Any, Sequence

from .answer import Answer
from .faults import FAULTS, Fault
from .kinds import KINDS, Context
from .request import Request

_ROUTES = ("list", "task", "bucket", "buckets", "other")


def fault_of(name: str) -> Fault:
    """A fault by its name, or a bare kind by its."""
    if name in FAULTS:
        return FAULTS[name]
    if name in KINDS:
        return Fault(name, name, "error")
    raise ValueError(f"no fault {name}; see FAULTS")


@dataclass
class Rule:
    """The next `count` matching requests after `skip` (None: all) get one of `faults`.

    With `percent`, each of them gets it with that chance, by the seed and the number of the request.
    """

    faults: Sequence[Fault]
    params: dict[str, Any]
    route: str | None = None
    path: str | None = None
    status: str | None = None
    method: str | None = None
    count: int | None = 1
    skip: int = 0
    percent: float | None = None
    seed: int = 0
    id: int = field(default_factory=itertools.count(1).__next__)
    seen: int = 0  # requests that matched
    hits: int = 0  # of them, those that were spoilt

    def __post_init__(self) -> None:
        if self.route is not None and self.route not in _ROUTES:
            raise ValueError(f"a route is one of {', '.join(_ROUTES)}")
        if not self.faults:
            raise ValueError("a rule needs a fault")
        for fault in self.faults:
            fault.check(self.params)

    def matches(self, request: Request, route: str) -> bool:
        if self.route is not None and route != self.route:
            return False
        if self.method is not None and request.method != self.method:
            return False
        if self.path is not None and not fnmatch.fnmatchcase(request.path, self.path):
            return False
        return self.status is None or self.status in request.query.get("status", [])

    def take(self) -> Fault | None:
        """The fault for this matching request, None when it is spared."""
        self.seen += 1
        if self.seen <= self.skip or (self.count is not None and self.hits >= self.count):
            return None
        draw = random.Random(f"rule {self.seed} {self.seen}")
        if self.percent is not None and draw.uniform(0, 100) >= self.percent:
            return None
        self.hits += 1
        return draw.choice(self.faults) if len(self.faults) > 1 else self.faults[0]


class Rules:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> Rule:
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self, id: int | None = None) -> None:
        with self._lock:
            self._rules = [r for r in self._rules if id is not None and r.id != id]

    def apply(self, request: Request, route: str, context: Context, answer: Answer) -> str | None:
        """Spoils the answer by the first rule that takes the request; the name of the fault."""
        with self._lock:
            chosen = None
            for rule in self._rules:
                if rule.matches(request, route):
                    fault = rule.take()
                    if fault is not None:
                        chosen = (fault, rule.params)
                        break
        if chosen is None:
            return None
        fault, params = chosen
        fault.apply(context, answer, **params)
        return fault.name
