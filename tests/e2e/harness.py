"""What an end-to-end test does: write a configuration, run the real program, wait for what it says.

Nothing here sleeps for a time that was guessed. A test waits for a line on a pipe, for a request in the
simulator's journal, or, with `until`, for a file; each wait ends with its event and has a deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import stat
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Sequence

TASKBELL = os.environ.get("TASKBELL", os.path.abspath("build/taskbell"))
LIBEXEC = os.environ.get("TASKBELL_LIBEXEC", os.path.dirname(TASKBELL))
KEY = "KEYSIM"
# seconds after which what should have happened counts as not happening; a program under valgrind has more of them
PATIENCE = 60.0 * float(os.environ.get("TASKBELL_PATIENCE", "1"))
FAST = {"interval": "100ms", "idle_interval": "100ms", "sweep_interval": "200ms", "timeout": "2s"}
LOG = {"type": "log", "format": "json"}


def until(what: Callable[[], Any], timeout: float = PATIENCE, name: str = "") -> Any:
    """The first true value of `what`, looked at again and again."""
    deadline = time.monotonic() + timeout
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(name or f"nothing came of it within {timeout} s")
        select.select([], [], [], 0.02)


def read(path: str) -> str:
    """A file's text; nothing when there is none yet."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):  # the second: of /proc, it has ended since it was opened
        return ""


def lines(path: str) -> list[str]:
    """The whole lines of a file."""
    return read(path).split("\n")[:-1]


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n")[:-1]]


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def lives(pid: int) -> bool:
    """Whether a process is there and has not ended; one that nobody has waited for has."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return bool(fields) and fields[0] not in "ZX"


def children(pid: int) -> list[int]:
    """The children that the first thread of a process has now."""
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def conf_value(value: Any) -> str:
    """A value in libconfig's words: a tuple is a list of blocks, a list an array."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{text}"'
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {conf_value(v)};" for k, v in value.items()) + " }"
    left, right = "()" if isinstance(value, tuple) else "[]"
    return left + ", ".join(conf_value(v) for v in value) + right


@dataclass
class Done:
    code: int
    out: str
    err: str

    def objects(self) -> list[dict[str, Any]]:
        return objects(self.out)

    def rows(self) -> list[list[str]]:
        return [line.split() for line in self.out.splitlines()]


