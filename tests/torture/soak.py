"""A long run: tasks come and go, hooks run, the server misbehaves; nothing of the monitor may grow.

`make soak SOAK_POLLS=100000`. Polls are those of the active list; sweeps, look-ups and buckets come on top.
Many sources share one simulator, so that each polls at its own beat. The run has stages. After each of them
the machine "sleeps" for days (tests/e2e/clock_shim.c): what is told is then older than `history_keep`, and
ended tasks that no list had for a month are older than that. So everything that has an age dies of it, again
and again, within the run. Of the stages the first quarter is the warm-up and does not count; the others have
to be like each other.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e"), os.path.dirname(HERE)]

from clocks import Clock  # noqa: E402
from harness import Process, User, assert_no_secret, children, read, until  # noqa: E402
from simulator import FAULTS, Simulator, fault_names  # noqa: E402
from script import HOOK  # noqa: E402

SOURCES = 12
HOOKED = ("s0", "s1", "s2", "s3")  # sources with a hook that is written to the disk
FLAKY = "s4"  # … and one whose hook wants to be asked again, and talks
STAGES = 40
NIGHT = 5 * 86400  # seconds from one stage to the next; ended tasks are forgotten after 30 days
BEAT = 20  # polls from one change of the tasks to the next
WAITING, WORKING = 10, 40  # tasks that are there at a time
LISTED = 400  # ended tasks that the API still lists: longer than any source is behind
PATIENT = 600.0  # seconds for a beat, or for everything to be told in the end

IN_USE_SLACK = 256  # KiB of the median, from the second quarter to the last
RESIDENT_SLACK = 1.1
STATE_SLACK = 1.15  # of its largest size
ROWS_SLACK = 1.25  # of the most events kept
PENDING = 0.1  # of the events of a stage, and 20, may wait for a sink or a look-up in the evening


@dataclass
class Gauge:
    """What one look at the monitor shows."""

    in_use: int  # KiB that malloc has given away: what leaks is there
    memory: int  # KiB resident: with what the heap cannot give back, which goes up and down for hours
    descriptors: int
    children: int

    @staticmethod
    def of(pid: int, clock: Clock) -> Gauge:
        status = dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
        return Gauge(clock.in_use() // 1024, int(status["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")),
                     len(children(pid)))


@dataclass
class Stage:
    """The gauges of some thousand polls, and the state at their end."""

    polls: int = 0
    ends: int = 0
    gauges: list[Gauge] = field(default_factory=list)
    state: int = 0  # KiB, with its log
    rows: int = 0  # events kept before the night
    left: int = 0  # and after it

    def median(self, name: str) -> float:
        return median(getattr(g, name) for g in self.gauges)

    def least(self, name: str) -> int:
        return min(getattr(g, name) for g in self.gauges)

    def most(self, name: str) -> int:
        return max(getattr(g, name) for g in self.gauges)

    HEAD = f"{'polls':>8} {'ends':>6} {'in use KiB':>11} {'resident KiB':>13} {'most':>6} {'descriptors':>12} {'children':>9} " \
           f"{'state KiB':>10} {'events kept':>12} {'after the night':>16}"

    def show(self) -> None:
        files = f"{self.least('descriptors')} to {self.most('descriptors')}"
        children = f"{self.least('children')} to {self.most('children')}"
        print(f"{self.polls:>8} {self.ends:>6} {self.median('in_use'):>11.0f} {self.median('memory'):>13.0f} "
              f"{self.most('memory'):>6} {files:>12} {children:>9} "
              f"{self.state:>10} {self.rows:>12} {self.left:>16}", flush=True)


class World:
    """Tasks that come, work, and end, one after the other; it knows what every source has to tell."""

    ENDS = ("success", "failure", "partial_success")

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.waiting: list[str] = []
        self.working: list[str] = []
        self.listed: list[str] = []
        self.told: Counter[str] = Counter()
        self.count = 0
        for _ in range(WAITING + WORKING):
            self.come()
        while len(self.working) < WORKING:
            self.work()

    def add(self, status: str) -> str:
        self.count += 1
        files = [("a.pdf", "success"), ("b.pdf", "failure", f"page {self.count} cannot be read")]
        return self.sim.add_task(f"t{self.count}", status=status, bucket=f"b{self.count % 7}", files=files)

    def come(self) -> None:
        self.waiting.append(self.add("queued"))

    def work(self) -> None:
        self.working.append(self.waiting.pop(0))
        self.sim.set_status(self.working[-1], "processing")

    def beat(self) -> None:
        """One comes, one begins to work, one ends. Some are over before a poll sees them, some vanish."""
        self.come()
        self.work()
        id = self.working.pop(0)
        if self.count % 50 == 0:
            self.sim.remove(id)
            self.told[f"{id} gone"] += 1
        else:
            self.end(id)
        if self.count % 10 == 0:
            self.end(self.add("queued"))

    def end(self, id: str) -> None:
        status = self.ENDS[self.count % len(self.ENDS)]
        self.sim.set_status(id, status)
        self.told[f"{id} {status}"] += 1
        self.listed.append(id)
        if len(self.listed) > LISTED:
            self.sim.remove(self.listed.pop(0))


class Traffic:
    """What the simulator has been asked so far; its journal holds the last of it."""

    def __init__(self, sim: Simulator) -> None:
        sim.journal.limit = 20000
        self.sim = sim
        self.seen = 0
        self.polls = 0
        self.faults: Counter[str] = Counter()

    def look(self) -> int:
        """Polls so far."""
        for entry in self.sim.requests(self.seen):
            self.seen = entry.n
            self.polls += entry.query.get("status") == ["queued", "processing"]
            if entry.fault is not None:
                self.faults[entry.fault] += 1
        return self.polls

    def reach(self, polls: int) -> None:
        until(lambda: self.look() >= polls, PATIENT, f"poll {polls}")


class Tail:
    """The whole lines of a file that grows, each of them once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.at = 0

    def lines(self) -> list[str]:
        if not os.path.exists(self.path):
            return []
        with open(self.path, "rb") as file:
            file.seek(self.at)
            text = file.read()
        end = text.rfind(b"\n") + 1
        self.at += end
        return text[:end].decode().splitlines()


