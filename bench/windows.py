#!/usr/bin/env python3
"""Measures windows beside loops written by hand (windows_floor.cpp), pandas and DuckDB, on the same files, in one run.

    bench/windows.py --daemon PATH --floor PATH [--events 2000000] [--rounds 5] [--pandas] [--duckdb]

10 keys, 100,000 events per second of event time, in order.  tumbling: means of 1 s; hopping: of 1 h, one every second;
session: gaps of 20 ms of 1,000 keys, some 13 % of the records end one; rolling_median: of the latest 101 records; million: a million keys in one tumbling window; sparse:
20,000 keys of one record each in windows of 10 min, one every 10 s.  CPU is user + system time of the process, its start
(and imports) included; the number of results is compared in every round; peak memory is what wait4 says.  pandas has no
hopping windows: sums of seconds, then rolling.  DuckDB runs on one thread, from build/python (scripts/dependencies test).
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
from: {{file: "{input}", time: ts, time_unit: us}}
steps:
{steps}  - save: "file:{output}"
"""
STEPS = {
    "tumbling": "  - window: 1s\n    by: key\n    mean: v\n",
    "hopping": "  - window: 1h\n    every: 1s\n    by: key\n    mean: v\n",
    "session": "  - window: {session: 20ms}\n    by: key\n    mean: v\n",
    "rolling_median": "  - rolling: 101\n    by: key\n    median: v\n",
    "million": "  - window: 1d\n    by: key\n    mean: v\n",
    "sparse": "  - window: 10m\n    every: 10s\n    by: key\n    mean: v\n",
}
FLOORS = set(STEPS) - {"sparse"}
FILES = {"session": "thousand.ndjson", "million": "million.ndjson", "sparse": "sparse.ndjson"}

# From the table e(ts, key, v) of the file.
SQL = {
    "tumbling": "SELECT ts // 1000000 AS second, key, avg(v) FROM e GROUP BY ALL ORDER BY ALL",
    "hopping": """WITH s AS (SELECT ts // 1000000 AS second, key, sum(v) AS total, count(v) AS n FROM e GROUP BY ALL),
      grid AS (SELECT unnest(generate_series(min(second), max(second) + 3599)) AS second FROM s),
      filled AS (SELECT g.second, k.key, s.total, s.n FROM grid g CROSS JOIN (SELECT DISTINCT key FROM s) k
        LEFT JOIN s ON s.second = g.second AND s.key = k.key)
      SELECT second, key, sum(total) OVER w / sum(n) OVER w FROM filled
      WINDOW w AS (PARTITION BY key ORDER BY second ROWS 3599 PRECEDING) ORDER BY second, key""",
    "session": """WITH cut AS (SELECT *, ts - lag(ts) OVER (PARTITION BY key ORDER BY ts) > 20000 AS new FROM e),
      n AS (SELECT *, sum(coalesce(new, true)::INT) OVER (PARTITION BY key ORDER BY ts) AS session FROM cut)
      SELECT min(ts), key, avg(v) FROM n GROUP BY key, session ORDER BY ALL""",
    "rolling_median": """SELECT ts, key, v, median(v) OVER (PARTITION BY key ORDER BY ts ROWS 100 PRECEDING) FROM e ORDER BY ts""",
    "million": "SELECT key, avg(v) FROM e GROUP BY ALL ORDER BY ALL",
}


def as_duckdb(data, mode, out):
    sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "build" / "python"))
    import duckdb
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute(f"CREATE VIEW e AS FROM read_json('{data}', format='newline_delimited', "
                       "columns={'ts': 'BIGINT', 'key': 'VARCHAR', 'v': 'DOUBLE'})")
    connection.execute(f"COPY ({SQL[mode]}) TO '{out}' (FORMAT json)")


