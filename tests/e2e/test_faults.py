"""watch against an API that fails in every way the simulator knows: nothing is lost, repeated or made up."""

from __future__ import annotations

import signal
from datetime import datetime, timezone

import pytest
from harness import LOG, PATIENCE, moved, polls, read, until
from simulator import FAULTS, fault_names

ERRORS = [name for name in fault_names("error", slow=False) if name != "gzip-bomb"]
HARMLESS = fault_names("harmless", slow=False)


def wall(event):
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def now():
    return datetime.now(timezone.utc).timestamp()


def spoilt(sim, mark, n=1):
    """Blocks until `n` requests after `mark` met a fault."""
    return sim.wait_requests(n, PATIENCE, mark, lambda e: e.fault is not None, done=True)


@pytest.fixture
def two(user, sim, other_sim):
    """A monitor of the simulator and of a second one, which is healthy: its polls tell the time."""

    def start(*args, **keys):
        key = user.write("other-key", "KEYOTHER\n")
        user.configure(LOG, sources=[user.source(**keys), user.source(other_sim, name="other", api_key=f"file:{key}")])
        return user.watch(*args)

    return start


# --- in every way


@pytest.mark.parametrize("half", [0, 1])
def test_no_bad_answer_changes_anything(user, sim, half):
    """While an answer is bad nothing is told; the next good one tells all of it, once."""
    names = ERRORS[half::2]
    user.configure(LOG, source={"down_after": "1h", "interval": "1h", "idle_interval": "1h", "sweep_interval": "1h"})
    for name in names:
        sim.add_task(name, status="processing")
    watch = user.start("watch", "--json")
    user.known(len(names))
    for name in names:
        sim.fault(name, count=None)
        sim.set_status(name, "success")
        mark = sim.mark()
        # two lanes: a third request shows that an answer was taken in. A signal brings one at least: none of the sweep,
        # where a key was refused while the one before was under way
        for n in (1, 2, 3):
            watch.send(signal.SIGUSR1)
            spoilt(sim, mark, n)
        assert name not in [e["task_id"] for e in watch.events()], name
        sim.clear_faults()
        watch.send(signal.SIGUSR1)
        assert watch.wait_event(task_id=name)["event"] == "success", name
    assert [e["task_id"] for e in watch.events()] == names
    assert [e["task_id"] for e in user.wait_log(len(names))] == names
    assert watch.stop() == 0


@pytest.mark.parametrize("name", HARMLESS)
def test_the_truth_in_an_odd_dress_is_read(user, sim, name):
    user.configure()
    for i in range(3):
        sim.add_task(f"t{i}", name=f"näme {i}", bucket="b/ü", status="processing")
    sim.fault(name, count=None)
    watch = user.watch()
    moved(sim, ("t0", "success"), ("t1", "failure"))
    watch.wait_events(2)
    sim.clear_faults()
    polls(sim, 2)
    told = {e["task_id"]: (e["event"], e["task_name"], e["bucket"]) for e in watch.events()}
    assert told == {"t0": ("success", "näme 0", "b/ü"), "t1": ("failure", "näme 1", "b/ü")}
    assert len(watch.events()) == 2


@pytest.mark.parametrize("name", [n for n in fault_names("lie") if n not in ("empty-list", "half-list")])
def test_hostile_answers_do_no_harm(user, sim, name):
    user.configure(LOG)
    for i in range(2):
        sim.add_task(f"t{i}", name=f"n{i}", status="processing")
    rule = sim.fault(name, count=None)
    watch = user.watch()
    until(lambda: rule.hits >= 3)
    sim.clear_faults()
    polls(sim, 2)
    moved(sim, ("t0", "success"), ("t1", "success"))
    watch.wait_events(1, task_id="t0", event="success")
    watch.wait_events(1, task_id="t1", event="success")
    polls(sim, 2)
    assert len([e for e in watch.events() if e["event"] == "success"]) == 2
    assert watch.stop() == 0


