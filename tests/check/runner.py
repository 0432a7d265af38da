#!/usr/bin/env python3
"""Runs test programs side by side and counts honestly: what did not run did not pass.

A job is one test program. Its own report is read (cmocka's closing lines, pytest's JUnit file,
libFuzzer's number of runs); a program that dies, hangs, leaves processes behind or reports fewer
results than it began counts as failed. The last line is "N passed, N failed, N skipped".
"""

import argparse
import concurrent.futures
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

SKIPPED = 77  # exit code of a check that cannot run here; its last line says why


class Result:
    def __init__(self, passed=0, failed=0, skipped=0, show=(), why=""):
        self.passed, self.failed, self.skipped = passed, failed, skipped
        self.show = list(show)  # lines that are shown also when all is well
        self.why = why

    def fail(self, why):
        self.failed += 1
        self.why = why if not self.why else f"{self.why}; {why}"
        return self


def read_cmocka(output, code):
    """The summaries of all groups that one program runs, against the tests that it began."""
    lines = output.splitlines()
    result = Result()
    begun = 0
    for line in lines:
        found = re.match(r"\[(=+|  PASSED  |  FAILED  |  SKIPPED )\]\D*?(\d+) test\(s\)", line)
        if not found:
            continue
        word, number = found.group(1).strip(), int(found.group(2))
        if word.startswith("="):
            begun += number if "Running" in line else 0
            continue
        if word == "PASSED":
            result.passed += number
        elif word == "FAILED":
            result.failed += number
        else:
            result.skipped += number
    for before, line in zip([""] + lines, lines):
        if re.match(r"\[  SKIPPED \] \w", line) and not before.startswith("["):
            result.show.append("skipped: " + before)  # what a test said before it gave up
        elif re.match(r"\[  (PASSED|SKIPPED)", line):
            result.show.append(line)
    if code != 0 and result.failed == 0:
        result.fail(how_ended(code))
    elif begun == 0 or begun != result.passed + result.failed + result.skipped:
        result.fail(f"began {begun} tests and reported {result.passed + result.failed + result.skipped}")
    return result


