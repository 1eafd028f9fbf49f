#!/usr/bin/env python3
"""As a service: what a service manager is told, how fast it stops and starts, the unit, what is installed."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from daemon import DEADLINE, STREAMFLOWD, Daemon, Folder, Mosquitto, Process, free_port, run, wait_for

SOURCE = Path(__file__).resolve().parent.parent.parent
UNIT = SOURCE / "systemd" / "streamflow.service"
LOG_MB = int(os.environ.get("STREAMFLOW_LOG_MB", "100"))  # of input log at a start; scripts/long: 1024

COUNTED = """\
name: {name}
from: {{generate: sensors, rate: 200}}
steps:
  - filter: temperature > {limit}
  - window: 1h
    count: true
  - save: "file:{folder}/{name}.ndjson"
"""


class Manager:
    """The service manager's end of the protocol: a datagram socket."""

    def __init__(self, address):
        self.address = str(address)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address.replace("@", "\0", 1) if self.address.startswith("@") else self.address)
        self.socket.settimeout(0.05)
        self.heard = []

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": self.address, **more}

    def listen(self):
        try:
            while True:
                self.heard.append(dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n")))
        except (TimeoutError, socket.timeout):
            return self.heard

    def wait(self, what, condition, seconds=DEADLINE):
        """The first message for which it is true; it and those before it are forgotten."""
        index = wait_for(what, lambda: next((i + 1 for i, m in enumerate(self.listen()) if condition(m)), 0), seconds)
        message = self.heard[index - 1]
        self.before, self.heard = self.heard[:index - 1], self.heard[index:]
        return message

    def close(self):
        self.socket.close()


class Started(Daemon):
    """A daemon with an environment, or a standard input, of its own."""

    def __init__(self, config, folder, *arguments, **more):
        self.folder = Path(folder)
        self.url = None
        Process.__init__(self, [STREAMFLOWD, "--config", str(config), "--listen", "127.0.0.1:0", "--state-dir",
                                str(self.folder / "state"), *arguments], self.folder / "daemon.log", **more)


def tells_its_manager():
    """READY, STATUS, RELOADING and READY at SIGHUP, STOPPING: in the protocol of sd_notify(3)"""
    with Folder() as folder:
        configs = folder / "pipelines"
        configs.mkdir()
        for name in ("a", "b"):
            (configs / f"{name}.yaml").write_text(COUNTED.format(name=name, limit=0, folder=folder))
        manager = Manager(folder / "notify")
        with Started(configs, folder, env=manager.environment()) as daemon:
            manager.wait("ready", lambda m: m.get("READY") == "1")
            assert any("STATUS" in m for m in manager.before), manager.before
            if {"STATUS": "2 pipelines running"} not in manager.before:  # while the sources start: "2 starting"
                manager.wait("the state", lambda m: m.get("STATUS") == "2 pipelines running")
            daemon.find_url()
            assert daemon.get("/readyz") == "ready\n"

            (configs / "b.yaml").write_text(COUNTED.format(name="b", limit=5, folder=folder))
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            daemon.send(signal.SIGHUP)
            reloading = manager.wait("reloading", lambda m: m.get("RELOADING") == "1")
            after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            assert before <= int(reloading["MONOTONIC_USEC"]) <= after, (before, reloading, after)
            manager.wait("ready again", lambda m: m.get("READY") == "1")
            assert daemon.pipeline("b")["steps"][0]["argument"] == "temperature > 5"
            assert daemon.get("/readyz") == "ready\n"

            (configs / "b.yaml").write_text("name: b\nfrom: nowhere:x\nsteps: [{filtr: x}]\n")
            daemon.send(signal.SIGHUP)
            manager.wait("reloading", lambda m: m.get("RELOADING") == "1")
            said = manager.wait("the refusal", lambda m: "refused" in m.get("STATUS", ""))
            assert said["STATUS"].startswith("2 pipelines running; reload refused: error[E"), said
            manager.wait("ready though refused", lambda m: m.get("READY") == "1")

            daemon.send(signal.SIGTERM)
            manager.wait("stopping", lambda m: m.get("STOPPING") == "1")
            assert daemon.wait() == 0
            assert not any("READY" in m for m in manager.listen()), manager.heard
        manager.close()


def says_what_is_wrong():
    """STATUS names what is degraded, over an abstract address too; nothing is said without an address"""
    with Folder() as folder:
        config = folder / "p.yaml"
        config.write_text(f'name: p\nfrom: "mqtt://127.0.0.1:{free_port()}/a"\nsteps:\n  - filter: a > 0\n')
        manager = Manager(f"@streamflow-test-{os.getpid()}")
        with Started(config, folder, env=manager.environment()):
            said = manager.wait("the state", lambda m: "down" in m.get("STATUS", ""))
            assert said["STATUS"].startswith("0 pipelines running, 1 degraded: p: mqtt down ("), said
        manager.close()
        config.write_text(COUNTED.format(name="p", limit=0, folder=folder))
        with Started(config, folder, env={**os.environ, "NOTIFY_SOCKET": str(folder / "nobody")}) as daemon:
            wait_for("the pipeline", daemon.find_url)
            wait_for("the word", lambda: "cannot tell the service manager" in daemon.log())
            assert daemon.get("/healthz")


def signs_of_life():
    """WATCHDOG at half its period, while the loop turns and only then"""
    with Folder() as folder:
        config = folder / "p.yaml"
        config.write_text(COUNTED.format(name="p", limit=0, folder=folder))
        manager = Manager(folder / "notify")
        with Started(config, folder, env=manager.environment(WATCHDOG_USEC="400000")) as daemon:
            manager.wait("ready", lambda m: m.get("READY") == "1")
            begin = time.monotonic()
            for _ in range(6):
                manager.wait("a sign of life", lambda m: m.get("WATCHDOG") == "1")
            assert time.monotonic() - begin > 0.8, "too often"
            daemon.send(signal.SIGSTOP)
            manager.listen()
            manager.heard.clear()
            time.sleep(0.6)
            assert not manager.listen(), manager.heard
            daemon.send(signal.SIGCONT)
            manager.wait("life", lambda m: m.get("WATCHDOG") == "1")
        with Started(config, folder, env=manager.environment(WATCHDOG_USEC="200000", WATCHDOG_PID="1")):
            manager.heard.clear()
            manager.wait("ready", lambda m: m.get("READY") == "1")
            time.sleep(0.4)
            assert not any("WATCHDOG" in m for m in manager.listen()), "another process's watchdog"
        manager.close()


def stops_in_two_seconds():
    """SIGTERM: gone within two seconds, windows open, the sink's broker dead, a page open"""
    with Folder() as folder:
        config = folder / "p.yaml"
        source = Mosquitto(folder)
        sink = Mosquitto(folder)
        config.write_text(f"""\
name: p
streams:
  raw:
    from: "mqtt://127.0.0.1:{source.port}/in/#"
  hourly:
    from: raw
    steps:
      - window: 1h
        count: true
      - chart: line
      - save: "mqtt://127.0.0.1:{sink.port}/hours"
  each:
    from: raw
    steps:
      - save: "mqtt://127.0.0.1:{sink.port}/each"
""")
        daemon = Daemon(config, folder)
        try:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            source.publish("in/a", ['{"v": %d}' % i for i in range(500)])
            wait_for("the records", lambda: daemon.pipeline("p")["ledger"]["written"] >= 500)
            sink.end(signal.SIGKILL)
            source.publish("in/a", ['{"v": %d}' % i for i in range(500)])
            wait_for("the queue", lambda: daemon.pipeline("p")["ledger"]["queued"] >= 400)
            page = urllib.request.urlopen(daemon.url + "/api/v1/stream", timeout=10)
            begin = time.monotonic()
            daemon.send(signal.SIGTERM)
            assert daemon.wait() == 0, daemon.log()
            took = time.monotonic() - begin
            page.close()
            assert took < 2, f"{took:.2f} s\n" + daemon.log()
            print(f"     exit after {took:.2f} s", flush=True)
        finally:
            daemon.end()
            source.end()
            sink.end()


def ready(daemon):
    try:
        return daemon.get("/readyz")
    except urllib.error.HTTPError:
        return False


def log_bytes(folder):
    files = list((folder / "state" / "pipelines").glob("*/log/*.log"))
    return sum(file.stat().st_size for file in files)


def fill_log(config, folder, count):
    """Kills a daemon that has `count` records in its input log and no checkpoint of them."""
    read, write = os.pipe()
    daemon = Started(config, folder, stdin=read)
    os.close(read)
    try:
        # From its first checkpoint on it can write no other: a folder is where the next would be.
        folder_of = folder / "state" / "pipelines" / "p"
        wait_for("the first checkpoint", lambda: (folder_of / "checkpoint").exists())
        (folder_of / "checkpoint.next").mkdir()
        sent = payload = 0
        with os.fdopen(write, "wb") as pipe:
            for begin in range(0, count, 10_000):
                lines = b"".join(b'{"n": %d, "text": "%s"}\n' % (n, b"x" * 80) for n in range(begin, begin + 10_000))
                pipe.write(lines)
                sent += 10_000
                payload += len(lines)
            pipe.flush()
            wait_for("the records", daemon.find_url)
            wait_for("the records", lambda: daemon.pipeline("p")["ledger"]["in"] == sent, 600)
            wait_for("the log", lambda: log_bytes(folder) > payload, 600)
            daemon.send(signal.SIGKILL)
            daemon.wait()
        (folder_of / "checkpoint.next").rmdir()
        return sent
    finally:
        daemon.end()


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def starts_in_two_seconds():
    """after kill -9 with a big input log: ready within two seconds, and a word when it has caught up"""
    with Folder() as folder:
        config = folder / "p.yaml"
        config.write_text(f"""\
name: p
from: "file:-"
steps:
  - window: 1d
    select:
      n: count()
      sum: sum(n)
  - save: "file:{folder}/out.ndjson"
""")
        sent = fill_log(config, folder, LOG_MB * 10_000)
        size = log_bytes(folder) / 1e6
        assert size > LOG_MB * 0.9, size
        read, write = os.pipe()
        manager = Manager(folder / "notify")
        begin = time.monotonic()
        daemon = Started(config, folder, stdin=read, env=manager.environment())
        try:
            wait_for("readiness", lambda: daemon.find_url() and ready(daemon))
            took, used = time.monotonic() - begin, cpu_seconds(daemon.pid)
            manager.wait("ready", lambda m: m.get("READY") == "1")
            said = manager.before
            caught_up = wait_for("the word", lambda: re.search(
                r"p: has caught up: (\d+) entries .* in ([\d.]+) s", daemon.log()), 600)
            print(f"     {size:.0f} MB of log: ready after {took:.2f} s ({used:.2f} s of a processor), {caught_up.group(0)}",
                  flush=True)
            # On a machine that has no time for it, what it took of a processor is what can be promised.
            assert took < 2 or used < 1, f"{took:.2f} s, {used:.2f} s of a processor"
            assert {"STATUS": "0 pipelines running, 1 catching up with the input log"} in said, said
            manager.wait("the state", lambda m: m.get("STATUS") == "1 pipeline running")
            ledger = daemon.pipeline("p")["ledger"]
            assert ledger["in"] == sent and ledger["balanced"], (sent, ledger)
            assert "lost" not in daemon.log() and "damaged" not in daemon.log(), daemon.log()
        finally:
            daemon.end()
            os.close(read)
            os.close(write)
            manager.close()


def stops_while_catching_up():
    """SIGTERM in the middle of recovery is heeded at once, and the next start goes on from there"""
    with Folder() as folder:
        config = folder / "p.yaml"
        # Slow enough to be caught in the act.
        config.write_text(f"""\
name: p
from: "file:-"
steps:
  - derive:
      twice: 'string(n) + text + text'
      hash: 'hash.sha256(twice + text)'
  - window: 1d
    select:
      n: count()
      sum: sum(n)
  - save: "file:{folder}/out.ndjson"
""")
        sent = fill_log(config, folder, 400_000)
        daemon = Started(config, folder, stdin=subprocess.PIPE)
        wait_for("the start", lambda: "handles the input behind" in daemon.log())
        wait_for("some of it", lambda: daemon.find_url() and (p := daemon.pipeline("p")) and p["ledger"]["in"] > 0)
        daemon.send(signal.SIGTERM)
        assert daemon.wait() == 0, daemon.log()
        assert "has caught up" not in daemon.log(), "too fast for this test\n" + daemon.log()
        daemon.end()
        daemon = Started(config, folder, stdin=subprocess.PIPE)
        try:
            wait_for("the rest", lambda: "has caught up" in daemon.log(), 600)
            daemon.find_url()
            wait_for("the count", lambda: (p := daemon.pipeline("p")) and p["ledger"]["in"] == sent)
            assert daemon.pipeline("p")["ledger"]["balanced"]
        finally:
            daemon.end()


def health_command():
    """`health` says whether a daemon answers, by its exit code"""
    def health(*arguments, **more):
        done = subprocess.run([STREAMFLOWD, "health", *arguments], capture_output=True, text=True, timeout=30, **more)
        return done.returncode, done.stderr
    with Folder() as folder:
        config = folder / "p.yaml"
        config.write_text(COUNTED.format(name="p", limit=0, folder=folder))
        with Daemon(config, folder) as daemon:
            address = daemon.url.removeprefix("http://")
            assert health("--listen", address) == (0, "")
            assert wait_for("readiness", lambda: health("--ready", "--listen", address)[0] == 0)
            assert health(env={**os.environ, "STREAMFLOW_LISTEN": address}) == (0, "")
        code, text = health("--listen", address)
        assert code == 1 and f"no streamflowd answers at {address}" in text, text
        with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections and says nothing
            code, text = health("--listen", f"127.0.0.1:{deaf.getsockname()[1]}")
            assert code == 1 and "no streamflowd answers" in text, text
        assert health("--listen", "example.org:80")[0] == 2


def unit_is_good():
    """the unit: systemd-analyze finds no mistake, and an exposure of at most 1.5"""
    if not shutil.which("systemd-analyze"):
        print("     skipped: systemd-analyze is not installed", flush=True)
        return
    with Folder() as folder:
        # Its paths are those of an installation; what systemd-analyze wants of them is that they exist.
        unit = folder / "streamflow.service"
        unit.write_text(UNIT.read_text().replace("/usr/bin/streamflowd", str(Path(STREAMFLOWD).resolve())))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stderr == "", done
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=15", str(unit)],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout[-2000:]
        print("     " + re.search(r"Overall exposure level .*: ([\d.]+)", done.stdout).group(0), flush=True)


def installs():
    """cmake --install: the binary, the unit that names it, examples, licence and documentation"""
    build = Path(STREAMFLOWD).resolve().parent
    if not (build / "cmake_install.cmake").exists():
        print("     skipped: the daemon is not in its build folder", flush=True)
        return
    with Folder() as folder:
        done = subprocess.run(["cmake", "--install", str(build), "--prefix", "/opt/sf"], capture_output=True, text=True,
                              timeout=120, env={**os.environ, "DESTDIR": str(folder)})
        assert done.returncode == 0, done
        root = folder / "opt/sf"
        docs = root / "share/doc/streamflow"
        for path in ("LICENSE", "README.md", "service.md", "verbs.md", "examples/temperature.yaml"):
            assert (docs / path).is_file(), sorted(docs.rglob("*"))
        unit = (root / "lib/systemd/system/streamflow.service").read_text()
        assert "ExecStart=/opt/sf/bin/streamflowd --config /etc/streamflow/pipelines" in unit, unit
        assert "/usr/bin" not in unit and "file:/opt/sf/share/doc/streamflow/service.md" in unit, unit
        done = subprocess.run([str(root / "bin/streamflowd"), "version"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        assert subprocess.run([str(root / "bin/streamflowd"), "check", str(docs / "examples")], timeout=60).returncode == 0


if __name__ == "__main__":
    run([tells_its_manager, says_what_is_wrong, signs_of_life, stops_in_two_seconds, starts_in_two_seconds,
         stops_while_catching_up,         health_command, unit_is_good, installs])
