"""What was told, against what happened. The simulator's tasks and the script say what happened."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from harness import lines, read

Told = tuple[str, str]  # task, event
SINKS = ("log", "hook")
NOTES = {  # what a notification says: the event
    "finished": "success", "failed": "failure", "finished: partial success": "partial_success", "is gone": "gone",
    "lost its state": "state_lost",
}


@dataclass
class State:
    """What a state directory holds, read from a copy, as the next start will find it."""

    events: dict[int, Told] = field(default_factory=dict)
    pending: set[tuple[str, int]] = field(default_factory=set)  # sink, event
    failed: set[tuple[str, int]] = field(default_factory=set)
    begun: bool = False  # the first run is behind it: what ends from there on is news
    there: bool = False
    error: str = ""


def read_state(directory: str) -> State:
    state = State()
    if not os.path.exists(os.path.join(directory, "state.db")):
        return state
    with tempfile.TemporaryDirectory() as scratch:
        for side in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(os.path.join(directory, "state.db" + side), scratch)
        try:
            with contextlib.closing(sqlite3.connect(os.path.join(scratch, "state.db"))) as db:
                db.text_factory = lambda text: text.decode("utf-8", "replace")  # bits are flipped in texts as well
                for id, task, kind in db.execute("SELECT id, task_id, type FROM events"):
                    state.events[id] = (task or "-", kind)
                query = "SELECT s.name, d.event_id, d.failed FROM deliveries d JOIN sinks s ON s.id = d.sink_id"
                for sink, id, failed in db.execute(query):
                    (state.failed if failed else state.pending).add((sink, id))
                state.begun = bool(db.execute("SELECT max(baseline) FROM sources").fetchone()[0])
                state.there = True
        except sqlite3.Error as error:
            state.error = str(error)
    return state


@dataclass
class Report:
    """What the sinks got: for each of them the lines, as (id, told), in order."""

    lines: dict[str, list[tuple[int, Told]]]
    attempts: list[int]
    torn: int
    explained: dict[str, set[int]]  # events that came with a message


def read_report(state_dir: str, hook_log: str) -> Report:
    report = Report({"log": [], "hook": []}, [], 0, {"log": set(), "hook": set()})
    for line in lines(os.path.join(state_dir, "events.log")):
        try:
            event = json.loads(line)
            report.lines["log"].append((event["event_id"], (event["task_id"] or "-", event["event"])))
            if event["message"]:
                report.explained["log"].add(event["event_id"])
        except (ValueError, KeyError):
            report.torn += 1
    for line in lines(hook_log):
        id, task, kind, attempt, message = line.split(" ")
        report.lines["hook"].append((int(id), (task, kind)))
        report.attempts.append(int(attempt))
        if message != "-":
            report.explained["hook"].add(int(id))
    return report


def read_notes(report: Report, path: str, state: State) -> None:
    """Adds what was shown. A note has no id: it is that of the state's only event of this kind and task."""
    ids = {told: id for id, told in state.events.items()}
    report.lines["desktop"] = []
    for line in lines(path):
        task, _, sentence = line.partition(" ")
        told = (task, NOTES.get(sentence, sentence))
        report.lines["desktop"].append((ids.get(told, -1), told))


def tail_is_whole(path: str) -> bool:
    text = read(path)
    return text == "" or text.endswith("\n")


@dataclass
class Verdict:
    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)  # allowed: they were in flight
    wrong: list[str] = field(default_factory=list)

    def broken(self) -> bool:
        return bool(self.lost or self.wrong)

    def words(self) -> str:
        return "; ".join(self.lost + self.wrong)


def judge(
    expected: Counter[Told] | dict[Told, int],
    report: Report,
    at_crash: State | None,
    in_end: State,
    any_repeats: bool = False,
    torn_allowed: int = 0,
    sinks: tuple[str, ...] = SINKS,
) -> Verdict:
    """Everything expected was told to each sink, nothing else, and again only what was in flight."""
    verdict = Verdict()
    ids: dict[int, Told] = {}
    pending = at_crash.pending if at_crash is not None else set()
    for sink in sinks:
        got = Counter(told for _, told in report.lines[sink])
        for told in expected:
            if got[told] == 0:
                verdict.lost.append(f"{sink} never got {' '.join(told)}")
        for told in got:
            if told not in expected:
                verdict.wrong.append(f"{sink} got {' '.join(told)}, which did not happen")
        count = Counter(id for id, _ in report.lines[sink])
        for id, told in report.lines[sink]:
            if ids.setdefault(id, told) != told:
                verdict.wrong.append(f"event {id} is {' '.join(ids[id])} and {' '.join(told)}")
        for id, n in count.items():
            if n == 1:
                continue
            name = f"{sink} got event {id} {n} times"
            if any_repeats or (n == 2 and (sink, id) in pending):
                verdict.repeated.append(name)
            else:
                verdict.wrong.append(name + ", but it was not in flight")
    _judge_ids(ids, expected, verdict)
    if report.torn > torn_allowed:
        verdict.wrong.append(f"{report.torn} torn lines in the log")
    if in_end.error or not in_end.there:
        verdict.wrong.append(f"the state does not open: {in_end.error or 'it is not there'}")
    for id, told in in_end.events.items():
        if ids.get(id, told) != told:
            verdict.wrong.append(f"event {id} is {' '.join(told)} in the state and {' '.join(ids[id])} in a sink")
    for name, rows in (("pending", in_end.pending), ("failed", in_end.failed)):
        for row in sorted(rows):
            verdict.wrong.append(f"{name} in the end: {row[0]} {row[1]} ({' '.join(in_end.events.get(row[1], ('?',)))})")
    return verdict


def _judge_ids(ids: dict[int, Told], expected: Any, verdict: Verdict) -> None:
    of = Counter(ids.values())
    for told, n in of.items():
        if n > (expected[told] if told in expected else 1):
            known = sorted(id for id, t in ids.items() if t == told)
            verdict.wrong.append(f"{' '.join(told)} has {n} ids: {known}")


def confirmed_is_there(
    at_crash: State, report: Report, expected: Any, sinks: tuple[str, ...] = SINKS
) -> list[str]:
    """What the state says was delivered has to lie where it was delivered to, at the very moment of the crash."""
    faults = []
    for id, told in at_crash.events.items():
        for sink in sinks:
            if told not in expected or (sink, id) in at_crash.pending or (sink, id) in at_crash.failed:
                continue
            if all(id != i for i, _ in report.lines[sink]):
                faults.append(f"{sink} is said to have got event {id} ({' '.join(told)}) and had not")
    return faults
