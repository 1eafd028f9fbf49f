#!/usr/bin/env python3
"""Measures streamflowd against the physical floors, file to file.

    bench/run.py [--daemon PATH] [--floor DIR] [--events N] [--rounds 5] [W1 W1b W1c]
    bench/run.py --daemon PATH startup
    bench/run.py --daemon PATH delivery

The data is made once from a seed.  Each round runs the floor, `streamflowd --config` and
`streamflowd replay` one after the other on the same file, so that a noisy neighbour hits all three;
compare ratios within one run, not figures of two runs.  CPU is user + system time of the process
(wait4), which includes its start.  A first round is not counted.  Every answer is compared with the
floor's: W1 row by row, means within 1e-9 relative; W1b and W1c byte by byte.  A difference ends in
exit status 1.  Without --daemon only the floors are measured; `--check` first holds them against
plain Python.

`startup` reports start to ready, resident memory when idle, time to stop and the stripped size.

`delivery` runs W1 with each `delivery:` in turn beside the floor, output and state on the disk of bench/.cache, since
it is the waiting for the disk that differs; and asks that disk what an append of 64 KiB and its fdatasync take.
Rates are held against those of at_most_once in the same round, by CPU and by the clock.
"""
import argparse
import datetime
import filecmp
import json
import math
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

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE / ".cache"
SEED = 1

# Steps below `from:`; replay has to be told the time field where the pipeline names none.
PIPELINES = {
    "W1": """from: {{file: "{input}", time: ts}}
steps:
  - filter: temperature > 25
  - window: 60s
    by: device
    mean: temperature
  - save: "file:{output}"
""",
    "W1b": """from: {{file: "{input}"}}
steps:
  - filter: temperature > 25
  - select: [ts, device, temperature]
  - save: "file:{output}"
""",
    "W1c": """from: {{file: "{input}"}}
steps:
  - filter: temperature > 25
  - save: "file:{output}"
""",
}
REPLAY_OPTIONS = {"W1": [], "W1b": ["--time", "ts"], "W1c": ["--time", "ts"]}

STARTUP_PIPELINE = """from: {{file: "{input}", follow: true, time: ts}}
steps:
  - filter: temperature > 25
  - window: 60s
    by: device
    mean: temperature
  - chart: line
    y: temperature_mean
"""


def fail(message):
    sys.exit(f"run.py: {message}")


def machine():
    """One line: processor, cores, memory, kernel."""
    def field(path, name):
        for line in pathlib.Path(path).read_text().splitlines():
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
        return "?"
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) // 1048576
    return (f"{field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores, {memory} GiB, "
            f"Linux {os.uname().release}")


def load():
    return os.getloadavg()[0]


def programs(folder):
    """The folder with the benchmark programs, built there if --floor names none."""
    if folder is not None:
        return pathlib.Path(folder).resolve()
    build = CACHE / "build"
    for command in (["cmake", "-S", HERE, "-B", build, "-DCMAKE_BUILD_TYPE=Release"],
                    ["cmake", "--build", build]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            fail(f"the benchmark programs do not build:\n{done.stdout}")
    return build


def make_data(tools, events):
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"events-{events}-{SEED}.ndjson"
    if not path.exists():
        part = path.with_suffix(".part")
        with open(part, "wb") as out:
            subprocess.run([tools / "bench_make_events", "--events", str(events), "--seed",
                            str(SEED)], stdout=out, check=True)
        part.rename(path)
    with open(path, "rb") as data:  # into the page cache
        while data.read(1 << 24):
            pass
    return path


def scratch_root():
    """Memory if it has room, else the cache folder: write-back to a disk is not the subject."""
    shm = pathlib.Path("/dev/shm")
    if shm.is_dir() and os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > 4 << 30:
        return shm
    return CACHE


def run_measured(command, log):
    """Runs to the end; returns {cpu, user, sys, wall, rss} in seconds and KiB.

    The peak resident set is VmHWM, sampled: ru_maxrss would count the pages that the child shared
    with this interpreter before its exec.  A run too short to be sampled falls back to it.
    """
    with open(log, "wb") as errors:
        begin = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                   stdout=errors, stderr=errors)
        peak = 0
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid != 0:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    break
                peak = max(peak, status_kib(process.pid, "VmHWM"))
                time.sleep(0.02)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        wall = time.monotonic() - begin
    if process.returncode != 0:
        text = pathlib.Path(log).read_text(errors="replace")[-2000:]
        fail(f"exit status {process.returncode} from {' '.join(map(str, command))}\n{text}")
    return {"cpu": usage.ru_utime + usage.ru_stime, "user": usage.ru_utime, "sys": usage.ru_stime,
            "wall": wall, "rss": peak or usage.ru_maxrss}


