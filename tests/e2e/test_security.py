"""What the manual says under SECURITY CONSIDERATIONS: the key, the files, hostile text."""

from __future__ import annotations

import json
import os
import re
import resource
import secrets
import signal
import subprocess
import tempfile

import pytest
from harness import KEY, LOG, lines, mode, moved, polls, read, until
from unprivileged import NOBODY, as_uid, plain_user

HOSTILE = "a\x1b[31mred\x1b]0;t\x07\r\nb\x9b2J\u202ekcab\u2066x\u2028y\x7f%s%n%1$s<b>&amp;\\u0007\t`$(id)`'\"z"
# nothing of these may reach a terminal or a log; newlines stand only where we put them
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def harmless(text):
    assert not FORBIDDEN.search(text), repr(FORBIDDEN.search(text))
    return text.splitlines()


# --- the key


def test_the_key_is_in_no_argument_output_or_file(user, sim):
    """As loud as it can be, with every kind of key, refused and right; seen by a hook in /proc as well."""
    key = "key-" + secrets.token_hex(16)  # /proc has the processes of other tests too
    sim.configure(key=key)
    user.env["TELNYX_API_KEY"] = key
    hook = user.script("hook", "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null; echo; done "
                               ">>$HOME/seen; env >>$HOME/seen; cat >>$HOME/seen; echo end >>$HOME/seen; exit 1")
    user.write("key", key + "\n")
    teller = user.script("teller", "cat $HOME/key; echo told >&2")
    sources = [user.source(name="env"), user.source(name="file", api_key="file:" + user.path("key")),
               user.source(name="command", api_key=f"command:{teller}")]
    user.configure({"type": "exec", "name": "hook", "command": [hook]}, LOG, sources=sources)
    sim.add_task("x", status="processing")
    watch = user.watch("-v", "-v")
    moved(sim, ("x", "failure"))
    until(lambda: "end" in read(user.path("seen")))
    sim.fault("status-401", count=3)
    watch.wait_event(event="source_down")
    assert watch.stop() == 0
    for args in (["list", "-v"], ["show", "x", "-v"], ["check", "--print"], ["doctor"], ["status"], ["history"],
                 ["test", "hook"]):
        done = user.run(*args)
        assert key not in done.out + done.err, args
    assert key not in read(user.path("seen")) + watch.out.text() + watch.err.text()
    for top in (user.state, user.runtime):
        for directory, _, names in os.walk(top):
            for name in names:
                with open(os.path.join(directory, name), "rb") as file:
                    assert key.encode() not in file.read(), name


@pytest.mark.parametrize("literal", ["KEYSIM", "Bearer KEYSIM", "sk-KEYSIM"])
def test_a_literal_key_is_refused_and_not_shown(user, literal):
    user.configure(source={"api_key": literal})
    for args in (["check"], ["watch", "--once"], ["check", "--print"]):
        done = user.run(*args)
        assert done.code == 78 and "env:" in done.err and "file:" in done.err


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_a_key_file_that_others_can_use_is_refused(user, sim, bits):
    user.write("key", KEY, bits)
    user.configure(source={"api_key": "file:" + user.path("key")})
    done = user.run("watch", "--once")
    assert done.code in (77, 78) and user.path("key") in done.err and "chmod" in done.err
    assert user.run("list").code in (77, 78)
    assert sim.requests() == []


def test_a_key_file_of_somebody_else_is_refused(user, sim):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(user.write("key", KEY), 65534, 65534)
    user.configure(source={"api_key": "file:" + user.path("key")})
    assert user.run("list").code in (77, 78)
    assert sim.requests() == []


def test_a_command_for_the_key_that_fails_shows_why(user):
    teller = user.script("teller", "echo the vault is shut >&2; exit 3")
    user.configure(source={"api_key": f"command:{teller}"})
    done = user.run("list")
    assert done.code == 77 and "the vault is shut" in done.err


def test_a_command_for_the_key_has_ten_seconds(user):
    os.mkfifo(user.path("never"))
    teller = user.script("teller", "read -r _ <$HOME/never")
    user.configure(source={"api_key": f"command:{teller}"})
    done = user.run("list")
    assert done.code == 77 and "10 s" in done.err