def read_pytest(output, code, junit):
    lines = [line for line in output.splitlines() if line.strip()]
    result = Result()
    try:
        suites = list(ElementTree.parse(junit).getroot().iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return result.fail(f"pytest wrote no report ({how_ended(code)})")
    for suite in suites:
        count = {key: int(suite.get(key, 0)) for key in ("tests", "errors", "failures", "skipped")}
        result.failed += count["errors"] + count["failures"]
        result.skipped += count["skipped"]
        result.passed += max(0, count["tests"] - sum(list(count.values())[1:]))
    result.show = [line for line in lines if line.startswith("SKIPPED")] + lines[-1:]
    if code not in (0, 1) and result.failed == 0:
        result.fail("collected no test" if code == 5 else how_ended(code))
    elif code == 1 and result.failed == 0:
        result.fail("pytest failed")
    return result


def read_check(output, code):
    lines = output.splitlines()[-1:]
    if code == 0:
        return Result(passed=1, show=lines)
    if code == SKIPPED:
        return Result(skipped=1, show=["skipped: " + (lines[0] if lines else "no reason given")])
    return Result().fail(how_ended(code))


def read_fuzz(output, code):
    done = re.findall(r"^Done (\d+) runs in .*$", output, re.MULTILINE)
    if code != 0:
        return Result().fail(how_ended(code))
    if not done or int(done[-1]) == 0:
        return Result().fail("no run was made")
    return Result(passed=1, show=[f"{done[-1]} runs"])


def how_ended(code):
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with {code}"


def session_members(session):
    """Processes of a session that still live."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX" and int(fields[3]) == session:
            found.append(int(name))
    return found


def end_session(session, grace):
    """Waits until a session is empty; what lives on after `grace` seconds is killed and named."""
    deadline = time.monotonic() + grace
    left = session_members(session)
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = session_members(session)
    names = []
    for pid in left:
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
                names.append(comm.read().strip())
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
    return names


class Job:
    def __init__(self, label, command, read):
        self.label, self.command, self.read = label, command, read
        self.process = None
        self.seconds = 0.0

    def run(self, timeout):
        begin = time.monotonic()
        with tempfile.TemporaryFile() as out:
            try:
                self.process = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
                )
            except OSError as error:
                return Result().fail(str(error)), ""
            try:
                code = self.process.wait(timeout)
                late = False
            except subprocess.TimeoutExpired:
                late = True
                end_session(self.process.pid, 0)
                code = self.process.wait()
            left = end_session(self.process.pid, 2)
            out.seek(0)
            output = out.read().decode("utf-8", "replace")
        self.seconds = time.monotonic() - begin
        result = self.read(output, code)
        if late:
            result.failed, result.why = max(result.failed, 1), f"not done after {timeout} s"
        elif left:
            result.fail("left running: " + ", ".join(sorted(left)))
        return result, output


def pytest_job(path, scratch, number):
    junit = os.path.join(scratch, f"{number}.xml")
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
    command += ["--color=no", "-o", "junit_family=xunit2", f"--junitxml={junit}", path]
    return Job(path, command, lambda output, code: read_pytest(output, code, junit))


def fuzz_job(path, args):
    """tests/fuzz/fuzz_NAME with the seeds of tests/fuzz/seeds/NAME and tests/fuzz/NAME.dict."""
    name = os.path.basename(path)[len("fuzz_"):]
    corpus = os.path.join(os.path.dirname(path), "corpus", name)
    os.makedirs(corpus, exist_ok=True)
    command = [path, f"-max_total_time={args.fuzz_seconds}", "-timeout=10", "-rss_limit_mb=1024"]
    command += ["-print_final_stats=1", f"-artifact_prefix={os.path.dirname(path)}/{name}-"]
    if os.path.exists(f"tests/fuzz/{name}.dict"):
        command.append(f"-dict=tests/fuzz/{name}.dict")
    command.append(corpus)
    if os.path.isdir(f"tests/fuzz/seeds/{name}"):
        command.append(f"tests/fuzz/seeds/{name}")
    return Job(path, command, read_fuzz)


def jobs_of(args, scratch):
    jobs = [pytest_job(path, scratch, number) for number, path in enumerate(args.pytest)]
    jobs += [fuzz_job(path, args) for path in args.fuzz]
    jobs += [Job(path, [path], read_check) for path in args.checks]
    jobs += [Job(path, shlex.split(args.wrap) + [path], read_cmocka) for path in args.units]
    return jobs


def report(job, result, output):
    print(f"-- {job.label} ({job.seconds:.1f} s)")
    if result.failed:
        print(output.rstrip("\n"))
        print(f"!! {job.label}: {result.why or 'failed'}")
    else:
        print("\n".join(result.show))
    sys.stdout.flush()


def run_all(jobs, args):
    total = Result()
    total.skipped = len(args.skip)
    printing = threading.Lock()
    failed = []

    def run_one(job):
        result, output = job.run(args.timeout)
        with printing:
            report(job, result, output)
            total.passed += result.passed
            total.failed += result.failed
            total.skipped += result.skipped
            if result.failed:
                failed.append(job.label)

    def stop(number, _frame):
        for job in jobs:
            if job.process is not None and job.process.poll() is None:
                end_session(job.process.pid, 0)
        os._exit(128 + number)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for done in [pool.submit(run_one, job) for job in jobs]:
            done.result()
    for reason in args.skip:
        print(f"skipped: {reason}")
    for label in failed:
        print(f"failed: {label}")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 0 if total.failed == 0 and total.passed > 0 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", nargs="*", default=[], help="cmocka programs")
    parser.add_argument("--checks", nargs="*", default=[], help="programs: 0 passed, 77 skipped")
    parser.add_argument("--pytest", nargs="*", default=[], help="pytest files")
    parser.add_argument("--fuzz", nargs="*", default=[], help="libFuzzer programs")
    parser.add_argument("--fuzz-seconds", type=int, default=5)
    parser.add_argument("--skip", action="append", default=[], help="why something cannot run here")
    parser.add_argument("--wrap", default="", help="words put before each cmocka program")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for one job")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    args.timeout = max(args.timeout, args.fuzz_seconds + 60) if args.fuzz else args.timeout
    with tempfile.TemporaryDirectory() as scratch:
        return run_all(jobs_of(args, scratch), args)


if __name__ == "__main__":
    sys.exit(main())