def status_kib(pid, name):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def difference(work, expected, actual):
    """What is wrong with `actual`, or None."""
    if not actual.exists():
        return "no output"
    if work != "W1":
        if filecmp.cmp(expected, actual, shallow=False):
            return None
        return f"bytes differ ({expected.stat().st_size} expected, {actual.stat().st_size} found)"
    with open(expected) as left, open(actual) as right:
        want = [json.loads(line) for line in left]
        have = [json.loads(line) for line in right]
    if len(want) != len(have):
        return f"{len(want)} rows expected, {len(have)} found"
    for number, (a, b) in enumerate(zip(want, have), 1):
        mean_a, mean_b = a.pop("temperature_mean"), b.pop("temperature_mean", None)
        if a != b or not isinstance(mean_b, (int, float)) or not math.isclose(
                mean_a, mean_b, rel_tol=1e-9):
            return f"row {number}: {a} {mean_a} expected, {b} {mean_b} found"
    return None


def check_floor(tools, events_path, lines, folder):
    """Holds the floors' answers to the first `lines` events against plain Python."""
    sample = folder / "sample.ndjson"
    with open(events_path, "rb") as data, open(sample, "wb") as out:
        for _, line in zip(range(lines), data):
            out.write(line)
    answers = {"W1": {}, "W1b": [], "W1c": []}
    for line in sample.read_text().splitlines():
        event = json.loads(line)
        if event["temperature"] <= 25:
            continue
        cell = answers["W1"].setdefault((event["ts"] // 60000, event["device"]), [0.0, 0])
        cell[0] += event["temperature"]
        cell[1] += 1
        text = line.split('"temperature":')[1].split(",")[0]
        answers["W1b"].append(
            f'{{"ts":{event["ts"]},"device":"{event["device"]}","temperature":{text}}}')
        answers["W1c"].append(line)

    def stamp(minute):
        moment = datetime.datetime.fromtimestamp(minute * 60, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    answers["W1"] = [
        json.dumps({"device": device, "window_start": stamp(minute),
                    "window_end": stamp(minute + 1), "temperature_mean": total / count})
        for (minute, device), (total, count) in sorted(answers["W1"].items())]
    for work, rows in answers.items():
        expected, actual = folder / "expected.ndjson", folder / "actual.ndjson"
        expected.write_text("".join(row + "\n" for row in rows))
        run_measured([tools / "bench_floor", work.lower(), sample, actual], folder / "log")
        wrong = difference(work, expected, actual)
        if wrong:
            fail(f"the floor of {work} is wrong: {wrong}")
    print(f"The floors' answers to the first {lines} events equal plain Python's.\n")


def commands(work, data, tools, daemon, folder):
    """[(name, command, output, state folder to empty first or None)], the floor first."""
    result = [("floor", [tools / "bench_floor", work.lower(), data, folder / "floor.ndjson"],
               folder / "floor.ndjson", None)]
    if daemon is not None:
        pipeline = folder / "pipeline.yaml"
        pipeline.write_text(
            PIPELINES[work].format(input=data, output=folder / "config.ndjson"))
        result.append(("--config", [daemon, "--config", pipeline, "--listen", "127.0.0.1:0",
                                    "--state-dir", folder / "state"],
                       folder / "config.ndjson", folder / "state"))
        result.append(("replay", [daemon, "replay", pipeline, "--input", data, "--output",
                                  folder / "replay.ndjson"] + REPLAY_OPTIONS[work],
                       folder / "replay.ndjson", None))
    return result


def spread(values, digits=4):
    return "/".join(f"{f(values):.{digits}f}" for f in (min, statistics.median, max))


def measure(work, data, events, rounds, tools, daemon, folder):
    """Prints the table of one workload; returns the number of wrong answers."""
    runs = {}
    wrong_answers = 0
    for number in range(rounds + 1):
        todo = commands(work, data, tools, daemon, folder)
        for name, command, output, state in todo:
            output.unlink(missing_ok=True)
            if state is not None:
                shutil.rmtree(state, ignore_errors=True)
                state.mkdir()
            run = run_measured(command, folder / "log")
            run["load"] = load()
            if number > 0:
                runs.setdefault(name, []).append(run)
        for name, _, output, _ in todo[1:]:
            wrong = difference(work, folder / "floor.ndjson", output)
            if wrong:
                wrong_answers += 1
                print(f"WRONG {work} {name}, round {number}: {wrong}")
    million = events / 1e6
    floor = [run["cpu"] / million for run in runs["floor"]]
    print(f"| {work} | CPU s/M min/median/max | user median | ratio of medians | median of ratios "
          f"| wall s | peak RSS MiB |\n|--|--|--|--|--|--|--|")
    for name, list_of_runs in runs.items():
        cpu = [run["cpu"] / million for run in list_of_runs]
        user = statistics.median(run["user"] / million for run in list_of_runs)
        of_medians = statistics.median(cpu) / statistics.median(floor)
        of_ratios = statistics.median(a / b for a, b in zip(cpu, floor))
        wall = statistics.median(run["wall"] for run in list_of_runs)
        rss = max(run["rss"] for run in list_of_runs) / 1024
        print(f"| {name} | {spread(cpu)} | {user:.4f} | {of_medians:.2f} | {of_ratios:.2f} "
              f"| {wall:.2f} | {rss:.1f} |")
    loads = [run["load"] for list_of_runs in runs.values() for run in list_of_runs]
    print(f"\n{rounds} rounds, load average {min(loads):.2f} to {max(loads):.2f}\n")
    return wrong_answers


def sync_milliseconds(folder, times=20):
    """What an append of 64 KiB and its fdatasync take on that disk, median."""
    block, took = os.urandom(65536), []
    with open(folder / "disk", "wb", buffering=0) as file:
        for _ in range(times):
            begin = time.monotonic()
            file.write(block)
            os.fdatasync(file.fileno())
            took.append(1000 * (time.monotonic() - begin))
    return statistics.median(took)


def measure_delivery(data, rounds, tools, daemon):
    """Prints the table of W1 by delivery; returns the number of wrong answers."""
    names = ["floor", "at_most_once", "at_least_once", "exactly_once"]
    runs, syncs, loads, wrong_answers = {name: [] for name in names}, [], [], 0
    for number in range(rounds + 1):  # the first is not counted; the order turns
        for name in names[:1] + names[1 + number % 3:] + names[1:1 + number % 3]:
            with tempfile.TemporaryDirectory(dir=CACHE, prefix="delivery-") as temporary:
                folder = pathlib.Path(temporary)
                output, pipeline = folder / "out.ndjson", folder / "pipeline.yaml"
                pipeline.write_text(f"delivery: {name}\n" + PIPELINES["W1"].format(input=data, output=output))
                command = ([tools / "bench_floor", "w1", data, output] if name == "floor" else
                           [daemon, "--config", pipeline, "--listen", "127.0.0.1:0", "--state-dir", folder / "state"])
                sync = sync_milliseconds(folder)
                run = run_measured(command, folder / "log")
                if name == "floor":
                    shutil.copy(output, CACHE / "delivery-expected.ndjson")
                elif wrong := difference("W1", CACHE / "delivery-expected.ndjson", output):
                    wrong_answers += 1
                    print(f"WRONG {name}, round {number}: {wrong}")
                if number > 0:
                    runs[name].append(run)
                    syncs.append(sync)
                    loads.append(load())
    (CACHE / "delivery-expected.ndjson").unlink()
    print("| W1 | CPU s | rate by CPU, of at_most_once | clock s | rate by the clock, of at_most_once |\n|--|--|--|--|--|")
    for name in names:
        cells = [name]
        for key in ("cpu", "wall"):
            rates = [b[key] / a[key] for a, b in zip(runs[name], runs["at_most_once"])]
            cells += [spread([run[key] for run in runs[name]], 2), spread(rates, 2)]
        print("| " + " | ".join(cells) + " |")
    print(f"\n{rounds} rounds, load average {min(loads):.2f} to {max(loads):.2f}; 64 KiB and fdatasync took "
          f"{spread(syncs, 2)} ms\n")
    return wrong_answers


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_ready(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                               "Connection: close\r\n\r\n".encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


class HttpConnection:
    """A kept connection to the daemon.  By hand: beside bench/http.py Python's own `http` is not found."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _more(self):
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part

    def _answer(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                      if line.startswith(b"content-length:"))
        while len(body) < length:
            body += self._more()
        return int(head[9:12]), body

    def get(self, path):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return self._answer()

    def post(self, path, body, headers=""):
        """(status, answer) for records, one a line; each further header ends in CR LF."""
        self.socket.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
                            f"{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return self._answer()


def wait_until_ready(process, port, log):
    begin = time.monotonic()
    while not is_ready(port):
        if process.poll() is not None or time.monotonic() > begin + 20:
            fail(f"not ready (exit status {process.poll()})\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.0005)


def startup(daemon, rounds, folder):
    empty = folder / "empty.ndjson"
    empty.touch()
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(STARTUP_PIPELINE.format(input=empty))
    ready, idle, stop = [], [], []
    for number in range(rounds):
        state = folder / f"state{number}"
        state.mkdir()
        port = free_port()
        begin = time.monotonic()
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [daemon, "--config", pipeline, "--listen", f"127.0.0.1:{port}", "--state-dir",
                 state], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until_ready(process, port, folder / "log")
            ready.append(1000 * (time.monotonic() - begin))
            time.sleep(2)
            idle.append(status_kib(process.pid, "VmRSS") / 1024)
            begin = time.monotonic()
            process.terminate()
            if process.wait(20) != 0:
                fail(f"exit status {process.returncode} after SIGTERM")
            stop.append(1000 * (time.monotonic() - begin))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    print("| | min/median/max |\n|--|--|")
    print(f"| start to ready, ms | {spread(ready, 1)} |")
    print(f"| RSS after 2 s idle, MiB | {spread(idle, 1)} |")
    print(f"| SIGTERM to exit, ms | {spread(stop, 1)} |")
    stripped = folder / "stripped"
    shutil.copy(daemon, stripped)
    if shutil.which("strip") is None or subprocess.run(["strip", stripped]).returncode != 0:
        fail("the binary cannot be stripped")
    print(f"| stripped binary, MiB | {stripped.stat().st_size / 1048576:.2f} |")
    print(f"\n{rounds} rounds, load average {load():.2f}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--daemon", help="path of streamflowd; without it only the floors run")
    parser.add_argument("--floor", metavar="DIR",
                        help="folder of the benchmark programs (default: built in bench/.cache)")
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true",
                        help="first hold the floors' answers against plain Python")
    parser.add_argument("work", nargs="*", help="W1 W1b W1c (default: all three), startup, delivery")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # runs `finally`
    for work in options.work:
        if work not in ("startup", "delivery") and work not in PIPELINES:
            parser.error(f"unknown workload '{work}': W1, W1b, W1c, startup or delivery")
    if options.rounds < 1 or options.events < 1:
        parser.error("--rounds and --events must be at least 1")
    daemon = None
    if options.daemon is not None:
        daemon = pathlib.Path(options.daemon).resolve()
        if not os.access(daemon, os.X_OK):
            parser.error(f"'{daemon}' cannot be run")
    CACHE.mkdir(exist_ok=True)
    print(f"{datetime.date.today()}, {machine()}\n")
    wrong_answers = 0
    works = [work for work in options.work or PIPELINES if work in PIPELINES]
    with tempfile.TemporaryDirectory(dir=scratch_root(), prefix="streamflow-bench-") as name:
        folder = pathlib.Path(name)
        if works:
            tools = programs(options.floor)
            data = make_data(tools, options.events)
            print(f"{options.events} events, {data.stat().st_size / options.events:.1f} bytes "
                  f"each; output to {'memory' if scratch_root() != CACHE else 'disk'}\n")
            if options.check:
                check_floor(tools, data, min(options.events, 200_000), folder)
            for work in works:
                wrong_answers += measure(work, data, options.events, options.rounds, tools, daemon,
                                         folder)
        if daemon is None and {"startup", "delivery"} & set(options.work):
            parser.error("startup and delivery need --daemon")
        if "delivery" in options.work:
            tools = programs(options.floor)
            data = make_data(tools, options.events)
            print(f"{options.events} events, output and state to disk\n")
            wrong_answers += measure_delivery(data, options.rounds, tools, daemon)
        if "startup" in options.work:
            startup(daemon, options.rounds, folder)
    return 1 if wrong_answers else 0


if __name__ == "__main__":
    sys.exit(main())
