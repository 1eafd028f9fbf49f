#!/usr/bin/env python3
"""Joins against pandas, row by row and in order: disorder within the lateness, equal times, null keys,
keys that only one side has.  STREAMFLOWD names the program; SEEDS says how many streams are made."""
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

DAEMON = os.environ.get("STREAMFLOWD", "build/release/streamflowd")
SEEDS = int(os.environ.get("SEEDS", "6"))
LATENESS = 40  # ms

PIPELINE = """
streams:
  left: {from: {file: "-", time: ts, time_unit: ms, lateness: 40ms}}
  right: {from: {file: "-", time: ts, time_unit: ms, lateness: 40ms}}
"""
# name: (options of the step, how to compute it)
JOINS = {
    "asof": ("how: asof", dict(direction="backward")),
    "asof_near": ("how: asof, within: 15ms", dict(direction="backward", tolerance=15)),
    "nearest": ("how: nearest", dict(direction="nearest")),
    "nearest_near": ("how: nearest, within: 15ms", dict(direction="nearest", tolerance=15)),
    "inner": ("within: 10ms", dict(how="inner", least=-10, most=10)),
    "before": ("within: [-20ms, -3ms]", dict(how="inner", least=-20, most=-3)),
    "left": ("how: left, within: [-5ms, 20ms]", dict(how="left", least=-5, most=20)),
    "after": ("how: left, within: [4ms, 9ms]", dict(how="left", least=4, most=9)),
    "outer": ("how: outer, within: 7ms", dict(how="outer", least=-7, most=7)),
    "where": ("how: outer, within: 12ms, where: (l + r) % 3 != 0", dict(how="outer", least=-12, most=12, where=True)),
}
for name, (options, _) in JOINS.items():
    PIPELINE += f"""  {name}_joined:
    from: left
    steps:
      - {{join: right, on: k, take: [r], {options.replace('where: (l + r) % 3 != 0', "where: '(l + r) % 3 != 0'")}}}
      - select: [l, r, {{at: time}}]
"""


def rows(rng, field, count, keys):
    """In the order of arrival: no record is late."""
    made = []
    time = 0
    for i in range(count):
        time += rng.choice([0, 0, 1, 2, 5, 30])
        key = rng.choice(keys + [None])
        made.append({"ts": time, "k": key, field: i})
    made.sort(key=lambda row: row["ts"] + rng.randint(0, LATENESS))
    for arrival, row in enumerate(made):
        row["arrival"] = arrival
    for row in made:
        if row["k"] is None and rng.random() < 0.5:
            del row["k"]
    return made


def frame(records, field):
    table = pd.DataFrame([{"k": r.get("k"), "ts": r["ts"], field: r[field], "arrival": r["arrival"]} for r in records])
    return table.sort_values(["ts", "arrival"], kind="stable").reset_index(drop=True)


def order_key(key):
    return (0, "") if key is None else (1, key)


def with_asof(left, right, direction, tolerance=None):
    right = right[right["k"].notna()]
    marked = left.assign(k=left["k"].where(left["k"].notna(), "\0none"))
    out = pd.merge_asof(marked, right[["k", "ts", "r"]], on="ts", by="k", direction=direction,
                        tolerance=tolerance)
    found = [(row.ts, order_key(None if row.k == "\0none" else row.k), row.arrival, row.l, row.r)
             for row in out.itertuples()]
    found.sort(key=lambda row: row[:3])
    return [(l, None if pd.isna(r) else int(r), time) for time, _, _, l, r in found]


def with_merge(left, right, how, least, most, where=False):
    pairs = left[left["k"].notna()].merge(right[right["k"].notna()], on="k", suffixes=("", "_right"))
    apart = pairs["ts_right"] - pairs["ts"]
    pairs = pairs[(apart >= least) & (apart <= most)]
    if where:
        pairs = pairs[(pairs["l"] + pairs["r"]) % 3 != 0]
    last = (1, 0, 0)
    out = [(max(p.ts, p.ts_right), order_key(p.k), (0, p.ts, p.arrival), (0, p.ts_right, p.arrival_right), p.l, p.r)
           for p in pairs.itertuples()]
    if how in ("left", "outer"):
        met = set(pairs["l"])
        out += [(p.ts, order_key(p.k), (0, p.ts, p.arrival), last, p.l, None)
                for p in left.itertuples() if p.l not in met]
    if how == "outer":
        met = set(pairs["r"])
        out += [(p.ts, order_key(p.k), last, (0, p.ts, p.arrival), None, p.r)
                for p in right.itertuples() if p.r not in met]
    out.sort(key=lambda row: row[:4])
    return [(l, r, time) for time, _, _, _, l, r in out]


def run(folder, left, right):
    (folder / "joins.yaml").write_text(PIPELINE)
    for name, records, field in (("left", left, "l"), ("right", right, "r")):
        with open(folder / f"{name}.ndjson", "w") as out:
            for record in records:
                print(json.dumps({key: record[key] for key in ("ts", "k", field) if key in record}), file=out)
    command = [DAEMON, "replay", str(folder / "joins.yaml"), "--timestamps", "ms", "--ledger", str(folder / "ledger.json")]
    command += ["--input", f"left={folder}/left.ndjson", "--input", f"right={folder}/right.ndjson"]
    for name in JOINS:
        command += ["--output", f"{name}_joined={folder}/{name}.out"]
    subprocess.run(command, check=True, timeout=120)
    ledger = json.loads((folder / "ledger.json").read_text())["ledger"]
    assert ledger["late"] == 0 and ledger["failed"] == 0 and ledger["balanced"], ledger


def main():
    compared = 0
    for seed in range(SEEDS):
        rng = random.Random(seed)
        keys = [chr(ord("a") + i) for i in range(rng.choice([1, 2, 6, 20]))]
        left = rows(rng, "l", rng.choice([1, 40, 300]), keys + ["left only"])
        right = rows(rng, "r", rng.choice([1, 40, 300]), keys + ["right only"])
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            run(folder, left, right)
            tables = frame(left, "l"), frame(right, "r")
            for join, (options, how) in JOINS.items():
                expected = with_asof(*tables, **how) if "direction" in how else with_merge(*tables, **how)
                got = []
                for line in (folder / f"{join}.out").read_text().splitlines():
                    record = json.loads(line)
                    got.append((record.get("l"), record.get("r"), record["at"]))
                if got != expected:
                    at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b),
                              min(len(got), len(expected)))
                    print(f"seed {seed}, {join} ({options}): {len(got)} rows, expected {len(expected)}; from row {at}:\n"
                          f"  got      {got[at:at + 4]}\n  expected {expected[at:at + 4]}")
                    return 1
                compared += len(got)
    print(f"{SEEDS} streams, {len(JOINS)} joins, {compared} rows equal those of pandas {pd.__version__}")
    return 0 if compared > 0 else 1


sys.exit(main())
