"""Fixtures: a user with a home of its own, and the scripted API. Everything started is ended here."""

from __future__ import annotations

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from harness import User  # noqa: E402
from simulator import Simulator  # noqa: E402


@pytest.fixture
def sim():
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def other_sim():
    with Simulator(seed=2, key="KEYOTHER") as simulator:
        yield simulator


@pytest.fixture
def user(tmp_path, sim):
    """A user whose configuration, when written without sources, has the simulator as its source."""
    person = User(str(tmp_path), sim)
    try:
        yield person
    finally:
        person.leave()


@pytest.fixture
def bus(user, tmp_path):
    """A session bus that the user's programs find."""
    from desktop import Bus  # only tests of the desktop need python3-dbus

    session = Bus(str(tmp_path))
    user.env["DBUS_SESSION_BUS_ADDRESS"] = session.address
    try:
        yield session
    finally:
        user.leave()
        session.close()
