"""watch as a process: its lock, one run with --once, signals, streams that nobody reads."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import datetime, timezone

import pytest
from harness import LOG, lines, lives, moved, polls, read, until
from terminal import open_terminal


def hook(user, body, **keys):
    return {"type": "exec", "name": "hook", "command": [user.script("hook", body)], **keys}


def is_list(entry):
    return entry.route == "list"


# --- one monitor a state directory


def test_a_second_monitor_ends_with_75_and_says_who_holds_the_lock(user, sim):
    user.configure()
    first = user.watch()
    mark = sim.mark()
    for args in (("watch",), ("watch", "--once")):
        second = user.run(*args)
        assert second.code == 75 and second.out == ""
        assert str(first.pid) in second.err
    polls(sim, 1, mark)
    elsewhere = user.watch("--state-dir", user.path("other"))
    elsewhere.wait_error("watching")  # the polls that were waited for may have been those of the first
    assert elsewhere.stop() == 0 and first.stop() == 0


def test_the_lock_of_a_killed_monitor_is_free(user):
    user.configure()
    user.watch().kill()
    assert user.watch().stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_orderly_stop_is_0(user, number):
    user.configure()
    assert user.watch().stop(number) == 0


def test_status_tells_of_what_look_ups_found(user, sim):
    """A poll is through when the tasks that left its list were looked up: not before, and not only at the next one."""
    user.configure(source={"interval": "200ms", "idle_interval": "1m", "sweep_interval": "1h"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    user.known()
    sim.fault("hold", route="task")
    sim.set_status("x", "success")
    sim.wait_requests(1, match=lambda e: e.fault == "hold")
    until(lambda: user.status()["sources"][0]["next_poll"] is None, name="the poll is under way")
    sim.release()
    watch.wait_event(event="success")
    source = until(lambda: next((s for s in user.status()["sources"] if s["active"] == 0), None), name="it is through")
    ahead = datetime.fromisoformat(source["next_poll"]) - datetime.now(timezone.utc)
    assert ahead.total_seconds() < 61, "the next poll, not the next sweep"


# --- --once


def test_once_polls_resolves_delivers_and_ends(user, sim):
    user.configure(LOG, hook(user, "cat >>$HOME/got"), source={"sweep_interval": "1h", "interval": "1h"})
    sim.add_task("a", status="processing")
    sim.add_task("b", status="processing")
    assert user.run("watch", "--once").code == 0
    sim.set_status("a", "success")
    sim.add_task("quick", status="failure")
    done = user.run("watch", "--once", "--json")
    assert done.code == 0
    assert sorted((e["task_id"], e["event"]) for e in done.objects()) == [("a", "success"), ("quick", "failure")]
    assert len(user.events_log()) == 2
    assert sorted(read(user.path("got")).splitlines()) == sorted(done.out.splitlines())
    again = user.run("watch", "--once", "--json")
    assert (again.code, again.out) == (0, "")


def test_once_asks_one_active_poll_and_one_sweep(user, sim):
    user.configure()
    for _ in range(2):
        mark = sim.mark()
        assert user.run("watch", "--once").code == 0
        asked = [len(e.query["status"]) for e in sim.requests(mark)]
        assert sorted(asked) == [2, 5] or asked == [5]


def test_once_gives_up_a_delivery_for_this_run_only(user, sim):
    user.configure(hook(user, 'echo "$TASKBELL_ATTEMPT" >>$HOME/got; test -e $HOME/ready || exit 75'),
                   source={"first_run": "all"})
    sim.add_task("x", status="success")
    assert user.run("watch", "--once").code == 0
    assert read(user.path("got")) == "1\n"
    user.write("ready", "")

    def delivered():  # a second has to pass before the next attempt is due
        assert user.run("watch", "--once").code == 0
        return read(user.path("got")) == "1\n2\n"

    until(delivered)
    assert user.run("watch", "--once").code == 0
    assert read(user.path("got")) == "1\n2\n"


def test_gone_is_counted_across_runs_with_once(user, sim):
    user.configure(LOG)
    sim.add_task("x", status="processing")
    assert user.run("watch", "--once").code == 0
    sim.remove("x")
    runs = 0

    def gone():
        nonlocal runs
        runs += 1
        assert user.run("watch", "--once").code == 0
        return user.events_log()

    event = until(gone)[0]
    assert (event["event"], event["task_id"]) == ("gone", "x")
    assert runs >= 3


def test_a_task_that_runs_again_is_believed_by_runs_of_once(user, sim):
    """A step back is counted across runs: the two polls that show it are a second apart, as a run is not."""
    user.configure({**LOG, "on": ["success", "processing"]})
    sim.add_task("x", status="processing")
    assert user.run("watch", "--once").code == 0
    sim.set_status("x", "success")
    assert user.run("watch", "--once").code == 0
    sim.set_status("x", "processing")

    def believed():
        assert user.run("watch", "--once").code == 0
        return [e for e in user.events_log() if e["event"] == "processing"]

    assert until(believed)[0]["from"] == "success"
    sim.set_status("x", "success")
    assert user.run("watch", "--once").code == 0
    assert [e["event"] for e in user.events_log()] == ["success", "processing", "success"]


@pytest.mark.parametrize("fault, code", [
    ("status-503", 69), ("reset", 69), ("json-half", 76), ("shape-data-null", 76), ("status-422", 76),
    ("element-no-id", 76), ("redirect-302", 76), ("status-401", 77), ("status-403", 77),
    ("status-401-html", 69), ("status-403-html", 69), ("status-403-limited", 69),
])
def test_once_says_by_its_code_that_a_source_could_not_be_polled(user, sim, fault, code):
    user.configure()
    sim.fault(fault, count=None)
    done = user.run("watch", "--once", "--json")
    assert done.code == code, done
    assert len([line for line in done.err.splitlines() if "telnyx" in line]) >= 1
    assert user.run("watch", "--once", "--json").code == code


def test_once_with_a_server_that_is_down_is_69(user, sim):
    user.configure()
    sim.down()
    assert user.run("watch", "--once").code == 69


def test_once_polls_every_source_also_when_one_fails(user, sim, other_sim):
    user.configure(LOG, sources=[
        user.source(name="bad"), user.source(other_sim, name="good", api_key="env:OTHER", first_run="all"),
    ])
    sim.fault("status-503", count=None)
    other_sim.add_task("x", status="success")
    done = user.run("watch", "--once", env={"OTHER": "KEYOTHER"})
    assert done.code == 69
    assert [e["task_id"] for e in user.events_log()] == ["x"]


@pytest.mark.parametrize("args", [(), ("--once",)])
def test_no_key_is_77(user, sim, args):
    user.configure()
    done = user.run("watch", *args, env={"TELNYX_API_KEY": None}, timeout=5)  # nothing runs, so nothing has grace
    assert done.code == 77 and "TELNYX_API_KEY" in done.err
    assert sim.requests() == []


def test_no_key_of_several_sources_is_told_with_a_name(user, sim):
    user.configure(sources=[user.source(name=name, api_key=f"file:{user.path(name)}") for name in ("one", "two")])
    done = user.run("watch", timeout=5)
    assert done.code == 77 and f"source one: {user.path('one')}: cannot read the API key" in done.err


def test_a_configuration_with_faults_is_78(user):
    user.configure_text('sources = ( { nmae = "x"; interval = "5"; } );\nsinks = ( { type = "exec"; } );\n')
    done = user.run("watch")
    assert done.code == 78
    assert f"{user.conf}:1: " in done.err and "name" in done.err
    assert f"{user.conf}:2: " in done.err


def test_each_run_with_once_tries_what_the_last_could_not_deliver(user, sim):
    user.configure(hook(user, 'echo "$TASKBELL_ATTEMPT" >>$HOME/got; test -e $HOME/good || exit 75'), LOG,
                   source={"first_run": "all"})
    sim.add_task("x", status="success")
    for _ in range(3):
        assert user.run("watch", "--once").code == 0
    user.write("good", "")
    assert user.run("watch", "--once").code == 0
    assert lines(user.path("got")) == ["1", "2", "3", "4"]
    assert user.sink("hook")["pending"] == 0


@pytest.mark.parametrize("args, words", [
    (("list",), ["list: HTTP 200"]), (("show", "x"), ["task: HTTP 200", "list: HTTP 200"]),
    (("wait", "--timeout", "0", "x"), ["list of active tasks: HTTP 200"]),
    (("watch", "--once"), ["list of active tasks: HTTP 200", "list of all tasks: HTTP 200"]),
])
def test_verbose_tells_of_each_answer(user, sim, args, words):
    user.configure(LOG)
    sim.add_task("x", status="processing")
    assert "HTTP 200" not in user.run(*args).err
    said = user.run(*args, "-v").err
    assert all(f"source telnyx: {word}" in said for word in words), said


# --- what status says


def test_status_has_the_sinks_that_are_configured(user, sim):
    """Before anything was delivered; and one that is configured no more makes nobody ill."""
    user.configure(hook(user, "exit 1"), LOG)
    watch = user.watch()
    assert [(s["name"], s["configured"], s["pending"]) for s in user.status()["sinks"]] == [
        ("hook", True, 0), ("log", True, 0)]
    assert user.run("status").code == 0
    sim.add_task("x", status="failure")
    user.settled("hook", failed=1)
    assert user.run("status").code == 1
    assert watch.stop() == 0
    user.configure(LOG)
    watch = user.watch()
    assert [(s["name"], s["configured"], s["failed"]) for s in user.status()["sinks"]] == [
        ("log", True, 0), ("hook", False, 1)]
    assert user.run("status").code == 0
    assert watch.stop() == 0


def test_the_next_poll_of_a_refused_source_is_that_of_its_key(user, sim):
    user.configure()
    watch = user.watch()
    sim.fault("status-401", count=None)
    watch.wait_event(event="source_down")
    told = until(lambda: user.status()["sources"][0]["error"] and user.status()["sources"][0])
    due = datetime.fromisoformat(told["next_poll"].replace("Z", "+00:00"))
    assert 240 < (due - datetime.now(timezone.utc)).total_seconds() <= 300
    assert watch.stop() == 0


# --- signals


def test_usr1_polls_now(user, sim):
    user.configure(source={"interval": "1h", "idle_interval": "1h", "sweep_interval": "1h"})
    sim.add_task("x", status="processing")
    watch = user.start("watch", "--json")
    user.known()
    for i in range(3):
        mark = sim.mark()
        sim.add_task(f"t{i}", status="queued")
        watch.send(signal.SIGUSR1)
        sim.wait_requests(1, since=mark, match=is_list)
        watch.wait_event(task_id=f"t{i}", event="queued")


def test_usr1_during_a_poll_means_another_one(user, sim):
    """The answer that is on its way may be older than what the signal is about."""
    user.configure(source={"interval": "1h", "idle_interval": "1h", "sweep_interval": "1h"})
    sim.add_task("x", status="processing")
    watch = user.start("watch", "--json")
    user.known()
    mark = sim.mark()
    sim.fault("hold", count=None)
    watch.send(signal.SIGUSR1)
    sim.wait_requests(1, since=mark)
    sim.clear_faults()
    sim.set_status("x", "success")
    watch.send(signal.SIGUSR1)
    sim.release()
    assert watch.wait_event(task_id="x")["event"] == "success"


def test_hup_reads_the_configuration_again(user, sim):
    user.configure()
    sim.add_task("x", status="processing")
    watch = user.watch()
    user.configure(LOG)
    watch.send(signal.SIGHUP)
    watch.wait_error("configuration read again")
    moved(sim, ("x", "success"))
    assert user.wait_log(1)[0]["task_id"] == "x"


@pytest.mark.parametrize("damage", ["broken", "missing", "writable"])
def test_hup_with_a_bad_configuration_keeps_the_old_one(user, sim, damage):
    user.configure(LOG)
    sim.add_task("x", status="processing")
    watch = user.watch()
    if damage == "broken":
        user.configure_text('sources = ( { interval = "never"; } );\nsinks = ( { type = 5; } );\n')
    elif damage == "missing":
        os.unlink(user.conf)
    else:
        os.chmod(user.conf, 0o622)
    watch.send(signal.SIGHUP)
    watch.wait_error("the old one stays")
    watch.wait_error(user.conf + (":1: .*interval" if damage == "broken" else ""))
    if damage == "broken":
        watch.wait_error(user.conf + ":2: ")
    moved(sim, ("x", "success"))
    user.wait_log(1, event="success")
    assert watch.stop() == 0


def test_hup_adds_and_removes_sources(user, sim, other_sim):
    user.configure(sources=[user.source(name="one")])
    other_sim.add_task("old", status="success")
    watch = user.watch()
    two = user.source(other_sim, name="two", api_key="file:" + user.write("key", "KEYOTHER"), first_run="summary")
    user.configure(sources=[two])
    watch.send(signal.SIGHUP)
    assert watch.wait_event(event="summary")["source"] == "two"
    mark = sim.mark()
    polls(other_sim, 3)
    assert sim.mark() - mark <= 2  # that were on their way, in two lanes


def test_hup_on_a_terminal_is_an_orderly_stop(user, sim):
    user.configure()
    ours, theirs = open_terminal()
    try:
        watch = user.watch(stdin=theirs)
        assert watch.stop(signal.SIGHUP) == 0
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_running_hook_has_its_grace(user, sim):
    user.configure(hook(user, "echo began >$HOME/began; read -r _ <$HOME/gate; echo done >$HOME/done"),
                   source={"first_run": "all"})
    os.mkfifo(user.path("gate"))
    sim.add_task("x", status="success")
    watch = user.watch()
    until(lambda: read(user.path("began")))
    watch.send(signal.SIGTERM)
    mark = sim.mark()
    with open(user.path("gate"), "w", encoding="ascii") as gate:
        gate.write("go\n")
    assert watch.wait() == 0
    assert read(user.path("done")) == "done\n"
    assert sim.mark() - mark <= 2  # that were on their way, in two lanes
    os.unlink(user.path("began"))
    assert user.run("watch", "--once").code == 0
    assert read(user.path("began")) == "", "a confirmed delivery was repeated"


def test_a_hook_that_outlives_a_stop_runs_again_under_the_same_number(user, sim):
    """5 s of grace, TERM to its group, 2 s later KILL: and the stop takes no more than 8 s."""
    body = 'trap "" TERM; echo "$TASKBELL_EVENT_ID $TASKBELL_ATTEMPT" >>$HOME/got\n' \
           "test -e $HOME/calm || while :; do sleep 600 & wait; done"
    user.configure(hook(user, body, timeout="1h"), source={"first_run": "all"})
    sim.add_task("x", status="success")
    watch = user.watch()
    until(lambda: read(user.path("got")))
    watch.send(signal.SIGTERM)
    assert watch.wait(12) == 0
    user.write("calm", "")
    assert user.run("watch", "--once").code == 0
    first, second = read(user.path("got")).splitlines()
    assert first == second and first.endswith(" 1")


@pytest.mark.parametrize("first, second", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
def test_a_second_signal_ends_at_once(user, sim, first, second):
    user.configure(hook(user, 'trap "" TERM; echo $$ >$HOME/pid; while :; do sleep 600 & wait; done', timeout="1h"),
                   source={"first_run": "all"})
    sim.add_task("x", status="success")
    watch = user.watch()
    pid = int(until(lambda: read(user.path("pid"))))
    watch.send(first)
    assert watch.popen.poll() is None
    watch.send(second)
    assert watch.wait(4) in (-first, -second)
    until(lambda: not lives(pid), name="the hook is left running")


# --- streams


def test_a_reader_that_leaves_ends_the_monitor_like_a_filter(user, sim):
    user.configure(LOG)
    sim.add_task("a", status="processing")
    sim.add_task("b", status="processing")
    ours, theirs = os.pipe()
    watch = user.watch(stdout=theirs)
    os.close(theirs)
    moved(sim, ("a", "success"))
    assert os.read(ours, 65536).count(b"\n") == 1
    os.close(ours)
    sim.set_status("b", "success")
    assert watch.wait() == -signal.SIGPIPE
    assert [e["task_id"] for e in user.wait_log(1)][0] == "a"
    user.run("watch", "--once")
    assert sorted(e["task_id"] for e in user.events_log()) == ["a", "b"], "an event was lost or repeated"


def test_a_full_disk_under_stdout_is_74(user, sim):
    user.configure(LOG, source={"first_run": "all"})
    sim.add_task("x", status="success")
    with open("/dev/full", "wb") as full:
        watch = user.start("watch", stdout=full)
        assert watch.wait() == 74
    assert "stdout" in watch.err.text()


def test_a_pipe_that_nobody_reads_stops_nothing(user, sim):
    """What waits beyond a megabyte is dropped there and counted; deliveries and polls go on."""
    user.configure(LOG, source={"first_run": "all"})
    count = 6000
    for i in range(count):
        sim.add_task(f"t{i}", name="n" * 200, status="success")
    ours, theirs = os.pipe()
    watch = user.watch(stdout=theirs)
    os.close(theirs)
    user.wait_log(count)
    polls(sim, 3)
    sim.add_task("late", status="success")
    user.wait_log(1, task_id="late")
    assert watch.stop() == 0
    with open(ours, "rb") as pipe:
        printed = pipe.read()
    assert printed.endswith(b"\n") and printed.count(b"\n") < count
    dropped = sum(int(line.split("stdout was not read: ")[1].split()[0])
                  for line in watch.err.lines() if "stdout was not read: " in line)
    assert printed.count(b"\n") + dropped == count + 1


def test_stderr_that_nobody_reads_stops_nothing(user, sim):
    user.configure(LOG, hook(user, "head -c 60000 /dev/zero | tr '\\0' x | fold -w 600"), source={"first_run": "all"})
    for i in range(30):
        sim.add_task(f"t{i}", status="success")
    ours, theirs = os.pipe()
    watch = user.watch(stderr=theirs)
    os.close(theirs)
    user.wait_log(30)
    polls(sim, 3)
    assert watch.stop() == 0
    os.close(ours)


def test_nothing_is_read_from_stdin(user, sim):
    user.configure()
    watch = user.watch(stdin=subprocess.PIPE)
    watch.popen.stdin.write(b"q\n" * 100)
    watch.popen.stdin.close()
    polls(sim, 3)
    assert watch.stop() == 0


# --- without a configuration


def test_no_configuration_at_all_is_supported(user, sim):
    os.rmdir(os.path.dirname(user.conf))
    sim.add_task("x", status="processing")
    done = user.run("watch", "--once", env={"TELNYX_BASE_URL": sim.url})
    assert done.code == 0, done
    sim.set_status("x", "success")
    done = user.run("watch", "--once", env={"TELNYX_BASE_URL": sim.url})
    assert done.code == 0 and "success" in done.out
    assert "success" in read(os.path.join(user.state, "events.log"))


@pytest.mark.parametrize("address", [None, "unix:path=/nonexistent"])
def test_without_a_configuration_the_desktop_waits_for_a_bus(user, sim, address):
    if os.path.exists(f"/run/user/{os.getuid()}/bus"):
        pytest.skip("it would find the session bus of whoever runs this")
    sim.add_task("a")
    env = {"TELNYX_BASE_URL": sim.url, "DBUS_SESSION_BUS_ADDRESS": address}
    user.run("watch", "--once", env=env)
    sim.set_status("a", "success")
    user.run("watch", "--once", env=env)
    assert user.sink("desktop")["pending"] == 1
    assert user.sink("log")["pending"] == 0 and read(os.path.join(user.state, "events.log")).count("success") == 1


def test_the_configuration_that_is_found_first_counts(user, sim):
    """--config, TASKBELL_CONFIG, XDG_CONFIG_HOME, XDG_CONFIG_DIRS; what is empty or relative is not set."""
    names = ["option", "variable", "xdg-home", "home", "dirs"]
    paths = [user.write(f"{n}.conf", f'sources = ( {{ name = "{n}"; }} );\n') for n in names]
    for number, directory in enumerate(("xdg/taskbell", ".config/taskbell", "dirs/taskbell")):
        os.makedirs(user.path(directory), exist_ok=True)
        os.rename(paths[2 + number], user.path(directory + "/taskbell.conf"))

    def name(*args, **env):
        out = user.run("check", "--print", *args, env=env).out
        return next(n for n in names if f'"{n}"' in out)

    xdg, dirs = user.path("xdg"), user.path("dirs")
    every = {"TASKBELL_CONFIG": paths[1], "XDG_CONFIG_HOME": xdg, "XDG_CONFIG_DIRS": dirs}
    assert name("--config", paths[0], **every) == "option"
    assert name(**every) == "variable"
    assert name(**{**every, "TASKBELL_CONFIG": ""}) == "xdg-home"
    assert name(XDG_CONFIG_HOME="", XDG_CONFIG_DIRS=dirs) == "home"
    assert name(XDG_CONFIG_HOME="xdg", XDG_CONFIG_DIRS=dirs) == "home"
    os.unlink(user.conf)
    assert name(XDG_CONFIG_DIRS=f":relative:{user.path('none')}:{dirs}") == "dirs"


def test_a_base_url_in_the_configuration_wins_over_the_variable(user, sim):
    user.configure()
    assert user.run("watch", "--once", env={"TELNYX_BASE_URL": "http://127.0.0.1:9/v2"}).code == 0
    assert len(sim.requests()) > 0


def test_the_state_follows_xdg_and_the_option(user, sim):
    user.configure()
    place = user.path("xdg-state")
    assert user.run("watch", "--once", env={"XDG_STATE_HOME": place}).code == 0
    assert os.path.exists(place + "/taskbell/state.db")
    assert user.run("watch", "--once", "--state-dir", user.path("mine"), env={"XDG_STATE_HOME": place}).code == 0
    assert os.path.exists(user.path("mine/state.db"))
    assert not os.path.exists(user.state)
    for bad in ("", "relative/dir"):
        assert user.run("watch", "--once", env={"XDG_STATE_HOME": bad}).code == 0
    assert os.path.exists(user.state + "/state.db")
