"""A user who is not root. The tests that need one are run by root, as in most containers of a CI."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from typing import Any, Iterator, Sequence

import pytest
from harness import LIBEXEC, TASKBELL, Process, User

NOBODY = 65534
PLAIN = 59000 + os.getpid() % 1000  # of nobody else: a limit counts all processes of a uid


def as_uid(uid: int) -> dict[str, Any]:
    """For Popen: that user alone, without groups and capabilities."""
    return {"user": uid, "group": uid, "extra_groups": []}


class PlainUser(User):
    """Owns all that a user owns. The programs are copies, since ours may lie where only root gets."""

    def __init__(self, root: str, sim: Any) -> None:
        super().__init__(root, sim)
        self.uid = PLAIN
        self._program = shutil.copy2(TASKBELL, root)
        helper = os.path.join(LIBEXEC, "taskbell-notify")
        if os.path.exists(helper):
            shutil.copy2(helper, root)
        self.env["TASKBELL_LIBEXEC"] = root
        for directory, _, _ in os.walk(root):
            os.chown(directory, self.uid, self.uid)

    def write(self, name: str, text: str, permissions: int = 0o600) -> str:
        path = super().write(name, text, permissions)
        os.chown(path, self.uid, self.uid)
        return path

    def start(self, *args: str, env: dict[str, str | None] | None = None, wrap: Sequence[str] = (), **more: Any) -> Process:
        return super().start(*args, env=env, **{"executable": self._program, **as_uid(self.uid), **more})


@contextlib.contextmanager
def plain_user(sim: Any) -> Iterator[PlainUser]:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    if subprocess.run(["true"], **as_uid(PLAIN)).returncode != 0:
        pytest.skip("this uid cannot be had here")
    # pytest's own directories are closed to others
    with tempfile.TemporaryDirectory(prefix="taskbell-plain-") as root:
        user = PlainUser(root, sim)
        try:
            yield user
        finally:
            user.leave()
