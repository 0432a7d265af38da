"""watch and wait on terminals as they are: closed, stalled, shared, narrow, and pipes whose reader leaves."""

from __future__ import annotations

import os
import re
import signal

import pytest
from clocks import Clock
from harness import lives, moved, polls, until
from terminal import Terminal


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.close()


def started(user, sim, terminal, *args, **more):
    """Starts taskbell on the terminal, and returns once it has polled."""
    process = terminal.start(user, *args, **more)
    polls(sim)
    return process


# --- watch


@pytest.mark.parametrize("streams", ["", "</dev/null", "2>/dev/null", "</dev/null 2>/dev/null", ">/dev/null"])
def test_a_closed_terminal_is_an_orderly_stop(user, sim, terminal, streams):
    """The kernel hangs the terminal up before HUP arrives, and then it is none any more."""
    user.configure()
    watch = started(user, sim, terminal, "watch", script=f'exec "$@" {streams}')
    terminal.close()
    assert watch.wait() == 0
    assert user.run("watch", "--once").code == 0


def test_a_terminal_that_was_hung_up_stops_what_gets_no_hup(user, sim, terminal):
    """In another session, as after setsid(1): there is only the end of the terminal to see."""
    user.configure()
    watch = user.watch(json=False, stdin=terminal.theirs, stdout=terminal.theirs, stderr=terminal.theirs)
    terminal.close()
    assert watch.wait() == 0


def test_hup_without_a_terminal_at_the_start_is_no_stop(user, sim):
    user.configure()
    watch = user.watch()
    watch.send(signal.SIGHUP)
    watch.wait_error("configuration read again")
    assert watch.stop() == 0


def test_hup_of_who_is_to_survive_it_is_no_stop(user, sim, terminal):
    user.configure()
    watch = user.watch(stdin=terminal.theirs, wrap=("sh", "-c", 'trap "" HUP; exec "$@"', "sh"))
    watch.send(signal.SIGHUP)
    watch.wait_error("configuration read again")
    assert watch.stop() == 0


def test_a_reader_that_leaves_ends_watch_at_once(user, sim):
    """Not at the next event, which may be hours away."""
    user.configure()
    ours, theirs = os.pipe()
    watch = user.watch(stdout=theirs)
    os.close(theirs)
    os.close(ours)
    assert watch.wait() == -signal.SIGPIPE


def test_a_reader_of_stderr_that_leaves_ends_nothing(user, sim):
    user.configure()
    ours, theirs = os.pipe()
    watch = user.watch(stderr=theirs)
    os.close(theirs)
    os.close(ours)
    before = os.times()
    polls(sim, 5)
    sim.add_task("a", status="processing")
    watch.wait_event(task_id="a")
    assert watch.stop() == 0
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 5


def test_a_background_watch_is_not_stopped_by_its_own_lines(user, sim, terminal):
    """`stty tostop`: it is the user's wish for programs that talk, and would end the polls of one that watches."""
    user.configure()
    sim.add_task("a", name="quiet-task", status="processing")
    shell = terminal.start(user, "watch", script='stty tostop; set -m; "$@" & wait')
    polls(sim, 2)
    moved(sim, ("a", "success"))
    terminal.wait(lambda rows: [row for row in rows if "quiet-task" in row and "success" in row])
    until(lambda: polls(sim, 2))
    terminal.close()
    shell.wait()


# --- wait


def waits(user, sim, terminal, *args, **more):
    return started(user, sim, terminal, "wait", "--interval", "100ms", *args, **more)


