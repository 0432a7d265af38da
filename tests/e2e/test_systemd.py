"""The unit, in a real systemd user manager with a real journal, inside namespaces of its own.

Nothing of the machine is touched: the manager sees its own /run/systemd, its own journal and a cgroup that is
killed and removed at the end. Where namespaces are refused the tests are skipped and say why.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from harness import KEY, LIBEXEC, LOG, TASKBELL, lines, polls, read, until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SYSTEMD = "/usr/lib/systemd/systemd" if os.path.exists("/usr/lib/systemd/systemd") else "/lib/systemd/systemd"
UNIT = "taskbell.service"
PROGRAM = TASKBELL.replace(" ", r"\x20")  # as a unit writes a blank

# A new /run/systemd, a journal in memory, a cgroup of our own; then the shell becomes the manager.
# Mounts are shared as on a booted system, but with nobody outside: credentials come by such a mount.
STAGE = """set -eu
root=$1 group=$2
mount --make-rshared /
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system /run/systemd/journal
mkdir -p /run/log
mount -t tmpfs none /run/log
mkdir /run/log/journal
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 none /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$group"
echo $$ >"/sys/fs/cgroup/$group/cgroup.procs"
mount --bind "$root/journald.conf" /etc/systemd/journald.conf
%s-journald &
echo $! >"$root/journald.pid"
# a manager that starts before its journal listens never writes to it
until [ -S /run/systemd/journal/socket ]; do kill -0 $! && sleep 0.02; done
exec env -i HOME="$root/home" PATH=/usr/bin:/bin LANG=C.UTF-8 XDG_RUNTIME_DIR="$root/run" SYSTEMD_LOG_TARGET=journal "$3" --user
""" % SYSTEMD
JOURNALD = "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\nSyncIntervalSec=1\n"


def refusal():
    """Why there can be no user manager here; nothing when there can."""
    if sys.platform != "linux" or not os.path.exists(SYSTEMD) or not shutil.which("unshare"):
        return "no systemd here"
    probe = "mount -t tmpfs none /run && umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup && " \
            "d=/sys/fs/cgroup/probe$$ && mkdir $d && rmdir $d"
    done = subprocess.run(["unshare", "-m", "-C", "--propagation", "private", "sh", "-c", probe],
                          capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else "namespaces are refused here: " + done.stderr.strip().replace("\n", "; ")


@pytest.fixture(scope="module")
def possible():
    why = refusal()
    if why:
        pytest.skip(why)


class Manager:
    """`systemd --user` of a test's user. Commands run inside its mount namespace."""

    def __init__(self, user):
        self.user = user
        self.root = os.path.dirname(user.home)
        self.group = f"taskbell-test-{os.getpid()}-{os.path.basename(self.root)}"
        self.units = user.path(".config/systemd/user")
        os.makedirs(self.units)
        with open(os.path.join(self.root, "journald.conf"), "w", encoding="ascii") as file:
            file.write(JOURNALD)
        self.install()
        stage = ["unshare", "-m", "-C", "--propagation", "private", "sh", "-c", STAGE, "stage", self.root, self.group]
        self.out = open(os.path.join(self.root, "manager.log"), "w+b")
        self.process = subprocess.Popen([*stage, SYSTEMD], stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out)
        until(lambda: self.process.poll() is None and self.ctl("is-system-running", check=False).startswith("running"),
              name="the user manager")

    def install(self):
        """The unit as it is installed, with what the test's environment needs in the user's own file."""
        with open(os.path.join(TOP, "packaging/systemd/taskbell.service.in"), encoding="utf-8") as file:
            text = file.read().replace("@bindir@", os.path.dirname(PROGRAM))
        self.user.write(f".config/systemd/user/{UNIT}", text)
        passed = {k: v for k, v in self.user.env.items() if k.endswith("SAN_OPTIONS")}
        passed["TASKBELL_LIBEXEC"] = LIBEXEC
        self.user.write(".config/taskbell/environment", "".join(f"{k}={v}\n" for k, v in passed.items()))

    def dropin(self, name, text):
        os.makedirs(f"{self.units}/{UNIT}.d", exist_ok=True)
        self.user.write(f".config/systemd/user/{UNIT}.d/{name}.conf", text)
        self.ctl("daemon-reload")

    def shipped(self, name):
        with open(os.path.join(TOP, "packaging/systemd", f"{name}.conf"), encoding="utf-8") as file:
            self.dropin(name, file.read())

    def inside(self, *words, check=True):
        command = ["nsenter", "-m", "-r", "-t", str(self.process.pid), *words]
        env = {**self.user.env, "XDG_RUNTIME_DIR": f"{self.root}/run", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if check:
            assert done.returncode == 0, (words, done.stdout, done.stderr, self.journal())
        return done

    def ctl(self, *words, check=True):
        return self.inside("systemctl", "--user", "--no-pager", *words, check=check).stdout

    def show(self, name):
        return self.ctl("show", "-P", name, UNIT).strip()

    def wait_show(self, name, pattern):
        return until(lambda: re.search(pattern, self.show(name)), name=f"{name} like {pattern}").group()

    def journal(self):
        """What the service and the manager said of it: (priority, text) each."""
        self.inside("journalctl", "-D", "/run/log/journal", "--sync", check=False)
        done = self.inside("journalctl", "-D", "/run/log/journal", "-o", "json", "--no-pager", check=False)
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        return [(int(e["PRIORITY"]), e["MESSAGE"]) for e in entries
                if e.get("SYSLOG_IDENTIFIER") == "taskbell" or e.get("USER_UNIT") == UNIT]

    def wait_journal(self, pattern, priority=None):
        def found():
            return [(p, text) for p, text in self.journal()
                    if re.search(pattern, text) and priority in (None, p)]

        return until(found, name=f"'{pattern}' in the journal")[0]

    def processes(self):
        """The command lines of all that runs in the unit's cgroup."""
        group = self.show("ControlGroup")
        found = self.inside("sh", "-c", f"cat /sys/fs/cgroup{group}/cgroup.procs 2>/dev/null", check=False)
        return [read(f"/proc/{pid}/cmdline").split("\0") for pid in found.stdout.split()] if group else []

    def leave(self):
        """Kills all that was started here, however far it got."""
        if self.process.poll() is None:
            # one by one, so that the manager reaps it
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(read(f"{self.root}/journald.pid")), signal.SIGKILL)
            group = f"/sys/fs/cgroup/{self.group}"
            # a directory is free a moment after its last process has ended
            end = (f"echo $$ >/sys/fs/cgroup/cgroup.procs; echo 1 >{group}/cgroup.kill; n=0; "
                   f"while [ -d {group} ] && [ $((n += 1)) -lt 500 ]; do "
                   f"find {group} -depth -type d -exec rmdir {{}} ';' 2>/dev/null; sleep 0.01; done")
            subprocess.run(["nsenter", "-m", "-r", "-C", "-t", str(self.process.pid), "sh", "-c", end],
                           capture_output=True, check=False)
            self.process.kill()
        self.process.wait()
        self.out.close()


