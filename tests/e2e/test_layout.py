"""What a terminal of 40 to 200 columns gets: no line is wider than it, ids stay whole, and there is one clock."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import unicodedata

import pytest
from clocks import Clock
from harness import TASKBELL, until
from terminal import Terminal

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTHS = (40, 60, 80, 120, 200)
UUID = "34dd76b3-5fc9-4d7b-a1b6-f32a9c6ffd0"
NAMES = [
    "embed-knowledge-base", "a name of many words that goes on and on " * 4, "w" * 300,
    "任务完成的很长的名字" * 8, "\U0001f680\U0001f44d\U0001f3fd❤️ \U0001f469‍\U0001f4bb e\u0301" * 9,
    "\x1b[2J\x1b]0;owned\x07\x1b[31mred \u202ecod.exe", None,
]
COMMANDS = ["watch", "list", "show", "wait", "history", "status", "check", "test", "redeliver", "doctor", "help"]
STATUSES = ["queued", "processing", "success", "failure", "partial_success"]
REASON = "Could not extract text: the PDF is encrypted with a key that nobody has"
CLOCK = r"(\d\d:\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d)"
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def shown(user, columns, *args, **more):
    """The lines that a command writes to a terminal, and its exit code."""
    terminal = Terminal(columns)
    process = terminal.start(user, *args, env={"NO_COLOR": "1", "TZ": "IST-5:30", **more})
    code = process.wait()
    text = terminal.text()
    terminal.close()
    return text.split("\n")[:-1], code


def fits(lines, columns):
    assert lines
    assert [line for line in lines if width(line) > columns] == []
    assert not UTC.search("\n".join(lines)), "the clock of a terminal is local"
    return lines


@pytest.fixture
def tasks(user, sim):
    """A task of each kind of name and status, all told by a monitor."""
    user.configure({"type": "log"}, source={"first_run": "all"})
    for number, name in enumerate(NAMES):
        sim.add_task(f"{UUID}{number}", name=name, bucket=f"knowledge-base-{number}", status=STATUSES[number % 5], age=60,
                     files=[(f"knowledge-base/{n}.pdf", "failure", REASON) for n in range(9)])
    return [f"{UUID}{number}" for number in range(len(NAMES))]


@pytest.mark.parametrize("columns", WIDTHS)
def test_watch(user, sim, columns):
    """Local time, a mark, the name first; what is active at the start is said; a reason has lines of its own."""
    user.configure()
    for number, name in enumerate(NAMES):
        sim.add_task(f"{UUID}{number}", name=name, bucket=f"knowledge-base-{number}", status="processing",
                     files=[(f"{n}.pdf", "failure", REASON) for n in range(9)])
    terminal = Terminal(columns)
    process = terminal.start(user, "watch", env={"NO_COLOR": "1", "TZ": "IST-5:30"})

    def told(word):
        return lambda rows: sum(re.match(CLOCK + " [·✓✗!?] .*  " + word, row) is not None for row in rows) >= 2

    terminal.wait(told("processing"), "what is active at the start")
    assert "7 active tasks" in " ".join(" ".join(terminal.rows()).split())
    for number, status in enumerate(["success", "failure", "partial_success", "failure", "success", "success", "success"]):
        sim.set_status(f"{UUID}{number}", status)
    ends = CLOCK + " [✓✗!] .*  (success|failure|partial_success)"
    terminal.wait(lambda rows: sum(re.match(ends, row) is not None for row in rows) == len(NAMES), "every end")
    assert process.stop(signal.SIGINT) == 0
    assert re.search(CLOCK + " notice watched for .*: 4 success, 2 failure, 1 partial_success$", " ".join(" ".join(terminal.rows()).split()))
    lines = fits(terminal.text().split("\n")[:-1], columns)
    terminal.close()
    text = "\n".join(lines)
    assert all(text.count(f"{UUID}{number}") == 2 for number in range(len(NAMES))), text
    assert re.search("\n +9 of 9 files failed", text)


def test_a_new_day_is_said(user, sim, tmp_path):
    """Who scrolls back in the morning sees of which day a line is: the first of a day has the date."""
    clock = Clock(str(tmp_path))
    user.configure()
    sim.add_task("x", name="embed", status="processing")
    terminal = Terminal(80)
    process = terminal.start(user, "watch", env={"NO_COLOR": "1", "TZ": "IST-5:30", **clock.env})
    row = terminal.wait(lambda rows: next((row for row in rows if "embed  processing" in row), None))
    assert re.match(r"\d\d:\d\d:\d\d ", row)
    clock.set(86400)
    sim.set_status("x", "success")
    row = terminal.wait(lambda rows: next((row for row in rows if "embed  success" in row), None))
    assert re.match(r"([A-Z][a-z]{2} [ \d]\d|\d{4}-\d\d-\d\d) \d\d:\d\d ", row)
    sim.add_task("y", name="other", status="processing")
    row = terminal.wait(lambda rows: next((row for row in rows if "other  processing" in row), None))
    assert re.match(r"\d\d:\d\d:\d\d ", row)
    assert process.stop() == 0
    assert re.search(r"\n([A-Z][a-z]{2} [ \d]\d|\d{4}-\d\d-\d\d) \d\d:\d\d notice ", terminal.text()), "in the log as well"
    terminal.close()


@pytest.mark.parametrize("args", [("watch", "--once"), ("list", "--all"), ("wait", "t1", "t2", "t3")])
def test_where_the_locale_has_no_utf8_signs_are_ascii(user, sim, args):
    user.configure()
    for number, status in enumerate(STATUSES):
        sim.add_task(f"t{number}", name=f"embed-{number}-" + "w" * 90, status=status if args[0] == "list" else "processing")
    terminal = Terminal()
    process = terminal.start(user, *args, env={"LC_ALL": "C", "NO_COLOR": "1"})
    if args[0] == "wait":
        terminal.wait(lambda rows: rows and "0 of 3 ended" in rows[-1])
        for number in (1, 2, 3):
            sim.set_status(f"t{number}", "failure" if number == 2 else "success")
    process.wait()
    text = terminal.text()
    terminal.close()
    assert text.isascii() and re.search(r"embed-1-w+~", text), text
    if args[0] == "wait":
        assert "+ embed-1-" in text and "x embed-2-" in text, text


@pytest.mark.parametrize("columns", WIDTHS)
def test_list(user, tasks, columns):
    lines, code = shown(user, columns, "list", "--all")
    assert code == 0
    text = "\n".join(fits(lines, columns))
    assert all(id in text for id in tasks)
    assert len(re.findall(CLOCK, text)) >= len(tasks)
    whole = user.run("list", "--all").out
    assert whole.count("\n") == len(tasks) + 1 and "w" * 300 in whole and UTC.search(whole), "elsewhere nothing is cut"


@pytest.mark.parametrize("columns", WIDTHS)
def test_history_and_status(user, tasks, columns):
    user.run("watch", "--once")
    lines, code = shown(user, columns, "history")
    text = "\n".join(fits(lines, columns))
    ended = [id for number, id in enumerate(tasks) if STATUSES[number % 5] in STATUSES[2:]]
    assert code == 0 and all(id in text for id in ended) and re.search(CLOCK, text)
    lines, code = shown(user, columns, "status")
    assert code == 3
    fits(lines, columns)


@pytest.mark.parametrize("columns", WIDTHS)
def test_status_of_a_failing_source(user, sim, columns):
    user.configure({"type": "log"}, source={"interval": "100ms", "idle_interval": "100ms", "down_after": "1h"})
    sim.fault("status-503", count=None)
    user.watch()
    until(lambda: user.status()["sources"] and user.status()["sources"][0]["error"])
    error, request = user.status()["sources"][0]["error"].split(" (request ")
    lines, _ = shown(user, columns, "status")
    text = " ".join(line.strip() for line in fits(lines, columns))
    # the next poll, with another request id, may come in between
    assert re.search(re.escape(error) + r" \(request [-0-9a-f]{" + str(len(request) - 1) + r"}\)", text), "what is wrong is told whole"


@pytest.mark.parametrize("columns", WIDTHS)
def test_show(user, tasks, columns):
    for id in tasks:
        lines, code = shown(user, columns, "show", id)
        assert code == 0 and id in "\n".join(fits(lines, columns))
    lines, _ = shown(user, columns, "show", tasks[3])
    assert "9 of 9 files failed" in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("args", [
    ("list", "--status", "sucess"), ("show", "w" * 300), ("show", "nobody"), ("-c", "none.conf", "check"), ("lits",),
    ("watch", "--source", "nobody"), ("history", "--limit", "0"),
])
def test_errors(user, sim, columns, args):
    user.configure()
    lines, code = shown(user, columns, *args)
    assert code != 0
    fits(lines, columns)


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_effective_configuration_still_says_the_same(user, columns):
    """Strings are broken into two that libconfig takes for one, and a comment stays a comment."""
    words = ["/usr/local/bin/done", "{task_id}", "\\\"" * 60, "两个字" * 40, "a b", "tab\there", "x" * 300]
    user.configure(
        {"type": "exec", "name": "hook", "command": words, "on": ["success", "failure", "partial_success", "gone", "stuck"]},
        source={"proxy": "http://somebody:secret@proxy.example.org:3128", "api_key": "file:/" + "directory/" * 30 + "key"},
    )
    whole = user.run("check", "--print").out
    lines, code = shown(user, columns, "check", "--print")
    assert code == 0
    fits([line.expandtabs() for line in lines], columns)
    printed = "\n".join(lines[next(i for i, line in enumerate(lines) if line.startswith("sources")):])
    user.configure_text(printed)
    again = user.run("check", "--print")
    assert again.code == 0 and again.out == whole, again.err


@pytest.mark.parametrize("columns", WIDTHS)
def test_faults_of_the_configuration(user, columns):
    user.configure_text("\n".join(f'colour{n} = "{"x" * 90}";' for n in range(3)))
    lines, code = shown(user, columns, "check")
    assert code == 78
    fits(lines, columns)


@pytest.mark.parametrize("columns", WIDTHS)
def test_help(user, columns):
    fits(shown(user, columns, "--version")[0], columns)
    for words in ([], ["help"], *([command, "--help"] for command in COMMANDS)):
        lines, code = shown(user, columns, *words)
        assert code == (0 if words else 64)
        fits(lines, columns)
        assert max(map(width, lines)) > min(columns, 100) * 0.6, "it is laid out, not cut into small pieces"


@pytest.mark.parametrize("columns", (40, 80))
def test_the_demo(user, columns):
    """`make run`: what to try in a second terminal is short, works, and is told with the id of a task that runs."""
    script = os.path.join(os.path.dirname(HERE), "simulator/run")
    demo = user.path("demo")
    terminal = Terminal(columns)
    env = {"TELNYX_API_KEY": None, "TASKBELL": TASKBELL, "PYTHON": sys.executable, "DEMO": demo, "NO_COLOR": "1"}
    process = terminal.start(user, script=f"exec '{script}'", env=env)
    told = terminal.wait(lambda rows: re.search(r" wait +([0-9a-f-]{36})", " ".join(rows)), "a task to wait for")
    listed = subprocess.run([demo, "list", "--all", "--json"], capture_output=True, text=True, env=user.env, check=True)
    assert told.group(1) in listed.stdout
    terminal.type(b"\x03")
    process.wait()
    lines = terminal.text().split("\n")[:-1]
    terminal.close()
    fits([line for line in lines if demo not in line], columns)
    assert re.search(CLOCK + " notice watched for ", "\n".join(lines))
    assert not os.path.exists(demo)
