"""Nothing lost, nothing hung: breaks the monitor in every way it can and looks at what it told.

`make torture TORTURE_SECONDS=…`; `--short` is the part that `make check` runs.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import sys
import tempfile
from typing import Callable

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e"), os.path.dirname(HERE)]

import commands  # noqa: E402
import damage  # noqa: E402
import kill  # noqa: E402
import live  # noqa: E402
import power  # noqa: E402
import starve  # noqa: E402
from script import SHIM, Script  # noqa: E402
from table import Table  # noqa: E402
from timing import Time  # noqa: E402

SHORT_FORM = 28.0  # seconds
LONG = ("allocations", "commands")  # not in the short form: thousands of trials that are much alike
Campaign = Callable[[str, Table, Time, int], None]


def kills(scratch: str, table: Table, time: Time, seed: int) -> None:
    with Script(os.path.join(scratch, "kill")) as script:
        kill.kill_everywhere(script, table, time, seed)


def lives(scratch: str, table: Table, time: Time, seed: int) -> None:
    live.kill_lives(scratch, table, time, seed)


def cuts(scratch: str, table: Table, time: Time, seed: int) -> None:
    with Script(os.path.join(scratch, "power")) as script:
        power.cut_everywhere(script, table, time, seed)


def wants(scratch: str, table: Table, time: Time, seed: int) -> None:
    with Script(os.path.join(scratch, "starve")) as script:
        starve.starve_everywhere(script, table, time, seed)


def allocations(scratch: str, table: Table, time: Time, seed: int) -> None:
    with Script(os.path.join(scratch, "allocations")) as script:
        starve.starve_allocations(script, table, time, seed)


def asks(scratch: str, table: Table, time: Time, seed: int) -> None:
    with Script(os.path.join(scratch, "commands")) as script:
        commands.commands_everywhere(script, table, time, seed)


def damages(scratch: str, table: Table, time: Time, seed: int) -> None:
    with Script(os.path.join(scratch, "damage")) as script:
        damage.damage_everywhere(script, table, time, seed)


CAMPAIGNS: dict[str, tuple[float, Campaign]] = {
    "kill": (1.0, kills),  # its share of the time
    "live": (0.7, lives),
    "power": (1.0, cuts),
    "starve": (2.0, wants),
    "damage": (0.5, damages),
    "commands": (1.0, asks),
    "allocations": (2.0, allocations),
}


def run(names: list[str], time: Time, seed: int, table: Table, stages: str) -> None:
    """One round of these campaigns, each for its share of the time; what one leaves the next ones get."""
    for index, name in enumerate(names):
        share, campaign = CAMPAIGNS[name]
        with tempfile.TemporaryDirectory(prefix="taskbell-torture-") as scratch:
            os.chmod(scratch, 0o711)  # some trials are of another user
            Script.only = stages
            campaign(scratch, table, time.share(sum(CAMPAIGNS[n][0] for n in names[index:]) / share), seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("campaigns", nargs="*", help=", ".join(CAMPAIGNS))
    parser.add_argument("--seconds", type=float, default=300, help="0: one round, of all that there is to try")
    parser.add_argument("--workers", type=int, default=1, help="trials at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stages", default="", help="only those whose name has this word")
    parser.add_argument("--short", action="store_true", help=f"one round of {SHORT_FORM:.0f} s, and little to read")
    args = parser.parse_args()
    if not os.path.exists(SHIM):
        print("this build has no shim: it needs glibc and no sanitizer")
        return 77
    names = args.campaigns or [name for name in CAMPAIGNS if not (args.short and name in LONG)]
    table = Table()
    time = Time(SHORT_FORM if args.short else args.seconds or math.inf, args.workers)
    seed = args.seed
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop(table))
    while seed == args.seed or not (time.over() or args.short or args.seconds == 0):
        run(names, time, seed, table, args.stages)
        seed += 1
    show(table, args.short)
    return 1 if table.broken() or table.tries() == 0 else 0


def descendants(pid: int) -> list[int]:
    """All that come of a process: its children and theirs."""
    found = []
    with contextlib.suppress(FileNotFoundError):  # it has just ended
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                for child in map(int, file.read().split()):
                    found += [child, *descendants(child)]
    return found


def stop(table: Table) -> None:
    """Whoever has seen enough: what was found so far, and no monitor is left behind."""
    show(table, False)
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(1)


def show(table: Table, short: bool) -> None:
    if not short or table.broken():
        table.show()
    print(f"{table.tries()} trials, {sum(r.lost for r in table.rows.values())} lost, "
          f"{sum(r.hung for r in table.rows.values())} hung, {sum(r.faults for r in table.rows.values())} wrong")


if __name__ == "__main__":
    sys.exit(main())
