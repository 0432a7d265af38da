"""What `doctor` says of a desktop that takes notifications and shows none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import dbus
import pytest
from desktop import MOCK, NAME, PATH, Bus
from harness import until
from terminal import Terminal

GNOME = "org.gnome.desktop.notifications"
SCHEMAS = f"""<schemalist>
<schema id="{GNOME}" path="/org/gnome/desktop/notifications/">
<key name="show-banners" type="b"><default>true</default></key></schema>
<schema id="{GNOME}.application">
<key name="enable" type="b"><default>true</default></key>
<key name="show-banners" type="b"><default>true</default></key></schema>
</schemalist>"""


@pytest.fixture
def bus(user, tmp_path):
    session = Bus(str(tmp_path))
    user.env["DBUS_SESSION_BUS_ADDRESS"] = session.address
    user.configure({"type": "desktop"})
    session.serve()
    try:
        yield session
    finally:
        session.close()


@pytest.fixture
def others(bus):
    """Starts further services on the bus, by name, path and interface."""
    running = []

    def start(name, path, interface):
        argv = [sys.executable, "-m", "dbusmock", "--session", name, path, interface]
        env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus.address}
        running.append(subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        connection = dbus.bus.BusConnection(bus.address)
        until(lambda: connection.name_has_owner(name), name=name)
        return mock_of(connection, name, path)

    yield start
    for process in running:
        process.kill()
        process.wait()


def mock_of(connection, name, path):
    return dbus.Interface(connection.get_object(name, path, introspect=False), MOCK)


def server(bus):
    return mock_of(dbus.bus.BusConnection(bus.address), NAME, PATH)


def warned(user, what, **env):
    """What is said of it, with the remedy; None: nothing."""
    lines = user.run("doctor", env=env).out.splitlines()
    assert any(line.startswith("ok    notification server: ") for line in lines), lines
    found = [" ".join(lines[i : i + 2]) for i, line in enumerate(lines) if line.startswith(f"warn  {what}: ")]
    assert len(found) <= 1
    return found[0] if found else None


def test_a_server_without_a_word_on_it_is_not_suspected(user, bus):
    for desktop in ("", "GNOME", "KDE", "XFCE"):
        for what in ("do-not-disturb", "desktop settings"):
            assert warned(user, what, XDG_CURRENT_DESKTOP=desktop) is None


@pytest.mark.parametrize("interface, name, said", [
    (NAME, "Inhibited", "it is on"),
    ("org.dunstproject.cmd0", "paused", "dunst is paused"),
])
def test_a_server_that_says_it_is_silent(user, bus, interface, name, said):
    server(bus).AddProperty(interface, name, dbus.Boolean(False))
    assert warned(user, "do-not-disturb") is None
    server(bus).UpdateProperties(interface, {name: dbus.Boolean(True)})
    assert said in warned(user, "do-not-disturb")


def test_a_server_that_hangs_at_the_question_does_not_hold_doctor(user, bus):
    server(bus).AddMethod("org.freedesktop.DBus.Properties", "Get", "ss", "v", "import time; time.sleep(60)")
    assert warned(user, "do-not-disturb") is None


def test_do_not_disturb_of_swaync(user, bus, others):
    name = "org.erikreider.swaync.cc"
    mock = others(name, "/org/erikreider/swaync/cc", name)
    mock.AddMethod(name, "GetDnd", "", "b", "ret = False")
    assert warned(user, "do-not-disturb") is None
    mock.AddMethod(name, "GetDnd", "", "b", "ret = True")
    assert "swaync-client --dnd-off" in warned(user, "do-not-disturb")
    mock.AddMethod(name, "GetDnd", "", "b", "ret = False")
    mock.AddProperty(name, "Inhibited", dbus.Boolean(True))
    assert "swaync-client -Ic" in warned(user, "do-not-disturb")


def test_settings_of_xfce(user, bus, others):
    name = "org.xfce.Xfconf"
    mock = others(name, "/org/xfce/Xfconf", name)
    values = {"/do-not-disturb": False, "/applications/muted_applications": ["thunar"]}

    def set_values():
        mock.AddMethod(name, "GetProperty", "ss", "v", f"ret = {values!r}[args[1]]")

    set_values()
    for what in ("do-not-disturb", "desktop settings"):
        assert warned(user, what, XDG_CURRENT_DESKTOP="XFCE") is None
    values.update({"/do-not-disturb": True, "/applications/muted_applications": ["thunar", "taskbell"]})
    set_values()
    assert "xfconf-query" in warned(user, "do-not-disturb", XDG_CURRENT_DESKTOP="XFCE")
    assert "taskbell" in warned(user, "desktop settings", XDG_CURRENT_DESKTOP="XFCE")
    assert warned(user, "do-not-disturb", XDG_CURRENT_DESKTOP="sway") is None, "the settings of another desktop"


def test_settings_of_gnome(user, bus):
    if not shutil.which("glib-compile-schemas"):
        pytest.skip("there is no glib-compile-schemas")
    os.makedirs(user.path(".config/glib-2.0/settings"))
    schemas = user.path("schemas")
    os.makedirs(schemas)
    user.write("schemas/test.gschema.xml", SCHEMAS)
    subprocess.run(["glib-compile-schemas", schemas], check=True)
    env = {"XDG_CURRENT_DESKTOP": "ubuntu:GNOME", "GSETTINGS_BACKEND": "keyfile", "GSETTINGS_SCHEMA_DIR": schemas}
    app = "[org/gnome/desktop/notifications/application/taskbell]\n"

    def settings(text):
        user.write(".config/glib-2.0/settings/keyfile", text)

    settings("[org/gnome/desktop/notifications]\nshow-banners=false\n")
    assert "show-banners true" in warned(user, "do-not-disturb", **env)
    assert warned(user, "desktop settings", **env) is None
    assert warned(user, "do-not-disturb", **{**env, "XDG_CURRENT_DESKTOP": "KDE"}) is None
    settings(app + "enable=false\n")
    assert warned(user, "do-not-disturb", **env) is None
    assert "shows none" in warned(user, "desktop settings", **env)
    settings(app + "show-banners=false\n")
    assert "popups" in warned(user, "desktop settings", **env)


def test_popups_that_kde_has_switched_off(user, bus):
    def settings(app):
        user.write(".config/plasmanotifyrc", f"[Applications][{app}]\nSeen=true\nShowPopups=false\n\n[Other]\nX=y\n")

    settings("firefox")
    assert warned(user, "desktop settings", XDG_CURRENT_DESKTOP="KDE") is None
    settings("taskbell")
    assert "KDE" in warned(user, "desktop settings", XDG_CURRENT_DESKTOP="KDE")
    assert warned(user, "desktop settings", XDG_CURRENT_DESKTOP="GNOME") is None


def test_a_dead_address_is_told_with_the_bus_that_is_used(user, bus, tmp_path):
    dead = "unix:path=" + str(tmp_path / "gone")
    user.env["DBUS_SESSION_BUS_ADDRESS"] = dead
    user.env["XDG_RUNTIME_DIR"] = str(tmp_path)
    os.symlink(tmp_path / "bus.sock", tmp_path / "bus")
    said = warned(user, "session bus")
    assert dead in said and f"unix:path={tmp_path}/bus is used" in said and "unset DBUS_SESSION_BUS_ADDRESS" in said
    os.unlink(tmp_path / "bus")
    if not os.path.exists(f"/run/user/{os.getuid()}/bus"):
        done = user.run("doctor")
        assert done.code == 1 and "fail  session bus: no session bus: " in done.out and dead in done.out


def test_what_the_monitor_meets_with_is_told(user, sim, bus, tmp_path):
    """It was started elsewhere, and sees another session than this shell."""
    os.mkdir(tmp_path / "other")
    other = Bus(str(tmp_path / "other"))
    try:
        user.configure({"type": "desktop"}, {"name": "hook", "type": "exec", "command": ["/bin/false"]})
        user.watch(env={"DBUS_SESSION_BUS_ADDRESS": other.address})
        assert warned(user, "monitor") is None
        sim.add_task("x", status="success")
        user.settled("hook", pending=0, failed=1)
        assert "warn  monitor: hook fails: " in user.run("doctor").out
        until(lambda: "warn  monitor: desktop waits: " in user.run("doctor").out)
        assert "ok    notification server: " in user.run("doctor").out
    finally:
        user.leave()
        other.close()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(user, bus, columns):
    user.configure({"type": "desktop"}, {"name": "a" * 60, "type": "exec", "command": ["/no/such/program" * 9]})
    terminal = Terminal(columns)
    try:
        done = terminal.start(user, "doctor")
        terminal.wait(lambda rows: "unit" in " ".join(rows[-6:]), "the last finding")
        done.wait()
        assert not terminal.screen().wrapped, terminal.rows()
        rows = terminal.rows()
        # a word that has room for itself only, as a path may be, stands alone
        assert all(row.startswith(("ok  ", "warn", "fail", "      ")) or " " not in row for row in rows), rows
    finally:
        terminal.close()
