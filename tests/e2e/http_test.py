#!/usr/bin/env python3
"""Records by HTTP into the real daemon: what is answered, what it waits for, and what survives what."""
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from daemon import DEADLINE, Daemon, Folder, Mosquitto, free_port, read_records, run, wait_for

KILLS = int(os.environ.get("STREAMFLOW_KILLS", "5"))
JSON = "application/json"
LINES = "application/x-ndjson"


def config_of(folder, delivery="exactly_once", source="{listen: /ingest/r}", steps="", name="p", out="out.ndjson"):
    config = folder / f"{name}.yaml"
    config.write_text(f"""\
name: {name}
delivery: {delivery}
from:
  http: {source}
steps:
{steps}  - save: "file:{folder}/{out}"
""")
    return config


class Client:
    """One connection that is kept; POSTs and returns (status, body, headers), or None when it broke."""

    def __init__(self, url, timeout=DEADLINE):
        self.address = url.removeprefix("http://")
        self.connection = http.client.HTTPConnection(self.address, timeout=timeout)

    def post(self, path, body, kind=JSON, **headers):
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            self.connection.request("POST", path, body, {"Content-Type": kind} | headers)
            reply = self.connection.getresponse()
            text = reply.read().decode()
            return reply.status, json.loads(text), reply.headers
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return None

    def close(self):
        self.connection.close()


def up(daemon, name="p"):
    wait_for("the source", lambda: daemon.source_state(name) == "up")


def taken():
    """one record, an array, lines; meta has path and headers; counts in the API and in /metrics"""
    with Folder() as folder:
        config = config_of(folder, source="{listen: /ingest/r, headers: [X-Device]}",
                           steps="  - derive:\n      device: meta.headers['x-device']\n      path: meta.path\n")
        with Daemon(config, folder) as daemon:
            up(daemon)
            client = Client(daemon.url)
            assert client.post("/ingest/r", {"n": 1}, **{"X-Device": "d1"})[:2] == (200, {"accepted": 1})
            assert client.post("/ingest/r", [{"n": 2}, {"n": 3}])[:2] == (200, {"accepted": 2})
            assert client.post("/ingest/r", '{"n":4}\r\n\n{"n":5}', LINES)[:2] == (200, {"accepted": 2})
            big = "".join(json.dumps({"n": 6 + i, "pad": "x" * 20}) + "\n" for i in range(20_000))
            assert client.post("/ingest/r", big, LINES)[:2] == (200, {"accepted": 20_000})
            got = wait_for("the records", lambda: len(r := read_records(folder / "out.ndjson")) == 20_005 and r)
            assert [r["n"] for r in got] == list(range(1, 20_006))
            assert got[0] == {"n": 1, "device": "d1", "path": "/ingest/r"}, got[0]
            assert got[1]["device"] is None
            ledger = wait_for("the counts", lambda: (l := daemon.pipeline("p")["ledger"])["written"] == 20_005 and l)
            assert ledger["balanced"] and ledger["in"] == 20_005, ledger
            source = daemon.pipeline("p")["sources"][0]
            assert (source["kind"], source["address"], source["messages"]) == ("http", "/ingest/r", 20_005), source
            metrics = daemon.get("/metrics")
            for line in ("http_ingest_accepted_total 4", "http_ingest_records_total 20005", "http_ingest_rejected_total 0",
                         'records_total{pipeline="p",disposition="in"} 20005'):
                assert f"streamflow_{line}\n" in metrics, line


def refused():
    """400 with line and column, 401, 404 with the nearest path, 405, 413, 415; nothing of those is taken"""
    with Folder() as folder:
        config = config_of(folder, source="{listen: /ingest/r, token: s3cret, max_body: 1KiB}")
        config.write_text(config.read_text().replace("from:", "streams:\n  main:\n    from:", 1).replace(
            "  http:", "      http:").replace("steps:\n", "    steps:\n").replace("  - save", "      - save")
            + f'  bad:\n    from: main.errors\n    steps:\n      - save: "file:{folder}/bad.ndjson"\n')
        with Daemon(config, folder) as daemon:
            up(daemon)

            def status(body, kind=JSON, path="/ingest/r", token="Bearer s3cret"):
                client = Client(daemon.url)
                reply = client.post(path, body, kind, Authorization=token)
                client.close()
                return reply[0], reply[1].get("error", "")

            code, error = status('{"n":1}\n{"n":2}\n{"n" 3}\n', LINES)
            assert code == 400 and "line 3, column 6: expected ':'" in error and "nothing" in error, error
            assert status('{"n": 1')[0] == 400
            assert status({"n": 1}, token="Bearer wrong")[0] == 401
            code, error = status({"n": 1}, path="/ingest/rr")
            assert code == 404 and "did you mean /ingest/r?" in error, error
            assert status(json.dumps({"n": "x" * 1024}))[0] == 413
            code, error = status("n=1", "application/x-www-form-urlencoded")
            assert code == 415 and "application/json" in error, error
            connection = http.client.HTTPConnection(daemon.url.removeprefix("http://"), timeout=DEADLINE)
            connection.request("GET", "/ingest/r")
            reply = connection.getresponse()
            assert reply.status == 405 and reply.headers["Allow"] == "POST"
            assert status({"n": 4})[0] == 200
            got = wait_for("the good one", lambda: read_records(folder / "out.ndjson"))
            assert got == [{"n": 4}], got
            bad = wait_for("the bad ones", lambda: len(r := read_records(folder / "bad.ndjson")) == 2 and r)
            assert bad[0]["original"] == '{"n" 3}' and "line 3, column 6" in bad[0]["error"], bad
            ledger = wait_for("the counts", lambda: (l := daemon.pipeline("p")["ledger"])["undecodable"] == 2 and l)
            assert ledger["balanced"], ledger
            assert "s3cret" not in daemon.log() + daemon.get("/api/v1/pipelines")


