#!/usr/bin/env python3
"""Measures windows beside loops written by hand (windows_floor.cpp), on one file and in one run.

    bench/windows.py --daemon PATH --floor PATH [--events 2000000] [--rounds 5]

10 keys, 100,000 events per second of event time, in order.  tumbling: means of 1 s; hopping: of 1 h, one every second;
session: gaps of 0.5 s; rolling_median: of the latest 101 records; million: a million keys in one tumbling window.  CPU
is user + system time of the process; peak memory is what wait4 says.
"""
import argparse
import os
import pathlib
import random
import statistics
import subprocess
import tempfile

PIPELINE = """from: {{file: "{input}", time: ts, time_unit: us}}
steps:
{steps}  - save: "file:{output}"
"""
STEPS = {
    "tumbling": "  - window: 1s\n    by: key\n    mean: v\n",
    "hopping": "  - window: 1h\n    every: 1s\n    by: key\n    mean: v\n",
    "session": "  - window: {session: 500ms}\n    by: key\n    mean: v\n",
    "rolling_median": "  - rolling: 101\n    by: key\n    median: v\n",
    "million": "  - window: 1d\n    by: key\n    mean: v\n",
}


def make_events(path, events, keys):
    rng = random.Random(1)
    with open(path, "w") as file:
        for i in range(events):
            ts = 1_700_000_000_000_000 + i * 10
            key = i if keys == 0 else rng.randrange(keys)
            file.write(f'{{"ts":{ts},"key":"k{key}","v":{rng.randrange(100_000) / 100}}}\n')


def run(arguments, stdin=None):
    """CPU seconds and peak MiB."""
    process = subprocess.Popen(arguments, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{arguments}: {process.stderr.read().decode()}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--daemon", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streamflow-bench-") as name:
        folder = pathlib.Path(name)
        make_events(folder / "ten.ndjson", arguments.events, 10)
        make_events(folder / "million.ndjson", 1_000_000, 0)
        cpu = {mode: ([], []) for mode in STEPS}
        peak = {}
        for _ in range(arguments.rounds):
            for mode, steps in STEPS.items():
                data = folder / ("million.ndjson" if mode == "million" else "ten.ndjson")
                (folder / "p.yaml").write_text(
                    PIPELINE.format(input=data, output=folder / "out.ndjson", steps=steps))
                (folder / "out.ndjson").unlink(missing_ok=True)
                seconds, memory = run([arguments.daemon, "--config", folder / "p.yaml"])
                cpu[mode][0].append(seconds)
                peak[mode] = memory
                with open(data) as stdin:
                    cpu[mode][1].append(run([arguments.floor, mode], stdin)[0])
        print(f"load average {os.getloadavg()[0]:.1f}, {arguments.rounds} rounds, {arguments.events} events\n")
        print("| | CPU s, streamflowd | by hand | ratio | peak MiB |\n|--|--|--|--|--|")
        for mode, (ours, floor) in cpu.items():
            a, b = statistics.median(ours), statistics.median(floor)
            print(f"| {mode} | {min(ours):.2f}/{a:.2f}/{max(ours):.2f} | {min(floor):.2f}/{b:.2f}/{max(floor):.2f} "
                  f"| {a / b:.2f} | {peak[mode]:.0f} |")
        ratio = statistics.median(t / h for t, h in zip(cpu["tumbling"][0], cpu["hopping"][0]))
        print(f"\nhopping reaches {ratio:.0%} of tumbling's rate (median of the rounds)")


if __name__ == "__main__":
    main()
