#!/usr/bin/env python3
"""Measures what checkpoints of a window with many keys cost, from outside the daemon.

    bench/checkpoint.py --daemon PATH [--keys 100000] [--rate 20000] [--checkpoints 3] [--folder DIR]

Records come over HTTP into `window: 1h` with count and mean of each key, which stays open.  First one record of each
key; then, at a constant rate, records of all keys in turn, of 1,000 keys, and of one key, for some checkpoints each.
(A step's state is kept in 64 parts by the hash of the key: 1,000 keys are in all of them, one key is in one.)

Seen by inotify on the state folder, input log left out: the bytes that a checkpoint writes, how much lies there then,
and the time from its first file event to its last one, the rename that makes it count.  Two clients ask meanwhile:
`loop` posts a record every 2 ms to a pipeline of the same daemon with `delivery: at_most_once`, which its loop answers
without the disk: its longest answer is how long the loop stood still; `durable` is the load itself, 200 records a
body, whose answers wait for the sync of the input log.  "usual" is the longest answer in spans of the same length
without a checkpoint.  CPU of a checkpoint is what the process takes beyond its rate between checkpoints.

The limit beside it, in the same run and folder (default: bench/.cache): the same bytes written to one file, synced,
renamed and the folder synced; and copied once in memory.  That the daemon took every record is compared in the end.
The full scale is --keys 1000000 --checkpoints 5.
"""
import argparse
import ctypes
import datetime
import json
import multiprocessing
import os
import pathlib
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from mqtt import cpu_seconds, stop
from run import CACHE, HttpConnection, fail, free_port, load, machine, spread, status_kib, wait_until_ready

PIPELINES = {
    "windows": """delivery: at_least_once
from:
  http: {listen: /ingest/r}
  time: ts
steps:
  - window: 1h
    by: device
    select: {n: count(), mean: mean(temperature)}
    max_keys: 10000000
  - save: "file:FOLDER/out.ndjson"
""",
    "probe": """delivery: at_most_once
from:
  http: {listen: /ingest/probe}
steps:
  - filter: v > 1
  - save: "file:FOLDER/probe.ndjson"
""",
}
RECORD = '{"ts":1704067200000,"device":"device-%07d","temperature":%.2f}\n'
RECORDS_A_BODY = 200
PROBE_SECONDS = 0.002
BEFORE, AFTER = 1.0, 0.2   # seconds about a checkpoint's file events that count as its span
SILENCE_SECONDS = 1.5      # without a file event: that was the checkpoint
CHECKPOINT_SECONDS_MAX = 120

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE, IN_DELETE, IN_ISDIR = 0x2, 0x8, 0x80, 0x100, 0x200, 0x40000000


