"""A session bus and notification servers on it, for tests: the daemon is real, the servers are dbusmock's."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

import dbus
import dbus.bus
import pytest
from harness import lines, until

NAME, PATH, MOCK = "org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.DBus.Mock"
# no service files but our own: what is installed here must not be started by the bus
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>{services}
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"""


def desktop(**keys: Any) -> dict[str, Any]:
    """A sink that shows soon."""
    return {"type": "desktop", "window": "100ms", **keys}


def without_session() -> None:
    """For a test that needs a user who is not logged in: whoever runs it may be."""
    if os.path.exists(f"/run/user/{os.getuid()}/bus"):
        pytest.skip("it would find the session bus of whoever runs this")


class Bus:
    """A private session bus. Its servers and itself are ended by `close`."""

    def __init__(self, directory: str, socket: str = "bus.sock", starts: str = "") -> None:
        """`starts`: a shell command by which the bus starts a notification server."""
        self._directory = directory
        self._socket = os.path.join(directory, socket)
        self.address = f"unix:path={self._socket}"
        config = os.path.join(directory, "bus.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(BUS_CONFIG.format(path=self._socket, services=self._service(starts) if starts else ""))
        self._config = config
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    def _service(self, starts: str) -> str:
        script = os.path.join(self._directory, "server.sh")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncd '{self._directory}'\necho $$ >>starts\n{starts}\n")
        os.chmod(script, 0o700)
        with open(os.path.join(self._directory, "server.service"), "w", encoding="utf-8") as file:
            file.write(f"[D-BUS Service]\nName={NAME}\nExec={script}\n")
        return f"<servicedir>{self._directory}</servicedir>"

    def starts(self) -> int:
        """How often the bus has started a server."""
        return len(lines(os.path.join(self._directory, "starts")))

    def start(self) -> None:
        self._daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self._config}", "--nofork", "--nopidfile"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self._connection = until(self._connect, name="the session bus")

    def end(self) -> None:
        """The bus dies, with the server on it; `start` is another one at the same address."""
        self.kill_server()
        self._connection.close()
        self._daemon.kill()
        self._daemon.wait()
        if os.path.exists(self._socket):
            os.unlink(self._socket)

    def _connect(self) -> dbus.bus.BusConnection | None:
        """The socket is there a moment before somebody listens."""
        try:
            return dbus.bus.BusConnection(self.address)
        except dbus.DBusException:
            return None

    def serve(self, capabilities: str = "body body-markup actions") -> None:
        """Starts a notification server that records what it is asked to show."""
        parameters = '{"capabilities": "%s"}' % capabilities
        self._server = subprocess.Popen(
            [sys.executable, "-m", "dbusmock", "--session", "--template", "notification_daemon",
             "--parameters", parameters],
            env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.address},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        until(lambda: self._connection.name_has_owner(NAME), name="the notification server")
        # the name comes before the methods of the template
        until(self._is_ready, name="the methods of the notification server")

    def _is_ready(self) -> bool:
        try:
            self._call("GetCapabilities", interface=NAME)
        except dbus.DBusException:
            return False
        return True

    def _call(self, method: str, *args: Any, interface: str = MOCK) -> Any:
        mock = self._connection.get_object(NAME, PATH, introspect=False)
        return dbus.Interface(mock, interface).get_dbus_method(method)(*args)

    def mock(self, name: str, path: str) -> dbus.Interface:
        """What controls another mock on the bus, once it is there."""
        until(lambda: self._connection.name_has_owner(name), name=name)
        return dbus.Interface(self._connection.get_object(name, path, introspect=False), MOCK)

    def hang(self) -> None:
        """From now on the server takes every call and answers none."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def answer(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def kill_server(self) -> None:
        """Ends the server at once; calls that it has are answered by the bus, with an error."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None
            until(lambda: not self._connection.name_has_owner(NAME), name="the bus to see the end of the server")

    def last(self, n: int) -> str:
        """The server dies with the n-th Notify under way; the file has the summaries that it got."""
        path = os.path.join(self._directory, "got")
        code = f"""
import os
with open({path!r}, "a") as file: file.write(args[3] + "\\n")
with open({path!r}) as file: ret = len(file.readlines())
if ret >= {n}: os._exit(1)
"""
        self._call("AddMethod", NAME, "Notify", "susssasa{sv}i", "u", code)
        return path

    def wait_end(self) -> None:
        """Blocks until the server has ended by itself."""
        assert self._server is not None
        self._server.wait(20)
        self.kill_server()

    def refuse(self) -> None:
        """From now on the server answers each Notify with an error."""
        code = 'raise dbus.exceptions.DBusException("no room", name="org.freedesktop.Notifications.Error")'
        self._call("AddMethod", NAME, "Notify", "susssasa{sv}i", "u", code)

    def slow(self, seconds: float) -> None:
        """From now on each answer comes so much later."""
        for method, out, value in (
            ("GetCapabilities", "as", '["body"]'),
            ("GetServerInformation", "ssss", '("mock-notify", "test", "1", "1.2")'),
            ("Notify", "u", "args[1] or 1"),
        ):
            code = f"import time; time.sleep({seconds}); ret = {value}"
            self._call("AddMethod", NAME, method, "susssasa{sv}i" if method == "Notify" else "", out, code)

    def tell_slowly(self, path: str, seconds: float) -> None:
        """From now on it takes so long to say who it is; each time that it has adds a line to the file."""
        code = f"""
import time
time.sleep({seconds})
with open({path!r}, "a") as file: file.write("asked\\n")
ret = ("mock-notify", "test", "1", "1.2")
"""
        self._call("AddMethod", NAME, "GetServerInformation", "", "ssss", code)

    def pose(self, name: str, version: str) -> None:
        """From now on it says that it is this one."""
        self._call("AddMethod", NAME, "GetServerInformation", "", "ssss", f'ret = ("{name}", "x", "{version}", "1.2")')

    def emit(self, signal_name: str, signature: str, *args: Any) -> None:
        self._call("EmitSignal", NAME, signal_name, signature, dbus.Array(args, signature="v"))

    def sender(self) -> int:
        """The process that has sent the last notification."""
        return int(self.shown()[-1]["hints"]["sender-pid"])

    def taken_down(self) -> list[int]:
        """The numbers that it was asked to close."""
        return [int(args[0]) for _, args in self._call("GetMethodCalls", "CloseNotification")]

    def shown(self) -> list[dict[str, Any]]:
        """The notifications up to now."""
        names = ("app", "replaces", "icon", "summary", "body", "actions", "hints", "timeout")
        return [dict(zip(names, args)) for _, args in self._call("GetMethodCalls", "Notify")]

    def wait_shown(self, n: int, timeout: float = 20.0) -> list[dict[str, Any]]:
        def enough() -> list[dict[str, Any]]:
            notes = self.shown()
            return notes if len(notes) >= n else []

        return until(enough, timeout, f"{n} notifications")

    def close(self) -> None:
        self._connection.close()
        for process in (self._server, self._daemon):
            if process is not None:
                process.kill()
                process.wait()
        for pid in map(int, lines(os.path.join(self._directory, "starts"))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
