"""File systems of a test's own: the monitor runs in a mount namespace, nobody else sees them."""

from __future__ import annotations

import contextlib
import os
import subprocess

import pytest


def namespace(mounts: str) -> list[str]:
    """What stands before a command, so that these shell commands have mounted for it alone."""
    wrap = ["unshare", "-m", "--propagation", "private", "sh", "-c", f'{mounts} && exec "$@"', "sh"]
    tried = subprocess.run([*wrap, "true"], stdin=subprocess.DEVNULL, capture_output=True)
    if tried.returncode != 0:
        pytest.skip(f"no mount namespace here: {tried.stderr.decode().strip()}")
    return wrap


class SmallDisk:
    """A disk of few bytes for one process, which is looked at through that process."""

    def __init__(self, path: str, size: str) -> None:
        os.mkdir(path, 0o700)
        self.path = path
        self.wrap = namespace(f"mount -t tmpfs -o size={size},mode=700 tmpfs '{path}'")

    def inside(self, pid: int, name: str = "") -> str:
        return os.path.join(f"/proc/{pid}/root{self.path}", name)

    def fill(self, pid: int) -> None:
        with open(self.inside(pid, "filling"), "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    def free(self, pid: int) -> None:
        os.unlink(self.inside(pid, "filling"))
