#!/usr/bin/env python3
"""Measures how long results pause when a pipeline is reloaded under load.

    bench/reload.py --daemon PATH [--tools DIR] [--reloads 40] [--rate 5000] [--delivery at_least_once] [--input mqtt http]

Two pipelines run in one daemon, filter and derive: one whose filter and derive change at every reload (SIGHUP), and
one that stays as it is.  mqtt: QoS 1 in and out through a mosquitto of its own, `--rate` messages a second for the
first and a fifth of that for the second; a result is a message received.  http: a client each that posts a record
every 2 ms and sends it again when it is refused; a result is a 200.  Spans of 0.3 s with a reload at their begin and
without one take turns, so that a noisy neighbour is in both.

The pause of a reload is the longest gap between two results in its span, or until the new version has started, minus
the usual one, the median of the longest gaps in the spans without.  Beside it stand the gaps of both kinds as they
are: where p99 without a reload is high, p99 with one is the machine's.  Lost messages of MQTT end in exit status 1;
doubled ones (at_least_once may) are counted.

The limits beside it, asked between the spans, under the same load: a new connection to the broker until its CONNACK,
and 4 KiB written, synced, renamed, with a sync of the folder, on the disk of the state folder: what a pipeline that
connects anew and keeps its state must wait for.  The full scale is --reloads 200.
"""
import argparse
import array
import bisect
import datetime
import json
import multiprocessing
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from mqtt import start_broker, stop
from run import CACHE, HttpConnection, fail, free_port, load, machine, programs, spread, wait_until_ready

SPAN_SECONDS = 0.3
LOAD_SECONDS_A_RELOAD = 3 * SPAN_SECONDS  # for two spans and what lies between
POST_SECONDS = 0.002
CHANGED, UNCHANGED = "changed", "unchanged"
FROM = {"mqtt": {CHANGED: 'mqtt: "mqtt://127.0.0.1:{port}"\n  topics: ["in/#"]',
                 UNCHANGED: 'mqtt: "mqtt://127.0.0.1:{port}"\n  topics: ["side/#"]'},
        "http": {CHANGED: "http: {{listen: /ingest/changed}}", UNCHANGED: "http: {{listen: /ingest/unchanged}}"}}
SAVE = {"mqtt": {CHANGED: "mqtt://127.0.0.1:{port}/out/x", UNCHANGED: "mqtt://127.0.0.1:{port}/out/side"},
        "http": {CHANGED: "file:{folder}/changed.ndjson", UNCHANGED: "file:{folder}/unchanged.ndjson"}}
PIPELINE = """delivery: {delivery}
from:
  {source}
steps:
  - filter: temperature > 1.{version:06d}
  - derive: {{version: "{version}"}}
  - save: "{sink}"
"""


