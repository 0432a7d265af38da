"""Damages the state between two runs: set aside and told, or refused with the right code; never silently empty."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from typing import Callable

from stage import Home, Script
from table import Row, Table
from timing import Time
from truth import Verdict

READERS = (("status",), ("history",), ("redeliver", "--failed"))


def _state(home: Home) -> str:
    return os.path.join(home.state, "state.db")


def _flip(path: str, rng: random.Random, count: int) -> None:
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        for _ in range(count if data else 0):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        file.seek(0)
        file.write(data)


def _flip_few(home: Home, rng: random.Random) -> None:
    _flip(_state(home), rng, rng.choice((1, 2, 8)))


def _flip_many(home: Home, rng: random.Random) -> None:
    _flip(_state(home), rng, 2000)


def _flip_log(home: Home, rng: random.Random) -> None:
    _flip(_state(home) + "-wal", rng, rng.choice((1, 8, 200)))


def _cut(home: Home, rng: random.Random) -> None:
    os.truncate(_state(home), rng.randrange(1, os.path.getsize(_state(home))))


def _empty(home: Home, rng: random.Random) -> None:
    del rng
    os.truncate(_state(home), 0)


def _other(home: Home, rng: random.Random) -> None:
    with open(_state(home), "wb") as file:
        file.write(rng.randbytes(rng.randrange(1, 20000)))


def _newer(home: Home, rng: random.Random) -> None:
    with closing(sqlite3.connect(_state(home))) as db:
        db.execute(f"PRAGMA user_version = {rng.randrange(2, 1000)}")
        db.commit()


def _no_log(home: Home, rng: random.Random) -> None:
    del rng
    os.unlink(_state(home) + "-wal")


def _foreign(home: Home, rng: random.Random) -> None:
    del rng
    os.chown(_state(home), 65534, 65534)


# how, is the state as a killed monitor left it (with its log)?, the codes that watch may end with
HOW: tuple[tuple[str, bool, tuple[int, ...], Callable[[Home, random.Random], None]], ...] = (
    ("1 to 8 bits flipped", False, (0, 74), _flip_few),
    ("2000 bits flipped", False, (0, 74), _flip_many),
    ("bits of the log flipped", True, (0, 74), _flip_log),
    ("truncated", False, (0,), _cut),
    ("zero length", False, (0,), _empty),
    ("random bytes", False, (0,), _other),
    ("newer schema", False, (74,), _newer),
    ("log missing", True, (0,), _no_log),
    ("another user's", False, (74,), _foreign),
)


def _kill_after_delivery(script: Script) -> Home:
    """A home whose monitor was killed with everything told, so that its log was not written back."""
    home = script.trial(script.stages[0])
    process = home.start("watch")
    home.wait_log(len(script.expected))
    process.kill()
    home.running = []
    return home


def one_damage(base: Home, script: Script, how: tuple, seed: int, row: Row) -> None:
    what, _, codes, damage = how
    home = Home.copy(base, os.path.join(script.scratch, f"damage-{what.replace(' ', '-')}-{seed}"))
    damage(home, random.Random(f"{what} {seed}"))
    name = f"{what}, seed {seed}"
    faults = []
    for args in READERS:
        done = home.run(*args)
        if done.code not in (0, 3, 74):
            faults.append(f"{' '.join(args)} ended with {done.code}: {done.err.strip()[-200:]}")
    before = open(_state(home), "rb").read()
    done = home.once()
    aside = [n for n in os.listdir(home.state) if ".damaged-" in n]
    kinds = [told[1] for _, told in home.report().lines["log"]]
    row.code(done.code)
    if done.code not in codes:
        faults.append(f"watch ended with {done.code}: {done.err.strip()[-200:]}")
    if done.code == 74 and (aside or open(_state(home), "rb").read() != before):
        faults.append("refused, and changed all the same")
    if aside and (kinds.count("state_lost") != 1 or "damaged" not in done.err):
        faults.append("set aside, and not told once")
    if not aside and done.code == 0:
        stored = home.stored()
        if what in ("truncated", "zero length", "random bytes") or not stored.events:
            faults.append("silently begun anew")
    if done.code == 0:
        again = home.once()
        if again.code != 0 or home.stored().error:
            faults.append(f"the start after it ended with {again.code}: {again.err.strip()[-200:]} {home.stored().error}")
    row.tried(name, Verdict(wrong=faults), getattr(done, "seconds"))
    home.erase()


def damage_everywhere(script: Script, table: Table, time: Time, seed: int) -> None:
    for stage in script.stages[:2]:
        script.enter(stage)
        if stage is not script.stages[1]:
            script.leave(stage)
    killed = _kill_after_delivery(script)
    script.leave(script.stages[1])
    hows = [how for how in HOW if how[3] is not _foreign or os.geteuid() == 0]
    turn = 0
    while turn == 0 or not time.over():
        for how in hows:
            one_damage(killed if how[1] else script.base, script, how, seed * 100000 + turn, table.row(f"state: {how[0]}"))
            if time.over() and turn > 0:
                break
        turn += 1
    shutil.rmtree(killed.root, ignore_errors=True)
