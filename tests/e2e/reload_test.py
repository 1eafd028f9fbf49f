#!/usr/bin/env python3
"""A changed pipeline takes over what is equal in the old one: its connections, half a line, the way back."""
import http.client
import json
import os
import signal
import subprocess
import threading
import time

from daemon import Daemon, Folder, Mosquitto, Redis, read_records, run, wait_for

PIPELINE = """\
name: p
delivery: {delivery}
from: {source}
steps:
  - derive: {{version: '{version}'}}
  - save: "file:{folder}/out.ndjson"
"""
RELOADS = 6


class Changing:
    """A pipeline file whose versions differ in what they derive."""

    def __init__(self, folder, source, delivery):
        self.folder, self.source, self.delivery = folder, source, delivery
        self.config = folder / "p.yaml"
        self.version = 0
        self.write()

    def write(self):
        self.config.write_text(PIPELINE.format(folder=self.folder, source=self.source, version=self.version,
                                               delivery=self.delivery))

    def change(self, daemon):
        """The next version, once it runs."""
        self.version += 1
        self.write()
        before = daemon.log().count("p: started")
        daemon.send(signal.SIGHUP)
        wait_for("the new version", lambda: daemon.log().count("p: started") > before)

    def records(self):
        return read_records(self.folder / "out.ndjson")


def for_each_delivery(test):
    for delivery in ("at_most_once", "at_least_once", "exactly_once"):
        with Folder() as folder:
            test(folder, delivery)


def mqtt_stays_connected():
    """mqtt: reloads of a changed pipeline keep the connection; what is published meanwhile comes once, in order"""
    def one(folder, delivery):
        with Mosquitto(folder) as broker:
            changing = Changing(folder, f'{{mqtt: "mqtt://127.0.0.1:{broker.port}/in"}}', delivery)
            with Daemon(changing.config, folder) as daemon:
                wait_for("the connection", lambda: daemon.source_state("p") == "up")
                connections = broker.log().count("New client connected")
                for n in range(RELOADS):
                    broker.publish("in", [json.dumps({"n": 3 * n + i}) for i in range(3)])
                    changing.change(daemon)
                wait_for("all", lambda: len(changing.records()) >= 3 * RELOADS)
                assert [r["n"] for r in changing.records()] == list(range(3 * RELOADS)), changing.records()
                # One a publisher, and no more.
                assert broker.log().count("New client connected") == connections + RELOADS, broker.log()
                assert daemon.source_state("p") == "up" and daemon.pipeline("p")["ledger"]["balanced"]
                assert daemon.log().count("/in) is up") == 1, daemon.log()
    for_each_delivery(one)


def mqtt_connection_lost_meanwhile():
    """mqtt: a broker that goes away right after a reload is connected to again by the new version"""
    with Folder() as folder:
        broker = Mosquitto(folder)
        try:
            changing = Changing(folder, f'{{mqtt: "mqtt://127.0.0.1:{broker.port}/in"}}', "at_least_once")
            with Daemon(changing.config, folder) as daemon:
                wait_for("the connection", lambda: daemon.source_state("p") == "up")
                changing.change(daemon)
                broker.end()
                wait_for("the loss", lambda: daemon.source_state("p") != "up")
                changing.change(daemon)  # that of a source that is not connected
                broker = Mosquitto(folder, broker.port)
                wait_for("the connection", lambda: daemon.source_state("p") == "up")
                broker.publish("in", ['{"n": 1}'])
                wait_for("it", lambda: [r["n"] for r in changing.records()] == [1])
        finally:
            broker.end()


def redis_stays_connected():
    """redis: reloads of a changed pipeline keep the connection; each entry comes once"""
    def one(folder, delivery):
        with Redis(folder) as redis:
            changing = Changing(folder, f'{{redis: "redis://127.0.0.1:{redis.port}/in"}}', delivery)
            with Daemon(changing.config, folder) as daemon:
                wait_for("the connection", lambda: daemon.source_state("p") == "up")
                wait_for("the group", lambda: redis.call("EXISTS", "in") == 1)

                def clients():
                    return int(dict(line.split(":") for line in redis.call("INFO", "stats").splitlines()
                                    if ":" in line)["total_connections_received"])
                for n in range(RELOADS):
                    redis.pipeline([("XADD", "in", "*", "n", 3 * n + i) for i in range(3)])
                    before = clients()
                    changing.change(daemon)
                    assert clients() == before + 1, "it connected again"  # the one is ours
                wait_for("all", lambda: len(changing.records()) >= 3 * RELOADS)
                assert [r["n"] for r in changing.records()] == list(range(3 * RELOADS)), changing.records()
                wait_for("the acknowledgements", lambda: redis.call("XPENDING", "in", "streamflow:p")[0] == 0)
    for_each_delivery(one)


def http_stays_open():
    """http: while a changed pipeline is reloaded every request is answered 200, and each record comes once"""
    def one(folder, delivery):
        changing = Changing(folder, "{http: {listen: /ingest/r}}", delivery)
        with Daemon(changing.config, folder) as daemon:
            wait_for("the source", lambda: daemon.source_state("p") == "up")
            answers, stop = [], threading.Event()

            def send():
                connection = http.client.HTTPConnection(daemon.url.removeprefix("http://"), timeout=10)
                while not stop.is_set():
                    connection.request("POST", "/ingest/r", json.dumps({"n": len(answers)}),
                                       {"Content-Type": "application/json"})
                    reply = connection.getresponse()
                    answers.append((reply.status, reply.read()))
            sender = threading.Thread(target=send)
            sender.start()
            try:
                for _ in range(RELOADS):
                    before = len(answers)
                    wait_for("answers", lambda: len(answers) > before)
                    changing.change(daemon)
            finally:
                stop.set()
                sender.join()
            assert {status for status, _ in answers} == {200}, [a for a in answers if a[0] != 200]
            wait_for("all", lambda: len(changing.records()) >= len(answers))
            assert [r["n"] for r in changing.records()] == list(range(len(answers)))
            assert len({r["version"] for r in changing.records()}) > RELOADS // 2
    for_each_delivery(one)


