"""The sink exec: what a hook is given, what its exit says, and what it may not do to others."""

from __future__ import annotations

import contextlib
import json
import os
import signal

import pytest
from harness import KEY, LOG, lines, lives, moved, polls, read, until

SESSION = ("PATH HOME USER LOGNAME SHELL LANG LC_ALL LC_TIME TZ XDG_RUNTIME_DIR XDG_SESSION_ID XDG_DATA_DIRS "
           "DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY XAUTHORITY").split()
SECRET = ("NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC CREDENTIALS_DIRECTORY TELNYX_API_KEY TELNYX_BASE_URL "
          "LD_LIBRARY_PATH SSH_AUTH_SOCK TASKBELL_CONFIG TASKBELL_LIBEXEC").split()
FIELDS = ("EVENT_ID EVENT SOURCE TASK_ID TASK_NAME BUCKET USER_ID FROM TO CREATED_AT FINISHED_AT "
          "DURATION_SECONDS MESSAGE").split()


@pytest.fixture
def hooked(user, sim):
    """Starts a monitor with one hook and a task that the hook will hear of."""

    def start(body, *others, task=None, source=None, **keys):
        sink = {"type": "exec", "name": "hook", **keys}
        if "shell" not in keys and "command" not in keys:
            sink["command"] = [user.script("hook", body)]
        user.configure(sink, *others, source={"first_run": "all", "explain": False, **(source or {})})
        if task is not False:
            sim.add_task(**{"id": "x", "status": "success", **(task or {})})
        return user.watch()

    return start


def got(user, n, name="got"):
    """The lines of a file that a hook writes, once there are n."""

    def enough():
        texts = read(user.path(name)).splitlines()
        return texts if len(texts) >= n else []

    return until(enough, name=f"{n} lines from the hook")


# --- what it is given


def test_the_environment_is_the_list_of_the_manual_and_no_more(user, sim):
    user.env.update({name: f"value of {name}" for name in SESSION + SECRET if name not in user.env})
    user.env.update(TELNYX_BASE_URL=sim.url, TASKBELL_CONFIG=user.conf)
    user.configure({"type": "exec", "shell": "cat /proc/$$/environ >$HOME/env~; mv $HOME/env~ $HOME/env"},
                   source={"first_run": "all"})
    sim.add_task("x", name="näme $(id) \"'", bucket="docs", user_id="u1", plan=[("processing", 0), ("success", 90)], age=90)
    watch = user.watch()
    event = watch.wait_event(event="success")
    pairs = dict(p.split("=", 1) for p in until(lambda: read(user.path("env"))).split("\0")[:-1])
    ours = {k[len("TASKBELL_"):]: v for k, v in pairs.items() if k.startswith("TASKBELL_")}
    assert sorted(k for k in pairs if not k.startswith("TASKBELL_")) == sorted(SESSION)
    assert all(pairs[name] == user.env[name] for name in SESSION)
    assert sorted(ours) == sorted(FIELDS + ["SCHEMA", "ATTEMPT"])
    assert ours.pop("SCHEMA") == "1" and ours.pop("ATTEMPT") == "1"
    assert float(ours.pop("DURATION_SECONDS")) == event["duration_seconds"] == 90
    for name, value in ours.items():
        want = event.get(name.lower())
        assert value == ("" if want is None else str(want)), name
    assert ours["FROM"] == ""


# --- the session's display


@pytest.fixture
def session(user, sim):
    """Starts a monitor whose hook writes the display it has; `systemctl` tells what the file `session` says.

    Returns a function that makes an event and returns what the hook wrote.
    """
    os.makedirs(user.path("bin"))
    user.script("bin/systemctl", 'echo "$*" >>$HOME/asked; exec cat $HOME/session')
    user.env["PATH"] = f"{user.path('bin')}:{user.env['PATH']}"
    user.write("session", "")
    hook = user.script("hook", 'echo "${DISPLAY-none} ${WAYLAND_DISPLAY-none} ${XAUTHORITY-none}" >$HOME/got.$TASKBELL_TASK_ID~\n'
                               "mv $HOME/got.$TASKBELL_TASK_ID~ $HOME/got.$TASKBELL_TASK_ID")
    user.configure({"type": "exec", "name": "hook", "command": [hook], "on": ["success"]}, source={"explain": False})
    tasks = (f"t{i}" for i in range(10000))

    def event():
        task = next(tasks)
        sim.add_task(task, status="success")
        return until(lambda: read(user.path(f"got.{task}"))).strip()

    return event


