#!/usr/bin/env python3
"""Measures streamflowd as an HTTP ingest against a bare cpp-httplib server that only counts lines.

    bench/http.py [--daemon PATH] [--tools DIR] [--rounds 3] [--seconds 4] [--clients 4]

Bodies of 1, 100 and 2,000 records of NDJSON (90 bytes each) over kept connections, each client waiting for its
answer before it sends again.  The daemon checks, decodes and filters them all out, with delivery at_most_once,
at_least_once and exactly_once (the last two sync the disk before they answer).  CPU is that of the server's process a
record; the clients are processes of this script and share the machine: compare within one run only.
"""
import argparse
import multiprocessing
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time

from mqtt import cpu_seconds
from run import HttpConnection, fail, free_port, load, machine, programs

RECORD = '{"device": "dev-%02d", "ts": 1750000000000, "temperature": 21.5, "humidity": 40, "seq": %d}\n'


def client(port, body, seconds, out):
    end, done, busy = time.monotonic() + seconds, 0, 0
    with HttpConnection(port) as connection:
        while time.monotonic() < end:
            try:
                status, _ = connection.post("/ingest/r", body)
            except ConnectionError:
                busy = -1
                break
            if status == 200:
                done += 1
            else:
                busy += 1
    out.put((done, busy))


def measure(pid, port, records, seconds, clients):
    body = "".join(RECORD % (i % 20, i) for i in range(records)).encode()
    out = multiprocessing.Queue()
    before, start = cpu_seconds(pid), time.monotonic()
    workers = [multiprocessing.Process(target=client, args=(port, body, seconds, out)) for _ in range(clients)]
    for worker in workers:
        worker.start()
    results = [out.get() for _ in workers]
    took = time.monotonic() - start
    for worker in workers:
        worker.join()
    cpu = cpu_seconds(pid) - before
    done = sum(n for n, _ in results)
    if done == 0 or any(busy != 0 for _, busy in results):
        fail(f"the server did not take all: {results}")
    return done / took, done * records / took, cpu / (done * records) * 1e6


def wait_for_port(port, process):
    for _ in range(500):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            fail("the server ended")
        time.sleep(0.02)
    fail("the server does not listen")


def start(name, daemon, tools, folder):
    port = free_port()
    if name == "bare httplib":
        process = subprocess.Popen([tools / "bench_http_floor", str(port)], stdout=subprocess.DEVNULL)
    else:
        config = folder / f"{name}.yaml"
        config.write_text(f"delivery: {name}\nfrom:\n  http: {{listen: /ingest/r}}\nsteps:\n  - filter: temperature > 25\n"
                          f'  - save: "file:{folder}/out.ndjson"\n')
        process = subprocess.Popen([daemon, "--config", config, "--listen", f"127.0.0.1:{port}", "--state-dir",
                                    folder / f"state-{name}"], stderr=open(folder / f"{name}.log", "wb"))
    wait_for_port(port, process)
    time.sleep(0.5)
    return process, port


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--daemon", default="build/release/streamflowd", type=pathlib.Path)
    parser.add_argument("--tools", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    tools = programs(options.tools)
    print(machine(), load(), sep="\n")
    print(f"{'records a body':>14} {'server':>14} {'requests/s':>11} {'records/s':>11} {'CPU us/record':>14}")
    for records in (1, 100, 2000):
        results = {}
        for _ in range(options.rounds):
            for name in ("bare httplib", "at_most_once", "at_least_once", "exactly_once"):
                with tempfile.TemporaryDirectory(prefix="streamflow-bench-") as folder:
                    process, port = start(name, options.daemon, tools, pathlib.Path(folder))
                    try:
                        results.setdefault(name, []).append(
                            measure(process.pid, port, records, options.seconds, options.clients))
                    finally:
                        process.terminate()
                        process.wait()
        for name, runs in results.items():
            requests, rate, cpu = (statistics.median(values) for values in zip(*runs))
            print(f"{records:>14} {name:>14} {requests:>11.0f} {rate:>11.0f} {cpu:>14.3f}")


if __name__ == "__main__":
    main()