@pytest.mark.parametrize("percent", [5, 40])
def test_a_hundred_lives_with_a_bad_api(user, sim, percent):
    """Each end once, in a log and by a hook, whatever part of the answers is spoilt."""
    hook = user.script("hook", 'echo "$TASKBELL_TASK_ID $TASKBELL_TO" >>$HOME/got')
    user.configure(LOG, {"type": "exec", "command": [hook]}, source={"down_after": "1h", "explain": False})
    tasks = [sim.add_task() for _ in range(100)]
    watch = user.watch()
    names = [n for n in fault_names("error", "harmless", slow=False) if n != "gzip-bomb"]
    rule = sim.fault(names, count=None, percent=percent)
    for _ in range(30):
        sim.step(1)
        mark = sim.mark()
        watch.send(signal.SIGUSR1)
        sim.wait_requests(2, since=mark, done=True)
    assert rule.hits >= 2
    sim.clear_faults()
    watch.send(signal.SIGUSR1)
    want = sorted(f"{task} {sim.status_of(task)}" for task in tasks)
    user.wait_log(100)
    user.settled("exec", pending=0, failed=0)
    polls(sim, 4)
    assert sorted(f"{e['task_id']} {e['to']}" for e in user.events_log()) == want
    assert sorted(read(user.path("got")).splitlines()) == want
    assert watch.stop() == 0


# --- limits