def slow_and_vanishing():
    """slow bodies hold nobody up; clients that vanish before their answer lose nothing that was acknowledged"""
    with Folder() as folder, Daemon(config_of(folder), folder) as daemon:
        up(daemon)
        host, port = daemon.url.removeprefix("http://").split(":")
        head = b"POST /ingest/r HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        slow = []
        for _ in range(50):
            s = socket.create_connection((host, int(port)))
            s.sendall(head % 20 + b'{"n": ')
            slow.append(s)
        client = Client(daemon.url)
        for i in range(100):
            start = time.monotonic()
            assert client.post("/ingest/r", {"n": i})[0] == 200
            assert time.monotonic() - start < 5
        for s in slow[:25]:  # in the middle of the body
            s.close()
        body = b'{"n": 1000}'
        for _ in range(100):  # the whole body, and gone
            with socket.create_connection((host, int(port))) as s:
                s.sendall(head % len(body) + body)
        for s in slow[25:]:
            s.sendall(b'2000         }')
            assert s.recv(15) == b"HTTP/1.1 200 OK"
            s.close()
        assert client.post("/ingest/r", {"n": 3000})[0] == 200
        got = wait_for("the last", lambda: (r := [x["n"] for x in read_records(folder / "out.ndjson")])[-1:] == [3000] and r)
        assert [n for n in got if n < 1000] == list(range(100))
        assert got.count(2000) == 25 and got.count(1000) <= 100
        assert daemon.pipeline("p")["ledger"]["balanced"]
        assert daemon.get("/healthz") == "ok\n"


class Load:
    """Clients that each send numbered records, once each or again until they are taken."""

    def __init__(self, url, clients=4, batch=5, again=False, keys=False):
        self.url, self.batch, self.again, self.keys = url, batch, again, keys
        self.stop = threading.Event()
        self.acknowledged, self.sent, self.statuses = [], set(), {}
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def work(self, number):
        client, n = Client(self.url, 10), 0
        while not self.stop.is_set():
            records = [{"id": f"{number}-{n + i}"} for i in range(self.batch)]
            n += self.batch
            ids = [r["id"] for r in records]
            with self.lock:
                self.sent.update(ids)
            headers = {"Idempotency-Key": ids[0]} if self.keys else {}
            while True:
                reply = client.post("/ingest/r", "\n".join(map(json.dumps, records)), LINES, **headers)
                with self.lock:
                    status = reply and reply[0]
                    self.statuses[status] = self.statuses.get(status, 0) + 1
                    if status == 200:
                        self.acknowledged += ids
                if status == 429:
                    assert int(reply[2]["Retry-After"]) >= 1
                if status != 200:
                    time.sleep(0.02)
                if status == 200 or not self.again or (self.stop.is_set() and status is None):
                    break
        client.close()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()


def check_delivered(folder, load, doubled=False):
    # What was acknowledged may be in the log still.
    acknowledged = set(load.acknowledged)
    try:
        wait_for("what was acknowledged", lambda: acknowledged <= {r["id"] for r in read_records(folder / "out.ndjson")})
    except AssertionError:
        missing = acknowledged - {r["id"] for r in read_records(folder / "out.ndjson")}
        raise AssertionError(f"{len(missing)} of {len(acknowledged)} acknowledged records are missing: {sorted(missing)[:5]}")
    got = [r["id"] for r in read_records(folder / "out.ndjson")]
    assert doubled or len(got) == len(set(got)), f"{len(got) - len(set(got))} doubled of {len(got)}"
    assert set(got) <= load.sent
    return got


