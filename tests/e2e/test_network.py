"""The network's worst. Whatever comes instead of an answer: the snapshot stays, nothing is told that is not
true, what happened meanwhile is told once when answers are answers again, and polling goes on in time."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import pytest
from clocks import Clock
from harness import KEY, LOG, PATIENCE, is_sweep, moved, polls, until
from mounts import namespace
from simulator import Simulator, faults

RESOLVER = "127.0.0.9"


class Server:
    """Answers every connection of a port with a function of the test; what was asked, and when, is kept."""

    def __init__(self, serve, tls=None, address="127.0.0.1", port=0):
        self._serve, self._tls = serve, tls
        self.requests: list[bytes] = []
        self.times: list[float] = []
        self._asked = threading.Condition()
        self._socket = socket.create_server((address, port))
        self._clients: list[socket.socket] = []
        self.port = self._socket.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{address}:{self.port}/v2"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self._clients.append(client)
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client):
        with contextlib.suppress(OSError), client:
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            with client:
                while self.ask(client):
                    self._serve(client)

    def ask(self, client):
        text = b""
        while b"\r\n\r\n" not in text:
            piece = client.recv(65536)
            if not piece:
                return False
            text += piece
        with self._asked:
            self.requests.append(text)
            self.times.append(time.monotonic())
            self._asked.notify_all()
        return True

    def wait(self, n):
        """Blocks until n requests have come."""
        with self._asked:
            assert self._asked.wait_for(lambda: len(self.requests) >= n, PATIENCE), f"{len(self.requests)} of {n} requests"

    def __enter__(self):
        return self

    def close(self):
        """Nobody listens any more, and every connection is closed."""
        for end in [self._socket, *self._clients]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __exit__(self, *_):
        self.close()


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def whole(body: bytes, status="200 OK", *more: str) -> bytes:
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def tasks(**statuses: str) -> bytes:
    return json.dumps({"data": [{"task_id": k, "status": v} for k, v in statuses.items()]}).encode()


def told(watch):
    return [(e["event"], e["task_id"]) for e in watch.events()]


# --- every fault that the simulator knows


@pytest.mark.parametrize("group", range(3))
def test_every_fault_changes_nothing_and_passes(user, sim, group):
    """Each in turn on polls and sweeps; USR1 spares the wait before the next try."""
    user.configure(LOG, source={"down_after": "1h"})
    names = [n for n in faults.names("error", slow=False) if n != "gzip-bomb"][group::3]
    sim.add_task("stays", status="processing")
    for n in range(len(names)):
        sim.add_task(f"t{n}", status="processing")
    watch = user.watch()
    for n, name in enumerate(names):
        mark = sim.mark()
        rule = sim.fault(name, count=None, route="list")
        sim.set_status(f"t{n}", "success")
        for times in (1, 3):  # there are two lanes: a third one shows that an answer was taken in
            watch.popen.send_signal(signal.SIGUSR1)
            sim.wait_requests(times, since=mark, match=lambda e: e.fault == name, done=True)
        assert ("success", f"t{n}") not in told(watch), name
        sim.clear_faults(rule.id)
        watch.popen.send_signal(signal.SIGUSR1)
        watch.wait_event(task_id=f"t{n}", event="success")
    ends = told(watch)
    assert ends == [("success", f"t{n}") for n in range(len(names))]
    user.settled("log", pending=0)
    assert watch.stop() == 0
    assert [(e["event"], e["task_id"]) for e in user.events_log()] == ends


@pytest.mark.parametrize("group", range(2))
def test_odd_but_true_answers_are_read(user, sim, group):
    names = faults.names("harmless")[group::2]
    user.configure(LOG)
    for n in range(len(names)):
        sim.add_task(f"t{n}", status="processing")
    watch = user.watch()
    for n, name in enumerate(names):
        params = {"interval": 0} if name == "trickle" else {}
        rule = sim.fault(name, count=None, route="list", **params)
        sim.set_status(f"t{n}", "success")
        watch.wait_event(task_id=f"t{n}", event="success")
        sim.wait_requests(1, match=lambda e, name=name: e.fault == name, done=True)
        sim.clear_faults(rule.id)
    user.settled("log", pending=0)
    assert watch.stop() == 0
    assert [e["event"] for e in user.events_log()] == ["success"] * len(names)


def test_a_task_that_may_be_on_another_page_is_not_gone(user, sim):
    user.configure(LOG, source={"sweep_interval": "200ms"})
    sim.add_task("x", status="processing")
    sim.add_task("y", status="processing")
    watch = user.watch()
    polls(sim)
    sim.fault("more-pages", count=None)
    sim.remove("x")
    mark = sim.mark()
    sim.wait_requests(8, since=mark, match=is_sweep, done=True)
    moved(sim, ("y", "success"))
    watch.wait_event(event="success", task_id="y")
    assert told(watch) == [("success", "y")]
    sim.clear_faults()
    watch.wait_event(event="gone", task_id="x")
    assert watch.stop() == 0
    assert watch.err.text().count("more pages") == 1, watch.err.text()


def test_polls_go_on_in_time_through_a_fault(user, sim):
    """After the n-th failure in a row within 0.5 s doubling, and a few seconds late at most."""
    user.configure(LOG, source={"sweep_interval": "1h"})
    watch = user.watch()
    polls(sim)
    sim.fault("status-503", count=2, route="list")
    refused = sim.wait_requests(2, match=lambda e: e.fault is not None, done=True)
    sim.wait_requests(1, since=refused[1].n)
    asked = sim.requests()
    first = asked.index(refused[0])
    for n in range(first, first + 2):
        waited = asked[n + 1].time - asked[n].time
        assert waited <= 0.5 * 2 ** (n - first) + 5, n
        assert waited >= 0.5 * 2 ** (n - first) * 0.7, n
    assert watch.stop() == 0


# --- connections


def test_refused_and_back(user, sim):
    user.configure(LOG, source={"down_after": "300ms"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.down()
    down = watch.wait_event(event="source_down")
    assert "refused" in down["message"].lower() or "connect" in down["message"].lower()
    sim.set_status("x", "failure")
    sim.up()
    watch.wait_event(event="source_up")
    watch.wait_event(event="failure", task_id="x")
    user.settled("log", pending=0)
    assert watch.stop() == 0
    assert sorted(e["event"] for e in user.events_log()) == ["failure", "source_down", "source_up"]


@pytest.mark.parametrize("framing, how", [("length", "reset"), ("chunked", "close"), ("gzip", "reset"), ("none", "close"),
                                          ("gzip-none", "close")])
def test_an_answer_that_ends_at_any_byte_does_not_count(user, framing, how):
    """Cut at each of its bytes in turn, it tells of nothing; whole, it counts."""
    body = tasks(a="processing", b="success")
    if framing == "chunked":
        answer = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                  + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (20, body[:20], len(body) - 20, body[20:]))
    elif framing == "gzip":
        answer = whole(gzip.compress(body), "200 OK", "Content-Encoding: gzip")
    elif framing == "none":
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + body
    elif framing == "gzip-none":
        answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(body)
    else:
        answer = whole(body)
    places = len(answer) - (1 if framing == "chunked" else 0)  # libcurl does not wait for the newline after the last chunk
    cuts = iter(range(places))
    seen = threading.Event()

    def serve(client):
        cut = next(cuts, None)
        if cut is None:
            seen.wait(PATIENCE)
        client.sendall(answer[:cut])
        if cut is not None and how == "reset":
            reset(client)
        raise ConnectionError

    with Server(serve) as server:
        user.configure(sources=[user.source(base_url=server.url, interval="1h", idle_interval="1h", sweep_interval="1h",
                                            down_after="1h", first_run="all", timeout="10s")])
        watch = user.start("watch", "--json")
        watch.wait_error("watching")
        while len(server.requests) < places + 2:  # two lanes wait for a whole one: the others were taken in
            asked = len(server.requests)
            watch.popen.send_signal(signal.SIGUSR1)
            server.wait(asked + 1)
        until(lambda: user.status()["sources"][0]["error"])  # what status reads is written after the answers
        source = user.status()["sources"][0]
        assert source["active"] == 0 and source["last_good"] is None, source
        assert watch.events() == []
        seen.set()
        assert watch.wait_event(event="success")["task_id"] == "b"
        until(lambda: user.status()["sources"][0]["active"] == 1)
        assert [e["event"] for e in watch.events()] == ["success"]
        assert watch.stop() == 0


CUTS = {
    "in the head": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r",
    "length": whole(tasks(a="success"))[:-1],
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{\"data\":[]}\r\n",
    "none": b"HTTP/1.1 200 OK\r\n\r\n" + tasks(a="success")[:-1],
    "none, no body": b"HTTP/1.1 200 OK\r\n\r\n",
    "1.0": b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + tasks(a="success")[:5],
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(tasks(a="success"))[:-1],
    "gzip, length": whole(gzip.compress(tasks(a="success"))[:-9], "200 OK", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("tls", [False, True])
def test_a_cut_answer_is_a_network_failure_however_it_was_framed(user, tmp_path, tls):
    """69 and three tries, by list and by show, and not 76; TLS that ends without a word is no better."""
    context, cert = certificate(str(tmp_path), "-days", "2") if tls else (None, "")

    def sends(answer):
        def serve(client):
            client.sendall(answer)
            raise ConnectionError

        return serve

    with contextlib.ExitStack() as stack:
        servers = {how: stack.enter_context(Server(sends(answer), context)) for how, answer in CUTS.items()}
        user.configure(sources=[user.source(name=f"s{n}", base_url=server.url, ca_file=cert, timeout="15s", connect_timeout="15s")
                                for n, server in enumerate(servers.values())])
        for args in (["list"], ["show", "x"]):
            before = {how: len(server.requests) for how, server in servers.items()}
            runs = {how: user.start(*args, "--source", f"s{n}") for n, how in enumerate(servers)}
            for how, run in runs.items():
                assert run.wait() == 69 and run.out.text() == "", (how, args, run.err.text())
                assert len(servers[how].requests) - before[how] >= 3, (how, args, run.err.text())


def test_gzip_of_several_members_is_read(user):
    """Which libcurl calls a failed write; the server does not care what it is asked for."""
    parts = [gzip.compress(piece) for piece in (b'{"data":[{"task_id":"a",', b"", b'"status":"processing"}]', b"}\n")]

    def serve(client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % sum(map(len, parts)))
        for part in parts:
            client.sendall(part)

    with Server(serve) as server:
        user.configure(sources=[user.source(base_url=server.url)])
        run = user.run("list", "--json")
        assert run.code == 0 and run.objects()[0]["task_id"] == "a", run


def test_slow_loris_in_the_answer_costs_its_time_limit_and_no_more(user, sim):
    """One byte now and then keeps no connection: 10 kB/s is the least, here over 300 ms."""
    user.configure(LOG, source={"timeout": "300ms", "sweep_interval": "1h", "down_after": "1h"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.fault("trickle", count=2, route="list", size=1, interval=0.05)
    sim.set_status("x", "success")
    watch.wait_event(event="success")
    slow = sim.requests(match=lambda e: e.fault is not None)
    assert slow and all(e.sent < 250 for e in slow)
    assert watch.stop() == 0


def test_a_server_that_does_not_read_is_given_up(user, other_sim):
    """A backlog that is full, or a peer that never takes the request: the connect or the first-byte limit."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/v2"
        limits = {"timeout": "300ms", "connect_timeout": "200ms", "down_after": "500ms"}
        user.configure(LOG, sources=[user.source(base_url=url, name="mute", **limits),
                                     user.source(other_sim, name="good", api_key="env:OTHER")])
        other_sim.add_task("x", status="processing")
        watch = user.start("watch", "--json", env={"OTHER": "KEYOTHER"})
        down = watch.wait_event(event="source_down")
        assert down["source"] == "mute" and "300ms" in down["message"] or "200ms" in down["message"]
        moved(other_sim, ("x", "success"))
        watch.wait_event(event="success")
        assert watch.stop() == 0


