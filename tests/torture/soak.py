"""A long run: tasks come and go, hooks run, the server misbehaves; nothing of the monitor may grow.

`make soak SOAK_POLLS=100000`. Many sources share one simulator, so that each polls at its own beat.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e"), os.path.dirname(HERE)]

from harness import LOG, Process, User, lines, read, until  # noqa: E402
from simulator import Simulator  # noqa: E402
from stage import HOOK  # noqa: E402
from truth import read_report, read_state  # noqa: E402

SOURCES = 40
KEEP = "1h"  # the least there is; a shorter soak prunes nothing, so the state is held against the events it keeps
EVENT_KIB = 2  # of state for one kept event, with its indexes
LIVES = 60  # tasks that are there at a time
LISTED = 200  # ended tasks that the API still lists: longer than any source can be behind
SAMPLES = 20


@dataclass
class Sample:
    polls: int
    memory_kib: int
    descriptors: int
    children: int
    state_kib: int
    events: int

    def show(self) -> None:
        print(f"{self.polls:>8} requests {self.memory_kib:>7} KiB resident {self.descriptors:>4} descriptors "
              f"{self.children:>3} children {self.state_kib:>6} KiB state {self.events:>6} events kept", flush=True)


def take(process: Process, user: User, polls: int) -> Sample:
    status = dict(line.split(":\t", 1) for line in read(f"/proc/{process.pid}/status").splitlines() if ":\t" in line)
    directory = [os.path.join(user.state, n) for n in os.listdir(user.state) if n.startswith("state.db")]
    return Sample(
        polls, int(status["VmRSS"].split()[0]), len(os.listdir(f"/proc/{process.pid}/fd")),
        len(read(f"/proc/{process.pid}/task/{process.pid}/children").split()),
        sum(os.path.getsize(path) for path in directory) // 1024, len(read_state(user.state).events),
    )


class World:
    """Tasks that come, and end one after the other; it knows what every source has to tell."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.live: list[str] = []
        self.ended: dict[str, str] = {}
        self.listed: list[str] = []
        self.count = 0

    def come(self) -> None:
        self.count += 1
        self.live.append(self.sim.add_task(f"t{self.count}", status="processing"))

    def go(self) -> None:
        """The oldest ends, in one way or another; the API forgets what has ended long ago."""
        id = self.live.pop(0)
        self.ended[id] = ("success", "failure", "partial_success")[self.count % 3]
        self.sim.set_status(id, self.ended[id])
        self.listed.append(id)
        if len(self.listed) > LISTED:
            self.sim.remove(self.listed.pop(0))


def log_of(path: str, source: str) -> list[str]:
    events = [json.loads(line) for line in lines(path)]
    return [f"{e['task_id']} {e['event']}" for e in events if e["source"] == source]


def soak(polls: int, scratch: str) -> int:
    with Simulator() as sim:
        user = User(scratch, sim)
        hook = {"type": "exec", "name": "hook", "command": [HOOK, "hook.log"], "sources": ["s0"]}
        user.configure(
            {**LOG, "sources": ["s0", "s1"]}, hook,
            sources=[user.source(name=f"s{n}", explain=False, sweep_interval="2s", down_after="1h") for n in range(SOURCES)],
            history_keep=KEEP,
        )
        world = World(sim)
        for _ in range(LIVES):
            world.come()
        process = user.start("watch", stdout=-3)
        process.wait_error("watching")
        sim.wait_requests(SOURCES, done=True)
        sim.chaos(5, seed=1)
        samples: list[Sample] = []
        begin = time.monotonic()
        seen = 0
        while seen < polls:
            sim.wait_requests(1, 20, since=sim.mark())
            until(lambda: sim.mark() >= seen + polls // (SAMPLES * 5), 120, "polls")
            seen = sim.mark()
            world.go()
            world.come()
            if seen >= polls * len(samples) // SAMPLES:
                samples.append(take(process, user, seen))
                samples[-1].show()
        sim.clear_faults()
        told = {f"{id} {event}" for id, event in world.ended.items()}

        logged = os.path.join(user.state, "events.log")

        def all_told() -> bool:
            hook = {" ".join(t) for _, t in read_report(user.state, user.path("hook.log")).lines["hook"]}
            return told <= hook and all(told <= set(log_of(logged, s)) for s in ("s0", "s1"))

        with contextlib.suppress(TimeoutError):  # what is missing is counted below
            until(all_told, 60)
        hooks = [" ".join(t) for _, t in read_report(user.state, user.path("hook.log")).lines["hook"]]
        by_source = {source: log_of(logged, source) for source in ("s0", "s1")}
        code = process.stop()
        user.leave()
    faults = [f"ended with {code}"] if code != 0 else []
    if sorted(hooks) != sorted(told):
        faults.append(f"hook: {len(hooks)} for {len(told)} ends")
    for source in ("s0", "s1"):
        if sorted(by_source[source]) != sorted(told):
            faults.append(f"log, {source}: {len(by_source[source])} for {len(told)} ends")
    faults += grown(samples)
    print(f"{seen} requests in {time.monotonic() - begin:.0f} s, {len(told)} ends, "
          f"{'; '.join(faults) if faults else 'each told once to each sink, nothing grew'}")
    return 1 if faults else 0


def grown(samples: list[Sample]) -> list[str]:
    """The last quarter against the second: by then everything has reached its size."""
    n = len(samples)
    early, late = samples[n // 4 : n // 2], samples[-(n // 4) :]
    faults = []
    # connections come and go with the faults of the server: what leaks shows in the least of them
    for name, slack, of in (("memory_kib", 1024, max), ("descriptors", 8, min), ("children", 4, min)):
        before = of(getattr(s, name) for s in early)
        after = of(getattr(s, name) for s in late)
        if after > before + slack:
            faults.append(f"{name} grew from {before} to {after}")
    first, last = samples[0], samples[-1]
    if last.state_kib > first.state_kib + 4096 + EVENT_KIB * (last.events - first.events):  # the log has 4 MiB
        faults.append(f"state_kib grew from {first.state_kib} to {last.state_kib} for {last.events} events")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=100000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taskbell-soak-") as scratch:
        return soak(args.polls, scratch)


if __name__ == "__main__":
    sys.exit(main())
