"""Ten thousand events at once against a hook that takes a second.

`make flood FLOOD=10000`. All are stored in two polls; from then on as many hooks run as `concurrency` allows,
until each event was told: once, in order for each task, with the memory and the descriptors of a monitor that
has little to do, and a log and polls that are not a moment late.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e"), os.path.dirname(HERE)]

from harness import LOG, User, children, lines, read, until  # noqa: E402
from simulator import Simulator  # noqa: E402

CONCURRENCY = 64  # the most that a configuration may ask for
INTERVAL = 0.5
MEMORY_MAX = 64  # MiB
LATE_MAX = 1.0  # seconds that a poll may be late
SLOW = 20  # seconds of hook time for each second that is really allowed to pass


def look(pid: int) -> tuple[int, int, int]:
    """KiB at most, descriptors and children of now."""
    memory = re.search(r"VmHWM:\s+(\d+)", read(f"/proc/{pid}/status"))
    return int(memory[1]) if memory else 0, len(os.listdir(f"/proc/{pid}/fd")), len(children(pid))


def flood(user: User, sim: Simulator, events: int) -> list[str]:
    tasks = [f"t{i}" for i in range(events // 2)]
    hook = user.script("hook", "sleep 1\n"
                               'echo "$TASKBELL_TASK_ID $TASKBELL_EVENT_ID $TASKBELL_EVENT" >>$HOME/got')
    user.configure({"type": "exec", "name": "hook", "command": [hook], "on": ["processing", "success"],
                    "concurrency": CONCURRENCY}, LOG,
                   source={"interval": f"{INTERVAL}s", "idle_interval": f"{INTERVAL}s", "explain": False})
    watch = user.watch(json=False)
    begin = time.monotonic()
    with sim.world.lock:
        for task in tasks:
            sim.add_task(task, status="processing")
    user.known(len(tasks))
    with sim.world.lock:
        for task in tasks:
            sim.set_status(task, "success")
    until(lambda: len(lines(os.path.join(user.state, "events.log"))) == len(tasks), 60)
    logged, mark = time.monotonic() - begin, sim.mark()
    most = (0, 0, 0)
    while len(lines(user.path("got"))) < events and time.monotonic() < begin + 60 + events * SLOW / CONCURRENCY:
        most = tuple(map(max, most, look(watch.pid)))
        time.sleep(0.1)
    seconds = time.monotonic() - begin
    times = [e.time for e in sim.requests(mark)]
    late = max((b - a for a, b in zip(times, times[1:])), default=0.0) - INTERVAL
    user.settled("hook", pending=0, failed=0)
    watch.stop()

    rows = [line.split() for line in lines(user.path("got"))]
    told = Counter(row[1] for row in rows)
    order = defaultdict(list)
    for task, _, event in rows:
        order[task].append(event)
    disorder = sum(seen != ["processing", "success"] for seen in order.values())
    print(f"{events} events, a hook of 1 s, {CONCURRENCY} at once: {seconds:.0f} s ({events / CONCURRENCY:.0f} s at "
          f"best); in the log after {logged:.1f} s\n"
          f"told {len(told)}, twice {sum(n > 1 for n in told.values())}, out of order {disorder}\n"
          f"at most {most[0] / 1024:.1f} MiB, {most[1]} descriptors, {most[2]} hooks; a poll at most {late:.2f} s late")
    return [words for words, broken in (
        ("lost or doubled", len(told) != events or len(rows) != events), ("out of order", disorder),
        ("memory", most[0] > MEMORY_MAX * 1024), ("hooks", most[2] > CONCURRENCY),
        ("descriptors", most[1] > 4 * CONCURRENCY), ("late polls", late > LATE_MAX)) if broken]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    events = parser.parse_args().events
    with Simulator() as sim, tempfile.TemporaryDirectory(prefix="taskbell-flood-") as scratch:
        user = User(scratch, sim)
        try:
            broken = flood(user, sim, events)
        finally:
            user.leave()
    print("; ".join(broken) or "nothing broke")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
