#!/usr/bin/env python3
"""Measures how fast streamflowd drains a backlog of MQTT QoS 1 beside a bare libmosquitto subscriber.

    bench/mqtt_backlog.py [--daemon PATH] [--tools DIR] [--messages 100000] [--rounds 3]
                          [--inflight 0 20] [--delivery at_least_once ...]

Each run has a mosquitto of its own that holds the messages (about 75 bytes of JSON) for a persistent session whose
client is away.  Then the session's client comes: the subscriber that only counts (bench_mqtt_backlog), or streamflowd
with a state folder on the disk of this folder, a filter (half pass), a window of a minute by 100 devices and a file.
Two settings, alike for both: MQTT 5, where the client says how many messages may be under way (65,535), and
MQTT 3.1.1 with the broker's `max_inflight_messages` at its default of 20 (which mosquitto 2.0.11 keeps to only until
the first acknowledgements come: 400 messages were seen under way).

The clock runs from the answer to the first message (a message counted, a row in the file) to that to the last one.
CPU is user + system time of the process from then to its exit, final checkpoint included.  Verified in each run: the
rows' counts and the sum of the sequence numbers in them are those that were published, and the session at the broker
is empty once the client has gone; a difference ends in exit status 1.  Beside each run the disk is asked what an
append of 64 KiB and its fdatasync take, since acknowledgements wait for those.

Broker and client share the machine; compare within one run only.  The full scale is --messages 1000000 --rounds 5.
"""
import argparse
import datetime
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from mqtt import cpu_seconds, start_broker, stop
from run import CACHE, fail, load, machine, programs, spread, status_kib, sync_milliseconds

CLIENT = "backlog"
PIPELINE = """delivery: {delivery}
from:
  mqtt: "mqtt://127.0.0.1:{port}"
  topics: ["in/#"]
  client_id: {client}
  version: "{version}"
  time: ts
steps:
  - filter: temperature > 25
  - window: 60s
    by: device
    select: {{n: count(), sequence_sum: sum(seq)}}
  - save: "file:{output}"
"""
SECONDS_MAX = 600


class Answers:
    """The rows of a file that grows: how many records they stand for, and their sequence numbers' sum."""

    def __init__(self, path):
        self.path, self.file, self.rest = path, None, b""
        self.count = self.sequence_sum = 0

    def read(self):
        if self.file is None:
            if not self.path.exists():
                return
            self.file = open(self.path, "rb")
        lines = (self.rest + self.file.read()).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            row = json.loads(line)
            self.count += row["n"]
            self.sequence_sum += row["sequence_sum"]


def wait_until(condition, process, what):
    end = time.monotonic() + SECONDS_MAX
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            fail(f"{what} (exit status {process.poll()})")
        time.sleep(0.002)


def wait_until_idle(pid):
    """A broker reads what a client sent before it left: a session taken up earlier would still hold that."""
    before = -1.0
    while cpu_seconds(pid) - before > 0.002:
        before = cpu_seconds(pid)
        time.sleep(0.3)


