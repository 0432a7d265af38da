"""The sink desktop against a real session bus: what is shown, when it is one, and what a bad server may do."""

from __future__ import annotations

import os
import re
import time

import pytest
from desktop import Bus, desktop, without_session
from harness import LOG, children, lines, moved, polls, read, until

LOW, NORMAL, CRITICAL = 0, 1, 2


def ended(sim, n, status="success", prefix="t"):
    """Tasks that a single poll finds ended."""
    with sim.world.lock:
        for i in range(n):
            sim.add_task(f"{prefix}{i}", name=f"name-{prefix}{i}", status=status)


def helpers(pid):
    """The notification helpers that a monitor runs."""
    return [child for child in children(pid) if read(f"/proc/{child}/comm").startswith("taskbell-notif")]


def test_a_success_as_it_is_shown(user, sim, bus):
    bus.serve()
    user.configure(desktop())
    sim.add_task("x", name="embed docs", bucket="docs", plan=[("processing", 0), ("success", 123)])
    user.watch()
    sim.step(123)
    note = bus.wait_shown(1)[0]
    assert note["app"] == "taskbell"
    assert "embed docs" in note["summary"]
    assert "docs" in note["body"] and "2m 3s" in note["body"]
    assert note["hints"]["urgency"] == NORMAL and note["hints"]["desktop-entry"] == "taskbell"
    assert note["replaces"] == 0
    user.settled("desktop", pending=0)


@pytest.mark.parametrize("status, urgency", [("failure", CRITICAL), ("partial_success", CRITICAL)])
def test_bad_ends_are_urgent_and_say_why(user, sim, bus, status, urgency):
    bus.serve()
    user.configure(desktop())
    sim.add_task("x", name="embed", bucket="b", status="processing", files=[("a.pdf", "failure", "password protected")])
    user.watch()
    sim.set_status("x", status)
    note = bus.wait_shown(1)[0]
    assert note["hints"]["urgency"] == urgency
    assert "password protected" in note["body"]


@pytest.mark.parametrize("capabilities, want", [
    ("body body-markup", "&lt;b&gt;R&amp;amp;D&lt;/b&gt;"), ("body", "<b>R&amp;D</b>"), ("", "<b>R&amp;D</b>"),
])
def test_markup_is_escaped_where_the_server_reads_it(user, sim, bus, capabilities, want):
    bus.serve(capabilities)
    user.configure(desktop())
    sim.add_task("x", name="<i>name</i>", bucket="<b>R&amp;D</b>", status="processing")
    user.watch()
    moved(sim, ("x", "success"))
    note = bus.wait_shown(1)[0]
    assert "<i>name</i>" in note["summary"]  # a summary never is markup
    assert want in note["body"]


def test_hostile_text_is_shown_escaped(user, sim, bus):
    bus.serve()
    user.configure(desktop())
    sim.add_task("x", name="a\x1b[31m\nb\u202e%s\\n\0" + "w" * 5000, status="processing")
    user.watch()
    moved(sim, ("x", "success"))
    summary = bus.wait_shown(1)[0]["summary"]
    assert not any(c in summary for c in "\x1b\n\u202e\0")
    assert "%s" in summary and len(summary) < 300
    user.settled("desktop", pending=0)


def test_up_to_burst_are_shown_singly(user, sim, bus):
    bus.serve()
    user.configure(desktop(burst=3, window="500ms"))
    user.watch()
    ended(sim, 3)
    notes = bus.wait_shown(3)
    assert sorted(n["summary"].split()[0] for n in notes) == ["name-t0", "name-t1", "name-t2"]
    user.settled("desktop", pending=0)
    assert len(bus.shown()) == 3


def test_more_than_burst_become_one_that_names_what_failed(user, sim, bus):
    bus.serve()
    user.configure(desktop(burst=3, window="500ms"), LOG, source={"explain": False})
    user.watch()
    with sim.world.lock:
        ended(sim, 9)
        ended(sim, 2, "failure", "bad")
    note = bus.wait_shown(1)[0]
    text = note["summary"] + "\n" + note["body"]
    assert "9" in text and "2" in text and "name-bad0" in text and "name-bad1" in text
    assert "name-t0" not in text
    assert note["hints"]["urgency"] == CRITICAL
    user.wait_log(11)
    user.settled("desktop", pending=0)
    assert len(bus.shown()) == 1


