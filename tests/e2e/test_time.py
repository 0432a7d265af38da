"""Clocks that jump and processes that stand still: no poll is missed for it, nothing is told that is not so."""

from __future__ import annotations

import datetime
import os
import signal
import sqlite3
import subprocess
import time

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


def test_redeliver_without_a_signal_is_found_within_a_minute(user, sim, clock):
    """Where the monitor is in another pid namespace, redeliver cannot signal it: only the state changes."""
    hook = user.script("hook", "echo $TASKBELL_ATTEMPT >>$HOME/got; test -e $HOME/good")
    user.configure({"type": "exec", "name": "hook", "command": [hook]}, source={"interval": "1h", "idle_interval": "1h"})
    sim.add_task("x", status="processing")
    watch = user.watch(env=clock.env)
    sim.set_status("x", "success")
    watch.send(signal.SIGUSR1)
    user.settled("hook", failed=1, pending=0)
    user.write("good", "")
    with sqlite3.connect(os.path.join(user.state, "state.db")) as state:
        state.execute("UPDATE deliveries SET failed = 0, failed_ms = 0, attempts = 0, first_failed_ms = 0, due_ms = 1")
    state.close()
    clock.sleep(watch, 61)
    user.settled("hook", failed=0, pending=0)
    assert lines(user.path("got")) == ["1", "1"]
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
    watch.wait_event(event="failure", task_id="y")
    until(lambda: user.run("status", "--json").objects()[0]["sinks"][0]["pending"] == 0)
    assert said(watch, "source_down", "sink_failed", "gone", "stuck") == []
    assert [e["task_id"] for e in user.events_log() if e["event"] in ("success", "failure")] == ["x", "y"]
    assert watch.stop() == 0


def test_a_clock_that_is_wrong_at_boot_costs_no_history(user, sim, clock):
    user.configure(LOG, source={"first_run": "all"}, history_keep="1h")
    sim.add_task("x", status="success")
    assert user.run("watch", "--once").code == 0
    clock.set(YEAR)
    watch = user.watch(env=clock.env)
    polls(sim, 3)
    clock.set(-YEAR)
    polls(sim, 2)
    assert [e["task_id"] for e in user.run("history", "--json").objects()] == ["x"]
    clock.sleep(watch, 2 * HOUR)
    until(lambda: user.run("history", "--json").out == "")
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


# --- quiet hours in a night that is an hour shorter or longer

BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
QUIET = {"night": "22:00-07:00", "early": "01:00-02:30", "late": "02:30-04:00"}  # 02:30: not that night, or twice
SPRING = (  # UTC: what ends then and is held, or the moment at which what is held comes
    ("2026-03-28T23:30", ["night-1", "night-2"]),
    ("2026-03-29T00:10", ["early-1", "early-2"]),
    ("2026-03-29T01:00", "early"),  # 03:00, the minute after 01:59
    ("2026-03-29T01:05", ["late-1", "late-2"]),
    ("2026-03-29T02:00", "late"),
    ("2026-03-29T05:00", "night"),
)
AUTUMN = (
    ("2026-10-24T23:30", ["night-1", "night-2", "early-1", "early-2"]),
    ("2026-10-25T00:30", "early"),
    ("2026-10-25T00:40", ["late-1", "late-2"]),
    ("2026-10-25T01:00", "late"),  # 02:00 again
    ("2026-10-25T01:10", ["early-3", "early-4"]),
    ("2026-10-25T01:30", "early"),
    ("2026-10-25T01:40", ["late-3", "late-4"]),
    ("2026-10-25T03:00", "late"),
    ("2026-10-25T06:00", "night"),
)


# in the place of taskbell-notify: each request is a file by the time it came, and is
# answered; then the user has seen enough of it, so that what comes next is not put together with it
HELPER = """number= note=
while IFS= read -r line; do
	case $line in
	"show: "*) number=${line#show: } ;;
	?*) note="$note$line;" ;;
	*)
		if [ -n "$number" ]; then
			at=$(date +%s.%N)
			printf %s "$note" >"$HOME/notes/$at~" && mv "$HOME/notes/$at~" "$HOME/notes/$at"
			printf '%s\\n' "shown: $number 1" "closed: $number 2"
		fi
		number= note=
		;;
	esac
done"""


def notes(user):
    """What was shown, and when by the clock of the monitor."""
    found = {}
    for name in os.listdir(user.path("notes")):
        if not name.endswith("~"):
            with open(user.path(f"notes/{name}"), encoding="utf-8") as file:
                found[float(name)] = file.read()
    return sorted(found.items())


@pytest.mark.parametrize("night", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_quiet_hours_in_the_night_of_summer_time(user, sim, clock, night):
    """By the local clock, also where they begin or end in the hour that is missing or comes twice: what was held
    comes as one digest, once, at the end of the hours that held it."""
    os.mkdir(user.path("notes"))
    user.script("taskbell-notify", HELPER)
    user.env.update(TZ=BERLIN, TASKBELL_LIBEXEC=user.home, DBUS_SESSION_BUS_ADDRESS="tcp:host=localhost")
    user.configure(*({"type": "desktop", "name": name, "quiet": quiet, "names": [f"{name}-*"], "window": "0"}
                     for name, quiet in QUIET.items()), LOG,
                   source={"explain": False, "interval": "1h", "idle_interval": "1h", "sweep_interval": "1d"})
    moments = [(datetime.datetime.fromisoformat(at + "+00:00").timestamp(), what) for at, what in night]
    for _, what in night:
        for name in what if isinstance(what, list) else []:
            sim.add_task(name, name=name, status="processing")
    clock.set(int(moments[0][0] - time.time()))
    watch = user.start("watch", "--json", env=clock.env)
    user.known(sum(len(what) for _, what in night if isinstance(what, list)))
    held = {name: [] for name in QUIET}
    shown = 0
    for at, what in moments:
        now = time.time() + clock.wall + clock.slept
        if isinstance(what, list):
            if at > now:
                clock.sleep(watch, at - now)
            for name in what:
                held[name.split("-")[0]].append(name)
                sim.set_status(name, "failure")
            watch.send(signal.SIGUSR1)
            for name in what:
                watch.wait_event(event="failure", task_id=name)
            user.wait_log(len(watch.events()))
            continue
        assert len(notes(user)) == shown, notes(user)
        clock.sleep(watch, at - 0.3 - now)
        shown += 1
        came, note = until(lambda: len(notes(user)) >= shown and notes(user)[-1], name=f"{what} at {at}")
        assert at <= came < at + 60, (what, at, came)
        assert all(name in note for name in held[what]) and f"{len(held[what])} tasks" in note, note
        held[what] = []
    until(lambda: all(sink["pending"] == 0 for sink in user.status()["sinks"]))
    assert len(notes(user)) == shown
    assert watch.stop() == 0
