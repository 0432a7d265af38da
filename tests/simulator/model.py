"""Tasks and buckets, as functions of the clock.

A task carries its whole life as a plan; its status is looked up for the time of the question. Nothing
has to happen for a task to move on, so there is no thread and no race between a step and an answer.
"""

from __future__ import annotations

import json
import random
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Sequence

from .bulk import Bulk
from .clock import Clock
from .settings import Settings

ACTIVE = ("queued", "processing")
ENDED = ("success", "failure", "partial_success")
STATUSES = ACTIVE + ENDED

Plan = Sequence[Sequence[Any]]  # (status, seconds after the task was added), in order


def dump(value: Any) -> bytes:
    """JSON as Starlette writes it: compact, UTF-8. A lone surrogate can only be written escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


@dataclass
class File:
    """One file of a bucket. What became of it shows only when its task has ended."""

    filename: str
    status: str = "success"
    error_reason: str | None = None

    @staticmethod
    def of(value: File | dict[str, Any] | Sequence[Any]) -> File:
        if isinstance(value, File):
            return value
        return File(**value) if isinstance(value, dict) else File(*value)


@dataclass
class Task:
    id: str
    name: str
    bucket: str | None
    user_id: str
    born: float
    plan: list[tuple[str, float]]  # (status, absolute time), rising
    files: list[File] = field(default_factory=list)
    listed: bool = True  # False: known by id only
    known: bool = True  # False: in the lists only
    raw: bytes | None = None  # stands in the list instead of the rendered element
    _texts: dict[tuple[str, ...], bytes] = field(default_factory=dict, repr=False)

    def phase(self, now: float) -> tuple[str, float]:
        """The status at `now` and when it began."""
        current = self.plan[0]
        for step in self.plan:
            if step[1] > now:
                break
            current = step
        return current

    def status(self, now: float) -> str:
        return self.phase(now)[0]

    def finished(self, now: float) -> float | None:
        status, since = self.phase(now)
        return since if status in ENDED else None

    def element(self, now: float, look: Settings) -> bytes:
        """The task as it stands in the list."""
        if self.raw is not None:
            return self.raw
        key = (self.status(now), *look.look())
        if key not in self._texts:
            self._texts[key] = dump(self._fields(now, look, listed=True))
        return self._texts[key]

    def by_id(self, now: float, look: Settings) -> bytes:
        """The task as its own resource: without bucket and user."""
        return dump({"data": self._fields(now, look, listed=False)})

    def changed(self) -> None:
        self._texts.clear()

    def _fields(self, now: float, look: Settings, listed: bool) -> dict[str, Any]:
        status = self.status(now)
        finished = self.finished(now)
        out: dict[str, Any] = {"task_id": self.id}
        if listed:
            out["user_id"] = self.user_id
        out["task_name"] = self.name
        out["status"] = look.failure_word if status == "failure" else status
        out["created_at"] = look.time(self.born)
        if listed:
            out["bucket"] = self.bucket
        out["finished_at"] = None if finished is None else look.time(finished)
        if look.nulls == "absent":
            out = {k: v for k, v in out.items() if v is not None}
        return out


Feeder = Callable[["World", float], None]


class World:
    """All tasks and buckets. Every public method takes the lock itself."""

    def __init__(self, clock: Clock, settings: Settings, seed: int) -> None:
        self.clock = clock
        self.settings = settings
        self.lock = threading.RLock()
        self.rng = random.Random(f"world {seed}")
        self.tasks: dict[str, Task] = {}
        self.buckets: dict[str, list[File]] = {}
        self.bulks: list[Bulk] = []
        self.feeders: list[Feeder] = []  # called before each look, to add what should be there by now
        self.user_id = self.new_id()

    def new_id(self) -> str:
        with self.lock:
            return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def random_plan(self, pace: float = 1.0) -> list[tuple[str, float]]:
        """A plausible life: some queueing, some work, mostly a good end."""
        with self.lock:
            start = self.rng.uniform(0.5, 4.0) * pace
            end = start + self.rng.uniform(3.0, 25.0) * pace
            last = self.rng.choices(ENDED, weights=(70, 15, 15))[0]
        return [("queued", 0.0), ("processing", start), (last, end)]

    def add(
        self,
        id: str | None = None,
        name: str | None = None,
        bucket: str | None = None,
        user_id: str | None = None,
        plan: Plan | None = None,
        status: str | None = None,
        age: float = 0.0,
        files: Iterable[Any] = (),
        listed: bool = True,
        known: bool = True,
        raw: str | bytes | None = None,
    ) -> str:
        """Adds a task born `age` seconds ago and returns its id.

        `plan` counts from its birth; without one a `status` stays for ever, and without that a life is
        drawn by the seed.
        """
        with self.lock:
            born = self.clock.now() - age
            if plan is None:
                plan = self.random_plan() if status is None else [(status, 0.0)]
            steps = [(str(s), born + float(t)) for s, t in plan]
            if not steps or any(a[1] > b[1] for a, b in zip(steps, steps[1:])):
                raise ValueError("a plan has at least one step and its times rise")
            task = Task(
                id=self.new_id() if id is None else id,
                name=f"embed-{len(self.tasks) + 1}" if name is None else name,
                bucket=bucket,
                user_id=self.user_id if user_id is None else user_id,
                born=born,
                plan=steps,
                files=[File.of(f) for f in files],
                listed=listed,
                known=known,
                raw=raw.encode() if isinstance(raw, str) else raw,
            )
            if task.id in self.tasks:
                raise ValueError(f"task {task.id} is there already")
            self.tasks[task.id] = task
            return task.id

    def set_status(self, id: str, status: str) -> None:
        """From now on `status`, whatever the plan said."""
        with self.lock:
            task = self.tasks[id]
            now = self.clock.now()
            task.plan = [p for p in task.plan if p[1] < now and p[0] != status] + [(status, now)]
            task.changed()

    def update(self, id: str, **values: Any) -> None:
        """Changes fields of a task: name, bucket, user_id, files, listed, known, raw, born."""
        with self.lock:
            task = self.tasks[id]
            for name, value in values.items():
                if name not in ("name", "bucket", "user_id", "files", "listed", "known", "raw", "born"):
                    raise ValueError(f"no field {name}")
                if name == "files":
                    value = [File.of(f) for f in value]
                setattr(task, name, value.encode() if name == "raw" and isinstance(value, str) else value)
            task.changed()

    def remove(self, id: str) -> None:
        with self.lock:
            del self.tasks[id]

    def clear(self) -> None:
        with self.lock:
            self.tasks.clear()
            self.buckets.clear()
            for bulk in self.bulks:
                bulk.close()
            self.bulks.clear()

    def set_bucket(self, bucket: str, files: Iterable[Any]) -> None:
        """Files of a bucket that belong to no task of ours."""
        with self.lock:
            self.buckets[bucket] = [File.of(f) for f in files]

    def look(self) -> float:
        """The time of the question, after everything that should be there by then has been added."""
        now = self.clock.now()
        for feeder in self.feeders:
            feeder(self, now)
        return now

    def status_of(self, id: str) -> str:
        with self.lock:
            return self.tasks[id].status(self.look())

    def select(self, words: Sequence[str]) -> tuple[list[bytes], list[Bulk]]:
        """The list elements of the statuses that `words` select."""
        with self.lock:
            now = self.look()
            wanted = self._statuses(words)
            found = [
                t.element(now, self.settings)
                for t in self.tasks.values()
                if t.listed and t.status(now) in wanted
            ]
            if self.settings.shuffle:
                self.rng.shuffle(found)
            return found, [b for b in self.bulks if b.status in wanted]

    def _statuses(self, words: Sequence[str]) -> set[str]:
        wanted = {w for w in words if w != "failure"}
        if any(w in self.settings.failure_filter for w in words):
            wanted.add("failure")
        return wanted

    def task(self, id: str) -> bytes | None:
        with self.lock:
            now = self.look()
            task = self.tasks.get(id)
            if task is not None:
                return task.by_id(now, self.settings) if task.known else None
            for bulk in self.bulks:
                index = bulk.index(id)
                if index is not None:
                    return dump({"data": bulk.fields(index, listed=False)})
            return None

    def bucket_names(self) -> list[str]:
        with self.lock:
            self.look()
            own = {t.bucket for t in self.tasks.values() if t.bucket is not None}
            return sorted(own | set(self.buckets))

    def bucket(self, name: str) -> list[dict[str, Any]] | None:
        with self.lock:
            now = self.look()
            tasks = [t for t in self.tasks.values() if t.bucket == name]
            if not tasks and name not in self.buckets:
                return None
            rows = [self._file(f, t, now) for t in tasks for f in t.files]
            return rows + [self._file(f, None, now) for f in self.buckets.get(name, [])]

    def _file(self, file: File, task: Task | None, now: float) -> dict[str, Any]:
        time = self.settings.time
        ended = now if task is None else task.finished(now)
        row: dict[str, Any] = {
            "filename": file.filename,
            "status": "processing" if ended is None else file.status,
            "created_at": time(now if task is None else task.born),
            "updated_at": None if ended is None else time(ended),
            "last_embedded_at": time(ended) if ended is not None and file.status == "success" else None,
            "error_reason": None if ended is None else file.error_reason,
        }
        if self.settings.nulls == "absent":
            row = {k: v for k, v in row.items() if v is not None}
        return row
