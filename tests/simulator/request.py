"""Reading HTTP/1.x requests from a socket, one after another."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

HEAD_LIMIT = 1 << 17
BODY_LIMIT = 1 << 28


class BadRequest(Exception):
    """What came is not HTTP."""


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: dict[str, str]  # names in lower case; a repeated one keeps the last value
    body: bytes

    @property
    def path(self) -> str:
        return unquote(self.target.split("?", 1)[0])

    @property
    def query(self) -> dict[str, list[str]]:
        """As FastAPI sees it: the key as it stands, every value of it in order, empty ones too."""
        out: dict[str, list[str]] = {}
        if "?" in self.target:
            for key, value in parse_qsl(self.target.split("?", 1)[1], keep_blank_values=True):
                out.setdefault(key, []).append(value)
        return out

    @property
    def keep_alive(self) -> bool:
        wish = self.headers.get("connection", "").lower()
        return wish == "keep-alive" if self.version == "HTTP/1.0" else wish != "close"

    @property
    def takes_gzip(self) -> bool:
        offers = self.headers.get("accept-encoding", "").lower().split(",")
        words = [o.strip().replace(" ", "") for o in offers]
        return any(w in ("gzip", "*") or (w.startswith("gzip;") and w != "gzip;q=0") for w in words)


class Reader:
    """The receiving half of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    def next(self) -> Request | None:
        """The next request, None when the client has closed in between."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise BadRequest("head too long")
            if not self._more():
                return None
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        request = _parse(head)
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            raise BadRequest("content-length")
        while len(self._buffer) < int(length):
            if not self._more():
                return None
        request.body = bytes(self._buffer[: int(length)])
        del self._buffer[: int(length)]
        return request

    def drain(self) -> None:
        """Returns when the client closes, or when the socket is shut down by the simulator's end."""
        while self._more():
            self._buffer.clear()

    def _more(self) -> bool:
        try:
            data = self._sock.recv(65536)
        except OSError:
            return False
        self._buffer += data
        return bool(data)


def _parse(head: bytes) -> Request:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest("request line")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest("header line")
        headers[name.lower()] = value.strip()
    return Request(words[0], words[1], words[2], headers, b"")
