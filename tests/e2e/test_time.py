"""Clocks that jump and processes that stand still: no poll is missed for it, nothing is told that is not so."""

from __future__ import annotations

import signal
import subprocess

import pytest
from clocks import Clock
from harness import LOG, lines, moved, polls, until

YEAR = 365 * 86400
HOUR = 3600


@pytest.fixture
def clock(tmp_path):
    return Clock(str(tmp_path))


def said(watch, *events):
    return [e["event"] for e in watch.events() if e["event"] in events]


def test_a_laptop_that_slept_polls_soon_and_blames_nobody(user, sim, clock):
    """Eight hours pass in which the network is gone; back with it a moment later, no source was down."""
    user.configure(LOG, source={"interval": "1h", "idle_interval": "1h", "sweep_interval": "2h", "down_after": "2m"})
    sim.add_task("x", status="processing")
    watch = user.start("watch", "--json", env=clock.env)
    user.known()
    sim.set_status("x", "success")
    mark = sim.mark()
    sim.fault("status-503", count=1)  # the network needs a moment
    clock.sleep(watch, 8 * HOUR)
    watch.wait_event(event="success", task_id="x")
    assert sim.requests(mark, lambda e: e.fault is not None)
    assert said(watch, "source_down", "gone", "stuck") == []
    assert watch.stop() == 0


@pytest.mark.parametrize("by", [-YEAR, YEAR])
def test_a_clock_set_by_a_year_moves_no_poll_and_no_retry(user, sim, clock, by):
    hook = user.script("hook", 'echo "$TASKBELL_TASK_ID $TASKBELL_ATTEMPT" >>$HOME/got; test -e $HOME/good || exit 75')
    user.configure({"type": "exec", "name": "hook", "command": [hook], "max_age": "1h"}, LOG)
    sim.add_task("x", status="processing")
    watch = user.watch(env=clock.env)
    moved(sim, ("x", "success"))
    until(lambda: lines(user.path("got")))
    clock.set(by)
    polls(sim, 3)
    until(lambda: len(lines(user.path("got"))) >= 2)
    user.write("good", "")
    clock.set(-by)
    sim.add_task("y", status="processing")
    watch.wait_event(event="processing", task_id="y")
    moved(sim, ("y", "failure"))
    until(lambda: user.run("status", "--json").objects()[0]["sinks"][0]["pending"] == 0)
    assert said(watch, "source_down", "sink_failed", "gone", "stuck") == []
    assert [e["task_id"] for e in user.events_log() if e["event"] in ("success", "failure")] == ["x", "y"]
    assert watch.stop() == 0


def test_gone_is_gone_also_when_the_clock_is_set_back(user, sim, clock):
    user.configure(LOG)
    sim.add_task("x", status="processing")
    watch = user.watch(env=clock.env)
    mark = sim.mark()
    sim.remove("x")
    sim.wait_requests(1, since=mark, match=lambda e: e.route == "task", done=True)
    clock.set(-YEAR)
    assert watch.wait_event(event="gone")["task_id"] == "x"
    assert watch.stop() == 0


def test_a_process_that_was_stopped_goes_on(user, sim):
    """For longer than its limits: what was under way is asked again, and no source is down for it."""
    user.configure(LOG, source={"timeout": "1s", "down_after": "2s"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    watch.popen.send_signal(signal.SIGSTOP)
    until(lambda: open(f"/proc/{watch.pid}/stat", encoding="ascii").read().rpartition(")")[2].split()[0] == "T")
    sim.drop_connections()
    sim.set_status("x", "success")
    with pytest.raises(subprocess.TimeoutExpired):
        watch.popen.wait(4)
    mark = sim.mark()
    watch.popen.send_signal(signal.SIGCONT)
    sim.wait_requests(1, since=mark)
    watch.wait_event(event="success")
    assert said(watch, "source_down", "gone") == []
    assert watch.stop() == 0
