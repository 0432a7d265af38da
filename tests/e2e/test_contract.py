"""Sentences of the contract as somebody from outside would try them, where no other file here does."""

from __future__ import annotations

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
