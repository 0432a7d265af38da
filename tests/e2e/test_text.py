"""Text from the network is data: on a terminal, in tables, in logs and messages it cannot do harm."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import struct
import termios

import pytest
from harness import LOG, read, until
from terminal import open_terminal

NAMES = {
    "escape": "\x1b[2J\x1b]0;owned\x07\x1b[31mred",
    "newlines": "one\ntwo\r\nthree\x85four\u2028five\u2029six",
    "bidi": "invoice\u202excod.exe\u2066x\u2069\u200f",
    "controls": "a\x00b\x07c\x7fd\x9be\tf",
    "format": "%s%n%d %1$s {task_id} $(id) `id` \\n",
    "markup": "<b>bold</b>&amp;\"'",
    "wide": "任务完成 \U0001f469\u200d\U0001f4bb e\u0301",
    "long": "w" * 5000,
    "zero": "",
}
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(params=NAMES)
def hostile(request, user, sim):
    """A task whose name, bucket and user are hostile. Of all characters only NUL is not kept as it is."""
    user.configure({"type": "log"}, source={"first_run": "all"})
    text = NAMES[request.param]
    sim.add_task("x", name=text, bucket=text, user_id=text, status="failure", files=[("f", "failure", text)])
    return text.replace("\0", "\ufffd")


def check(text, lines=None):
    assert not HARMFUL.search(text), text
    if lines is not None:
        assert text.count("\n") == lines, text


def test_tables(hostile, user):
    check(user.run("list", "--all").out, 2)
    check(user.run("show", "x").out)


def test_json_carries_the_value(hostile, user):
    for args in (("list", "--all", "--json"), ("show", "--json", "x"), ("wait", "--json", "x")):
        done = user.run(*args)
        assert done.out.count("\n") == 1
        task = json.loads(done.out)
        assert [task["task_name"], task["bucket"] or "", task["user_id"] or ""] in (
            [hostile] * 3, [hostile, "", ""])  # by id there is no bucket and no user


def test_watch_log_history_and_status(hostile, user, sim):
    done = user.run("watch", "--once")
    assert done.code == 0
    check(done.out, 1)
    check(done.err)
    check(until(lambda: read(os.path.join(user.state, "events.log"))), 1)
    check(user.run("history").out, 2)
    check(user.run("status").out)
    text = user.run("history", "--json").out
    check(text, 1)
    event = json.loads(text)
    assert event["task_name"] == hostile and event["bucket"] == hostile


def on_terminal(user, *args, rows=24, columns=80, began=lambda process: None, **env):
    """What a command writes to a terminal, with all three streams on it."""
    ours, theirs = open_terminal()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = user.start(*args, stdin=theirs, stdout=theirs, stderr=theirs,
                         env={"TERM": "xterm", **(env or {"NO_COLOR": "1"})})
    os.close(theirs)
    began(process)
    text = b""
    try:
        while select.select([ours], [], [], 20)[0]:
            piece = os.read(ours, 65536)
            if not piece:
                break
            text += piece
    except OSError:  # the last writer is gone
        pass
    finally:
        os.close(ours)
    process.wait()
    return text.decode("utf-8", "replace").replace("\r\n", "\n")


def test_a_terminal(hostile, user):
    text = on_terminal(user, "list", "--all")
    check(text, 2)
    assert all(len(line) <= 80 or not line.isascii() for line in text.splitlines())
    check(on_terminal(user, "show", "x"))


@pytest.mark.parametrize("env, args, colored", [
    ({"LANG": "C.UTF-8"}, [], True), ({"NO_COLOR": "1"}, [], False), ({"TERM": "dumb"}, [], False),
    ({"NO_COLOR": "1"}, ["--color=always"], True), ({"LANG": "C.UTF-8"}, ["--color=never"], False),
    ({"NO_COLOR": ""}, [], True),
])
def test_colors_on_a_terminal(user, sim, env, args, colored):
    user.configure()
    sim.add_task("x", status="failure")
    assert ("\x1b[" in on_terminal(user, "list", "--all", *args, **env)) == colored


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_terminal_is_left_as_it_was(user, sim, number):
    user.configure()
    sim.add_task("x", status="processing")

    def interrupt(process):
        sim.wait_requests(3, done=True)
        process.send(number)

    text = on_terminal(user, "wait", "--interval", "100ms", "x", began=interrupt, LANG="C.UTF-8")
    assert user.running[-1].popen.returncode == -number
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") and "\x1b[?1049h" not in text


def test_ids_and_words_of_the_network(user, sim):
    user.configure({"type": "log"}, source={"first_run": "all"})
    sim.add_task("weird", raw=json.dumps({"task_id": "id\u202e%s<b>", "status": "odd\x1b[31m\nword"}), status="queued")
    done = user.run("watch", "--once")
    assert done.code == 0
    check(done.out + done.err)
    check(user.run("list").out, 2)
    check(read(os.path.join(user.state, "events.log")))


@pytest.mark.parametrize("body", [
    {"errors": [{"code": "\x1b[31m", "title": "t\nu\u202e", "detail": "%s%n\x00"}]},
    {"detail": "one\r\ntwo\x1b]0;x\x07"},
    "<html>\x1b[2J\u202e",
])
def test_error_bodies(user, sim, body):
    user.configure()
    sim.fault("status", status=400, body=body, headers={"x-request-id": "id\x07\x1b[31m"}, count=None)
    for args in (("list",), ("watch", "--once")):
        done = user.run(*args)
        assert done.code == 76
        check(done.err)
        assert not [line for line in done.err.splitlines() if len(line) > 700]


def test_bytes_that_are_no_text(user, sim):
    user.configure(LOG, source={"first_run": "all"})
    raw = b'{"task_id":"x","status":"success","task_name":"bad \xff\xc0\xaf\xed\xa0\x80 end"}'
    sim.add_task("x", raw=raw, status="success")
    process = user.start("watch", "--once")
    assert process.wait() == 0
    process.out.text().encode("utf-8")  # nothing invalid came through
    line = until(lambda: read(os.path.join(user.state, "events.log")))
    line.encode("utf-8")
    assert json.loads(line)["task_name"].startswith("bad ")
    user.run("list", "--all").out.encode("utf-8")
    user.run("list", "--all", "--json").out.encode("utf-8")


def test_arguments_are_shown_escaped(user):
    user.configure()
    for args in (("\x1b[31m",), ("list", "--\x1b[31m"), ("list", "--source", "\x1b]0;x\x07\u202e"),
                 ("test", "a\nb"), ("check", "--config", "/no\x1b[31m/file")):
        done = user.run(*args)
        assert done.code in (64, 78)
        check(done.err)


def test_text_of_the_configuration_is_shown_escaped(user):
    user.configure_text('sources = ( { na\x1b[31mme = "x"; } );\n')
    check(user.run("check").err)
    user.configure_text('sinks = ( { type = "a\\x1b[31m\\nb"; } );\n')
    done = user.run("check")
    assert done.code == 78
    check(done.err)
