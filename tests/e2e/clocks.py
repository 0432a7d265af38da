"""The clocks of one monitor, set by a test: clock_shim.c is preloaded and reads them from a file."""

from __future__ import annotations

import os
import shlex
import signal
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class Clock:
    """The wall clock is set, the machine sleeps. What a kernel does by itself then, `sleep` does: it wakes the monitor."""

    def __init__(self, directory):
        self.library, self._file = os.path.join(directory, "clock.so"), os.path.join(directory, "clock")
        subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-shared", "-fPIC", "-O1", "-o", self.library,
                        os.path.join(HERE, "clock_shim.c"), "-ldl"], check=True)
        self.wall, self.slept = 0, 0
        self._write()
        asan = os.environ.get("ASAN_OPTIONS", "")
        self.env = {"LD_PRELOAD": self.library, "CLOCK_SHIM": self._file,
                    "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0".lstrip(":")}

    def _write(self):
        data = struct.pack("qq", int(self.wall * 10**9), int(self.slept * 10**9))
        with open(self._file, "r+b" if os.path.exists(self._file) else "wb") as file:
            file.write(data)
            file.truncate(24)  # behind them the shim writes

    def in_use(self):
        """Bytes that malloc had given to the monitor when it last looked at the clock."""
        with open(self._file, "rb") as file:
            return struct.unpack("qqq", file.read())[2]

    def set(self, seconds):
        self.wall += seconds
        self._write()

    def sleep(self, watch, seconds):
        self.slept += seconds
        self._write()
        watch.send(signal.SIGCHLD)
