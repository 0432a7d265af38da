"""Sinks at their worst: a flood of events against slow hooks, and what starves or hangs them."""

from __future__ import annotations

import os

from harness import LOG, lines, polls, until

FLOOD = 1000


def test_a_flood_against_slow_hooks_is_bounded_and_in_order(user, sim):
    """Two events of each task, four hooks at once: none lost or doubled, each task in order, memory and
    processes bounded, the log not a moment behind and polls going on."""
    hook = user.script("hook", 'mkdir $HOME/run/$$; ls $HOME/run >$HOME/at/$$; mv $HOME/at/$$ $HOME/most/$$\n'
                               'echo "$TASKBELL_TASK_ID $TASKBELL_EVENT_ID $TASKBELL_EVENT" >>$HOME/got; '
                               "rmdir $HOME/run/$$")
    for name in ("run", "at", "most"):
        os.mkdir(user.path(name))
    user.configure({"type": "exec", "name": "hook", "command": [hook], "on": ["processing", "success"],
                    "concurrency": 4}, LOG)
    watch = user.watch()
    for i in range(FLOOD // 2):
        sim.add_task(f"t{i}", status="processing")
    watch.wait_events(FLOOD // 2, event="processing")
    for i in range(FLOOD // 2):
        sim.set_status(f"t{i}", "success")
    user.wait_log(FLOOD // 2, event="success")
    polls(sim, 3)
    with open(f"/proc/{watch.pid}/status", encoding="ascii") as file:
        most = int(next(line for line in file if line.startswith("VmHWM")).split()[1]) // 1024
    until(lambda: len(lines(user.path("got"))) >= FLOOD, 60)
    assert watch.stop() == 0
    rows = [line.split() for line in lines(user.path("got"))]
    assert len(rows) == FLOOD and len({row[1] for row in rows}) == FLOOD
    for i in range(FLOOD // 2):
        assert [row[2] for row in rows if row[0] == f"t{i}"] == ["processing", "success"]
    assert max(len(lines(user.path(f"most/{name}"))) for name in os.listdir(user.path("most"))) <= 4
    if not os.environ.get("SANITIZE"):
        assert most < 64


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
