"""python3 tests/simulator: the simulator as a program."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

if not __package__:  # started by its directory, which then must not hide modules of the library
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from simulator import Simulator  # noqa: E402
from simulator.demo import Demo  # noqa: E402
from simulator.settings import TIMESTAMPS, UNKNOWN  # noqa: E402


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulator", description="A scripted Telnyx API on loopback.")
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0: any free one")
    add("--port-file", metavar="FILE", help="holds the port as soon as connections are taken")
    add("--seed", type=int, default=1)
    add("--key", default="KEYSIM", help="the key that is right; empty: any is")
    add("--demo", action="store_true", help="tasks start and end all the time")
    add("--speed", type=float, help="of the clock, in real time (default 1; 0: only steps)")
    add("--tls", action="store_true", help="https with a certificate made now")
    add("--ca-file", metavar="FILE", help="copy of the certificate to trust, with --tls")
    add("--bulk", metavar="N[:STATUS]", action="append", default=[], help="so many tasks more")
    add("--chaos", type=float, metavar="PERCENT", help="of the answers fail, in every way there is")
    add("--timestamps", choices=sorted(TIMESTAMPS), default="z")
    add("--nulls", choices=("absent", "null"), default="absent")
    add("--unknown-task", choices=UNKNOWN, default="errors")
    add("--no-gzip", action="store_true")
    add("--exit-on-eof", action="store_true", help="end when standard input ends")
    add("--list-faults", action="store_true", help="print every fault and leave")
    return parser


def write_atomically(path: str, text: str) -> None:
    """A reader sees no file or the whole of it."""
    partial = f"{path}.{os.getpid()}"
    with open(partial, "w", encoding="ascii") as file:
        file.write(text)
    os.replace(partial, path)


def build(args: argparse.Namespace) -> Simulator:
    sim = Simulator(
        port=args.port, host=args.host, seed=args.seed, tls=args.tls,
        speed=1.0 if args.speed is None else args.speed,
        key=args.key or None, timestamps=args.timestamps, nulls=args.nulls,
        unknown_task=args.unknown_task, gzip=not args.no_gzip,
    )
    sim.journal.limit = 100_000
    if args.demo:
        sim.world.feeders.append(Demo(args.seed))
    for word in args.bulk:
        n, _, status = word.partition(":")
        sim.bulk(int(n), status or "queued")
    if args.chaos:
        sim.chaos(args.chaos)
    return sim


def watch_stdin(done: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    done.set()


def main() -> int:
    args = options().parse_args()
    if args.list_faults:
        from simulator import FAULTS

        for fault in FAULTS.values():
            print(f"{fault.name:24} {fault.effect:9}{' slow' if fault.slow else ''}")
        return 0
    try:
        sim = build(args)
    except (OSError, ValueError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sim.stopped.set())
    if args.exit_on_eof:
        threading.Thread(target=watch_stdin, args=(sim.stopped,), daemon=True).start()
    if args.ca_file and sim.ca_file:
        with open(sim.ca_file, encoding="ascii") as source:
            write_atomically(args.ca_file, source.read())
    if args.port_file:
        write_atomically(args.port_file, f"{sim.port}\n")
    print(f"listening on {sim.url}", flush=True)
    sim.stopped.wait()
    sim.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
