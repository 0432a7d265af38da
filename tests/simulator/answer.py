"""An HTTP answer before it is sent: what it says, and in what way it goes out.

Faults change either half. The honest answer is made first and then spoilt, so a spoilt answer differs
from the truth in the one way that its fault names.
"""

from __future__ import annotations

import os
import tempfile
import threading
import zlib
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Iterator, Union

from .bulk import Bulk

_PIECE = 1 << 18


class Spool:
    """Bytes in a file without a name; for bodies too large to hold."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="taskbell-spool-")
        self.size = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)

    def finish(self) -> Spool:
        self._file.flush()
        return self

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, offset: int, count: int) -> bytes:
        return os.pread(self._file.fileno(), count, offset)

    def close(self) -> None:
        self._file.close()


Segment = Union[bytes, Bulk, Spool]


@dataclass
class Body:
    segments: list[Segment] = field(default_factory=list)

    @staticmethod
    def of(data: bytes) -> Body:
        return Body([data] if data else [])

    def size(self) -> int:
        return sum(len(s) if isinstance(s, bytes) else s.size for s in self.segments)

    def pieces(self) -> Iterator[bytes]:
        for segment in self.segments:
            if isinstance(segment, bytes):
                yield segment
                continue
            offset = 0
            while offset < segment.size:
                piece = segment.read(offset, _PIECE)
                offset += len(piece)
                yield piece

    def bytes(self) -> bytes:
        return b"".join(self.pieces())

    def is_large(self) -> bool:
        return any(not isinstance(s, bytes) for s in self.segments)


@dataclass
class Answer:
    status: int = 200
    body: Body = field(default_factory=Body)
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = "application/json"

    # the way it goes out
    reason: str | None = None
    version: str = "HTTP/1.1"
    delay: float = 0.0  # seconds before the first byte
    gate: threading.Event | None = None  # not before this is set
    prelude: bytes = b""  # before the status line
    raw: bytes | None = None  # instead of everything
    framing: str = "length"  # length | chunked | close
    chunk: int = 16384
    declared: int | None = None  # Content-Length, when it lies
    pace: tuple[int, float] | None = None  # so many bytes at a time, so many seconds apart
    cut_head: int | None = None  # nothing after so many bytes of the head
    cut: int | None = None  # nothing after so many bytes behind the head
    end: str = "keep"  # keep | close | reset | stall
    encode: bool = True  # may be compressed
    bad_chunk: bool = False  # a chunk size that is no number

    def set(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.status = status
        self.body = Body.of(body)
        self.content_type = content_type

    def header(self, name: str, value: str) -> None:
        self.headers.append((name, value))

    def head(self) -> bytes:
        reason = self.reason
        if reason is None:
            reason = HTTPStatus(self.status).phrase if self.status in _KNOWN else "Unknown"
        lines = [f"{self.version} {self.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


_KNOWN = {int(s) for s in HTTPStatus}


class Gzip:
    """Compresses bodies; the last large one is kept, because a benchmark asks for it again and again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._spool: Spool | None = None

    def compress(self, body: Body) -> Body:
        if not body.is_large():
            return Body.of(_gzip(6).compress_all(body))
        key = tuple(s if isinstance(s, bytes) else id(s) for s in body.segments)
        with self._lock:
            if key != self._key or self._spool is None:
                self._spool = _gzip(1).spool(body)
                self._key = key
            return Body([self._spool])


class _gzip:
    def __init__(self, level: int) -> None:
        self._z = zlib.compressobj(level, zlib.DEFLATED, 31)

    def compress_all(self, body: Body) -> bytes:
        return b"".join([self._z.compress(p) for p in body.pieces()] + [self._z.flush()])

    def spool(self, body: Body) -> Spool:
        out = Spool()
        for piece in body.pieces():
            out.write(self._z.compress(piece))
        out.write(self._z.flush())
        return out.finish()
