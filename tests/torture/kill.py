"""Kills the monitor at every place where it does something that others can see."""

from __future__ import annotations

import os
import signal

from plan import COUNT, KILLS, VISIBLE, Plan
from script import SHIM, Script, Stage, recover
from table import Row, Table
from timing import Time, each, spread
from judge import confirmed_is_there, judge


def count_places(script: Script, stage: Stage) -> list[str]:
    """What happens in a stage that nobody disturbs, place by place."""
    home = script.trial(stage)
    plan = Plan(os.path.join(home.root, "plan"))
    plan.set(COUNT, VISIBLE, trace=True)
    done = home.once(plan.environment(SHIM))
    if done.code != 0:
        raise RuntimeError(f"{stage.name}, only counted: ended with {done.code}: {done.err}")
    places = [plan.place(n + 1) for n in range(plan.seen())]
    plan.close()
    home.erase()
    return places


def one_kill(script: Script, stage: Stage, number: int, how: str, row: Row) -> None:
    home = script.trial(stage)
    plan = Plan(os.path.join(home.root, "plan"))
    plan.set(KILLS[how], VISIBLE, at=number, trace=True)
    done = home.once(plan.environment(SHIM))
    name = f"{stage.name}: {how} place {number} ({plan.place(number)})"
    plan.close()
    if done.code not in (-signal.SIGKILL, 0):  # 0: this run had fewer places than the one that was counted
        row.wrong(name, f"ended with {done.code}: {done.err}")
    at_crash = home.stored()
    faults = [f"the state does not open: {at_crash.error}"] if at_crash.error and not stage.prepare else []
    faults += confirmed_is_there(at_crash, home.report(), script.expected)
    seconds, why = recover(home)
    torn = 1 if how == "within" else 0
    verdict = judge(script.expected, home.report(), at_crash, home.stored(), torn_allowed=torn)
    verdict.wrong += faults
    row.tried(name, verdict, seconds, why)
    home.erase()


def kill_everywhere(script: Script, table: Table, time: Time, seed: int) -> None:
    """Every place of every stage, or as many as there is time for, spread evenly."""
    for index, stage in enumerate(script.stages):
        if not script.enter(stage):
            script.leave(stage)
            continue
        places = count_places(script, stage)
        trials = [(n + 1, how) for n in range(len(places)) for how in KILLS]
        share = time.share(len(script.stages) - index)
        trials = [(n, how) for n, how in trials if how != "within" or "write" in places[n - 1]]
        each(share, (
            (script, stage, n, how, table.row(f"kill {how}: {stage.name}")) for n, how in spread(trials, seed)
        ), one_kill)
        script.leave(stage)
