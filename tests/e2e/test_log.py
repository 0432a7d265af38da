"""The sink log: whole lines, in order, on the disk, across rotation, torn ends and lost directories."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal

import pytest
from harness import LOG, lines, mode, moved, polls, read, until

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def log_path(user):
    return os.path.join(user.state, "events.log")


def test_text(user, sim):
    user.configure({"type": "log"})
    sim.add_task("t-1", name="embed docs", bucket="docs", plan=[("processing", 0), ("success", 123)])
    user.watch()
    sim.step(123)
    line = until(lambda: lines(log_path(user)))[0]
    assert re.fullmatch(STAMP + r" success telnyx .*", line)
    assert all(part in line for part in ("t-1", "embed docs", "docs", "2m 3s"))
    assert mode(log_path(user)) == 0o600 and mode(user.state) == 0o700


def test_json_is_what_stdout_has(user, sim):
    user.configure(LOG)
    sim.add_task("x", name='q"uote\n\u202e\x1b', status="processing")
    watch = user.watch()
    moved(sim, ("x", "success"))
    watch.wait_event(event="success")
    user.wait_log(1)
    assert lines(log_path(user)) == watch.out.lines()


def test_text_from_the_network_is_escaped(user, sim):
    user.configure({"type": "log"}, source={"first_run": "all"})
    sim.add_task("x", name="a\nb\x1b[31m\u202ec\x00\x7f\u0085", status="success")
    user.watch()
    text = until(lambda: read(log_path(user)))
    assert text.count("\n") == 1
    assert not set(text) & set("\x1b\u202e\x00\x7f\u0085\r")


def test_a_path_of_its_own(user, sim):
    user.configure({"type": "log", "path": "~/mine.log"}, {"type": "log", "name": "null", "path": "/dev/null"},
                   source={"first_run": "all"})
    sim.add_task("x", status="success")
    assert user.run("watch", "--once").code == 0
    assert len(lines(user.path("mine.log"))) == 1 and mode(user.path("mine.log")) == 0o600
    assert not os.path.exists(log_path(user))
    assert {s["name"]: s["pending"] for s in user.status()["sinks"]} == {"log": 0, "null": 0}


@pytest.mark.parametrize("kind", ["fifo", "directory", "no-parent", "relative"])
def test_a_path_that_cannot_be_a_log(user, sim, kind):
    path = user.path("target")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        os.mkdir(path)
    elif kind == "no-parent":
        path = user.path("none/target")
    else:
        path = "target"
    user.configure({"type": "log", "path": path})
    done = user.run("watch", "--once")
    assert done.code == (78 if kind == "relative" else 73), done
    assert "target" in done.err


def test_without_on_all_but_queued_and_processing(user, sim):
    user.configure(LOG, source={"down_after": "0"})
    sim.add_task("x", status="queued")
    watch = user.watch()
    moved(sim, ("x", "processing"))
    watch.wait_event(event="processing")
    sim.down()
    watch.wait_event(event="source_down")
    sim.up()
    watch.wait_event(event="source_up")
    moved(sim, ("x", "failure"))
    assert [e["event"] for e in user.wait_log(3)] == ["source_down", "source_up", "failure"]


def test_hup_reopens_after_rotation(user, sim):
    user.configure(LOG)
    watch = user.watch()
    sim.add_task("a", status="success")
    user.wait_log(1)
    os.rename(log_path(user), log_path(user) + ".1")
    watch.send(signal.SIGHUP)
    watch.wait_error("read again")
    sim.add_task("b", status="success")
    user.wait_log(1, task_id="b")
    assert [json.loads(line)["task_id"] for line in lines(log_path(user) + ".1")] == ["a"]
    assert len(user.events_log()) == 1


def test_rotation_under_load_loses_nothing(user, sim):
    user.configure(LOG)
    watch = user.watch()
    for turn in range(5):
        with sim.world.lock:
            for i in range(200):
                sim.add_task(f"t{turn}-{i}", status="success")
        watch.wait_events(200 * turn + 1)
        os.rename(log_path(user), log_path(user) + f".{turn}")
        watch.send(signal.SIGHUP)
        watch.wait_error("read again", turn + 1)
        until(lambda: os.path.exists(log_path(user)))
    watch.wait_events(1000)
    user.settled("log", pending=0)
    assert watch.stop() == 0
    files = [log_path(user)] + [log_path(user) + f".{turn}" for turn in range(5)]
    told = [json.loads(line)["task_id"] for file in files for line in lines(file)]
    assert sorted(told) == sorted(e["task_id"] for e in watch.events()) and len(told) == 1000
    assert len(set(told)) == 1000


def test_a_torn_last_line_is_completed(user, sim):
    user.configure(LOG)
    assert user.run("watch", "--once").code == 0
    with open(log_path(user), "a", encoding="ascii") as file:
        file.write('{"schema":1,"event_id":17,"ti')
    sim.add_task("x", status="success")
    assert user.run("watch", "--once").code == 0
    torn, whole = lines(log_path(user))
    assert torn == '{"schema":1,"event_id":17,"ti'
    assert json.loads(whole)["task_id"] == "x"


def test_what_stands_in_the_log_stays(user, sim):
    user.write("mine.log", "before\n")
    user.configure({**LOG, "path": user.path("mine.log")}, source={"first_run": "all"})
    sim.add_task("x", status="success")
    assert user.run("watch", "--once").code == 0
    assert lines(user.path("mine.log"))[0] == "before" and len(lines(user.path("mine.log"))) == 2


@pytest.mark.parametrize("hup", [True, False])
def test_a_directory_that_goes_away_and_comes_back(user, sim, hup):
    place = user.path("logs")
    os.mkdir(place)
    other = {**LOG, "name": "other"}
    user.configure({"type": "log", "name": "gone", "format": "json", "path": place + "/x.log"}, other)
    watch = user.watch()
    shutil.rmtree(place)
    if hup:
        watch.send(signal.SIGHUP)
        watch.wait_error("read again|gone")
    for id in ("a", "b"):
        sim.add_task(id, status="success")
        user.wait_log(1, task_id=id)
    user.settled("gone", healthy=False, pending=2, failed=0)
    os.mkdir(place)
    user.settled("gone", healthy=True, pending=0)
    watch.wait_error("gone: works again")
    assert len([line for line in watch.err.lines() if " warn gone: " in line]) == 1
    assert [json.loads(line)["task_id"] for line in lines(place + "/x.log")] == ["a", "b"]


def test_given_up_after_max_age_and_revived(user, sim):
    place = user.path("logs")
    os.mkdir(place)
    user.configure({"type": "log", "name": "l", "format": "json", "path": place + "/x.log", "max_age": "1s"})
    watch = user.watch()
    shutil.rmtree(place)
    watch.send(signal.SIGHUP)
    sim.add_task("a", status="success")
    event = watch.wait_event(task_id="a")
    assert watch.wait_event(event="sink_failed")["sink"] == "l"
    user.settled("l", failed=1, pending=0)
    os.mkdir(place)
    assert user.run("redeliver", str(event["event_id"])).code == 0
    user.settled("l", failed=0, pending=0)
    assert [json.loads(line)["event_id"] for line in lines(place + "/x.log")] == [event["event_id"]]


def test_events_stand_in_the_order_of_their_ids(user, sim):
    user.configure(LOG)
    watch = user.watch()
    for turn in range(3):
        with sim.world.lock:
            for i in range(100):
                sim.add_task(f"t{turn}-{i}", status="success")
        polls(sim)
    watch.wait_events(300)
    ids = [e["event_id"] for e in user.wait_log(300)]
    assert ids == sorted(ids) and len(set(ids)) == 300


def test_two_logs_with_filters(user, sim):
    user.configure(
        {**LOG, "on": ["failure", "partial_success"]},
        {**LOG, "name": "docs", "path": user.path("docs.log"), "buckets": ["docs*"]},
        source={"first_run": "all", "explain": False},
    )
    sim.add_task("a", status="failure", bucket="docs-1")
    sim.add_task("b", status="success", bucket="docs-2")
    sim.add_task("c", status="partial_success")
    assert user.run("watch", "--once").code == 0
    assert sorted(e["task_id"] for e in user.events_log()) == ["a", "c"]
    assert sorted(json.loads(line)["task_id"] for line in lines(user.path("docs.log"))) == ["a", "b"]