@pytest.mark.parametrize("url", ["http://192.0.2.1/v2", "http://localhost.example.com/v2", "http://127.0.0.1.nip.io/v2",
                                 "http://user@192.0.2.1/v2", "ftp://127.0.0.1/v2", "file:///etc/passwd"])
def test_no_key_goes_in_clear_to_another_machine(user, url):
    user.configure(source={"base_url": url})
    assert user.run("check").code == 78
    assert user.run("list").code == 78


def test_a_crash_leaves_no_core_file(user, tmp_path):
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
        if not re.fullmatch(r"[\w.%-]+", file.read().strip()):
            pytest.skip("core files go elsewhere here")
    place = tmp_path / "place"
    place.mkdir()
    user.configure()
    limit = resource.getrlimit(resource.RLIMIT_CORE)[1]

    def unlimited():
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))

    if limit == 0:
        pytest.skip("no core files are allowed here")
    victim = subprocess.run(["sh", "-c", "kill -ABRT $$"], cwd=place, preexec_fn=unlimited)
    assert victim.returncode == -signal.SIGABRT
    if not os.listdir(place):
        pytest.skip("nobody leaves a core file here")
    for name in os.listdir(place):
        os.unlink(place / name)
    watch = user.watch(cwd=place, preexec_fn=unlimited)
    watch.popen.send_signal(signal.SIGABRT)
    assert watch.wait() == -signal.SIGABRT
    assert os.listdir(place) == []


SPY = """
import ctypes, os, subprocess, sys
pid, place = int(sys.argv[1]), sys.argv[2]
got = []
for name in ("environ", "mem", "maps", "fd", "cwd", "root", "io", "auxv"):
    path = f"/proc/{pid}/{name}"
    try:
        os.listdir(path) if name == "fd" else os.readlink(path) if name in ("cwd", "root") else open(path, "rb").read(0)
        got.append(name)
    except PermissionError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(16, pid, None, None) == 0:  # PTRACE_ATTACH
    os.waitpid(pid, 0)
    libc.ptrace(17, pid, None, None)
    got.append("ptrace")
try:
    if place:
        subprocess.run(["gcore", "-o", f"{place}/core", str(pid)], stdin=subprocess.DEVNULL, capture_output=True)
except OSError:  # there is none, or a directory of PATH may not be read
    pass
if place and os.listdir(place):
    got.append("gcore")
print(*got)
"""


def spied(pid, uid, place=""):
    """What a process of that uid can get of another; with a directory also a core of it."""
    if place:
        os.mkdir(place)
        os.chown(place, uid, uid)
    done = subprocess.run(["/usr/bin/python3", "-c", SPY, str(pid), place], capture_output=True, text=True, cwd="/",
                          **as_uid(uid))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_no_other_process_gets_at_the_key(sim):
    """Neither one of somebody else nor one of the same user; what that one could otherwise get shows `sleep`."""
    if os.environ.get("SANITIZE"):
        pytest.skip("the search for leaks at the end traces the program itself")
    if not os.path.exists("/usr/bin/python3"):
        pytest.skip("no python that everybody may run")
    with plain_user(sim) as user, tempfile.TemporaryDirectory(prefix="taskbell-spy-") as root:
        os.chmod(root, 0o755)
        user.configure(LOG)
        sim.add_task("x", status="processing")
        watch, wait = user.watch(), user.start("wait", "x")
        polls(sim, 3)
        sleep = subprocess.Popen(["sleep", "100"], env=user.env, **as_uid(user.uid))
        try:
            control = spied(sleep.pid, user.uid, f"{root}/control")
        finally:
            sleep.kill()
            sleep.wait()
        assert {"environ", "mem", "fd"} <= set(control)
        assert spied(watch.pid, user.uid, f"{root}/own") == []
        assert spied(watch.pid, NOBODY) == []
        assert spied(wait.pid, user.uid) == []
        wait.stop()
        assert watch.stop() == 0


# --- files


@pytest.mark.parametrize("mask", [0, 0o777])
def test_files_are_ours_alone_under_any_umask(user, sim, mask):
    user.configure(LOG, source={"first_run": "all"})
    sim.add_task("x", status="success")
    watch = user.watch(umask=mask)
    user.wait_log(1)
    assert mode(user.state) == 0o700
    for name in os.listdir(user.state):
        assert mode(os.path.join(user.state, name)) == 0o600, name
    assert watch.stop() == 0


