"""Fails every call of the commands that only ask: what they say is whole and right, or they end with the code for it."""

from __future__ import annotations

import errno
import json
import os
import signal

from harness import Done
from plan import CLASSES, COUNT, FAIL, FOR_GOOD, Plan
from script import SHIM, Home, Script
from starve import BLIND, KINDS
from table import Table
from timing import Time, each, spread
from judge import Verdict

# each ends by itself, and says the same every time
COMMANDS = (
    ("history", "--json"),
    ("status", "--json"),
    ("list", "--json", "--all"),
    ("show", "d"),
    ("wait", "a", "--timeout", "20s"),
    ("wait", "b", "--timeout", "20s"),
    ("check",),
    ("redeliver", "--failed"),
)
# 1 to 3 say what became of a task, or how a monitor fares, and nothing else
REFUSALS = (69, 71, 73, 74, 75, 76, 77, 78, 124)


def _run(home: Home, args: tuple[str, ...], plan: Plan) -> Done:
    return home.run(*args, timeout=60, env=plan.environment(SHIM))


def _same(args: tuple[str, ...], text: str) -> str:
    """What has to be the same: of a status who is watched, who is told, and how they are."""
    if args[0] == "show":  # the list fills in what the answer about one task lacks, when there is one
        return "\n".join(line for line in text.splitlines() if not line.startswith("user_id:"))
    if args[0] != "status" or not text:
        return text
    state = json.loads(text)
    parts = [[(part["name"], part["healthy"]) for part in state[name]] for name in ("sources", "sinks")]
    return repr((state["running"], parts))


def _calls(home: Home, args: tuple[str, ...], plan: Plan) -> tuple[Done, dict[str, int], list[int]]:
    """The undisturbed run, its calls by class, and of its allocations one for each place that makes them."""
    plan.set(COUNT, ("alloc",), trace=True)
    done = _run(home, args, plan)
    first: dict[str, int] = {}
    for number in range(1, plan.seen() + 1):
        first.setdefault(plan.place(number).split(" #")[0], number)
    return done, {name: plan.seen_of(name) for name in CLASSES}, list(first.values())


def one_command(home: Home, args: tuple[str, ...], right: Done, trial: tuple, plan_path: str, table: Table) -> None:
    what, classes, error, number, count = trial
    plan = Plan(plan_path)
    plan.set(FAIL, classes, at=number, count=count, error=error, trace=True)
    try:
        done = _run(home, args, plan)
    except Exception as hung:  # noqa: BLE001: a command that does not end
        done = Done(-signal.SIGKILL, "", str(hung))
    how = "once" if count == 1 else "from there on"
    name = f"{' '.join(args)}: {what} {number} fails {how} {errno.errorcode[error]} ({plan.place(number)})"
    plan.close()
    row = table.row(f"{args[0]}, anything fails")
    row.code(done.code)
    why = ""
    if done.code == -signal.SIGKILL:
        why = "it hangs"
    elif done.code == -signal.SIGSEGV and what == "allocation" and any(word in name for word in BLIND):
        pass
    elif done.code == -signal.SIGPIPE and error == errno.EPIPE:
        pass  # its reader is gone, and it goes as all programs do
    elif done.code == right.code:
        if _same(args, done.out) != _same(args, right.out):
            why = f"ended with {done.code} and said {done.out[-300:]!r} instead of {right.out[-300:]!r}"
    elif done.code not in REFUSALS:
        why = f"ended with {done.code} instead of {right.code}: {done.err.strip()[-300:]!r}"
    elif not done.err.strip() and "send" not in classes and classes != ("wait",):
        why = f"ended with {done.code} without a word"
    row.tried(name, Verdict(), 0.0, why)


def commands_everywhere(script: Script, table: Table, time: Time, seed: int) -> None:
    for stage in script.stages[:2]:
        script.enter(stage)
        script.leave(stage)
    home = script.base
    with home.start("watch").popen:
        script.sim.wait_requests(3, since=script.sim.mark())
        for index, args in enumerate(COMMANDS):
            plan = Plan(os.path.join(script.scratch, "plan"))
            right, seen, allocations = _calls(home, args, plan)
            plan.close()
            trials = [("allocation", ("alloc",), errno.ENOMEM, n, 1) for n in allocations]
            for name, classes, errors in KINDS[:-1]:  # without poll for good they wait, as they are told to
                calls = sum(seen[c] for c in classes)
                trials += [(name, classes, e, n, c) for e in errors for c in (1, FOR_GOOD) for n in range(1, calls + 1)]
            each(time.share(len(COMMANDS) - index), (
                (home, args, right, trial, os.path.join(script.scratch, f"plan-{number}"), table)
                for number, trial in enumerate(spread(trials, seed))
            ), one_command)
        home.running[0].popen.kill()
