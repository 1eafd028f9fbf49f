#!/usr/bin/env python3
"""Measures streamflowd as an MQTT filter against a bare libmosquitto echo.

    bench/mqtt.py [--daemon PATH] [--tools DIR] [--rounds 5] [--seconds 8] [--messages 100000]
                  [--qos 0 1] [--rate 5000 0]

Each run has a mosquitto of its own on a free loopback port with a temporary folder, so that no
session or backlog of an earlier run is left.  A round runs, in turn, the load alone (publisher,
broker, receiver: what the path takes without a program between), the echo and the daemon, at 5,000
messages a second and at full rate (500 messages that will come back under way).  Half of the
messages pass the filter.  Reported: CPU of the program per incoming message, latency from publish
to receipt, and "added": the program's latency minus that of the load alone in the same round.
Latency at full rate is queueing; compare CPU there.  Lost messages end in exit status 1.

Publisher, receiver, broker and program share the machine, and neighbours move p99 tenfold: compare
within one run only.
"""
import argparse
import datetime
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from run import CACHE, fail, free_port, load, machine, programs, spread, status_kib

BROKER = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages {inflight}
set_tcp_nodelay true
log_type error
log_type warning
"""

PIPELINE = """from:
  mqtt: "mqtt://127.0.0.1:{port}"
  topics: ["in/#"]
  qos: {qos}
steps:
  - filter: temperature > 25
  - save: "mqtt://127.0.0.1:{port}/out/x"
    qos: {qos}
