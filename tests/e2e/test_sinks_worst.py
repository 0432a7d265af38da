"""Sinks at their worst: a flood of events against slow hooks, and what starves or hangs them."""

from __future__ import annotations

import os
import shlex
import subprocess

from harness import LOG, children, lines, polls, read, until

FLOOD = 10_000
TOLD = 200  # of them in this test; `make flood` waits for all


def preloaded(directory, name):
    """The environment in which a program of this directory changes what the monitor gets from its library."""
    library = os.path.join(directory, f"{name}.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.c")
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"],
                   check=True)
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": library, "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0".lstrip(":")}


def test_hooks_that_are_long_in_starting_delay_no_poll(user, sim, tmp_path):
    """All at once, 0.1 s each until it runs: polls go on between them, and the log is written."""
    hook = user.script("hook", "echo $TASKBELL_TASK_ID >>$HOME/got")
    user.configure({"type": "exec", "name": "hook", "command": [hook], "concurrency": 64}, LOG, source={"explain": False})
    tasks = [sim.add_task(f"t{i}", status="processing") for i in range(36)]
    watch = user.watch(env=preloaded(str(tmp_path), "slow_spawn"))
    mark = sim.mark()
    with sim.world.lock:
        for task in tasks:
            sim.set_status(task, "success")
    user.wait_log(len(tasks))
    assert len(lines(user.path("got"))) < len(tasks), "the log waited for the hooks"
    until(lambda: len(lines(user.path("got"))) == len(tasks))
    polls(sim)
    times = [e.time for e in sim.requests(mark)]
    assert max(b - a for a, b in zip(times, times[1:])) < 5
    assert sorted(lines(user.path("got"))) == sorted(tasks)
    assert watch.stop() == 0


def test_a_flood_against_slow_hooks_is_bounded_and_in_order(user, sim):
    """Two events of each task against four hooks that take their time: memory and processes are bounded, the log is
    not a moment behind, polls go on; of those that were told none is doubled, each task is in order, the others wait."""
    os.mkfifo(user.path("gate"))
    hook = user.script("hook", "test -e $HOME/open || read -r _ <$HOME/gate\n"
                               'echo "$TASKBELL_TASK_ID $TASKBELL_EVENT_ID $TASKBELL_EVENT" >>$HOME/got')
    user.configure({"type": "exec", "name": "hook", "command": [hook], "on": ["processing", "success"],
                    "concurrency": 4}, LOG, source={"interval": "500ms", "idle_interval": "500ms", "explain": False})
    watch = user.watch(json=False)
    most = 0

    def told(n):
        nonlocal most
        most = max(most, len(children(watch.pid)))
        return len(lines(user.path("got"))) >= n

    with sim.world.lock:
        for i in range(FLOOD // 2):
            sim.add_task(f"t{i}", status="processing")
    user.known(FLOOD // 2)
    with sim.world.lock:
        for i in range(FLOOD // 2):
            sim.set_status(f"t{i}", "success")
    until(lambda: len(lines(os.path.join(user.state, "events.log"))) == FLOOD // 2)
    polls(sim, 3)
    assert user.sink("hook")["pending"] == FLOOD and not told(1)
    # both ends stay open here: no hook meets an end of file
    gate = os.open(user.path("gate"), os.O_RDWR)
    try:
        user.write("open", "")
        os.write(gate, b"\n" * 4)
        until(lambda: told(TOLD), 60)
    finally:
        os.close(gate)
    memory = next(line for line in read(f"/proc/{watch.pid}/status").splitlines() if line.startswith("VmHWM"))
    assert watch.stop() == 0
    rows = [line.split() for line in lines(user.path("got"))]
    assert len({row[1] for row in rows}) == len(rows) == FLOOD - user.sink("hook")["pending"]
    for task in {row[0] for row in rows}:
        seen = [row[2] for row in rows if row[0] == task]
        assert seen == ["processing", "success"][: len(seen)]
    assert most <= 4
    if not os.environ.get("SANITIZE"):
        assert int(memory.split()[1]) < 64 * 1024


def test_a_sink_that_fails_tells_every_other_but_not_itself(user, sim):
    """sink_failed goes to those that want it; a sink that wants it and is the one that failed gets none."""
    bad = user.script("bad", 'echo "$TASKBELL_EVENT" >>$HOME/bad.got; exit 1')
    good = user.script("good", 'echo "$TASKBELL_EVENT $1" >>$HOME/good.got')
    on = ["success", "sink_failed"]
    user.configure({"type": "exec", "name": "bad", "command": [bad], "on": on},
                   {"type": "exec", "name": "good", "command": [good, "{sink}"], "on": on}, source={"first_run": "all"})
    sim.add_task("x", status="success")
    watch = user.watch()
    until(lambda: "sink_failed bad" in lines(user.path("good.got")))
    sim.add_task("y", status="success")
    until(lambda: len(lines(user.path("bad.got"))) >= 2)
    polls(sim, 3)
    assert watch.stop() == 0
    assert lines(user.path("bad.got")) == ["success", "success"]
    assert sorted(lines(user.path("good.got"))) == ["sink_failed bad", "success ", "success "]
