"""list, show and wait: what they ask, what they print, every exit code."""

from __future__ import annotations

import json
import os
import signal

import pytest
from harness import lives, objects, until

TASK = ["schema", "source", "task_id", "task_name", "status", "bucket", "user_id", "created_at", "finished_at",
        "duration_seconds"]
STATUSES = ["queued", "processing", "success", "failure", "partial_success"]
FAST = ("--interval", "100ms")


@pytest.fixture
def set_up(user):
    user.configure()
    return user


def all_statuses(sim):
    for status in STATUSES:
        sim.add_task(f"id-{status}", name=f"name {status}", bucket="docs", status=status)


def waiting(user, sim, *args, **more):
    """Starts `wait` and returns when its first poll is answered."""
    mark = sim.mark()
    process = user.start("wait", *FAST, *args, **more)
    sim.wait_requests(2, since=mark, done=True)
    return process


def ids(done):
    return [t["task_id"] for t in done.objects()]


# --- list


def test_list_shows_what_is_active(set_up, sim):
    all_statuses(sim)
    done = set_up.run("list")
    assert done.code == 0 and done.err == ""
    head, *rows = done.out.splitlines()
    assert head.isupper() and len(rows) == 2
    assert any("id-queued" in row and "name queued" in row and "docs" in row for row in rows)
    assert [e.query["status"] for e in sim.requests()] == [["queued", "processing"]]


@pytest.mark.parametrize("args, want", [
    (["--all"], STATUSES),
    (["--status", "failure"], ["failure"]),
    (["--status", "success,failure"], ["success", "failure"]),
    (["--status", "queued", "--status", "partial_success"], ["queued", "partial_success"]),
    (["--status=failed"], ["failure"]),
])
def test_list_by_status(set_up, sim, args, want):
    all_statuses(sim)
    done = set_up.run("list", "--json", *args)
    assert done.code == 0
    assert sorted(t["status"] for t in done.objects()) == sorted(want)
    assert sorted(sim.requests()[-1].query["status"]) == sorted(want)


def test_list_json_has_the_fields_of_a_task(set_up, sim):
    sim.add_task("x", name="n", bucket="b", user_id="u", plan=[("processing", 0), ("success", 12.5)], age=20)
    line = set_up.run("list", "--all", "--json").out
    task = json.loads(line)
    assert list(task) == TASK and line.count("\n") == 1
    assert task["schema"] == 1 and task["source"] == "telnyx" and task["duration_seconds"] == 12.5
    assert (task["task_name"], task["bucket"], task["user_id"], task["status"]) == ("n", "b", "u", "success")


def test_list_of_nothing(set_up):
    done = set_up.run("list")
    assert done.code == 0 and done.out == "" and "no task" in done.err
    assert set_up.run("list", "--json").out == ""
    assert set_up.run("-q", "list").err == ""


def test_list_of_an_unknown_status_is_a_usage_error(set_up, sim):
    done = set_up.run("list", "--status", "sucess")
    assert done.code == 64 and "success" in done.err and "Try 'taskbell list --help'" in done.err
    assert sim.requests() == []


def test_list_by_name_and_bucket(set_up, sim):
    for number, (name, bucket) in enumerate([("embed-a", "docs"), ("embed-b", "wiki"), ("other", "docs"), ("last", "last")]):
        sim.add_task(f"t{number}", name=name, bucket=bucket, status="queued")
    for args, want in ((["--name", "embed-*"], ["t0", "t1"]), (["--bucket", "docs"], ["t0", "t2"]),
                       (["--name=*-[ab]", "--bucket=d?cs"], ["t0"]), (["--name", "*"], ["t0", "t1", "t2", "t3"]),
                       (["--name", "nobody"], []), (["--limit", "2"], ["t0", "t1"]),
                       (["--limit", "1", "--bucket", "wiki"], ["t1"])):
        done = set_up.run("list", "--json", *args)
        assert done.code == 0 and ids(done) == want, args
        table = set_up.run("list", *args)
        assert table.code == 0 and [row[0] for row in table.rows()[1:]] == want, args
        assert bool(want) or "there is no such task" in table.err
    for args in (["--limit", "0"], ["--limit", "x"], ["--all", "--status", "queued"]):
        assert set_up.run("list", *args).code == 64
    sim.fault("duplicate-ids", count=None)
    assert len(set(ids(set_up.run("list", "--json", "--limit", "2")))) == 2


