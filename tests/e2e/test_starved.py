"""What a want that passes must not do: no room on a disk, no process to be had, a call that fails.

The shim of tests/torture fails chosen calls of the real program.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys

import pytest
from harness import KEY, LOG, lines, moved, polls, until
from mounts import SmallDisk
from unprivileged import as_uid, plain_user

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../torture"))

from plan import COUNT, FAIL, FOR_GOOD, Plan  # noqa: E402

SHIM = os.path.join(os.environ.get("TASKBELL_BUILD", os.path.abspath("build")), "torture/shim.so")


@pytest.fixture
def plan(tmp_path):
    if not os.path.exists(SHIM):
        pytest.skip("no shim in this build: it needs glibc and no sanitizer")
    made = Plan(str(tmp_path / "plan"))
    yield made
    made.close()


def once(user, plan):
    return user.run("watch", "--once", env=plan.environment(SHIM))


def places(user, plan, classes, name):
    """The numbers of the calls of one run that are about this file."""
    plan.set(COUNT, classes, trace=True)
    assert once(user, plan).code == 0
    found = [n for n in range(1, plan.seen() + 1) if plan.place(n).endswith(" " + name)]
    assert found
    return found


@pytest.mark.parametrize("classes, error", [
    (("open",), errno.EMFILE), (("open",), errno.EIO), (("read",), errno.EIO),
])
def test_a_state_that_cannot_be_opened_or_read_for_a_moment_is_not_set_aside(user, sim, plan, classes, error):
    user.configure(LOG)
    sim.add_task("a", status="processing")
    assert user.run("watch", "--once").code == 0
    sim.set_status("a", "success")
    assert user.run("watch", "--once").code == 0
    for number in places(user, plan, classes, "state.db"):
        plan.set(FAIL, classes, at=number, error=error)
        done = once(user, plan)
        assert plan.hits() == 1
        assert done.code in (0, 74), done
        assert not [name for name in os.listdir(user.state) if "damaged" in name], (plan.place(number), done)
    assert user.run("watch", "--once").code == 0
    assert len(lines(os.path.join(user.state, "events.log"))) == 1


def test_a_disk_that_is_full_for_many_polls_costs_one_line_and_no_event(user, sim, plan):
    user.configure(LOG, {"type": "exec", "name": "hook", "command": [user.script("hook", "echo $TASKBELL_TASK_ID >>got")]})
    sim.add_task("a", status="processing")
    sim.add_task("b", status="processing")
    plan.set(COUNT, ("write",))
    monitor = user.watch(env=plan.environment(SHIM))
    plan.set(FAIL, ("write",), count=FOR_GOOD, error=errno.ENOSPC)
    moved(sim, ("a", "success"))
    polls(sim, 3)
    sim.set_status("b", "failure")
    polls(sim, 3)
    assert [line for line in monitor.err.lines() if "no space left" in line] == [monitor.wait_error("no space left")]
    assert not user.events_log()
    plan.set(COUNT, ("write",))
    user.wait_log(2)
    monitor.wait_error("the state works again")
    user.settled("log", pending=0)
    user.settled("hook", pending=0)
    assert monitor.stop() == 0
    assert sorted(e["task_id"] for e in user.events_log()) == sorted(lines(user.path("got"))) == ["a", "b"]
    assert len([line for line in monitor.err.lines() if "the state works again" in line]) == 1


def said(watch):
    """The lines of a monitor about what does not work and what works again."""
    return [line.split(" ", 1)[1] for line in watch.err.lines() if " notice watching" not in line]


def end_all(sim, ids):
    with sim.world.lock:
        for id in ids:
            sim.set_status(id, "success")


@pytest.mark.parametrize("full", ["state and log", "state", "log"])
def test_a_disk_that_is_full_and_free_again(user, sim, full):
    """Nothing is told that is not stored, then all of it once; one line when it begins, one when it is over."""
    disk = SmallDisk(user.path("disk"), "300k" if full == "log" else "700k")
    args = [] if full == "log" else ["--state-dir", os.path.join(disk.path, "state")]
    path = {"state and log": "", "state": user.path("x.log"), "log": os.path.join(disk.path, "x.log")}[full]
    user.configure({**LOG, "path": path}, source={"explain": False})
    tasks = [sim.add_task(f"t{i}", name="n" * 200, status="processing") for i in range(400)]
    watch = user.watch(*args, wrap=disk.wrap)
    disk.fill(watch.pid)
    mark = sim.mark()
    end_all(sim, tasks)
    watch.wait_error("[Nn]o space left")
    polls(sim, 5)
    assert len(said(watch)) == 1, said(watch)
    assert len(watch.events()) == (len(tasks) if full == "log" else 0)
    times = [e.time for e in sim.requests(mark)]
    assert max(b - a for a, b in zip(times, times[1:])) < 5
    disk.free(watch.pid)
    watch.wait_events(len(tasks), event="success")
    watch.wait_error("works again")
    log = {"state and log": disk.inside(watch.pid, "state/events.log"), "state": path,
           "log": disk.inside(watch.pid, "x.log")}[full]
    until(lambda: len(lines(log)) >= len(tasks))
    polls(sim, 3)
    assert sorted(json.loads(line)["task_id"] for line in lines(log)) == sorted(tasks)
    assert len(watch.events()) == len(tasks) and len(said(watch)) == 2, said(watch)
    assert watch.stop() == 0


def test_a_state_that_becomes_read_only_and_writable_again(user, sim, plan):
    """As when the kernel remounts a file system that has errors."""
    log = {**LOG, "path": user.path("x.log")}
    user.configure(log)
    for id in ("a", "b"):
        sim.add_task(id, status="processing")
    watch = user.watch(env=plan.environment(SHIM))
    plan.set(FAIL, ("write", "create", "name"), at=1, count=0, error=errno.EROFS)
    sim.set_status("a", "success")
    watch.wait_error("state.db")
    polls(sim, 5)
    assert watch.events() == [] and len(said(watch)) == 1, said(watch)
    plan.set(COUNT, ())
    watch.wait_event(event="success", task_id="a")
    sim.set_status("b", "failure")
    watch.wait_event(event="failure", task_id="b")
    until(lambda: len(lines(log["path"])) == 2)
    assert [line for line in said(watch) if "works again" in line] == ["notice the state works again"]
    assert watch.stop() == 0


def test_a_state_directory_that_cannot_be_written_at_the_start(sim):
    with plain_user(sim) as user:
        user.configure(LOG)
        sim.add_task("a", status="processing")
        assert user.run("watch", "--once").code == 0
        before = sorted(os.listdir(user.state))
        os.chmod(user.state, 0o500)
        for name in before:
            os.chmod(os.path.join(user.state, name), 0o400)
        sim.set_status("a", "success")
        done = user.run("watch", "--once")
        assert done.code in (73, 74) and user.state in done.err and len(done.err.splitlines()) == 1, done
        assert sorted(os.listdir(user.state)) == before
        os.chmod(user.state, 0o700)
        for name in before:
            os.chmod(os.path.join(user.state, name), 0o600)
        assert user.run("watch", "--once").code == 0
        assert [e["task_id"] for e in user.events_log()] == ["a"]


def limit_processes(user, watch, count):
    """As that user: not every container lets its root do it."""
    subprocess.run(["prlimit", "--pid", str(watch.pid), f"--nproc={count}:"], check=True, **as_uid(user.uid))


def test_a_hook_that_gets_no_process_waits_and_is_told_later(sim):
    """No attempt is lost by it, and there is one line, not one for each event and try."""
    with plain_user(sim) as user:
        hook = user.script("hook", 'echo "$TASKBELL_TASK_ID $TASKBELL_ATTEMPT" >>$HOME/got')
        user.configure({"type": "exec", "name": "hook", "command": [hook], "attempts": 1}, LOG)
        tasks = [sim.add_task(f"t{i}", status="processing") for i in range(20)]
        watch = user.watch()
        limit_processes(user, watch, 1)
        end_all(sim, tasks)
        assert len(user.wait_log(len(tasks))) == len(tasks)
        user.settled("hook", pending=len(tasks), healthy=False)
        polls(sim, 15)  # longer than it takes to the second try
        assert lines(user.path("got")) == []
        assert len(said(watch)) == 1 and hook in said(watch)[0], said(watch)
        limit_processes(user, watch, 100)
        user.settled("hook", pending=0, failed=0)
        assert sorted(lines(user.path("got"))) == sorted(f"{id} 1" for id in tasks)
        assert said(watch)[1:] == ["notice hook: works again"]
        assert watch.stop() == 0


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_configuration_that_cannot_be_opened_for_a_moment_is_no_wrong_one(user, sim, plan, error):
    """78 would keep a service from being started again."""
    user.configure(LOG)
    at = places(user, plan, ("open",), os.path.basename(user.conf))[0]
    plan.set(FAIL, ("open",), at=at, error=error)
    done = once(user, plan)
    assert (done.code, len(done.err.splitlines())) == (71, 1), done
    assert f"{user.conf}: cannot be opened" in done.err


def test_a_key_file_that_cannot_be_opened_for_a_moment_is_no_missing_key(user, sim, plan):
    """77 would keep a service from being started again."""
    user.configure(LOG, source={"api_key": "file:" + user.write("key", KEY)})
    sim.add_task("a", status="processing")
    assert user.run("watch", "--once").code == 0
    at = places(user, plan, ("open",), "key")[0]
    plan.set(FAIL, ("open",), at=at, error=errno.EMFILE)
    monitor = user.start("watch", "--json", env=plan.environment(SHIM))
    assert "Too many open files" in monitor.wait_event(event="source_down")["message"]
    monitor.send(signal.SIGUSR1)
    monitor.wait_event(event="source_up")
    assert monitor.stop() == 0


def test_no_memory_for_the_configuration_is_no_answer(user, plan):
    """1 to 3 are what became of a task. libconfig up to 1.7 crashes where it does not look at what it got."""
    user.configure(LOG)
    plan.set(COUNT, ("alloc",), trace=True)
    assert user.run("check", env=plan.environment(SHIM)).code == 0
    at = {plan.place(n).rsplit(" ", 1)[0]: n for n in range(1, plan.seen() + 1) if "libconfig" in plan.place(n)}
    assert len(at) > 3
    codes = set()
    for number in at.values():
        plan.set(FAIL, ("alloc",), at=number, error=errno.ENOMEM)
        done = user.run("check", env=plan.environment(SHIM))
        codes.add(done.code)
        assert done.code in (0, 71, 78, -signal.SIGSEGV), (plan.place(number), done)
    assert 71 in codes


def test_status_that_cannot_look_does_not_say_that_nobody_runs_or_that_all_is_well(user, sim, plan):
    user.configure(LOG)
    sim.add_task("a", status="processing")
    user.watch()
    until(lambda: user.run("status").code == 0)
    plan.set(COUNT, ("open",), trace=True)
    assert user.run("status", env=plan.environment(SHIM)).code == 0
    found = [plan.place(n) for n in range(1, plan.seen() + 1)]
    looks = [n for n, place in enumerate(found, 1) if place.endswith((" lock", ".status"))]
    assert len({found[n - 1] for n in looks}) > 1, found
    refused = 0
    for number in looks:
        plan.set(FAIL, ("open",), at=number, count=FOR_GOOD, error=errno.EMFILE)
        done = user.run("status", env=plan.environment(SHIM))
        refused += (done.code, done.out, len(done.err.splitlines())) == (74, "", 1)
        # the last look is for an older status file
        assert done.code == 74 or (number == looks[-1] and "telnyx  ok" in done.out), (found[number - 1], done)
    assert refused >= 2


def test_history_without_memory_does_not_say_that_there_is_none(user, sim, plan):
    user.configure(LOG, source={"first_run": "all"})
    sim.add_task("a", status="success")
    assert user.run("watch", "--once").code == 0
    right = user.run("history").out
    assert " a " in right
    for number in range(1, 16):
        plan.set(FAIL, ("alloc",), at=number, error=errno.ENOMEM)
        done = user.run("history", env=plan.environment(SHIM))
        assert done.code == 71 or (done.code, done.out) == (0, right), (number, done)
