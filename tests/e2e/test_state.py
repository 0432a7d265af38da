"""The state directory: whose it is, what happens to it when it is damaged, newer, or not to be had."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import time

import pytest
from harness import LOG, lines, mode, polls, read, until
from unprivileged import plain_user

DATABASE = "state.db"


def digest(directory):
    return {name: hashlib.sha256(open(os.path.join(directory, name), "rb").read()).hexdigest()
            for name in sorted(os.listdir(directory))}


def bound():
    """Words before a command that take root's power over file modes from it; another user has none."""
    if os.geteuid() != 0:
        return []
    words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    if shutil.which("setpriv") is None:
        pytest.skip("runs as root, and there is no setpriv to give its power up")
    return words


@pytest.fixture
def used(user, sim):
    """A state in which something happened: one task ended, one is active."""
    user.configure(LOG)
    sim.add_task("ended", status="processing")
    sim.add_task("active", status="processing")
    assert user.run("watch", "--once").code == 0
    sim.set_status("ended", "success")
    assert user.run("watch", "--once").code == 0
    user.first = user.events_log()
    assert [e["task_id"] for e in user.first] == ["ended"]
    return user


def damage(path, how):
    if how == "truncated":
        os.truncate(path, os.path.getsize(path) // 2)
    elif how == "empty-header":
        with open(path, "r+b") as file:
            file.write(b"\0" * 100)
    elif how == "text":
        with open(path, "wb") as file:
            file.write(b"this is no database\n" * 1000)
    else:
        with open(path, "r+b") as file:  # every page but the first
            size = os.path.getsize(path)
            file.seek(4096)
            file.write(os.urandom(size - 4096))


# --- whose it is


@pytest.mark.parametrize("mask", ["0000", "0022", "0077"])
def test_modes_do_not_follow_the_umask(user, sim, mask):
    user.configure(LOG, {"type": "exec", "shell": "umask >$HOME/mask"}, source={"first_run": "all"})
    sim.add_task("x", status="success")
    done = user.run("watch", "--once", wrap=["sh", "-c", f'umask {mask}; exec "$@"', "sh"])
    assert done.code == 0, done
    assert mode(user.state) == 0o700
    assert {name: mode(os.path.join(user.state, name)) & 0o777 for name in os.listdir(user.state)} == {
        name: 0o600 for name in os.listdir(user.state)}
    assert {"state.db", "events.log", "lock"} <= set(os.listdir(user.state))


def test_a_state_directory_may_lie_behind_links_but_not_be_one(user, sim):
    user.configure(LOG)
    os.mkdir(user.path("real"))
    os.symlink(user.path("real"), user.path("link"))
    assert user.run("watch", "--once", "--state-dir", user.path("link/state")).code == 0
    assert os.path.exists(user.path("real/state/state.db"))
    before = digest(user.path("real/state"))
    os.symlink(user.path("real/state"), user.path("linked"))
    done = user.run("watch", "--once", "--state-dir", user.path("linked"))
    assert done.code in (73, 74) and "link" in done.err
    assert digest(user.path("real/state")) == before


@pytest.mark.parametrize("name", ["state.db", "events.log", "lock"])
def test_a_link_in_the_place_of_a_file_is_not_followed(user, name):
    user.configure(LOG)
    os.makedirs(user.state, 0o700)
    user.write("victim", "precious\n")
    os.symlink(user.path("victim"), os.path.join(user.state, name))
    done = user.run("watch", "--once")
    assert read(user.path("victim")) == "precious\n"
    assert done.code in (73, 74) and name in done.err


def test_a_directory_that_others_can_write_is_not_trusted(user):
    user.configure(LOG)
    os.makedirs(user.state)
    os.chmod(user.state, 0o777)
    done = user.run("watch", "--once")
    assert done.code in (73, 74) or mode(user.state) == 0o700


@pytest.mark.parametrize("where", ["file", "parent-file", "proc"])
def test_a_place_where_no_state_can_be_is_73(user, sim, where):
    user.configure(LOG)
    user.write("file", "x")
    place = {"file": user.path("file"), "parent-file": user.path("file/state"), "proc": "/proc/none/state"}[where]
    done = user.run("watch", "--once", "--state-dir", place)
    assert done.code == 73 and place.split("/state")[0] in done.err
    assert sim.requests() == [] and len(done.err.splitlines()) == 1


def test_a_directory_that_cannot_be_written(used, sim):
    os.chmod(used.state, 0o500)
    try:
        done = used.run("watch", "--once", wrap=bound())
        assert done.code in (73, 74) and used.state in done.err
        assert used.run("history", wrap=bound()).code in (0, 74)
    finally:
        os.chmod(used.state, 0o700)
    assert used.run("watch", "--once").code == 0


# --- damaged, newer, gone


@pytest.mark.parametrize("how", ["truncated", "empty-header", "text", "pages"])
def test_a_damaged_state_is_set_aside_and_told(used, sim, how):
    path = os.path.join(used.state, DATABASE)
    damage(path, how)
    damaged = open(path, "rb").read()
    past = time.time() - 3600
    os.utime(path, (past, past))
    os.unlink(path + "-wal") if os.path.exists(path + "-wal") else None
    for i in range(2):
        sim.add_task(f"since-{i}", status="failure")
    done = used.run("watch", "--once", "--json")
    assert done.code == 0, done
    aside = [name for name in os.listdir(used.state) if name not in
             ("state.db", "state.db-wal", "state.db-shm", "events.log", "lock")]
    kept = [n for n in aside if open(os.path.join(used.state, n), "rb").read()[:4096] == damaged[:4096]]
    assert kept, f"the damaged file was erased; there is {aside}"
    assert kept[0] in done.err
    new = used.events_log()[len(used.first):]
    assert [e["event"] for e in new].count("state_lost") == 1
    lost = next(e for e in new if e["event"] == "state_lost")
    assert kept[0] in lost["message"]
    # finished after the damaged file's last change: told; all of them here, for the file is an hour old
    assert {e["task_id"] for e in new} >= {"since-0", "since-1"}
    ids = [e["event_id"] for e in used.events_log()]
    assert len(set(ids)) == len(ids) and min(e["event_id"] for e in new) > max(e["event_id"] for e in used.first)
    again = used.run("watch", "--once", "--json")
    assert (again.code, again.out) == (0, "")


def test_after_a_loss_what_ended_before_is_not_told_again(used, sim):
    damage(os.path.join(used.state, DATABASE), "text")  # its last change is now, the task ended earlier
    future = time.time() + 3600
    os.utime(os.path.join(used.state, DATABASE), (future, future))
    assert used.run("watch", "--once").code == 0
    assert [e["event"] for e in used.events_log()[1:]] == ["state_lost"]
    sim.set_status("active", "failure")
    assert used.run("watch", "--once").code == 0
    assert [e["task_id"] for e in used.events_log()[2:]] == ["active"]


def test_every_sink_is_told_of_the_loss(used):
    used.configure(LOG, {**LOG, "name": "second", "path": used.path("second.log"), "on": ["state_lost"]})
    damage(os.path.join(used.state, DATABASE), "text")
    assert used.run("watch", "--once").code == 0
    assert len(lines(used.path("second.log"))) == 1


def test_a_newer_schema_is_refused_and_left_alone(used):
    path = os.path.join(used.state, DATABASE)
    with sqlite3.connect(path) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute(f"PRAGMA user_version = {version + 1}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    before = {k: v for k, v in digest(used.state).items() if k == DATABASE}
    for args in (("watch", "--once"), ("history",), ("status",), ("redeliver", "--failed")):
        done = used.run(*args)
        assert done.code == 74 and "newer" in done.err, args
        assert done.out == ""
    assert digest(used.state)[DATABASE] == before[DATABASE]
    assert not [n for n in os.listdir(used.state) if "damaged" in n]


def test_somebody_elses_database_is_not_touched(user):
    user.configure(LOG)
    os.makedirs(user.state, 0o700)
    path = os.path.join(user.state, DATABASE)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE precious (x)")
        database.execute("INSERT INTO precious VALUES (42)")
    database.close()
    os.chmod(path, 0o600)
    user.run("watch", "--once")
    found = []
    for name in os.listdir(user.state):
        with open(os.path.join(user.state, name), "rb") as file:
            found.append(b"CREATE TABLE precious" in file.read())
    assert any(found), "the other program's data is gone"


def test_a_state_that_was_removed_means_a_first_run(used, sim):
    shutil.rmtree(used.state)
    sim.add_task("late", status="success")
    done = used.run("watch", "--once", "--json")
    assert (done.code, done.out) == (0, "")


def test_a_lost_database_under_a_running_monitor(used, sim):
    """It goes on with what it holds, or stops and says so; it does not hang or crash."""
    watch = used.watch()
    for name in os.listdir(used.state):
        if name.startswith(DATABASE):
            os.unlink(os.path.join(used.state, name))
    sim.set_status("active", "success")
    watch.wait_event(task_id="active")
    polls(sim, 2)
    assert watch.stop() in (0, 74)
    assert used.run("watch", "--once").code == 0


def test_old_events_are_forgotten_pending_ones_are_not(user, sim):
    user.configure(LOG, {"type": "exec", "name": "hook", "command": [user.path("none")], "on": ["failure"],
                         "max_age": "0"}, source={"first_run": "all", "explain": False}, history_keep="1h")
    sim.add_task("told", status="success")
    sim.add_task("untold", status="failure")
    assert user.run("watch", "--once").code == 0
    with sqlite3.connect(os.path.join(user.state, DATABASE)) as database:
        database.execute("UPDATE events SET wall_ms = wall_ms - 3 * 3600 * 1000")
    database.close()
    assert user.run("watch", "--once").code == 0
    assert [e["task_id"] for e in user.run("history", "--json").objects()] == ["untold"]
    # it ended, it was told, it was forgotten: and still it is no news
    assert user.run("watch", "--once", "--json").out == ""


def test_history_and_status_while_the_monitor_writes(used, sim):
    watch = used.watch()
    for turn in range(10):
        with sim.world.lock:
            for i in range(50):
                sim.add_task(f"t{turn}-{i}", status="success")
        assert used.run("status").code in (0, 1)
        assert used.run("history", "--json").code == 0
    watch.wait_events(500, event="success")
    assert len(used.run("history", "--json", "--status", "success").objects()) == 501
    assert watch.stop() == 0


def test_a_copy_of_the_state_elsewhere_goes_on(used, sim):
    shutil.copytree(used.state, used.path("moved"))
    sim.set_status("active", "success")
    done = used.run("watch", "--once", "--json", "--state-dir", used.path("moved"))
    assert [e["task_id"] for e in done.objects()] == ["active"]


def test_no_key_in_the_state(used):
    for directory, _, names in os.walk(used.home):
        for name in names:
            with open(os.path.join(directory, name), "rb") as file:
                assert b"KEYSIM" not in file.read(), name
    assert subprocess.run(["grep", "-rl", "KEYSIM", used.runtime], stdout=subprocess.PIPE, check=False).stdout == b""


@pytest.mark.parametrize("permissions", [0o622, 0o602, 0o660])
def test_a_configuration_that_others_can_write_is_refused(user, permissions):
    user.configure(LOG)
    os.chmod(user.conf, permissions)
    for args in (("watch", "--once"), ("list",), ("check",)):
        done = user.run(*args)
        assert done.code == 78 and user.conf in done.err


@pytest.mark.parametrize("permissions", [0o644, 0o640, 0o604, 0o610])
def test_a_key_file_that_others_can_read_is_refused(user, sim, permissions):
    key = user.write("key", "KEYSIM\n")
    os.chmod(key, permissions)
    user.configure(source={"api_key": f"file:{key}"})
    for command in ("list", "watch", "check"):
        done = user.run(command)
        assert done.code == 78 and done.err.startswith(f"{user.conf}:") and key in done.err and "chmod" in done.err
    assert sim.requests() == []
    os.chmod(key, 0o400)
    assert user.run("list").code == 0


def test_a_literal_key_is_refused_with_the_forms_that_are_accepted(user):
    user.configure(source={"api_key": "KEY0123456789abcdef"})
    done = user.run("check")
    assert done.code == 78 and "KEY0123456789abcdef" not in done.err + done.out
    assert all(form in done.err for form in ("env:", "file:", "credential:", "command:"))
    done = user.run("check", "--print")
    assert "KEY0123456789abcdef" not in done.err + done.out


@pytest.mark.parametrize("args", [("history",), ("status",), ("redeliver", "--failed")])
def test_a_state_that_is_cut_inside_its_last_page_is_never_silently_short(used, args):
    path = os.path.join(used.state, "state.db")
    os.truncate(path, os.path.getsize(path) - 100)
    with open(path, "rb") as file:
        before = file.read()
    done = used.run(*args)
    assert (done.code, done.out, len(done.err.splitlines())) == (74, "", 1), done
    assert "its last page is cut short" in done.err
    with open(path, "rb") as file:
        assert file.read() == before


@pytest.mark.parametrize("side", ["", "-wal", "-shm"])
def test_a_state_of_which_a_part_cannot_be_written_is_refused_before_a_hook_runs(sim, side):
    """What was in flight at a crash would be told at every start, for nobody could mark it as done."""
    with plain_user(sim) as user:
        hook = user.script("hook", "echo $TASKBELL_TASK_ID >>got; read forever <fifo")
        os.mkfifo(user.path("fifo"))
        os.chown(user.path("fifo"), user.uid, user.uid)
        user.configure({"type": "exec", "name": "hook", "command": [hook]})
        sim.add_task("a", status="processing")
        monitor = user.watch()
        sim.set_status("a", "success")
        until(lambda: lines(user.path("got")))
        monitor.kill()
        os.close(os.open(user.path("fifo"), os.O_WRONLY))  # its hook may go, too
        path = os.path.join(user.state, "state.db" + side)
        os.chmod(path, 0o400)
        done = user.run("watch", "--once")
        assert (done.code, len(done.err.splitlines())) == (74, 1), done
        assert f"cannot write {path}" in done.err
        assert lines(user.path("got")) == ["a"]
        user.script("hook", "echo $TASKBELL_TASK_ID >>got")
        os.chmod(path, 0o600)
        assert user.run("watch", "--once").code == 0
        assert lines(user.path("got")) == ["a", "a"]
