"""The network's worst. Whatever comes instead of an answer: the snapshot stays, nothing is told that is not
true, what happened meanwhile is told once when answers are answers again, and polling goes on in time."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import json
import os
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
from harness import KEY, LOG, moved, polls, until
from simulator import Simulator, faults

RESOLVER = "127.0.0.9"


class Server:
    """Answers every connection of a port with a function of the test; what was asked is kept."""

    def __init__(self, serve, tls=None):
        self._serve, self._tls = serve, tls
        self.requests: list[bytes] = []
        self.sizes: list[int] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v2"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
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
        self.requests.append(text)
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def whole(body: bytes, status="200 OK", *more: str) -> bytes:
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def tasks(**statuses: str) -> bytes:
    return json.dumps({"data": [{"task_id": k, "status": v} for k, v in statuses.items()]}).encode()


def faulty(sim, mark, name):
    return sim.requests(mark, lambda e: e.fault == name and e.done)


def told(watch):
    return [(e["event"], e["task_id"]) for e in watch.events()]


# --- every fault that the simulator knows


@pytest.mark.parametrize("group", range(3))
def test_every_fault_changes_nothing_and_passes(user, sim, group):
    """Each in turn on polls and sweeps; USR1 spares the wait before the next try."""
    user.configure(LOG, source={"down_after": "1h"})
    sim.add_task("stays", status="processing")
    watch = user.watch()
    names = [n for n in faults.names("error", slow=False) if n != "gzip-bomb"][group::3]
    for n, name in enumerate(names):
        task, mark = f"t{n}", sim.mark()
        sim.add_task(task, status="processing")
        watch.wait_event(task_id=task, event="processing")
        rule = sim.fault(name, count=None, route="list")
        sim.set_status(task, "success")
        until(lambda: faulty(sim, mark, name), name=name)
        watch.send(signal.SIGUSR1)
        until(lambda: len(faulty(sim, mark, name)) > 1, name=name)
        assert ("success", task) not in told(watch), name
        sim.clear_faults(rule.id)
        watch.send(signal.SIGUSR1)
        watch.wait_event(task_id=task, event="success")
    ends = [e for e in told(watch) if e[0] != "processing"]
    assert ends == [("success", f"t{n}") for n in range(len(names))]
    assert watch.stop() == 0
    assert [(e["event"], e["task_id"]) for e in user.events_log()] == ends


@pytest.mark.parametrize("group", range(2))
def test_odd_but_true_answers_are_read(user, sim, group):
    names = faults.names("harmless")[group::2]
    user.configure(LOG)
    watch = user.watch()
    for n, name in enumerate(names):
        mark = sim.mark()
        sim.add_task(f"t{n}", status="processing")
        watch.wait_event(task_id=f"t{n}", event="processing")
        params = {"interval": 0} if name == "trickle" else {}
        rule = sim.fault(name, count=None, route="list", **params)
        sim.set_status(f"t{n}", "success")
        watch.wait_event(task_id=f"t{n}", event="success")
        assert faulty(sim, mark, name)
        sim.clear_faults(rule.id)
    assert watch.stop() == 0
    assert [e["event"] for e in user.events_log()] == ["success"] * len(names)


def test_polls_go_on_in_time_through_a_fault(user, sim):
    """After the n-th failure in a row within 0.5 s doubling, and no more than a second late."""
    user.configure(LOG, source={"sweep_interval": "1h"})
    watch = user.watch()
    polls(sim)
    mark = sim.mark()
    sim.fault("status-503", count=3, route="list")
    asked = sim.wait_requests(5, since=mark, done=True)
    first = next(i for i, e in enumerate(asked) if e.fault)
    for n in range(first, 3):
        waited = asked[n + 1].time - asked[n].time
        assert waited <= 0.5 * 2 ** (n - first) + 1, n
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
    assert watch.stop() == 0
    assert sorted(e["event"] for e in user.events_log()) == ["failure", "source_down", "source_up"]


@pytest.mark.parametrize("framing, how", [("length", "reset"), ("chunked", "close"), ("gzip", "reset")])
def test_an_answer_that_ends_at_any_byte_does_not_count(user, framing, how):
    """Cut at each of its bytes in turn, it tells of nothing; whole, it counts."""
    body = tasks(a="processing", b="success")
    if framing == "chunked":
        answer = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                  + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (20, body[:20], len(body) - 20, body[20:]))
    elif framing == "gzip":
        answer = whole(gzip.compress(body), "200 OK", "Content-Encoding: gzip")
    else:
        answer = whole(body)
    position = 0

    def serve(client):
        client.sendall(answer[:position])
        if how == "reset":
            reset(client)
        raise ConnectionError

    with Server(serve) as server:
        user.configure(sources=[user.source(base_url=server.url, interval="1h", idle_interval="1h", sweep_interval="1h",
                                            down_after="1h")])
        watch = user.start("watch", "--json")
        watch.wait_error("watching")
        for position in range(0, len(answer)):
            asked = len(server.requests)
            watch.send(signal.SIGUSR1)
            until(lambda: len(server.requests) > asked)
            assert not watch.events(), position
        position = len(answer)
        how = "close"

        def active():
            watch.send(signal.SIGUSR1)
            return user.run("status", "--json").objects()[0]["sources"][0]["active"] == 1

        until(active)
        assert not [e for e in watch.events() if e["event"] != "source_up"]
        assert watch.stop() == 0


def test_slow_loris_in_the_answer_costs_its_time_limit_and_no_more(user, sim):
    """One byte now and then keeps no connection: 10 kB/s is the least, here over 300 ms."""
    user.configure(LOG, source={"timeout": "300ms", "sweep_interval": "1h", "down_after": "1h"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    mark = sim.mark()
    sim.fault("trickle", count=2, route="list", size=1, interval=0.05)
    sim.set_status("x", "success")
    watch.wait_event(event="success")
    entries = sim.requests(mark)
    slow = [e for e in entries if e.fault]
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


def test_a_silent_name_server_stops_nothing(user, other_sim, tmp_path):
    """Its look-up never ends; the other source goes on, and a stop is a stop."""
    resolv = tmp_path / "resolv.conf"
    resolv.write_text(f"nameserver {RESOLVER}\noptions timeout:30 attempts:5\n")
    switch = tmp_path / "nsswitch.conf"
    switch.write_text("hosts: files dns\n")
    mounts = f"mount --bind {resolv} /etc/resolv.conf && mount --bind {switch} /etc/nsswitch.conf && exec \"$@\""
    wrap = ["unshare", "-m", "--propagation", "private", "sh", "-c", mounts, "sh"]
    tried = subprocess.run([*wrap, "true"], stdin=subprocess.DEVNULL, capture_output=True)
    if tried.returncode != 0:
        pytest.skip(f"no mount namespace here: {tried.stderr.decode().strip()}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((RESOLVER, 53))
        limits = {"timeout": "500ms", "connect_timeout": "500ms", "down_after": "600ms"}
        user.configure(LOG, sources=[
            user.source(base_url="https://api.silent.example/v2", name="silent", **limits),
            user.source(other_sim, name="good", api_key="env:OTHER"),
        ])
        other_sim.add_task("x", status="processing")
        watch = user.start("watch", "--json", env={"OTHER": "KEYOTHER"}, wrap=wrap)
        assert watch.wait_event(event="source_down")["source"] == "silent"
        before = other_sim.mark()
        moved(other_sim, ("x", "success"))
        watch.wait_event(event="success")
        times = [e.time for e in other_sim.wait_requests(10, since=before)]
        assert max(b - a for a, b in zip(times, times[1:])) < 1.2
        assert watch.stop() == 0


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


@pytest.mark.parametrize("kind", ["unknown", "wrong-name", "expired", "not-tls"])
def test_a_certificate_that_is_not_right_gets_no_key(user, tmp_path, kind):
    with contextlib.ExitStack() as stack:
        if kind == "not-tls":
            mail = socket.create_server(("127.0.0.1", 0))
            stack.enter_context(mail)
            threading.Thread(target=greet, args=(mail,), daemon=True).start()
            url, trusted, server = f"https://127.0.0.1:{mail.getsockname()[1]}/v2", "", None
        elif kind == "expired":
            (tmp_path / "ca").mkdir()
            context, trusted = expired_certificate(str(tmp_path / "ca"))
            server = stack.enter_context(Server(lambda client: client.sendall(whole(tasks())), context))
            url = server.url
        else:
            server = stack.enter_context(Simulator(tls="wrong-name" if kind == "wrong-name" else "good"))
            url, trusted = server.url, server.ca_file if kind == "wrong-name" else ""
        user.configure(LOG, sources=[user.source(base_url=url, ca_file=trusted or "", down_after="300ms")])
        watch = user.start("watch", "--json")
        down = watch.wait_event(event="source_down")
        words = {"unknown": "certificate", "wrong-name": "127.0.0.1", "expired": "expired", "not-tls": "127.0.0.1"}[kind]
        assert words.lower() in down["message"].lower(), down
        assert "\n" not in down["message"]
        asked = server.requests() if isinstance(server, Simulator) else server.requests if server else []
        assert not asked, "something was asked over a connection that is not trusted"
        assert user.run("list").code == 69
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


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_key_nowhere(user, sim, other_sim, status):
    """Neither followed by polls nor by anything else; told with its code, once down_after has passed."""
    user.configure(LOG, source={"down_after": "0"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    sim.fault(f"redirect-{status}", count=None, to=f"{other_sim.url}/ai/embeddings")
    down = watch.wait_event(event="source_down")
    assert f"HTTP {status}" in down["message"]
    for args in (["list"], ["show", "x"], ["wait", "x", "--timeout", "0"]):
        user.run(*args)
    assert other_sim.requests() == []
    sim.clear_faults()
    watch.send(signal.SIGUSR1)
    sim.set_status("x", "success")
    watch.wait_event(event="success")
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


@pytest.mark.parametrize("answer, words", [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{\"data\":[]}", ""),
    (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{\"data\":[]}", ""),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Length: 5\r\n\r\n{\"data\":[]}", ""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{\"data\":[]}", ""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{\"data\":[]}\r\n0\r\n\r\n", ""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{\"data\":[]}XX0\r\n\r\n", ""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n", ""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nb\r\n{\"data\":[]}\r\n0\r\n\r\n", ""),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip, gzip, gzip, gzip, gzip\r\nContent-Length: 11\r\n\r\n"
     b"{\"data\":[]}", ""),
    (b"HTTP/1.1 99 Hm\r\nContent-Length: 0\r\n\r\n", ""),
    (b"HTTP/9.9 200 OK\r\nContent-Length: 11\r\n\r\n{\"data\":[]}", ""),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, ""),
])
def test_framing_that_is_nonsense_is_no_answer(user, answer, words):
    def serve(client):
        client.sendall(answer)
        raise ConnectionError

    with Server(serve) as server:
        user.configure(sources=[user.source(base_url=server.url)])
        done = user.run("list")
        assert done.code in (69, 76) and done.out == "", done
        assert len(done.err.splitlines()) == 1 and words in done.err


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


def gap(sim, mark):
    """Seconds between the first refusal after mark and the next request of anybody."""
    first = sim.wait_requests(1, since=mark, match=lambda e: e.fault is not None)[0]
    following = sim.wait_requests(1, since=first.n)[0]
    return following.time - first.time


@pytest.mark.parametrize("headers, low, high", [
    ({"retry-after": "1"}, 1.0, 2.0),
    ({"retry-after": "0.7"}, 0.7, 1.7),
    ({"retry-after-ms": "800"}, 0.8, 1.8),
    ({"retry-after-ms": "800", "retry-after": "200", "x-ratelimit-reset": "240"}, 0.8, 1.8),
    ({"x-ratelimit-reset": "1"}, 1.0, 2.0),
    ({"retry-after": "date+1"}, 0.1, 3.0),
    ({"x-ratelimit-reset": "epoch+1"}, 0.1, 3.0),
    ({"retry-after": "0"}, 0.1, 1.1),
    ({"retry-after": "-5"}, 0.3, 1.6),
    ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.1, 1.1),
    ({"retry-after": "soon"}, 0.3, 1.6),
    ({"retry-after": "1e3"}, 0.3, 1.6),
    ({"retry-after": "0x10"}, 0.3, 1.6),
    ({"retry-after": ""}, 0.3, 1.6),
    ({"retry-after-ms": "NaN"}, 0.3, 1.6),
    ({"retry-after-ms": "-1"}, 0.3, 1.6),
    ({}, 0.3, 1.6),
])
def test_429_is_obeyed_in_every_form(user, sim, headers, low, high):
    """And in none that is nonsense: then it is the first wait of our own, half a second."""
    user.configure(source={"sweep_interval": "1h", "interval": "100ms", "down_after": "1h"})
    user.watch()
    mark = sim.mark()
    values = {k: v.replace("date+1", email.utils.formatdate(time.time() + 2, usegmt=True))
              .replace("epoch+1", str(int(time.time()) + 2)) for k, v in headers.items()}
    sim.fault("status", status=429, count=1, route="list", headers=values)
    waited = gap(sim, mark)
    assert low - 0.05 <= waited <= high, waited


@pytest.mark.parametrize("value", ["99999999999999999999", "3600", "date"])
def test_a_wait_beyond_all_reason_is_five_minutes_and_usr1_ends_it(user, sim, value):
    user.configure(LOG, source={"sweep_interval": "1h", "down_after": "1h"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    value = value.replace("date", "Fri, 31 Dec 9999 23:59:59 GMT")
    sim.fault("status", status=429, count=1, route="list", headers={"retry-after": value})
    watch.wait_error("429")
    sim.set_status("x", "success")
    until(lambda: "429" in (user.run("status", "--json").objects()[0]["sources"][0]["error"] or ""))
    assert told(watch) == []
    watch.send(signal.SIGUSR1)
    watch.wait_event(event="success")
    assert watch.stop() == 0


@pytest.mark.parametrize("years", [-10, 10])
def test_the_servers_clock_years_off_matters_to_nobody(user, sim, years):
    """Its dates are waits by its own Date, not by ours: neither a storm of requests nor five minutes of silence."""
    skew = years * 365 * 86400
    sim.configure(date_skew=skew)
    user.configure(LOG, source={"sweep_interval": "1h", "down_after": "1h"})
    sim.add_task("x", status="processing")
    watch = user.watch()
    mark = sim.mark()
    then = email.utils.formatdate(time.time() + skew + 2, usegmt=True)
    sim.fault("status", status=429, count=1, route="list", headers={"retry-after": then})
    assert 0.9 <= gap(sim, mark) <= 4
    moved(sim, ("x", "success"))
    event = watch.wait_event(event="success")
    assert abs(email.utils.datetime.datetime.fromisoformat(event["time"][:-1] + "+00:00").timestamp()
               - time.time()) < 60
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


def test_keys_of_several_sources_go_each_to_its_own(user, sim, other_sim):
    user.configure(LOG, sources=[user.source(name="one"), user.source(other_sim, name="two", api_key="env:OTHER")])
    watch = user.start("watch", "--json", env={"OTHER": "KEYOTHER"})
    polls(sim, 3, 0)
    polls(other_sim, 3, 0)
    assert {e.key for e in sim.requests() + other_sim.requests()} == {"right"}
    assert watch.stop() == 0