@pytest.fixture
def manager(possible, user):
    """A manager with the unit installed and nothing enabled; the key is where the documentation says."""
    user.write(".config/taskbell/api-key", KEY + "\n")
    user.configure(LOG)
    started = Manager(user)
    try:
        yield started
    finally:
        started.leave()


def begin(manager, sim, *words):
    """Starts the unit and returns when its first answer was taken in."""
    mark = sim.mark()
    manager.ctl(*(words or ("start",)), UNIT)
    polls(sim, 1, mark)


def hook(user, body, **keys):
    return {"name": "hook", "type": "exec", "command": [user.script("hook", body)], **keys}


def test_three_commands_and_an_end_is_told(manager, user, sim):
    assert manager.ctl("is-enabled", UNIT, check=False).strip() == "disabled"
    sim.add_task("a", status="processing")
    begin(manager, sim, "enable", "--now")
    assert manager.show("ActiveState") == "active"
    sim.set_status("a", "success")
    assert user.wait_log(1, task_id="a")[0]["event"] == "success"
    assert manager.ctl("is-enabled", UNIT).strip() == "enabled"


def test_ready_means_configured_and_locked(manager, user, sim):
    sim.add_task("a", status="processing")
    sim.add_task("b", status="queued")
    manager.ctl("start", UNIT)
    # start returns at READY=1, and then the lock is held: a second monitor is refused
    assert user.run("watch", "--once").code == 75
    assert manager.wait_show("StatusText", r"^2 active, last poll \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d") is not None
    sim.set_status("b", "failure")
    manager.wait_show("StatusText", r"^1 active, ")