def killed(delivery, again, keys):
    port = free_port()
    dice = random.Random(time.time_ns())
    with Folder() as folder:
        config = config_of(folder, delivery)
        listen = ("--listen", f"127.0.0.1:{port}")
        daemon = Daemon(config, folder, *listen)
        load = Load(f"http://127.0.0.1:{port}", again=again, keys=keys)
        try:
            for _ in range(KILLS):
                before = len(load.acknowledged)
                wait_for("some", lambda: len(load.acknowledged) > before)
                time.sleep(dice.uniform(0, 0.3))
                daemon.end(signal.SIGKILL)
                daemon = Daemon(config, folder, *listen)
            before = len(load.acknowledged)
            wait_for("more", lambda: len(load.acknowledged) > before)
            load.end()
            got = check_delivered(folder, load, doubled=delivery == "at_least_once")
            counts = {}
            for record in got:
                key = (record.split("-")[0], int(record.split("-")[1]) // load.batch)
                counts[key] = counts.get(key, 0) + 1
            assert all(n % load.batch == 0 for n in counts.values()), "a body was taken in part"
            if again:
                assert set(got) == load.sent or load.statuses.get(None), "not all came"
        finally:
            load.stop.set()
            daemon.end()


def killed_exactly_once():
    """kill -9 in the middle of a load, exactly_once: acknowledged is delivered, nothing doubled, bodies whole"""
    killed("exactly_once", again=False, keys=False)


def killed_with_keys():
    """the same with clients that send again until they are heard: Idempotency-Key leaves each once"""
    killed("exactly_once", again=True, keys=True)


def killed_at_least_once():
    """kill -9 in the middle of a load, at_least_once: acknowledged is delivered"""
    killed("at_least_once", again=False, keys=False)


def terminated():
    """SIGTERM under load: exits 0, what was acknowledged is delivered, each record at most once; 503 meanwhile"""
    port = free_port()
    with Folder() as folder:
        config = config_of(folder)
        listen = ("--listen", f"127.0.0.1:{port}")
        daemon = Daemon(config, folder, *listen)
        load = Load(f"http://127.0.0.1:{port}")
        try:
            for _ in range(3):
                before = len(load.acknowledged)
                wait_for("some", lambda: len(load.acknowledged) > before + 100)
                daemon.send(signal.SIGTERM)
                assert daemon.wait(10) == 0, daemon.log()
                daemon.end()
                daemon = Daemon(config, folder, *listen)
            load.end()
            check_delivered(folder, load)
            assert set(load.statuses) <= {200, 503, None}, load.statuses
        finally:
            load.stop.set()
            daemon.end()


def backpressure():
    """a sink that does not take: 429 with Retry-After, then all that was acknowledged, when it takes again"""
    with Folder() as folder:
        port = free_port()
        config = folder / "p.yaml"
        config.write_text(f"name: p\nfrom:\n  http: {{listen: /ingest/r}}\nsteps:\n"
                          f'  - save: "mqtt://127.0.0.1:{port}/out"\n    buffer: {{memory: 1MiB, disk: 4MiB}}\n')
        with Daemon(config, folder) as daemon:  # no broker there yet
            wait_for("the source", lambda: daemon.source_state("p") == "up")
            client = Client(daemon.url)
            pad = "x" * 1000
            acknowledged, busy = [], None
            for batch in range(200):
                records = [{"id": batch * 100 + i, "pad": pad} for i in range(100)]
                reply = client.post("/ingest/r", "\n".join(map(json.dumps, records)), LINES)
                if reply[0] == 200:
                    acknowledged += [r["id"] for r in records]
                else:
                    busy = reply
                    break
            assert busy and busy[0] == 429 and busy[2]["Retry-After"] == "1", busy
            assert "behind" in busy[1]["error"]
            wait_for("the state", lambda: daemon.source_state("p") == "paused")
            assert "http_ingest_busy_total 0\n" not in daemon.get("/metrics")
            with Mosquitto(folder, port) as broker:
                listener = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-t", "out", "-q", "1"],
                                            stdout=open(folder / "got", "wb"))
                try:
                    try:
                        wait_for("the source to go on", lambda: daemon.source_state("p") == "up")
                    except AssertionError:
                        raise AssertionError(daemon.log() + json.dumps(daemon.pipeline("p")))
                    assert client.post("/ingest/r", {"id": -1})[0] == 200
                    # mosquitto_sub may have come late: the daemon's own count says what was sent.
                    wait_for("all", lambda: daemon.pipeline("p")["ledger"]["written"] == len(acknowledged) + 1)
                finally:
                    listener.terminate()
                    listener.wait()
                assert broker.running()
            assert daemon.pipeline("p")["ledger"]["balanced"]


