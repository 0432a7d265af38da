"""The other side of shim.c: a file that both map holds what is to happen and what has happened."""

from __future__ import annotations

import contextlib
import mmap
import os
import struct

CLASSES = (
    "write", "sync", "open", "create", "name", "commit", "fork", "reap", "send", "socket", "descriptor", "alloc",
    "map", "read", "thread", "receive", "wait",
)
COUNT, KILL_BEFORE, KILL_WITHIN, KILL_AFTER, FAIL, SHORT = range(6)
FOR_GOOD = 0  # as a count
KILLS = {"before": KILL_BEFORE, "within": KILL_WITHIN, "after": KILL_AFTER}
# where a monitor does something that others can see, or waits until it is on the disk
VISIBLE = ("write", "sync", "create", "name", "commit", "fork", "reap", "send")

_HEAD = struct.Struct("@IIQQiIQQ24Q")
_TRACE_MAX = 16384
_TRACE_TEXT = 56


class Plan:
    """One run of one process. It can be changed while the process runs."""

    def __init__(self, path: str) -> None:
        self.path = path
        size = _HEAD.size + _TRACE_MAX * _TRACE_TEXT
        with open(path, "wb") as file:
            file.truncate(size)
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)

    def set(
        self,
        action: int,
        classes: tuple[str, ...],
        at: int = 1,
        count: int = 1,
        error: int = 0,
        trace: bool = False,
    ) -> None:
        """`at` counts calls of these classes from 1; `count` 0: every one from there on."""
        bits = sum(1 << CLASSES.index(c) for c in classes)
        head = _HEAD.pack(action, bits, at, count, error, trace, 0, 0, *([0] * 24))
        self._map[: len(head)] = head

    def _head(self) -> tuple[int, ...]:
        return _HEAD.unpack_from(self._map)

    def seen(self) -> int:
        return self._head()[6]

    def hits(self) -> int:
        return self._head()[7]

    def seen_of(self, name: str) -> int:
        return self._head()[8 + CLASSES.index(name)]

    def place(self, number: int) -> str:
        """What the n-th call was and on which file, when it was traced."""
        if not 0 < number <= _TRACE_MAX:
            return ""
        start = _HEAD.size + (number - 1) * _TRACE_TEXT
        return self._map[start : start + _TRACE_TEXT].split(b"\0", 1)[0].decode("utf-8", "replace")

    def environment(self, shim: str) -> dict[str, str]:
        """The dynamic linker takes names apart at blanks; the plan lies where there is none."""
        if " " in shim:
            link = os.path.join(os.path.dirname(self.path), "shim.so")
            with contextlib.suppress(FileExistsError):
                os.symlink(shim, link)
            shim = link
        return {"LD_PRELOAD": shim, "TORTURE_PLAN": self.path}

    def close(self) -> None:
        self._map.close()
        os.unlink(self.path)
