"""A client that believes nothing: the yardstick for whether a fault can be noticed.

Small and without a library's kindness: every byte of the answer is accounted for, or `Bad` is raised.
"""

from __future__ import annotations

import json
import socket
import zlib
from dataclasses import dataclass
from typing import Any

_BODY_LIMIT = 1 << 26
_NESTING = 64
_ID_LIMIT = 256


class Bad(Exception):
    """The answer does not count."""


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


def fetch(port: int, target: str, key: str | None = "KEYSIM", timeout: float = 5.0, **headers: str) -> Reply:
    """One GET on a connection of its own. Raises Bad, or OSError where the connection itself fails."""
    lines = [f"GET {target} HTTP/1.1", "Host: simulator", "Connection: close"]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        data = bytearray()
        while piece := sock.recv(1 << 16):
            data += piece
            if len(data) > _BODY_LIMIT:
                raise Bad("too long")
    return parse(bytes(data))


def parse(data: bytes) -> Reply:
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        raise Bad("no complete head")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or words[0] not in ("HTTP/1.1", "HTTP/1.0") or not words[1].isdigit():
        raise Bad("no status line")
    if words[1].startswith("1"):
        return parse(rest)
    if any(len(line) > 65536 for line in lines):
        raise Bad("header line too long")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    body = _decoded(headers, _unframed(int(words[1]), headers, rest))
    return Reply(int(words[1]), headers, body)


def _unframed(status: int, headers: dict[str, str], rest: bytes) -> bytes:
    if status == 204:
        return b""
    if headers.get("transfer-encoding") == "chunked":
        return _unchunked(rest)
    if "content-length" in headers and len(rest) != int(headers["content-length"]):
        raise Bad("content-length")
    return rest


def _unchunked(rest: bytes) -> bytes:
    body = bytearray()
    while True:
        size, found, rest = rest.partition(b"\r\n")
        if not found:
            raise Bad("chunks end early")
        try:
            n = int(size, 16)
        except ValueError:
            raise Bad("chunk size") from None
        if rest[n : n + 2] != b"\r\n":
            raise Bad("chunk")
        if n == 0:
            return bytes(body)
        body += rest[:n]
        rest = rest[n + 2 :]


def _decoded(headers: dict[str, str], body: bytes) -> bytes:
    encoding = headers.get("content-encoding")
    if encoding is None:
        return body
    if encoding != "gzip":
        raise Bad("unknown encoding")
    z = zlib.decompressobj(31)
    try:
        plain = z.decompress(body, _BODY_LIMIT)
    except zlib.error as error:
        raise Bad(str(error)) from None
    if not z.eof or z.unused_data:
        raise Bad("compressed stream")
    return plain


def tasks(reply: Reply) -> dict[str, str]:
    """The list of an answer as id -> status, the last of each id; Bad where it is no list of tasks."""
    for element in (elements := _data(reply)):
        if not _is_task(element):
            raise Bad("element")
        if _depth(element) > _NESTING:
            raise Bad("nesting")
    return {e["task_id"]: e["status"] for e in elements}


def _data(reply: Reply) -> list[Any]:
    if reply.status != 200:
        raise Bad(f"status {reply.status}")

    def no_constant(word: str) -> Any:
        raise ValueError(word)

    try:
        doc = json.loads(reply.body.decode(), parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Bad(f"not JSON: {error}") from None
    if not isinstance(doc, dict) or not isinstance(doc.get("data"), list):
        raise Bad("no list")
    if doc.get("errors") and not doc["data"]:
        raise Bad("errors")
    data: list[Any] = doc["data"]
    return data


def _is_task(element: Any) -> bool:
    if not isinstance(element, dict) or len(json.dumps(element)) > 1 << 20:
        return False
    id, status = element.get("task_id"), element.get("status")
    if not isinstance(id, str) or not isinstance(status, str) or not status:
        return False
    return 0 < len(id) <= _ID_LIMIT and id.isprintable() and id not in (".", "..")


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0