def test_list_of_several_sources(user, sim, other_sim):
    key = user.write("key", "KEYOTHER")
    user.configure(sources=[user.source(name="one"), user.source(other_sim, name="two", api_key=f"file:{key}")])
    sim.add_task("same", status="queued")
    other_sim.add_task("same", status="processing")
    tasks = user.run("list", "--json").objects()
    assert sorted((t["source"], t["status"]) for t in tasks) == [("one", "queued"), ("two", "processing")]
    assert [t["source"] for t in user.run("list", "--json", "--source", "two").objects()] == ["two"]
    wrong = user.run("list", "--source", "twoo")
    assert wrong.code == 64 and "two" in wrong.err


def test_list_duplicates_once_as_they_stand_last(set_up, sim):
    sim.add_task("x", status="processing")
    sim.fault("duplicate-ids", count=None)
    assert [(t["task_id"], t["status"]) for t in set_up.run("list", "--json").objects()] == [("x", "processing")]
    assert len(set_up.run("list").out.splitlines()) == 2


def test_list_of_very_many(set_up, sim):
    set_up.configure(source={"timeout": "30s"})
    sim.bulk(30_000, "queued")
    done = set_up.run("list", "--json")
    assert done.code == 0 and len({t["task_id"] for t in done.objects()}) == 30_000


def test_list_into_head(set_up, sim):
    sim.bulk(30_000, "queued")
    reader, writer = os.pipe()
    process = set_up.start("list", "--json", stdout=writer)
    os.close(writer)
    assert os.read(reader, 100)
    os.close(reader)
    assert process.wait() == -signal.SIGPIPE
    assert process.err.text() == ""


@pytest.mark.parametrize("args", [("list",), ("list", "--json"), ("show", "x"), ("show", "--json", "x"), ("wait", "x")])
def test_a_full_disk_under_stdout_is_74(set_up, sim, args):
    sim.add_task("x", status="success")
    sim.add_task("y", status="queued")
    with open("/dev/full", "wb") as full:
        process = set_up.start(*args, stdout=full)
        assert process.wait() == 74
    assert len(process.err.lines()) == 1


# --- what every command owes


@pytest.mark.parametrize("args", [("list",), ("show", "x"), ("wait", "x", *FAST)])
@pytest.mark.parametrize("fault, code", [
    ("status-401", 77), ("status-403", 77), ("status-422", 76), ("json-half", 76), ("shape-data-null", 76),
    ("status-418", 76),
])
def test_an_answer_that_says_no(set_up, sim, args, fault, code):
    sim.add_task("x", status="queued")
    sim.fault(fault, count=None)
    done = set_up.run(*args)
    assert done.code == code and done.out == "", done
    assert "telnyx" in done.err.splitlines()[-1]
    assert len(done.err.splitlines()) == 1 or args[0] == "wait"  # which says that it tries again


@pytest.mark.parametrize("fault, words", [
    ("status-401-html", "Just a moment..."), ("status-403-html", "Just a moment..."), ("status-403-empty", "403"),
    ("status-403-limited", "API rate limit exceeded"),
])
def test_a_refusal_by_somebody_between_keeps_the_key(set_up, sim, fault, words):
    sim.add_task("x", status="success")
    sim.fault(fault, count=2)
    done = set_up.run("list", "--all")
    assert done.code == 0 and "x" in done.out, done
    for command in (("list",), ("doctor",)):
        sim.clear_faults()
        sim.fault(fault, count=None)
        done = set_up.run(*command)
        assert done.code == (69 if command == ("list",) else 1), done
        assert words in done.out + done.err and "refused the key" not in done.out + done.err
    sim.clear_faults()
    sim.fault(fault, count=3)
    done = set_up.run("wait", "x", *FAST)
    assert done.code == 0, done
    assert words in done.err