def test_hooks_get_the_display_of_the_session_as_it_is_now(session, user):
    """A service that was there before anybody logged in has none of its own, and the next login is another one."""
    watch = user.watch()
    user.known(0)
    assert session() == "none none none"
    user.write("session", "DISPLAY=:9\nXAUTHORITY=$'/run/it\\'s'\nLANG=C\nLD_PRELOAD=/evil.so\n")
    until(lambda: session() == ":9 none /run/it's")
    user.write("session", "WAYLAND_DISPLAY=wayland-4\nDISPLAY=\n")
    until(lambda: session() == "none wayland-4 none")
    assert watch.stop() == 0
    assert set(lines(user.path("asked"))) == {"--user show-environment"}


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_display_of_our_own_is_the_one_that_counts(session, user, name):
    user.env[name] = ":1"
    user.write("session", "DISPLAY=:9\nWAYLAND_DISPLAY=wayland-4\nXAUTHORITY=/run/x\n")
    user.watch()
    user.known(0)
    assert session() == (":1 none none" if name == "DISPLAY" else "none :1 none")
    assert not os.path.exists(user.path("asked"))


@pytest.mark.parametrize("body", ["exit 1", "trap '' TERM; read -r _ <$HOME/never", "kill -9 $$"])
def test_a_manager_that_does_not_answer_holds_up_no_hook(session, user, body):
    os.mkfifo(user.path("never"))
    user.script("bin/systemctl", f"echo DISPLAY=:9; {body}")
    watch = user.watch()
    user.known(0)
    assert session() == "none none none"
    assert watch.stop() == 0


def test_what_is_not_known_is_empty_and_never_unset(hooked, user):
    hooked("echo \"<${TASKBELL_BUCKET-unset}${TASKBELL_FROM-unset}${TASKBELL_MESSAGE-unset}"
           "${TASKBELL_FINISHED_AT-unset}${TASKBELL_DURATION_SECONDS-unset}>\" >$HOME/got",
           task={"raw": '{"task_id":"x","status":"success"}'})
    assert got(user, 1) == ["<>"]


def test_stdin_is_the_event_and_a_newline(hooked, user):
    watch = hooked("cat >$HOME/got~; mv $HOME/got~ $HOME/got", task={"name": "n" * 100_000})
    watch.wait_event(task_id="x")
    assert until(lambda: read(user.path("got"))) == watch.out.lines()[0] + "\n"


def test_a_hook_that_does_not_read_its_stdin_is_no_failure(hooked, user):
    hooked("exec <&-; echo ran >>$HOME/got", task={"name": "n" * 500_000})
    assert got(user, 1) == ["ran"]
    user.settled("hook", pending=0, failed=0)


def test_directory_and_process_group(hooked, user):
    watch = hooked("read -r pid comm state ppid group rest </proc/$$/stat; echo \"$PWD $$ $group $ppid\" >$HOME/got")
    directory, pid, group, parent = got(user, 1)[0].split()
    assert directory == user.home
    assert group == pid and int(parent) == watch.pid


def test_signals_and_descriptors_are_as_a_program_expects_them(hooked, user):
    # read by the shell itself: while it starts a program it blocks signals for a moment
    hooked("", shell="while read -r name mask; do case $name in SigBlk:|SigIgn:) echo $name $mask;; esac; done "
                     "</proc/$$/status >$HOME/signals; exec ls /proc/self/fd >$HOME/got")
    assert got(user, 4) == ["0", "1", "2", "3"]  # 3: ls reads the directory
    masks = [int(line.split()[1], 16) for line in read(user.path("signals")).splitlines()]
    assert [mask & ~(3 << 31) for mask in masks] == [0, 0]  # 32 and 33 are the C library's own


