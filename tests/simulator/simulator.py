"""The simulator as a test sees it."""

from __future__ import annotations

import email.utils
import random
import threading
import time
from typing import Any, Callable, Iterable, Sequence

from . import control, faults
from .answer import Answer
from .api import BASE, Api, route_of
from .bulk import Bulk
from .clock import Clock
from .journal import PATIENCE, Entry, Journal, Match
from .kinds import Context
from .model import Plan, World
from .request import Request
from .rules import Rule, Rules, fault_of
from .settings import Settings
from .tls import Certificate
from .transport import Listener


class Simulator:
    """A Telnyx API on a loopback port, from construction to `stop()`. Also a context manager.

    The clock stands still unless `speed` is given: `step()` moves it. Keyword arguments that are not
    named here are settings (settings.py).
    """

    FAULTS = tuple(faults.FAULTS)

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        seed: int = 1,
        start: float | None = None,
        speed: float = 0.0,
        tls: bool | str = False,
        **settings: Any,
    ) -> None:
        self.seed = seed
        self.settings = Settings()
        self.settings.change(**settings)
        self.clock = Clock(start, speed)
        self.world = World(self.clock, self.settings, seed)
        self.api = Api(self.world, self.settings, seed)
        self.rules = Rules()
        self.journal = Journal()
        self.stopped = threading.Event()
        self._rng = random.Random(f"faults {seed}")
        self._gate = threading.Event()
        self._certificate = Certificate("good" if tls is True else tls) if tls else None
        context = self._certificate.context if self._certificate else None
        gzip = lambda: (self.settings.gzip, self.settings.gzip_min)  # noqa: E731
        self._listener = Listener(self._handle, gzip, host, port, context)
        self.port = self._listener.port
        self.root = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self.url = self.root + BASE
        self.ca_file = self._certificate.ca_file if self._certificate else None

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends every connection and thread. Twice is once."""
        self._gate.set()
        self._listener.stop()
        self.world.clear()
        if self._certificate is not None:
            self._certificate.remove()
            self._certificate = None
        self.stopped.set()

    # --- the clock and the tasks

    def now(self) -> float:
        return self.clock.now()

    def step(self, seconds: float) -> float:
        """Moves the clock forward; what should have happened by then has happened when this returns."""
        return self.clock.step(seconds)

    def run(self, speed: float = 1.0) -> None:
        """Lets the clock run at `speed` times real time; 0 stops it."""
        self.clock.run(speed)

    def add_task(self, id: str | None = None, plan: Plan | None = None, **fields: Any) -> str:
        """Adds a task and returns its id; the fields are those of World.add."""
        return self.world.add(id=id, plan=plan, **fields)

    def set_status(self, id: str, status: str) -> None:
        self.world.set_status(id, status)

    def status_of(self, id: str) -> str:
        return self.world.status_of(id)

    def update_task(self, id: str, **fields: Any) -> None:
        self.world.update(id, **fields)

    def remove(self, id: str) -> None:
        """Deletes a task: it is in no list and its id is unknown."""
        self.world.remove(id)

    def clear_tasks(self) -> None:
        self.world.clear()

    def set_bucket(self, bucket: str, files: Iterable[Any]) -> None:
        """Files as (filename, status, error_reason), or mappings of that."""
        self.world.set_bucket(bucket, files)

    def bulk(self, n: int, status: str = "queued", seed: int | None = None) -> Bulk:
        """Adds `n` tasks that stay in one status; a million take about 240 MB of temporary file."""
        made = Bulk(n, status, self.seed if seed is None else seed, self.now(), self.settings)
        with self.world.lock:
            self.world.bulks.append(made)
        return made

    def configure(self, **settings: Any) -> None:
        self.settings.change(**settings)

    # --- faults

    def fault(
        self,
        name: str | Sequence[str],
        count: int | None = 1,
        skip: int = 0,
        percent: float | None = None,
        seed: int | None = None,
        route: str | None = None,
        path: str | None = None,
        status_filter: str | None = None,
        method: str | None = None,
        **params: Any,
    ) -> Rule:
        """Spoils the next `count` (None: all) matching requests after `skip` of them.

        `name` is one of FAULTS or a kind; of several, one is drawn by the seed each time. `params` are
        those of the kind. `route` is list, task, bucket or buckets; `path` a shell pattern for the whole
        path; `status_filter` a word that has to be in the status filter.
        """
        names = [name] if isinstance(name, str) else list(name)
        rule = Rule(
            faults=[fault_of(n) for n in names],
            params=params,
            route=route,
            path=path,
            status=status_filter,
            method=method,
            count=count,
            skip=skip,
            percent=percent,
            seed=self.seed if seed is None else seed,
        )
        return self.rules.add(rule)

    def chaos(
        self,
        percent: float,
        seed: int | None = None,
        effects: Sequence[str] = ("error", "harmless"),
        slow: bool = False,
        **match: Any,
    ) -> Rule:
        """`percent` of all answers fail in every way the simulator knows that has one of `effects`."""
        names = faults.names(*effects, slow=None if slow else False)
        return self.fault(names, count=None, percent=percent, seed=seed, **match)

    def clear_faults(self, id: int | None = None) -> None:
        """Answers are honest again; with `id` only that rule ends. Held answers stay held."""
        self.rules.clear(id)

    def release(self) -> None:
        """Lets every answer go that fault `hold` holds back. Later ones are held again."""
        self._gate.set()
        self._gate = threading.Event()

    def down(self) -> None:
        """Connections are refused, open ones are dropped, until `up()`."""
        self._listener.down()

    def up(self) -> None:
        self._listener.up()

    def drop_connections(self) -> int:
        """Ends every open connection, as a service does with idle ones; how many there were."""
        return self._listener.drop()

    def connections(self) -> int:
        return self._listener.connections()

    # --- what was asked

    def requests(self, since: int = 0, match: Match | None = None) -> list[Entry]:
        return self.journal.entries(since, match)

    def mark(self) -> int:
        """The number of the last request: `since=mark` are those after it."""
        return self.journal.count()

    def wait_requests(
        self,
        n: int = 1,
        timeout: float = PATIENCE,
        since: int = 0,
        match: Match | None = None,
        done: bool = False,
    ) -> list[Entry]:
        """Blocks until `n` requests after `since` have come (`done`: and been answered)."""
        return self.journal.wait(n, timeout, since, match, done)

    # --- serving

    def _handle(
        self, request: Request, connection: int
    ) -> tuple[Answer, Callable[[int | None, int], None]]:
        if request.path.startswith(control.PREFIX):
            return control.handle(self, request), lambda status, sent: None
        route = route_of(request.path)
        headers = {k: v for k, v in request.headers.items() if k != "authorization"}
        entry = self.journal.add(
            virtual=self.now(),
            connection=connection,
            method=request.method,
            target=request.target,
            path=request.path,
            query=request.query,
            headers=headers,
            key=self.api.key_state(request),
            route=route,
        )
        answer = self.api.answer(request)
        if self.settings.date_skew:
            date = time.time() + self.settings.date_skew
            answer.header("Date", email.utils.formatdate(date, usegmt=True))
        if self.settings.idle_close:
            answer.end = "close"
        context = Context(self._rng, self._gate)
        self.journal.spoil(entry, self.rules.apply(request, route, context, answer))
        return answer, lambda status, sent: self.journal.finish(entry, status, sent)
