"""Instructions, counted by callgrind: the gate of the benchmark, since they are the same on a busy machine as on an idle one."""

import re
import shutil
import subprocess
import time

from oneshot import LOG, source
from table import plain
from world import ACTIVE, ENDED

FEW, MORE = 20, 80  # polls of two runs: their difference is free of what a start costs


def counted(world, argv, until=None, good=(0,), **more):
    """The instructions of a run, to its end or stopped as soon as `until()` says so."""
    out = world.fresh() / "callgrind"
    words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *argv]
    child = subprocess.Popen(
        words, env={**world.environment(), **more}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while until is not None and not until() and child.poll() is None:
        time.sleep(0.02)
    if until is not None:
        child.terminate()
    said = child.communicate(timeout=600)[1]
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(encoding="ascii"), re.MULTILINE) if out.exists() else None
    if found is None or (until is None and child.returncode not in good):
        raise SystemExit(f"bench: {' '.join(argv)} was not counted: {said}")
    return int(found.group(1))


def polled(world, argv, under, limit):
    """Instructions of so many polls, and how many there were."""
    before = len(world.requests(under=under))
    cost = counted(world, argv, until=lambda: len(world.requests(under=under)) - before >= limit)
    return cost, len(world.requests(under=under)) - before


def a_poll(world, argv, under):
    few, more = (polled(world, argv(), under, limit) for limit in (FEW, MORE))
    return (more[0] - few[0]) / (more[1] - few[1])


def instructions(world, table, _runs):
    if shutil.which("valgrind") is None:
        table.missing("instructions", "valgrind is missing")
        return
    gate = {"show": plain, "gate": True}
    config = world.config([source(world, "t20", interval="100ms", idle_interval="100ms")], [LOG])
    url = world.url("t20") + "/bare/ai/embeddings?status=queued&status=processing"
    table.ratio(
        "instructions: a poll of 20 unchanged tasks", a_poll(world, lambda: world.watch(config), "/t20/ai"), "bare libcurl + SQLite",
        a_poll(world, lambda: [str(world.programs / "bare"), url, "100", str(world.fresh()), world.cert()], "/t20/bare"), 1.66, **gate)
    file = str(world.dir / "www/a100k/active.json")
    table.ratio(
        "instructions: 100,000 active tasks, split and decoded", counted(world, [str(world.programs / "bench_list"), file]),
        "cJSON parses the document once", counted(world, [str(world.programs / "parse"), file]), 0.7, **gate)
    url = world.list_url("k100", ACTIVE + ENDED)
    floor = counted(world, ["curl", "-s", "-o", "/dev/null", url])
    once = world.watch(world.config([source(world, "k100")], [LOG]), "--once")
    counted(world, once)
    what = "curl -s -o /dev/null"
    table.ratio("instructions: sweep over 100,000 known ended", counted(world, once), what, floor, 15.7, **gate)
    every = [world.taskbell, "list", "--all", "--json"]
    table.ratio(
        "instructions: list --all --json, 100,000 tasks", counted(world, every, TELNYX_BASE_URL=world.url("k100")), what, floor, 44.5, **gate)