def test_a_failure_that_is_explained_stays_in_its_burst(user, sim, bus):
    """Its reason is asked for while the others are gathered already."""
    bus.serve()
    user.configure(desktop(burst=3, window="2s"), LOG)
    sim.set_bucket("docs", [("a.pdf", "failed", "no text in it")])
    user.watch()
    with sim.world.lock:
        for i in range(6):
            sim.add_task(f"t{i}", name=f"name-t{i}", bucket="docs", status="failure" if i < 2 else "success")
    note = bus.wait_shown(1)[0]
    text = note["summary"] + "\n" + note["body"]
    assert "4" in text and "2" in text and "name-t0" in text and "name-t1" in text
    user.settled("desktop", pending=0)
    assert len(bus.shown()) == 1


def test_without_a_server_deliveries_wait_and_then_come_as_one(user, sim, bus):
    user.configure(desktop(burst=10, max_age="1s"), LOG)
    watch = user.watch()
    ended(sim, 3)
    user.wait_log(3)
    polls(sim, 3)
    state = user.sink("desktop")
    assert (state["pending"], state["failed"], state["last_failure"]) == (3, 0, None)
    bus.serve()
    note = bus.wait_shown(1)[0]
    assert "3" in note["summary"] + note["body"]
    user.settled("desktop", pending=0)
    assert len(bus.shown()) == 1
    assert not [e for e in watch.events() if e["event"] == "sink_failed"]


def test_without_a_bus_deliveries_wait(user, sim):
    without_session()
    user.configure(desktop(max_age="1s"), LOG)
    watch = user.watch()
    ended(sim, 2)
    user.wait_log(2)
    polls(sim, 12)  # longer than max_age
    state = user.sink("desktop")
    assert (state["pending"], state["failed"], state["healthy"]) == (2, 0, True)
    assert state["waiting"].startswith("no session bus")
    status = user.run("status")
    assert status.code == 0 and re.search(r"^desktop +waiting .* no session bus", status.out, re.MULTILINE), status.out
    assert watch.stop() == 0


def test_what_waited_is_shown_after_a_restart(user, sim, bus):
    user.configure(desktop(), LOG)
    first = user.watch()
    ended(sim, 1)
    user.wait_log(1)
    assert first.stop() == 0
    bus.serve()
    user.watch()
    assert "name-t0" in bus.wait_shown(1)[0]["summary"]
    user.settled("desktop", pending=0)


def test_a_server_that_never_answers_delays_nothing_else(user, sim, bus):
    bus.serve()
    user.configure(desktop(), LOG)
    user.watch()
    bus.hang()
    ended(sim, 1)
    user.wait_log(1)
    begin = time.time()
    for i in range(3):
        ended(sim, 1, prefix=f"more{i}-")
        polls(sim, 2)
        user.wait_log(1, task_id=f"more{i}-0")
    between = [e.time for e in sim.requests() if e.time > begin]
    assert max(b - a for a, b in zip(between, between[1:])) < 2.5, "a poll waited for the helper"
    assert user.sink("desktop")["pending"] == 4
    until(lambda: user.sink("desktop")["last_failure"], name="the helper gave up")
    assert not user.sink("desktop")["healthy"] and user.sink("desktop")["failed"] == 0
    bus.answer()
    user.settled("desktop", pending=0)


def summaries(notes):
    return [note["summary"].split()[0] for note in notes]


def test_a_server_that_dies_between_two_notifications(user, sim, bus):
    bus.serve()
    user.configure(desktop(), LOG)
    watch = user.watch()
    ended(sim, 1, prefix="a")
    assert summaries(bus.wait_shown(1)) == ["name-a0"]
    user.settled("desktop", pending=0)
    bus.kill_server()
    ended(sim, 1, prefix="b")
    watch.wait_error("desktop: waits: .*no notification server")
    polls(sim, 3)
    user.wait_log(1, task_id="b0")
    assert user.sink("desktop")["pending"] == 1
    bus.serve()
    assert summaries(bus.wait_shown(1)) == ["name-b0"]
    watch.wait_error("desktop: works again")
    # another one in its place, before anybody has looked
    bus.kill_server()
    bus.serve()
    ended(sim, 1, prefix="c")
    assert summaries(bus.wait_shown(1)) == ["name-c0"]
    user.settled("desktop", pending=0, failed=0)
    assert len([line for line in watch.err.lines() if "desktop: " in line]) == 2
    assert watch.stop() == 0


