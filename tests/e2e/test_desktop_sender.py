"""The process that shows notifications: how long it lives, whom it waits for, what it takes down again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import dbus
import pytest
from desktop import Bus, desktop, without_session
from harness import LIBEXEC, LOG, Stream, children, lives, moved, polls, read, until
from mounts import namespace

CRITICAL = 2


def ends(user, sim, name, status="success"):
    """A task that is found ended; returns when its event is stored."""
    before = len(user.events_log())
    sim.add_task(name, name=name, status=status)
    user.wait_log(before + 1)


def helper(pid):
    """The notification helper that a monitor runs; 0: none."""
    found = [child for child in children(pid) if read(f"/proc/{child}/comm").startswith("taskbell-notif")]
    assert len(found) <= 1
    return found[0] if found else 0


class Helper:
    """taskbell-notify, spoken with by hand."""

    def __init__(self, bus):
        self.popen = subprocess.Popen(
            [os.path.join(LIBEXEC, "taskbell-notify"), "--bus", bus.address], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={"PATH": "/usr/bin:/bin"},
        )
        self.out = Stream(self.popen.stdout)

    def ask(self, request, answer):
        """Sends a request, and returns what an answer that begins so says further."""
        before = len(self.out.lines())
        self.popen.stdin.write(request.encode() + b"\n\n")
        self.popen.stdin.flush()
        return self.says(answer, before)

    def says(self, answer, since=0):
        def found(lines):
            return [line for line in lines[since:] if line.startswith(answer)]

        return self.out.wait(found, name=answer)[0][len(answer):]


def test_the_helper_answers_each_request(bus):
    helper = Helper(bus)
    assert helper.ask("show: 1\nsummary: x", "absent: 1 ").startswith("no notification server")
    bus.serve("body actions")
    helper.says("server: :1.")
    helper.popen.stdin.close()
    assert helper.popen.wait(20) == 0
    bus.pose("gnome-shell", "48.7")  # only there a notification has something to click on
    helper = Helper(bus)
    assert helper.ask("show: 1\nsummary: one", "shown: 1 ") == "1"
    assert helper.ask("show: 7\nsummary: two", "shown: 7 ") == "2"
    assert helper.ask("show: 1\nsummary: changed\nbody: b", "shown: 1 ") == "1"
    assert helper.ask("show: 9\nurgency: x", "refused: 9 ") == "no summary"
    assert [(n["replaces"], n["summary"]) for n in bus.shown()] == [(0, "one"), (0, "two"), (1, "changed")]
    bus.emit("ActionInvoked", "us", 2, "default")
    helper.says("clicked: 7")
    bus.emit("NotificationClosed", "uu", 2, 2)
    assert helper.says("closed: 7 ") == "2"
    assert helper.ask("close: 1", "closed: 1 ") == "3"
    assert helper.ask("close: 7", "closed: 7 ") == "3"
    assert bus.taken_down() == [1]
    bus.refuse()
    assert helper.ask("show: 2\nsummary: x", "refused: 2 ") == "no room"
    bus.kill_server()
    helper.says("gone:")
    assert helper.ask("show: 2\nsummary: x", "absent: 2 ").startswith("no notification server")
    bus.end()
    assert helper.popen.wait(20) == 69
    bus.start()


def test_it_is_sent_when_the_server_gets_it(bus, tmp_path):
    """Not when libnotify asks for a version first, which may take as long: the limit of the answer begins here."""
    bus.serve("body")
    asked = tmp_path / "asked"
    asked.touch()
    bus.tell_slowly(str(asked), 2)
    helper = Helper(bus)
    helper.ask("show: 1\nsummary: x", "sent: 1")
    before = asked.read_text()
    helper.says("shown: 1 ")
    assert asked.read_text() == before != ""
    helper.popen.stdin.close()
    assert helper.popen.wait(20) == 0


def test_what_stays_on_the_screen_is_not_forgotten(bus):
    """Whatever else was shown since, by a server that does not tell when something has gone."""
    bus.serve("body")
    helper = Helper(bus)
    helper.ask("show: 1\nsummary: down\nurgency: critical", "shown: 1 ")
    for number in range(2, 250):
        helper.ask(f"show: {number}\nsummary: up", f"shown: {number} ")
    assert helper.ask("show: 1\nsummary: still down\nurgency: critical", "shown: 1 ") == "1"
    assert helper.ask("close: 1", "closed: 1 ") == "3"
    assert bus.shown()[-1]["replaces"] == 1 and bus.taken_down() == [1]
    helper.popen.stdin.close()
    assert helper.popen.wait(20) == 0


def test_the_sender_lives_as_long_as_the_monitor(user, sim, bus):
    bus.serve()
    user.configure(desktop(), {**desktop(), "name": "second", "on": ["failure"]}, LOG)
    watch = user.watch()
    assert helper(watch.pid) == 0, "nothing to show yet"
    ends(user, sim, "a")
    bus.wait_shown(1)
    sender = bus.sender()
    assert helper(watch.pid) == sender
    ends(user, sim, "b", "failure")
    bus.wait_shown(3)
    user.settled("desktop", pending=0)
    assert bus.sender() == sender == helper(watch.pid)
    # it has none of the monitor's secrets, and ends with it however that ends
    assert "TELNYX" not in read(f"/proc/{sender}/environ")
    watch.popen.kill()
    until(lambda: not lives(sender), name="the end of the helper")


def test_a_helper_that_dies_is_replaced(user, sim, bus):
    bus.serve()
    user.configure(desktop(), LOG)
    watch = user.watch()
    ends(user, sim, "a")
    bus.wait_shown(1)
    first = bus.sender()
    os.kill(first, signal.SIGKILL)
    until(lambda: helper(watch.pid) == 0, name="the monitor to see the end of the helper")
    ends(user, sim, "b")
    assert bus.wait_shown(2)[1]["summary"].startswith("b ")
    assert bus.sender() != first
    assert watch.stop() == 0


@pytest.mark.parametrize("seconds", [1.2, 3])
def test_a_slow_server_gets_each_once(user, sim, bus, seconds):
    bus.serve()
    bus.slow(seconds)
    user.configure(desktop(), LOG)
    watch = user.watch()
    ends(user, sim, "a")
    user.settled("desktop", pending=0, failed=0)
    ends(user, sim, "b", "failure")
    user.settled("desktop", pending=0, failed=0)
    assert [note["summary"].split()[0] for note in bus.shown()] == ["a", "b"]
    assert not [line for line in watch.err.lines() if "desktop: " in line], "nothing has failed"


def test_an_answer_after_libnotify_has_given_up(user, sim, bus):
    """It does after 25 s; the answer that comes within 30 is still one."""
    bus.serve()
    user.configure(desktop(), LOG)
    user.watch()
    ends(user, sim, "a")
    bus.wait_shown(1)
    bus.hang()
    begin = time.monotonic()
    ends(user, sim, "b")
    until(lambda: time.monotonic() - begin > 26.5)
    bus.answer()
    user.settled("desktop", pending=0, failed=0)
    assert [note["summary"].split()[0] for note in bus.shown()] == ["a", "b"]


@pytest.mark.parametrize("starts, said", [("exit 1", "no notification server: "), ("exec sleep 60", "it does not start")])
def test_a_server_that_does_not_start_is_waited_for(user, sim, tmp_path, starts, said):
    """It is started once, no attempt is counted, and whoever comes is told at once."""
    session = Bus(str(tmp_path), starts=starts)
    user.env["DBUS_SESSION_BUS_ADDRESS"] = session.address
    try:
        user.configure(desktop(max_age="1s"), LOG)
        watch = user.watch()
        ends(user, sim, "a")
        until(lambda: said in (user.sink("desktop")["waiting"] or ""), name=f"the status says '{said}'")
        ends(user, sim, "b")
        polls(sim, 12)  # longer than max_age
        state = user.sink("desktop")
        assert (state["pending"], state["failed"], state["last_failure"], session.starts()) == (2, 0, None, 1)
        session.serve()
        assert "2 tasks" in session.wait_shown(1)[0]["summary"]
        user.settled("desktop", pending=0, waiting=None)
        assert watch.stop() == 0
    finally:
        user.leave()
        session.close()


def test_a_server_is_started_anew_for_a_new_session(user, sim, tmp_path):
    """Nobody starts dunst or mako but the first notification; before the login they cannot be started."""
    mock = f"'{sys.executable}' -m dbusmock --session"
    session = Bus(str(tmp_path), starts=f"[ -e login ] || exit 1\nexec {mock} -t notification_daemon")
    user.env["DBUS_SESSION_BUS_ADDRESS"] = session.address
    name, path = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
    manager = subprocess.Popen(
        [sys.executable, "-m", "dbusmock", "--session", name, path, f"{name}.Manager"],
        env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": session.address}, stdin=subprocess.DEVNULL,
    )
    try:
        environment = session.mock(name, path)
        environment.AddProperty(f"{name}.Manager", "Environment", dbus.Array(["LANG=C", "PATH=/bin"], signature="s"))
        user.configure(desktop(), LOG)
        user.watch()
        ends(user, sim, "a")
        until(lambda: user.sink("desktop")["waiting"], name="the sink waits")
        (tmp_path / "login").touch()
        display = dbus.Array(["LANG=C", "WAYLAND_DISPLAY=wayland-1"], signature="s")
        environment.UpdateProperties(f"{name}.Manager", {"Environment": display})
        user.settled("desktop", pending=0, waiting=None)
        assert session.starts() == 2
    finally:
        user.leave()
        manager.kill()
        manager.wait()
        session.close()


DIES = """
import os, dbus, dbus.service, dbus.mainloop.glib
from gi.repository import GLib
NAME = "org.freedesktop.Notifications"
class Server(dbus.service.Object):
    @dbus.service.method(NAME, out_signature="as")
    def GetCapabilities(self): return ["body"]
    @dbus.service.method(NAME, out_signature="ssss")
    def GetServerInformation(self): return "dies", "x", "1", "1.2"
    @dbus.service.method(NAME, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout): os._exit(1)
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
server = Server(dbus.service.BusName(NAME, dbus.SessionBus()), "/org/freedesktop/Notifications")
GLib.MainLoop().run()
"""


def test_a_server_that_dies_of_each_notification(user, sim, tmp_path):
    """The bus starts it again, but it is not asked as fast as it dies."""
    (tmp_path / "dies.py").write_text(DIES)
    session = Bus(str(tmp_path), starts=f"exec '{sys.executable}' dies.py")
    user.env["DBUS_SESSION_BUS_ADDRESS"] = session.address
    try:
        user.configure(desktop(), LOG)
        watch = user.watch()
        ends(user, sim, "a")
        watch.wait_error("desktop: event .* again in")
        assert user.sink("desktop")["pending"] == 1
    finally:
        user.leave()
        session.close()


def test_the_status_does_not_wait_for_a_poll(user, sim):
    """The next one is a minute away when the sink finds that there is no bus."""
    without_session()
    user.configure(desktop(), LOG, source={"idle_interval": "1m", "sweep_interval": "1m"})
    sim.add_task("a", status="processing")
    user.watch()
    user.known()
    sim.set_status("a", "success")
    user.wait_log(1)
    until(lambda: user.sink("desktop")["waiting"], 30, name="the status says that it waits")


def test_without_a_monitor_what_waits_is_not_well(user, sim):
    without_session()
    user.configure(desktop(), LOG)
    assert user.run("watch", "--once").code == 0
    sim.add_task("a", status="success")
    assert user.run("watch", "--once").code == 0
    state = user.sink("desktop")
    assert (state["pending"], state["waiting"]) == (1, "no monitor is running")


def test_cron_finds_the_bus_of_the_session(user, sim, tmp_path):
    """Neither an address nor a runtime directory: the socket is where logind makes it."""
    run = f"/run/user/{os.getuid()}"
    place = tmp_path / "session"
    place.mkdir(0o700)
    wrap = namespace(f"mkdir -p {run} && mount --bind '{place}' {run}")
    session = Bus(str(place), "bus")
    try:
        session.serve()
        user.configure(desktop(), LOG)
        env = {"XDG_RUNTIME_DIR": None, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
        assert user.run("watch", "--once", wrap=wrap, env=env).code == 0
        sim.add_task("a", name="a", status="success")
        assert user.run("watch", "--once", wrap=wrap, env=env).code == 0
        assert session.wait_shown(1)[0]["summary"].startswith("a ")
    finally:
        session.close()


@pytest.mark.parametrize("server, version, hidden", [
    ("gnome-shell", "48.7", True), ("gnome-shell", "46.rc", True), ("gnome-shell", "43.9", False), ("Plasma", "48", False),
])
def test_one_that_ends_hides_what_it_is(user, sim, bus, server, version, hidden):
    """GNOME Shell from 46 on closes what a sender with a desktop file leaves."""
    bus.serve()
    bus.pose(server, version)
    user.configure(desktop(), LOG)
    assert user.run("test", "desktop").code == 0
    assert user.run("watch", "--once").code == 0
    sim.add_task("a", name="a", status="success")
    assert user.run("watch", "--once").code == 0
    watch = user.watch()
    ends(user, sim, "b")
    test, once, monitor = bus.wait_shown(3)
    for note in (test, once):
        assert ("desktop-entry" in note["hints"], note["app"] == "taskbell") == (not hidden, not hidden)
    assert (monitor["hints"]["desktop-entry"], monitor["app"]) == ("taskbell", "taskbell")
    assert watch.stop() == 0


@pytest.mark.parametrize("capabilities, sound, want", [
    ("body sound", True, {"a": "complete", "b": "dialog-error"}), ("body sound", False, {}), ("body", True, {}),
])
def test_a_sound_where_the_server_has_them(user, sim, bus, capabilities, sound, want):
    bus.serve(capabilities)
    user.configure(desktop(sound=sound), LOG)
    user.watch()
    ends(user, sim, "a")
    ends(user, sim, "b", "failure")
    for note in bus.wait_shown(2):
        assert note["hints"].get("sound-name") == want.get(note["summary"].split()[0])


def test_what_is_over_is_taken_down(user, sim, bus):
    """A source that is reached again, and tasks that were stuck."""
    bus.serve()
    user.configure(desktop(), LOG, source={"down_after": "300ms", "stuck_after": "1s"})
    sim.add_task("x", name="x", status="processing")
    watch = user.watch()
    stuck = bus.wait_shown(1)[0]
    assert stuck["summary"] == "x is stuck" and stuck["hints"]["urgency"] == CRITICAL
    sim.down()
    down = bus.wait_shown(2)[1]
    assert down["hints"]["urgency"] == CRITICAL and down["replaces"] == 0
    sim.up()
    watch.send(signal.SIGUSR1)
    up = bus.wait_shown(3)[2]
    assert (up["replaces"], up["hints"]["urgency"]) == (2, 1)
    moved(sim, ("x", "success"))
    over = bus.wait_shown(4)[3]
    assert (over["summary"], over["replaces"], over["hints"]["urgency"]) == ("x finished", 1, 1)
    user.settled("desktop", pending=0)


def test_failures_become_one_and_begin_anew_when_it_is_closed(user, sim, bus):
    bus.serve("body actions")
    user.configure(desktop(burst=2), LOG, source={"explain": False})
    user.watch()
    for i in range(4):
        ends(user, sim, f"t{i}", "failure")
        bus.wait_shown(i + 1)
    notes = bus.shown()
    assert [note["replaces"] for note in notes] == [0, 0, 1, 1]
    assert notes[3]["summary"] == "4 tasks failed"
    assert notes[3]["body"].split("\n") == [f"t{i} failed" for i in (3, 2, 1, 0)]
    until(lambda: bus.taken_down() == [2], name="the other one is taken down")
    bus.emit("NotificationClosed", "uu", 1, 2)
    ends(user, sim, "t4", "failure")
    last = bus.wait_shown(5)[4]
    assert (last["summary"], last["replaces"]) == ("t4 failed", 0)
    user.settled("desktop", pending=0)


@pytest.mark.parametrize("server, version, actions, lines", [
    ("gnome-shell", "48.7", ["default", "Open"], 1), ("gnome-shell", "43.9", ["default", "Open"], 2),
    ("Xfce Notify Daemon", "0.7.3", [], 2),
])
def test_what_a_server_makes_of_clicks_and_lines(user, sim, bus, server, version, actions, lines):
    """GNOME puts all away at a click on one without an action, and joins lines; Xfce shows a button for each action."""
    bus.serve("body actions")
    bus.pose(server, version)
    user.configure(desktop(), LOG)
    sim.add_task("x", name="x", bucket="docs", status="processing")
    sim.set_bucket("docs", [("a.pdf", "failure", "empty")])
    watch = user.watch()
    moved(sim, ("x", "failure"))
    note = bus.wait_shown(1)[0]
    assert note["actions"] == actions and len(note["body"].split("\n")) == lines
    assert note["body"].startswith("bucket docs") and "a.pdf: empty" in note["body"]
    assert note["hints"]["image-path"] == "dialog-error"
    if actions:  # a click is told, and does nothing; then it is closed
        bus.emit("ActionInvoked", "us", 1, "default")
    bus.emit("NotificationClosed", "uu", 1, 2)
    ends(user, sim, "y", "failure")
    assert bus.wait_shown(2)[1]["replaces"] == 0
    assert watch.stop() == 0


def test_no_wall_of_lines(user, sim, bus):
    bus.serve()
    user.configure(desktop(window="500ms"), LOG, source={"explain": False})
    user.watch()
    with sim.world.lock:
        for i in range(60):
            sim.add_task(f"t{i}", name=f"customer-{i}-embeddings", status="failure")
    note = bus.wait_shown(1)[0]
    assert note["summary"] == "60 tasks failed"
    assert len(note["body"].split("\n")) == 8 and note["body"].endswith("and 53 more")
    user.settled("desktop", pending=0)


def test_late_ones_say_when(user, sim, bus):
    """It ended an hour before it is shown; local time."""
    user.env["TZ"] = "UTC0"
    bus.serve()
    user.configure(desktop(), LOG)
    user.watch()
    sim.add_task("late", name="late", age=7200, plan=[("processing", 0), ("success", 3600)])
    ended = time.strftime("%H:%M", time.gmtime(sim.now() - 3600))
    body = bus.wait_shown(1)[0]["body"]
    assert "ended " in body and ended in body
