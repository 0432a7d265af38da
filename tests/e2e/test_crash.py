"""kill -9 in the middle of everything: at least once for every sink, and no more repeats than were in flight."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from harness import LOG, lines, read, until
from simulator import fault_names

CONCURRENCY = 4
STEPS = [7.5] + [2.5] * 9  # seconds between two kills; in each of them tasks end


@pytest.mark.parametrize("percent", [0, 5])
def test_ten_kills_in_a_hundred_lives(user, sim, percent):
    hook = user.script("hook", 'echo "$TASKBELL_EVENT_ID $TASKBELL_ATTEMPT $TASKBELL_TASK_ID $TASKBELL_TO" >>$HOME/got')
    user.configure(LOG, {"type": "exec", "command": [hook], "concurrency": CONCURRENCY},
                   source={"down_after": "1h", "explain": False})
    tasks = [sim.add_task() for _ in range(100)]
    if percent:
        names = [n for n in fault_names("error", "harmless", slow=False) if n != "gzip-bomb"]
        sim.fault(names, count=None, percent=percent)
    assert user.watch().stop() == 0  # the first run: all of them are known
    for seconds in STEPS:
        sim.step(seconds)
        before = len(lines(user.state + "/events.log"))
        watch = user.start("watch", "--json")
        until(lambda: len(lines(user.state + "/events.log")) > before or watch.popen.poll() is not None)
        watch.kill()  # while hooks run and receipts are on their way
    sim.step(60)
    sim.clear_faults()
    watch = user.watch()
    want = sorted(f"{task} {sim.status_of(task)}" for task in tasks)
    until(lambda: len({e["task_id"] for e in user.events_log()}) == 100, name="every end in the log")
    user.settled("exec", pending=0, failed=0)
    user.settled("log", pending=0, failed=0)
    assert watch.stop() == 0

    logged = Counter(f"{e['event_id']} {e['task_id']} {e['to']}" for e in user.events_log())
    assert sorted(key.split(" ", 1)[1] for key in logged) == want, "an end was lost, or told as two events"
    ran = [line.split(" ") for line in read(user.path("got")).splitlines()]
    hooked = Counter(f"{id} {task} {to}" for id, attempt, task, to in ran)
    assert sorted(hooked) == sorted(logged)
    assert {attempt for id, attempt, task, to in ran} == {"1"}, "a run that was cut short was counted"
    assert sum(hooked.values()) - 100 <= len(STEPS) * CONCURRENCY


def test_event_ids_grow_and_history_agrees(user, sim):
    user.configure(LOG)
    user.watch().kill()
    for turn in range(5):
        sim.add_task(f"t{turn}", status="success")
        watch = user.start("watch", "--json")
        watch.wait_event(task_id=f"t{turn}")
        watch.kill()
    assert user.run("watch", "--once").code == 0
    ids = list(dict.fromkeys(e["event_id"] for e in user.events_log()))
    assert ids == sorted(ids) and len(ids) == 5
    assert [e["event_id"] for e in user.run("history", "--json").objects()] == ids


def test_a_line_on_stdout_is_durable(user, sim):
    """What was printed is stored: after a crash it is delivered without being told anew."""
    user.configure()
    user.watch().kill()
    sim.add_task("x", status="success")
    watch = user.start("watch", "--json")
    printed = watch.wait_event(task_id="x")
    watch.kill()
    stored = user.run("history", "--json").objects()
    assert stored == [printed]


def test_a_killed_monitor_is_not_running(user):
    user.configure()
    watch = user.watch()
    until(lambda: user.run("status").code == 0)
    watch.kill()
    status = user.run("status", "--json")
    assert status.code == 3 and status.objects()[0]["running"] is False


def test_whatever_the_last_line_of_the_log_is_after_a_kill_the_next_is_whole(user, sim):
    user.configure(LOG)
    user.watch().kill()
    for turn in range(4):
        with sim.world.lock:
            for i in range(50):
                sim.add_task(f"t{turn}-{i}", status="success")
        watch = user.start("watch")
        watch.out.wait(lambda texts: texts)
        watch.kill()
    assert user.run("watch", "--once").code == 0
    assert read(user.state + "/events.log").endswith("\n")
    assert {e["task_id"] for e in user.events_log()} == {f"t{turn}-{i}" for turn in range(4) for i in range(50)}


def test_a_stop_right_after_the_start(user, sim):
    user.configure(LOG)
    for number in (signal.SIGTERM, signal.SIGINT) * 5:
        watch = user.start("watch")
        watch.wait_error("watching")
        assert watch.stop(number) == 0
    sim.add_task("x", status="success")
    assert user.run("watch", "--once").code == 0