@pytest.mark.parametrize("fault", ["shape-errors-beside", "shape-errors-null", "shape-errors-200"])
def test_errors_in_a_good_answer_are_unreachable(set_up, sim, fault):
    """They are told, and are no empty list: nothing says that nothing is active, or that a task is not there."""
    sim.add_task("x", status="success")
    sim.fault(fault, count=None)
    for args in (("list",), ("show", "x")):
        done = set_up.run(*args)
        assert done.code == 69 and done.out == "", done
        assert "10007" in done.err and "An unexpected error occurred." in done.err
    sim.clear_faults()
    sim.fault(fault, count=2)
    assert "x" in set_up.run("list", "--all").out
    sim.clear_faults()
    sim.fault(fault, count=4)
    done = set_up.run("wait", "x", *FAST)
    assert done.code == 0 and "10007" in done.err, done


def test_more_pages_are_told_once(set_up, sim):
    sim.add_task("x", status="processing")
    sim.fault("more-pages", count=None)
    for args, code in ((("list",), 0), (("show", "nowhere"), 3), (("doctor",), None)):
        done = set_up.run(*args)
        assert code in (None, done.code)
        assert (done.out + done.err).count("more pages") == 1, done
    mark = sim.mark()
    waiting = set_up.start("wait", *FAST)
    sim.wait_requests(3, since=mark, match=lambda e: e.target.startswith("/v2/ai/embeddings?"))
    sim.set_status("x", "success")
    assert waiting.wait() == 0
    assert waiting.err.text().count("more pages") == 1, waiting.err.text()


def test_times_are_read_as_apis_write_them(set_up, sim):
    for i in range(8):
        sim.add_task(f"t{i}", status="success")
    honest = set_up.run("list", "--all", "--json").objects()
    assert all(t["created_at"] and t["finished_at"] for t in honest)
    sim.fault("unix-times", count=None)
    for name in ("created_at", "finished_at"):  # to the second
        read = [t[name][:19] for t in set_up.run("list", "--all", "--json").objects()]
        assert read == [t[name][:19] for t in honest]


@pytest.mark.parametrize("args", [("list",), ("show", "x")])
def test_a_request_is_tried_three_times(set_up, sim, args):
    sim.add_task("x", status="queued")
    sim.fault("status-503", count=2)
    done = set_up.run(*args)
    assert done.code == 0 and "x" in done.out
    assert len(sim.requests()) >= 3
    sim.fault("status-503", count=None)
    mark = sim.mark()
    assert set_up.run(*args).code == 69
    paths = [e.target for e in sim.requests(mark)]
    assert max(paths.count(p) for p in paths) == 3


def test_should_retry_is_obeyed(set_up, sim):
    sim.fault("status-503-no-retry", count=None)
    assert set_up.run("list").code == 69
    assert len(sim.requests()) == 1


def test_a_wait_of_minutes_is_not_slept_through(set_up, sim):
    sim.fault("status", status=429, headers={"retry-after": "200"}, count=None)
    assert set_up.run("list", timeout=15).code == 69


def test_no_server_is_69(set_up, sim):
    sim.down()
    for args in (["list"], ["show", "x"]):
        done = set_up.run(*args)
        assert done.code == 69 and "refused" in done.err


def test_no_key_is_77(set_up, sim):
    for args in (["list"], ["show", "x"], ["wait", "x"]):
        done = set_up.run(*args, env={"TELNYX_API_KEY": None})
        assert done.code == 77 and "TELNYX_API_KEY" in done.err
    assert sim.requests() == []


@pytest.mark.parametrize("name", ["api-key", "keys/telnyx-embeddings"])
def test_a_key_in_its_file_serves_every_command(user, sim, name):
    user.configure()
    sim.add_task("x", status="success")
    os.makedirs(user.path(".config/taskbell/keys"), 0o700)
    path = user.write(f".config/taskbell/{name}", user.env["TELNYX_API_KEY"] + "\n")
    gone = {"TELNYX_API_KEY": None}
    for args in (["list"], ["show", "x"], ["wait", "x"], ["watch", "--once"]):
        assert user.run(*args, env=gone).code == 0
    assert {entry.key for entry in sim.requests()} == {"right"}
    assert path in user.run("doctor", env=gone).out
    os.chmod(path, 0o644)
    for command in ("list", "check"):
        done = user.run(command, env=gone)
        assert done.code == 78 and path in done.err and "chmod 600" in done.err
    assert user.run("check").code == 0, "it is not looked for where the variable is set"
    os.unlink(path)
    done = user.run("list", env=gone)
    assert done.code == 77 and user.path(".config/taskbell/api-key") in done.err, "it is said what was looked for"


