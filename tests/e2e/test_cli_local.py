"""The commands that look at this machine: check, history, status, redeliver, test, doctor; and standard streams."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from terminal import open_terminal

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from simulator import Simulator  # noqa: E402

PROGRAM = os.environ["TASKBELL"]
SOURCE = """sources = ( {{ name = "telnyx"; type = "telnyx-embeddings"; base_url = "{url}";
  interval = "100ms"; idle_interval = "100ms"; down_after = "1s"; timeout = "5s"; }} );
"""


class Place:
    """A home of its own, with its configuration and state."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "taskbell.conf"
        self.state = root / "state" / "taskbell"
        self.env = {
            "HOME": str(root),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TELNYX_API_KEY": "KEYSIM",
            "TASKBELL_LIBEXEC": os.environ.get("TASKBELL_LIBEXEC", ""),
            "TASKBELL_CONFIG": str(self.config),
            "XDG_STATE_HOME": str(root / "state"),
            "XDG_RUNTIME_DIR": str(root / "run"),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        (root / "run").mkdir(mode=0o700)
        self.monitor: subprocess.Popen[str] | None = None

    def write(self, text: str) -> None:
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o600)

    def run(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60, "env": self.env}
        options.update(more)
        return subprocess.run([PROGRAM, *words], check=False, **options)

    def ok(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done
        return done.stdout

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return status

    def watch(self) -> None:
        self.monitor = subprocess.Popen(
            [PROGRAM, "watch", "--json"], env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def event(self, name: str) -> dict[str, Any]:
        """The next event of that name which the monitor prints."""
        assert self.monitor is not None and self.monitor.stdout is not None
        for line in self.monitor.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(self.monitor.communicate()[1])

    def stop(self) -> None:
        if self.monitor is None:
            return
        self.monitor.send_signal(signal.SIGTERM)
        self.monitor.communicate(timeout=20)
        assert self.monitor.returncode == 0
        self.monitor = None


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Asks again and again; what is asked runs the program, which takes its time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    if made.monitor is not None:
        made.monitor.kill()
        made.monitor.communicate()


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


# --- standard streams


def test_a_closed_stdout_is_an_error_when_there_was_something_to_say(place: Place) -> None:
    done = place.run("help", stdout=None, capture_output=False, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
    assert done.returncode == 74
    assert "cannot write to stdout" in done.stderr
    place.write("")
    done = place.run("check", stdout=None, capture_output=False, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
    assert done.returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_stdout_is_an_error(place: Place) -> None:
    place.write("")
    with open("/dev/full", "w", encoding="ascii") as full:
        for words in (["--version"], ["check", "--print"], ["status"], ["status", "--json"]):
            done = place.run(*words, capture_output=False, stdout=full, stderr=subprocess.PIPE)
            assert done.returncode == 74, words
            assert "cannot write to stdout: No space left on device" in done.stderr


def test_a_reader_that_left_ends_the_program_like_any_filter(place: Place) -> None:
    place.write("")
    read, write = os.pipe()
    os.close(read)
    done = place.run("check", "--print", capture_output=False, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.returncode == -signal.SIGPIPE
    assert "stdout" not in done.stderr


def test_no_file_lands_on_a_closed_stream(place: Place, sim: Simulator) -> None:
    """The state's files must not become the stderr of a library."""

    def close_all() -> None:
        os.close(0)
        os.close(2)

    place.write(SOURCE.format(url=sim.url) + "sinks = ();")
    place.watch()
    sim.add_task("t1", status="processing")
    sim.wait_requests(3)
    done = place.run("status", "--json", capture_output=False, stdout=subprocess.PIPE, preexec_fn=close_all)
    assert json.loads(done.stdout)["running"] is True
    place.stop()


# --- check


def test_check_names_every_fault_and_what_was_printed_is_good(place: Place) -> None:
    place.write('sources = ( { name = "a"; intervall = "10s";\n timeout = "never"; } );\nsinks = 3;\n')
    done = place.run("check")
    assert done.returncode == 78
    lines = done.stderr.splitlines()
    assert len(lines) >= 3
    assert all(re.match(rf"{re.escape(str(place.config))}:\d+: ", line) for line in lines)
    assert "interval" in done.stderr
    assert place.run("status").returncode == 3, "status needs no configuration"
    place.write('history_keep = "3d";\n')
    printed = place.run("check", "--print")
    assert printed.returncode == 0
    assert printed.stderr == f"taskbell: configuration OK: {place.config}\n"
    assert place.run("check", "-q").stderr == ""
    place.write(printed.stdout)
    assert "3d" in printed.stdout
    assert place.ok("check", "--print").splitlines()[1:] == printed.stdout.splitlines()[1:]


def test_a_configuration_that_was_named_must_be_there(place: Place) -> None:
    for words in (["-c", "/nonexistent/x", "check"], ["check"], ["watch"], ["doctor"]):
        done = place.run(*words)
        assert done.returncode == (1 if words == ["doctor"] else 78), words


# --- status, history


def test_nothing_was_ever_watched(place: Place) -> None:
    assert place.run("status").returncode == 3
    status = place.status()
    assert (status["running"], status["healthy"], status["sources"], status["sinks"]) == (False, False, [], [])
    done = place.run("history")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing was watched yet" in done.stderr
    assert place.run("redeliver", "--failed").returncode == 0
    assert place.run("redeliver", "7").returncode == 64
    assert not place.state.exists(), "none of them makes a state"


def test_a_damaged_state_is_said_and_left_alone(place: Place) -> None:
    place.state.mkdir(mode=0o700, parents=True)
    (place.state / "state.db").write_bytes(b"not a database" * 500)
    (place.state / "state.db").chmod(0o600)
    for words in (["history"], ["status"], ["redeliver", "--failed"]):
        done = place.run(*words)
        assert (done.returncode, done.stdout) == (74, ""), words
        assert "state.db" in done.stderr
    assert (place.state / "state.db").read_bytes().startswith(b"not a database")


def test_history_and_status_of_a_running_monitor(place: Place, sim: Simulator) -> None:
    place.write(SOURCE.format(url=sim.url) + 'sinks = ( { name = "log"; type = "log"; } );')
    sim.add_task("t1", status="processing")
    place.watch()
    until(lambda: place.run("status").returncode == 0 and place.status()["sources"] != [])
    until(lambda: place.status()["sources"][0]["active"] == 1)
    sim.set_status("t1", "failure")
    event = place.event("failure")
    until(lambda: place.status()["sinks"] != [] and place.status()["sinks"][0]["pending"] == 0)
    until(lambda: place.status()["sources"][0]["active"] == 0)
    status = place.status()
    assert place.monitor is not None
    assert status["pid"] == place.monitor.pid
    assert status["healthy"] is True
    source = status["sources"][0]
    assert (source["name"], source["active"], source["error"], source["down"]) == ("telnyx", 0, None, False)
    lines = place.ok("history", "--json").splitlines()
    assert json.loads(lines[-1])["task_id"] == event["task_id"]
    assert [json.loads(line)["event_id"] for line in lines] == sorted(json.loads(line)["event_id"] for line in lines)
    place.stop()
    assert place.run("status").returncode == 3
    assert place.ok("history", "--json").splitlines() == lines, "it needs no monitor"


def test_history_narrows(place: Place, sim: Simulator) -> None:
    place.write(SOURCE.format(url=sim.url) + "sinks = ();")
    place.watch()
    sim.wait_requests(2, done=True)
    for number, word in enumerate(("success", "failure", "success", "partial_success")):
        sim.add_task(f"t{number}", status="processing")
        place.event("processing")
        sim.set_status(f"t{number}", word)
        place.event(word)
    place.stop()

    def ids(*words: str) -> list[str]:
        return [json.loads(line)["task_id"] for line in place.ok("history", "--json", *words).splitlines()]

    assert ids("--status", "success") == ["t0", "t2"]
    assert ids("--status", "success,failure") == ["t0", "t1", "t2"]
    assert ids("--status=failed", "--status=partial_success") == ["t1", "t3"]
    assert ids("--status", "success", "--limit", "1") == ["t2"], "the newest"
    assert ids("--limit", "1", "--since", "1h") == ["t3"]
    assert ids("--source", "telnyx", "--limit", "1") == ["t3"]
    tomorrow = datetime.now().astimezone() + timedelta(days=1)
    assert ids("--since", tomorrow.isoformat()) == []
    assert len(ids("--since", (tomorrow - timedelta(days=3)).strftime("%Y-%m-%d"))) == 8
    assert ids("--limit", "1", "--since", "1h ago") == ["t3"]
    assert ids("t2", "t0", "--status", "success") == ["t0", "t2"]
    assert ids("t1", "--limit", "1") == ["t1"] and ids("t") == [] and ids("nobody") == []
    table = place.ok("history", "--status", "success")
    assert re.match(r"TIME +ID +EVENT +SOURCE +TASK +ABOUT\n\d{4}-\d\d-\d\dT[\d:.]+Z +\d+ +success +telnyx +t0 ", table)
    assert "\033" not in table
    assert "\033[32m" in place.ok("history", "--color=always", "--status", "success")


@pytest.mark.parametrize("words", ["list", "show x", "wait x", "watch --once", "check", "test log", "doctor"])
def test_a_source_that_is_not_configured_is_misuse(place: Place, sim: Simulator, words: str) -> None:
    place.write(SOURCE.format(url=sim.url))
    done = place.run(*words.split(), "--source", "telnix")
    assert (done.returncode, done.stdout) == (64, ""), done
    assert "no source is called 'telnix'; did you mean 'telnyx'?" in done.stderr
    assert sim.requests() == [] and not place.state.exists()


def test_history_of_a_source_that_nobody_knows(place: Place, sim: Simulator) -> None:
    def refused(name: str) -> str:
        done = place.run("history", "--source", name)
        assert (done.returncode, done.stdout) == (64, ""), done
        return done.stderr

    place.write(SOURCE.format(url=sim.url) + "sinks = ();")
    assert "did you mean 'telnyx'?" in refused("telnix"), "also where there is no state yet"
    assert not place.state.exists()
    assert place.ok("history", "--source", "telnyx") == ""
    sim.add_task("t1", status="success")
    place.write(place.config.read_text().replace("timeout", 'first_run = "all"; timeout'))
    assert place.run("watch", "--once").returncode == 0
    assert "no source is called 'other'; there are: telnyx\n" in refused("other")
    place.write(SOURCE.format(url=sim.url).replace('"telnyx"', '"new"', 1))
    assert place.ok("history", "--source", "new") == "", "configured, and nothing seen yet"
    assert "t1" in place.ok("history", "--source", "telnyx"), "no longer configured, but it has a past"
    assert "there are: new\n" in refused("other")
    place.write("not a configuration")
    assert place.ok("history", "--source", "other") == "", "nobody can tell"


def test_a_terminal_gets_short_lines_and_times_for_people(place: Place, sim: Simulator) -> None:
    place.write(SOURCE.format(url=sim.url) + "sinks = ();")
    place.watch()
    sim.wait_requests(2, done=True)
    sim.add_task("t1", status="processing", name="a very long name " * 10)
    place.event("processing")
    place.stop()
    ours, theirs = open_terminal()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    env = {**place.env, "TERM": "xterm"}
    assert place.run("history", capture_output=False, stdout=theirs, env=env).returncode == 0
    os.close(theirs)
    shown = re.sub(r"\033\[[0-9;]*m", "", os.read(ours, 65536).decode())
    os.close(ours)
    lines = shown.splitlines()
    assert len(lines) == 2
    assert re.match(r"\d\d:\d\d:\d\d  \d+ ", lines[1])
    assert len(lines[1]) <= 90 and lines[1].endswith("…")
    assert "a very long name " * 9 in place.ok("history"), "elsewhere nothing is cut"


def test_status_is_degraded_while_the_source_is_down(place: Place, sim: Simulator) -> None:
    place.write(SOURCE.format(url=sim.url) + "sinks = ();")
    place.watch()
    until(lambda: place.run("status").returncode == 0)
    sim.down()
    until(lambda: place.run("status").returncode == 1)
    place.event("source_down")
    until(lambda: bool(place.status()["sources"][0]["down"]))
    source = place.status()["sources"][0]
    assert "cannot connect" in source["error"]
    assert source["failing_since"] is not None
    assert "down" in place.run("status").stdout
    assert place.run("status", "--source", "telnix").returncode == 64
    sim.up()
    until(lambda: place.run("status").returncode == 0)
    place.stop()


# --- redeliver


def test_redeliver_wakes_the_monitor(place: Place, sim: Simulator) -> None:
    good = place.root / "good"
    said = place.root / "said"
    hook = place.root / "hook"
    hook.write_text(f'#!/bin/sh\n[ -e "{good}" ] || exit 1\necho "$TASKBELL_EVENT_ID $TASKBELL_ATTEMPT" >>"{said}"\n')
    hook.chmod(0o700)
    place.write(
        SOURCE.format(url=sim.url).replace("100ms", "1h")
        + f'sinks = ( {{ name = "hook"; type = "exec"; command = [ "{hook}" ]; on = [ "success" ]; }} );'
    )
    sim.add_task("t1", status="processing")
    place.watch()
    sim.wait_requests(1, done=True)
    until(lambda: bool(place.status()["sources"] and place.status()["sources"][0]["active"]))
    assert place.monitor is not None
    sim.set_status("t1", "success")
    place.monitor.send_signal(signal.SIGUSR1)
    event = place.event("success")
    until(lambda: place.status()["sinks"][0]["failed"] == 1)
    assert place.run("status").returncode == 1, "a delivery was given up"
    sink = place.status()["sinks"][0]
    assert (sink["name"], sink["pending"], sink["healthy"]) == ("hook", 0, False)
    good.touch()
    assert place.run("redeliver", str(event["event_id"] + 1000)).returncode == 64
    done = place.run("redeliver", str(event["event_id"]))
    assert done.returncode == 0
    assert "1 delivery put back" in done.stderr
    until(lambda: place.status()["sinks"][0]["failed"] == 0 and said.exists() and said.read_text())
    assert said.read_text() == f"{event['event_id']} 1\n", "the same event, its attempts anew"
    assert "no failed delivery" in place.run("redeliver", str(event["event_id"])).stderr
    place.stop()


def test_redeliver_of_one_source(place: Place, sim: Simulator) -> None:
    good = place.root / "good"
    said = place.root / "said"
    one = f'{{ type = "telnyx-embeddings"; name = "NAME"; base_url = "{sim.url}"; first_run = "all"; }}'
    place.write(
        f'sources = ( {one.replace("NAME", "one")}, {one.replace("NAME", "two")} );\n'
        'sinks = ( { name = "hook"; type = "exec"; on = [ "success" ]; attempts = 1; '
        f'shell = "test -e {good} && echo $TASKBELL_SOURCE >>{said}"; }} );'
    )
    sim.add_task("t1", status="success")
    assert place.run("watch", "--once").returncode == 0
    assert place.status()["sinks"][0]["failed"] == 2
    good.touch()
    done = place.run("redeliver", "--failed", "--source", "tow")
    assert (done.returncode, done.stdout) == (64, "") and "did you mean 'two'?" in done.stderr
    mine = json.loads(place.ok("history", "--json", "--source", "one"))["event_id"]
    done = place.run("redeliver", str(mine), "--source", "two")
    assert done.returncode == 64 and f"there is no event {mine} of source two" in done.stderr
    assert "1 delivery put back" in place.run("redeliver", "--failed", "--source", "two").stderr
    assert "no delivery has failed" in place.run("redeliver", "--failed", "--source", "two").stderr
    assert place.run("watch", "--once").returncode == 0
    assert said.read_text() == "two\n"
    assert place.status()["sinks"][0]["failed"] == 1


# --- test


def test_a_sample_goes_through_each_sink(place: Place) -> None:
    said = place.root / "said"
    place.write(
        'sinks = ( { name = "log"; type = "log"; format = "json"; on = [ "gone" ]; },\n'
        f'{{ name = "hook"; type = "exec"; shell = "cat >{said}"; }},\n'
        '{ name = "bad"; type = "exec"; shell = "echo no way >&2; exit 3"; } );'
    )
    done = place.run("test")
    assert done.returncode == 1
    lines = sorted(done.stdout.splitlines())
    assert [line.split(":")[0] for line in lines] == ["bad", "hook", "log"]
    assert lines[0].startswith("bad: failed: ")
    assert all(re.fullmatch(r"(hook|log): delivered in \d+ ms", line) for line in lines[1:])
    for text in (said.read_text(), (place.state / "events.log").read_text()):
        event = json.loads(text)
        assert event["event_id"] == 0
        assert "test" in event["message"]
    assert sorted(os.listdir(place.state)) == ["events.log"], "nothing else is made"
    assert place.run("test", "hook", "log").returncode == 0
    done = place.run("test", "hok")
    assert done.returncode == 64
    assert "did you mean 'hook'?" in done.stderr


def test_a_sample_carries_no_key(place: Place) -> None:
    said = place.root / "said"
    place.env.update(MY_KEY="SECRET1", MY_OTHER="fine")
    place.write(
        'sources = ( { name = "telnyx"; type = "telnyx-embeddings"; api_key = "env:MY_KEY"; } );\n'
        'sinks = ( { name = "hook"; type = "exec"; env = [ "MY_OTHER" ]; '
        f'shell = "env >{said}"; }} );'
    )
    assert place.run("test").returncode == 0
    env = said.read_text(encoding="utf-8")
    assert "MY_OTHER=fine" in env
    assert "SECRET1" not in env and "KEYSIM" not in env


def test_an_interrupted_test_leaves_no_hook_behind(place: Place) -> None:
    started = place.root / "started"
    os.mkfifo(started)
    place.write(f'sinks = ( {{ name = "hook"; type = "exec"; shell = "echo $$ >{started}; exec sleep 1000"; }} );')
    with subprocess.Popen([PROGRAM, "test"], env=place.env, stdout=subprocess.PIPE) as running:
        pid = int(started.read_text(encoding="ascii"))
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == -signal.SIGINT
    until(lambda: not alive(pid))


def test_a_desktop_without_a_bus_is_a_failure_that_says_so(place: Place) -> None:
    place.write('sinks = ( { name = "desktop"; type = "desktop"; } );')
    done = place.run("test")
    assert done.returncode == 1
    assert done.stdout.startswith("desktop: failed: ")
    assert "bus" in done.stdout


# --- doctor


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What is said of each, with its level in front."""
    found = re.findall(r"^(ok|warn|fail) +([^:\n]+): (.*)$", done.stdout, re.MULTILINE)
    return {what: f"{level} {text}" for level, what, text in found}


def test_doctor_finds_all_well(place: Place, sim: Simulator) -> None:
    place.write(SOURCE.format(url=sim.url) + 'sinks = ( { name = "log"; type = "log"; } );')
    sim.add_task("t1", status="processing")
    place.watch()
    until(lambda: bool(place.status()["running"]))
    done = place.run("doctor")
    found = findings(done)
    assert done.returncode == 0, done
    assert found["telnyx key"] == "ok env:TELNYX_API_KEY"
    assert found["telnyx DNS"].startswith("ok ")
    assert found["telnyx API"].endswith("1 active task")
    assert found["telnyx clock"].startswith("ok ")
    assert found["monitor"].startswith("ok ")
    assert found["state directory"] == f"ok {place.state}"
    assert "KEYSIM" not in done.stdout + done.stderr
    place.stop()
    command = 'api_key = "command:  echo KEYSIM"; interval'
    place.write(SOURCE.format(url=sim.url).replace("interval", command, 1) + "sinks = ();")
    done = place.run("doctor")
    assert findings(done)["telnyx key"] == "ok command:echo", "arguments are nobody's business"
    assert findings(done)["telnyx API"].startswith("ok ")


def test_doctor_names_what_fails_and_the_remedy(place: Place, sim: Simulator) -> None:
    key = place.root / "key"
    key.write_text("WRONG-KEY")
    key.chmod(0o600)
    place.write(
        SOURCE.format(url=sim.url).replace("interval", f'api_key = "file:{key}"; interval', 1)
        + 'sinks = ( { name = "desktop"; type = "desktop"; }, { name = "h"; type = "exec"; command = ["/no/such"]; } );'
    )
    sim.configure(date_skew=3600)
    done = place.run("doctor")
    found = findings(done)
    assert done.returncode == 1
    assert found["telnyx key"].startswith("ok file:")
    assert found["telnyx API"].startswith("fail ")
    assert found["telnyx clock"].startswith("warn is 3")
    assert "behind" in found["telnyx clock"]
    # whoever runs this may be logged in
    assert found["session bus"].startswith("fail ") or os.path.exists(f"/run/user/{os.getuid()}/bus")
    assert found["sink h"].startswith("fail /no/such ")
    assert found["monitor"].startswith("warn ")
    assert "WRONG-KEY" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for line, after in zip(lines, [*lines[1:], ""]):
        assert line.startswith(("ok ", "      ")) or after.startswith("      "), line
    assert not place.state.exists(), "it writes nothing"
    key.chmod(0o644)
    found = findings(place.run("doctor"))
    assert found["telnyx key"].startswith("fail ") and "chmod 600" in found["telnyx key"]


def test_doctor_tells_of_an_api_that_does_not_answer(place: Place, sim: Simulator) -> None:
    place.write(SOURCE.format(url=sim.url).replace("5s", "200ms") + "sinks = ();")
    sim.fault("hold", count=None)
    found = findings(place.run("doctor"))
    assert found["telnyx TLS"].startswith("ok ")
    assert found["telnyx API"].startswith("fail no answer from 127.0.0.1")
    sim.release()


def test_doctor_tells_a_dead_port_from_an_unknown_name(place: Place, sim: Simulator) -> None:
    url = sim.url
    sim.stop()
    place.write(SOURCE.format(url=url) + "sinks = ();")
    found = findings(place.run("doctor"))
    assert found["telnyx DNS"].startswith("ok ")
    assert found["telnyx connection"].startswith("fail cannot connect to 127.0.0.1")
    # longer than a label may be: no resolver asks the network for it
    place.write(SOURCE.format(url=f"https://{'x' * 64}.test/v2") + "sinks = ();")
    found = findings(place.run("doctor"))
    assert found["telnyx DNS"].startswith("fail ")
    assert "telnyx API" not in found


def test_doctor_trusts_no_certificate_by_itself(place: Place) -> None:
    with Simulator(tls=True) as sim:
        place.write(SOURCE.format(url=sim.url) + "sinks = ();")
        found = findings(place.run("doctor"))
        assert found["telnyx TLS"].startswith("fail ")
        ca_file = f'ca_file = "{sim.ca_file}"; interval'
        place.write(SOURCE.format(url=sim.url).replace("interval", ca_file, 1) + "sinks = ();")
        found = findings(place.run("doctor"))
        assert found["telnyx TLS"].startswith("ok certificate trusted")
        assert found["telnyx API"].startswith("ok ")


def test_doctor_asks_systemd_whether_the_unit_is_enabled(place: Place) -> None:
    tools = place.root / "bin"
    tools.mkdir()
    systemctl = tools / "systemctl"
    place.env["PATH"] = str(tools)
    place.write("sources = (); sinks = ();")
    assert findings(place.run("doctor"))["unit"].startswith("ok there is no systemd")
    for script, said in (
        ('[ "$*" = "--user is-enabled taskbell.service" ] && echo enabled', "ok taskbell.service is enabled"),
        ("echo disabled; exit 1", "warn taskbell.service is not enabled"),
        ("echo not-found; exit 4", "warn systemd's user manager says of taskbell.service: not-found"),
        ("kill -9 $$", "warn systemctl was ended by a signal"),
    ):
        systemctl.write_text(f"#!/bin/sh\n{script}\n")
        systemctl.chmod(0o700)
        assert findings(place.run("doctor"))["unit"].startswith(said)


def test_doctor_reads_a_broken_configuration_to_its_end(place: Place) -> None:
    place.write("intervall = 3;\nsinks = 3;\n")
    done = place.run("doctor")
    assert done.returncode == 1
    assert done.stdout.count("fail  configuration: ") == 2
    assert "state directory" in findings(done)


# --- what is kept from others


@pytest.mark.skipif(not os.path.exists("/proc/self/limits"), reason="there is no /proc")
def test_a_monitor_makes_no_core_file_and_files_for_others(place: Place, sim: Simulator) -> None:
    place.write(SOURCE.format(url=sim.url) + 'sinks = ( { name = "log"; type = "log"; } );')
    before = os.umask(0)
    place.watch()
    os.umask(before)
    until(lambda: place.status()["sources"] != [])
    assert place.monitor is not None
    limits = Path(f"/proc/{place.monitor.pid}/limits").read_text(encoding="ascii")
    assert re.search(r"Max core file size +0 ", limits)
    for path in place.state.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    place.stop()
