"""Measures taskbell beside named baselines and prints one table.

Counted instructions are a gate: a row of them past its goal is a failure. Nothing fails because something is slow.

Environment: TASKBELL_BUILD (the build), BENCH_RUNS (rounds of each row, 5), BENCH_ONLY (words of rows wanted),
BENCH_KEEP (yes: the table also replaces the one in tests/bench/RESULTS.md).
"""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

import counted
import oneshot
import resident
from table import Table
from world import ACTIVE, ENDED, World, write_list

HERE = pathlib.Path(__file__).resolve().parent
SDK_PACKAGE = "node_modules/telnyx/package.json"
NEEDS = ("nginx", "curl", "jq", "openssl", "xargs")
INSTALL = "sh packaging/deps.sh --bench installs it"


def check_needs():
    missing = [program for program in NEEDS if shutil.which(program) is None]
    if missing:
        print(f"bench: there is no {', '.join(missing)} here; {INSTALL}", file=sys.stderr)
        sys.exit(69)


def sdk_words(build):
    """How the vendor's SDK is run; None when it cannot be had."""
    place = pathlib.Path(build).resolve() / "bench-sdk"
    if shutil.which("npm") is None or shutil.which("node") is None:
        print(f"bench: no node and npm here, so no row for the vendor's SDK; {INSTALL}", file=sys.stderr)
        return None
    if not (place / "node_modules/telnyx").is_dir():
        place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(place), "telnyx@7.24.0"],
            capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            print(f"bench: npm cannot install the vendor's SDK, so no row for it: {done.stderr.strip()[-200:]}", file=sys.stderr)
            return None
    script = place / "sdk.mjs"
    shutil.copyfile(HERE / "sdk.mjs", script)
    return ["node", str(script)]


def version(*argv):
    """The first number that looks like a version in what the program says of itself."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found.group() if found else "unknown"


def machine(sdk):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    programs = [
        ("libcurl", version("pkg-config", "--modversion", "libcurl")),
        ("cJSON", version("pkg-config", "--modversion", "libcjson")),
        ("SQLite", version("pkg-config", "--modversion", "sqlite3")),
        ("libconfig", version("pkg-config", "--modversion", "libconfig")),
        ("nginx", version("nginx", "-v")),
        ("curl", version("curl", "--version")),
        ("jq", version("jq", "--version")),
    ]
    if sdk:
        programs += [("node", version("node", "--version")), ("telnyx", version("cat", sdk[1].replace("sdk.mjs", SDK_PACKAGE)))]
    said = ", ".join(f"{name} {number}" for name, number in programs)
    return (
        f"{time.strftime('%Y-%m-%d')}; {os.cpu_count()} cores, {model}; {platform.system()} {platform.release()} "
        f"{platform.machine()}; load of the machine before: {os.getloadavg()[0]:.1f}.\n{said}.\n"
    )


def fill(world):
    www = world.dir / "www"
    write_list(www / "t20/active.json", 20, ACTIVE)
    write_list(www / "t20/all.json", 20, ACTIVE)
    write_list(www / "k10/all.json", 10_000, ENDED)
    write_list(www / "k100/active.json", 0, ACTIVE)
    write_list(www / "k100/all.json", 100_000, ENDED)
    write_list(www / "a100k/active.json", 100_000, ACTIVE)
    (www / "a100k/all.json").symlink_to("active.json")
    write_list(www / "m1/active.json", 0, ACTIVE)
    write_list(www / "m1/all.json", oneshot.MANY, ENDED)


def keep(text):
    path = HERE / "RESULTS.md"
    old = path.read_text(encoding="utf-8")
    begin, end = "<!-- measured -->\n", "<!-- end -->\n"
    head, rest = old.split(begin)
    path.write_text(head + begin + text + end + rest.split(end)[1], encoding="utf-8")


def main():
    build = os.environ["TASKBELL_BUILD"]
    runs = int(os.environ.get("BENCH_RUNS", "5"))
    only = os.environ.get("BENCH_ONLY", "").split()
    check_needs()
    sdk = sdk_words(build)
    table = Table()
    rows = [
        counted.instructions, oneshot.list_few, oneshot.list_many, resident.poll_few, resident.poll_many, resident.idle,
        oneshot.sweep_many, oneshot.transitions, oneshot.hooks, resident.many_sources, resident.detection, resident.start,
        resident.wire,
    ]
    begun = time.monotonic()
    with World(build) as world:
        world.sdk = sdk
        said = machine(sdk)
        print(said)
        fill(world)
        world.serve()
        for row in rows:
            if not only or any(word in row.__name__ for word in only):
                row(world, table, runs)
    rivals = f"of {max(1, runs // 3)} for jq and the SDK at 1,000,000 tasks"
    text = f"{said}Medians of {runs} rounds or more, {rivals}; {time.monotonic() - begun:.0f} s in all.\n\n{table.markdown()}"
    print("\n" + text)
    if os.environ.get("BENCH_KEEP") == "yes":
        keep(text)
    return 0 if table.passed_gate else 1


if __name__ == "__main__":
    sys.exit(main())