def as_pandas(data, mode, out):
    import pandas as pd
    e = pd.read_json(data, lines=True, convert_dates=False)
    if mode == "tumbling":
        made = e.groupby([e.ts // 1_000_000, "key"]).v.mean()
    elif mode == "hopping":
        sums = e.groupby([e.ts // 1_000_000, "key"]).v.agg(["sum", "count"]).unstack(fill_value=0)
        sums = sums.reindex(range(sums.index[0], sums.index[-1] + 3600), fill_value=0).rolling(3600, min_periods=1).sum()
        made = (sums["sum"] / sums["count"]).stack()
    elif mode == "session":
        number = (e.groupby("key").ts.diff() > 20_000).groupby(e.key).cumsum()
        made = e.groupby(["key", number]).v.mean()
    elif mode == "rolling_median":
        made = e.groupby("key").v.rolling(101, min_periods=1).median()
    else:
        made = e.groupby("key").v.mean()
    made.reset_index(drop=made.index.nlevels == 1).to_csv(out, header=False)


def make_events(path, events, keys, step=10):
    rng = random.Random(1)
    with open(path, "w") as file:
        for i in range(events):
            ts = 1_700_000_000_000_000 + i * step
            key = i if keys == 0 else rng.randrange(keys)
            file.write(f'{{"ts":{ts},"key":"k{key}","v":{rng.randrange(100_000) / 100}}}\n')


def run(arguments, stdin=None, stdout=None):
    """CPU seconds and peak MiB."""
    process = subprocess.Popen(arguments, stdin=stdin, stdout=stdout or subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{arguments}: status {status}: {process.stderr.read().decode()}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def lines(path):
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def measure(mode, way, folder, arguments):
    """CPU, peak memory and how many results."""
    data, out = folder / FILES.get(mode, "ten.ndjson"), folder / "out.ndjson"
    out.unlink(missing_ok=True)
    if way == "streamflowd":
        (folder / "p.yaml").write_text(PIPELINE.format(input=data, output=out, steps=STEPS[mode]))
        used = run([arguments.daemon, "--config", folder / "p.yaml", "--state-dir", folder / "state", "--listen", "127.0.0.1:0"])
    elif way == "by hand":
        with open(data) as stdin, open(out, "wb") as stdout:
            used = run([arguments.floor, mode], stdin, stdout)
    else:
        used = run([arguments.python, __file__, "--as", way, data, mode, out])
    return *used, lines(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--daemon", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--modes", default=",".join(STEPS), help="which of " + ", ".join(STEPS))
    parser.add_argument("--pandas", action="store_true")
    parser.add_argument("--duckdb", action="store_true")
    parser.add_argument("--python", default="/usr/bin/python3", help="that has pandas")
    arguments = parser.parse_args()
    modes = arguments.modes.split(",")
    with tempfile.TemporaryDirectory(prefix="streamflow-bench-") as name:
        folder = pathlib.Path(name)
        make_events(folder / "ten.ndjson", arguments.events, 10)
        if "session" in modes:
            make_events(folder / "thousand.ndjson", arguments.events, 1_000)
        if "million" in modes:
            make_events(folder / "million.ndjson", 1_000_000, 0)
        if "sparse" in modes:
            make_events(folder / "sparse.ndjson", 20_000, 0, step=10_000)
        cpu, peak, results = {}, {}, {}
        for _ in range(arguments.rounds):
            for mode in modes:
                ways = ["streamflowd"] + ["by hand"] * (mode in FLOORS)
                ways += ["pandas"] * (arguments.pandas and mode in SQL) + ["duckdb"] * (arguments.duckdb and mode in SQL)
                for way in ways:
                    seconds, memory, count = measure(mode, way, folder, arguments)
                    cpu.setdefault((mode, way), []).append(seconds)
                    peak[mode, way] = max(memory, peak.get((mode, way), 0))
                    assert results.setdefault(mode, count) == count, (mode, way, count, results[mode])
        print(f"load average {os.getloadavg()[0]:.1f}, {arguments.rounds} rounds, {arguments.events} events\n")
        print("| | CPU s, min/median/max | of by hand | peak MiB | results |\n|--|--|--|--|--|")
        for (mode, way), seconds in cpu.items():
            median = statistics.median(seconds)
            floor = statistics.median(cpu[mode, "by hand"]) if mode in FLOORS else None
            print(f"| {mode}, {way} | {min(seconds):.2f}/{median:.2f}/{max(seconds):.2f} | "
                  f"{f'{median / floor:.2f}' if floor else ''} | {peak[mode, way]:.0f} | {results[mode]} |")
        if {"tumbling", "hopping"} <= set(modes):
            rounds = zip(cpu["tumbling", "streamflowd"], cpu["hopping", "streamflowd"])
            print(f"\nhopping reaches {statistics.median(t / h for t, h in rounds):.0%} of tumbling's rate (median of the rounds)")


if sys.argv[1:2] == ["--as"]:
    {"pandas": as_pandas, "duckdb": as_duckdb}[sys.argv[2]](*sys.argv[3:])
    sys.exit()
if __name__ == "__main__":
    main()