def test_the_status_line_names_no_poll_that_was_not(manager, user, sim):
    sim.fault("status-500", count=None)
    manager.ctl("start", UNIT)
    assert manager.wait_show("StatusText", "^0 active, last poll none yet; telnyx: .+")


def test_the_journal_gets_priorities_and_no_stamps(manager, sim):
    begin(manager, sim)
    manager.ctl("stop", UNIT)
    said = [text for priority, text in manager.journal() if "watching 1 source" in text and priority == 5]
    assert len(said) == 1
    assert said[0].startswith("watching 1 source; state in /")


def test_reload_of_a_good_and_of_a_broken_file(manager, user, sim):
    begin(manager, sim)
    pid = manager.show("MainPID")
    user.configure(LOG, hook(user, 'echo "$TASKBELL_TASK_ID" >>"$HOME/ran"'))
    manager.ctl("reload", UNIT)
    manager.wait_journal("^configuration read again$", 5)
    sim.add_task("a", status="success")
    until(lambda: lines(user.path("ran")) == ["a"], name="the hook of the new configuration")
    user.configure_text("sources = (\n  { nmae = 1; } );\n")
    manager.ctl("reload", UNIT)
    assert f"{user.conf}:2: " in manager.wait_journal("nmae", 3)[1]
    manager.wait_journal("the old one stays", 3)
    sim.add_task("b", status="success")
    until(lambda: lines(user.path("ran")) == ["a", "b"], name="the hook of the old configuration")
    assert manager.show("MainPID") == pid
    assert manager.show("ActiveState") == "active"


def test_a_stop_ends_a_stubborn_hook_within_the_grace(manager, user, sim):
    body = 'trap "" TERM; if [ -e "$HOME/quick" ]; then last=true; else last="tail -f /dev/null"; fi\n' \
           'echo "$TASKBELL_EVENT_ID $TASKBELL_ATTEMPT" >>"$HOME/ran"; $last'
    user.configure(hook(user, body))
    begin(manager, sim)
    sim.add_task("a", status="success")
    until(lambda: lines(user.path("ran")), name="the hook")
    manager.ctl("stop", UNIT)
    # not killed by the manager's patience but ended by itself, and nothing is left
    assert manager.show("Result") == "success"
    assert manager.show("ExecMainStatus") == "0"
    assert manager.processes() == []
    user.write("quick", "")
    begin(manager, sim)
    until(lambda: len(lines(user.path("ran"))) == 2, name="the hook again")
    first, second = lines(user.path("ran"))
    assert first == second and first.endswith(" 1")


def test_the_watchdog_kills_a_stopped_process_and_it_starts_again(manager, user, sim):
    manager.dropin("test", "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=1s\nRestartSec=100ms\n")
    begin(manager, sim)
    pid = manager.show("MainPID")
    os.kill(int(pid), signal.SIGSTOP)
    manager.wait_show("NRestarts", "^1$")
    manager.wait_show("ActiveState", "^active$")
    assert manager.show("MainPID") not in (pid, "0")
    manager.wait_journal("[Ww]atchdog timeout")
    sim.add_task("a", status="success")
    user.wait_log(1, task_id="a")


def test_the_loop_feeds_the_watchdog_also_when_nothing_happens(manager, user, sim):
    user.configure(LOG, source={"interval": "1h", "idle_interval": "1h", "sweep_interval": "1h"})
    manager.dropin("test", "[Service]\nWatchdogSec=3s\n")
    manager.ctl("start", UNIT)
    first = int(manager.show("WatchdogTimestampMonotonic"))
    until(lambda: int(manager.show("WatchdogTimestampMonotonic")) > first + 7_500_000, name="five feedings")
    assert manager.show("NRestarts") == "0"


def test_kill_9_loses_nothing(manager, user, sim):
    manager.dropin("test", "[Service]\nRestartSec=1ms\n")
    body = 'if [ -e "$HOME/quick" ]; then last=true; else last="tail -f /dev/null"; fi\n' \
           'echo "$TASKBELL_TASK_ID" >>"$HOME/ran"; $last'
    user.configure(LOG, hook(user, body, concurrency=1))
    for n in range(3):
        sim.add_task(f"t{n}", status="processing")
    begin(manager, sim)
    sim.set_status("t0", "success")
    until(lambda: lines(user.path("ran")) == ["t0"], name="the hook")
    user.write("quick", "")
    os.kill(int(manager.show("MainPID")), signal.SIGKILL)
    sim.set_status("t1", "failure")
    sim.set_status("t2", "partial_success")
    manager.wait_show("NRestarts", "^1$")
    until(lambda: sorted(lines(user.path("ran"))) == ["t0", "t0", "t1", "t2"], name="every end, the hook's end in flight twice")
    ended = [(e["task_id"], e["event"]) for e in user.wait_log(3)]
    assert sorted(set(ended)) == [("t0", "success"), ("t1", "failure"), ("t2", "partial_success")]