class Watch:
    """File events below a pipeline's state folder, its input log and buffers left out."""

    def __init__(self, folder):
        give_up = time.monotonic() + 20
        while not folder.is_dir():  # it comes with the first checkpoint
            if time.monotonic() > give_up:
                fail(f"there is no {folder}")
            time.sleep(0.01)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self.libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.folder, self.folders, self.known = folder, {}, {}
        self.add(folder)

    @staticmethod
    def counts(name):
        return name != "log" and not name.startswith("buffer-")

    def add(self, folder):
        mask = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE
        number = self.libc.inotify_add_watch(self.descriptor, os.fsencode(folder), mask)
        if number < 0:
            fail(f"inotify: {os.strerror(ctypes.get_errno())}")
        self.folders[number] = folder
        for entry in os.scandir(folder):
            if entry.is_dir() and self.counts(entry.name):
                self.add(entry.path)

    def events(self, seconds):
        """Moments of the events until now, waiting for one at most `seconds`; removals are none."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return []
        moment, data, place, moments = time.monotonic(), os.read(self.descriptor, 1 << 20), 0, []
        while place < len(data):
            number, mask, _, size = struct.unpack_from("iIII", data, place)
            name = os.fsdecode(data[place + 16:place + 16 + size].rstrip(b"\0"))
            place += 16 + size
            if not self.counts(name):
                continue
            if mask & IN_ISDIR and mask & IN_CREATE:
                self.add(os.path.join(self.folders[number], name))
            if not mask & IN_DELETE:
                moments.append(moment)
        return moments

    def look(self):
        """(bytes written since the last look, bytes there): grown files count by what was added."""
        found, written = {}, 0
        for path, folders, names in os.walk(self.folder):
            folders[:] = [name for name in folders if self.counts(name)]
            for name in names:
                status = os.stat(os.path.join(path, name))
                found[status.st_ino] = (status.st_size, status.st_mtime_ns)
        for inode, (size, changed) in found.items():
            before = self.known.get(inode)
            if before is None or (before[1] != changed and size <= before[0]):
                written += size
            elif before[1] != changed:
                written += size - before[0]
        self.known = found
        return written, sum(size for size, _ in found.values())


def post_at_rate(port, path, bodies, seconds, ending, out):
    """Posts a body every `seconds` until told to end, each again until it is taken.

    Puts out ([(sent at, seconds until it was taken)], how often one was refused).
    """
    answers, refused, number, due = [], 0, 0, time.monotonic()
    connection = HttpConnection(port)
    while not ending.is_set():
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + seconds, time.monotonic() - 1)  # what a long wait missed is sent late, at most a second of it
        begin = time.monotonic()
        while not taken(connection, path, bodies[number % len(bodies)], f"{os.getpid()}-{number}"):
            refused += 1
            connection = HttpConnection(port)
        answers.append((begin, time.monotonic() - begin))
        number += 1
    out.put((answers, refused))


def taken(connection, path, body, key):
    """The key keeps a body that was refused after all from being taken twice."""
    try:
        return connection.post(path, body, f"Idempotency-Key: {key}\r\n")[0] == 200
    except ConnectionError:
        return False


class Poster:
    """`post_at_rate` in a process of its own."""

    def __init__(self, *arguments):
        self.ending, self.out = multiprocessing.Event(), multiprocessing.Queue()
        self.process = multiprocessing.Process(target=post_at_rate, args=(*arguments, self.ending, self.out))
        self.process.start()

    def end(self):
        self.ending.set()
        answers = self.out.get(timeout=120)
        self.process.join()
        return answers

    def kill(self):
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def bodies_of(keys):
    """Records of all these keys in turn, in bodies of RECORDS_A_BODY."""
    count = max(len(keys), RECORDS_A_BODY)
    lines = [RECORD % (keys[i % len(keys)], 15 + i % 2001 / 100) for i in range(count)]
    return ["".join(lines[i:i + RECORDS_A_BODY]).encode() for i in range(0, count, RECORDS_A_BODY)]


def longest(answers, begin, end):
    """The longest answer that was awaited within that span, in ms."""
    return 1000 * max((took for sent, took in answers if sent < end and sent + took > begin), default=0.0)


def watch_checkpoints(watch, pid, count):
    """([(begin, end, bytes written, bytes there)], [(moment, CPU seconds)]) of the next `count` checkpoints."""
    checkpoints, cpu, burst = [], [], []
    give_up = time.monotonic() + CHECKPOINT_SECONDS_MAX
    while len(checkpoints) < count:
        cpu.append((time.monotonic(), cpu_seconds(pid)))
        burst += watch.events(0.1)
        if burst and time.monotonic() > burst[-1] + SILENCE_SECONDS:
            checkpoints.append((burst[0], burst[-1], *watch.look()))
            burst, give_up = [], time.monotonic() + CHECKPOINT_SECONDS_MAX
        if time.monotonic() > give_up:
            fail("no checkpoint came")
    return checkpoints, cpu


def cpu_between(samples, begin, end):
    inside = [sample for sample in samples if begin <= sample[0] <= end]
    return (inside[-1][1] - inside[0][1], inside[-1][0] - inside[0][0]) if len(inside) > 1 else (0.0, 0.0)


def quiet_spans(checkpoints, length):
    """Spans of that length between checkpoints."""
    spans = []
    for (_, before, *_), (after, *_) in zip(checkpoints, checkpoints[1:]):
        begin = before + AFTER
        while begin + length < after - BEFORE:
            spans.append((begin, begin + length))
            begin += length
    return spans


def figures(checkpoints, cpu, answers, probes):
    """A case's columns, each a list over its checkpoints (the first belongs to the case before)."""
    out = {name: [] for name in ("written", "there", "took", "loop", "durable", "cpu", "loop usual", "durable usual")}
    gaps = [cpu_between(cpu, a[1] + AFTER, b[0] - BEFORE) for a, b in zip(checkpoints, checkpoints[1:])]
    usual_cpu = sum(c for c, _ in gaps) / max(sum(s for _, s in gaps), 1e-9)
    for begin, end, written, there in checkpoints[1:]:
        span = (begin - BEFORE, end + AFTER)
        used, seconds = cpu_between(cpu, *span)
        out["written"].append(written / 1048576)
        out["there"].append(there / 1048576)
        out["took"].append(1000 * (end - begin))
        out["cpu"].append(1000 * (used - usual_cpu * seconds))
        out["loop"].append(longest(probes, *span))
        out["durable"].append(longest(answers, *span))
    length = statistics.median(end - begin for begin, end, *_ in checkpoints[1:]) + BEFORE + AFTER
    for span in quiet_spans(checkpoints, length):
        out["loop usual"].append(longest(probes, *span))
        out["durable usual"].append(longest(answers, *span))
    return out


def limit(folder, size):
    """(ms to write, sync, rename and sync the folder, ms to copy in memory), medians of 5."""
    data, wrote, copied = os.urandom(max(1, size)), [], []
    for _ in range(5):
        begin = time.monotonic()
        bytearray(data)
        copied.append(1000 * (time.monotonic() - begin))
        begin = time.monotonic()
        with open(folder / "limit.next", "wb", buffering=0) as file:
            left = memoryview(data)
            while left:
                left = left[file.write(left):]
            os.fdatasync(file.fileno())
        os.rename(folder / "limit.next", folder / "limit")
        parent = os.open(folder, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)
        wrote.append(1000 * (time.monotonic() - begin))
    (folder / "limit").unlink()
    return statistics.median(wrote), statistics.median(copied)