class Ears:
    """What the sinks have been told: for each of them how often each event of a task."""

    def __init__(self, user: User) -> None:
        self.log = Tail(os.path.join(user.state, "events.log"))
        self.hooks = {f"hook of {s}": Tail(user.path(f"{s}.log")) for s in (*HOOKED, FLAKY)}
        self.sights = Tail(user.path("seen.log"))
        self.seen = {(f"s{n}", f"t{i + 1}") for n in range(SOURCES) for i in range(WAITING + WORKING)}  # the first poll's
        self.told: dict[str, Counter[str]] = {f"log of s{n}": Counter() for n in range(SOURCES)}
        self.told.update({name: Counter() for name in self.hooks})
        self.other: Counter[str] = Counter()  # of the sources themselves
        self.wrong: list[str] = []

    def listen(self) -> None:
        for line in self.log.lines():
            event = json.loads(line)
            if event["task_id"] is None:
                self.other[event["event"]] += 1
            else:
                self.told[f"log of {event['source']}"][f"{event['task_id']} {event['event']}"] += 1
        for line in self.sights.lines():
            event = json.loads(line)
            self.seen.add((event["source"], event["task_id"]))
        for name, tail in self.hooks.items():
            for line in tail.lines():
                _, task, event, _, _ = line.split(" ")
                if task != "-":
                    self.told[name][f"{task} {event}"] += 1

    def owed(self, name: str, told: Counter[str]) -> Counter[str]:
        """Without the tasks that vanished before the source could see them, because it was refused all the while."""
        source = name.rpartition(" ")[2]
        return Counter({k: n for k, n in told.items() if not k.endswith(" gone") or (source, k.split()[0]) in self.seen})

    def heard(self, told: Counter[str]) -> bool:
        self.listen()
        return all(self.owed(name, told) <= counter for name, counter in self.told.items())

    def faults(self, told: Counter[str]) -> list[str]:
        """Lost, told again, invented: none of them may be."""
        out = []
        for name, got in self.told.items():
            owed = self.owed(name, told)
            lost, more = owed - got, got - owed
            again = Counter({k: n for k, n in more.items() if k in owed})
            invented = more - again
            for word, what in (("lost", lost), ("repeated", again), ("invented", invented)):
                if what:
                    out.append(f"{name}: {what.total()} {word}, as {next(iter(what))}")
        if self.other["sink_failed"]:
            out.append(f"{self.other['sink_failed']} times a sink was given up")
        return out