def test_one_line_moves_and_only_lines_stay(user, sim, terminal):
    user.configure()
    for name in ("one", "two", "three"):
        sim.add_task(name, name=f"embed-{name}", status="processing")
    wait = waits(user, sim, terminal, "one", "two", "three")
    terminal.wait(lambda rows: rows and "0 of 3 ended" in rows[-1])
    moved(sim, ("two", "success"))
    terminal.wait(lambda rows: [r for r in rows if "embed-two" in r and "success" in r])
    terminal.wait(lambda rows: "1 of 3 ended" in rows[-1], "the moving line below the line that stays")
    moved(sim, ("one", "failure"), ("three", "partial_success"))
    assert wait.wait() == 1
    terminal.wait(lambda rows: len(rows) == 3)
    rows = terminal.rows()
    assert ["embed-two" in rows[0], "embed-one" in rows[1], "embed-three" in rows[2]] == [True] * 3, rows
    assert not terminal.screen().wrapped


@pytest.mark.parametrize("columns", [40, 80])
def test_why_it_failed_stands_with_the_end(user, sim, columns):
    terminal = Terminal(columns)
    user.configure(source={"explain": True})
    sim.set_bucket("docs", [("a.pdf", "failed", "larger than what is allowed")])
    sim.add_task("34dd76b3-5fc9-4d7b-a1b6-f32a9c6ffda8", name="embed-documentation", bucket="docs", status="failure")
    sim.add_task("34dd76b3-5fc9-4d7b-a1b6-f32a9c6ffda9", bucket="docs", status="processing")
    wait = waits(user, sim, terminal, "34dd76b3-5fc9-4d7b-a1b6-f32a9c6ffda8", "34dd76b3-5fc9-4d7b-a1b6-f32a9c6ffda9")
    terminal.wait(lambda rows: "larger than what is allowed" in " ".join(" ".join(rows).split()))
    sim.set_status("34dd76b3-5fc9-4d7b-a1b6-f32a9c6ffda9", "success")
    assert wait.wait() == 1
    assert not terminal.screen().wrapped, terminal.rows()
    terminal.close()


def test_quiet_leaves_the_end_its_reason(user, sim, terminal):
    user.configure(source={"explain": True})
    sim.set_bucket("docs", [("a.pdf", "failed", "too large")])
    sim.add_task("x", bucket="docs", status="failure")
    assert terminal.start(user, "-q", "wait", "x").wait() == 1
    assert "too large" in terminal.rows()[0]


def test_why_it_failed_is_told_where_nothing_is_a_terminal(user, sim):
    user.configure(source={"explain": True})
    sim.set_bucket("docs", [("a.pdf", "failed", "too large")])
    sim.add_task("x", bucket="docs", status="failure")
    done = user.run("wait", "x")
    assert (done.code, done.out) == (1, "x failure\n") and "too large" in done.err


def test_a_moving_line_costs_next_to_nothing(user, sim, terminal):
    """Twenty tasks that change all the time: no more than a line a second, and the lines of those that ended."""
    user.configure()
    tasks = [sim.add_task(f"t{i}", name="n" * 60, status="queued") for i in range(20)]
    wait = waits(user, sim, terminal, *tasks)
    terminal.wait(lambda rows: "of 20 ended" in rows[-1] if rows else False)
    first, since = len(terminal.bytes), os.times().elapsed
    for turn in range(20):
        for task in tasks:
            sim.set_status(task, "processing" if turn % 2 else "queued")
        polls(sim)
    seconds = os.times().elapsed - since
    assert len(terminal.bytes) - first < 100 * (seconds + 2)
    assert wait.stop(signal.SIGINT) == -signal.SIGINT


def test_several_waits_of_a_script_keep_their_lines_apart(user, sim, terminal):
    user.configure()
    for id in "abc":
        sim.add_task(id, name=f"embed-{id}", status="processing")
    log = user.path("log")
    script = f'"$1" wait a & "$1" wait b & "$1" wait c | tee {log} & echo working; wait; echo all done'
    taskbell = terminal.start(user, script=script)
    terminal.wait(lambda rows: sum("processing" in row for row in rows) == 3)
    moved(sim, ("a", "success"), ("b", "failure"), ("c", "success"))
    taskbell.wait()
    terminal.wait(lambda rows: rows[-1] == "all done")
    rows = terminal.rows()
    assert "working" in rows and "c success" in rows, rows
    assert sum("embed-a" in row and "success" in row for row in rows) == 1, rows
    assert sum("embed-b" in row and "failure" in row for row in rows) == 1, rows
    assert not any(" of " in row or " for " in row for row in rows), rows


