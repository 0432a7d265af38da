"""Kills a monitor that is left running, at every place of a life of several polls, and starts it again.

Three sinks: the log, a hook that asks for one event to be made again later, and the desktop. One of the tasks
fails, and its bucket says why. A trial is one life, with a service of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import time as clock
from typing import Callable

from harness import LOG, TASKBELL, lines
from plan import COUNT, KILLS, VISIBLE, Plan
from simulator import Simulator
from script import HOOK, SHIM, Home
from table import Row, Table
from timing import SHORT_SECONDS, Time, each, spread
from judge import SINKS, State, Told, Verdict, confirmed_is_there, judge, read_notes

ALL = (*SINKS, "desktop")
LIFE_DEADLINE = 60.0  # many lives share the machine
LOOK = 0.1
GUESS = 300  # places of a life, where there is no time to count them
# polls far enough apart that most of the places are not those of a poll without news
PACE = {"interval": "300ms", "idle_interval": "300ms", "sweep_interval": "700ms", "timeout": "5s"}


def _add(sim: Simulator, id: str, status: str) -> None:
    sim.add_task(id, name=id, bucket=f"bucket-{id}", status=status, files=[("a.pdf", "failed", "page 3 is torn")])


def _first(sim: Simulator) -> None:
    for id in "abcde":
        _add(sim, id, "processing")
    _add(sim, "old", "success")


def _three_end(sim: Simulator) -> None:
    sim.set_status("a", "success")
    sim.set_status("b", "failure")
    sim.set_status("c", "partial_success")
    _add(sim, "n", "queued")


def _between_polls(sim: Simulator) -> None:
    _add(sim, "quick", "failure")
    sim.set_status("n", "processing")


def _last(sim: Simulator) -> None:
    sim.set_status("d", "success")
    sim.set_status("n", "success")


STEPS: tuple[tuple[Callable[[Simulator], None], tuple[Told, ...]], ...] = (
    (_three_end, (("a", "success"), ("b", "failure"), ("c", "partial_success"))),
    (_between_polls, (("quick", "failure"),)),
    (_last, (("d", "success"), ("n", "success"))),
)
EXPECTED: dict[Told, int] = {told: 1 for _, adds in STEPS for told in adds}
AGAIN = "a"  # the hook wants it twice


class Life:
    """A service, a home, and a monitor that is started again when it was killed."""

    def __init__(self, root: str) -> None:
        self.sim = Simulator()
        self.home = Home(root, self.sim)
        self.plan = Plan(os.path.join(root, "plan"))
        self.words = os.path.join(root, "stderr")
        self.at_crash: State | None = None
        self.faults: list[str] = []
        self.worst = 0.0
        self.said = 0  # where the words of the one that was started last begin
        self.process: subprocess.Popen[bytes] | None = None
        helpers = os.path.join(root, "libexec")
        os.mkdir(helpers)
        os.symlink(HOOK, os.path.join(helpers, "taskbell-notify"))
        self.home.env.update(TASKBELL_LIBEXEC=helpers, DBUS_SESSION_BUS_ADDRESS="tcp:host=localhost")
        self.home.configure(
            LOG,
            {"type": "exec", "name": "hook", "command": [HOOK, "hook.log", AGAIN]},
            {"type": "desktop", "name": "desktop", "window": "100ms", "burst": 10},
            source={"explain": True, **PACE},
        )

    def start(self, env: dict[str, str] | None = None) -> None:
        with open(self.words, "ab") as words:
            self.said = words.tell()
            self.process = subprocess.Popen(
                [TASKBELL, "watch"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words, cwd="/",
                env=self.home.environment(env),
            )

    def report(self, state: State):
        report = self.home.report()
        read_notes(report, self.home.path("notes.log"), state)
        return report

    def revive(self) -> bool:
        """Starts it again when it has ended; only a kill is a reason to, and there is one."""
        if self.process.poll() is None:
            return False
        if self.process.returncode != -signal.SIGKILL or self.at_crash is not None:
            with open(self.words, "rb") as words:
                raise RuntimeError(f"ended with {self.process.returncode}: {words.read()[-300:]!r}")
        self.at_crash = self.home.stored()
        if self.at_crash.error:
            self.faults.append(f"the state does not open: {self.at_crash.error}")
        self.faults += confirmed_is_there(self.at_crash, self.report(self.at_crash), EXPECTED, ALL)
        self.start()
        return True

    def await_all(self, what: Callable[[], bool], name: str) -> None:
        """Blocks until `what` is so, with the monitor started again as often as needed."""
        begin = clock.monotonic()

        while True:
            if self.revive():
                begin = clock.monotonic()
            if what():
                break
            if clock.monotonic() - begin > LIFE_DEADLINE:
                raise TimeoutError(f"it hangs: {name}")
            self.wait_a_moment()
        if self.at_crash is not None:
            self.worst = max(self.worst, clock.monotonic() - begin)

    def wait_a_moment(self) -> None:
        """Many lives at once look at files: less often than a test does, but at once when it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LOOK)

    def has_told(self, count: int) -> bool:
        texts = [os.path.join(self.home.state, "events.log"), self.home.hook_log, self.home.path("notes.log")]
        return all(len(set(lines(path))) >= count for path in texts)

    def is_ready(self) -> bool:
        """Has the one that was started last come so far that it heeds a signal?"""
        with open(self.words, "rb") as words:
            words.seek(self.said)
            return b"watching" in words.read()

    def await_ready(self) -> None:
        self.await_all(self.is_ready, "a monitor that is ready")

    def has_settled(self) -> bool:
        state = self.home.stored()  # as it was copied while it was written, perhaps
        return state.there and not state.pending

    def live(self) -> None:
        _first(self.sim)
        self.start(self.plan.environment(SHIM))
        self.await_all(lambda: self.home.stored().begun, "the first poll")
        count = 0
        for change, adds in STEPS:
            change(self.sim)
            count += len(adds)
            self.await_all(lambda: self.has_told(count), f"{count} events told to {', '.join(ALL)}")
        self.await_all(self.has_settled, "nothing pending")
        self.await_ready()  # it may just have been started again
        self.process.terminate()
        code = self.process.wait(LIFE_DEADLINE)
        if code not in (0, -signal.SIGKILL):
            self.faults.append(f"stopped with {code}")
        if code != 0:  # killed while it stopped: what it left has to be fit for a start
            self.revive()
            self.await_ready()
            self.process.terminate()
            if self.process.wait(LIFE_DEADLINE) != 0:
                self.faults.append(f"stopped with {self.process.returncode}")

    def judge(self) -> Verdict:
        in_end = self.home.stored()
        report = self.report(in_end)
        verdict = judge(EXPECTED, report, self.at_crash, in_end, torn_allowed=1, sinks=ALL)
        if report.explained["log"] != report.explained["hook"]:
            verdict.wrong.append(f"explained to one sink and not to the other: {report.explained}")
        if self.at_crash is None and not report.explained["log"]:
            verdict.wrong.append("nothing was explained")
        verdict.wrong += self.faults
        return verdict

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.sim.stop()
        self.plan.close()
        self.home.erase()