def run_subscriber(port, version, messages, tools):
    """(process, seconds from the first to the last message, CPU until the first)"""
    process = subprocess.Popen([tools / "bench_mqtt_backlog", "drain", str(port), version, CLIENT, str(messages)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    with process.stdout:
        if process.stdout.readline() != "first\n":
            fail("the subscriber got nothing")
        begin, before = time.monotonic(), cpu_seconds(process.pid)
        if process.stdout.readline() != "done\n":
            fail("the subscriber did not get all")
    return process, time.monotonic() - begin, before


def run_daemon(port, version, delivery, sums, daemon, folder):
    output, state = folder / "out.ndjson", folder / "state"
    state.mkdir()
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(PIPELINE.format(delivery=delivery, port=port, client=CLIENT, version=version,
                                        output=output))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([daemon, "--config", pipeline, "--listen", "127.0.0.1:0", "--state-dir", state],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    answers = Answers(output)

    def has(count):
        answers.read()
        return answers.count >= count

    try:
        wait_until(lambda: has(1), process, "no first row")
        begin, before = time.monotonic(), cpu_seconds(process.pid)
        wait_until(lambda: has(sums["passing"]), process, "not all rows")
        seconds = time.monotonic() - begin
        peak = status_kib(process.pid, "VmHWM")
        process.terminate()
    except BaseException:
        stop(process)
        print((folder / "log").read_text(errors="replace")[-2000:], file=sys.stderr)
        raise
    return process, seconds, before, peak, answers


def run_once(name, messages, inflight, tools, daemon):
    """Figures of one backlog drained by `name`: the subscriber, or the daemon's delivery."""
    tool, version = tools / "bench_mqtt_backlog", "3.1.1" if inflight else "5"
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="backlog-") as temporary:
        folder = pathlib.Path(temporary)
        broker, port = start_broker(folder, inflight)
        process = None
        try:
            sums = json.loads(subprocess.run([tool, "fill", str(port), version, CLIENT, str(messages)],
                                             check=True, stdout=subprocess.PIPE).stdout)
            disk, broker_before = sync_milliseconds(folder), cpu_seconds(broker.pid)
            answers, peak = None, 0
            if name == "subscriber":
                process, seconds, before = run_subscriber(port, version, messages, tools)
            else:
                process, seconds, before, peak, answers = run_daemon(port, version, name, sums, daemon, folder)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            wait_until_idle(broker.pid)
            broker_cpu = cpu_seconds(broker.pid) - broker_before
            left = int(subprocess.run([tool, "left", str(port), version, CLIENT], check=True,
                                      stdout=subprocess.PIPE).stdout)
            wrong = []
            if process.returncode != 0:
                wrong.append(f"exit status {process.returncode}")
            if left != 0:
                wrong.append(f"{left} messages are left at the broker")
            if answers and (answers.count, answers.sequence_sum) != (sums["passing"], sums["sequence_sum"]):
                wrong.append(f"{answers.count} records with sum {answers.sequence_sum}, expected {sums}")
            return {"rate": messages / seconds, "cpu_us": (usage.ru_utime + usage.ru_stime - before) / messages * 1e6,
                    "broker_us": broker_cpu / messages * 1e6, "peak_kib": peak, "sync_ms": disk, "load": load(),
                    "wrong": wrong}
        finally:
            stop(process)
            stop(broker)


def measure(messages, inflight, rounds, names, tools, daemon):
    """Prints one table; returns the number of runs that went wrong."""
    runs = {name: [] for name in names}
    for number in range(rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            run = run_once(name, messages, inflight, tools, daemon)
            runs[name].append(run)
            for what in run["wrong"]:
                print(f"WRONG {name}, round {number + 1}: {what}")
    setting = f"MQTT 3.1.1, {inflight} in flight" if inflight else "MQTT 5"
    print(f"| {messages} messages, {setting} | messages/s | ratio of rates | CPU us per message | ratio of CPU "
          "| broker's CPU us | peak RSS MiB |\n|--|--|--|--|--|--|--|")
    for name in names:
        def column(key, of=name):
            return [run[key] for run in runs[of]]

        def ratio(key):
            return statistics.median(a / b for a, b in zip(column(key), column(key, "subscriber")))
        peak = "" if name == "subscriber" else f"{max(column('peak_kib')) / 1024:.1f}"
        print(f"| {name} | {spread(column('rate'), 0)} | {ratio('rate'):.2f} | {spread(column('cpu_us'), 2)} "
              f"| {ratio('cpu_us'):.2f} | {statistics.median(column('broker_us')):.2f} | {peak} |")
    every = [run for name in names for run in runs[name]]
    print(f"\n{rounds} rounds, load average {min(r['load'] for r in every):.2f} to {max(r['load'] for r in every):.2f}; "
          f"64 KiB and fdatasync took {spread([r['sync_ms'] for r in every], 2)} ms\n", flush=True)
    return sum(1 for run in every if run["wrong"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--daemon", help="path of streamflowd; without it only the subscriber runs")
    parser.add_argument("--tools", metavar="DIR", type=pathlib.Path,
                        help="folder of the benchmark programs (default: built in bench/.cache)")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inflight", type=int, nargs="+", default=[0, 20],
                        help="max_inflight_messages, with MQTT 3.1.1; 0: MQTT 5 and the client's 65,535")
    parser.add_argument("--delivery", nargs="+", default=["at_least_once"],
                        choices=["at_most_once", "at_least_once", "exactly_once"])
    options = parser.parse_args()
    if options.messages < 3 or options.rounds < 1:
        parser.error("--messages must be at least 3, --rounds at least 1")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # runs `finally`
    daemon = pathlib.Path(options.daemon).resolve() if options.daemon else None
    CACHE.mkdir(exist_ok=True)
    tools = programs(options.tools)
    print(f"{datetime.date.today()}, {machine()}\n")
    names = ["subscriber"] + (options.delivery if daemon else [])
    wrong = sum(measure(options.messages, inflight, options.rounds, names, tools, daemon)
                for inflight in options.inflight)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