def test_no_state_is_written(set_up, sim):
    all_statuses(sim)
    set_up.run("list")
    set_up.run("show", "id-success")
    set_up.run("wait", "id-success")
    set_up.run("check")
    assert not os.path.exists(set_up.state)


def test_the_request_has_path_query_and_headers_of_the_api(set_up, sim):
    set_up.run("list")
    entry = sim.requests()[0]
    version = set_up.run("--version").out.split()[1]
    assert entry.headers["user-agent"] == f"taskbell/{version}"
    assert "gzip" in entry.headers["accept-encoding"]
    assert entry.target == "/v2/ai/embeddings?status=queued&status=processing"
    assert entry.key == "right"


# --- show


def test_show_a_task(set_up, sim):
    sim.add_task("x", name="embed", bucket="docs", plan=[("processing", 0), ("failure", 30)], age=60)
    done = set_up.run("show", "x")
    assert done.code == 0 and all(word in done.out for word in ("x", "embed", "failure"))
    task = json.loads(set_up.run("show", "x", "--json").out)
    assert list(task) == TASK and task["status"] == "failure" and task["duration_seconds"] == 30


def test_show_several(set_up, sim):
    all_statuses(sim)
    done = set_up.run("show", "id-failure", "none", "id-queued", "--json")
    assert ids(done) == ["id-failure", "id-queued"]
    assert done.code == 3 and "none" in done.err


def test_show_says_why(set_up, sim):
    files = [("a.pdf", "failure", "File is empty"), ("b.pdf", "success", None)]
    sim.add_task("bad", bucket="docs", status="failure", files=files)
    sim.add_task("good", bucket="docs", status="success")
    assert "reason:      1 of 2 files failed: a.pdf: File is empty\n" in set_up.run("show", "bad").out
    assert "reason" not in set_up.run("show", "good").out
    set_up.configure(source={"explain": False})
    mark = sim.mark()
    assert "reason" not in set_up.run("show", "bad").out
    assert not any("buckets" in entry.target for entry in sim.requests(mark)), "it is not asked"


def test_show_by_the_first_characters(set_up, sim):
    for id in ("34dd76b3-aaaa", "34dd76b3-bbbb", "77aa88bb", "77aa88bb-1"):
        sim.add_task(id, status="success")
    assert ids(set_up.run("show", "--json", "34dd76b3-a")) == ["34dd76b3-aaaa"]
    assert ids(set_up.run("show", "--json", "77aa88bb")) == ["77aa88bb"], "an id is itself first"
    done = set_up.run("show", "34dd76")
    assert (done.code, done.out) == (64, "")
    assert "34dd76b3-aaaa or 34dd76b3-bbbb" in done.err.splitlines()[0]
    assert set_up.run("show", "34dd7").code == 3, "five are too few"
    assert set_up.run("show", "34dd76b3-c").code == 3


def test_history_by_the_first_characters(user, sim, other_sim):
    user.configure(sources=[user.source(first_run="all"), user.source(other_sim, name="other", first_run="all", api_key="env:OTHER")])
    sim.add_task("34dd76b3-aaaa", status="success")
    other_sim.add_task("34dd76b3-bbbb", status="success")
    assert user.run("watch", "--once", env={"OTHER": "KEYOTHER"}).code == 0
    assert ids(user.run("history", "--json", "34dd76b3-b")) == ["34dd76b3-bbbb"]
    assert user.run("history", "34dd76").code == 64
    assert ids(user.run("history", "--json", "--source", "other", "34dd76")) == ["34dd76b3-bbbb"]


@pytest.mark.parametrize("answer", ["errors", "detail", "400", "422"])
def test_show_what_is_not_there(set_up, sim, answer):
    """400, 404 and 422 by id say only: not by this id. The list of all five decides."""
    sim.configure(unknown_task=answer)
    sim.add_task("listed", name="only in the list", known=False, status="success")
    done = set_up.run("show", "none")
    assert (done.code, done.out) == (3, "") and "none" in done.err
    done = set_up.run("show", "listed")
    assert done.code == 0 and "only in the list" in done.out


