"""What the benchmarks run in: data, nginx, programs measured, and all of it gone afterwards."""

import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

KEY = "KEY_BENCH"
ACTIVE = ("queued", "processing")
ENDED = ("success", "failure", "partial_success")

NGINX = """
%(user)s
worker_processes 1;
daemon off;
pid %(dir)s/nginx.pid;
error_log %(dir)s/nginx.err;
events { worker_connections 1024; }
http {
  map $args $list { default active; "~success" all; }
  map $args $lane { default poll; "~success" sweep; }
  log_format bench '$msec $request_uri $lane $request_time $connection $request_length $bytes_sent $server_protocol';
  access_log %(dir)s/access.log bench;
  client_body_temp_path %(dir)s/tmp1; proxy_temp_path %(dir)s/tmp2; fastcgi_temp_path %(dir)s/tmp3;
  uwsgi_temp_path %(dir)s/tmp4; scgi_temp_path %(dir)s/tmp5;
  default_type application/json;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  gzip_types application/json;
  server { listen 127.0.0.1:%(http)d; %(locations)s }
  server {
    listen 127.0.0.1:%(https)d ssl http2;
    ssl_certificate %(dir)s/cert.pem;
    ssl_certificate_key %(dir)s/key.pem;
    gzip on;
    %(locations)s
  }
}
"""
LOCATIONS = """
    root %(dir)s/www;
    location ~ ^/(?<world>[a-z0-9]+)/([a-z0-9]+/)?ai/embeddings$ { try_files /$world/$list.json =404; }
    location / { return 404 '{"errors":[{"code":"10005","title":"not found"}]}'; }
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def task(number, status):
    """One task as the API writes it; some 250 bytes."""
    ended = f'"2026-11-20T11:{number % 60:02}:07.654321"' if status in ENDED else "null"
    return (
        f'{{"task_id":"{number:08x}-5f3a-4c1e-9b2d-{number * 2654435761 % 2**48:012x}","task_name":"embed_{number:07}",'
        f'"status":"{status}","created_at":"2026-11-20T10:{number % 60:02}:03.123456","finished_at":{ended},'
        f'"user_id":"3fa85f64-5717-4562-b3fc-2c963f66afa6","bucket":"bucket-{number % 9}"}}'
    )


def write_list(path, count, words):
    """A list of tasks whose statuses go round through `words`; put in place by rename, never half there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with open(draft, "w", encoding="ascii") as file:
        file.write('{"data":[')
        for first in range(0, count, 10000):
            some = (task(n, words[n % len(words)]) for n in range(first, min(first + 10000, count)))
            file.write(("," if first else "") + ",".join(some))
        file.write('],"meta":{"total_pages":1}}')
    draft.rename(path)


class Figures:
    """What one run of a program took: seconds, seconds of CPU, MiB."""

    def __init__(self, text):
        start, wall, cpu, rss, self.code = map(int, text.split())
        self.start, self.wall, self.cpu, self.rss = start / 1e6, wall / 1e6, cpu / 1e6, rss / 1024


class World:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.programs = self.build / "tests/bench"
        self.taskbell = str(self.build / "taskbell")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bench.", dir=self.build))
        fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="taskbell-bench.", dir=fast))
        self.children = []
        self.http, self.https = free_port(), free_port()
        self.count = 0
        self.sdk = None  # the words that run the vendor's SDK, where it is there
        (self.dir / "www").mkdir()
        (self.dir / "home").mkdir()
        os.chmod(self.dir, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            self.stop(child)
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def serve(self):
        self.quietly(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
            + ["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", str(self.dir / "key.pem"), "-out", str(self.dir / "cert.pem")]
        )
        names = {"dir": self.dir, "http": self.http, "https": self.https}
        names["user"] = "user root;" if os.getuid() == 0 else ""
        names["locations"] = LOCATIONS % names
        (self.dir / "nginx.conf").write_text(NGINX % names, encoding="ascii")
        self.start(["nginx", "-c", str(self.dir / "nginx.conf"), "-e", str(self.dir / "nginx.err"), "-p", str(self.dir)])
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.http)) == 0:
                    return
            time.sleep(0.01)
        raise SystemExit("bench: nginx does not start: " + (self.dir / "nginx.err").read_text(encoding="utf-8"))

    def cert(self):
        return str(self.dir / "cert.pem")

    def url(self, world, tls=False):
        return f"https://127.0.0.1:{self.https}/{world}" if tls else f"http://127.0.0.1:{self.http}/{world}"

    def list_url(self, world, words=ACTIVE, tls=False):
        return self.url(world, tls) + "/ai/embeddings?" + "&".join(f"status={word}" for word in words)

    def requests(self, lane="poll", under="/"):
        """The lines of nginx's log: time, path, lane, seconds, connection, bytes in, bytes out, protocol."""
        with open(self.dir / "access.log", encoding="ascii") as file:
            lines = [line.split() for line in file if line.endswith("\n")]
        return [line for line in lines if line[2] == lane and line[1].startswith(under)]

    def environment(self):
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.dir / "home"),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(self.runtime),
            "TELNYX_API_KEY": KEY,
            "CURL_CA_BUNDLE": self.cert(),
        }

    def quietly(self, argv):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: {argv[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def start(self, argv, **more):
        """A program that runs until it is stopped."""
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=self.environment(),
            stderr=open(self.dir / "stderr", "a", encoding="utf-8"), **more
        )
        self.children.append(child)
        return child

    def stop(self, child):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child in self.children:
            self.children.remove(child)

    def run(self, argv, good=(0,), **more):
        """Runs a program to its end and says what it took."""
        out = self.dir / "figures"
        with open(self.dir / "stderr", "w", encoding="utf-8") as stderr:
            subprocess.run(
                [str(self.programs / "meter"), str(out), *argv], env={**self.environment(), **more}, check=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, timeout=300,
            )
        figures = Figures(out.read_text(encoding="ascii"))
        if figures.code not in good:
            said = (self.dir / "stderr").read_text(encoding="utf-8")
            raise SystemExit(f"bench: {' '.join(argv)} ended with {figures.code}: {said}")
        return figures

    def fresh(self):
        """A directory of its own on the disk."""
        self.count += 1
        path = self.dir / f"d{self.count}"
        path.mkdir(mode=0o700)
        return path

    def config(self, sources, sinks=()):
        """A configuration with these sources ({key: value}) and sinks; strings, numbers and lists."""
        path = self.fresh() / "taskbell.conf"

        def groups(rows):
            text = ",".join("{" + "".join(f"{k}={json.dumps(v)};" for k, v in row.items()) + "}" for row in rows)
            return f"({text})"

        path.write_text(f"sources={groups(sources)};\nsinks={groups(sinks)};\n", encoding="ascii")
        path.chmod(0o600)
        return str(path)

    def watch(self, config, *more):
        """The words of a watch with this configuration on a fresh state."""
        return [self.taskbell, "-q", "-c", config, "--state-dir", str(self.fresh()), "watch", *more]


def cpu_ns(pid):
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def proc_number(pid, file, name):
    """A number of /proc/PID/FILE, which has lines `name: number`."""
    with open(f"/proc/{pid}/{file}", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise KeyError(name)


def wakeups(pid):
    return proc_number(pid, "status", "voluntary_ctxt_switches") + proc_number(pid, "status", "nonvoluntary_ctxt_switches")


def median(values):
    return statistics.median(values)