def names(tmp_path, hosts="", resolv=""):
    """What stands before a command, so that names are looked up in these files alone; and the hosts file."""
    texts = {"/etc/hosts": hosts, "/etc/resolv.conf": resolv,
             "/etc/nsswitch.conf": "hosts: files dns\n" if resolv else "hosts: files\n"}
    files = {target: tmp_path / os.path.basename(target) for target in texts}
    for target, file in files.items():
        file.write_text(texts[target])
    return namespace(" && ".join(f"mount --bind {file} {target}" for target, file in files.items())), files["/etc/hosts"]


@contextlib.contextmanager
def silent_address(address, port):
    """It neither takes nor refuses a connection: the queue of its listener is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex((address, port))
        yield


@pytest.mark.parametrize("silent", [1, 3])
def test_an_address_that_is_silent_leaves_time_for_the_next(user, tmp_path, silent):
    """Each has half of what is left of connect_timeout, as with curl; for list, wait and watch."""
    addresses = [f"127.0.0.{n + 2}" for n in range(silent + 1)]
    wrap, _ = names(tmp_path, "".join(f"{address} api.example\n" for address in addresses))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(lambda client: client.sendall(whole(tasks(x="success"))),
                                            address=addresses[-1]))
        for address in addresses[:-1]:
            stack.enter_context(silent_address(address, server.port))
        user.configure(LOG, sources=[user.source(base_url=f"http://api.example:{server.port}/v2", allow_http=True,
                                                 timeout="30s", connect_timeout="4s", first_run="all")])
        runs = {args: user.start(*args, wrap=wrap) for args in (("list", "--all"), ("wait", "x"))}
        watch = user.start("watch", "--json", wrap=wrap)
        for args, run in runs.items():
            assert run.wait() == 0, (args, run.err.text())
        watch.wait_event(event="success", task_id="x")
        assert [e["event"] for e in watch.events()] == ["success"]
        assert watch.stop() == 0


def test_a_name_that_moved_is_looked_up_anew(user, tmp_path):
    """The address that was known refuses: the next try asks for the name, and does not remember for a minute."""
    wrap, hosts = names(tmp_path, "127.0.0.2 api.example\n")
    with contextlib.ExitStack() as stack:
        old = stack.enter_context(Server(lambda client: client.sendall(whole(tasks(x="processing"))), address="127.0.0.2"))
        user.configure(LOG, sources=[user.source(base_url=f"http://api.example:{old.port}/v2", allow_http=True,
                                                 down_after="1h")])
        watch = user.start("watch", "--json", wrap=wrap)
        old.wait(4)
        new = stack.enter_context(Server(lambda client: client.sendall(whole(tasks(x="success"))),
                                         address="127.0.0.3", port=old.port))
        hosts.write_text("127.0.0.3 api.example\n")
        old.close()

        def asked():
            watch.send(signal.SIGUSR1)
            return new.requests

        until(asked, timeout=30)
        watch.wait_event(event="success", task_id="x")
        assert watch.stop() == 0


def test_a_silent_name_server_stops_nothing(user, other_sim, tmp_path):
    """Its look-up never ends; the other source goes on, also after a suspend, a stop is a stop, a command ends."""
    clock = Clock(str(tmp_path))
    wrap, _ = names(tmp_path, resolv=f"nameserver {RESOLVER}\noptions timeout:30 attempts:5\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((RESOLVER, 53))
        limits = {"timeout": "500ms", "connect_timeout": "500ms", "down_after": "600ms"}
        user.configure(LOG, sources=[
            user.source(base_url="https://api.silent.example/v2", name="silent", **limits),
            user.source(other_sim, name="good", api_key="env:OTHER"),
        ])
        other_sim.add_task("x", status="processing")
        watch = user.start("watch", "--json", env={"OTHER": "KEYOTHER", **clock.env}, wrap=wrap)
        assert watch.wait_event(event="source_down")["source"] == "silent"
        before = other_sim.mark()
        moved(other_sim, ("x", "success"))
        watch.wait_event(event="success")
        times = [e.time for e in other_sim.wait_requests(10, since=before)]
        assert max(b - a for a, b in zip(times, times[1:])) < 5
        other_sim.add_task("y", status="success")
        clock.sleep(watch, 3600)  # every connection is made anew
        watch.wait_event(event="success", task_id="y")
        assert watch.stop() == 0
        for args, code in (("list", 69), ("wait x --timeout 1", 124), ("show x", 69)):
            run = user.start(*args.split(), "--source", "silent", wrap=wrap)
            assert run.wait() == code and "silent" in run.err.text(), (args, run.err.text())


# --- proxies


def refuses(client):
    client.sendall(whole(b"no", "407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="corp"'))


class Socks(Server):
    """SOCKS 5 that has another password; `requests` are what it was told as name and password."""

    def __init__(self):
        super().__init__(lambda client: client.sendall(b"\x01\x01"))

    def ask(self, client):
        if not client.recv(1024):
            return False
        client.sendall(b"\x05\x02")
        self.requests.append(client.recv(1024))
        return True


@pytest.mark.parametrize("scheme, why", [("http", "HTTP 407"), ("socks5h", "rejected")])
def test_a_wrong_proxy_password_is_not_sent_again_and_again(user, scheme, why):
    """Directories lock an account at the fifth try: told at once, and no more tries whatever polls would be due."""
    with Server(refuses) if scheme == "http" else Socks() as proxy:
        env = {"https_proxy": f"{scheme}://name:S3CRET@127.0.0.1:{proxy.port}"}
        user.configure(LOG, sources=[user.source(base_url="https://api.example/v2", down_after="1h")])
        words = f"(proxy {scheme}://127.0.0.1:{proxy.port}, from https_proxy)"
        watch = user.start("watch", "--json", env=env)
        down = watch.wait_event(event="source_down")
        assert "every 5 min" in down["message"] and why in down["message"] and words in down["message"], down
        assert until(lambda: user.run("status").code) == 1 and "refused" in user.run("status").out
        for args, code in (("list", 69), ("show x", 69), ("wait x --timeout 1", 124), ("watch --once --state-dir once", 69)):
            before = len(proxy.requests)
            run = user.run(*args.split(), env=env, cwd=user.home)
            assert run.code == code and why in run.err and words in run.err and "S3CRET" not in run.err, run
            assert len(proxy.requests) == before + 1, args
        said = user.run("doctor", env=env)
        assert said.code == 1 and re.search(rf"fail +telnyx proxy: [^\n]*{why}", said.out), said.out
        assert "S3CRET" not in watch.out.text() + watch.err.text() + said.out + said.err
        assert watch.stop() == 0
        assert len(proxy.requests) == 6


def test_plain_http_to_this_machine_leaves_it_by_no_proxy(user, sim):
    """Whoever stands behind http_proxy would see the key; and he does not reach our loopback."""
    with Server(lambda client: client.sendall(whole(b"<html>corporate proxy</html>", "503 Busy"))) as proxy:
        user.configure(LOG)
        sim.add_task("x", status="success")
        for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
            env = {name: f"http://127.0.0.1:{proxy.port}"}
            assert "x" in user.run("list", "--all", env=env).out
            assert user.run("wait", "x", env=env).code == 0
        assert not proxy.requests
        # one that is configured for the source is obeyed
        user.configure(LOG, source={"proxy": f"http://127.0.0.1:{proxy.port}"})
        run = user.run("list")
        assert run.code == 69 and f"503 Service Unavailable: a page, not JSON (proxy http://127.0.0.1:{proxy.port}, from the configuration)" in run.err


def test_the_proxy_is_named_where_something_goes_wrong(user):
    """Whatever it is: no connection to it, its own word, an answer that makes no sense; and by doctor."""
    answers = {"page": whole(b"<html>moved in</html>"), "cut": whole(b"x" * 20)[:-10], "422": whole(b'{"detail":"no"}', "422 Bad"),
               "shape": whole(b'{"data":7}')}
    with contextlib.ExitStack() as stack:
        sources = {}
        for name, answer in answers.items():
            server = stack.enter_context(Server(lambda client, answer=answer: (client.sendall(answer), reset(client))))
            sources[name] = server.port
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            sources["refused"] = unused.getsockname()[1]
        for name, port in sources.items():
            user.configure(LOG, sources=[user.source(base_url="http://api.example/v2", allow_http=True)])
            env = {"ALL_PROXY": f"http://name:S3CRET@127.0.0.1:{port}", "no_proxy": "127.0.0.1"}
            for args in (["list"], ["show", "x"]):
                run = user.run(*args, env=env)
                assert run.code in (69, 76) and f"(proxy http://127.0.0.1:{port}, from ALL_PROXY)" in run.err, (name, run)
                assert "S3CRET" not in run.err
        said = user.run("doctor", env=env)
        assert re.search(f"proxy +http://127.0.0.1:{port}, from ALL_PROXY", said.out), said.out


# --- certificates


def certificate(directory, *more):
    key, cert = os.path.join(directory, "key.pem"), os.path.join(directory, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert, *more],
                   check=True, stdin=subprocess.DEVNULL, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def expired_certificate(directory):
    """`openssl req` has no date of its own before 3.4; `openssl ca` has."""
    context, cert = certificate(directory, "-days", "2")
    conf = os.path.join(directory, "ca.conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write(f"[ca]\ndefault_ca=c\n[c]\ndatabase={directory}/index\nserial={directory}/serial\n"
                   f"new_certs_dir={directory}\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\n"
                   "commonName=supplied\n[x]\nsubjectAltName=IP:127.0.0.1\n")
    for name, text in (("index", ""), ("serial", "01\n")):
        with open(os.path.join(directory, name), "w", encoding="ascii") as file:
            file.write(text)
    key, request, old = (os.path.join(directory, n) for n in ("key.pem", "request", "old.pem"))
    for command in (["req", "-new", "-key", key, "-subj", "/CN=x", "-out", request],
                    ["ca", "-config", conf, "-batch", "-selfsign", "-keyfile", key, "-in", request, "-notext",
                     "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-out", old]):
        subprocess.run(["openssl", *command], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    context.load_cert_chain(old, key)
    return context, old


def greet(mail):
    """A server that speaks first, and not TLS."""
    with contextlib.suppress(OSError):
        while True:
            client, _ = mail.accept()
            client.sendall(b"220 mail.example ESMTP ready\r\n")
            client.close()


def test_a_certificate_that_is_not_right_gets_no_key(user, tmp_path):
    with contextlib.ExitStack() as stack:
        mail = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=greet, args=(mail,), daemon=True).start()
        (tmp_path / "ca").mkdir()
        context, old = expired_certificate(str(tmp_path / "ca"))
        expired = stack.enter_context(Server(lambda client: client.sendall(whole(tasks())), context))
        unknown = stack.enter_context(Simulator(tls="good"))
        wrong = stack.enter_context(Simulator(tls="wrong-name"))
        kinds = {"unknown": (unknown.url, "", "certificate"), "expired": (expired.url, old, "expired"),
                 "wrong-name": (wrong.url, wrong.ca_file, "127.0.0.1"),
                 "not-tls": (f"https://127.0.0.1:{mail.getsockname()[1]}/v2", "", "127.0.0.1")}
        user.configure(LOG, sources=[user.source(name=kind, base_url=url, ca_file=trusted, down_after="300ms",
                                                 timeout="15s", connect_timeout="15s")
                                     for kind, (url, trusted, _) in kinds.items()])
        watch = user.start("watch", "--json")
        lists = [user.start("list", "--source", kind) for kind in kinds]
        for kind, (_, _, words) in kinds.items():
            down = watch.wait_event(event="source_down", source=kind)
            assert words in down["message"].lower() and "\n" not in down["message"], down
        assert [run.wait() for run in lists] == [69] * len(kinds)
        asked = unknown.requests() + wrong.requests() + expired.requests
        assert not asked, "something was asked over a connection that is not trusted"
        assert watch.stop() == 0


def test_a_good_certificate_of_our_own_is_trusted_when_named(user):
    with Simulator(tls=True) as sim:
        user.sim = sim
        user.configure(LOG, source={"ca_file": sim.ca_file})
        sim.add_task("x", status="processing")
        watch = user.watch()
        moved(sim, ("x", "success"))
        watch.wait_event(event="success")
        assert watch.stop() == 0


# --- answers of somebody else


def test_a_redirect_takes_the_key_nowhere(user, sim, other_sim):
    """Neither followed by polls nor by anything else; told with its code, once down_after has passed."""
    user.configure(LOG, source={"down_after": "0"})
    codes = (301, 302, 303, 307, 308)
    origin = other_sim.url.removesuffix("/v2")
    for code in codes:
        sim.add_task(f"x{code}", status="processing")
    watch = user.watch()
    for n, code in enumerate(codes, 1):
        sim.fault(f"redirect-{code}", count=None, to=f"{other_sim.url}/ai/embeddings")
        down = watch.wait_events(n, event="source_down")[-1]
        assert f"HTTP {code}" in down["message"] and f"a redirect to {origin}, " in down["message"], down
        for args in (["list"], ["show", f"x{code}"], ["wait", f"x{code}", "--timeout", "0"]):
            user.run(*args)
        sim.clear_faults()
        sim.set_status(f"x{code}", "success")
        watch.send(signal.SIGUSR1)
        watch.wait_events(n, event="source_up")
        watch.wait_event(event="success", task_id=f"x{code}")
    assert other_sim.requests() == []
    assert watch.stop() == 0


def test_a_captive_portal_is_named_and_changes_nothing(user, sim):
    user.configure(LOG, source={"down_after": "300ms"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.fault("portal", count=None)
    down = watch.wait_event(event="source_down")
    assert "not JSON" in down["message"] and "<" not in down["message"], down
    sim.set_status("x", "success")
    sim.clear_faults()
    watch.send(signal.SIGUSR1)
    watch.wait_event(event="success")
    assert [e for e in told(watch) if e[0] in ("gone", "unknown")] == []
    assert watch.stop() == 0


# --- too much


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1]) // 1024


def test_a_gzip_bomb_costs_no_memory(user, sim):
    """More than a gigabyte of blanks in a megabyte: read to the limit, then dropped with its name."""
    user.configure(LOG, source={"interval": "1h", "idle_interval": "1h", "sweep_interval": "1h", "timeout": "30s",
                                "down_after": "0"})
    sim.fault("gzip-bomb", count=1, route="list")
    watch = user.start("watch", "--json")
    down = watch.wait_event(event="source_down", timeout=60)
    assert "1 GiB" in down["message"], down
    if not os.environ.get("SANITIZE"):
        assert memory(watch.pid) < 64
    assert watch.stop() == 0


@pytest.mark.parametrize("kind", ["one", "endless"])
def test_a_head_of_100_mb_is_dropped(user, kind):
    """One line of 100 MB, and lines without end: neither is kept in memory."""
    sent = 0

    def serve(client):
        nonlocal sent
        sent = 0
        client.sendall(b"HTTP/1.1 200 OK\r\nX-Pad: ")
        line = b"p" * 65536 if kind == "one" else b"p" * 1000 + b"\r\nX-Pad: "
        piece = line if kind == "one" else line * 64
        while sent < 100_000_000:
            client.sendall(piece)
            sent += len(piece)
        client.sendall(b"\r\nContent-Length: 11\r\n\r\n{\"data\":[]}")

    with Server(serve) as server:
        user.configure(LOG, sources=[user.source(base_url=server.url, down_after="0")])
        watch = user.start("watch", "--json")
        down = watch.wait_event(event="source_down")
        assert "header" in down["message"].lower(), down
        if not os.environ.get("SANITIZE"):
            assert memory(watch.pid) < 64
        assert sent < 20_000_000
        assert watch.stop() == 0


NONSENSE = {
    "length without end": b"Content-Length: 99999999999999999999\r\n\r\n{\"data\":[]}",
    "length below zero": b"Content-Length: -1\r\n\r\n{\"data\":[]}",
    "two lengths": b"Content-Length: 11\r\nContent-Length: 5\r\n\r\n{\"data\":[]}",
    "chunk without end": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{\"data\":[]}",
    "chunk below zero": b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{\"data\":[]}\r\n0\r\n\r\n",
    "chunk without its newline": b"Transfer-Encoding: chunked\r\n\r\nb\r\n{\"data\":[]}XX0\r\n\r\n",
    "chunk without a size": b"Transfer-Encoding: chunked\r\n\r\n\r\n\r\n",
    "gzip that is none": b"Transfer-Encoding: gzip, chunked\r\n\r\nb\r\n{\"data\":[]}\r\n0\r\n\r\n",
    "gzip seven times": b"Content-Encoding: gzip, gzip, gzip, gzip, gzip, gzip, gzip\r\nContent-Length: 11\r\n\r\n"
                        b"{\"data\":[]}",
    "status of two digits": b"HTTP/1.1 99 Hm\r\nContent-Length: 0\r\n\r\n",
    "version of its own": b"HTTP/9.9 200 OK\r\nContent-Length: 11\r\n\r\n{\"data\":[]}",
    "continue without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
}


def test_framing_that_is_nonsense_is_no_answer(user):
    """All kinds side by side, since each is asked three times."""

    def sends(answer):
        def serve(client):
            client.sendall(answer if answer.startswith(b"HTTP/") else b"HTTP/1.1 200 OK\r\n" + answer)
            raise ConnectionError

        return serve

    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(Server(sends(answer))) for name, answer in NONSENSE.items()}
        lists = {name: user.start("list", env={"TELNYX_BASE_URL": server.url}) for name, server in servers.items()}
        for name, run in lists.items():
            assert run.wait() in (69, 76) and run.out.text() == "", (name, run.err.text())
            assert len(run.err.lines()) == 1, (name, run.err.text())
            assert servers[name].requests, name


# --- HTTP/2

GOAWAY = r"""
const http2 = require('http2'), fs = require('fs'), dir = process.argv[2];
const server = http2.createSecureServer({key: fs.readFileSync(dir + '/key.pem'), cert: fs.readFileSync(dir + '/cert.pem')});
let n = 0;
server.on('stream', (stream, headers) => {
	n += 1;
	fs.appendFileSync(dir + '/asked', `${n} ${headers[':path']}\n`);
	stream.on('error', () => {});
	const status = fs.existsSync(dir + '/ended') ? 'success' : 'processing';
	const body = JSON.stringify({data: headers[':path'].includes(`status=${status}`) ? [{task_id: 'x', status}] : []});
	if (fs.existsSync(dir + '/goaway')) {
		stream.session.goaway(n % 2 ? 0 : 2, 0);
		if (n % 3 === 0) { stream.session.destroy(); return; }
		stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
		return;
	}
	if (fs.existsSync(dir + '/last')) {
		stream.session.goaway(0);
	}
	stream.respond({':status': 200, 'content-type': 'application/json'});
	stream.end(body);
});
server.on('sessionError', () => {});
server.listen(0, '127.0.0.1', () => fs.writeFileSync(dir + '/port', `${server.address().port}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
"""


def test_http2_goaway(user, tmp_path):
    """A server that goes away with streams open, one that goes after each answer: nothing lost, nothing hung."""
    if shutil.which("node") is None:
        pytest.skip("no node here, whose http2 is the server")
    if "HTTP2" not in subprocess.run(["curl", "-V"], capture_output=True, text=True).stdout:
        pytest.skip("this libcurl has no HTTP/2")
    directory = tmp_path / "h2"
    directory.mkdir()
    _, cert = certificate(str(directory), "-days", "2")
    node = subprocess.Popen(["node", "-e", GOAWAY, "x", str(directory)], stdin=subprocess.PIPE)
    try:
        port = int(until(lambda: (directory / "port").exists() and (directory / "port").read_text()))
        user.configure(LOG, sources=[user.source(base_url=f"https://127.0.0.1:{port}/v2", ca_file=cert,
                                                 down_after="1h")])
        watch = user.start("watch", "--json")
        watch.wait_error("watching")

        def asked():
            path = directory / "asked"
            return len(path.read_text().splitlines()) if path.exists() else 0

        def more(n=3):
            before = asked()

            def enough():
                watch.send(signal.SIGUSR1)
                return asked() >= before + n

            until(enough)

        more()
        (directory / "last").touch()
        more()
        (directory / "goaway").touch()
        (directory / "ended").touch()
        more(9)
        assert watch.events() == []
        (directory / "goaway").unlink()
        more()
        watch.send(signal.SIGUSR1)
        assert watch.wait_event(event="success")["task_id"] == "x"
        assert watch.stop() == 0
    finally:
        node.stdin.close()
        node.kill()
        node.wait()


# --- limits


def gap(sim):
    """Seconds between the first refusal and the next request of anybody."""
    first = sim.wait_requests(1, match=lambda e: e.fault is not None)[0]
    following = sim.wait_requests(1, since=first.n)[0]
    return following.time - first.time


LIMITS = (  # what a refusal says, and the least that is waited for it
    ({"retry-after": "1"}, 1.0),
    ({"retry-after": "0.7"}, 0.7),
    ({"retry-after-ms": "800"}, 0.8),
    ({"retry-after-ms": "800", "retry-after": "200", "x-ratelimit-reset": "240"}, 0.8),
    ({"x-ratelimit-reset": "1"}, 1.0),
    ({"retry-after": "date+1"}, 0.1),
    ({"x-ratelimit-reset": "epoch+1"}, 0.1),
    ({"retry-after": "0"}, 0.1),
    ({"retry-after": "-5"}, 0.3),
    ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.1),
    ({"retry-after": "soon"}, 0.3),
    ({"retry-after": "1e3"}, 0.3),
    ({"retry-after": "0x10"}, 0.3),
    ({"retry-after": ""}, 0.3),
    ({"retry-after-ms": "NaN"}, 0.3),
    ({"retry-after-ms": "-1"}, 0.3),
    ({}, 0.3),
)


class Limited(Server):
    """Answers, but refuses once after `refuse` was called."""

    def __init__(self, headers):
        super().__init__(self._answer)
        self._headers = headers
        self._refuse, self.refused = threading.Event(), None

    def refuse(self):
        self._refuse.set()

    def _answer(self, client):
        if not self._refuse.is_set() or self.refused is not None:
            client.sendall(whole(tasks()))
            return
        lines = [f"{k}: {v}".replace("date+1", email.utils.formatdate(time.time() + 2, usegmt=True))
                 .replace("epoch+1", str(int(time.time()) + 2)) for k, v in self._headers.items()]
        self.refused = len(self.requests)
        client.sendall(whole(b"{}", "429 Too Many Requests", *lines))

    def waited(self):
        """Seconds between the refusal and the next request."""
        until(lambda: self.refused)
        self.wait(self.refused + 1)
        return self.times[self.refused] - self.times[self.refused - 1]


def test_429_is_obeyed_in_every_form(user):
    """And in none that is nonsense: then it is the first wait of our own, half a second."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Limited(headers)) for headers, _ in LIMITS]
        user.configure(sources=[user.source(name=f"s{n}", base_url=server.url, sweep_interval="1h", down_after="1h")
                                for n, server in enumerate(servers)])
        watch = user.start("watch")
        for server in servers:
            server.wait(6)  # two lanes: their first answers were taken in long ago
        for server in servers:
            server.refuse()
        for server, (headers, low) in zip(servers, LIMITS):
            assert low - 0.05 <= server.waited() <= 4.5, (headers, server.waited())
        assert watch.stop() == 0


def test_a_wait_beyond_all_reason_is_five_minutes_and_usr1_ends_it(user, sim):
    user.configure(LOG, source={"sweep_interval": "1h", "down_after": "1h"})
    values = ("99999999999999999999", "3600", "Fri, 31 Dec 9999 23:59:59 GMT")
    for n in range(len(values)):
        sim.add_task(f"x{n}", status="processing")
    watch = user.watch()
    for n, value in enumerate(values):
        sim.fault("status", status=429, count=1, route="list", headers={"retry-after": value})
        watch.wait_error("429", n + 1)
        sim.set_status(f"x{n}", "success")
        until(lambda: "429" in (user.status()["sources"][0]["error"] or ""))
        assert len(told(watch)) == n, value
        watch.send(signal.SIGUSR1)
        watch.wait_event(event="success", task_id=f"x{n}")
    assert watch.stop() == 0


def test_the_servers_clock_years_off_matters_to_nobody(user, sim, other_sim):
    """Its dates are waits by its own Date, not by ours: neither a storm of requests nor five minutes of silence."""
    limits = {"sweep_interval": "1h", "down_after": "1h"}
    user.configure(LOG, sources=[user.source(name="behind", **limits),
                                 user.source(other_sim, name="ahead", api_key="env:OTHER", **limits)])
    servers = {sim: -10 * 365 * 86400, other_sim: 10 * 365 * 86400}
    for server, skew in servers.items():
        server.configure(date_skew=skew)
        server.add_task("x", status="processing")
    watch = user.watch(env={"OTHER": "KEYOTHER"})
    polls(other_sim, 2, 0)
    for server, skew in servers.items():
        then = email.utils.formatdate(time.time() + skew + 2, usegmt=True)
        server.fault("status", status=429, count=1, route="list", headers={"retry-after": then})
    for server in servers:
        assert 0.9 <= gap(server) <= 4
        moved(server, ("x", "success"))
    for event in watch.wait_events(2, event="success"):
        told_at = email.utils.datetime.datetime.fromisoformat(event["time"][:-1] + "+00:00").timestamp()
        assert abs(told_at - time.time()) < 60
    assert watch.stop() == 0


# --- keys


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_heals_when_its_file_changes(user, sim, status):
    """Told at once with the reason, tried again every 5 min, or at USR1 with the key read again."""
    user.write("key", "OLDKEY")
    sim.configure(key="OLDKEY")
    user.configure(LOG, source={"api_key": "file:" + user.path("key")})
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.configure(key=KEY)
    if status == 403:
        sim.fault("status-403", count=1, route="list")
    down = watch.wait_event(event="source_down")
    assert down["message"] and "OLDKEY" not in json.dumps(down)
    mark = sim.mark()
    watch.send(signal.SIGUSR1)
    sim.wait_requests(1, since=mark)
    sim.set_status("x", "success")
    user.write("key", KEY + "\n")
    watch.send(signal.SIGUSR1)
    watch.wait_event(event="source_up")
    watch.wait_event(event="success", task_id="x")
    assert len([e for e in told(watch) if e[0] == "source_down"]) == 1
    assert watch.stop() == 0
    assert len(sim.requests(mark, lambda e: e.key == "wrong")) <= 2, "a refused key was tried in a storm"


@pytest.mark.parametrize("fault", ["status-401-html", "status-403-html", "status-403-limited"])
def test_a_page_with_401_does_not_refuse_the_key(user, sim, fault):
    """A challenge of a CDN, a proxy's block page, a spent rate: a trouble that passes, as a 503 is."""
    user.configure(LOG, source={"down_after": "1h"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    polls(sim)
    mark = sim.mark()
    sim.fault(fault, count=3)
    sim.wait_requests(3, since=mark, match=lambda e: e.fault is not None)
    moved(sim, ("x", "success"))
    watch.wait_event(event="success", task_id="x")
    assert "source_down" not in [e["event"] for e in watch.events()]
    assert watch.stop() == 0


def test_keys_of_several_sources_go_each_to_its_own(user, sim, other_sim):
    user.configure(LOG, sources=[user.source(name="one"), user.source(other_sim, name="two", api_key="env:OTHER")])
    watch = user.start("watch", "--json", env={"OTHER": "KEYOTHER"})
    polls(sim, 3, 0)
    polls(other_sim, 3, 0)
    assert {e.key for e in sim.requests() + other_sim.requests()} == {"right"}
    assert watch.stop() == 0
