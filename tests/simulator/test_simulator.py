"""The simulator against its own promises. What the project's tests rest on is tested first."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import datetime
from typing import Any, Iterator

import pytest

from simulator import FAULTS, Simulator, fault_names
from simulator.demo import Demo
from simulator.model import ENDED, STATUSES
from simulator.strict import Bad, Reply, fetch, tasks

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = "/v2/ai/embeddings"
ALL = LIST + "?" + "&".join(f"status={s}" for s in STATUSES)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(start=1_800_000_000.0) as simulator:
        yield simulator


def listed(sim: Simulator, target: str = LIST) -> dict[str, str]:
    return tasks(fetch(sim.port, target))


def body(reply: Reply) -> Any:
    return json.loads(reply.body)


# --- the honest API


def test_default_list_is_what_is_active(sim: Simulator) -> None:
    for status in STATUSES:
        sim.add_task(status, status=status)
    assert listed(sim) == {"queued": "queued", "processing": "processing"}


def test_repeated_keys_filter(sim: Simulator) -> None:
    for status in STATUSES:
        sim.add_task(status, status=status)
    assert set(listed(sim, LIST + "?status=success&status=failure")) == {"success", "failure"}
    assert set(listed(sim, ALL)) == set(STATUSES)


@pytest.mark.parametrize("query", ["status=queued,processing", "status=queued%2Cprocessing", "status=", "status=QUEUED"])
def test_a_word_that_no_task_has_finds_nothing(sim: Simulator, query: str) -> None:
    sim.add_task("a", status="queued")
    reply = fetch(sim.port, f"{LIST}?{query}")
    assert reply.status == 200 and body(reply) == {"data": []}


@pytest.mark.parametrize("query", ["status[]=success", "status%5B0%5D=success", "page=2", "limit=1", "Status=success", ""])
def test_names_it_does_not_know_change_nothing(sim: Simulator, query: str) -> None:
    sim.add_task("a", status="queued")
    sim.add_task("b", status="processing")
    sim.add_task("c", status="success")
    assert set(listed(sim, f"{LIST}?{query}")) == {"a", "b"}


def test_strict_status_refuses_in_fastapis_words(sim: Simulator) -> None:
    sim.configure(strict_status=True)
    reply = fetch(sim.port, LIST + "?status=queued&status=failed")
    assert reply.status == 422
    detail = body(reply)["detail"][0]
    assert detail["loc"] == ["query", "status", 1] and detail["type"] == "type_error.enum"
    assert listed(sim, ALL) == {}


def test_failed_may_be_the_word_or_an_alias(sim: Simulator) -> None:
    sim.add_task("a", status="failure")
    assert listed(sim, LIST + "?status=failed") == {}
    sim.configure(failure_word="failed", failure_filter=["failed"])
    assert listed(sim, LIST + "?status=failed") == {"a": "failed"}
    assert listed(sim, LIST + "?status=failure") == {}


def test_by_id_has_neither_bucket_nor_user(sim: Simulator) -> None:
    sim.add_task("a/b", plan=[("queued", 0), ("success", 9.5)], bucket="b", name="n")
    sim.add_task("t é", plan=[("queued", 0), ("success", 9.5)], bucket="b", name="n")
    reply = fetch(sim.port, LIST + "/t%20%C3%A9")
    created = "2027-01-15T08:00:00.000Z"
    assert body(reply) == {"data": {"task_id": "t é", "task_name": "n", "status": "queued", "created_at": created}}
    sim.step(10)
    data = body(fetch(sim.port, LIST + "/t%20%C3%A9"))["data"]
    assert data["status"] == "success" and data["finished_at"] == "2027-01-15T08:00:09.500Z"
    # Starlette decodes before it routes, so a slash in an id is another path
    assert body(fetch(sim.port, LIST + "/a%2Fb")) == {"detail": "Not Found"}


@pytest.mark.parametrize("form, status, member", [("errors", 404, "errors"), ("detail", 404, "detail"), ("400", 400, "errors"), ("422", 422, "detail")])
def test_unknown_ids(sim: Simulator, form: str, status: int, member: str) -> None:
    sim.configure(unknown_task=form, unknown_bucket=form)
    for path in (LIST + "/nope", LIST + "/buckets/nope"):
        reply = fetch(sim.port, path)
        assert reply.status == status and list(body(reply)) == [member]
        assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("key, words", [(None, "any usable"), ("KEYWRONG", "not understand"), ("abc", "malformed")])
def test_keys(sim: Simulator, key: str | None, words: str) -> None:
    reply = fetch(sim.port, LIST, key=key)
    error = body(reply)["errors"][0]
    assert reply.status == 401 and error["code"] == "10009" and words in error["detail"]
    sim.configure(key=None)
    assert fetch(sim.port, LIST, key=key).status == (401 if key is None else 200)


def test_files_tell_why_only_when_the_task_has_ended(sim: Simulator) -> None:
    files = [("a.pdf", "failure", "File is empty"), ("b.pdf", "success", None)]
    sim.add_task("t", plan=[("processing", 0), ("partial_success", 5)], bucket="my bucket", files=files)
    sim.set_bucket("other", [("c.txt", "success")])
    path = LIST + "/buckets/my%20bucket"
    assert [r["status"] for r in body(fetch(sim.port, path))["data"]] == ["processing", "processing"]
    sim.step(5)
    rows = body(fetch(sim.port, path))["data"]
    assert rows[0]["error_reason"] == "File is empty" and "error_reason" not in rows[1]
    assert rows[1]["last_embedded_at"] == rows[1]["updated_at"] == "2027-01-15T08:00:05.000Z"
    sim.configure(nulls="null")
    assert set(body(fetch(sim.port, path))["data"][1]) == {
        "filename", "status", "created_at", "updated_at", "last_embedded_at", "error_reason"}
    assert body(fetch(sim.port, LIST + "/buckets")) == {"data": {"buckets": ["my bucket", "other"]}}


def test_paths_and_methods_of_fastapi(sim: Simulator) -> None:
    assert fetch(sim.port, "/v2/ai/nothing").status == 404
    assert fetch(sim.port, "/other").status == 404
    slash = fetch(sim.port, LIST + "/")
    assert slash.status == 307 and slash.headers["location"] == LIST
    connection = http.client.HTTPConnection("127.0.0.1", sim.port)
    connection.request("DELETE", LIST, headers={"Authorization": "Bearer KEYSIM"})
    reply = connection.getresponse()
    assert reply.status == 405 and reply.headers["Allow"] == "GET"
    connection.close()


@pytest.mark.parametrize("form, text", [
    ("z", "2027-01-15T08:00:00.250Z"), ("seconds", "2027-01-15T08:00:00Z"), ("naive", "2027-01-15T08:00:00.250000"),
    ("offset", "2027-01-15T08:00:00.250000+00:00"), ("east", "2027-01-15T10:00:00.250+02:00"),
    ("space", "2027-01-15 08:00:00.250Z"), ("nano", "2027-01-15T08:00:00.250000789Z")])
def test_timestamp_forms(sim: Simulator, form: str, text: str) -> None:
    sim.step(0.25)
    sim.add_task("t", status="queued")
    sim.configure(timestamps=form)
    assert body(fetch(sim.port, LIST))["data"][0]["created_at"] == text


def test_null_and_absent(sim: Simulator) -> None:
    sim.add_task("t", status="queued")
    assert not {"bucket", "finished_at"} & set(body(fetch(sim.port, LIST))["data"][0])
    sim.configure(nulls="null")
    element = body(fetch(sim.port, LIST))["data"][0]
    assert element["bucket"] is None and element["finished_at"] is None


def test_wrong_settings_are_refused_whole(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="no setting colour"):
        sim.configure(key="KEYOTHER", colour="red")
    with pytest.raises(ValueError, match="timestamps is one of"):
        sim.configure(timestamps="julian")
    assert fetch(sim.port, LIST).status == 200


# --- the clock


def test_a_plan_is_followed_step_by_step(sim: Simulator) -> None:
    sim.add_task("t", [("queued", 0), ("processing", 5), ("success", 20)])
    seen = []
    for _ in range(5):
        seen.append(listed(sim, ALL)["t"])
        sim.step(5)
    assert seen == ["queued", "processing", "processing", "processing", "success"]


def test_the_clock_stands_still_and_never_goes_back(sim: Simulator) -> None:
    assert sim.now() == 1_800_000_000.0 == sim.now()
    with pytest.raises(ValueError):
        sim.step(-1)
    sim.run(speed=1e6)
    deadline = time.monotonic() + 5
    while sim.now() < 1_800_000_001.0:
        assert time.monotonic() < deadline
    sim.run(speed=0)
    assert sim.now() == sim.now()


def test_status_set_removed_hidden_and_back(sim: Simulator) -> None:
    sim.add_task("t", [("queued", 0), ("success", 5)])
    sim.set_status("t", "processing")
    sim.step(60)
    assert listed(sim, ALL) == {"t": "processing"}
    sim.set_status("t", "failure")
    assert body(fetch(sim.port, LIST + "/t"))["data"]["finished_at"] == "2027-01-15T08:01:00.000Z"
    sim.set_status("t", "queued")
    assert "finished_at" not in body(fetch(sim.port, LIST + "/t"))["data"]
    sim.update_task("t", listed=False)
    assert listed(sim, ALL) == {} and fetch(sim.port, LIST + "/t").status == 200
    sim.update_task("t", listed=True, known=False, name="new")
    assert listed(sim, ALL) == {"t": "queued"} and fetch(sim.port, LIST + "/t").status == 404
    assert body(fetch(sim.port, LIST))["data"][0]["task_name"] == "new"
    sim.remove("t")
    assert listed(sim, ALL) == {}


def test_raw_elements_stand_as_they_are(sim: Simulator) -> None:
    sim.add_task("t", status="queued", raw=b'{"task_id": "t",\t"status":"queued","task_name":"\\u00e9\xff"}')
    assert b'"status":"queued","task_name":"\\u00e9\xff"}]}' in fetch(sim.port, LIST).body


def test_a_life_is_drawn_by_the_seed() -> None:
    lives = []
    for seed in (7, 7, 8):
        with Simulator(seed=seed, start=0.0) as sim:
            ids = [sim.add_task() for _ in range(50)]
            sim.step(60)
            lives.append([(i, sim.status_of(i)) for i in ids])
    assert lives[0] == lives[1] != lives[2]
    assert {status for _, status in lives[0]} == set(ENDED)


# --- HTTP


def test_keep_alive_and_headers(sim: Simulator) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", sim.port)
    ids = set()
    for _ in range(3):
        connection.request("GET", LIST, headers={"Authorization": "Bearer KEYSIM"})
        reply = connection.getresponse()
        reply.read()
        ids.add(reply.headers["x-request-id"])
        assert datetime.strptime(reply.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")
    connection.close()
    assert len(ids) == 3 and "" not in ids
    assert {e.connection for e in sim.requests()} == {1}


def test_gzip_when_offered_and_switched_on(sim: Simulator) -> None:
    for i in range(20):
        sim.add_task(f"t{i}", status="queued")
    plain = fetch(sim.port, LIST)
    packed = fetch(sim.port, LIST, accept_encoding="deflate, gzip")
    assert packed.headers["content-encoding"] == "gzip" and packed.body == plain.body
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 3
    assert "content-encoding" not in fetch(sim.port, LIST, accept_encoding="br, gzip;q=0").headers
    sim.configure(gzip=False)
    assert "content-encoding" not in fetch(sim.port, LIST, accept_encoding="gzip").headers


def test_what_is_not_http_gets_a_400(sim: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", sim.port), timeout=5) as sock:
        sock.sendall(b"EHLO there\r\n\r\n")
        assert sock.makefile("rb").read().startswith(b"HTTP/1.1 400 ")
    assert sim.requests() == []


def test_configured_headers_and_skew(sim: Simulator) -> None:
    sim.configure(headers={"x-ratelimit-remaining": "4"}, date_skew=-7200)
    headers = fetch(sim.port, LIST).headers
    date = datetime.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT")
    assert headers["x-ratelimit-remaining"] == "4"
    assert abs((datetime.utcnow() - date).total_seconds() - 7200) < 5


def test_down_refuses_and_up_takes_the_same_port(sim: Simulator) -> None:
    port = sim.port
    idle = socket.create_connection(("127.0.0.1", port), timeout=5)
    idle.sendall(f"GET {LIST} HTTP/1.1\r\n\r\n".encode())
    sim.wait_requests(1, done=True)
    sim.down()
    while idle.recv(4096):
        pass
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        fetch(port, LIST)
    sim.up()
    assert fetch(port, LIST).status == 200


def test_stop_wakes_whatever_waits() -> None:
    sim = Simulator()
    sim.fault("hang")
    sim.fault("hold")
    sim.fault("delay", seconds=600)
    clients = [threading.Thread(target=lambda: _ignore(sim.port), daemon=True) for _ in range(3)]
    for client in clients:
        client.start()
    sim.wait_requests(3)
    began = time.monotonic()
    sim.stop()
    for client in clients:
        client.join(5)
    assert not any(c.is_alive() for c in clients) and time.monotonic() - began < 20
    sim.stop()


def _ignore(port: int) -> None:
    try:
        fetch(port, LIST, timeout=30)
    except (OSError, Bad):
        pass


def test_tls_is_verified() -> None:
    with Simulator(tls=True) as sim:
        assert sim.url.startswith("https://127.0.0.1:")
        request = urllib.request.Request(sim.url + "/ai/embeddings", headers={"Authorization": "Bearer KEYSIM"})
        context = ssl.create_default_context(cafile=sim.ca_file)
        with urllib.request.urlopen(request, context=context, timeout=5) as reply:
            assert json.load(reply) == {"data": []}
        with pytest.raises(urllib.request.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(request, context=ssl.create_default_context(), timeout=5)
        sim.bulk(30_000)
        with urllib.request.urlopen(request, context=context, timeout=5) as reply:
            assert len(json.load(reply)["data"]) == 30_000
        sim.fault("reset-middle")
        with pytest.raises((OSError, http.client.IncompleteRead)):
            urllib.request.urlopen(request, context=context, timeout=5).read()
    with Simulator(tls="wrong-name") as sim:
        context = ssl.create_default_context(cafile=sim.ca_file)
        request = urllib.request.Request(sim.url + "/ai/embeddings")
        with pytest.raises(urllib.request.URLError, match="IP address mismatch"):
            urllib.request.urlopen(request, context=context, timeout=5)


# --- faults


@pytest.fixture(scope="module")
def busy() -> Iterator[Simulator]:
    """One server with some tasks for all faults."""
    with Simulator(start=1_800_000_000.0) as simulator:
        for i in range(6):
            simulator.add_task(f"task-{i}", status="processing" if i % 2 else "queued")
        yield simulator


TRUTH = {f"task-{i}": "processing" if i % 2 else "queued" for i in range(6)}
TRY = {"timeout": 0.15}


@pytest.mark.parametrize("name", fault_names("error", "refused"))
def test_a_strict_client_notices(busy: Simulator, name: str) -> None:
    rule = busy.fault(name)
    with pytest.raises((Bad, OSError)):
        tasks(fetch(busy.port, LIST, accept_encoding="gzip", timeout=0.15 if FAULTS[name].slow else 10))
    assert busy.wait_requests(1, match=lambda e: e.fault is not None)[-1].fault == name
    assert rule.hits == 1
    assert listed(busy) == TRUTH  # and the next answer is honest


@pytest.mark.parametrize("name", fault_names("harmless"))
def test_an_odd_dress_hides_nothing(busy: Simulator, name: str) -> None:
    busy.fault(name)
    assert tasks(fetch(busy.port, LIST, accept_encoding="gzip")) == TRUTH
    busy.fault(name)
    assert fetch(busy.port, LIST + "/nope").status == 404  # it does not turn a no into a yes


@pytest.mark.parametrize("name", fault_names("lie"))
def test_a_lie_differs_from_the_truth(busy: Simulator, name: str) -> None:
    honest = fetch(busy.port, LIST)
    busy.fault(name)
    reply = fetch(busy.port, LIST)
    assert reply.status == 200 and reply.body != honest.body


def test_every_refusal_is_a_4xx_or_a_redirect() -> None:
    with Simulator() as sim:
        for name in fault_names("refused"):
            sim.fault(name)
            assert 300 <= fetch(sim.port, LIST).status < 500, name


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_cut_counts_bytes_behind_the_head(busy: Simulator, framing: str) -> None:
    busy.fault("cut", at=100, framing=framing)
    with socket.create_connection(("127.0.0.1", busy.port), timeout=5) as sock:
        sock.sendall(f"GET {LIST} HTTP/1.1\r\nAuthorization: Bearer KEYSIM\r\n\r\n".encode())
        head, _, rest = sock.makefile("rb").read().partition(b"\r\n\r\n")
    assert len(rest) == 100
    assert (b"Content-Length" in head) == (framing == "length")
    assert (b"chunked" in head) == (framing == "chunked")


def test_reset_is_a_reset(busy: Simulator) -> None:
    busy.fault("reset")
    with pytest.raises(ConnectionResetError):
        fetch(busy.port, LIST)
    busy.fault("close")
    with pytest.raises(Bad, match="no complete head"):
        fetch(busy.port, LIST)


def test_trickle_is_byte_by_byte(busy: Simulator) -> None:
    busy.fault("trickle", size=200, interval=0.01)
    began = time.monotonic()
    reply = fetch(busy.port, LIST)
    assert tasks(reply) == TRUTH
    assert time.monotonic() - began >= 0.01 * (len(reply.body) // 200)


def test_delay_and_retry_after(busy: Simulator) -> None:
    busy.fault("delay", seconds=0.1)
    began = time.monotonic()
    assert listed(busy) == TRUTH and time.monotonic() - began >= 0.1
    busy.fault("hold")
    mark = busy.mark()
    replies: list[dict[str, str]] = []
    client = threading.Thread(target=lambda: replies.append(listed(busy)))
    client.start()
    assert not busy.wait_requests(1, since=mark, match=lambda e: e.fault == "hold")[0].done
    assert replies == []
    busy.release()
    client.join(5)
    assert replies == [TRUTH]


def test_the_bomb_is_small_outside_and_valid_inside(busy: Simulator) -> None:
    busy.fault("gzip-bomb", size=32 << 20)
    connection = http.client.HTTPConnection("127.0.0.1", busy.port)
    connection.request("GET", LIST, headers={"Authorization": "Bearer KEYSIM"})
    packed = connection.getresponse().read()
    connection.close()
    plain = gzip.decompress(packed)
    assert len(packed) < 100_000 and len(plain) > 32 << 20 and json.loads(plain) == {"data": []}


@pytest.mark.parametrize("form, header, pattern", [
    ("seconds", "retry-after", r"7"), ("float", "retry-after", r"7\.000"), ("ms", "retry-after-ms", r"7000"),
    ("date", "retry-after", r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT"),
    ("reset-seconds", "x-ratelimit-reset", r"7"), ("reset-epoch", "x-ratelimit-reset", r"1\d{9}|2\d{9}")])
def test_retry_forms(busy: Simulator, form: str, header: str, pattern: str) -> None:
    busy.fault(f"retry-{form}", seconds=7.0)
    reply = fetch(busy.port, LIST)
    assert reply.status == 429 and re.fullmatch(pattern, reply.headers[header])
    assert body(reply)["errors"][0]["code"] == "10011"


def test_any_status_body_and_headers(busy: Simulator) -> None:
    busy.fault("status", status=451, headers={"X-Why": "law"}, body={"base64": "/wA="}, content_type="text/plain")
    reply = fetch(busy.port, LIST)
    assert (reply.status, reply.body, reply.headers["x-why"]) == (451, b"\xff\x00", "law")


def test_rules_pick_their_requests(sim: Simulator) -> None:
    sim.add_task("t", status="queued")
    sim.fault("status-503", route="task", count=2, skip=1)
    sim.fault("status-500", status_filter="success", count=None)
    sim.fault("status-418", path="*/buckets/a*")
    by_id = [fetch(sim.port, LIST + "/t").status for _ in range(4)]
    assert by_id == [200, 503, 503, 200]
    assert [fetch(sim.port, t).status for t in (LIST, ALL, ALL)] == [200, 500, 500]
    assert [fetch(sim.port, f"{LIST}/buckets/{b}").status for b in ("b", "a1", "a2")] == [404, 418, 404]
    sim.clear_faults()
    assert fetch(sim.port, ALL).status == 200


def test_wrong_faults_are_refused(sim: Simulator) -> None:
    for wrong in ({"name": "nothing"}, {"name": "cut", "size": 3}, {"name": "cut", "route": "lists"}, {"name": []}):
        with pytest.raises(ValueError):
            sim.fault(**wrong)  # type: ignore[arg-type]


def test_chaos_is_a_share_and_repeats_by_seed() -> None:
    runs = []
    for seed in (3, 3, 4):
        with Simulator() as sim:
            sim.chaos(30, seed=seed, effects=("refused",))
            for _ in range(200):
                fetch(sim.port, LIST)
            runs.append([e.fault for e in sim.requests()])
    hits = len([f for f in runs[0] if f is not None])
    assert runs[0] == runs[1] != runs[2]
    assert 35 <= hits <= 85 and len(set(runs[0])) > 8


def test_chaos_leaves_slow_faults_out_unless_asked(sim: Simulator) -> None:
    assert not any(f.slow for f in sim.chaos(5).faults)
    assert any(f.slow for f in sim.chaos(5, slow=True).faults)


# --- the journal


def test_the_journal_never_holds_the_key(sim: Simulator) -> None:
    fetch(sim.port, LIST + "?status=a&status=b&x=", x_other="1")
    fetch(sim.port, LIST, key="KEYWRONG")
    fetch(sim.port, LIST, key=None)
    entries = sim.requests()
    assert [e.key for e in entries] == ["right", "wrong", "missing"]
    assert entries[0].query == {"status": ["a", "b"], "x": [""]} and entries[0].headers["x-other"] == "1"
    assert "KEY" not in json.dumps([e.as_dict() for e in entries])
    assert [e.status for e in sim.wait_requests(3, done=True)] == [200, 401, 401]


def test_waiting_for_requests(sim: Simulator) -> None:
    with pytest.raises(TimeoutError, match="0 of 1"):
        sim.wait_requests(1, timeout=0.01)
    fetch(sim.port, LIST)
    mark = sim.mark()
    later = threading.Thread(target=lambda: fetch(sim.port, LIST + "/x"))
    later.start()
    entry = sim.wait_requests(1, since=mark, match=lambda e: e.route == "task")[0]
    later.join()
    assert entry.n == 2 and entry.path == LIST + "/x"
    assert len(sim.requests()) == 2 and len(sim.requests(since=mark)) == 1


def test_a_limited_journal_keeps_its_numbers(sim: Simulator) -> None:
    sim.journal.limit = 3
    for _ in range(5):
        fetch(sim.port, LIST)
    assert [e.n for e in sim.requests()] == [3, 4, 5] and sim.mark() == 5
    assert [e.n for e in sim.requests(since=4)] == [5]


# --- many tasks


@pytest.mark.parametrize("status, nulls", [("queued", "absent"), ("queued", "null"), ("partial_success", "absent")])
def test_bulk_is_in_the_list_and_by_id(sim: Simulator, status: str, nulls: str) -> None:
    sim.configure(nulls=nulls)
    first, last = sim.add_task("first", status=status), None
    bulk = sim.bulk(12_345, status=status)
    reply = fetch(sim.port, f"{LIST}?status={status}")
    elements = body(reply)["data"]
    assert len(elements) == 12_346 == len(tasks(reply)) and elements[0]["task_id"] == first
    for index in (0, 7, 12_344):
        assert elements[index + 1] == bulk.fields(index, listed=True)
        last = bulk.id(index)
        assert body(fetch(sim.port, f"{LIST}/{last}"))["data"]["task_id"] == last
        assert bulk.index(last) == index
    assert bulk.index(bulk.id(12_345)) is None and bulk.index("nonsense") is None
    assert fetch(sim.port, f"{LIST}/{bulk.id(12_345)}").status == 404
    again = fetch(sim.port, f"{LIST}?status={status}", accept_encoding="gzip")
    assert again.headers["content-encoding"] == "gzip" and again.body == reply.body


def test_several_bulks_make_one_list(sim: Simulator) -> None:
    sim.bulk(10, status="success")
    sim.bulk(20, status="failure", seed=5)
    assert len(listed(sim, ALL)) == 30 and listed(sim) == {}
    assert len(listed(sim, LIST + "?status=failure")) == 20
    sim.fault("cut")
    with pytest.raises(Bad):
        listed(sim, ALL)


def test_a_large_answer_costs_little_memory() -> None:
    # what a bulk of 200,000 (47 MB of JSON) adds to a process that serves it twice
    script = (
        "import sys, resource; sys.path.insert(0, sys.argv[1])\n"
        "from simulator import Simulator; import http.client\n"
        "sim = Simulator(); base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(sim.bulk(200_000).size)\n"
        "for _ in range(2):\n"
        "    c = http.client.HTTPConnection('127.0.0.1', sim.port)\n"
        "    c.request('GET', '/v2/ai/embeddings', headers={'Authorization': 'Bearer KEYSIM'})\n"
        "    r = c.getresponse(); n = 0\n"
        "    while piece := r.read(65536): n += len(piece)\n"
        "    c.close()\n"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base); sim.stop()\n"
    )
    run = subprocess.run([sys.executable, "-c", script, os.path.dirname(HERE)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    size, served, added = map(int, run.stdout.split())
    assert served == size + len('{"data":[]}') and 44_000_000 < size < 50_000_000
    assert added < 20_000  # KiB


# --- control over HTTP


def control(sim: Simulator, name: str, status: int = 200, /, **args: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=10)
    connection.request("POST", f"/_sim/{name}", body=json.dumps(args) if args else None)
    reply = connection.getresponse()
    doc = json.loads(reply.read())
    connection.close()
    assert reply.status == status, doc
    return doc["result"] if status == 200 else doc["error"]


def test_another_process_can_do_everything(sim: Simulator) -> None:
    assert control(sim, "task", id="t", plan=[["queued", 0], ["success", 5]]) == "t"
    assert control(sim, "step", seconds=5) == 1_800_000_005.0
    assert control(sim, "status_of", id="t") == "success"
    rule = control(sim, "fault", name="status", status=503, body="x", count=None)
    assert fetch(sim.port, LIST).body == b"x"
    control(sim, "clear_faults", id=rule)
    assert fetch(sim.port, LIST).status == 200
    control(sim, "configure", unknown_task="422")
    assert fetch(sim.port, LIST + "/x").status == 422
    assert control(sim, "bulk", n=3)["n"] == 3
    journal = control(sim, "journal", since=1, route="list")
    assert [e["n"] for e in journal] == [2] and journal[0]["key"] == "right"
    assert len(control(sim, "wait", n=3)) == 3
    assert "0 of 1" in control(sim, "wait", 504, n=1, since=3, timeout=0.01)
    assert {f["name"] for f in control(sim, "faults")} == set(sim.FAULTS)
    assert control(sim, "mark") == 3  # control itself is not in the journal
    assert {"step", "task", "fault", "journal"} <= set(control(sim, ""))


def test_wrong_control_says_why(sim: Simulator) -> None:
    assert "seconds" in control(sim, "step", 400)
    assert "rises" in control(sim, "task", 400, plan=[["queued", 5], ["success", 0]]).replace("rise", "rises")
    assert "there already" in [control(sim, "task", id="a"), control(sim, "task", 400, id="a")][1]
    assert "no control" in control(sim, "explode", 404)
    assert "KeyError" in control(sim, "remove", 400, id="nope")


# --- as a program


def start(*options: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-B", HERE, *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http"), line
    return process, line.split()[-1]


def test_program_says_where_and_ends_on_sigterm(tmp_path: Any) -> None:
    port_file = tmp_path / "port"
    process, url = start("--port-file", str(port_file), "--seed", "3", "--bulk", "5:success")
    port = int(port_file.read_text())
    assert url == f"http://127.0.0.1:{port}/v2" and os.listdir(tmp_path) == ["port"]
    assert len(tasks(fetch(port, ALL))) == 5
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    process.communicate()


def test_program_ends_with_its_standard_input() -> None:
    process, _ = start("--exit-on-eof")
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(5) == 0
    process.stdout.close()  # type: ignore[union-attr]


def test_program_says_when_the_port_is_taken(sim: Simulator) -> None:
    command = [sys.executable, "-B", HERE, "--port", str(sim.port)]
    run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == 1 and "Address already in use" in run.stderr


@pytest.mark.parametrize("seed", range(5))
def test_the_demo_keeps_its_pace(seed: int) -> None:
    with Simulator(start=1_800_000_000.0) as sim:
        sim.world.feeders.append(Demo(seed))
        before = listed(sim, ALL)
        ends: dict[str, float] = {}
        sorts: dict[str, set[str]] = {"early": set(), "all": set()}
        active = []
        for second in range(1, 181):
            sim.step(1)
            now = listed(sim, ALL)
            active.append(len(listed(sim)))
            for id, status in now.items():
                if status in ENDED and before.get(id) not in ENDED and id not in ends:
                    ends[id] = second
                    sorts["all"].add(status)
                    if second <= 40:
                        sorts["early"].add(status)
            before = now
        times = sorted(ends.values())
        assert times[0] <= 5 and sorts["early"] == set(ENDED)
        assert 25 <= len(times) <= 80 and max(b - a for a, b in zip(times, times[1:])) <= 30
        assert min(active) >= 1
        failed = next(t for t in sim.world.tasks.values() if t.status(sim.now()) == "failure")
        rows = body(fetch(sim.port, f"{LIST}/buckets/{failed.bucket}"))["data"]
        assert any(row.get("error_reason") for row in rows)
        assert failed.name.startswith("embed-")


def test_the_demo_forgets_old_ends() -> None:
    with Simulator(start=1_800_000_000.0) as sim:
        sim.world.feeders.append(Demo(1))
        listed(sim)
        sim.step(7200)
        assert 300 <= len(listed(sim, ALL)) <= 330