class Stream:
    """The lines of a pipe, as a thread reads them."""

    def __init__(self, file: Any) -> None:
        self._changed = threading.Condition()
        self._text = ""
        self._open = True
        self._thread = threading.Thread(target=self._read, args=(file,), daemon=True)
        self._thread.start()

    def _read(self, file: Any) -> None:
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(file.fileno(), 65536):
                with self._changed:
                    self._text += piece.decode("utf-8", "surrogateescape")
                    self._changed.notify_all()
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def text(self) -> str:
        with self._changed:
            return self._text

    def lines(self) -> list[str]:
        return self.text().split("\n")[:-1]

    def wait(self, found: Callable[[list[str]], Any], timeout: float = PATIENCE, name: str = "") -> Any:
        """The first true value of `found(lines)`; fails when the stream has ended without it."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                value = found(self._text.split("\n")[:-1])
                if value:
                    return value
                left = deadline - time.monotonic()
                if left <= 0 or not self._open:
                    why = "the stream has ended" if not self._open else f"not within {timeout} s"
                    raise TimeoutError(f"{name or 'what was awaited'}: {why}; there is:\n{self._text[-4000:]}")
                self._changed.wait(left)

    def close(self) -> None:
        self._thread.join(PATIENCE)


class Process:
    """A running taskbell. Its pipes are read all the time, unless a test has taken them itself."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen
        self.pid = popen.pid
        self.out = Stream(popen.stdout) if popen.stdout else None
        self.err = Stream(popen.stderr) if popen.stderr else None

    def events(self) -> list[dict[str, Any]]:
        """The events of `watch --json` up to now."""
        return [json.loads(line) for line in self.out.lines()]

    def wait_events(self, n: int = 1, timeout: float = PATIENCE, **fields: Any) -> list[dict[str, Any]]:
        """Blocks until `n` events have these fields, and returns them."""

        def found(texts: list[str]) -> list[dict[str, Any]]:
            hits = [e for e in map(json.loads, texts) if all(e.get(k) == v for k, v in fields.items())]
            return hits if len(hits) >= n else []

        return self.out.wait(found, timeout, f"{n} events with {fields}")

    def wait_event(self, timeout: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        return self.wait_events(1, timeout, **fields)[0]

    def wait_error(self, pattern: str, n: int = 1, timeout: float = PATIENCE) -> str:
        """The n-th line on stderr in which `pattern` is found."""

        def found(texts: list[str]) -> list[str]:
            hits = [text for text in texts if re.search(pattern, text)]
            return hits if len(hits) >= n else []

        return self.err.wait(found, timeout, f"'{pattern}' on stderr")[n - 1]

    def send(self, number: int) -> None:
        """Signals, and blocks until the signal has arrived: two of a kind that wait are one."""
        self.popen.send_signal(number)

        def arrived() -> bool:
            waiting = re.findall(r"^(?:Sig|Shd)Pnd:\t(\w+)$", read(f"/proc/{self.pid}/status"), re.MULTILINE)
            return not lives(self.pid) or not any(int(mask, 16) >> (number - 1) & 1 for mask in waiting)

        until(arrived)

    def wait(self, timeout: float = PATIENCE) -> int:
        code = self.popen.wait(timeout)
        for stream in (self.out, self.err):
            if stream is not None:
                stream.close()
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signals and returns how it ended."""
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.wait()
        for file in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if file is not None:
                file.close()


class User:
    """A home, an environment, a configuration and a state directory of one test."""

    def __init__(self, root: str, sim: Any = None) -> None:
        self.sim = sim
        self.home = os.path.join(root, "home")
        self.state = os.path.join(self.home, ".local/state/taskbell")
        self.runtime = os.path.join(root, "run")
        self.conf = os.path.join(self.home, ".config/taskbell/taskbell.conf")
        for directory in (self.home, self.runtime, os.path.dirname(self.conf)):
            os.makedirs(directory, 0o700)
        self.env = {
            "HOME": self.home,
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": self.runtime,
            "TASKBELL_LIBEXEC": LIBEXEC,
            "TELNYX_API_KEY": KEY,
        }
        for name in os.environ:  # a build with sanitizers reports as the runner wants it
            if name.endswith("SAN_OPTIONS"):
                self.env[name] = os.environ[name]
        self.running: list[Process] = []

    # --- files

    def path(self, name: str) -> str:
        return os.path.join(self.home, name)

    def write(self, name: str, text: str, permissions: int = 0o600) -> str:
        """A file in the home; it is there whole or not at all."""
        path = self.path(name)
        with open(path + "~", "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, permissions)) as file:
            file.write(text)
        os.chmod(path + "~", permissions)
        os.rename(path + "~", path)
        return path

    def source(self, sim: Any = None, **keys: Any) -> dict[str, Any]:
        return {"name": "telnyx", "base_url": (sim or self.sim).url, **FAST, **keys}

    def configure(
        self,
        *sinks: dict[str, Any],
        sources: Iterable[dict[str, Any]] | None = None,
        source: dict[str, Any] | None = None,
        **top: Any,
    ) -> str:
        """Writes the configuration: these sinks, and one fast source unless others are given."""
        blocks = tuple(sources) if sources is not None else (self.source(**(source or {})),)
        values = {"sources": blocks, "sinks": tuple(sinks), **top}
        return self.configure_text("\n".join(f"{k} = {conf_value(v)};" for k, v in values.items()) + "\n")

    def configure_text(self, text: str) -> str:
        return self.write(os.path.relpath(self.conf, self.home), text)

    def script(self, name: str, body: str) -> str:
        """An executable shell script."""
        return self.write(name, "#!/bin/sh\n" + body + "\n", 0o700)

    def events_log(self) -> list[dict[str, Any]]:
        """The events in the log of a sink with format json.

        Each monitor that was killed may have left half a line, which the next one has completed by a newline:
        the kernel looks for the signal between two pages of a write.
        """
        events, torn = [], 0
        for line in lines(os.path.join(self.state, "events.log")):
            try:
                events.append(json.loads(line))
            except ValueError:
                torn += 1
        killed = sum((process.popen.returncode or 0) < 0 for process in self.running)
        assert torn <= killed, f"{torn} torn lines in the log after {killed} kills"
        return events

    def wait_log(self, n: int, **fields: Any) -> list[dict[str, Any]]:
        """Blocks until the log holds `n` events with these fields."""

        def found() -> list[dict[str, Any]]:
            hits = [e for e in self.events_log() if all(e.get(k) == v for k, v in fields.items())]
            return hits if len(hits) >= n else []

        return until(found, name=f"{n} events with {fields} in the log")

    # --- programs

    def start(
        self,
        *args: str,
        env: dict[str, str | None] | None = None,
        wrap: Sequence[str] = (),
        **more: Any,
    ) -> Process:
        """Starts taskbell with pipes that are read; `more` goes to Popen, `wrap` stands before."""
        options: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "cwd": "/",
            "env": self.environment(env),
            "restore_signals": True,
            **more,
        }
        process = Process(subprocess.Popen([*wrap, TASKBELL, *args], **options))
        self.running.append(process)
        return process

    def environment(self, changes: dict[str, str | None] | None) -> dict[str, str]:
        merged = {**self.env, **(changes or {})}
        return {k: v for k, v in merged.items() if v is not None}

    def run(self, *args: str, timeout: float = PATIENCE, **more: Any) -> Done:
        """Runs taskbell to its end."""
        process = self.start(*args, **more)
        code = process.wait(timeout)
        out = process.out.text() if process.out else ""
        err = process.err.text() if process.err else ""
        assert_no_secret(out + err)
        return Done(code, out, err)

    def status(self) -> dict[str, Any]:
        return self.run("status", "--json").objects()[0]

    def sink(self, name: str) -> dict[str, Any]:
        """What `status` says of a sink; one that never had a delivery is not there."""
        new = {"pending": 0, "failed": 0, "healthy": True, "waiting": None, "last_failure": None, "error": None}
        return next((s for s in self.status()["sinks"] if s["name"] == name), new)

    def settled(self, name: str, **fields: Any) -> None:
        """Blocks until `status` says this of a sink that has had deliveries."""

        def found() -> bool:
            sink = self.sink(name)
            return "name" in sink and all(sink[k] == v for k, v in fields.items())

        until(found, name=f"{fields} of sink {name}")

    def watch(self, *args: str, json: bool = True, **more: Any) -> Process:
        """Starts the monitor and returns when its first poll counts."""
        mark = self.sim.mark()
        process = self.start("watch", *(["--json"] if json else []), *args, **more)
        until(lambda: self.sim.mark() > mark + 1 or process.popen.poll() is not None)
        assert process.popen.poll() is None, process.err and process.err.text()
        # the first sweep is the baseline, and its answer may come after those to polls
        self.sim.wait_requests(1, PATIENCE, mark, is_sweep, done=True)
        polls(self.sim, 1)  # whoever comes after one that was asked later shows that it was taken in
        return process

    def known(self, n: int = 1) -> None:
        """Blocks until the monitor has taken in a list of `n` active tasks: that it was sent is not enough."""
        until(lambda: [source["active"] for source in self.status()["sources"]] == [n], name=f"{n} active tasks")

    def leave(self) -> None:
        for process in self.running:
            process.kill()
        for process in self.running:
            if process.err is not None:
                assert_no_secret(process.err.text())
                assert "ERROR: " not in process.err.text(), process.err.text()  # a sanitizer's


def assert_no_secret(text: str) -> None:
    assert KEY not in text, "the key is in the output"


def is_sweep(entry: Any) -> bool:
    return entry.route == "list" and "success" in entry.query.get("status", [])


def polls(sim: Any, n: int = 1, since: int | None = None) -> int:
    """Blocks until `n` lists after `since` (now) were asked for, answered, and have been taken in.

    That an answer was taken in shows when the next request comes.
    """
    mark = sim.mark() if since is None else since

    def is_list(entry: Any) -> bool:
        return entry.route == "list"

    lists = sim.wait_requests(n, PATIENCE, mark, is_list, done=True)
    sim.wait_requests(1, PATIENCE, lists[n - 1].n)
    return sim.mark()


def moved(sim: Any, *changes: tuple[str, str]) -> None:
    """Gives tasks a new status, and blocks until a poll has seen it."""
    for task, status in changes:
        sim.set_status(task, status)
    polls(sim)