def test_fields_in_arguments_are_data(user, sim):
    program = user.script("show", 'for a; do printf "%s\\n" "<$a>" >>$HOME/got~; done; mv $HOME/got~ $HOME/got')
    user.configure({"type": "exec", "command": [
        program, "{task_name}", "--id={task_id}", "{event}/{to}", "{}", "{ x", "a}b", "{bucket}", "{{task_id}}",
        "{from}{message}", "",
    ]}, source={"first_run": "all"})
    name = "{task_id} $(touch pwned) `id` '\"; rm -rf / & %s \\"
    sim.add_task("x", name=name, status="success")
    user.watch()
    assert got(user, 10) == [f"<{name}>", "<--id=x>", "<success/success>", "<{}>", "<{ x>", "<a}b>", "<>", "<{x}>",
                             "<>", "<>"]
    assert not os.path.exists(user.path("pwned"))


def test_a_script_without_a_first_line_in_the_home_directory(user, sim):
    """~/ is the home directory in what is configured, and in no value."""
    user.write("hook", 'printf "%s\\n" "$0" "$@" >$HOME/got~; mv $HOME/got~ $HOME/got\n', 0o700)
    user.configure({"type": "exec", "name": "hook", "command": ["~/hook", "~/a file", "{task_name}", "a~/b"]},
                   source={"first_run": "all"})
    sim.add_task("x", name="~/name", status="success")
    assert "runs " + user.path("hook") in user.run("doctor").out
    user.watch()
    assert got(user, 4) == [user.path("hook"), user.path("a file"), "~/name", "a~/b"]
    user.settled("hook", pending=0, failed=0)


def test_a_word_in_braces_that_is_no_field_is_a_fault(user):
    user.configure({"type": "exec", "command": ["/bin/true", "{task-id} {taskid}"]})
    done = user.run("check")
    assert done.code == 78 and "taskid" in done.err and "task_id" in done.err


def test_values_are_cut_in_arguments_and_environment_only(user, sim):
    program = user.script("show", 'echo "${#1} ${#TASKBELL_TASK_NAME}" >$HOME/got; cat >$HOME/stdin~; '
                                  "mv $HOME/stdin~ $HOME/stdin")
    user.configure({"type": "exec", "command": [program, "{task_name}"]}, source={"first_run": "all"})
    sim.add_task("x", name="n" * 300_000, status="success")
    user.watch()
    assert got(user, 1) == ["32768 32768"]
    assert len(json.loads(until(lambda: read(user.path("stdin"))))["task_name"]) == 300_000


def test_a_nul_in_a_value(user, sim):
    program = user.script("show", 'printf "%s|%s\\n" "$1" "$TASKBELL_TASK_NAME" >$HOME/got')
    user.configure({"type": "exec", "command": [program, "{task_name}"]}, source={"first_run": "all"})
    sim.add_task("x", raw='{"task_id":"x","status":"success","task_name":"a\\u0000b"}')
    watch = user.watch()
    assert got(user, 1) == ["a\ufffdb|a\ufffdb"]
    assert watch.wait_event(task_id="x")["task_name"] in ("a\0b", "a\ufffdb")


def test_more_variables_on_purpose(hooked, user):
    user.env.update({"WANTED": "yes", "OTHER": "no"})
    hooked("", shell="env >$HOME/got~; mv $HOME/got~ $HOME/got", env=["WANTED", "ABSENT"])
    text = until(lambda: read(user.path("got")))
    assert "WANTED=yes\n" in text and "OTHER" not in text and "ABSENT" not in text


def test_the_key_is_never_passed(user, sim):
    user.env.update({"MY_KEY": KEY, "TELNYX_API_KEY": None})
    user.configure({"type": "exec", "shell": "env >$HOME/got~; mv $HOME/got~ $HOME/got"},
                   source={"first_run": "all", "api_key": "env:MY_KEY"})
    sim.add_task("x", status="success")
    user.watch()
    assert KEY not in until(lambda: read(user.path("got")))
    for name in ("MY_KEY", "TELNYX_API_KEY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY"):
        user.configure({"type": "exec", "env": [name], "command": ["/bin/true"]}, source={"api_key": "env:MY_KEY"})
        done = user.run("check")
        assert done.code == 78 and f"{user.conf}:2: " in done.err, name