def test_a_server_that_dies_with_a_call_under_way(user, sim, bus):
    """Of three in a burst the first is confirmed, the second in flight, the third untold; the next server gets two."""
    bus.serve()
    user.configure(desktop(burst=3, window="500ms"), LOG)
    watch = user.watch()
    got = bus.last(2)
    ended(sim, 3)
    bus.wait_end()
    watch.wait_error("desktop: waits")
    polls(sim, 3)
    user.wait_log(3)
    assert user.sink("desktop")["pending"] == 2
    first = summaries([{"summary": line} for line in lines(got)])
    bus.serve()
    note = bus.wait_shown(1)[0]
    user.settled("desktop", pending=0, failed=0)
    assert len(first) == 2 and len(bus.shown()) == 1
    assert "2 tasks" in note["summary"] and first[0] not in note["body"]
    assert watch.stop() == 0


@pytest.mark.parametrize("what", ["server", "bus"])
def test_a_hung_server_that_is_killed_with_a_call_under_way(user, sim, bus, what):
    """Or the bus with it: the call ends, nothing is lost, the next one is told once."""
    bus.serve()
    user.configure(desktop(), LOG)
    watch = user.watch()
    bus.hang()
    ended(sim, 1)
    user.wait_log(1)
    until(lambda: helpers(watch.pid), name="the helper")
    begin = time.time()
    if what == "server":
        bus.kill_server()
    else:
        bus.end()
        bus.start()
    polls(sim, 3)
    times = [e.time for e in sim.requests() if e.time > begin]
    assert max(b - a for a, b in zip(times, times[1:])) < 2.5, "a poll waited for the helper"
    bus.serve()
    assert summaries(bus.wait_shown(1)) == ["name-t0"]
    user.settled("desktop", pending=0, failed=0)
    assert len(bus.shown()) == 1 and len(user.events_log()) == 1
    assert watch.stop() == 0


def test_a_bus_that_comes_late(user, sim, tmp_path):
    """Without an address, at the place where a session has it."""
    without_session()
    user.configure(desktop(), LOG)
    watch = user.watch()
    ended(sim, 1)
    watch.wait_error("desktop: waits: no session bus")
    session = Bus(user.runtime, "bus")
    try:
        session.serve()
        assert summaries(session.wait_shown(1)) == ["name-t0"]
        user.settled("desktop", pending=0, failed=0)
        assert watch.stop() == 0
    finally:
        user.leave()
        session.close()


def test_a_server_that_refuses_is_asked_again_until_max_age(user, sim, bus):
    bus.serve()
    bus.refuse()
    user.configure(desktop(max_age="1s"), LOG)
    user.watch()
    ended(sim, 1)
    user.settled("desktop", failed=1)
    assert "no room" in user.sink("desktop")["error"]
    assert user.wait_log(1, event="sink_failed")[0]["sink"] == "desktop"
    assert len(bus.shown()) >= 2


def test_quiet_hours_hold_and_do_not_age(user, sim, bus):
    bus.serve()
    user.env["TZ"] = "UTC0"
    hour = time.gmtime().tm_hour
    user.configure(desktop(quiet=f"{(hour - 1) % 24:02}:00-{(hour + 2) % 24:02}:00", max_age="1s"), LOG)
    watch = user.watch()
    ended(sim, 3)
    user.wait_log(3)
    polls(sim, 12)
    state = user.sink("desktop")
    assert (state["pending"], state["failed"], state["waiting"]) == (3, 0, "quiet hours")
    assert bus.shown() == []
    assert watch.stop() == 0
    user.configure(desktop(), LOG)
    user.watch()
    bus.wait_shown(1)
    user.settled("desktop", pending=0, waiting=None)


def test_the_test_command_shows_a_sample(user, bus):
    bus.serve()
    user.configure(desktop(quiet="00:00-23:59", on=["failure"]))
    done = user.run("test")
    assert done.code == 0 and "desktop: delivered in " in done.out
    assert "test" in bus.wait_shown(1)[0]["summary"].lower()


def test_doctor_names_the_server_and_what_it_can(user, bus):
    bus.serve("body body-markup")
    user.configure(desktop())
    out = user.run("doctor").out
    assert "mock" in out.lower() and "body-markup" in out


def test_the_defaults_tell_the_desktop_where_there_is_a_bus(user, sim, bus):
    bus.serve()
    sim.add_task("x", name="embed", status="processing")
    env = {"TELNYX_BASE_URL": sim.url}
    assert user.run("watch", "--once", env=env).code == 0
    sim.set_status("x", "success")
    assert user.run("watch", "--once", env=env).code == 0
    assert "embed" in bus.wait_shown(1)[0]["summary"]