class Setting:
    """The folder, the daemon and its pipelines."""

    def __init__(self, kind, delivery, broker_port, folder):
        self.kind, self.delivery, self.broker_port, self.folder = kind, delivery, broker_port, folder
        self.process, self.port, self.log = None, free_port(), folder / "log"
        (folder / "pipelines").mkdir()
        for name in (CHANGED, UNCHANGED):
            self.write(name, 0)

    def write(self, name, version):
        fill = {"port": self.broker_port, "folder": self.folder}
        text = PIPELINE.format(delivery=self.delivery, version=version, source=FROM[self.kind][name].format(**fill),
                               sink=SAVE[self.kind][name].format(**fill))
        (self.folder / "next").write_text(text)
        os.replace(self.folder / "next", self.folder / "pipelines" / f"{name}.yaml")

    def start(self, daemon):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [daemon, "--config", self.folder / "pipelines", "--listen", f"127.0.0.1:{self.port}", "--state-dir",
                 self.folder / "state"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until_ready(self.process, self.port, self.log)

    def starts(self):
        return self.log.read_text(errors="replace").count(f"{CHANGED}: started")

    def reload(self, version):
        """Hangs up; returns when the new version has started: the moment of the signal."""
        self.write(CHANGED, version)
        before, moment = self.starts(), time.monotonic()
        self.process.send_signal(signal.SIGHUP)
        while self.starts() == before:
            if self.process.poll() is not None or time.monotonic() > moment + 20:
                fail(f"reload {version} did not come to its end\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        return moment


def connack_seconds(port):
    body = b"\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00"  # MQTT 5, a clean start, no client id
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(bytes([0x10, len(body)]) + body)
        if connection.recv(64)[:1] != b"\x20":
            fail("the broker refused a connection")
        return time.monotonic() - begin


def replace_seconds(folder):
    begin = time.monotonic()
    with open(folder / "small.next", "wb", buffering=0) as file:
        file.write(bytes(4096))
        os.fdatasync(file.fileno())
    os.rename(folder / "small.next", folder / "small")
    parent = os.open(folder, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)
    return time.monotonic() - begin


def post_results(port, path, ending, out):
    """Posts a record every POST_SECONDS; puts out (moments of the 200s, how many were refused)."""
    moments, refused, due = array.array("d"), 0, time.monotonic()
    connection = HttpConnection(port)
    while not ending.is_set():
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + POST_SECONDS, time.monotonic() - POST_SECONDS)
        while True:
            try:
                if connection.post(path, b'{"temperature":30}\n')[0] == 200:
                    break
                time.sleep(0.001)
            except ConnectionError:  # after a refusal
                connection = HttpConnection(port)
            refused += 1
        moments.append(time.monotonic())
    out.put((moments, refused))


class HttpLoad:
    def __init__(self, setting, tools, seconds, rate):
        self.ending, self.readers, self.processes = multiprocessing.Event(), {}, []
        for name in (CHANGED, UNCHANGED):
            out = self.readers[name] = multiprocessing.Queue()
            self.processes.append(multiprocessing.Process(
                target=post_results, args=(setting.port, f"/ingest/{name}", self.ending, out)))

    def start(self):
        for process in self.processes:
            process.start()

    def end(self):
        """({pipeline: moments}, words about the run, how many were lost)"""
        self.ending.set()
        results = {name: out.get(timeout=60) for name, out in self.readers.items()}
        for process in self.processes:
            process.join()
        refused = ", ".join(f"{name} {count}" for name, (_, count) in results.items())
        return {name: list(moments) for name, (moments, _) in results.items()}, f"refused and sent again: {refused}", 0

    def kill(self):
        for process in self.processes:
            if process.is_alive():
                process.kill()
                process.join()


class MqttLoad:
    def __init__(self, setting, tools, seconds, rate):
        self.file = setting.folder / "arrivals"
        self.process = subprocess.Popen(
            [tools / "bench_mqtt_load", str(setting.broker_port), "1", str(rate), str(int(seconds * rate)), "--arrivals",
             self.file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            fail(f"no message came back\n{setting.log.read_text(errors='replace')[-2000:]}")

    def start(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self):
        result = json.loads(self.process.stdout.readline())
        values = array.array("q")
        values.frombytes(self.file.read_bytes())
        moments = {CHANGED: [], UNCHANGED: []}
        for i in range(0, len(values), 3):
            moments[UNCHANGED if values[i + 2] else CHANGED].append(values[i] / 1e9)
        doubled = len(values) // 3 - result["received"]
        lost = result["expected"] - result["received"]
        return moments, (f"{result['rate']:.0f} messages/s, {result['received']} of {result['expected']} came back, "
                         f"{doubled} of them twice"), lost

    def kill(self):
        stop(self.process)
        self.process.stdin.close()
        self.process.stdout.close()


def longest_gap(moments, begin, end):
    """Between two results, of the gaps that lie in that span at least in part; in ms."""
    first = max(0, bisect.bisect_right(moments, begin) - 1)
    last = min(len(moments) - 1, bisect.bisect_left(moments, end))
    return 1000 * max((b - a for a, b in zip(moments[first:last], moments[first + 1:last + 1])), default=0.0)


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def parts(values):
    return f"{percentile(values, 0.5):.1f}/{percentile(values, 0.99):.1f}/{max(values):.1f}"


def measure(kind, reloads, rate, delivery, daemon, tools):
    """Prints one table; returns how many messages were lost."""
    broker = setting = loads = None
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="reload-") as name:
        folder = pathlib.Path(name)
        try:
            broker, broker_port = start_broker(folder)
            setting = Setting(kind, delivery, broker_port, folder)
            setting.start(daemon)
            seconds = SPAN_SECONDS + reloads * LOAD_SECONDS_A_RELOAD
            loads = (MqttLoad if kind == "mqtt" else HttpLoad)(setting, tools, seconds, rate)
            loads.start()
            time.sleep(SPAN_SECONDS)
            quiet, connack, replaced, spans, averages = [], [], [], [], []
            for version in range(1, reloads + 1):
                begin = time.monotonic()
                time.sleep(SPAN_SECONDS)
                quiet.append((begin, begin + SPAN_SECONDS))
                connack.append(1000 * connack_seconds(broker_port))
                replaced.append(1000 * replace_seconds(folder))
                begin = setting.reload(version)
                averages.append(load())
                time.sleep(max(0.0, begin + SPAN_SECONDS - time.monotonic()))
                spans.append((begin, time.monotonic()))
            results, words, lost = loads.end()
        finally:
            for part in (loads, setting, broker):
                if part is setting:
                    stop(part and part.process)
                elif part is broker:
                    stop(part)
                elif part is not None:
                    part.kill()
    if min(moments[-1] for moments in results.values()) < spans[-1][1]:
        fail("the load ended before the last reload")
    print(f"| {kind}, {reloads} reloads | longest gap without, ms p50/p99/max | with a reload | pause ms: p50 | p99 |\n"
          "|--|--|--|--|--|")
    for pipeline, moments in results.items():
        usual = [longest_gap(moments, *span) for span in quiet]
        gaps = [longest_gap(moments, *span) for span in spans]
        pauses = [max(0.0, gap - statistics.median(usual)) for gap in gaps]
        print(f"| {pipeline} | {parts(usual)} | {parts(gaps)} | {percentile(pauses, 0.5):.1f} "
              f"| {percentile(pauses, 0.99):.1f} |")
    print(f"\n{words}; load average {min(averages):.2f} to {max(averages):.2f}; limits, ms min/median/max: connection to "
          f"CONNACK {spread(connack, 2)}, 4 KiB kept {spread(replaced, 2)}\n", flush=True)
    if lost:
        print(f"LOST {lost}")
    return abs(lost)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--daemon", required=True, type=pathlib.Path)
    parser.add_argument("--tools", metavar="DIR", type=pathlib.Path,
                        help="folder of the benchmark programs (default: built in bench/.cache)")
    parser.add_argument("--reloads", type=int, default=40)
    parser.add_argument("--rate", type=int, default=5000, help="messages a second over MQTT")
    parser.add_argument("--delivery", default="at_least_once", choices=["at_most_once", "at_least_once", "exactly_once"])
    parser.add_argument("--input", nargs="+", default=["mqtt", "http"], choices=["mqtt", "http"])
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # runs `finally`
    CACHE.mkdir(exist_ok=True)
    tools = programs(options.tools)
    print(f"{datetime.date.today()}, {machine()}; delivery {options.delivery}\n")
    lost = sum(measure(kind, options.reloads, options.rate, options.delivery, options.daemon.resolve(), tools)
               for kind in options.input)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