def test_output_goes_to_the_log_at_most_64_kib_an_attempt(hooked, user):
    watch = hooked("echo to stdout; echo to stderr >&2; yes 0123456789abcdef | head -c 1000000; echo done >$HOME/got")
    got(user, 1)
    watch.wait_error("hook: to stdout")
    watch.wait_error("hook: to stderr")
    user.settled("hook", pending=0, failed=0)
    assert watch.stop() == 0
    said = sum(line.count("0123456789abcdef") for line in watch.err.lines()) * 17
    assert 60_000 < said <= 65_536


def test_output_is_escaped_in_the_log(hooked, user):
    watch = hooked("printf 'a\\033[31mb\\rc\\n'; echo done >$HOME/got")
    got(user, 1)
    watch.wait_error("hook: a")
    assert "\x1b" not in watch.err.text() and "\r" not in watch.err.text()


# --- what its end means


def test_75_is_tried_again_with_the_next_number(hooked, user):
    hooked('echo "$TASKBELL_EVENT_ID $TASKBELL_ATTEMPT" >>$HOME/got; test "$TASKBELL_ATTEMPT" = 2 || exit 75')
    first, second = got(user, 2)
    assert first.split()[0] == second.split()[0]
    assert [first.split()[1], second.split()[1]] == ["1", "2"]
    user.settled("hook", pending=0, failed=0, healthy=True)


def test_any_other_code_is_failed_for_good_and_said_once(hooked, user, sim):
    watch = hooked('echo "$TASKBELL_TASK_ID" >>$HOME/got; exit 1', LOG)
    user.settled("hook", failed=1, pending=0, healthy=False)
    sim.add_task("y", status="success")
    user.settled("hook", failed=2)
    assert sorted(got(user, 2)) == ["x", "y"]
    failed = [e for e in user.events_log() if e["event"] == "sink_failed"]
    assert [e["sink"] for e in failed] == ["hook"] and failed[0]["source"] is None
    assert watch.wait_event(event="sink_failed")["event_id"] == failed[0]["event_id"]
    assert user.run("status").code == 1
    assert watch.stop() == 0


@pytest.mark.parametrize("retry, code, tries", [([3, 75], 3, 2), ("any", 1, 2), ([3], 75, 1), ([75], 3, 1)])
def test_which_codes_mean_again(hooked, user, retry, code, tries):
    hooked(f'echo $TASKBELL_ATTEMPT >>$HOME/got; test $TASKBELL_ATTEMPT = 2 || exit {code}', retry=retry)
    if tries == 2:
        user.settled("hook", pending=0, failed=0)
    else:
        user.settled("hook", pending=0, failed=1)
    assert len(got(user, tries)) == tries


@pytest.mark.parametrize("how", ["kill -9 $$", "kill -TERM $$"])
def test_ended_by_a_signal_is_tried_again(hooked, user, how):
    hooked(f"echo $TASKBELL_ATTEMPT >>$HOME/got; test $TASKBELL_ATTEMPT = 2 || {how}")
    assert got(user, 2) == ["1", "2"]


@pytest.mark.parametrize("code", [126, 127])
def test_126_and_127_from_a_shell_are_tried_again(hooked, user, code):
    hooked("", shell=f"echo $TASKBELL_ATTEMPT >>$HOME/got; test $TASKBELL_ATTEMPT = 2 || exit {code}")
    assert got(user, 2) == ["1", "2"]
    user.settled("hook", failed=0, pending=0)


def test_a_missing_hook_is_a_temporary_failure_and_no_attempt(user, sim):
    user.configure({"type": "exec", "name": "hook", "command": [user.path("hook")], "attempts": 1},
                   source={"first_run": "all"})
    sim.add_task("x", status="success")
    watch = user.watch()
    user.settled("hook", healthy=False, pending=1, failed=0)
    with open(user.path("hook"), "w", encoding="ascii") as file:
        file.write("not yet executable")
    user.script("hook", "echo $TASKBELL_ATTEMPT >>$HOME/got")
    assert got(user, 1) == ["1"]
    user.settled("hook", healthy=True, pending=0, failed=0)
    assert not [e for e in watch.events() if e["event"] == "sink_failed"]


