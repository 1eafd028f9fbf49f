"""Starts the daemon and real servers for tests, on free loopback ports in temporary folders; ends them by pid."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

STREAMFLOWD = os.environ["STREAMFLOWD"]
DEADLINE = 30  # seconds that anything may take on a busy machine


def wait_for(what, condition, seconds=DEADLINE):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Folder:
    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="streamflow-test-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Process:
    def __init__(self, arguments, log, **more):
        self.log_path = Path(log)
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        self.log_file = open(log, "ab")
        self.process = subprocess.Popen(arguments, stdout=self.log_file, stderr=subprocess.STDOUT, **more)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """What this process wrote; one before it may have written into the same file."""
        return self.log_path.read_bytes()[self.log_start:].decode(errors="replace")

    def running(self):
        return self.process.poll() is None

    def send(self, which):
        self.process.send_signal(which)

    def wait(self, seconds=DEADLINE):
        return self.process.wait(seconds)

    def end(self, which=signal.SIGTERM):
        if self.running():
            self.send(which)
            try:
                self.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log_file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Mosquitto(Process):
    def __init__(self, folder, port=None, more=""):
        self.port = port or free_port()
        self.database = Path(folder) / f"broker-{self.port}.db"  # written when it ends
        conf = Path(folder) / f"mosquitto-{self.port}.conf"
        conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
                        f"persistence true\npersistence_location {folder}/\npersistence_file {self.database.name}\n{more}\n")
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        super().__init__([binary, "-c", str(conf)], Path(folder) / f"mosquitto-{self.port}.log")
        wait_for("mosquitto", self.answers)

    def answers(self):
        if not self.running():
            raise AssertionError("mosquitto ended: " + self.log())
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def publish(self, topic, lines, qos=1):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-q", str(qos), "-l"],
                       input="\n".join(lines) + "\n", text=True, check=True, timeout=DEADLINE)


class Redis(Process):
    def __init__(self, folder, port=None):
        self.port = port or free_port()
        super().__init__([shutil.which("redis-server") or "/usr/bin/redis-server", "--port", str(self.port), "--bind",
                          "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "yes", "--appendfsync",
                          "always"], Path(folder) / f"redis-{self.port}.log")
        wait_for("redis", lambda: self.answers())

    def answers(self):
        if not self.running():
            raise AssertionError("redis ended: " + self.log())
        try:
            return self.call("PING") == "PONG"
        except (OSError, AssertionError):  # not there yet, or still loading
            return False

    def call(self, *words):
        return self.pipeline([words])[0]

    def pipeline(self, calls):
        """Many commands at once; the answers as text, numbers, lists or None."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            file = s.makefile("rb")
            for begin in range(0, len(calls), 1000):
                part = calls[begin:begin + 1000]
                s.sendall(b"".join(b"*%d\r\n" % len(words) + b"".join(
                    b"$%d\r\n%s\r\n" % (len(w), w) for w in (str(word).encode() for word in words)) for words in part))
                answers = [self.read_answer(file) for _ in part]
                if begin == 0:
                    out = answers
                else:
                    out += answers
        return out

    def read_answer(self, file):
        line = file.readline()
        if not line:
            raise ConnectionError("redis closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"+":
            return rest
        if kind == b"-":
            raise AssertionError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            return file.read(int(rest) + 2)[:-2].decode()
        return None if int(rest) < 0 else [self.read_answer(file) for _ in range(int(rest))]

    def entries(self, stream):
        return [dict(zip(fields[::2], fields[1::2])) for _, fields in self.call("XRANGE", stream, "-", "+")]


class Daemon(Process):
    """streamflowd --config CONFIG with a state folder of its own."""

    def __init__(self, config, folder, *arguments, ready=True, **more):
        self.folder = Path(folder)
        listen = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]
        super().__init__([STREAMFLOWD, "--config", str(config), *listen, "--state-dir",
                          str(self.folder / "state"), *arguments], self.folder / "daemon.log", **more)
        self.url = None
        if ready:
            wait_for("the daemon's address", self.find_url)

    def find_url(self):
        found = re.search(r"dashboard at (http://[^\s]+)/", self.log())
        if not found and not self.running():
            raise AssertionError("the daemon ended: " + self.log())
        self.url = found and found.group(1)
        return self.url

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as reply:
            return reply.read().decode()

    def status(self):
        return json.loads(self.get("/api/v1/pipelines"))

    def pipeline(self, name):
        return next((p for p in self.status()["pipelines"] if p["name"] == name), None)

    def source_state(self, name):
        pipeline = self.pipeline(name)
        return pipeline and pipeline["sources"][0]["state"]


def read_records(path):
    path = Path(path)
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def run(tests):
    """Runs functions as tests, prints TAP-like lines, exits non-zero when one failed."""
    import sys
    import traceback
    failed = 0
    for test in tests:
        start = time.monotonic()
        try:
            test()
            print(f"ok   {test.__doc__} ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL {test.__doc__}", flush=True)
            traceback.print_exc(file=sys.stdout)
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
