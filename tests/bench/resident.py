"""`watch` left running: CPU and memory of polls, punctuality, latency, and what goes over the wire."""

import ctypes
import os
import socket
import threading
import time

from oneshot import LOG, source
from table import mib, seconds
from world import ACTIVE, cpu_ns, median, proc_number, wakeups


def polls_seen(world, under, count, limit=20):
    """Waits until so many polls have been answered."""
    for _ in range(limit * 50):
        if len(world.requests(under=under)) >= count:
            return
        time.sleep(0.02)
    said = (world.dir / "stderr").read_text(encoding="utf-8")
    raise SystemExit(f"bench: no {count} polls of {under} in {limit} s: {said}")


def bare(world, url, ms, *more):
    return world.start([str(world.programs / "bare"), url, str(ms), str(world.fresh()), world.cert(), *more])


def poll_costs(world, pids, span):
    """For each process the CPU seconds a poll takes it, over the same span; `pids` by the path that it asks for."""
    before = {under: (len(world.requests(under=under)), cpu_ns(pid)) for under, pid in pids.items()}
    time.sleep(span)
    return [(cpu_ns(pid) - before[under][1]) / 1e9 / max(1, len(world.requests(under=under)) - before[under][0])
            for under, pid in pids.items()]


def poll_few(world, table, runs):
    url = world.url("t20") + "/bare"
    watch = world.start(world.watch(world.config([source(world, "t20", interval="100ms", idle_interval="100ms")], [LOG])))
    base = bare(world, f"{url}/ai/embeddings?status=queued&status=processing", 100)
    last = max(os.sched_getaffinity(0))  # one core for both: where they stand counts for more than what they do
    for pid in (watch.pid, base.pid):
        os.sched_setaffinity(pid, {last})
    polls_seen(world, "/t20/ai", 10)
    polls_seen(world, "/t20/bare", 10)
    written = proc_number(watch.pid, "io", "write_bytes")
    # what a wake-up costs differs by half from second to second, for both alike
    costs = [poll_costs(world, {"/t20/ai": watch.pid, "/t20/bare": base.pid}, 1) for _ in range(8 * runs)]
    ours, floor = (median(column) for column in zip(*costs))
    written = proc_number(watch.pid, "io", "write_bytes") - written
    what = "watch, a poll of 20 unchanged tasks"
    table.ratio(f"{what}: CPU", ours, "bare libcurl + SQLite", floor, 1.3)
    table.value(f"{what}: written to disk", written, f"{written} bytes", "0", written == 0)
    world.stop(watch)
    world.stop(base)


def poll_many(world, table, runs):
    file = str(world.dir / "www/a100k/active.json")
    few = world.start(world.watch(world.config([source(world, "t20", interval="500ms")], [LOG])))
    watch = world.start(world.watch(world.config([source(world, "a100k", interval="500ms")], [LOG])))
    polls_seen(world, "/a100k", 4)
    ours, floor = [], []
    for _ in range(runs):
        ours += poll_costs(world, {"/a100k": watch.pid}, 1.5)
        floor.append(float(world.quietly([str(world.programs / "parse"), file])))
    what = "watch, 100,000 unchanged active tasks"
    table.ratio(f"{what}: CPU of a poll", median(ours), "cJSON parses the document once", median(floor), 0.7)
    above = (proc_number(watch.pid, "status", "VmRSS") - proc_number(few.pid, "status", "VmRSS")) * 1024
    base = proc_number(few.pid, "status", "VmRSS") / 1024
    table.value(f"{what}: memory a task", above / 1e5, f"{above / 1e5:.0f} bytes", "≤ 150 bytes", above / 1e5 <= 150, "watch of 20 tasks",
                mib(base), f"{proc_number(watch.pid, 'status', 'VmRSS') / 1024 / base:.3g}")
    world.stop(watch)
    world.stop(few)


