"""A terminal of a test's own: what a program writes there is drawn on a small screen and can be looked at."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import threading
import time
from typing import Any, Callable, Sequence

import pytest
from harness import PATIENCE, Process, User

SEQUENCE = re.compile(rb"\x1b\[([0-9;]*)([A-Za-z])")


class Screen:
    """Lines and a cursor, for text, CR, LF and what ECMA-48 calls EL; colours are passed over."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[str] = [""]
        self.at = 0
        self.bells = 0
        self.wrapped = False

    def feed(self, data: bytes) -> None:
        for part in re.split(rb"(\x1b\[[0-9;]*[A-Za-z])", data):
            found = SEQUENCE.fullmatch(part)
            if found is None:
                for char in part.decode("utf-8", "replace"):
                    self._char(char)
            elif found.group(2) == b"K":
                self.rows[-1] = self.rows[-1][: self.at]
            else:
                assert found.group(2) == b"m", f"a control sequence that is not understood here: {part!r}"

    def _char(self, char: str) -> None:
        if char == "\r":
            self.at = 0
        elif char == "\n":
            self.rows.append("")
            self.at = 0
        elif char == "\a":
            self.bells += 1
        else:
            if self.at == self.columns:
                self.wrapped = True
                self.rows.append("")
                self.at = 0
            row = self.rows[-1].ljust(self.at)
            self.rows[-1] = row[: self.at] + char + row[self.at + 1 :]
            self.at += 1


def open_terminal() -> tuple[int, int]:
    """Both ends of a pseudo-terminal; where there is none the test is skipped."""
    try:
        return pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal to be had here: {error}")


class Terminal:
    """A pseudo-terminal whose other end is read all the time, unless it is told to stop."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.ours, self.theirs = open_terminal()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.columns = columns
        self.bytes = b""
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        """Never blocked in read: the terminal would stay open until that returns."""
        while not self._ended.is_set():
            if not select.select([self.ours], [], [], 0.05)[0]:
                continue
            with self._changed:
                if not self._take():
                    return

    def _take(self) -> bool:
        """Takes what was written, under the lock; false when nobody has the other end open any more."""
        try:
            while select.select([self.ours], [], [], 0)[0]:
                self.bytes += os.read(self.ours, 65536)
                self._changed.notify_all()
        except OSError:
            return False
        return True

    def type(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def start(self, user: User, *args: str, script: str = "", **more: Any) -> Process:
        """Starts taskbell, or a script of sh, as the leader of a session on this terminal."""
        streams = {"stdin": self.theirs, "stdout": self.theirs, "stderr": self.theirs}
        leader: Sequence[str] = ("setsid", "-c")
        if script:
            leader = ("setsid", "-c", "sh", "-c", script, "sh")
        env = {"TERM": "xterm", **more.pop("env", {})}
        return user.start(*args, wrap=leader, env=env, **{**streams, **more})

    def screen(self) -> Screen:
        with self._changed:
            if not self._ended.is_set():
                self._take()  # so that what a process wrote is there when it has ended
            data = self.bytes
        screen = Screen(self.columns)
        screen.feed(data)
        return screen

    def rows(self) -> list[str]:
        """What stands on the screen, without empty lines."""
        return [row.rstrip() for row in self.screen().rows if row.strip()]

    def wait(self, found: Callable[[list[str]], Any], name: str = "") -> Any:
        """The first true value of `found(rows)`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            value = found(self.rows())
            if value:
                return value
            with self._changed:
                assert time.monotonic() < deadline, f"{name or 'what was awaited'} does not come; there is: {self.rows()}"
                self._changed.wait(0.2)

    def text(self) -> str:
        """All that was written, once nobody can write any more."""
        os.close(self.theirs)
        self.theirs = -1
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "somebody still has the terminal open"
        return self.bytes.decode().replace("\r\n", "\n")

    def close(self) -> None:
        """Closes the window: the kernel hangs the terminal up."""
        self._ended.set()
        self._thread.join()
        for name in ("theirs", "ours"):
            fd = getattr(self, name)
            if fd >= 0:
                os.close(fd)
            setattr(self, name, -1)
