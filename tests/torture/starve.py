"""Fails the n-th allocation, write, sync, open, fork or socket of a run: once, for a while, or from there on."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections import Counter
from dataclasses import dataclass

from harness import Done
from plan import CLASSES, COUNT, FAIL, FOR_GOOD, SHORT, Plan
from script import SHIM, Home, Script, Stage, recover
from table import Table
from timing import SHORT_SECONDS, Time, each, spread
from judge import Verdict, confirmed_is_there, judge

@dataclass(frozen=True)
class Want:
    name: str
    classes: tuple[str, ...]
    error: int
    count: int = 1
    action: int = FAIL


KINDS: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = (
    ("write", ("write",), (errno.ENOSPC, errno.EIO)),
    ("sync", ("sync",), (errno.EIO, errno.ENOSPC)),
    ("open", ("open", "create"), (errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM)),
    ("create", ("create",), (errno.ENOSPC,)),
    ("rename, unlink, truncate", ("name",), (errno.EIO, errno.ENOSPC)),
    ("fork", ("fork",), (errno.EAGAIN, errno.ENOMEM)),
    ("socket, connect", ("socket",), (errno.EMFILE, errno.ENOBUFS)),
    ("pipe, timer, event, duplicate", ("descriptor",), (errno.EMFILE,)),
    ("any descriptor", ("open", "create", "socket", "descriptor"), (errno.EMFILE,)),
    ("map", ("map",), (errno.ENOMEM,)),
    ("read", ("read",), (errno.EIO,)),
    ("send", ("send",), (errno.EPIPE, errno.ENOBUFS)),
    ("receive", ("receive",), (errno.EIO, errno.EAGAIN, errno.ENOMEM)),
    ("poll", ("wait",), (errno.ENOMEM, errno.EINTR)),
)


def _wants() -> tuple[Want, ...]:
    """First each call once and from there on, with its likeliest error; the allocations, which are thousands, last."""
    found = []
    for rank in range(max(len(errors) for _, _, errors in KINDS)):
        for count in (1, FOR_GOOD, 5):
            for name, classes, errors in KINDS:
                # without poll for good nobody can tell when a slow reader of stdout takes more
                if rank < len(errors) and (classes, count) != (("wait",), FOR_GOOD):
                    found.append(Want(name, classes, errors[rank], count))
            if rank == 0 and count != 5:
                found.append(Want("short write", ("write",), 0, count, SHORT))
    found.append(Want("allocation", ("alloc",), errno.ENOMEM))
    found.append(Want("allocation", ("alloc",), errno.ENOMEM, FOR_GOOD))
    return tuple(found)


WANTS = _wants()
# 0: it was of no consequence; 69: no socket; 71, 73, 74: it says what is missing; 78: the configuration cannot be read
CODES = (0, 69, 71, 73, 74, 78)
EVERY = "five end"  # the stage in which calls also fail for a while, and, in a campaign of its own, every allocation
BLIND = ("libconfig.so",)  # libraries that use what malloc gives unseen: up to libconfig 1.7.2
LINES_MAX = 8  # on stderr: the start, what was missing, what came of it, for each sink


@dataclass
class Calls:
    """What a run that nobody disturbs asks the system for."""

    seen: dict[str, int]  # by class
    stacks: list[str]  # of each allocation the calls that led to it; empty when nobody asked

    def of(self, classes: tuple[str, ...]) -> int:
        return sum(self.seen[c] for c in classes)


def calls_of(script: Script, stage: Stage, stacks: bool) -> Calls:
    home = script.trial(stage)
    plan = Plan(os.path.join(home.root, "plan"))
    plan.set(COUNT, ("alloc",), trace=stacks)
    home.once(plan.environment(SHIM))
    calls = Calls({c: plan.seen_of(c) for c in CLASSES}, [])
    if stacks:
        calls.stacks = [plan.place(n + 1) for n in range(plan.seen())]
    plan.close()
    home.erase()
    return calls


def numbers_of(want: Want, stage: Stage, calls: Calls, met: set[str]) -> list[int]:
    """Every n of the run; of its thousands of allocations the first by each stack of calls that was not met yet."""
    if want.count != 1 and stage.name != EVERY and (want.count != FOR_GOOD or want.classes == ("alloc",)):
        return []
    if want.classes != ("alloc",) or not calls.stacks:
        return list(range(1, calls.of(want.classes) + 1))
    numbers = []
    for number, stack in enumerate(calls.stacks, 1):
        if (key := f"{want.count} {stack}") not in met:
            met.add(key)
            numbers.append(number)
    return numbers


def unclear(code: int, err: str) -> str:
    """What is wrong with the words of a run that ended so."""
    lines = [re.sub(r"^\S+ (?=error|warning|notice|info)", "", line) for line in err.splitlines()]
    # a source that did not answer in time on a busy machine is none of these wants
    again = [line for line, n in Counter(lines).items() if n > 1 and "source telnyx: " not in line]
    if code != 0 and not any(re.match(r"error |taskbell: |/\S+: ", line) for line in lines):
        return f"ended with {code} without a word: {err[-300:]!r}"
    if again:
        return f"says so more than once: {again[0]}"
    return f"{len(lines)} lines: {err[:1000]!r}" if len(lines) > LINES_MAX else ""


def one_want(script: Script, stage: Stage, want: Want, number: int, table: Table, what: str) -> None:
    home = script.trial(stage)
    plan = Plan(os.path.join(home.root, "plan"))
    plan.set(want.action, want.classes, at=number, count=want.count, error=want.error, trace=True)
    done = home.once(plan.environment(SHIM))
    how = {1: "once", FOR_GOOD: "from there on"}.get(want.count, f"{want.count} times")
    error = errno.errorcode.get(want.error, "")
    name = f"{stage.name}: {want.name} {number} fails {how} {error} ({plan.place(number)})"
    plan.close()
    blind = done.code == -signal.SIGSEGV and want.classes == ("alloc",) and any(word in name for word in BLIND)
    row = table.row(f"{what}, in a library that does not look" if blind else what)
    row.code(done.code)
    gone = done.code == -signal.SIGPIPE and want.error == errno.EPIPE  # its reader, as for all programs
    codes = (*CODES, done.code) if blind or gone else CODES
    verdict, seconds, why = judge_want(script, stage, want, home, done, codes)
    row.tried(name, verdict, seconds, why)
    home.erase()


def judge_want(
    script: Script, stage: Stage, want: Want, home: Home, done: Done, codes: tuple[int, ...]
) -> tuple[Verdict, float, str]:
    """What was told in the end, how long the next start took, and what is wrong with how it ended."""
    why = ""
    if done.code == -signal.SIGKILL:
        why = "it hangs"
    elif done.code not in codes:
        why = f"ended with {done.code}: {done.err.strip()[-300:]}"
    elif done.code >= 0 and "send" not in want.classes:  # words go to a pipe
        why = unclear(done.code, done.err)
    if not why and home.content() == script.base.content() and not stage.prepare:
        # a run that changed nothing leaves the next one what the undisturbed one had
        return Verdict(), getattr(done, "seconds"), ""
    at_end = home.stored()
    seconds, again = recover(home)
    # what was written and not synced may be there, and is written again
    unsure = "sync" in want.classes
    verdict = judge(script.expected, home.report(), at_end, home.stored(), any_repeats=unsure, torn_allowed=2)
    if at_end.error and not stage.prepare:
        verdict.wrong.append(f"the state does not open: {at_end.error}")
    verdict.wrong += confirmed_is_there(at_end, home.report(), script.expected)
    return verdict, seconds, "; ".join(w for w in (why, again) if w)


def starve_everywhere(script: Script, table: Table, time: Time, seed: int) -> None:
    met: set[str] = set()
    for index, stage in enumerate(script.stages):
        if not script.enter(stage):
            script.leave(stage)
            continue
        share = time.share(len(script.stages) - index)
        calls = calls_of(script, stage, stacks=time.left() > SHORT_SECONDS)
        for left, want in enumerate(WANTS):
            numbers = numbers_of(want, stage, calls, met)
            each(share.share(len(WANTS) - left), (
                (script, stage, want, number, table, f"{want.name} fails") for number in spread(numbers, seed)
            ), one_want)
        script.leave(stage)


def starve_allocations(script: Script, table: Table, time: Time, seed: int) -> None:
    """Every single allocation of one stage."""
    want = Want("allocation", ("alloc",), errno.ENOMEM)
    for stage in script.stages:
        script.enter(stage)
        if stage.name == EVERY:
            numbers = range(1, calls_of(script, stage, stacks=False).of(want.classes) + 1)
            name = f"every allocation fails: {stage.name}"
            each(time, ((script, stage, want, number, table, name) for number in spread(numbers, seed)), one_want)
        script.leave(stage)
