"""Damages the state between two runs: set aside and told, or refused with the right code; never silently empty."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Callable

from script import Home, Script
from table import Row, Table
from timing import Time
from judge import Verdict, judge

NOBODY = 65534
PLAIN = 59000  # a user of nobody's
TURNS_MAX = 200  # of other bits; there are as many as there are seeds
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
        db.execute(f"PRAGMA user_version = {rng.randrange(100, 1000)}")
        db.commit()


def _no_log(home: Home, rng: random.Random) -> None:
    del rng
    os.unlink(_state(home) + "-wal")


def _cut_inside(home: Home, rng: random.Random) -> None:
    os.truncate(_state(home), os.path.getsize(_state(home)) - rng.randrange(1, 4096))


def _of_another(name: str) -> Callable[[Home, random.Random], None]:
    def give_away(home: Home, rng: random.Random) -> None:
        del rng
        os.chown(os.path.join(home.state, name), NOBODY, NOBODY)

    return give_away


def _read_only(name: str) -> Callable[[Home, random.Random], None]:
    def close(home: Home, rng: random.Random) -> None:
        del rng
        path = os.path.join(home.state, name)
        os.chmod(path, os.stat(path).st_mode & 0o555)

    return close


@dataclass(frozen=True)
class How:
    name: str
    codes: tuple[int, ...]  # that watch may end with
    damage: Callable[[Home, random.Random], None]
    killed: bool = False  # is the state as a killed monitor left it, with its log?
    rights: bool = False  # is nothing damaged, and only not ours to use? Then our user is not root
    readers: tuple[int, ...] = (0, 3, 74)  # how those that only look may end


HOWS = (
    How("1 to 8 bits flipped", (0, 74), _flip_few),
    How("2000 bits flipped", (0, 74), _flip_many),
    How("bits of the log flipped", (0, 74), _flip_log, killed=True),
    How("truncated", (0,), _cut),
    How("truncated inside the last page", (0,), _cut_inside, readers=(74,)),
    How("zero length", (0,), _empty, readers=(74,)),
    How("random bytes", (0,), _other, readers=(74,)),
    How("newer schema", (74,), _newer, readers=(74,)),
    How("log missing", (0,), _no_log, killed=True),
    How("file of another user", (74,), _of_another("state.db"), rights=True),
    How("log of another user", (74,), _of_another("state.db-wal"), killed=True, rights=True),
    How("directory of another user", (73, 74), _of_another(""), rights=True),
    How("lock of another user", (73, 74), _of_another("lock"), rights=True),
    How("read-only directory", (73, 74), _read_only(""), rights=True),
    # there is no need to make a file there
    How("read-only directory, with a log", (0, 73, 74), _read_only(""), killed=True, rights=True),
    How("read-only file", (74,), _read_only("state.db"), rights=True),
    How("read-only log", (74,), _read_only("state.db-wal"), killed=True, rights=True),
)


def _kill_after_delivery(script: Script) -> Home:
    """A home whose monitor was killed with everything told, so that its log was not written back."""
    home = script.trial(script.stages[0])
    process = home.start("watch")
    home.wait_log(len(script.expected))
    process.kill()
    home.running = []
    return home


def _read(home: Home, codes: tuple[int, ...]) -> list[str]:
    """What is wrong with how the commands that only look take it."""
    faults = []
    for args in READERS:
        done = home.run(*args)
        if done.code not in codes:
            faults.append(f"{' '.join(args)} ended with {done.code}: {done.err.strip()[-200:]}")
        if done.code == 74 and (len(done.err.splitlines()) != 1 or done.out):
            faults.append(f"{' '.join(args)} refused, and said {done.out!r} and {done.err!r}")
    return faults


def one_damage(base: Home, script: Script, how: How, seed: int, row: Row) -> None:
    home = Home.copy(base, os.path.join(script.scratch, f"damage-{how.name.replace(' ', '-')}-{seed}"))
    if how.rights:
        one_refusal(home, script, how, row)
        return
    how.damage(home, random.Random(f"{how.name} {seed}"))
    name = f"{how.name}, seed {seed}"
    faults = _read(home, how.readers)
    before = open(_state(home), "rb").read()
    done = home.once()
    aside = [n for n in os.listdir(home.state) if ".damaged-" in n]
    kinds = [told[1] for _, told in home.report().lines["log"]]
    row.code(done.code)
    if done.code not in how.codes:
        faults.append(f"watch ended with {done.code}: {done.err.strip()[-200:]}")
    if done.code == 74 and (aside or open(_state(home), "rb").read() != before):
        faults.append("refused, and changed all the same")
    if aside and (kinds.count("state_lost") != 1 or "damaged" not in done.err):
        faults.append("set aside, and not told once")
    if not aside and done.code == 0:
        stored = home.stored()
        if (how.codes == (0,) and not how.killed) or not stored.events:
            faults.append("silently begun anew")
    if done.code == 0:
        again = home.once()
        if again.code != 0 or home.stored().error:
            faults.append(f"the start after it ended with {again.code}: {again.err.strip()[-200:]} {home.stored().error}")
    row.tried(name, Verdict(wrong=faults), getattr(done, "seconds"))
    home.erase()


def one_refusal(home: Home, script: Script, how: How, row: Row) -> None:
    """The state is whole, and we are not let at it. When we are, all that happened meanwhile is told."""
    home.become(PLAIN)
    before = home.content()
    at_crash = home.stored()
    how.damage(home, random.Random())
    faults = _read(home, how.readers)
    done = home.once()
    row.code(done.code)
    if done.code not in how.codes:
        faults.append(f"watch ended with {done.code}: {done.err.strip()[-200:]}")
    if done.code != 0 and (len(done.err.splitlines()) != 1 or home.state not in done.err):
        faults.append(f"watch did not say in one line what is wrong: {done.err!r}")
    home.become(PLAIN)
    if done.code != 0 and home.content() != before:
        faults.append(f"refused, and changed all the same: {sorted(before)}, {sorted(home.content())}")
    again = home.once()
    if again.code != 0:
        faults.append(f"given back, and watch ended with {again.code}: {again.err.strip()[-200:]}")
    verdict = judge(script.expected, home.report(), at_crash, home.stored())
    verdict.wrong += faults
    row.tried(how.name, verdict, getattr(done, "seconds"))
    home.erase()


def damage_everywhere(script: Script, table: Table, time: Time, seed: int) -> None:
    for stage in script.stages[:2]:
        script.enter(stage)
        if stage is not script.stages[1]:
            script.leave(stage)
    killed = _kill_after_delivery(script)
    script.leave(script.stages[1])
    turn = 0
    while turn == 0 or (turn < TURNS_MAX and not time.over()):
        for how in HOWS:
            if how.rights and (os.geteuid() != 0 or turn > 0):
                continue
            if turn > 0 and time.over():
                break
            base = killed if how.killed else script.base
            one_damage(base, script, how, seed * 100000 + turn, table.row(f"state: {how.name}"))
        turn += 1
    shutil.rmtree(killed.root, ignore_errors=True)