def test_attempts_are_counted_and_redeliver_begins_anew(hooked, user):
    hooked('echo $TASKBELL_ATTEMPT >>$HOME/got; test -e $HOME/calm || exit 75', attempts=2)
    assert got(user, 2) == ["1", "2"]
    user.settled("hook", failed=1, pending=0)
    user.write("calm", "")
    assert user.run("redeliver", "--failed").code == 0
    assert got(user, 3) == ["1", "2", "1"]
    user.settled("hook", failed=0, pending=0)


def test_max_age_ends_what_could_not_begin(user, sim):
    user.configure({"type": "exec", "name": "hook", "command": [user.path("none")], "max_age": "1s"},
                   source={"first_run": "all"})
    sim.add_task("x", status="success")
    watch = user.watch()
    assert watch.wait_event(event="sink_failed")["sink"] == "hook"
    user.settled("hook", failed=1, pending=0)


def test_past_its_time_the_whole_group_ends_and_it_is_tried_again(hooked, user):
    """TERM at the timeout; KILL 5 s later for what ignores it."""
    body = """test $TASKBELL_ATTEMPT = 2 && { echo second >>$HOME/got; exit 0; }
    (trap '' TERM; echo $(exec sh -c 'echo $PPID') >>$HOME/pids; while :; do read -r _ <$HOME/never; done) &
    trap 'echo term >>$HOME/got' TERM
    echo $$ >>$HOME/pids; while :; do read -r _ <$HOME/never; done"""
    os.mkfifo(user.path("never"))
    hooked(body, timeout="3s")
    pids = [int(p) for p in got(user, 2, "pids")]
    assert got(user, 2) == ["term", "second"]
    assert not any(lives(pid) for pid in pids)


