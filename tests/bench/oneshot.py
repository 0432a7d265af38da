"""Programs that run to their end: `list` and `watch --once` beside what a user would take instead."""

import os
import shutil
import sqlite3
import time

from table import mib, plain
from world import ACTIVE, ENDED, median, write_list

MANY = 1_000_000
MOVED = 10_000


def rounds(count, **runs):
    """Each of the runs in turn, `count` times, so that what disturbs the machine disturbs all of them."""
    figures = {name: [] for name in runs}
    for _ in range(count):
        for name, run in runs.items():
            figures[name].append(run())
    return figures


def mid(figures, what):
    return median([getattr(one, what) for one in figures])


def list_few(world, table, runs):
    url = world.list_url("t20")
    taskbell = [world.taskbell, "list"]
    done = rounds(
        runs * 5,
        ours=lambda: world.run(taskbell, TELNYX_BASE_URL=world.url("t20")),
        curl=lambda: world.run(["curl", "-s", "-o", "/dev/null", url]),
        jq=lambda: world.run(["sh", "-c", f"curl -s '{url}' | jq -r '.data[]|[.task_id,.status]|@tsv'"]),
    )
    for name, goals in (("curl", (1.3, 1.5)), ("jq", (None, None))):
        base = "curl -s -o /dev/null" if name == "curl" else "curl, then jq"
        table.ratio("list, 20 tasks: wall", mid(done["ours"], "wall"), base, mid(done[name], "wall"), goals[0])
        table.ratio("list, 20 tasks: memory", mid(done["ours"], "rss"), base, mid(done[name], "rss"), goals[1], show=mib)


def list_many(world, table, runs):
    words = ACTIVE + ENDED
    url = world.list_url("m1", words)
    ours = [world.taskbell, "list", "--all", "--json"]
    what = "list --all --json, 1,000,000 tasks"
    rivals = {"jq": lambda: world.run(["sh", "-c", f"curl -s '{url}' | jq -c '.data[]'"])}
    if world.sdk:
        rivals["sdk"] = lambda: world.run([*world.sdk, world.url("m1"), *words])
    done = rounds(
        runs,
        ours=lambda: world.run(ours, TELNYX_BASE_URL=world.url("m1")),
        curl=lambda: world.run(["curl", "-s", "-o", "/dev/null", url]),
        few=lambda: world.run(ours, TELNYX_BASE_URL=world.url("k10")),
    )
    done.update(rounds(max(1, runs // 3), **rivals))
    wall, rss = mid(done["ours"], "wall"), mid(done["ours"], "rss")
    table.ratio(f"{what}: wall", wall, "curl -s -o /dev/null", mid(done["curl"], "wall"), 5)
    table.ratio(f"{what}: memory", rss, "itself with 10,000 tasks", mid(done["few"], "rss"), 1.05, show=mib)
    table.ratio(f"{what}: wall", wall, "curl, then jq", mid(done["jq"], "wall"))
    table.ratio(f"{what}: memory", rss, "curl, then jq", mid(done["jq"], "rss"), show=mib)
    if world.sdk:
        table.ratio(f"{what}: wall", wall, "Node on the vendor's SDK", mid(done["sdk"], "wall"), 0.2)
        table.ratio(f"{what}: memory", rss, "Node on the vendor's SDK", mid(done["sdk"], "rss"), 0.02, show=mib)
    else:
        table.missing(f"{what}: wall and memory", "Node on the vendor's SDK is missing")


def source(world, name, **more):
    return {"name": name, "base_url": world.url(name), **more}


LOG = {"name": "log", "type": "log"}


def sweep_many(world, table, runs):
    config = world.config([source(world, "m1")], [LOG])
    url = world.list_url("m1", ACTIVE + ENDED)
    first, again, floor = [], [], []
    for _ in range(runs):
        watch = world.watch(config, "--once")
        floor.append(world.run(["curl", "-s", "-o", "/dev/null", url]))
        first.append(world.run(watch))
        again.append(world.run(watch))
        again.append(world.run(watch))
        floor.append(world.run(["curl", "-s", "-o", "/dev/null", url]))
    base = mid(floor, "wall")
    what = "watch --once, sweep over 1,000,000 known ended"
    table.ratio(f"{what}: wall", mid(again, "wall"), "curl -s -o /dev/null", base, 3)
    rss = mid(again, "rss")
    table.ratio(f"{what}: memory", rss, "64 MiB", 64, 1, show=mib)
    extra = mid(first, "wall") - base
    table.value("watch --once, first run over 1,000,000 ended: above the floor", extra, f"{extra:.2f} s", "≤ 3 s more", extra <= 3,
                "curl -s -o /dev/null", f"{base:.2f} s", f"{mid(first, 'wall') / base:.3g}")


def sqlite_floor(world):
    """The same rows from Python: 10,000 events and 10,000 deliveries in one durable transaction."""
    base = sqlite3.connect(world.fresh() / "floor.db", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE event(id INTEGER PRIMARY KEY, time, type, source, task, name, bucket, user, old, new)")
    base.execute("CREATE TABLE delivery(event, sink, state, PRIMARY KEY(event, sink)) WITHOUT ROWID")
    events = [(n, n, "success", 1, f"{n:036}", f"embed_{n}", "bucket", "u" * 36, "processing", "success") for n in range(MOVED)]
    start = time.monotonic()
    base.execute("BEGIN IMMEDIATE")
    base.executemany("INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?,?)", events)
    base.executemany("INSERT INTO delivery VALUES(?,1,0)", [(n,) for n in range(MOVED)])
    base.execute("COMMIT")
    took = time.monotonic() - start
    base.close()
    return took


def move(world, name, words):
    for file in ("active", "all"):
        count = 0 if file == "active" and words[0] in ENDED else MOVED
        write_list(world.dir / f"www/{name}/{file}.json", count, words)


def moved(world, sinks, good=(0,)):
    """What one `watch --once` takes longer because 10,000 tasks have ended."""
    config = world.config([source(world, "move")], sinks)
    watch = world.watch(config, "--once")
    move(world, "move", ("processing",))
    world.run(watch)
    still = world.run(watch)
    move(world, "move", ("success",))
    os.sync()  # what was written before is not to be waited for here
    return world.run(watch, good), still


def transitions(world, table, runs):
    spans, floor = [], []
    for _ in range(runs):
        os.sync()
        floor.append(sqlite_floor(world))
        run, still = moved(world, [LOG])
        spans.append(run.wall - still.wall)
    rate = MOVED / median(spans)
    base = MOVED / median(floor)
    table.value("10,000 transitions in one poll, stored and logged: a second", rate, plain(rate), "≥ 50,000", rate >= 50000,
                "SQLite alone, from Python", plain(base), f"{rate / base:.3g}")


def hooks(world, table, runs):
    true = shutil.which("true")
    sink = {"name": "hook", "type": "exec", "command": [true], "concurrency": 4}
    spans, floor = [], []
    for _ in range(runs):
        floor.append(world.run(["sh", "-c", f"seq {MOVED} | xargs -P4 -n1 {true}"]).wall)
        run, still = moved(world, [sink])
        spans.append(run.wall - still.wall)
    table.ratio("10,000 transitions to a hook `true`, 4 at a time: a second", MOVED / median(spans), "xargs -P4 -n1 true",
                MOVED / median(floor), least=0.8, show=plain)