@pytest.mark.parametrize("id", ["a/b", "a b?c#d", "ü%2F", "..x", "+&="])
def test_ids_are_percent_encoded(set_up, sim, id):
    sim.add_task(id, status="success")
    done = set_up.run("show", "--json", "--", id)
    assert done.code == 0 and done.objects()[0]["task_id"] == id


@pytest.mark.parametrize("id", ["", ".", "..", "a\nb", "x" * 257])
def test_what_is_no_id_is_a_usage_error(set_up, sim, id):
    for command in ("show", "wait"):
        done = set_up.run(command, "--", id)
        assert done.code == 64
    assert sim.requests() == []


def test_show_looks_in_every_source(user, sim, other_sim):
    key = user.write("key", "KEYOTHER")
    user.configure(sources=[user.source(name="one"), user.source(other_sim, name="two", api_key=f"file:{key}")])
    other_sim.add_task("x", status="success")
    assert user.run("show", "x", "--json").objects()[0]["source"] == "two"
    assert user.run("show", "x", "--source", "one").code == 3


# --- wait


@pytest.mark.parametrize("ends, code", [
    (["success"], 0), (["failure"], 1), (["partial_success"], 2), (["success", "success"], 0),
    (["success", "partial_success"], 2), (["failure", "partial_success"], 1), (["gone"], 3),
    (["partial_success", "gone"], 3), (["failure", "gone"], 1), (["success", "gone"], 3),
])
def test_wait_until_all_have_ended(set_up, sim, ends, code):
    tasks = [sim.add_task(f"t{i}", status="processing") for i in range(len(ends))]
    process = waiting(set_up, sim, *tasks)
    for task, end in zip(tasks, ends):
        assert process.popen.poll() is None
        if end == "gone":
            sim.remove(task)
        else:
            sim.set_status(task, end)
            process.out.wait(lambda texts: f"{task} {end}" in texts)
    assert process.wait() == code
    assert sorted(process.out.lines()) == sorted(f"{t} {e}" for t, e in zip(tasks, ends))


def test_wait_for_what_has_ended_already(set_up, sim):
    sim.add_task("x", status="partial_success")
    done = set_up.run("wait", "x")
    assert (done.code, done.out) == (2, "x partial_success\n")


def test_wait_without_ids_takes_what_is_active_at_first(set_up, sim):
    sim.add_task("a", status="queued")
    sim.add_task("b", status="processing")
    sim.add_task("old", status="failure")
    process = waiting(set_up, sim)
    sim.add_task("later", status="queued")
    sim.set_status("a", "success")
    sim.set_status("b", "success")
    assert process.wait() == 0
    assert sorted(process.out.lines()) == ["a success", "b success"]


def test_wait_for_nothing_is_3(set_up):
    done = set_up.run("wait")
    assert done.code == 3 and done.out == "" and "no task" in done.err


def test_wait_any(set_up, sim):
    for id in "ab":
        sim.add_task(id, status="processing")
    process = waiting(set_up, sim, "--any", "a", "b")
    sim.set_status("b", "partial_success")
    assert process.wait() == 2 and process.out.lines() == ["b partial_success"]


def test_wait_fail_fast(set_up, sim):
    for id in "abc":
        sim.add_task(id, status="processing")
    process = waiting(set_up, sim, "--fail-fast", "a", "b", "c")
    sim.set_status("a", "success")
    process.out.wait(lambda texts: "a success" in texts)
    sim.set_status("b", "failure")
    assert process.wait() == 1 and process.out.lines() == ["a success", "b failure"]


@pytest.mark.parametrize("timeout, requests", [("2s", 2), ("0", 1)])
def test_wait_timeout_is_124(set_up, sim, timeout, requests):
    sim.add_task("x", status="processing")
    sim.add_task("done", status="failure")
    done = set_up.run("wait", *FAST, "--timeout", timeout, "x", "done")
    assert done.code == 124 and done.out == "done failure\n"
    assert len(sim.requests()) >= requests


