"""The kinds of fault: each a function that spoils one honest answer in one way.

A kind either changes what the answer says or how it goes out; faults.py gives them names and parameters.
"""

from __future__ import annotations

import base64
import email.utils
import gzip
import math
import random
import struct
import threading
import time
import zlib
from dataclasses import dataclass
from typing import Any, Callable

from .answer import Answer, Body, Spool
from .api import errors
from .model import dump

@dataclass
class Context:
    """What a kind may look at."""

    rng: random.Random
    gate: threading.Event


Kind = Callable[..., None]
KINDS: dict[str, Kind] = {}



def kind(function: Kind) -> Kind:
    KINDS[function.__name__.strip("_").replace("_", "-")] = function
    return function


# --- whole answers ---------------------------------------------------------------------------------

_TITLES = {
    400: ("10015", "Bad Request"),
    401: ("10009", "Authentication failed"),
    403: ("10010", "Authorization failed"),
    404: ("10005", "Resource not found"),
    408: ("10008", "Request timeout"),
    409: ("10036", "Resource being processed"),
    422: ("10027", "Unprocessable entity"),
    429: ("10011", "Too many requests"),
    503: ("10037", "Service unavailable"),
}


def to_bytes(body: Any) -> bytes:
    """A body as given by a test: bytes, text, {"base64": …}, or anything else as JSON."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8", "surrogateescape")
    if isinstance(body, dict) and set(body) == {"base64"}:
        return base64.b64decode(body["base64"])
    return dump(body)


@kind
def _status(
    context: Context,
    answer: Answer,
    status: int = 503,
    headers: dict[str, str] | None = None,
    body: Any = None,
    content_type: str = "application/json",
) -> None:
    """Any status, headers and body; without a body the one Telnyx would send."""
    if body is None:
        code, title = _TITLES.get(status, ("10007", "Unexpected error"))
        body = errors(code, title, "You have exceeded the maximum number of allowed requests."
                      if status == 429 else "An unexpected error occurred.")
    answer.set(status, to_bytes(body), content_type)
    for name, value in (headers or {}).items():
        answer.header(name, str(value))


@kind
def _retry_header(
    context: Context, answer: Answer, form: str = "seconds", seconds: float = 1.0, status: int = 429
) -> None:
    """A 429 (or other) that says when to come back, in one of the forms seen in the wild."""
    _status(context, answer, status=status)
    at = time.time() + seconds
    forms: dict[str, list[tuple[str, str]]] = {
        "seconds": [("retry-after", str(math.ceil(seconds)))],
        "float": [("retry-after", f"{seconds:.3f}")],
        "date": [("retry-after", email.utils.formatdate(math.ceil(at), usegmt=True))],
        "ms": [("retry-after-ms", str(round(seconds * 1000)))],
        "reset-seconds": [("x-ratelimit-reset", str(math.ceil(seconds)))],
        "reset-epoch": [("x-ratelimit-reset", str(math.ceil(at)))],
        "all": [
            ("x-ratelimit-limit", "5, 5;w=1"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "240"),
            ("retry-after", "200"),
            ("retry-after-ms", str(round(seconds * 1000))),
        ],
        "negative": [("retry-after", "-5")],
        "past": [("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")],
        "garbage": [("retry-after", "soon"), ("retry-after-ms", "NaN"), ("x-ratelimit-reset", "")],
        "huge": [("retry-after", "99999999999999999999")],
        "none": [],
    }
    for name, value in forms[form]:
        answer.header(name, value)


@kind
def _redirect(context: Context, answer: Answer, status: int = 302, to: str = "/v2/elsewhere") -> None:
    answer.set(status, b"", "text/html")
    answer.header("Location", to)


PORTAL = (
    b"<!DOCTYPE html>\n<html><head><title>Welcome to Hotel Wi-Fi</title></head>\n"
    b'<body><h1>Sign in</h1><form action="/login"><input name="room"></form></body></html>\n'
)


@kind
def _empty_list(context: Context, answer: Answer) -> None:
    """Every filter finds nothing, which is what a wrong filter looks like."""
    if answer.status == 200:
        answer.set(200, b'{"data":[]}')


# --- the way it goes out ---------------------------------------------------------------------------


@kind
def _delay(context: Context, answer: Answer, seconds: float = 0.2) -> None:
    """Nothing for a while, then the truth."""
    answer.delay = seconds


@kind
def _hold(context: Context, answer: Answer) -> None:
    """Nothing until the test releases it."""
    answer.gate = context.gate


@kind
def _hang(context: Context, answer: Answer) -> None:
    """The request is taken and never answered."""
    answer.raw, answer.end = b"", "stall"


@kind
def _stall(context: Context, answer: Answer, at: float = 0.5, framing: str = "length") -> None:
    """A part, then silence on an open connection."""
    _cut(context, answer, at, framing, "stall")


@kind
def _trickle(context: Context, answer: Answer, size: int = 1, interval: float = 0.0) -> None:
    """So many bytes at a time, so many seconds apart; each in a packet of its own."""
    answer.pace = (size, interval)


@kind
def _cut(
    context: Context, answer: Answer, at: float = 0.5, framing: str = "length", end: str = "close"
) -> None:
    """Ends after `at` bytes of the body (below 1: that part of it) by `end`."""
    answer.framing, answer.end, answer.encode = framing, end, False
    size = answer.body.size()
    answer.cut = int(size * at) if isinstance(at, float) and at < 1 else min(int(at), max(size - 1, 0))


@kind
def _cut_head(context: Context, answer: Answer, at: int = 30) -> None:
    answer.cut_head, answer.end = at, "close"


@kind
def _raw(
    context: Context, answer: Answer, data: Any = b"", end: str = "close"
) -> None:
    """These bytes instead of an answer."""
    answer.raw, answer.end = to_bytes(data), end


@kind
def _garbage(context: Context, answer: Answer, size: int = 4096) -> None:
    answer.raw, answer.end = context.rng.randbytes(size), "close"


@kind
def _framing(context: Context, answer: Answer, framing: str = "chunked", chunk: int = 7) -> None:
    """Honest, but framed in another way."""
    answer.framing, answer.chunk = framing, chunk


@kind
def _length(context: Context, answer: Answer, off: int = -10) -> None:
    """A Content-Length that is wrong by so many bytes; the connection ends after the body."""
    answer.encode, answer.end = False, "close"
    answer.declared = max(0, answer.body.size() + off)


@kind
def _bad_chunk(context: Context, answer: Answer) -> None:
    answer.framing, answer.bad_chunk, answer.end = "chunked", True, "close"


@kind
def _close_after(context: Context, answer: Answer, announce: bool = True) -> None:
    """Honest, then the connection ends, with or without saying so before."""
    answer.end = "close"
    if announce:
        answer.header("Connection", "close")


@kind
def _prelude(context: Context, answer: Answer, data: str = "HTTP/1.1 103 Early Hints\r\n\r\n") -> None:
    answer.prelude = data.encode()


@kind
def _version(context: Context, answer: Answer, version: str = "HTTP/1.0") -> None:
    answer.version, answer.framing, answer.end = version, "close", "close"


@kind
def _headers(context: Context, answer: Answer, headers: dict[str, str] | None = None) -> None:
    for name, value in (headers or {}).items():
        answer.header(name, value)


@kind
def _big_headers(context: Context, answer: Answer, size: int = 100_000, lines: int = 1) -> None:
    for i in range(lines):
        answer.header(f"x-pad-{i}", "p" * (size // lines))


@kind
def _date_skew(context: Context, answer: Answer, seconds: float = 3600.0) -> None:
    answer.header("Date", email.utils.formatdate(time.time() + seconds, usegmt=True))


# --- compressed bodies -----------------------------------------------------------------------------


@kind
def _gzip_broken(context: Context, answer: Answer) -> None:
    """Compressed, with a flipped byte in the middle."""
    data = bytearray(gzip.compress(answer.body.bytes() + b" " * 512))
    data[len(data) // 2] ^= 0x55
    data[-6] ^= 0x55  # the checksum too, should the flip by chance decode
    _encoded(answer, bytes(data))


@kind
def _gzip_cut(context: Context, answer: Answer) -> None:
    """A compressed stream that ends early, with a Content-Length that fits it."""
    data = gzip.compress(answer.body.bytes())
    _encoded(answer, data[: len(data) // 2])


@kind
def _encoding_lie(context: Context, answer: Answer, encoding: str = "gzip") -> None:
    """Says that it is compressed, and is not."""
    _encoded(answer, answer.body.bytes(), encoding)


@kind
def _gzip_bomb(context: Context, answer: Answer, size: int = 1_288_490_189) -> None:
    """Valid JSON with very much white space in it: a megabyte on the wire, over a gigabyte inside."""
    answer.status, answer.encode, answer.content_type = 200, False, "application/json"
    answer.body = Body([_BOMBS.get(size)])
    answer.header("Content-Encoding", "gzip")


class _Bombs:
    """Bombs by size; one takes a second to make and is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[int, Spool] = {}

    def get(self, size: int) -> Spool:
        with self._lock:
            if size not in self._made:
                self._made[size] = self._make(size)
            return self._made[size]

    def _make(self, size: int) -> Spool:
        # One block is compressed, between full flushes, and stands there again and again.
        out, z, blank = Spool(), zlib.compressobj(9, zlib.DEFLATED, -15), b" " * (1 << 24)
        blocks = max(1, size >> 24)
        head, tail = b'{"data":[', b"]}"
        out.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + z.compress(head) + z.flush(zlib.Z_FULL_FLUSH))
        block = z.compress(blank) + z.flush(zlib.Z_FULL_FLUSH)
        crc = zlib.crc32(head)
        for _ in range(blocks):
            out.write(block)
            crc = zlib.crc32(blank, crc)
        length = len(head) + blocks * len(blank) + len(tail)
        out.write(z.compress(tail) + z.flush())
        out.write(struct.pack("<II", zlib.crc32(tail, crc), length & 0xFFFFFFFF))
        return out.finish()


_BOMBS = _Bombs()


def _encoded(answer: Answer, data: bytes, encoding: str = "gzip") -> None:
    answer.body, answer.encode = Body.of(data), False
    answer.header("Content-Encoding", encoding)