@pytest.mark.parametrize("fault, params, word", [
    ("huge-string", {"size": 10 << 20}, "1 MiB"),
    ("nested", {"depth": 10_000}, "64"),
    ("nested-65", {}, "64"),
    ("element-id-long", {}, "256"),
    ("big-header", {}, "header"),
])
def test_a_limit_names_itself_and_changes_nothing(user, sim, fault, params, word):
    user.configure(source={"timeout": "30s"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.fault(fault, count=None, **params)
    assert word in watch.wait_error("source telnyx: ")
    assert word in until(lambda: user.status()["sources"][0]["error"])
    sim.clear_faults()
    watch.wait_error("answers again")
    assert watch.events() == []


def test_an_answer_of_a_gigabyte_is_refused(user, sim):
    user.configure(source={"timeout": "30s"})
    watch = user.watch()
    sim.fault("gzip-bomb", count=1)
    assert "1 GiB" in watch.wait_error("source telnyx: ", timeout=60)
    watch.wait_error("answers again")


def test_deep_but_allowed_is_read(user, sim):
    user.configure()
    watch = user.watch()
    deep = "[" * 60 + "]" * 60
    sim.add_task("x", raw='{"task_id":"x","status":"queued","deep":' + deep + "}", status="queued")
    assert watch.wait_event(task_id="x")["event"] == "queued"


@pytest.mark.parametrize("fault", ["hang", "stall", "stall-chunked"])
def test_a_server_that_falls_silent_is_given_up(user, sim, fault):
    user.configure(source={"timeout": "300ms"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.fault(fault, count=2)
    assert "within" in watch.wait_error("source telnyx: ") or "slow" in watch.err.text()
    watch.wait_error("answers again")
    moved(sim, ("x", "success"))
    assert watch.wait_event(task_id="x")["event"] == "success"


# --- when to come back


@pytest.mark.parametrize("form", ["seconds", "float", "date", "ms", "reset-seconds", "reset-epoch", "all"])
def test_the_server_says_when_to_come_back(two, sim, other_sim, form):
    two(sweep_interval="1h")  # a sweep that is under way already cannot obey
    mark = sim.mark()
    sim.fault(f"retry-{form}", count=1, seconds=3)
    first = spoilt(sim, mark)[0]
    following = sim.wait_requests(1, since=first.n)[0]
    assert following.time - first.time >= 2.95
    assert len([e for e in other_sim.requests() if first.time < e.time < following.time]) >= 3


@pytest.mark.parametrize("form", ["negative", "garbage", "none"])
def test_an_unreadable_retry_after_means_our_own_delay(user, sim, form):
    user.configure(source={"sweep_interval": "1h"})
    user.watch()
    mark = sim.mark()
    sim.fault(f"retry-{form}", count=3)
    hits = spoilt(sim, mark, 3)
    gaps = [b.time - a.time for a, b in zip(hits, hits[1:])]
    assert gaps[0] >= 0.25 and gaps[1] >= 0.5


def test_a_time_that_has_passed_means_soon(user, sim):
    user.configure(source={"sweep_interval": "1h"})
    user.watch()
    mark = sim.mark()
    sim.fault("retry-past", count=5)
    hits = spoilt(sim, mark, 5)
    assert all(b.time - a.time >= 0.09 for a, b in zip(hits, hits[1:]))


def test_the_delay_grows(user, sim):
    user.configure(source={"sweep_interval": "1h"})
    user.watch()
    mark = sim.mark()
    sim.fault("status-503", count=3)
    hits = spoilt(sim, mark, 3)
    after = sim.wait_requests(1, since=hits[-1].n)[0]
    times = [e.time for e in hits] + [after.time]
    gaps = [b - a for a, b in zip(times, times[1:])]
    # 0.5 s, 1 s, 2 s, each with jitter downward
    assert gaps[0] >= 0.25 and gaps[1] >= 0.5 and gaps[2] >= 1.0


def test_what_an_answer_brings_is_as_old_as_the_answer(user, sim):
    """Not as old as its request: neither the time of an event, nor the limit of what is asked next."""
    user.configure(LOG, source={"sweep_interval": "1h", "timeout": "10s"})
    watch = user.watch()
    mark = sim.mark()
    with sim.world.lock:
        sim.fault("hold", count=1)
        sim.add_task("x", status="processing")
    spoilt_from = sim.wait_requests(1, since=mark, match=lambda e: e.fault is not None)[0].time
    until(lambda: now() > spoilt_from + 1.5)
    released = now()
    sim.release()
    assert wall(watch.wait_event(event="processing")) >= released - 0.01


def test_the_delay_begins_when_the_time_is_out(user, sim):
    user.configure(source={"sweep_interval": "1h", "timeout": "600ms"})
    user.watch()
    mark = sim.mark()
    sim.fault("hang", count=2)
    hits = sim.wait_requests(2, PATIENCE, mark, lambda e: e.fault is not None)
    after = sim.wait_requests(1, since=hits[-1].n)[0]
    # the limit, and then 0.5 s and 1 s with jitter downward, less what a request may take to be noted here
    assert hits[1].time - hits[0].time >= 0.6 + 0.25 - 0.15
    assert after.time - hits[1].time >= 0.6 + 0.5 - 0.2


# --- refusals


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said_at_once_and_heals_when_it_changes(user, sim, other_sim, status):
    key = user.write("key", "KEYWRONG\n")
    other = user.write("other-key", "KEYOTHER\n")
    user.configure(LOG, sources=[
        user.source(api_key=f"file:{key}", down_after="1h"),
        user.source(other_sim, name="other", api_key=f"file:{other}"),
    ])
    if status == 403:
        sim.fault("status-403", count=None)
    watch = user.start("watch", "--json")
    event = watch.wait_event(event="source_down")
    assert event["source"] == "telnyx"
    assert ("10009" if status == 401 else "10010") in event["message"]
    polls(other_sim, 2)
    before = sim.mark()
    polls(other_sim, 10)
    assert sim.mark() == before, "a refused key was tried again at once"
    user.write("key", "KEYSIM\n")
    sim.clear_faults()
    watch.send(signal.SIGUSR1)
    assert watch.wait_event(event="source_up")["source"] == "telnyx"
    polls(sim, 2)
    assert [e["event"] for e in watch.events()] == ["source_down", "source_up"]


def test_a_key_that_is_refused_later_is_read_again(user, sim):
    key = user.write("key", "KEYSIM\n")
    user.configure(source={"api_key": f"file:{key}"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    user.write("key", "KEYNEW\n")
    sim.configure(key="KEYNEW")
    watch.wait_event(event="source_down")
    watch.send(signal.SIGUSR1)
    watch.wait_event(event="source_up")
    moved(sim, ("x", "success"))
    watch.wait_event(event="success")


def test_422_is_reported_once_with_its_detail(two, user, sim, other_sim):
    sim.fault("status-422", count=None)
    watch = two(down_after="1s")
    line = watch.wait_error("source telnyx: ")
    assert "422" in line and "value is not a valid enumeration member" in line
    polls(other_sim, 30)
    asked = sim.requests()
    assert len([e for e in asked if e.time < asked[0].time + 2.5]) <= 8
    assert "enumeration" in watch.wait_event(event="source_down")["message"]


@pytest.mark.parametrize("fault", [
    "status-500-empty", "status-502-html", "status-500-huge", "status-500-controls", "status-503-errors-object",
    "status-503-integer-code", "portal", "status-404-html", "redirect-portal", "garbage", "json-utf16",
])
def test_any_fault_is_one_readable_line(user, sim, fault):
    user.configure()
    watch = user.watch()
    sim.fault(fault, count=None)
    line = watch.wait_error("source telnyx: ")
    assert len(line) < 600
    assert all(c.isprintable() for c in line)
    told = until(lambda: user.status()["sources"][0]["error"])
    assert "\n" not in told and "<html" not in told
    status = FAULTS[fault].params.get("status")
    if status is not None and status >= 400:
        assert str(status) in line
    assert ("64 KiB" in line) == (fault == "status-500-huge")


def test_the_request_id_is_named(user, sim):
    user.configure()
    sim.configure(headers={"x-request-id": "4f3c-request-77"})
    watch = user.watch()
    sim.fault("status-503", count=None)
    assert "4f3c-request-77" in watch.wait_error("source telnyx: ")


@pytest.mark.parametrize("code", [301, 302, 307])
def test_redirects_are_not_followed(user, sim, code):
    user.configure()
    watch = user.watch()
    sim.fault(f"redirect-{code}", count=None)
    assert str(code) in watch.wait_error("source telnyx: ")
    assert all(e.route == "list" for e in sim.requests())


# --- down and up


def test_source_down_and_up_once_each(user, sim):
    user.configure(LOG, source={"down_after": "300ms"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.down()
    event = watch.wait_event(event="source_down")
    assert event["source"] == "telnyx" and event["task_id"] is None and "refused" in event["message"]
    assert user.run("status").code == 1
    with sim.world.lock:
        sim.set_status("x", "failure")
        sim.add_task("born-meanwhile", status="success")
    watch.send(signal.SIGUSR1)
    sim.up()
    watch.wait_event(event="source_up")
    watch.wait_event(task_id="x", event="failure")
    watch.wait_event(task_id="born-meanwhile", event="success")
    polls(sim, 3)
    assert sorted(e["event"] for e in watch.events()) == ["failure", "source_down", "source_up", "success"]
    until(lambda: user.run("status").code == 0)


def test_a_single_bad_answer_is_no_alarm(user, sim):
    user.configure(LOG, source={"down_after": "1m"})
    watch = user.watch()
    mark = sim.mark()
    sim.fault("status-503-untitled", count=2)
    spoilt(sim, mark, 2)
    polls(sim, 2)
    assert watch.events() == [] and user.run("status").code == 0


def test_a_source_that_was_down_is_not_told_again_after_a_restart(user, sim):
    user.configure(source={"down_after": "300ms"})
    first = user.watch()
    sim.down()
    first.wait_event(event="source_down")
    assert first.stop() == 0
    second = user.start("watch", "--json")
    second.wait_error("source telnyx: ")
    sim.up()
    assert second.wait_event()["event"] == "source_up"


def test_what_cannot_be_explained_is_told_without(user, sim):
    user.configure(LOG)
    sim.add_task("x", bucket="b", status="processing", files=[("a", "failure", "reason")])
    user.watch()
    sim.fault("status-503", count=None, route="bucket")
    moved(sim, ("x", "failure"))
    event = user.wait_log(1)[0]
    assert (event["event"], event["message"]) == ("failure", None)