def idle(world, table, runs):
    url = world.list_url("t20", tls=True)
    config = world.config([{"name": "t20", "base_url": world.url("t20", tls=True), "interval": "2s"}], [LOG])
    ours, floor, woken = [], [], []
    for _ in range(runs):
        before = len(world.requests(under="/t20"))
        watch = world.start(world.watch(config))
        base = bare(world, url, 60000)
        polls_seen(world, "/t20", before + 3)
        time.sleep(0.2)
        count, polls = wakeups(watch.pid), len(world.requests(under="/t20"))
        time.sleep(1.2)
        if len(world.requests(under="/t20")) == polls:
            woken.append(wakeups(watch.pid) - count)
        ours.append(proc_number(watch.pid, "status", "VmRSS") / 1024)
        floor.append(proc_number(base.pid, "status", "VmRSS") / 1024)
        world.stop(watch)
        world.stop(base)
    table.ratio("watch, idle over https: memory", median(ours), "bare libcurl + SQLite", median(floor), 1.15, show=mib)
    most = max(woken) if woken else -1
    table.value("watch, idle: wake-ups in 1.2 s between polls", most, str(most), "0", most == 0)


def many_sources(world, table, runs):
    sources = [{"name": f"s{n:03}", "base_url": world.url("t20") + f"/s{n:03}", "interval": "1s"} for n in range(200)]
    watch = world.start(world.watch(world.config(sources, [LOG])))
    base = bare(world, world.url("t20") + "/bare2/ai/embeddings?status=queued&status=processing", 5)
    polls_seen(world, "/t20/s199", 3)
    polls_seen(world, "/t20/bare2", 10)
    start, count = time.time(), len(world.requests(under="/t20/bare2"))
    cpu, base_cpu = cpu_ns(watch.pid), cpu_ns(base.pid)
    time.sleep(2 + 2 * runs)
    share = (cpu_ns(watch.pid) - cpu) / 1e9 / (time.time() - start)
    floor = (cpu_ns(base.pid) - base_cpu) / 1e9 / (len(world.requests(under="/t20/bare2")) - count) * 200
    late, last = [], {}
    for line in world.requests(under="/t20/s"):
        at, path = float(line[0]), line[1]
        if path in last and at > start:
            late.append(abs(at - last[path] - 1))
        last[path] = at
    world.stop(watch)
    world.stop(base)
    punctual = 100 * sum(one <= 0.05 for one in late) / len(late)
    late.sort()
    table.value("200 sources at 1 s: polls within 50 ms", punctual, f"{punctual:.2f} % of {len(late)}", "≥ 99 %", punctual >= 99,
                "the 99th percentile", seconds(late[len(late) * 99 // 100]))
    table.value("200 sources at 1 s: CPU", share, f"{100 * share:.1f} % of a core", "< 15 %", share < 0.15, "bare, 200 polls",
                f"{100 * floor:.1f} %", f"{share / floor:.3g}")


class Answerer:
    """A server that answers each list at once with 20 tasks, one of which has moved on, and notes when."""

    def __init__(self, world):
        text = (world.dir / "www/t20/active.json").read_text(encoding="ascii")
        self.texts = [text, text.replace('"queued"', '"processing"', 1)]
        self.asked, self.sent, self.turn = [], [], 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with peer:
            while (head := peer.recv(65536)) and head.endswith(b"\r\n\r\n"):
                self.asked.append(time.monotonic())
                if b"success" not in head:
                    self.turn += 1
                body = self.texts[self.turn % 2].encode()
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                self.sent.append(time.monotonic())
                peer.sendall(head + body)

    def close(self):
        self.socket.close()


class Tail:
    """When a file grew, by inotify."""

    def __init__(self, path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.path = str(path)
        self.fd = self.libc.inotify_init1(0)
        self.times = []
        self.libc.inotify_add_watch(self.fd, self.path.encode(), 2)  # IN_MODIFY
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while os.read(self.fd, 65536):
            self.times.append(time.monotonic())


def latency(world, argv, log, answerer, count):
    """The median from an answer sent to the log grown."""
    log.touch(mode=0o600)
    tail = Tail(log)
    child = world.start(argv)
    for _ in range(400):
        if len(tail.times) >= count:
            break
        time.sleep(0.05)
    world.stop(child)
    sent = answerer.sent[:]
    spans = []
    for at in tail.times:
        before = [one for one in sent if one < at]
        if before:
            spans.append(at - before[-1])
    return median(spans)


def detection(world, table, runs):
    ours, floor = [], []
    for _ in range(max(1, runs // 2)):
        answerer = Answerer(world)
        log = world.fresh() / "log"
        config = world.config(
            [{"name": "a", "base_url": answerer.url, "interval": "100ms", "sweep_interval": "1d"}],
            [{"name": "log", "type": "log", "path": str(log), "on": ["queued", "processing"]}],
        )
        ours.append(latency(world, world.watch(config), log, answerer, 20))
        answerer.close()
        answerer = Answerer(world)
        place = world.fresh()
        argv = [str(world.programs / "bare"), answerer.url + "/ai/embeddings", "100", str(place), world.cert(), "keep"]
        floor.append(latency(world, argv, place / "bare.log", answerer, 20))
        answerer.close()
    one, base = median(ours), median(floor)
    table.value("watch, 20 tasks: answer received to log line written", one, seconds(one), "< 2 ms", one < 0.002,
                "bare libcurl + SQLite, stored and logged", seconds(base), f"{one / base:.3g}")


def start(world, table, runs):
    answerer = Answerer(world)
    made, ours, floor, loaded = [], [], [], []
    config = world.config([{"name": "a", "base_url": answerer.url}], [LOG])
    curl = ["curl", "-s", "-o", "/dev/null", answerer.url + "/ai/embeddings"]

    def first(argv):
        count = len(answerer.asked)
        begun = world.run(argv).start
        return answerer.asked[count] - begun

    for _ in range(runs * 3):
        watch = world.watch(config, "--once")
        made.append(first(watch))
        ours.append(first(watch))
        floor.append(first(curl))
        # without a word it makes a handle of libcurl and ends
        loaded.append(world.run([str(world.programs / "bare")], good=(64,)).wall)
    answerer.close()
    one, base = median(ours), median(floor)
    table.value("watch, start to first request", one, seconds(one), "< 10 ms", one < 0.01, "curl", seconds(base), f"{one / base:.3g}")
    table.ratio("watch, start to first request", one, "libcurl and SQLite loaded, no more", median(loaded))
    table.ratio("watch, the first start ever, which makes the state", median(made), "curl", base)


class Relay:
    """Passes bytes on to a port and counts them, and the connections."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.own_port = self.socket.getsockname()[1]
        self.up = self.down = self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self.port))
            for way in ((peer, server, "up"), (server, peer, "down")):
                threading.Thread(target=self.carry, args=way, daemon=True).start()

    def carry(self, giver, taker, way):
        try:
            while data := giver.recv(65536):
                setattr(self, way, getattr(self, way) + len(data))
                taker.sendall(data)
            taker.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def figures(self):
        return self.connections, self.up, self.down

    def close(self):
        self.socket.close()


def wire(world, table, _runs):
    """Bytes and handshakes an hour at 10 s, from what the first polls took and what each further one takes."""
    relay = Relay(world.https)
    url = f"https://127.0.0.1:{relay.own_port}/t20"
    config = world.config([{"name": "t20", "base_url": url, "interval": "200ms", "sweep_interval": "1d"}], [LOG])
    seen = len(world.requests(under="/t20/ai"))
    watch = world.start(world.watch(config))
    polls_seen(world, "/t20/ai", seen + 2)
    time.sleep(0.1)
    first, polls = relay.figures(), len(world.requests(under="/t20/ai"))
    time.sleep(4)
    last, polls = relay.figures(), len(world.requests(under="/t20/ai")) - polls
    protocol = world.requests(under="/t20/ai")[-1][7]
    world.stop(watch)
    relay.close()
    once = Relay(world.https)
    world.run(["curl", "-s", "-o", "/dev/null", "--cacert", world.cert(), f"https://127.0.0.1:{once.own_port}/t20/ai/embeddings"])
    each = [(b - a) / polls for a, b in zip(first, last)]
    hour = [360 * one + begin for one, begin in zip(each, first)]
    base = [360 * one for one in once.figures()]
    once.close()
    what = f"an hour of polls every 10 s, 20 tasks, {protocol}"
    table.ratio(f"{what}: handshakes", hour[0], "curl in a loop", base[0], show=lambda n: f"{n:.0f}")
    table.ratio(f"{what}: bytes", hour[1] + hour[2], "curl in a loop", base[1] + base[2], show=lambda n: f"{n / 1024:,.0f} KiB")
    table.value(f"{what}: bytes a poll", each[1] + each[2], f"{each[1]:.0f} up, {each[2]:.0f} down", "-", None, "the document",
                f"{(world.dir / 'www/t20/active.json').stat().st_size} bytes")


__all__ = ["ACTIVE", "detection", "idle", "many_sources", "poll_few", "poll_many", "start", "wire"]
