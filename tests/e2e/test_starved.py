"""What a want that passes must not do. The shim of tests/torture fails chosen calls of the real program."""

from __future__ import annotations

import errno
import os
import sys

import pytest
from harness import LOG, lines, moved, polls

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../torture"))

from plan import COUNT, FAIL, FOR_GOOD, Plan  # noqa: E402

SHIM = os.path.join(os.environ.get("TASKBELL_BUILD", os.path.abspath("build")), "torture/shim.so")

pytestmark = pytest.mark.skipif(not os.path.exists(SHIM), reason="no shim in this build: it needs glibc and no sanitizer")


@pytest.fixture
def plan(tmp_path):
    made = Plan(str(tmp_path / "plan"))
    yield made
    made.close()


def once(user, plan):
    return user.run("watch", "--once", env=plan.environment(SHIM))


def places(user, plan, classes, name):
    """The numbers of the calls of one run that are about this file."""
    plan.set(COUNT, classes, trace=True)
    assert once(user, plan).code == 0
    found = [n for n in range(1, plan.seen() + 1) if plan.place(n).endswith(" " + name)]
    assert found
    return found


@pytest.mark.parametrize("classes, error", [
    (("open",), errno.EMFILE), (("open",), errno.EIO), (("read",), errno.EIO),
])
def test_a_state_that_cannot_be_opened_or_read_for_a_moment_is_not_set_aside(user, sim, plan, classes, error):
    user.configure(LOG)
    sim.add_task("a", status="processing")
    assert user.run("watch", "--once").code == 0
    sim.set_status("a", "success")
    assert user.run("watch", "--once").code == 0
    for number in places(user, plan, classes, "state.db"):
        plan.set(FAIL, classes, at=number, error=error)
        done = once(user, plan)
        assert plan.hits() == 1
        assert done.code in (0, 74), done
        assert not [name for name in os.listdir(user.state) if "damaged" in name], (plan.place(number), done)
    assert user.run("watch", "--once").code == 0
    assert len(lines(os.path.join(user.state, "events.log"))) == 1


def test_a_disk_that_is_full_for_many_polls_costs_one_line_and_no_event(user, sim, plan):
    user.configure(LOG, {"type": "exec", "name": "hook", "command": [user.script("hook", "echo $TASKBELL_TASK_ID >>got")]})
    sim.add_task("a", status="processing")
    sim.add_task("b", status="processing")
    plan.set(COUNT, ("write",))
    monitor = user.watch(env=plan.environment(SHIM))
    plan.set(FAIL, ("write",), count=FOR_GOOD, error=errno.ENOSPC)
    moved(sim, ("a", "success"))
    polls(sim, 3)
    sim.set_status("b", "failure")
    polls(sim, 3)
    assert [line for line in monitor.err.lines() if "no space left" in line] == [monitor.wait_error("no space left")]
    assert not user.events_log()
    plan.set(COUNT, ("write",))
    user.wait_log(2)
    monitor.wait_error("the state can be written again")
    user.settled("log", pending=0)
    user.settled("hook", pending=0)
    assert monitor.stop() == 0
    assert sorted(e["task_id"] for e in user.events_log()) == sorted(lines(user.path("got"))) == ["a", "b"]
    assert len([line for line in monitor.err.lines() if "the state can be written again" in line]) == 1
