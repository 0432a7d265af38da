"""The vendor's SDK against our simulator: what the two make of the same answers has to agree."""

from __future__ import annotations

import pytest

STATUSES = ["queued", "processing", "success", "failure", "partial_success"]
FIELDS = ["task_id", "task_name", "status", "bucket", "user_id", "created_at", "finished_at"]


def same(theirs, ours):
    """Their tasks and ours, as far as both have a word for it."""

    def form(tasks):
        return sorted(tuple(task.get(field) for field in FIELDS) for task in tasks)

    return form(theirs) == form(ours)


@pytest.fixture
def tasks(user, sim):
    user.configure()
    for status in STATUSES:
        sim.add_task(name=f"näme of {status}", bucket="docs/ü", plan=[("queued", 0), (status, 5)], age=10)
    return list(sim.world.tasks)


def test_lists_agree(user, sdk, tasks):
    assert same(sdk("list")["data"], user.run("list", "--json").objects())
    assert len(sdk("list")["data"]) == 2


@pytest.mark.parametrize("status", STATUSES)
def test_lists_of_one_status_agree(user, sdk, tasks, status):
    theirs = sdk("list", status)["data"]
    assert [task["status"] for task in theirs] == [status]
    assert same(theirs, user.run("list", "--json", "--status", status).objects())


def test_the_comma_of_the_sdk_is_one_word_to_the_server(user, sdk, tasks):
    """What it sends for two statuses, and what FastAPI makes of that: nothing is found."""
    assert sdk("list", "success", "failure")["data"] == []
    assert len(user.run("list", "--json", "--status", "success,failure").objects()) == 2


def test_tasks_agree(user, sdk, tasks):
    for id in tasks:
        theirs, ours = sdk("retrieve", id)["data"], user.run("show", "--json", id).objects()[0]
        assert [theirs.get(f) for f in ("task_id", "task_name", "status")] == [
            ours[f] for f in ("task_id", "task_name", "status")]


def test_both_say_what_they_want_in_the_same_place(user, sim, sdk):
    user.configure()
    sdk("list", "success")
    user.run("list", "--status", "success")
    theirs, ours = sim.requests()
    assert (theirs.method, theirs.target, theirs.key) == (ours.method, ours.target, ours.key)


@pytest.mark.parametrize("fault, error, code", [
    ("status-401", "AuthenticationError", 77), ("status-403", "PermissionDeniedError", 77),
    ("status-422", "UnprocessableEntityError", 76), ("status-500", "InternalServerError", 69),
])
def test_errors_are_of_the_same_kind(user, sim, sdk, fault, error, code):
    user.configure()
    sim.fault(fault, count=None)
    assert sdk("list")["error"]["class"] == error
    theirs = sim.mark()
    assert user.run("list").code == code
    assert len(sim.requests(theirs)) == theirs, "one of us tries more often than the other"


def test_a_wrong_key(user, sim, sdk):
    assert sdk("list", key="KEYWRONG")["error"] == {"status": 401, "class": "AuthenticationError"}


def test_a_task_that_is_not_there(user, sdk, sim):
    user.configure()
    assert sdk("retrieve", "none")["error"] == {"status": 404, "class": "NotFoundError"}
    assert user.run("show", "none").code == 3


def test_a_server_that_says_when(user, sim, sdk):
    user.configure()
    sim.add_task("x", status="queued")
    for call in (lambda: sdk("list")["data"], lambda: user.run("list", "--json").objects()):
        mark = sim.mark()
        sim.fault("retry-ms", count=2, seconds=0.2)
        assert [task["task_id"] for task in call()] == ["x"]
        times = [entry.time for entry in sim.requests(mark)]
        assert len(times) == 3 and times[1] - times[0] >= 0.19 and times[2] - times[1] >= 0.19