def test_the_terminal_has_one_moving_line(user, sim, terminal):
    """Two in the foreground: one draws, the other writes lines, and takes the moving one away before."""
    user.configure()
    for id in "ab":
        sim.add_task(id, name=f"embed-{id}", status="processing")
    script = '(trap - INT; exec "$1" wait --interval 100ms a b) & "$1" wait --interval 100ms a b; wait'
    wait = terminal.start(user, script=script)
    terminal.wait(lambda rows: rows and "0 of 2 ended" in rows[-1])
    moved(sim, ("a", "success"), ("b", "failure"))
    wait.wait()
    terminal.wait(lambda rows: sum("embed-b" in row and "failure" in row for row in rows) == 2)
    assert not any("of 2 ended" in row for row in terminal.rows()), terminal.rows()


def test_a_monitor_in_the_background_takes_the_moving_line_away(user, sim, terminal):
    user.configure()
    sim.add_task("a", name="embed-a", status="processing")
    sim.add_task("b", name="embed-b", status="processing")
    script = 'set -m; "$1" watch & watch=$!; "$1" wait --interval 100ms a; kill $watch; wait'
    terminal.start(user, script=script)
    terminal.wait(lambda rows: any(": 2 active" in row for row in rows))
    terminal.wait(lambda rows: rows[-1].startswith("embed-a: processing for"))
    moved(sim, ("b", "success"))
    rows = terminal.wait(lambda rows: any("embed-b" in row and "success" in row for row in rows) and rows)
    assert any(re.match(r"\d\d:\d\d:\d\d . embed-b  success", row) for row in rows), rows
    sim.set_status("a", "success")
    terminal.wait(lambda rows: "watched for" in rows[-1])


def test_lines_only_where_that_is_asked_for(user, sim, terminal):
    user.configure()
    sim.add_task("a", name="embed-a", status="processing")
    for more, env in ((["--progress=plain"], {}), ([], {"TASKBELL_PROGRESS": "plain"}), ([], {"TERM": "dumb"})):
        mark = len(terminal.bytes)
        wait = waits(user, sim, terminal, *more, "a", env=env)
        terminal.wait(lambda rows: [row for row in rows if "a processing" in row])
        moved(sim, ("a", "success"))
        assert wait.wait() == 0
        assert b"\r\x1b" not in terminal.bytes[mark:] and b"\x1b[K" not in terminal.bytes[mark:]
        sim.set_status("a", "processing")


def test_a_stalled_terminal_stops_no_poll_and_no_deadline(user, sim, terminal):
    user.configure()
    sim.add_task("a", status="processing")
    wait = waits(user, sim, terminal, "--timeout", "4s", "a")
    terminal.type(b"\x13")
    polls(sim, 5)
    assert wait.wait(30) == 124


def test_a_stop_from_the_terminal_is_that_of_any_program(user, sim, terminal):
    """^Z, and on in the background and the foreground again; where nobody could continue it, it goes on."""
    user.configure()
    sim.add_task("a", name="embed-a", status="processing")
    wait = waits(user, sim, terminal, "a")
    terminal.wait(lambda rows: rows and "embed-a: processing" in rows[-1])
    terminal.type(b"\x1a")
    polls(sim, 3)
    assert lives(wait.pid)
    terminal.wait(lambda rows: rows and "embed-a: processing" in rows[-1])
    terminal.type(b"\x03")
    assert wait.wait() == -signal.SIGINT
    terminal.wait(lambda rows: not [row for row in rows if "processing" in row], "the moving line is taken away")


