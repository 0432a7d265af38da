"""Very many tasks of one status, kept as text in a file without a name.

A million tasks as objects would cost a gigabyte and seconds an answer. Here they are written once and go
out by sendfile; an id gives back its index by arithmetic, so looking one up needs no table either.
"""

from __future__ import annotations

import os
import random
import tempfile
from typing import Any

from .settings import Settings

_BITS = 120
_MASK = (1 << _BITS) - 1
_BLOCK = 10_000  # elements written at a time


class Bulk:
    def __init__(self, n: int, status: str, seed: int, now: float, look: Settings) -> None:
        if n < 1:
            raise ValueError("bulk of at least one task")
        self.n = n
        self.status = status
        rng = random.Random(f"bulk {seed} {status}")
        self._factor = rng.getrandbits(_BITS) | 1  # odd, so that it has an inverse
        self._inverse = pow(self._factor, -1, 1 << _BITS)
        self._offset = rng.getrandbits(_BITS)
        self._user = _uuid(rng.getrandbits(_BITS))
        self._born = [look.time(now - 3600 - i * 1.001) for i in range(997)]
        self._ended = [look.time(now - 60 - i * 1.001) for i in range(997)]
        self._word = look.failure_word if status == "failure" else status
        self._null = look.nulls == "null"
        self._file = tempfile.TemporaryFile(prefix="taskbell-bulk-")
        self.size = self._write()

    def close(self) -> None:
        self._file.close()

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, offset: int, count: int) -> bytes:
        return os.pread(self._file.fileno(), count, offset)

    def id(self, index: int) -> str:
        return _uuid((index * self._factor + self._offset) & _MASK)

    def index(self, id: str) -> int | None:
        """The index of the task with this id, None when it is not one of ours."""
        hexed = id.replace("-", "")
        try:
            value = int(hexed[:12] + hexed[13:16] + hexed[17:], 16)
        except ValueError:
            return None
        index = ((value - self._offset) * self._inverse) & _MASK
        return index if index < self.n and self.id(index) == id else None

    def fields(self, index: int, listed: bool) -> dict[str, Any]:
        out: dict[str, Any] = {"task_id": self.id(index)}
        if listed:
            out["user_id"] = self._user
        out["task_name"] = f"embed-archive-collection-{index:07d}"
        out["status"] = self._word
        out["created_at"] = self._born[index % 997]
        if listed:
            out["bucket"] = f"archive-collection-{index % 89:02d}"
        if self._is_ended():
            out["finished_at"] = self._ended[index % 997]
        elif self._null:
            out["finished_at"] = None
        return out

    def _is_ended(self) -> bool:
        return self.status in ("success", "failure", "partial_success")

    def _write(self) -> int:
        """Every element as `fields` has it, by one format string because a million take their time."""
        if self._is_ended():
            tail = ',"finished_at":"%s"}'
        else:
            tail = ',"finished_at":null}' if self._null else "}"
        form = (
            '{"task_id":"%s","user_id":"' + self._user + '","task_name":"embed-archive-collection-%07d","status":"'
            + self._word + '","created_at":"%s","bucket":"archive-collection-%02d"' + tail
        )
        born, ended = self._born, self._ended
        for first in range(0, self.n, _BLOCK):
            indexes = range(first, min(first + _BLOCK, self.n))
            if self._is_ended():
                rows = [form % (self.id(i), i, born[i % 997], i % 89, ended[i % 997]) for i in indexes]
            else:
                rows = [form % (self.id(i), i, born[i % 997], i % 89) for i in indexes]
            self._file.write((("," if first else "") + ",".join(rows)).encode())
        self._file.flush()
        return self._file.tell()


def _uuid(value: int) -> str:
    """120 bits in the dress of a random UUID."""
    h = f"{value:030x}"
    return f"{h[:8]}-{h[8:12]}-4{h[12:15]}-a{h[15:18]}-{h[18:]}"
