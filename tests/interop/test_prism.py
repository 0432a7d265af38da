"""Prism, which knows only the vendor's specification: as the API, and as a judge between us and the simulator."""

from __future__ import annotations

import os

from harness import moved


def violations(says):
    return [line for line in says.lines() if "violation" in line.lower()]


def test_what_the_specification_promises_is_read(user, mock):
    url, says = mock
    user.configure(source={"base_url": url})
    tasks = user.run("list", "--json").objects()
    assert [(t["task_id"], t["task_name"], t["status"], t["bucket"]) for t in tasks] == [
        ("string", "string", "queued", "string")]
    assert tasks[0]["created_at"] == "2019-08-24T14:15:22Z"
    done = user.run("show", "--json", "497f6eca-6276-4993-bfeb-53cbbbba6f08")
    assert done.code == 0 and done.objects()[0]["status"] == "queued"
    assert user.run("watch", "--once").code == 0
    assert user.run("watch", "--once", "--json").out == ""
    assert violations(says) == []


def test_every_status_in_one_list(user, mock):
    url, says = mock
    user.configure(source={"base_url": url})
    assert user.run("list", "--all").code == 0
    assert violations(says) == []


def test_without_a_key_that_it_takes(user, mock, tmp_path):
    url, _ = mock
    user.configure(source={"base_url": url})
    done = user.run("list", env={"TELNYX_API_KEY": None})
    assert done.code == 77


def test_a_path_that_is_not_in_the_specification(user, mock):
    url, _ = mock
    user.configure(source={"base_url": url + "/elsewhere"})
    done = user.run("list")
    assert done.code == 76 and "404" in done.err and len(done.err.splitlines()) == 1


def test_lives_through_the_judge(user, sim, proxy):
    """Every request of ours and every answer of the simulator is held against the specification."""
    url, says = proxy
    user.configure({"type": "log", "format": "json"}, source={"base_url": url, "timeout": "10s"})
    ids = [sim.add_task(bucket="docs", status="processing", files=[("a.pdf", "failure", "password protected")])
           for _ in range(8)]
    watch = user.watch()
    for id, status in zip(ids, ["success", "failure", "partial_success"]):
        moved(sim, (id, status))
        watch.wait_event(task_id=id, event=status)
    with sim.world.lock:
        for id in ids[3:]:
            sim.set_status(id, "success")
    watch.wait_events(6, event="success")
    messages = {e["event"]: e["message"] for e in user.wait_log(8)}
    assert "password protected" in messages["failure"]
    assert user.run("show", ids[0]).code == 0 and user.run("list", "--all").code == 0
    assert watch.stop() == 0
    assert violations(says) == [], says.text()
    assert "answers again" not in watch.err.text() and os.path.exists(user.state)
    assert {entry.route for entry in sim.requests()} == {"list", "task", "bucket"}


def test_the_judge_does_judge(user, sim, proxy):
    """A test of the test above: an answer that breaks the specification does not come through."""
    url, says = proxy
    user.configure(source={"base_url": url})
    sim.add_task("x", raw='{"task_id":"x","status":"queued"}', status="queued")
    assert user.run("list").code == 69
    assert violations(says)