def test_a_reader_that_leaves_ends_wait_at_once(user, sim):
    user.configure()
    sim.add_task("a", status="processing")
    ours, theirs = os.pipe()
    wait = user.start("wait", "--interval", "100ms", "a", stdout=theirs)
    os.close(theirs)
    polls(sim)
    os.close(ours)
    assert wait.wait() == -signal.SIGPIPE


def test_a_closed_terminal_ends_wait(user, sim, terminal):
    user.configure()
    sim.add_task("a", status="processing")
    wait = waits(user, sim, terminal, "a")
    terminal.close()
    assert wait.wait() == -signal.SIGHUP


def test_the_bell_rings_on_a_terminal_and_nowhere_else(user, sim, terminal):
    user.configure()
    sim.add_task("a", status="success")
    assert waits(user, sim, terminal, "a").wait() == 0
    assert terminal.screen().bells == 0
    assert waits(user, sim, terminal, "--bell", "a").wait() == 0
    until(lambda: terminal.screen().bells == 1)
    done = user.run("wait", "--bell", "a")
    assert done.out == "a success\n" and "\a" not in done.err


# --- which tasks


def test_ids_from_stdin_and_files(user, sim):
    user.configure()
    for id in "abcd":
        sim.add_task(id, status="success")
    listed = user.write("ids", "b\r\n\n  c \n")
    ours, theirs = os.pipe()
    os.write(theirs, b"d\n")
    os.close(theirs)
    done = user.run("wait", "a", "-", "--from", listed, stdin=ours)
    os.close(ours)
    assert (done.code, done.out.splitlines()) == (0, ["a success", "d success", "b success", "c success"])


@pytest.mark.parametrize("args, code, words", [
    (["-"], 3, "nothing to wait for"),
    ([""], 64, "empty argument"),
    (["--from", "/dev/null"], 3, "nothing to wait for"),
    (["--from", "/nonexistent"], 64, "cannot open"),
    (["--from", "/"], 64, "cannot read"),
])
def test_a_list_without_ids_is_not_everybody(user, sim, args, code, words):
    user.configure()
    sim.add_task("others", status="processing")
    done = user.run("wait", *args)
    assert done.code == code and words in done.err and done.out == ""
    assert sim.requests() == []


def test_a_line_that_is_no_id_is_named(user, sim):
    user.configure()
    done = user.run("wait", "--from", user.write("ids", "a\n.\n"))
    assert done.code == 64 and "ids:2:" in done.err


def test_the_deadline_holds_for_who_writes_the_ids_too(user, sim):
    user.configure()
    ours, theirs = os.pipe()
    done = user.run("wait", "--timeout", "1s", "-", stdin=ours)
    os.close(ours)
    os.close(theirs)
    assert done.code == 124 and "stdin has not ended" in done.err


def test_a_name_that_is_empty_is_not_shown(user, sim):
    user.configure()
    sim.add_task("a", name="", status="processing")
    assert user.run("wait", "--timeout", "0", "a").err.splitlines()[0] == "taskbell: telnyx: a processing"


def test_without_an_answer_no_id_is_doubted(user, sim):
    user.configure()
    sim.add_task("a", status="processing")
    done = user.run("wait", "a", env={"TELNYX_API_KEY": None})
    assert done.code == 77 and "no API key" in done.err and "not found" not in done.err
    sim.fault("status-401", count=None)
    done = user.run("wait", "a")
    assert done.code == 77 and "refused the key" in done.err and "not found" not in done.err


def test_without_ids_it_is_said_which(user, sim):
    user.configure()
    sim.add_task("a", name="embed-a", status="processing")
    sim.add_task("b", status="queued")
    wait = user.start("wait", "--interval", "100ms")
    wait.wait_error("waiting for 2 tasks of telnyx")
    wait.wait_error("a processing .embed-a.")
    wait.wait_error("b queued")
    moved(sim, ("a", "success"), ("b", "success"))
    assert wait.wait() == 0