def test_one_poll_that_fails_is_not_tried_again(user, sim, other_sim):
    key = user.write("key", "KEYOTHER")
    sim.down()
    user.configure()
    done = user.run("wait", *FAST, "--timeout", "0", "x")
    assert (done.code, done.out, len(done.err.splitlines())) == (69, "", 1)
    assert "cannot connect" in done.err and "again" not in done.err
    user.configure(sources=[user.source(other_sim, name="up", api_key=f"file:{key}"), user.source(name="down")])
    other_sim.add_task("x", status="success")
    done = user.run("wait", *FAST, "--timeout", "0", "x")
    assert (done.code, done.out) == (0, "x success\n")
    assert "down: cannot connect" in done.err and "again" not in done.err
    other_sim.add_task("y", status="processing")
    process = user.start("wait", *FAST, "y")
    process.wait_error("down: cannot connect.*; trying again")
    other_sim.set_status("y", "success")
    assert process.wait() == 0


def test_wait_for_a_task_that_is_missing(set_up, sim):
    done = set_up.run("wait", *FAST, "--missing=fail", "none")
    assert (done.code, done.out) == (3, "none missing\n")
    process = waiting(set_up, sim, "--missing=wait", "soon")
    sim.wait_requests(12, since=sim.mark())
    assert process.popen.poll() is None
    sim.add_task("soon", status="success")
    assert process.wait() == 0 and process.out.lines() == ["soon success"]


def test_wait_finds_a_task_that_was_just_created(set_up, sim):
    process = waiting(set_up, sim, "--missing=fail", "new")
    sim.add_task("new", status="success")
    assert process.wait() == 0


def test_wait_json(set_up, sim):
    sim.add_task("x", name="n", status="failure")
    done = set_up.run("wait", "--json", "x")
    assert done.code == 1 and list(done.objects()[0]) == TASK and done.objects()[0]["status"] == "failure"


def test_wait_retries_what_may_pass(set_up, sim):
    sim.add_task("x", status="processing")
    process = waiting(set_up, sim, "x")
    sim.fault(["status-503", "reset", "json-half", "portal", "cut-length"], count=3)
    sim.set_status("x", "success")
    assert process.wait() == 0 and process.out.lines() == ["x success"]


def test_wait_gives_up_after_the_time_that_was_asked_for(set_up, sim):
    sim.add_task("x", status="processing")
    process = waiting(set_up, sim, "--unreachable-after", "2s", "x")
    sim.down()
    assert process.wait() == 69 and process.out.lines() == []


def test_a_refusal_in_the_middle_counts_when_it_lasts(user, sim):
    user.configure(source={"down_after": "2s"})
    sim.add_task("x", status="processing")
    process = waiting(user, sim, "x")
    mark = sim.mark()
    rule = sim.fault("status-401", count=1)
    until(lambda: rule.hits)
    sim.set_status("x", "success")
    assert process.wait() == 0
    sim.set_status("x", "processing")
    process = waiting(user, sim, "x")
    mark = sim.mark()
    sim.fault("status-401", count=None)
    assert process.wait() == 77 and len(sim.requests(mark)) < 20


@pytest.mark.parametrize("fault", ["status-204", "redirect-302", "status-404", "status-422", "portal"])
def test_after_a_good_answer_no_nonsense_ends_it(set_up, sim, fault):
    sim.add_task("x", status="processing")
    process = waiting(set_up, sim, "x")
    rule = sim.fault(fault, count=3)
    until(lambda: rule.hits == 3)
    sim.set_status("x", "success")
    assert process.wait() == 0
    assert sum("trying again" in line for line in process.err.lines()) == 1


def test_a_last_look_at_the_deadline(user, sim):
    """The interval is an hour: the end is not heard of before."""
    user.configure(source={"interval": "1h"})
    sim.add_task("x", status="processing")
    process = user.start("wait", "--timeout", "3s", "x")
    sim.wait_requests(1, done=True)
    sim.set_status("x", "success")
    assert process.wait() == 0 and process.out.lines() == ["x success"]


