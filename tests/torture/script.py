"""The script of a torture: stages, each one run of the monitor over what has just changed.

A stage starts from the state that the stage before left behind, so that every trial of it costs one run
that is tortured and one that recovers.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable

from harness import LOG, PATIENCE, TASKBELL, Done, Process, User, read
from simulator import Simulator
from judge import Report, State, Told, read_report, read_state

TOOLS = os.path.join(os.environ.get("TASKBELL_BUILD", os.path.abspath("build")), "torture")
SHIM = os.path.join(TOOLS, "shim.so")
HOOK = os.path.join(TOOLS, "hook")
DEADLINE = 30.0  # a run of the monitor that takes longer hangs


class Home(User):
    """A user whose home can be copied: nothing in it names its own place."""

    def __init__(self, root: str, sim: Simulator | None) -> None:
        super().__init__(root, sim)
        self.root = root
        self.hook_log = self.path("hook.log")
        self.uid: int | None = None  # whose processes they are; None: ours

    @classmethod
    def copy(cls, other: Home, root: str) -> Home:
        shutil.copytree(other.root, root, symlinks=True, ignore=lambda d, names: [n for n in names if n == "plan"])
        for path in (root, os.path.join(root, "home"), os.path.join(root, "run")):
            os.chmod(path, 0o700)
        home = cls.__new__(cls)
        home.__dict__.update(other.__dict__)
        home.root = root
        for name in ("home", "state", "runtime", "conf", "hook_log"):
            setattr(home, name, root + getattr(other, name)[len(other.root) :])
        home.env = {**other.env, "HOME": home.home, "XDG_RUNTIME_DIR": home.runtime}
        home.running = []
        return home

    def setup(self, **keys: Any) -> None:
        sinks = (LOG, {"type": "exec", "name": "hook", "command": [HOOK, "hook.log"]})
        self.configure(*sinks, source={"explain": False, **keys})

    def become(self, uid: int) -> None:
        """From now on all of it is that user's, with the rights that one's own files have."""
        if self.uid is None:
            shutil.copy2(TASKBELL, self.root)
            hook = shutil.copy2(HOOK, self.root)
            self.configure_text(read(self.conf).replace(HOOK, hook))
        self.uid = uid
        for directory, _, files in os.walk(self.root):
            os.chmod(directory, 0o700)
            for name in (".", *files):
                os.chown(os.path.join(directory, name), uid, uid)
        for name in os.listdir(self.state):
            os.chmod(os.path.join(self.state, name), 0o600)

    def _whose(self) -> dict[str, Any]:
        if self.uid is None:
            return {}
        program = os.path.join(self.root, os.path.basename(TASKBELL))
        return {"executable": program, "user": self.uid, "group": self.uid, "extra_groups": []}

    def start(self, *args: str, **more: Any) -> Process:
        return super().start(*args, **self._whose(), **more)

    def once(self, env: dict[str, str] | None = None) -> Done:
        """One run of `watch --once`; a run that hangs is killed and has no code (-9 and its time says so)."""
        begin = time.monotonic()
        process = subprocess.Popen(
            [TASKBELL, "watch", "--once"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/",
            env=self.environment(env), **self._whose(),
        )
        try:
            err = process.communicate(timeout=DEADLINE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            err = process.communicate()[1]
        done = Done(process.returncode, "", err.decode("utf-8", "replace"))
        done.seconds = time.monotonic() - begin  # type: ignore[attr-defined]
        return done

    def content(self) -> dict[str, bytes]:
        """What lies in the state directory and came from the hook, but for what SQLite makes to read."""
        names = os.listdir(self.state) if os.path.isdir(self.state) else []
        found = {}
        for path in [os.path.join(self.state, name) for name in names] + [self.hook_log]:
            if os.path.exists(path) and os.path.getsize(path) > 0 and not path.endswith(("-shm", "lock")):
                with open(path, "rb") as file:
                    found[path[len(self.root) :]] = file.read()
        return found

    def report(self) -> Report:
        return read_report(self.state, self.hook_log)

    def stored(self) -> State:
        return read_state(self.state)

    def erase(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


@dataclass
class Stage:
    name: str
    change: Callable[[Simulator], None]
    adds: tuple[Told, ...]
    prepare: Callable[[Home], None] | None = None


def _first(sim: Simulator) -> None:
    for id in "abcde":
        sim.add_task(id, status="processing")
    sim.add_task("old", status="success")


def _ends(sim: Simulator) -> None:
    sim.set_status("a", "success")
    sim.set_status("b", "failure")
    sim.set_status("c", "partial_success")
    sim.add_task("quick", status="failure")
    sim.add_task("n", status="queued")


def _more(sim: Simulator) -> None:
    sim.set_status("d", "success")
    sim.set_status("n", "processing")


def _none(sim: Simulator) -> None:
    del sim


def _lost(sim: Simulator) -> None:
    sim.step(3600)
    sim.set_status("e", "success")


def _ruin(home: Home) -> None:
    path = os.path.join(home.state, "state.db")
    with open(path, "r+b") as file:
        file.write(b"not a database")


STAGES = (
    Stage("first start", _first, ()),
    Stage("five end", _ends, (("a", "success"), ("b", "failure"), ("c", "partial_success"), ("quick", "failure"))),
    Stage("one ends", _more, (("d", "success"),)),
    Stage("nothing new", _none, ()),
    Stage("damaged state", _lost, (("e", "success"), ("-", "state_lost")), _ruin),
)


class Script:
    """The stages one after the other, against one simulator."""

    only = ""  # a word: of the other stages nothing is tried

    def __init__(self, scratch: str, stages: tuple[Stage, ...] = STAGES, **keys: Any) -> None:
        self.scratch = scratch
        self.stages = stages
        self.sim = Simulator()
        self.base = Home(os.path.join(scratch, "base"), self.sim)
        self.base.setup(**keys)
        self.expected: Counter[Told] = Counter()
        self._numbers = itertools.count(1)

    def enter(self, stage: Stage) -> bool:
        """Is there anything to try in it?"""
        stage.change(self.sim)
        for told in stage.adds:
            self.expected[told] += 1
        return self.only in stage.name

    def leave(self, stage: Stage) -> None:
        """Runs the stage undisturbed; the next one starts from there."""
        if stage.prepare:
            stage.prepare(self.base)
        done = self.base.once()
        if done.code != 0:
            raise RuntimeError(f"{stage.name}, undisturbed: ended with {done.code}: {done.err}")

    def trial(self, stage: Stage) -> Home:
        """A home as it was before the stage."""
        home = Home.copy(self.base, os.path.join(self.scratch, f"trial-{next(self._numbers)}"))
        if stage.prepare:
            stage.prepare(home)
        return home

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        self.sim.stop()


def recover(home: Home) -> tuple[float, str]:
    """Starts anew until nothing waits; how long that took, and what went wrong."""
    begin = time.monotonic()
    while True:
        done = home.once()
        seconds = time.monotonic() - begin
        if done.code == -signal.SIGKILL:
            return seconds, "the new start hangs"
        if done.code != 0:
            return seconds, f"the new start ended with {done.code}: {done.err.strip()[-300:]}"
        if not home.stored().pending or seconds > PATIENCE:
            return seconds, ""