def reloaded():
    """reload: unchanged paths answer on, changed ones say 503 for a moment, removed ones 404, new ones 200"""
    with Folder() as folder:
        pipelines = folder / "pipelines"
        pipelines.mkdir()

        def put(name, path, more=""):
            (pipelines / f"{name}.yaml").write_text(
                f"name: {name}\ndelivery: exactly_once\nfrom:\n  http: {{listen: {path}}}\nsteps:\n{more}"
                f'  - save: "file:{folder}/out.ndjson"\n'.replace("out.nd", "out.nd" if name == "a" else f"{name}.nd"))

        put("a", "/ingest/r")
        put("b", "/ingest/b")
        with Daemon(pipelines, folder) as daemon:
            up(daemon, "a")
            up(daemon, "b")
            kept = Client(daemon.url)  # its connection outlives the reloads
            load = Load(daemon.url, again=True)
            try:
                assert kept.post("/ingest/b", {"n": 1})[0] == 200
                put("b", "/ingest/b2")
                put("c", "/ingest/b")  # takes over another's path
                daemon.send(signal.SIGHUP)
                up_c = lambda: daemon.pipeline("c") and daemon.source_state("c") == "up" and daemon.source_state("b") == "up"
                wait_for("the new ones", up_c)
                assert kept.post("/ingest/b", {"n": 2})[0] == 200
                assert kept.post("/ingest/b2", {"n": 3})[0] == 200
                (pipelines / "c.yaml").unlink()
                daemon.send(signal.SIGHUP)
                wait_for("c to go", lambda: not daemon.pipeline("c"))
                wait_for("404", lambda: Client(daemon.url).post("/ingest/b", {"n": 4})[0] == 404)
                for i in range(3):  # changed under load
                    put("a", "/ingest/r", f"  - filter: 'id != \"{i}\"'\n")
                    daemon.send(signal.SIGHUP)
                    before = len(load.acknowledged)
                    wait_for("more", lambda: len(load.acknowledged) > before + 50)
                put("c", "/ingest/b2")
                daemon.send(signal.SIGHUP)
                wait_for("the refusal", lambda: not daemon.status()["reload"]["ok"])
                error = daemon.status()["reload"]["error"]
                assert "E0208" in error and "b.yaml:4" in error and "c.yaml:4" in error, error
                load.end()
                assert set(load.statuses) <= {200, 503}, load.statuses
                got = check_delivered(folder, load, doubled=True)
                assert set(got) == load.sent
                assert read_records(folder / "b.ndjson") == [{"n": 1}, {"n": 3}]
                assert read_records(folder / "c.ndjson") == [{"n": 2}]
            finally:
                load.stop.set()


def starting():
    """while a pipeline brings its state back its path says 503, not 404"""
    with Folder() as folder:
        config = config_of(folder)
        with Daemon(config, folder) as daemon:
            up(daemon)
            client = Client(daemon.url)
            for _ in range(5):
                body = "".join(json.dumps({"n": i}) + "\n" for i in range(50_000))
                assert client.post("/ingest/r", body, LINES)[0] == 200
            daemon.send(signal.SIGKILL)
            daemon.wait()
        with Daemon(config, folder) as daemon:
            statuses = set()

            def taken_again():
                reply = Client(daemon.url).post("/ingest/r", {"n": -1})
                statuses.add(reply and reply[0])
                return reply and reply[0] == 200

            wait_for("the path", taken_again)
            assert statuses <= {200, 503}, statuses
            wait_for("all", lambda: len(read_records(folder / "out.ndjson")) == 250_001)


def documented():
    """the curl examples of docs/connectors/http.md do what the page says"""
    page = (Path(__file__).resolve().parents[2] / "docs/connectors/http.md").read_text()
    blocks = re.findall(r"```(\w+)\n(.*?)```", page, re.S)
    config_text = next(text for kind, text in blocks if kind == "yaml" and "listen" in text)
    with Folder() as folder:
        config = folder / "readings.yaml"
        config.write_text(f'name: readings\n{config_text}steps:\n  - save: "file:{folder}/out.ndjson"\n')
        with Daemon(config, folder) as daemon:
            wait_for("the source", lambda: daemon.source_state("readings") == "up")
            count = 0
            for kind, text in blocks:
                if kind != "console":
                    continue
                for command, answer in re.findall(r"^\$ (.*(?:\n  .*)*)\n(\{.*\})$", text, re.M):
                    command = command.replace("http://127.0.0.1:8080", daemon.url)
                    got = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=DEADLINE, cwd=folder)
                    assert got.stdout.strip() == answer, (command, got.stdout, got.stderr, answer)
                    count += 1
            assert count == 6, count


TESTS = [taken, refused, slow_and_vanishing, backpressure, killed_exactly_once, killed_with_keys, killed_at_least_once,
         terminated, reloaded, starting, documented]

if __name__ == "__main__":
    run([test for test in TESTS if not sys.argv[1:] or test.__name__ in sys.argv[1:]])
