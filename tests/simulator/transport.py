"""Sockets: a listener, a thread a connection, and the writer that can cut, dribble, stall and reset."""

from __future__ import annotations

import contextlib
import email.utils
import os
import socket
import ssl
import struct
import threading
import time
from typing import Callable, Iterator

from .answer import Answer, Gzip
from .request import BadRequest, Reader, Request

Handler = Callable[[Request, int], "tuple[Answer, Callable[[int | None, int], None]]"]


class Listener:
    """Accepts connections on one loopback port, which it keeps when closed and opened again."""

    def __init__(
        self,
        handler: Handler,
        gzip: Callable[[], tuple[bool, int]],
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.handler = handler
        self.compressor = Gzip()
        self.compresses = gzip  # whether, and from how many bytes on
        self.host = host
        self.tls = tls
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[Connection] = set()
        self._accepted = 0
        self._socket: socket.socket | None = None
        self._claim: socket.socket | None = None
        self.port = port
        self.up()

    def up(self) -> None:
        """Listens; connections are taken from when this returns."""
        if self._socket is not None:
            return
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.host, self.port))
        self.port = sock.getsockname()[1]
        if self._claim is None:  # bound and deaf: nobody else gets the port while we are down
            self._claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._claim.bind((self.host, self.port))
        sock.listen(512)
        self._socket = sock
        self._thread = threading.Thread(target=self._accept, args=(sock,), daemon=True)
        self._thread.start()

    def down(self) -> None:
        """New connections are refused and the open ones dropped, until `up`."""
        sock, self._socket = self._socket, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes accept
            self._thread.join()  # before another socket can get the number that it waits at
            sock.close()
        self.drop()

    def drop(self) -> int:
        """Ends every open connection; how many there were."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.abort()
        return len(connections)

    def stop(self) -> None:
        self.stopping.set()
        self.down()
        if self._claim is not None:
            self._claim.close()
        with self._lock:
            threads = [c.thread for c in self._open]
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(2.0)

    def forget(self, connection: Connection) -> None:
        with self._lock:
            self._open.discard(connection)

    def connections(self) -> int:
        with self._lock:
            return len(self._open)

    def _accept(self, sock: socket.socket) -> None:
        while True:
            try:
                client, _ = sock.accept()
            except OSError:
                return
            with self._lock:
                self._accepted += 1
                connection = Connection(self, client, self._accepted)
                self._open.add(connection)
                connection.thread.start()  # before anybody may join it


class Connection:
    def __init__(self, listener: Listener, sock: socket.socket, number: int) -> None:
        self._listener = listener
        self._sock = sock
        self.number = number
        self.gone = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def abort(self) -> None:
        """From another thread: wakes whatever this connection is waiting for, and ends it."""
        self.gone.set()
        with contextlib.suppress(OSError):
            # past TLS: its own shutdown would wait for the peer
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def _serve(self) -> None:
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._listener.tls is not None:
                self._sock = self._listener.tls.wrap_socket(self._sock, server_side=True)
            self._requests(Reader(self._sock))
        except OSError:
            pass  # the client went away, or we did
        finally:
            self._listener.forget(self)
            self._sock.close()

    def _requests(self, reader: Reader) -> None:
        while not self.gone.is_set():
            try:
                request = reader.next()
            except BadRequest:
                answer = Answer(400, content_type="text/plain", end="close")
                Writer(self._sock, self.gone).send(answer, None)
                return
            if request is None:
                return
            answer, finished = self._listener.handler(request, self.number)
            self._prepare(request, answer)
            writer = Writer(self._sock, self.gone)
            try:
                writer.send(answer, request)
            finally:
                finished(writer.status, writer.sent)
            if answer.end == "stall":
                reader.drain()
            if answer.end == "reset":
                reset(self._sock)
            if answer.end != "keep" or not request.keep_alive:
                return

    def _prepare(self, request: Request, answer: Answer) -> None:
        """Compression and the headers that depend on the client."""
        enabled, least = self._listener.compresses()
        if answer.raw is not None:
            return
        if answer.encode and enabled and request.takes_gzip and answer.body.size() >= least:
            answer.body = self._listener.compressor.compress(answer.body)
            answer.header("Content-Encoding", "gzip")
            answer.header("Vary", "Accept-Encoding")


class Writer:
    """Sends one answer in the way it asks for, and counts what went out."""

    def __init__(self, sock: socket.socket, gone: threading.Event) -> None:
        self._sock = sock
        self._gone = gone
        self.sent = 0
        self.status: int | None = None
        self._budget: int | None = None  # bytes that may still go out

    def send(self, answer: Answer, request: Request | None) -> None:
        if answer.gate is not None:
            _wait_any(answer.gate, self._gone)
        if answer.delay:
            self._gone.wait(answer.delay)
        if answer.raw is not None:
            self._write(answer.raw, answer.pace)
            return
        _complete(answer, request)
        has_body = request is None or request.method != "HEAD"
        head = answer.prelude + answer.head()
        self._budget = answer.cut_head
        self.status = answer.status
        plain = answer.pace is None and answer.cut is None and answer.cut_head is None
        if plain and not answer.body.is_large():
            body = b"".join(_framed(answer)) if has_body else b""
            self._write(head + body, None)
            return
        self._write(head, answer.pace)
        if not has_body or answer.cut_head is not None:
            return
        self._budget = answer.cut
        if plain and answer.framing != "chunked" and not isinstance(self._sock, ssl.SSLSocket):
            self._send_files(answer)
            return
        for piece in _framed(answer):
            if not self._write(piece, answer.pace):
                return

    def _send_files(self, answer: Answer) -> None:
        """The body straight from its files: what nginx would do, and as fast."""
        for segment in answer.body.segments:
            if isinstance(segment, bytes):
                self._write(segment, None)
                continue
            offset = 0
            while offset < segment.size:
                n = os.sendfile(self._sock.fileno(), segment.fileno(), offset, segment.size - offset)
                offset += n
                self.sent += n

    def _write(self, data: bytes, pace: tuple[int, float] | None) -> bool:
        """False when the budget is used up."""
        if self._budget is not None:
            data = data[: self._budget]
            self._budget -= len(data)
        if pace is None:
            self._sock.sendall(data)
            self.sent += len(data)
        else:
            size, interval = pace
            for i in range(0, len(data), size):
                if i and interval and self._gone.wait(interval):
                    break
                self._sock.sendall(data[i : i + size])
                self.sent += len(data[i : i + size])
        return self._budget is None or self._budget > 0


def reset(sock: socket.socket) -> None:
    """The next close sends RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _complete(answer: Answer, request: Request | None) -> None:
    """The headers every answer has; one that a fault has set stays."""
    have = {name.lower() for name, _ in answer.headers}
    size = answer.body.size() if answer.declared is None else answer.declared
    wanted = [("Date", email.utils.formatdate(time.time(), usegmt=True))]
    no_body = answer.status in (204, 304)
    if not no_body:
        wanted.append(("Content-Type", answer.content_type))
        if answer.framing == "chunked":
            wanted.append(("Transfer-Encoding", "chunked"))
        elif answer.framing == "length":
            wanted.append(("Content-Length", str(size)))
    if answer.framing == "close" and answer.end == "keep":
        answer.end = "close"
    if request is not None and not request.keep_alive:
        wanted.append(("Connection", "close"))
    answer.headers = [h for h in wanted if h[0].lower() not in have] + answer.headers


def _framed(answer: Answer) -> Iterator[bytes]:
    if answer.framing != "chunked":
        yield from answer.body.pieces()
        return
    if answer.bad_chunk:
        yield b"zz\r\nnot a chunk\r\n"
    for piece in answer.body.pieces():
        for i in range(0, len(piece), answer.chunk):
            part = piece[i : i + answer.chunk]
            yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def _wait_any(gate: threading.Event, gone: threading.Event) -> None:
    """Until the gate opens or the connection is ended; two events have no common wait."""
    while not gate.is_set() and not gone.is_set():
        gate.wait(0.05)