"""


def cpu_seconds(pid):
    """CPU time of all threads so far, by the scheduler in ns, else by the 10 ms ticks of stat."""
    try:
        threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
    except (OSError, ValueError, IndexError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stop(process):
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_broker(folder, inflight=0):
    port = free_port()
    config = folder / "mosquitto.conf"
    # Started as root, mosquitto changes to the user `mosquitto` unless told to stay.
    config.write_text(BROKER.format(port=port, inflight=inflight) + ("user root\n" if os.geteuid() == 0 else ""))
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        fail("mosquitto is not installed")
    with open(folder / "mosquitto.log", "wb") as log:
        process = subprocess.Popen([program, "-c", config], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process, port
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                stop(process)
                fail("mosquitto does not start: " + (folder / "mosquitto.log").read_text())
            time.sleep(0.01)


def command_of(name, port, qos, tools, daemon, folder):
    if name == "echo":
        return [tools / "bench_mqtt_echo", str(port), str(qos)]
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(PIPELINE.format(port=port, qos=qos))
    state = folder / "state"
    state.mkdir()
    return [daemon, "--config", pipeline, "--listen", "127.0.0.1:0", "--state-dir", state]


def run_once(name, qos, rate, messages, tools, daemon):
    """One run of the load with `name` (alone, echo or daemon) between; the figures."""
    broker = peer = generator = None
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="mqtt-") as temporary:
        folder = pathlib.Path(temporary)
        try:
            broker, port = start_broker(folder)
            if name != "alone":
                with open(folder / "log", "wb") as log:
                    peer = subprocess.Popen(command_of(name, port, qos, tools, daemon, folder),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            arguments = [port, qos, rate, messages] + (["--direct"] if name == "alone" else [])
            generator = subprocess.Popen(
                [tools / "bench_mqtt_load"] + [str(argument) for argument in arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            if generator.stdout.readline() != "ready\n":
                log = (folder / "log").read_text(errors="replace")[-2000:] if peer else ""
                fail(f"{name}: no message came back\n{log}")
            idle = status_kib(peer.pid, "VmRSS") if peer else 0
            before = cpu_seconds(peer.pid) if peer else 0.0
            generator.stdin.write("go\n")
            generator.stdin.flush()
            line = generator.stdout.readline()
            if not line or (peer and peer.poll() is not None):
                fail(f"{name}: the run broke off")
            result = json.loads(line)
            used = cpu_seconds(peer.pid) - before if peer else 0.0
            result["cpu_us"] = used / result["sent"] * 1e6
            result["idle_kib"] = idle
            result["peak_kib"] = status_kib(peer.pid, "VmHWM") if peer else 0
            result["load"] = load()
            return result
        finally:
            for process in (generator, peer, broker):
                stop(process)
            if generator is not None:
                generator.stdin.close()
                generator.stdout.close()


def measure(qos, rate, messages, rounds, tools, daemon):
    """Prints one table; returns how many messages were lost."""
    names = ["alone", "echo"] + (["daemon"] if daemon else [])
    runs = {name: [] for name in names}
    lost = 0
    for number in range(rounds):
        # The order turns with the round, so that none always follows the same neighbour.
        for name in names[number % len(names):] + names[:number % len(names)]:
            result = run_once(name, qos, rate, messages, tools, daemon)
            missing = result["expected"] - result["received"]
            if missing:
                lost += abs(missing)
                print(f"LOST {name}, QoS {qos}, round {number + 1}: {result['received']} of "
                      f"{result['expected']} came back")
            runs[name].append(result)
    title = f"QoS {qos}, " + (f"{rate} messages/s" if rate else "full rate")
    print(f"| {title} | messages/s | CPU us per message | ratio | p50 us | added p50 us | p99 us "
          f"| added p99 us | RSS idle/peak MiB |\n|--|--|--|--|--|--|--|--|--|")
    for name in names:
        def column(key, of=name):
            return [run[key] for run in runs[of]]

        def added(key):
            return statistics.median(
                a - b for a, b in zip(column(key), column(key, "alone")))
        cells = [name, f"{statistics.median(column('rate')):.0f}"]
        if name == "alone":
            cells += ["", "", spread(column("p50_us"), 0), "", spread(column("p99_us"), 0), "", ""]
        else:
            ratio = statistics.median(
                a / b for a, b in zip(column("cpu_us"), column("cpu_us", "echo")))
            cells += [spread(column("cpu_us"), 2), f"{ratio:.2f}",
                      spread(column("p50_us"), 0), f"{added('p50_us'):.0f}",
                      spread(column("p99_us"), 0), f"{added('p99_us'):.0f}",
                      f"{statistics.median(column('idle_kib')) / 1024:.1f}/"
                      f"{max(column('peak_kib')) / 1024:.1f}"]
        print("| " + " | ".join(cells) + " |")
    slow = [name for name in names
            if rate and statistics.median(run["rate"] for run in runs[name]) < 0.98 * rate]
    if slow:
        print(f"\nToo busy a machine: {rate} messages/s were not reached by {', '.join(slow)}; "
              "latencies are queueing.")
    loads = [run["load"] for name in names for run in runs[name]]
    print(f"\n{rounds} rounds of {messages} messages, load average {min(loads):.2f} to "
          f"{max(loads):.2f}\n", flush=True)
    return lost


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--daemon", help="path of streamflowd; without it only the echo runs")
    parser.add_argument("--tools", metavar="DIR",
                        help="folder of the benchmark programs (default: built in bench/.cache)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="length of a run at a set rate")
    parser.add_argument("--messages", type=int, default=100_000, help="of a run at full rate")
    parser.add_argument("--qos", type=int, nargs="+", choices=[0, 1], default=[0, 1])
    parser.add_argument("--rate", type=int, nargs="+", default=[5000, 0],
                        help="messages per second, 0: full rate")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # runs `finally`
    daemon = None
    if options.daemon is not None:
        daemon = pathlib.Path(options.daemon).resolve()
        if not os.access(daemon, os.X_OK):
            parser.error(f"'{daemon}' cannot be run")
    CACHE.mkdir(exist_ok=True)
    tools = programs(options.tools)
    print(f"{datetime.date.today()}, {machine()}\n")
    lost = 0
    for qos in options.qos:
        for rate in options.rate:
            messages = rate * options.seconds if rate else options.messages
            lost += measure(qos, rate, messages, options.rounds, tools, daemon)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