class Soak:
    def __init__(self, sim: Simulator, scratch: str) -> None:
        self.sim = sim
        self.user = User(scratch, sim)
        self.clock = Clock(scratch)
        self.traffic = Traffic(sim)
        self.world = World(sim)
        self.ears = Ears(self.user)
        self.stages: list[Stage] = []
        self.nights = 0
        self.configure()
        self.process: Process

    def configure(self) -> None:
        """Sinks hear of ends and of sources, which is what they hear without being asked."""
        user = self.user
        flaky = ("test $((TASKBELL_EVENT_ID % 10)) -ne 0 || echo event $TASKBELL_EVENT_ID, attempt $TASKBELL_ATTEMPT\n"
                 "test $((TASKBELL_EVENT_ID % 40)) -ne 0 || head -c 100000 /dev/zero | tr '\\0' x\n"
                 "test $((TASKBELL_EVENT_ID % 20)) -ne 0 -o $TASKBELL_ATTEMPT -ne 1 || exit 75\n"
                 f"exec {HOOK} {FLAKY}.log")
        hooks = [{"type": "exec", "name": f"hook-{s}", "command": [HOOK, f"{s}.log"], "sources": [s]} for s in HOOKED]
        user.configure(
            {"type": "log", "format": "json"}, *hooks,
            {"type": "log", "format": "json", "name": "seen", "path": user.path("seen.log"), "on": ["queued", "processing"]},
            {"type": "exec", "name": "flaky", "shell": flaky, "sources": [FLAKY]},
            sources=[user.source(name=f"s{n}", sweep_interval="3s", down_after="1h") for n in range(SOURCES)],
            history_keep="1h",
        )

    def misbehave(self) -> None:
        """Every fault there is but lies: the slow and the refusing ones less often, they cost minutes."""
        self.sim.fault(fault_names("error", slow=True), count=None, percent=0.2, seed=1)
        self.sim.fault(fault_names("refused"), route="task", count=None, percent=5, seed=2)
        self.sim.fault(fault_names("refused"), count=None, percent=0.05, seed=3)
        self.sim.chaos(5, seed=4)

    def start(self) -> None:
        self.said = open(self.user.path("stderr"), "wb")  # noqa: SIM115
        self.process = self.user.start("watch", env=self.clock.env, stdout=-3, stderr=self.said)
        until(lambda: "watching" in read(self.said.name), name="the monitor")
        self.sim.wait_requests(SOURCES, 20, done=True)

    def kept(self, until_ms: float = 1e18) -> int:
        """Events of up to then in the history, as a reader beside the monitor sees it."""
        path = os.path.join(self.user.state, "state.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as db:
            return db.execute("SELECT count(*) FROM events WHERE wall_ms <= ?", (int(until_ms),)).fetchone()[0]

    def state_kib(self) -> int:
        names = [n for n in os.listdir(self.user.state) if n.startswith("state.db")]
        return sum(os.path.getsize(os.path.join(self.user.state, n)) for n in names) // 1024

    def stage(self, polls: int) -> None:
        stage = Stage()
        polls = max(polls, self.traffic.polls + BEAT)  # a night has polls as well
        while self.traffic.polls < polls:
            self.traffic.reach(min(self.traffic.polls + BEAT, polls))
            self.world.beat()
            stage.gauges.append(Gauge.of(self.process.pid, self.clock))
        stage.polls, stage.ends = self.traffic.polls, self.world.told.total()
        stage.state, stage.rows = self.state_kib(), self.kept()
        self.ears.listen()
        self.night(stage)
        stage.show()
        self.stages.append(stage)

    def night(self, stage: Stage) -> None:
        """The machine sleeps. What was told before is soon forgotten; a source that was refused is asked again."""
        evening = (time.time() + self.clock.slept) * 1000
        self.sim.drop_connections()
        self.clock.sleep(self.process, NIGHT)
        self.process.send(signal.SIGHUP)
        self.process.send(signal.SIGUSR1)
        with contextlib.suppress(TimeoutError):  # what was not delivered yet stays until the next night
            until(lambda: self.kept(evening) <= stage.rows * PENDING + 20, 60)
            self.nights += 1
        stage.left = self.kept(evening)

    def finish(self) -> list[str]:
        self.sim.clear_faults()
        self.process.send(signal.SIGUSR1)
        with contextlib.suppress(TimeoutError):  # what is missing is counted below
            until(lambda: self.ears.heard(self.world.told), PATIENT)
        faults = self.ears.faults(self.world.told)
        faults += self.remains()
        code = self.process.stop()
        self.user.leave()
        self.said.close()
        assert_no_secret(read(self.said.name))
        return faults + ([f"ended with {code}"] if code != 0 else [])

    def remains(self) -> list[str]:
        """Without a server there are no connections: then there is no descriptor more than there ever was, and no child."""
        least = min(s.least("descriptors") for s in quarter(self.stages, 1))
        self.sim.down()

        def bare() -> bool:
            gauge = Gauge.of(self.process.pid, self.clock)
            return gauge.descriptors <= least and gauge.children == 0

        try:
            until(bare, 60)
        except TimeoutError:
            gauge = Gauge.of(self.process.pid, self.clock)
            return [f"{gauge.descriptors} descriptors and {gauge.children} children in the end, were {least} and 0"]
        return []


def quarter(stages: list[Stage], n: int) -> list[Stage]:
    size = len(stages) // 4
    return stages[n * size : (n + 1) * size]


def in_use(stages: list[Stage]) -> float:
    return median(stage.median("in_use") for stage in stages)


def resident(stages: list[Stage]) -> float:
    return median(stage.median("memory") for stage in stages)


def largest_state(stages: list[Stage]) -> int:
    return max(stage.state for stage in stages)


def most_rows(stages: list[Stage]) -> int:
    return max(stage.rows for stage in stages)


def grown(stages: list[Stage]) -> list[str]:
    """The last quarter against the second: the first is the warm-up."""
    early, late = quarter(stages, 1), quarter(stages, 3)
    used, memory, state, rows = ([f(part) for part in (early, late)]
                                 for f in (in_use, resident, largest_state, most_rows))
    limits = (
        ("KiB in use", used, used[0] + IN_USE_SLACK),
        ("resident KiB", memory, memory[0] * RESIDENT_SLACK),
        ("state KiB", state, state[0] * STATE_SLACK),
        ("events kept", rows, rows[0] * ROWS_SLACK),
    )
    return [f"{name} grew from {before:.0f} in the second quarter to {after:.0f} in the last"
            for name, (before, after), limit in limits if after > limit]


def soak(polls: int, scratch: str) -> int:
    with Simulator() as sim:
        run = Soak(sim, scratch)
        begin = time.monotonic()
        print(Stage.HEAD, flush=True)
        run.start()
        run.misbehave()
        for n in range(1, STAGES + 1):
            run.stage(polls * n // STAGES)
        seconds = time.monotonic() - begin
        faults = run.finish() + grown(run.stages)
    if run.nights != STAGES:
        faults.append(f"history was forgotten in {run.nights} nights of {STAGES}")
    told = run.world.told
    names = [name for name in run.traffic.faults if name in FAULTS]
    print(f"{run.traffic.polls} polls and {run.traffic.seen - run.traffic.polls} other requests in {seconds:.0f} s; "
          f"{run.traffic.faults.total()} of them spoilt in {len(names)} ways; history forgotten {run.nights} times")
    print(f"{told.total()} ends for each of {len(run.ears.told)} listeners, {told.total() * len(run.ears.told)} in all; "
          f"{run.ears.other['source_down']} sources went down and {run.ears.other['source_up']} came back")
    for name, kib in (("in use", in_use), ("resident", resident)):
        print(f"KiB {name} in each quarter: " + ", ".join(f"{kib(quarter(run.stages, n)):.0f}" for n in range(4)))
    print("; ".join(faults) if faults else "none lost, none repeated, none invented; nothing grew")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=100000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taskbell-soak-") as scratch:
        return soak(args.polls, scratch)


if __name__ == "__main__":
    sys.exit(main())
