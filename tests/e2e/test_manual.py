"""Sentences of the manuals as somebody from outside would try them, where no other file here does."""

from __future__ import annotations

import os
import sqlite3

import pytest

# longer than a label may be, so that no resolver is asked for it
NOWHERE = "n" * 64 + ".invalid"


def test_an_unknown_host_is_named_also_after_the_last_try(user):
    user.configure(source={"base_url": f"http://{NOWHERE}:1/v2", "allow_http": True})
    done = user.run("list")
    assert (done.code, done.out) == (69, "")
    assert NOWHERE in done.err and "initialization" not in done.err


def test_a_monitor_that_finds_no_host_says_so_at_every_poll(user):
    user.configure(source={"base_url": f"http://{NOWHERE}:1/v2", "allow_http": True})
    done = user.run("watch", "--once")
    assert done.code == 69
    assert NOWHERE in done.err.splitlines()[-1] and "initialization" not in done.err


def test_a_task_by_id_may_be_as_long_as_in_a_list(user, sim):
    task = sim.add_task(status="success", name="n" * 900_000)
    user.configure()
    shown = user.run("show", task, "--json")
    assert shown.code == 0 and len(shown.objects()[0]["task_name"]) == 900_000
    waited = user.run("wait", task, "--timeout", "60")
    assert (waited.code, waited.out) == (0, f"{task} success\n")


def test_a_task_by_id_that_is_longer_names_the_limit(user, sim):
    task = sim.add_task(status="success", name="n" * 1_100_000)
    user.configure()
    done = user.run("show", task)
    assert (done.code, done.out) == (76, "")
    assert "longer than 1 MiB" in done.err


def test_an_unknown_id_is_said_with_its_source_and_what_to_do(user, sim):
    user.configure()
    done = user.run("show", "nobody")
    assert (done.code, done.out) == (3, "")
    assert done.err.count("\n") == 1
    assert "nobody" in done.err and "telnyx" in done.err and "taskbell list --all" in done.err


def test_doctor_looks_into_the_state(user, sim):
    user.configure({"type": "log"})
    assert user.run("watch", "--once").code == 0
    with sqlite3.connect(os.path.join(user.state, "state.db")) as state:
        state.execute("PRAGMA user_version = 99")
    state.close()
    done = user.run("doctor")
    assert done.code == 1
    assert [row for row in done.rows() if row[:3] == ["fail", "state", "directory:"]], done.out


@pytest.mark.parametrize(
    "fault, code", [("status-401", 77), ("status-422", 76), ("redirect-301", 76), ("portal", 76), ("close", 69)]
)
def test_what_the_api_would_not_do_is_one_line_with_a_remedy(user, sim, fault, code):
    user.configure()
    sim.fault(fault, count=None)
    for args in (["list"], ["show", "x"], ["wait", "x", "--timeout", "0"]):
        done = user.run(*args)
        assert (done.code, done.out) == (code, "")
        last = done.err.splitlines()[-1]
        assert "telnyx" in last and "taskbell doctor" in last
