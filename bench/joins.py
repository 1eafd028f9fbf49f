#!/usr/bin/env python3
"""Measures joins beside loops written by hand (joins_floor.cpp) and pandas, on the same files and in one run.

    bench/joins.py --daemon PATH --floor PATH [--records 1000000] [--rounds 5] [--pandas]

Two files of so many records each, 100 keys, 20 us apart on average, in the order of time.  asof: the latest right
record of the key beside each left one; interval: all pairs within 1 ms, about one a record.  CPU is user + system
time of the process, its start included; the number of results is compared in every round.  `replay` merges the files
record by record, `--config` reads them block by block.
"""
import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

PIPELINE = """delivery: at_most_once
streams:
  left: {{from: {{file: "{folder}/left.ndjson", time: ts, time_unit: us}}}}
  right: {{from: {{file: "{folder}/right.ndjson", time: ts, time_unit: us}}}}
  joined:
    from: left
    steps:
      - join: right
        on: key
        {options}
      - save: "file:{output}"
"""
OPTIONS = {"asof": "how: asof", "interval": "within: 1ms"}


def make_records(path, records, value, seed):
    rng = random.Random(seed)
    ts = 1_700_000_000_000_000
    with open(path, "w") as file:
        for i in range(records):
            ts += rng.randrange(41)
            file.write(f'{{"ts":{ts},"key":"k{rng.randrange(100)}","{value}":{i}}}\n')


def run(arguments, stdout=subprocess.DEVNULL):
    """CPU seconds and peak MiB."""
    process = subprocess.Popen([str(a) for a in arguments], stdout=stdout, stderr=subprocess.PIPE)
    error = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{arguments}: {error}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def lines(path):
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def as_pandas(folder, mode):
    import pandas as pd
    left, right = (pd.read_json(folder / f"{name}.ndjson", lines=True, convert_dates=False) for name in ("left", "right"))
    if mode == "asof":
        joined = pd.merge_asof(left, right, on="ts", by="key")
    else:
        joined = left.merge(right, on="key", suffixes=("", "_right"))
        joined = joined[(joined.ts_right - joined.ts).abs() <= 1000]
    joined.to_json(folder / "pandas.ndjson", orient="records", lines=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--daemon", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pandas", action="store_true", help="also pandas.merge_asof (the interval join is quadratic there)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streamflow-bench-") as name:
        folder = pathlib.Path(name)
        make_records(folder / "left.ndjson", arguments.records, "l", 1)
        make_records(folder / "right.ndjson", arguments.records, "r", 2)
        out = folder / "out.ndjson"
        cpu, peak, results = {}, {}, {}
        for _ in range(arguments.rounds):
            for mode, options in OPTIONS.items():
                pipeline = folder / "p.yaml"
                pipeline.write_text(PIPELINE.format(folder=folder, output=out, options=options))
                with open(folder / "floor.ndjson", "wb") as file:
                    seconds, memory = run([arguments.floor, mode, folder / "left.ndjson", folder / "right.ndjson"], file)
                cpu.setdefault((mode, "by hand"), []).append(seconds)
                peak[mode, "by hand"] = memory
                results[mode] = lines(folder / "floor.ndjson")
                for way, command in (
                        ("--config", [arguments.daemon, "--config", pipeline, "--state-dir", folder / "state", "--listen", "127.0.0.1:0"]),
                        ("replay", [arguments.daemon, "replay", pipeline, "--input", f"left={folder}/left.ndjson",
                                    "--input", f"right={folder}/right.ndjson", "--output", f"joined={out}"])):
                    out.unlink(missing_ok=True)
                    seconds, memory = run(command)
                    cpu.setdefault((mode, way), []).append(seconds)
                    peak[mode, way] = memory
                    assert lines(out) == results[mode], (mode, way, lines(out), results[mode])
                if arguments.pandas and mode == "asof":
                    # Its imports are in it; a process of its own, so that others' memory is not its.
                    seconds, memory = run([sys.executable, __file__, "--as-pandas", mode, folder])
                    cpu.setdefault((mode, "pandas"), []).append(seconds)
                    peak[mode, "pandas"] = memory
                    assert lines(folder / "pandas.ndjson") == results[mode]
        print(f"load average {os.getloadavg()[0]:.1f}, {arguments.rounds} rounds, {arguments.records} records a side\n")
        print("| | CPU s per million records, min/median/max | ratio of medians | peak MiB | results |\n|--|--|--|--|--|")
        for (mode, way), seconds in cpu.items():
            scaled = [s * 1e6 / (2 * arguments.records) for s in seconds]
            median = statistics.median(seconds) / statistics.median(cpu[mode, "by hand"])
            print(f"| {mode}, {way} | {min(scaled):.2f}/{statistics.median(scaled):.2f}/{max(scaled):.2f} | {median:.2f} "
                  f"| {peak[mode, way]:.0f} | {results[mode]} |")


if sys.argv[1:2] == ["--as-pandas"]:
    as_pandas(pathlib.Path(sys.argv[3]), sys.argv[2])
else:
    main()