def test_what_a_hook_leaves_in_the_background_holds_nothing_up(hooked, user):
    os.mkfifo(user.path("never"))
    hooked("(read -r _ <$HOME/never) & echo $! >$HOME/got")
    pid = int(got(user, 1)[0])
    try:
        user.settled("hook", pending=0, failed=0)
        assert lives(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


# --- several at once


def test_events_of_one_task_go_out_in_order_others_may_overtake(user, sim):
    hook = user.script("hook", "test $TASKBELL_EVENT = processing && read -r _ <$HOME/gate\n"
                               "echo $TASKBELL_TASK_ID $TASKBELL_EVENT >>$HOME/got")
    os.mkfifo(user.path("gate"))
    user.configure({"type": "exec", "command": [hook], "on": ["processing", "success"]}, LOG)
    sim.add_task("slow", status="queued")
    watch = user.watch()
    moved(sim, ("slow", "processing"))
    watch.wait_event(event="processing")
    moved(sim, ("slow", "success"))
    sim.add_task("other", status="success")
    assert got(user, 1) == ["other success"]
    user.wait_log(2)
    with open(user.path("gate"), "w", encoding="ascii") as gate:
        gate.write("\n")
    assert got(user, 3) == ["other success", "slow processing", "slow success"]


def test_no_more_hooks_at_once_than_the_configuration_says(user, sim):
    hook = user.script("hook", "mkdir $HOME/run/$TASKBELL_TASK_ID; ls $HOME/run | wc -l >>$HOME/counts\n"
                               "read -r _ <$HOME/gate; rmdir $HOME/run/$TASKBELL_TASK_ID; echo x >>$HOME/got")
    os.mkfifo(user.path("gate"))
    os.mkdir(user.path("run"))
    user.configure({"type": "exec", "command": [hook], "concurrency": 2}, source={"first_run": "all"})
    for i in range(5):
        sim.add_task(f"t{i}", status="success")
    user.watch()
    until(lambda: len(os.listdir(user.path("run"))) == 2)
    polls(sim, 3)
    assert len(os.listdir(user.path("run"))) == 2
    # both ends stay open here: no hook meets an end of file, each takes one line
    gate = os.open(user.path("gate"), os.O_RDWR)
    try:
        for n in range(1, 6):
            os.write(gate, b"\n")
            got(user, n)
    finally:
        os.close(gate)
    assert {int(c) for c in got(user, 5, "counts")} <= {1, 2}


def test_a_hook_that_hangs_delays_no_other_sink_and_no_poll(hooked, user, sim):
    os.mkfifo(user.path("never"))
    watch = hooked("read -r _ <$HOME/never", LOG, concurrency=1, timeout="1h")
    user.wait_log(1)
    for i in range(3):
        sim.add_task(f"t{i}", status="failure")
        polls(sim, 2)
        user.wait_log(1, task_id=f"t{i}")
    assert user.sink("hook")["pending"] == 4
    os.close(os.open(user.path("never"), os.O_RDWR))
    watch.send(signal.SIGINT)
    watch.send(signal.SIGINT)
    watch.wait()


def test_a_hook_that_ran_when_the_monitor_was_killed_runs_again(hooked, user, sim):
    os.mkfifo(user.path("never"))
    watch = hooked("echo $TASKBELL_EVENT_ID $TASKBELL_ATTEMPT $$ >>$HOME/got; test -e $HOME/calm || read -r _ <$HOME/never")
    pid = int(got(user, 1)[0].split()[2])
    watch.kill()
    user.write("calm", "")
    user.watch()
    first, second = got(user, 2)
    assert first.split()[:2] == second.split()[:2]
    os.close(os.open(user.path("never"), os.O_RDWR | os.O_NONBLOCK))
    with contextlib.suppress(ProcessLookupError):  # it was let go above
        if lives(pid):
            os.kill(pid, signal.SIGKILL)
    user.settled("hook", pending=0, failed=0)


# --- which events


def test_without_on_a_hook_gets_ends_of_tasks_only(hooked, user, sim):
    watch = hooked('echo "$TASKBELL_EVENT" >>$HOME/got', LOG, source={"down_after": "0"})
    assert got(user, 1) == ["success"]
    sim.add_task("y", status="queued")
    watch.wait_event(task_id="y", event="queued")
    sim.down()
    user.wait_log(1, event="source_down")
    sim.up()
    user.wait_log(1, event="source_up")
    moved(sim, ("y", "partial_success"))
    assert got(user, 2) == ["success", "partial_success"]


def test_a_hook_may_ask_for_events_of_the_monitor(hooked, user, sim):
    hooked('echo "$TASKBELL_EVENT:$TASKBELL_SOURCE:$TASKBELL_TASK_ID" >>$HOME/got', task=False,
           on=["source_down"], source={"down_after": "0"})
    sim.down()
    assert got(user, 1) == ["source_down:telnyx:"]


@pytest.mark.parametrize("keys, want", [
    ({"names": ["report-*"]}, ["a"]),
    ({"names": ["*"]}, ["a", "b", "bare"]),
    ({"names": ["re?ort-1", "invoice"]}, ["a", "b"]),
    ({"buckets": ["docs"]}, ["a"]),
    ({"buckets": ["*"], "names": ["*"]}, ["a", "b", "bare"]),
    ({"users": ["u1", "u2"]}, ["a", "b"]),
    ({"users": ["u?"]}, ["a", "b"]),
    ({"buckets": ["docs"], "users": ["u2"]}, []),
    ({"sources": ["tel*"]}, ["a", "b", "bare"]),
    ({"sources": ["other"]}, []),
    ({"on": ["failure"]}, ["b"]),
])
def test_filters(user, sim, keys, want):
    """A task without a field matches only `*`."""
    hook = user.script("hook", "echo $TASKBELL_TASK_ID >>$HOME/got")
    user.configure({"type": "exec", "command": [hook], **keys}, LOG, source={"first_run": "all", "explain": False})
    sim.add_task("a", name="report-1", bucket="docs", user_id="u1", status="success")
    sim.add_task("b", name="invoice", bucket="money", user_id="u2", status="failure")
    sim.add_task("bare", raw='{"task_id":"bare","status":"success"}', status="success")
    assert user.run("watch", "--once").code == 0
    assert sorted(read(user.path("got")).split()) == want
    assert len(user.events_log()) == 3
