"""watch and wait on terminals as they are: closed, stalled, shared, narrow, and pipes whose reader leaves."""

from __future__ import annotations

import os
import signal

import pytest
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