def test_a_timeout_says_when_each_was_seen_and_why_nothing_was_heard(user, sim):
    user.configure()
    sim.add_task("a", status="processing")
    wait = user.start("wait", "--interval", "100ms", "--timeout", "4s", "a", "nobody", "--missing=wait")
    wait.wait_error("nobody: not found yet")
    sim.down()
    assert wait.wait() == 124
    text = wait.err.text()
    assert "2 of 2 tasks not seen to end" in text and "have not ended" not in text
    assert "a: processing, seen " in text and "nobody: not found" in text
    assert text.count("cannot connect") == 2


def test_a_status_that_is_not_understood_is_said_once(user, sim):
    user.configure()
    for id in "ab":
        sim.add_task(id, status="paused")
    wait = user.start("wait", "--interval", "100ms", "a", "b")
    wait.wait_error("b paused")
    wait.wait_error('status "paused" is not understood and counts as not ended')
    polls(sim, 3)
    moved(sim, ("a", "success"), ("b", "success"))
    assert wait.wait() == 0
    assert wait.err.text().count("is not understood") == 1


def test_after_a_minute_of_silence_it_is_said_what_is_waited_for(user, sim, tmp_path):
    clock = Clock(str(tmp_path))
    user.configure()
    sim.add_task("a", name="embed-a", status="processing")
    wait = user.start("wait", "--interval", "100ms", "a", env=clock.env)
    wait.wait_error("a processing")
    polls(sim, 2)
    assert "still waiting" not in wait.err.text()
    clock.sleep(wait, 61)
    wait.wait_error("embed-a: processing for .*; still waiting")
    moved(sim, ("a", "SUCCESS"))
    assert wait.wait() == 0 and wait.out.lines() == ["a success"]


def test_a_stopped_wait_leaves_the_line_to_the_shell(user, sim, terminal):
    user.configure()
    sim.add_task("a", name="embed-a", status="processing")
    shell = terminal.start(
        user, "wait", "--interval", "100ms", "a", script='set -m; "$@"; echo stopped; fg; echo over')
    terminal.wait(lambda rows: rows and "embed-a: processing" in rows[-1])
    terminal.type(b"\x1a")
    terminal.wait(lambda rows: "stopped" in rows and [row for row in rows if "embed-a: processing" in row])
    moved(sim, ("a", "success"))
    terminal.wait(lambda rows: "over" in rows)
    rows = terminal.rows()
    assert not [row for row in rows if "embed-a: processing" in row], rows
    assert rows.index("stopped") < [i for i, row in enumerate(rows) if "embed-a" in row and "success" in row][0]
    shell.wait()


def test_a_timeout_names_a_source_that_just_does_not_answer(user, sim):
    """No error has come by then: the request hangs, and so does the one of the last look."""
    user.configure(source={"timeout": "30s"})
    sim.fault("hold", count=None)
    done = user.run("wait", "--timeout", "2s", "a")
    assert done.code == 124
    assert "a: no source has said anything of it" in done.err
    assert re.search(r"telnyx: no good answer for \d+s", done.err)


def test_a_terminal_that_takes_output_again_shows_what_ended_meanwhile(user, sim, terminal):
    user.configure()
    for id in "ab":
        sim.add_task(id, name=f"embed-{id}", status="processing")
    wait = waits(user, sim, terminal, "a", "b")
    terminal.wait(lambda rows: rows and "0 of 2 ended" in rows[-1])
    terminal.type(b"\x13")
    moved(sim, ("a", "failure"))
    polls(sim, 5)
    terminal.type(b"\x11")
    terminal.wait(lambda rows: len(rows) > 1 and "embed-a" in rows[-2] and "1 of 2 ended" in rows[-1])
    moved(sim, ("b", "success"))
    assert wait.wait() == 1
    terminal.wait(lambda rows: len(rows) == 2 and "embed-b" in rows[1])
