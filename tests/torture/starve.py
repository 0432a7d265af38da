"""Fails the n-th allocation, write, sync, open, fork or socket of a run: once, for a while, or from there on."""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass

from plan import COUNT, FAIL, SHORT, Plan
from stage import SHIM, Script, Stage, recover
from table import Row, Table
from timing import Time, spread
from truth import confirmed_is_there, judge

FOR_GOOD = 0


@dataclass(frozen=True)
class Want:
    name: str
    classes: tuple[str, ...]
    error: int
    count: int = 1
    action: int = FAIL


def _wants() -> tuple[Want, ...]:
    found = []
    for name, classes, errors in (
        ("allocation", ("alloc",), (errno.ENOMEM,)),
        ("write", ("write",), (errno.ENOSPC, errno.EIO)),
        ("sync", ("sync",), (errno.EIO, errno.ENOSPC)),
        ("open", ("open", "create"), (errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM)),
        ("create", ("create",), (errno.ENOSPC,)),
        ("rename, unlink, truncate", ("name",), (errno.EIO, errno.ENOSPC)),
        ("fork", ("fork",), (errno.EAGAIN, errno.ENOMEM)),
        ("socket", ("socket",), (errno.EMFILE, errno.ENOBUFS)),
        ("pipe, timer, duplicate", ("descriptor",), (errno.EMFILE,)),
        ("any descriptor", ("open", "create", "socket", "descriptor"), (errno.EMFILE,)),
        ("map", ("map",), (errno.ENOMEM,)),
        ("read", ("read",), (errno.EIO,)),
        ("send", ("send",), (errno.ENOBUFS, errno.EPIPE)),
    ):
        for error in errors:
            for count in (1, 5, FOR_GOOD):
                found.append(Want(name, classes, error, count))
    found.append(Want("short write", ("write",), 0, 1, SHORT))
    found.append(Want("short write", ("write",), 0, FOR_GOOD, SHORT))
    return tuple(found)


WANTS = _wants()
# 0: it was of no consequence; 69: no socket; 71, 73, 74: it says what is missing; 78: the configuration cannot be read
CODES = (0, 69, 71, 73, 74, 78)


def count_calls(script: Script, stage: Stage, classes: tuple[str, ...]) -> int:
    home = script.trial(stage)
    plan = Plan(os.path.join(home.root, "plan"))
    plan.set(COUNT, classes)
    home.once(plan.environment(SHIM))
    seen = plan.seen()
    plan.close()
    home.erase()
    return seen


def one_want(script: Script, stage: Stage, want: Want, number: int, row: Row) -> None:
    home = script.trial(stage)
    plan = Plan(os.path.join(home.root, "plan"))
    plan.set(want.action, want.classes, at=number, count=want.count, error=want.error, trace=True)
    done = home.once(plan.environment(SHIM))
    how = {1: "once", FOR_GOOD: "from there on"}.get(want.count, f"{want.count} times")
    error = errno.errorcode.get(want.error, "")
    name = f"{stage.name}: {want.name} {number} fails {how} {error} ({plan.place(number)})"
    plan.close()
    row.code(done.code)
    why = ""
    if done.code == -signal.SIGKILL:
        why = "it hangs"
    elif done.code not in CODES:
        why = f"ended with {done.code}: {done.err.strip()[-300:]}"
    elif done.code == 71 and "taskbell" not in done.err and done.err.strip() == "" and "send" not in want.classes:
        why = "ended with 71 without a word"
    at_end = home.stored()
    seconds, again = recover(home)
    verdict = judge(script.expected, home.report(), at_end, home.stored(), torn_allowed=2)
    if at_end.error and not stage.prepare:
        verdict.wrong.append(f"the state does not open: {at_end.error}")
    verdict.wrong += confirmed_is_there(at_end, home.report(), script.expected)
    row.tried(name, verdict, seconds, "; ".join(w for w in (why, again) if w))
    home.erase()


def starve_everywhere(script: Script, table: Table, time: Time, seed: int) -> None:
    for index, stage in enumerate(script.stages):
        script.enter(stage)
        share = time.share(len(script.stages) - index)
        counts = {want.classes: 0 for want in WANTS}
        for classes in counts:
            counts[classes] = count_calls(script, stage, classes)
        for left, want in enumerate(WANTS):
            part = share.share(len(WANTS) - left)
            for number in spread(range(1, counts[want.classes] + 1), seed):
                if part.over():
                    break
                one_want(script, stage, want, number, table.row(f"{want.name} fails"))
        script.leave(stage)