def one_life(root: str, number: int, how: str, row: Row) -> None:
    life = Life(root)
    life.plan.set(KILLS[how], VISIBLE, at=number, trace=True)
    why = ""
    try:
        life.live()
    except (TimeoutError, RuntimeError, subprocess.TimeoutExpired) as error:
        why = f"{'it hangs: ' if isinstance(error, subprocess.TimeoutExpired) else ''}{error}"
    name = f"a running monitor: {how} place {number} ({life.plan.place(number)})"
    row.tried(name, life.judge(), life.worst, why)
    life.end()


def count_places(root: str) -> list[str]:
    life = Life(root)
    life.plan.set(COUNT, VISIBLE, trace=True)
    life.live()
    places = [life.plan.place(n + 1) for n in range(life.plan.seen())]
    life.end()
    return places


def kill_lives(scratch: str, table: Table, time: Time, seed: int) -> None:
    """At every place of the life, or at as many as there is time for, spread evenly."""
    numbers = itertools.count(1)
    places = ["write"] * GUESS if time.left() < SHORT_SECONDS else count_places(os.path.join(scratch, "life-0"))
    trials = [(n, how) for n, place in enumerate(places, 1) for how in KILLS if how != "within" or "write" in place]
    each(time, (
        (os.path.join(scratch, f"life-{next(numbers)}"), n, how, table.row(f"kill {how}: a running monitor"))
        for n, how in spread(trials, seed)
    ), one_life)
