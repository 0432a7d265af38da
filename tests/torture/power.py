"""Cuts the power: of the state directory only what was synced is certain, the rest may be there or not."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess

from kill import count_places
from plan import KILL_BEFORE, VISIBLE, Plan
from script import SHIM, Home, Script, Stage, recover
from table import Row, Table
from timing import Time, each, spread
from judge import confirmed_is_there, judge

SECTOR = 512
HOW = ("nothing unsynced survives", "some of it survives")


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _mix(old: bytes, new: bytes, rng: random.Random) -> bytes:
    """Some sectors of both; what lies behind the shorter one may have been allocated and never written."""
    size = rng.choice((len(old), len(new)))
    out = bytearray()
    for pos in range(0, size, SECTOR):
        take = rng.choice((old, new))[pos : pos + SECTOR]
        out += take.ljust(min(SECTOR, size - pos), b"\0")
    return bytes(out[:size])


def _key(path: str) -> str:
    """What shim.c calls a file: inode numbers are used again, a time of birth is not."""
    words = subprocess.run(["stat", "-c", "%i %.9W", path], capture_output=True, text=True, check=True,
                           env={**os.environ, "LC_ALL": "C"}).stdout.split()
    seconds, fraction = words[1].split(".")
    return f"{words[0]}-{seconds}.{int(fraction)}"


class Disk:
    """What is on the disk after the power was cut, as one of many possibilities."""

    def __init__(self, home: Home, shadow: str) -> None:
        self.dir = home.state
        self.shadow = shadow
        self.synced: dict[str, str] = {}  # name: key
        names = os.path.join(shadow, "names")
        if os.path.exists(names):
            for line in _read(names).decode().splitlines():
                key, name = line.split(" ", 1)
                self.synced[name] = key
        self.now = {n: _key(os.path.join(self.dir, n)) for n in self._listed()}

    def _listed(self) -> list[str]:
        return os.listdir(self.dir) if os.path.isdir(self.dir) else []

    def _old(self, key: str) -> bytes:
        path = os.path.join(self.shadow, key)
        return _read(path) if os.path.exists(path) else b""

    def worst(self) -> dict[str, bytes]:
        return {name: self._old(key) for name, key in self.synced.items()}

    def mixed(self, rng: random.Random) -> dict[str, bytes]:
        old_names = rng.random() < 0.5
        out: dict[str, bytes] = {}
        for name in self.synced if old_names else self.now:
            path = os.path.join(self.dir, name)
            key = self.synced[name] if old_names else self.now[name]
            old = self._old(key)
            new = _read(path) if self.now.get(name) == key else old
            out[name] = rng.choice((old, new, _mix(old, new, rng)))
        return out

    def become(self, files: dict[str, bytes]) -> None:
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir, 0o700)
        for name, content in files.items():
            fd = os.open(os.path.join(self.dir, name), os.O_WRONLY | os.O_CREAT, 0o600)
            with open(fd, "wb") as file:
                file.write(content)


def one_cut(script: Script, stage: Stage, number: int, how: str, seed: int, row: Row) -> None:
    home = script.trial(stage)
    shadow = os.path.join(home.root, "shadow")
    os.mkdir(shadow)
    plan = Plan(os.path.join(home.root, "plan"))
    plan.set(KILL_BEFORE, VISIBLE, at=number, trace=True)
    env = {"TORTURE_STATE": home.state, "TORTURE_SHADOW": shadow}
    done = home.once({**plan.environment(SHIM), **env})
    name = f"{stage.name}: power cut at place {number} ({plan.place(number)}), {how}, seed {seed}"
    plan.close()
    if done.code not in (-signal.SIGKILL, 0):
        row.wrong(name, f"ended with {done.code}: {done.err}")
    disk = Disk(home, shadow)
    rng = random.Random(f"{seed} {stage.name} {number}")
    disk.become(disk.worst() if how == HOW[0] else disk.mixed(rng))
    shutil.rmtree(home.runtime)
    os.mkdir(home.runtime, 0o700)
    after_cut = home.stored()
    faults = [f"the state does not open: {after_cut.error}"] if after_cut.error and not stage.prepare else []
    faults += confirmed_is_there(after_cut, home.report(), script.expected)
    seconds, why = recover(home)
    verdict = judge(
        script.expected, home.report(), None, home.stored(), any_repeats=True, torn_allowed=2
    )
    verdict.wrong += faults
    row.tried(name, verdict, seconds, why)
    home.erase()


def cut_everywhere(script: Script, table: Table, time: Time, seed: int) -> None:
    for index, stage in enumerate(script.stages):
        if not script.enter(stage):
            script.leave(stage)
            continue
        places = count_places(script, stage)
        trials = [(n + 1, how) for n in range(len(places)) for how in HOW]
        share = time.share(len(script.stages) - index)
        each(share, (
            (script, stage, n, how, seed, table.row(f"power cut, {how}: {stage.name}"))
            for n, how in spread(trials, seed)
        ), one_cut)
        script.leave(stage)