def half_a_line_stays():
    """standard input: half a line that a reload came into is not lost"""
    with Folder() as folder:
        changing = Changing(folder, "'file:-'", "at_least_once")
        with Daemon(changing.config, folder, stdin=subprocess.PIPE) as daemon:
            pipe = daemon.process.stdin
            for text in (b'{"n": 1}\n{"n"', b': 2}\n{"n', b'": 3}\n'):
                pipe.write(text)
                pipe.flush()
                time.sleep(0.1)  # it is read
                changing.change(daemon)
            pipe.close()
            wait_for("all", lambda: len(changing.records()) >= 3)
            assert [r["n"] for r in changing.records()] == [1, 2, 3], changing.records()


def goes_back():
    """a version that cannot start with the state that it finds: the one before runs on, and the reload says why"""
    with Folder() as folder:
        changing = Changing(folder, "{generate: sensors, rate: 100}", "at_most_once")
        with Daemon(changing.config, folder) as daemon:
            wait_for("records", lambda: len(changing.records()) > 10)
            kept = folder / "state" / "pipelines" / "p"
            kept.mkdir(parents=True)
            (kept / "checkpoint").write_text("of another program")
            changing.delivery = "at_least_once"
            changing.write()
            daemon.send(signal.SIGHUP)
            wait_for("the way back", lambda: "goes back to the version before" in daemon.log())
            status = daemon.status()["reload"]
            assert not status["ok"] and "is no checkpoint of this version" in status["error"], status
            before = len(changing.records())
            wait_for("more records", lambda: len(changing.records()) > before)
            assert daemon.pipeline("p")["delivery"] == "at_most_once"


def tries_again():
    """a version that the state folder keeps from starting, both of them, starts when that is mended"""
    with Folder() as folder:
        changing = Changing(folder, "{generate: sensors, rate: 100}", "at_least_once")
        other = folder / "state" / "pipelines" / "p" / "log"
        with Daemon(changing.config, folder) as daemon:
            wait_for("records", lambda: len(changing.records()) > 10)
            os.rename(other, folder / "log")
            other.write_text("no folder")
            changing.version += 1
            changing.write()
            daemon.send(signal.SIGHUP)
            wait_for("the refusal", lambda: "it is tried again" in daemon.log())
            assert daemon.running() and daemon.pipeline("p") is None
            changing.config.write_text("from: nowhere\n")
            daemon.send(signal.SIGHUP)
            wait_for("the refused reload, which changes nothing", lambda: "reload refused" in daemon.log())
            other.unlink()
            os.rename(folder / "log", other)
            before = len(changing.records())
            wait_for("records again", lambda: len(changing.records()) > before)
            wait_for("the word", lambda: daemon.pipeline("p")["state"] == "running")


def sources_that_changed_places():
    """mqtt: a source that a reload puts before another gets a session of its own, and both receive"""
    with Folder() as folder, Mosquitto(folder) as broker:
        first, second = (f'{{mqtt: "mqtt://127.0.0.1:{broker.port}/{topic}"}}' for topic in "ab")
        changing = Changing(folder, f"[{first}]", "at_least_once")
        with Daemon(changing.config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            changing.source = f"[{second}, {first}]"
            changing.change(daemon)
            wait_for("both", lambda: [s["state"] for s in daemon.pipeline("p")["sources"]] == ["up", "up"])
            for n in range(10):
                broker.publish("a", [f'{{"a": {n}}}'])
                broker.publish("b", [f'{{"b": {n}}}'])
            wait_for("all", lambda: len(changing.records()) >= 20)
            assert "already connected" not in broker.log(), broker.log()


WINDOWED = """\
name: p
from: {{mqtt: "mqtt://127.0.0.1:{port}/in", time: t}}
steps:
  - window: 1h
    by: k
    select: {{s: {aggregate}(v)}}
  - save: "file:{folder}/out.ndjson"
"""


def the_version_before_finds_its_state():
    """another version that dies before its first checkpoint leaves large states to the one before it"""
    with Folder() as folder, Mosquitto(folder) as broker:
        config = folder / "p.yaml"

        def write(aggregate):
            config.write_text(WINDOWED.format(folder=folder, port=broker.port, aggregate=aggregate))
        write("sum")
        with Daemon(config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            broker.publish("in", [json.dumps({"t": 1750000000000 + i, "k": f"key-{i}-{'x' * 60}", "v": i})
                                  for i in range(10_000)])
            wait_for("all", lambda: daemon.pipeline("p")["ledger"]["in"] >= 10_000)
        parts = folder / "state" / "pipelines" / "p" / "parts"
        assert list(parts.iterdir())
        write("max")
        with Daemon(config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            assert "loses main.1 (window)" in daemon.log(), daemon.log()
            daemon.end(signal.SIGKILL)
        write("sum")
        with Daemon(config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            assert "1 open window" in daemon.pipeline("p")["steps"][0]["unfinished"], daemon.log()


if __name__ == "__main__":
    run([mqtt_stays_connected, mqtt_connection_lost_meanwhile, redis_stays_connected, http_stays_open, half_a_line_stays,
         goes_back, tries_again, sources_that_changed_places, the_version_before_finds_its_state])