def test_all_fields_of_json_whenever_it_ended(set_up, sim):
    sim.add_task("early", name="n", bucket="docs", status="success")
    sim.add_task("late", name="n", bucket="docs", status="processing")
    process = waiting(set_up, sim, "--json", "early", "late")
    sim.set_status("late", "success")
    assert process.wait() == 0
    early, late = objects(process.out.text())
    assert [early["task_id"], late["task_id"]] == ["early", "late"]
    assert {k for k in early if early[k] is not None} == {k for k in late if late[k] is not None}
    assert early["bucket"] == "docs" and early["user_id"] == late["user_id"]


def test_all_fields_of_json_however_long_the_list(set_up, sim):
    sim.bulk(30000, "success")
    sim.add_task("x", bucket="docs", status="success")
    assert set_up.run("wait", "--json", "x").objects()[0]["bucket"] == "docs"


def test_a_mistyped_id_is_said_at_once(set_up, sim):
    process = set_up.start("wait", "--interval", "1h", "wrong")
    process.wait_error("wrong: not found yet; is the id right")
    process.stop()


def test_an_id_in_two_sources_is_64(user, sim, other_sim):
    key = user.write("key", "KEYOTHER")
    user.configure(sources=[user.source(name="one"), user.source(other_sim, name="two", api_key=f"file:{key}")])
    sim.add_task("same", status="success")
    other_sim.add_task("same", status="failure")
    done = user.run("wait", "same")
    assert done.code == 64 and "--source" in done.err and "Try 'taskbell wait --help'" in done.err
    done = user.run("wait", "--source", "one", "same")
    assert (done.code, done.out) == (0, "same success\n")


def test_the_same_id_twice_is_waited_for_once(set_up, sim):
    sim.add_task("x", status="success")
    done = set_up.run("wait", "x", "x")
    assert (done.code, done.out) == (0, "x success\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("args", [("wait", "x"), ("list",), ("show", "x")])
def test_commands_die_of_the_signal_itself(set_up, sim, number, args):
    sim.add_task("x", status="processing")
    sim.fault("hold", count=None)
    process = set_up.start(*args)
    sim.wait_requests(1)
    process.send(number)
    assert process.wait() == -number
    assert process.out.text() == "" and not lives(process.pid)


@pytest.mark.parametrize("args", [
    ("wait", "--any", "--fail-fast", "x"), ("wait", "--timeout", "soon", "x"), ("wait", "--missing=perhaps", "x"),
    ("wait", "--interval", "1ms", "x"), ("show",), ("list", "--all", "--status", "success"), ("list", "extra"), ("watch", "extra"),
    ("lits",), ("list", "--jason"), ("history", "--limit", "0"), ("history", "--limit", "x"),
    ("history", "--since", "yesterday"), ("list", "--color=maybe"), ("redeliver",),
])
def test_usage_errors(set_up, sim, args):
    done = set_up.run(*args)
    assert done.code == 64 and done.out == ""
    assert done.err.splitlines()[-1].startswith("Try 'taskbell ") and len(done.err.splitlines()) == 2
    assert sim.requests() == []


def test_global_options_before_and_after_the_command(set_up, sim):
    sim.add_task("x", status="queued")
    other = set_up.write("other.conf", "")
    for args in (["--config", other, "--state-dir", "/s", "list"], ["list", "-c", other, "--state-dir=/s"]):
        done = set_up.run(*args, env={"TELNYX_BASE_URL": sim.url})
        assert done.code == 0 and "x" in done.out
    done = set_up.run("list", "--source", "telnyx", "--json", "-v")
    assert done.code == 0 and ids(done) == ["x"]


@pytest.mark.parametrize("args", [
    ("--help",), ("-h",), ("help",), ("list", "--help"), ("wait", "-h"), ("help", "wait"), ("--version",), ("-V",),
])
def test_help_and_version_are_data(set_up, args):
    done = set_up.run(*args)
    assert done.code == 0 and done.err == "" and "taskbell" in done.out


def test_colors(set_up, sim):
    sim.add_task("x", status="processing")
    assert "\x1b[" not in set_up.run("list").out
    assert "\x1b[" in set_up.run("list", "--color=always").out
    assert "\x1b[" in set_up.run("list", env={"CLICOLOR_FORCE": "1"}).out
    assert "\x1b[" not in set_up.run("list", "--color=never", env={"CLICOLOR_FORCE": "1"}).out
    assert "\x1b[" not in set_up.run("list", "--json", "--color=always").out
