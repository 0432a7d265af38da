"""The fixtures of the end-to-end tests, and programs from npm."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TESTS, "e2e"), TESTS]

from harness import KEY, Stream, User  # noqa: E402
from simulator import Simulator  # noqa: E402

NPM = os.environ.get("INTEROP", os.path.abspath("build/interop"))
SPECIFICATION = os.path.join(HERE, "embeddings.yaml")


@pytest.fixture
def sim():
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def user(tmp_path, sim):
    person = User(str(tmp_path), sim)
    try:
        yield person
    finally:
        person.leave()


@pytest.fixture
def sdk(sim):
    """Calls the vendor's SDK once: sdk("list", "success") or sdk("retrieve", id)."""

    def call(*words, key=KEY):
        done = subprocess.run(
            ["node", os.path.join(HERE, "sdk.mjs"), sim.url, key, *words],
            env={"PATH": os.environ["PATH"], "INTEROP": NPM}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=True,
        )
        return json.loads(done.stdout)

    return call


@contextlib.contextmanager
def prism(*words):
    """Runs Prism with the specification; yields its URL and what it says."""
    program = os.path.join(NPM, "node_modules/.bin/prism")
    process = subprocess.Popen(
        [program, *words[:1], "--host", "127.0.0.1", "--port", "0", "--errors", SPECIFICATION, *words[1:]],
        env={"PATH": os.environ["PATH"], "HOME": NPM, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    says = Stream(process.stdout)
    try:
        ready = says.wait(lambda texts: re.search(r"Prism is listening on (http://\S+)", "\n".join(texts)), 60, "Prism")
        yield ready.group(1), says
    finally:
        process.kill()
        process.wait()
        says.close()
        process.stdout.close()


@pytest.fixture
def mock():
    with prism("mock") as (url, says):
        yield url, says


@pytest.fixture
def proxy(sim):
    """Prism between us and the simulator: what breaks the specification on either side is an error."""
    with prism("proxy", sim.url) as (url, says):
        yield url, says
