"""A day at an office, in minutes: tasks that start and end all the time, for looking at.

The first three ends come in the first twelve seconds and are of the three sorts; after that the seed
decides, with an end every five seconds or so.
"""

from __future__ import annotations

import random

from .model import ENDED, World

_SUBJECTS = (
    "contracts", "knowledge-base", "support-tickets", "product-manuals", "release-notes", "invoices",
    "meeting-minutes", "price-lists", "faq", "onboarding", "research-papers", "call-transcripts",
)
_KEEP = 300  # ended tasks that stay in the lists
_PACE = 7.0  # seconds between two new tasks, on average …
_PAUSE = 7.0  # … and at most, which is the shortest life: there is always one to look at
_REASONS = (
    "Unsupported file type: application/x-msdownload",
    "File is empty",
    "Could not extract text: the PDF is encrypted",
    "Document exceeds the maximum size of 100 MB",
    "Could not decode text as UTF-8",
)
_SUFFIXES = ("pdf", "docx", "md", "txt", "html", "csv")


class Demo:
    """A feeder: before each answer adds the tasks that have begun since the last."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"demo {seed}")
        self._count = 0
        self._next: float | None = None

    def __call__(self, world: World, now: float) -> None:
        if self._next is None:
            self._open(world, now)
        assert self._next is not None
        while self._next <= now:
            self._add(world, now, begun=self._next)
            self._next += min(_PAUSE, self._rng.expovariate(1 / _PACE))
        self._prune(world, now)

    def _open(self, world: World, now: float) -> None:
        """What is there when the curtain rises: some history, and three tasks about to end."""
        for hours, end in ((26, "success"), (5, "partial_success"), (1, "success")):
            self._add(world, now, begun=now - hours * 3600, life=(3.0, 140.0), end=end)
        for life, end in (((-1.0, 4.0), "success"), ((1.5, 8.0), "failure"), ((2.5, 12.0), "partial_success")):
            self._add(world, now, begun=now, life=life, end=end)
        self._next = now + 2.0

    def _add(
        self,
        world: World,
        now: float,
        begun: float,
        life: tuple[float, float] | None = None,
        end: str | None = None,
    ) -> None:
        rng = self._rng
        if life is None:
            start = rng.uniform(1.0, 5.0)
            life = (start, start + rng.uniform(6.0, 24.0))
        if end is None:
            end = rng.choices(ENDED, weights=(72, 12, 16))[0]
        subject = rng.choice(_SUBJECTS)
        self._count += 1
        world.add(
            name=f"embed-{subject}",
            bucket=subject if rng.random() < 0.8 else f"{subject}-{rng.randint(2024, 2026)}",
            age=now - begun,
            plan=[("queued", 0.0), ("processing", max(0.0, life[0])), (end, life[1])],
            files=self._files(subject, end),
        )

    def _files(self, subject: str, end: str) -> list[tuple[str, str, str | None]]:
        rng = self._rng
        total = rng.randint(2, 9)
        bad = {"success": 0, "failure": total}.get(end, rng.randint(1, total - 1))
        files: list[tuple[str, str, str | None]] = []
        for i in range(total):
            name = f"{subject}/{rng.randint(100, 999)}-{i + 1}.{rng.choice(_SUFFIXES)}"
            files.append((name, "failure", rng.choice(_REASONS)) if i < bad else (name, "success", None))
        return files

    def _prune(self, world: World, now: float) -> None:
        ended = [t.id for t in world.tasks.values() if t.status(now) in ENDED]
        for id in ended[: max(0, len(ended) - _KEEP)]:
            del world.tasks[id]