def test_a_journal_that_goes_away_is_no_end_for_good(manager, user, sim):
    manager.dropin("test", "[Service]\nRestartSec=100ms\n")
    begin(manager, sim)
    first = manager.show("MainPID")
    os.kill(int(read(f"{manager.root}/journald.pid")), signal.SIGKILL)
    os.unlink(f"{manager.root}/journald.pid")
    manager.wait_show("NRestarts", "^[1-9]")
    assert manager.show("MainPID") != first


def test_the_key_is_a_credential_and_hooks_see_neither_it_nor_the_manager(manager, user, sim):
    user.configure(hook(user, 'env >"$HOME/env~"; mv "$HOME/env~" "$HOME/env"'))
    begin(manager, sim)
    main = manager.show("MainPID")
    assert KEY not in read(f"/proc/{main}/environ")
    assert "CREDENTIALS_DIRECTORY=" in read(f"/proc/{main}/environ")
    sim.add_task("a", status="success")
    until(lambda: lines(user.path("env")), name="the hook")
    names = {line.partition("=")[0] for line in lines(user.path("env"))}
    assert not names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY", "TELNYX_API_KEY"}
    assert KEY not in read(user.path("env"))


def test_hooks_get_the_display_of_a_session_that_begins_later(manager, user, sim):
    user.configure(hook(user, 'env >"$HOME/$TASKBELL_TASK_ID~"; mv "$HOME/$TASKBELL_TASK_ID~" "$HOME/$TASKBELL_TASK_ID"'))
    begin(manager, sim)

    def displays(task):
        sim.add_task(task, status="success")
        env = until(lambda: lines(user.path(task)), name="the hook")
        return {name: value for name, _, value in (line.partition("=") for line in env)
                if name in ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")}

    assert displays("before") == {}
    login = {"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0", "XAUTHORITY": "/run/it's mine/.Xauth"}
    manager.ctl("set-environment", *(f"{name}={value}" for name, value in login.items()), "LD_PRELOAD=/evil.so")
    tasks = (f"after{i}" for i in range(1000))
    until(lambda: displays(next(tasks)) == login, name="the session's display")
    manager.ctl("unset-environment", *login)
    until(lambda: displays(next(tasks)) == {}, name="no display")
    assert "LD_PRELOAD" not in "".join(read(user.path(name)) for name in os.listdir(user.home) if name.startswith("after"))


def test_without_the_key_file_it_does_not_start_and_says_so(manager, user):
    path = user.path(".config/taskbell/api-key")
    os.unlink(path)
    manager.ctl("enable", "--now", UNIT)
    assert manager.show("ActiveState") == "inactive"
    assert path in manager.ctl("status", UNIT, check=False)
    manager.wait_journal("skipped")


@pytest.mark.parametrize(("case", "code", "said"), [
    ("no key", 77, r"^no API key: "),
    ("no credential", 243, r"(?i)credential"),
    ("broken file", 78, r"taskbell\.conf:1: "),
    ("wrong option", 64, r"unknown option '--nonsense'"),
])
def test_what_would_fail_again_is_not_started_again(manager, user, case, code, said):
    if case == "no key":
        manager.shipped("key")
        os.unlink(user.path(".config/taskbell/api-key"))
    elif case == "no credential":
        manager.dropin("test", "[Unit]\nConditionPathExists=\n")
        os.unlink(user.path(".config/taskbell/api-key"))
    elif case == "broken file":
        user.configure_text("nonsense = 1;\n")
    else:
        manager.dropin("test", f"[Service]\nExecStart=\nExecStart={PROGRAM} watch --nonsense\n")
    manager.ctl("start", UNIT, check=False)
    manager.wait_show("ActiveState", "^failed$")
    assert manager.show("ExecMainStatus") == str(code)
    assert manager.show("NRestarts") == "0"
    manager.wait_journal(said, None if code == 243 else 3)


def test_a_key_from_elsewhere(manager, user, sim):
    os.unlink(user.path(".config/taskbell/api-key"))
    manager.shipped("key")
    user.write(".config/taskbell/environment", read(user.path(".config/taskbell/environment")) + f"TELNYX_API_KEY={KEY}\n")
    sim.add_task("a", status="processing")
    begin(manager, sim)
    sim.set_status("a", "success")
    user.wait_log(1, task_id="a")


def test_hooks_work_under_the_hardening_drop_in(manager, user, sim):
    manager.shipped("hardening")
    # in a build with sanitizers: the search for leaks attaches to the process, which the filter forbids
    with open(user.path(".config/taskbell/environment"), "a", encoding="utf-8") as file:
        file.write("ASAN_OPTIONS=detect_leaks=0\n")  # the last one counts
    user.configure(LOG, hook(user, 'grep NoNewPrivs: /proc/self/status >"$HOME/ran~"; mv "$HOME/ran~" "$HOME/ran"'))
    begin(manager, sim)
    sim.add_task("a", status="success")
    user.wait_log(1, task_id="a")
    until(lambda: lines(user.path("ran")) == ["NoNewPrivs:\t1"], name="the hook")
    manager.ctl("stop", UNIT)
    assert manager.show("Result") == "success"


def test_the_rest_of_the_drop_in_leaves_only_the_state_to_write(manager, user, sim):
    with open(os.path.join(TOP, "packaging/systemd/hardening.conf"), encoding="utf-8") as file:
        text = re.sub(r"^#(?=[A-Z]\w+=)", "", file.read(), flags=re.MULTILINE)
    assert "\nProtectSystem=strict\n" in text
    refused = manager.inside("unshare", "-U", "true", check=False).stderr.strip()
    if refused:
        pytest.skip(f"user namespaces are refused here: {refused}")
    # the home of a test is in /tmp
    manager.dropin("hardening", text.replace("PrivateTmp=yes", ""))
    with open(user.path(".config/taskbell/environment"), "a", encoding="utf-8") as file:
        file.write("ASAN_OPTIONS=detect_leaks=0\n")  # the last one counts
    os.makedirs(user.state, 0o700)
    user.configure(LOG, hook(user, 'touch "$HOME/outside"; touch "$HOME/.local/state/taskbell/inside"'))
    begin(manager, sim)
    sim.add_task("a", status="success")
    user.wait_log(1, task_id="a")
    until(lambda: os.path.exists(f"{user.state}/inside"), name="the hook")
    assert not os.path.exists(user.path("outside"))


def test_the_unit_is_well_formed(manager):
    for dropin in ("none", "key", "hardening"):
        if dropin != "none":
            manager.shipped(dropin)
        done = manager.inside("systemd-analyze", "--user", "--man=no", "verify", f"{manager.units}/{UNIT}")
        assert (done.stdout, done.stderr) == ("", ""), dropin


def test_notifications_wait_for_a_desktop_that_comes_later(manager, user, sim):
    user.configure({"type": "desktop", "burst": 1, "window": "200ms"}, LOG)
    for n in range(4):
        sim.add_task(f"t{n}", status="processing")
    begin(manager, sim)
    for n in range(4):
        sim.set_status(f"t{n}", "success")
    user.wait_log(4)
    with desktop(manager, user) as calls:
        text = until(lambda: calls("Notify"), name="a notification")
        assert len(text) == 1, text
        assert "4" in text[0]
    manager.ctl("stop", UNIT)


def listens(path):
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(path) == 0


@contextlib.contextmanager
def desktop(manager, user):
    """A session bus where the user manager said it would be, and a notification server that takes notes."""
    address = f"unix:path={manager.root}/run/bus"
    notes = user.path("notes")
    bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", f"--address={address}"], stdin=subprocess.DEVNULL)
    server = None
    try:
        until(lambda: listens(f"{manager.root}/run/bus"), name="the bus")
        with open(notes, "w", encoding="utf-8") as out:
            server = subprocess.Popen([sys.executable, "-m", "dbusmock", "--session", "--template", "notification_daemon"],
                                      env={**user.env, "DBUS_SESSION_BUS_ADDRESS": address},
                                      stdin=subprocess.DEVNULL, stdout=out)
        yield lambda name: [line for line in lines(notes) if name in line]
    finally:
        for process in (server, bus):
            if process is not None:
                process.kill()
                process.wait()