def median_of(values, digits=1):
    return f"{statistics.median(values):.{digits}f}" if values else "?"


def report(cases, folder):
    print("| records of | records/s | written MiB | there MiB | ms, first file event to last | limit ms | loop stood still "
          "ms | usual | durable answer ms | usual | CPU ms |\n|--|--|--|--|--|--|--|--|--|--|--|")
    copies = []
    for name, rate, case in cases:
        size = int(statistics.median(case["written"]) * 1048576)
        wrote, copied = limit(folder, size)
        copies.append(f"{size / 1048576:.1f} MiB in {copied:.1f} ms")
        print(f"| {name} | {rate:.0f} | {spread(case['written'], 2)} | {median_of(case['there'])} "
              f"| {spread(case['took'], 1)} | {wrote:.1f} | {spread(case['loop'], 1)} | {median_of(case['loop usual'])} "
              f"| {spread(case['durable'], 1)} | {median_of(case['durable usual'])} | {median_of(case['cpu'], 0)} |")
    print(f"\nmin/median/max of the checkpoints; copied once in memory: {', '.join(copies)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--daemon", required=True, type=pathlib.Path)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=20_000, help="records a second")
    parser.add_argument("--checkpoints", type=int, default=3, help="of each case")
    parser.add_argument("--folder", type=pathlib.Path, default=CACHE, help="on the disk to measure")
    options = parser.parse_args()
    if options.keys < 1000 or options.checkpoints < 2 or options.rate < RECORDS_A_BODY:
        parser.error(f"--keys from 1000, --checkpoints from 2, --rate from {RECORDS_A_BODY}")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # runs `finally`
    CACHE.mkdir(exist_ok=True)
    print(f"{datetime.date.today()}, {machine()}\n")
    daemon, posters, loads = None, [], []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="checkpoint-") as name:
        folder = pathlib.Path(name)
        (folder / "pipelines").mkdir()
        for pipeline, text in PIPELINES.items():
            (folder / "pipelines" / f"{pipeline}.yaml").write_text(text.replace("FOLDER", name))
        port = free_port()
        try:
            with open(folder / "log", "wb") as log:
                daemon = subprocess.Popen(
                    [options.daemon.resolve(), "--config", folder / "pipelines", "--listen", f"127.0.0.1:{port}",
                     "--state-dir", folder / "state"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            wait_until_ready(daemon, port, folder / "log")
            watch = Watch(folder / "state" / "pipelines" / "windows")
            every = bodies_of(range(options.keys))
            with HttpConnection(port) as connection:
                for body in every:
                    if connection.post("/ingest/r", body)[0] != 200:
                        fail("a record was refused")
            posted = options.keys if len(every) > 1 else RECORDS_A_BODY
            probe = Poster(port, "/ingest/probe", [b'{"v":0}\n'], PROBE_SECONDS)
            posters.append(probe)
            seen, refusals = [], []
            for case, keys in ((f"all {options.keys} keys", range(options.keys)), ("1000 keys", range(1000)),
                               ("one key", [0])):
                bodies = bodies_of(keys)
                poster = Poster(port, "/ingest/r", bodies, RECORDS_A_BODY / options.rate)
                posters.append(poster)
                checkpoints, cpu = watch_checkpoints(watch, daemon.pid, options.checkpoints + 1)
                answers, refused = poster.end()
                loads.append(load())
                posted += sum(len(bodies[i % len(bodies)].splitlines()) for i in range(len(answers)))
                seen.append((case, RECORDS_A_BODY * len(answers) / (answers[-1][0] - answers[0][0]), checkpoints, cpu,
                             answers))
                refusals.append(refused)
            probes, refused = probe.end()
            refusals.append(refused)
            with HttpConnection(port) as connection:
                time.sleep(1.5)  # the status is made once a second
                pipelines = json.loads(connection.get("/api/v1/pipelines")[1])["pipelines"]
            counted = next(p["ledger"]["messages"] for p in pipelines if p["name"] == "windows")
            report([(case, rate, figures(checkpoints, cpu, answers, probes))
                    for case, rate, checkpoints, cpu, answers in seen], folder)
            held_up = max(b[0] - a[0] for _, _, _, cpu, _ in seen for a, b in zip(cpu, cpu[1:]))
            print(f"{options.checkpoints} checkpoints a case, load average {min(loads):.2f} to {max(loads):.2f}, peak RSS "
                  f"{status_kib(daemon.pid, 'VmHWM') / 1024:.0f} MiB; this script, which looks about ten times a second, was "
                  f"held up for at most {held_up:.2f} s")
            if any(refusals):
                print(f"bodies refused and sent again, by case, then those of the probe: {refusals}")
            if counted != posted:
                print(f"WRONG: {posted} records were posted, {counted} taken")
                return 1
        finally:
            for poster in posters:
                poster.kill()
            stop(daemon)
    return 0


if __name__ == "__main__":
    sys.exit(main())