@pytest.mark.parametrize("what", ["directory", "foreign", "state.db", "lock", "events.log"])
def test_links_and_foreign_owners_in_the_state_are_refused(user, tmp_path, what):
    user.configure(LOG)
    target = tmp_path / "elsewhere"
    if what == "directory":
        target.mkdir(mode=0o700)
        os.makedirs(os.path.dirname(user.state))
        os.symlink(target, user.state)
    elif what == "foreign":
        if os.geteuid() != 0:
            pytest.skip("only root can give a directory away")
        os.makedirs(user.state, 0o700)
        os.chown(user.state, 65534, 65534)
    else:
        os.makedirs(user.state, 0o700)
        target.write_bytes(b"precious")
        os.symlink(target, os.path.join(user.state, what))
    done = user.run("watch", "--once")
    assert done.code in (73, 74), done
    assert user.state in done.err
    if target.is_file():
        assert target.read_bytes() == b"precious"
    elif target.is_dir():
        assert os.listdir(target) == []


# --- hostile text


def test_hostile_text_deceives_no_terminal_no_log_and_no_table(user, sim):
    hook = user.script("hook", 'printf "%s" "$TASKBELL_TASK_NAME" >$HOME/env; printf "%s" "$1" >$HOME/arg; '
                               "cat >$HOME/stdin; printf '%s\\n' \"$TASKBELL_TASK_NAME\"")
    user.configure({"type": "exec", "name": "hook", "command": [hook, "{task_name}"]}, {"type": "log"})
    sim.add_task("x", name=HOSTILE, bucket=HOSTILE, user_id=HOSTILE, status="processing")
    watch = user.watch(json=False)
    harmless(user.run("list").out)
    harmless(user.run("list", "--color=never").out)
    harmless(user.run("show", "x").out)
    sim.set_status("x", "failure")
    until(lambda: read(user.path("stdin")).endswith("\n"))
    until(lambda: "failure" in read(os.path.join(user.state, "events.log")))
    assert watch.stop() == 0
    assert len(harmless(watch.out.text())) == 1
    harmless(watch.err.text())
    assert len(harmless(read(os.path.join(user.state, "events.log")))) == 1
    for args in (["history"], ["status"], ["wait", "x"], ["list", "--all"], ["show", "x"]):
        harmless(user.run(*args).out)
    # as data it is what it was
    assert read(user.path("arg")) == read(user.path("env")) == HOSTILE
    assert json.loads(read(user.path("stdin")))["task_name"] == HOSTILE
    row, end = user.run("list", "--all", "--json").out.split("\n")
    assert json.loads(row)["bucket"] == HOSTILE and end == ""
    assert json.loads(user.run("history", "--json").out.split("\n")[0])["task_name"] == HOSTILE


@pytest.mark.parametrize("body", [
    {"errors": [{"code": HOSTILE, "title": HOSTILE, "detail": HOSTILE}]},
    {"detail": [{"loc": ["query", HOSTILE], "msg": HOSTILE, "type": HOSTILE}]},
    {"detail": HOSTILE},
])
@pytest.mark.parametrize("status", [400, 422, 500])
def test_hostile_error_bodies_are_one_line(user, sim, body, status):
    user.configure()
    sim.fault("status", status=status, count=None, body=body, headers={"retry-after-ms": "100"})
    done = user.run("list")
    assert done.out == "" and len(harmless(done.err)) == 1, done.err
    harmless(user.run("doctor").out)


def test_a_table_of_ids_that_are_options_and_paths(user, sim):
    """They are encoded in a path, and nothing takes them for anything but ids."""
    names = ["--all", "../../admin", "a/b?c=d#e", "%2e%2e", "x y", "ü"]
    for name in names:
        sim.add_task(name, status="processing")
    user.configure(LOG)
    assert sorted(t["task_id"] for t in user.run("list", "--json").objects()) == sorted(names)
    mark = sim.mark()
    for name in names:
        assert user.run("show", "--json", "--", name).objects()[0]["task_id"] == name
    targets = [e.target.partition("?")[0] for e in sim.requests(mark)]
    assert all(t.startswith("/v2/ai/embeddings") and t.count("/") <= 4 for t in targets), targets
    assert lines(user.path("none")) == []
