"""watch: what is told of tasks, once each, in the shape that scripts rely on."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime

import pytest
from harness import LOG, lines, moved, polls

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
FIELDS = [
    "schema", "event_id", "time", "event", "source", "task_id", "task_name", "bucket", "user_id", "from",
    "to", "created_at", "finished_at", "duration_seconds", "message",
]


def told(process, task):
    return [(e["event"], e["from"], e["to"]) for e in process.events() if e["task_id"] == task]


def test_every_transition_is_told_once(user, sim):
    user.configure()
    life = [("queued", 0), ("processing", 10), ("success", 20)]
    sim.add_task("a", plan=life)
    watch = user.watch()
    sim.add_task("b", plan=[(s, t) for s, t in life])
    watch.wait_event(task_id="b", event="queued")
    for _ in range(2):
        sim.step(10)
        polls(sim, 2)
    watch.wait_events(2, event="success")
    polls(sim, 3)
    assert told(watch, "a") == [("processing", "queued", "processing"), ("success", "processing", "success")]
    assert told(watch, "b") == [
        ("queued", None, "queued"), ("processing", "queued", "processing"), ("success", "processing", "success"),
    ]
    assert watch.stop() == 0


def test_a_json_line_has_the_fields_of_the_manual(user, sim):
    user.configure()
    sim.add_task("t-1", name="näme \"q\"", bucket="docs", user_id="u-9", plan=[("processing", 0), ("success", 123.4)])
    watch = user.watch()
    sim.step(124)
    watch.wait_event(event="success")
    line = watch.out.lines()[0]
    event = json.loads(line)
    assert list(event) == FIELDS
    assert ": " not in line and ", " not in line
    assert re.fullmatch(STAMP, event["time"]) and re.fullmatch(STAMP, event["finished_at"])
    assert event["event_id"] > 0
    del event["time"], event["event_id"], event["created_at"], event["finished_at"]
    assert event == {
        "schema": 1, "event": "success", "source": "telnyx", "task_id": "t-1", "task_name": 'näme "q"',
        "bucket": "docs", "user_id": "u-9", "from": "processing", "to": "success", "duration_seconds": 123.4,
        "message": None,
    }


def test_what_is_not_known_is_null(user, sim):
    user.configure(source={"explain": False})
    sim.add_task("bare", raw='{"task_id":"bare","status":"queued"}')
    watch = user.watch()
    sim.update_task("bare", raw=b'{"task_id":"bare","status":"failed","bucket":7}')
    sim.set_status("bare", "failure")
    event = watch.wait_event(event="failure")
    assert event["to"] == "failure"
    assert [event[f] for f in ("bucket", "user_id", "message")] == [None, None, None]


def test_a_task_that_began_and_ended_between_two_polls_is_told(user, sim):
    user.configure(source={"first_run": "baseline"})
    watch = user.watch()
    sim.add_task("quick", status="partial_success")
    event = watch.wait_event(task_id="quick")
    assert (event["event"], event["from"], event["to"]) == ("partial_success", None, "partial_success")
    polls(sim, 4)
    assert len(watch.events()) == 1


@pytest.mark.parametrize("count, by_id", [(4, True), (5, False)])
def test_few_missing_tasks_are_asked_for_by_id_many_by_lists(user, sim, count, by_id):
    user.configure(source={"sweep_interval": "1h"})
    ids = [sim.add_task(f"t{i}", status="processing") for i in range(count)]
    watch = user.watch()
    mark = sim.mark()
    with sim.world.lock:  # no poll sees some of them only
        for id in ids:
            sim.set_status(id, "success")
    watch.wait_events(count, event="success")
    asked = [e for e in sim.requests(mark) if e.route == "task"]
    assert {e.path.rsplit("/", 1)[1] for e in asked} == (set(ids) if by_id else set())
    assert any("success" in e.query["status"] for e in sim.requests(mark) if e.route == "list") != by_id


def test_gone_after_three_polls_a_second_apart(user, sim):
    user.configure()
    sim.add_task("x", status="processing")
    watch = user.watch()
    mark = sim.mark()
    sim.remove("x")
    event = watch.wait_event(event="gone", task_id="x")
    assert (event["from"], event["to"]) == ("processing", None)
    full = [e for e in sim.requests(mark) if e.route == "list" and len(e.query["status"]) == 5]
    words = [e for e in sim.requests(mark) if e.route == "task"]
    assert len(words) >= 3 and len(full) >= 3
    told_at = datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
    assert told_at - full[0].time >= 1.99  # the first word came after its list was asked for
    polls(sim, 3)
    assert len(watch.wait_events(1, event="gone")) == 1


def test_a_proxys_404_is_not_not_found(user, sim):
    user.configure()
    sim.add_task("x", status="processing")
    sim.fault("status-404-html", count=None, route="task")
    sim.fault("status-404-html", count=None, status_filter="success")
    watch = user.watch()
    sim.remove("x")
    mark = sim.mark()
    sim.wait_requests(8, since=mark, match=lambda e: e.fault is not None, done=True)
    assert watch.events() == []


def test_a_step_back_is_believed_when_two_polls_show_it(user, sim):
    user.configure()
    sim.add_task("x", status="processing")
    watch = user.watch()
    moved(sim, ("x", "success"))
    watch.wait_event(event="success")
    moved(sim, ("x", "processing"))
    back = watch.wait_event(event="processing")
    assert (back["from"], back["to"]) == ("success", "processing")
    moved(sim, ("x", "failure"))
    watch.wait_event(event="failure")
    assert [e["event"] for e in watch.events()] == ["success", "processing", "failure"]


def test_an_unknown_status_is_told_once_and_is_no_end(user, sim):
    user.configure()
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.set_status("x", "paused")
    event = watch.wait_event(event="unknown")
    assert (event["task_id"], event["from"], event["to"]) == ("x", "processing", "paused")
    polls(sim, 8)
    assert len(watch.events()) == 1
    sim.set_status("x", "success")
    assert watch.wait_event(event="success")["from"] == "paused"


def test_stuck_is_told_once(user, sim):
    user.configure(source={"stuck_after": "1h"})
    sim.add_task("old", status="processing", age=4000)
    sim.add_task("young", status="processing", age=10)
    watch = user.watch()
    assert watch.wait_event(event="stuck")["task_id"] == "old"
    polls(sim, 4)
    assert watch.stop() == 0
    again = user.watch()
    polls(sim, 4)
    assert len(watch.events()) == 1 and again.events() == []


@pytest.mark.parametrize("policy", ["baseline", "summary", "all"])
def test_first_run_policies(user, sim, policy):
    user.configure(LOG, source={"first_run": policy})
    for id, status in (("s", "success"), ("f", "failure"), ("p", "partial_success")):
        sim.add_task(id, status=status)
    sim.add_task("active", status="processing")
    watch = user.watch()
    polls(sim, 4)
    events = watch.events()
    if policy == "baseline":
        assert events == []
    elif policy == "summary":
        assert [(e["event"], e["source"], e["task_id"]) for e in events] == [("summary", "telnyx", None)]
        assert "3" in events[0]["message"]
    else:
        assert sorted((e["task_id"], e["event"]) for e in events) == [
            ("f", "failure"), ("p", "partial_success"), ("s", "success"),
        ]
        assert all(e["from"] is None for e in events)
    moved(sim, ("active", "success"))
    watch.wait_event(task_id="active", event="success")
    assert [e["event_id"] for e in user.wait_log(len(watch.events()))] == [e["event_id"] for e in watch.events()]


def test_the_first_poll_lists_all_five_statuses(user, sim):
    user.configure()
    user.watch()
    # sent one after the other, they may come the other way round
    poll, sweep = sorted(sim.requests()[:2], key=lambda e: len(e.query["status"]))
    assert sweep.query["status"] == ["queued", "processing", "success", "failure", "partial_success"]
    assert "status=queued&status=processing" in sweep.target
    assert poll.query["status"] == ["queued", "processing"]


def test_several_sources_have_their_own_keys_and_tasks(user, sim, other_sim):
    key = user.write("key", "KEYOTHER\n")
    user.configure(sources=[
        user.source(name="one"),
        user.source(other_sim, name="two", api_key=f"file:{key}"),
    ])
    for server in (sim, other_sim):
        server.add_task("same", status="processing")
    watch = user.watch()
    polls(other_sim)
    moved(sim, ("same", "success"))
    assert watch.wait_event(event="success")["source"] == "one"
    moved(other_sim, ("same", "failure"))
    assert watch.wait_event(event="failure")["source"] == "two"
    assert {e.key for e in sim.requests() + other_sim.requests()} == {"right"}


def test_only_one_source_with_the_option(user, sim, other_sim):
    user.configure(sources=[user.source(name="one"), user.source(other_sim, name="two")])
    watch = user.watch("--source", "one")
    polls(sim, 3)
    assert other_sim.requests() == []
    assert watch.stop() == 0


def test_a_duplicate_counts_as_it_stands_last(user, sim):
    user.configure()
    sim.add_task("x", status="processing")
    sim.fault("duplicate-ids", count=None)
    watch = user.watch()
    polls(sim, 5)
    assert watch.events() == []
    sim.set_status("x", "success")
    watch.wait_event(event="success")
    polls(sim, 4)
    assert len(watch.events()) == 1


def test_a_restart_repeats_nothing_and_misses_nothing(user, sim):
    user.configure(LOG, source={"sweep_interval": "1h"})
    sim.add_task("before", status="processing")
    sim.add_task("meanwhile", status="processing")
    first = user.watch()
    moved(sim, ("before", "success"))
    first.wait_event(event="success")
    user.wait_log(1)
    assert first.stop() == 0
    sim.set_status("meanwhile", "failure")
    sim.add_task("unseen", status="success")
    second = user.watch()
    second.wait_events(2)
    polls(sim, 3)
    assert sorted(e["task_id"] for e in second.events()) == ["meanwhile", "unseen"]
    ids = [e["event_id"] for e in first.events() + second.events()]
    assert ids == sorted(set(ids))
    assert [e["event_id"] for e in user.wait_log(3)] == ids


def test_lines_for_people(user, sim):
    user.configure()
    sim.add_task("t1", name="embed docs", bucket="docs", plan=[("processing", 0), ("success", 200)])
    watch = user.watch(json=False)
    sim.step(200)
    line = watch.out.wait(lambda texts: texts)[0]
    assert re.search(r"\bsuccess\b", line) and "t1" in line and "embed docs" in line and "docs" in line
    assert "\x1b" not in line


def test_failures_are_explained_once(user, sim):
    user.configure(LOG)
    sim.add_task("x", bucket="b", status="processing", files=[("a.pdf", "failure", "password protected")])
    watch = user.watch()
    sim.set_status("x", "failure")
    event = user.wait_log(1)[0]
    assert "password protected" in event["message"]
    polls(sim, 3)
    assert len([e for e in sim.requests() if e.route == "bucket"]) == 1
    assert len(user.events_log()) == 1
    assert watch.stop() == 0


def test_stdout_tells_all_events_and_nothing_else(user, sim):
    user.configure({**LOG, "on": ["failure"]})
    watch = user.watch()
    sim.add_task("x", status="queued")
    watch.wait_event(event="queued")
    moved(sim, ("x", "processing"))
    watch.wait_event(event="processing")
    assert watch.stop() == 0
    assert all(line.startswith('{"schema":1,') for line in watch.out.lines())
    assert lines(user.state + "/events.log") == []


def test_once_waits_for_a_slow_reader(user, sim):
    user.configure(LOG, source={"first_run": "all"})
    for i in range(400):
        sim.add_task(f"t-{i}", name="n" * 40, plan=[("success", 0)])
    fifo = user.path("fifo")
    os.mkfifo(fifo)
    # more than a pipe holds, and nobody takes it before all is delivered
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY)
    process = user.start("watch", "--once", "--json", stdout=writer)
    os.close(writer)
    user.wait_log(400)
    os.set_blocking(reader, True)
    with open(reader, encoding="utf-8") as stream:
        assert len(stream.readlines()) == 400
    assert process.wait() == 0
