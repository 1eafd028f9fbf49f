#!/usr/bin/env python3
"""Missing and noisy data against pandas (and numpy) on the same ugly records: gaps, nulls, equal times, disorder within
the lateness.  Both see the records in the order of (time, arrival)."""
import math

import numpy as np
import pandas as pd

from replayed import close, main, replay, same, ugly

LATENESS = 4.0
SEEDS = range(3)


def run(steps, records):
    """Each step list as a stream of its own over the records; what each sent, by (n: the record's number)."""
    text = 'streams:\n  in:\n    from: {file: "-", time: ts, time_unit: us, lateness: %dms}\n' % (LATENESS * 1000)
    for name, lines in steps.items():
        text += f"  {name}:\n    from: in\n    steps:\n"
        for line in lines:
            text += f"      - {line}\n"
    return replay(text, records, list(steps))


def data(seed, count=1500, **options):
    """ugly records, numbered, none of them late: within the lateness of the highest time before"""
    records, highest = [], 0
    for record in ugly(seed, count, disorder=LATENESS, **options):
        if record["ts"] < highest - LATENESS * 1e6:
            continue
        highest = max(highest, record["ts"])
        records.append(dict(record, n=len(records)))
    return records


def frame(records):
    """in the order of (time, arrival); a null key and a missing one are the same"""
    table = pd.DataFrame(sorted(records, key=lambda record: (record["ts"], record["n"])))
    for name in ("v", "w"):
        table[name] = table[name].astype(float)
    table["key"] = table["k"].fillna("")
    table["time"] = pd.to_datetime(table["ts"], unit="us", utc=True)
    return table.set_index("n", drop=False)


def compare(found, expected, what, field="v", exact=False, scale=0.0):
    """The records sent are those of `expected` (a Series by n), in any order, each once."""
    got = {record["n"]: record.get(field) for record in found}
    assert len(got) == len(found), f"{what}: a record twice"
    assert sorted(got) == sorted(expected.index), f"{what}: other records"
    for n, value in expected.items():
        (same if exact else close)(got[n], value, f"{what} record {n}", **({} if exact else {"scale": scale}))


def by_key(table, function, field="v"):
    """function(values, group) of each key; back in one Series by n"""
    return pd.concat([function(group[field], group) for _, group in table.groupby("key", sort=False)])


def drops_and_fills():
    """dropna, fillna with values, clip"""
    for seed in SEEDS:
        records = data(seed)
        table = frame(records)
        found = run({"any": ["dropna: [v, w]"], "all": ["{dropna: [v, w], how: all}"], "zero": ["fillna: {v: 0, s: none}"],
                     "clipped": ["clip: {v: [10, 30.5]}"]}, records)
        compare(found["any"], table.dropna(subset=["v", "w"])["v"], "dropna", exact=True)
        compare(found["all"], table.dropna(subset=["v", "w"], how="all")["v"], "dropna all", exact=True)
        compare(found["zero"], table["v"].fillna(0), "fillna", exact=True)
        compare(found["zero"], table["s"].fillna("none"), "fillna", "s", exact=True)
        compare(found["clipped"], table["v"].clip(10, 30.5), "clip", exact=True)


def forward_and_back():
    """ffill and bfill, with their limits and bounds"""
    for seed in SEEDS:
        records = data(seed)
        table = frame(records)
        found = run({
            "f": ["{ffill: [v, s], by: k}"], "f2": ["{ffill: v, by: k, limit: 2}"], "fw": ["{ffill: v, by: k, within: 20s}"],
            "b": ["{bfill: [v, s], by: k}"], "b2": ["{bfill: v, by: k, limit: 2}"], "bw": ["{bfill: v, by: k, within: 20s}"],
            "all": ["ffill: v"],
        }, records)
        groups = table.groupby("key", sort=False)
        for field in ("v", "s"):
            compare(found["f"], groups[field].ffill(), "ffill", field, exact=True)
            compare(found["b"], groups[field].bfill(), "bfill", field, exact=True)
        compare(found["all"], table["v"].ffill(), "ffill without key", exact=True)
        compare(found["f2"], groups["v"].ffill(limit=2), "ffill limit", exact=True)
        compare(found["b2"], groups["v"].bfill(limit=2), "bfill limit", exact=True)

        def within(values, group, back):
            known = group["ts"].where(values.notna())
            filled = values.bfill() if back else values.ffill()
            near = known.bfill() - group["ts"] if back else group["ts"] - known.ffill()
            return filled.where(near <= 20e6)

        compare(found["fw"], by_key(table, lambda v, g: within(v, g, False)), "ffill within", exact=True)
        compare(found["bw"], by_key(table, lambda v, g: within(v, g, True)), "bfill within", exact=True)


def lines_between():
    """interpolate, the whole gap and its first records"""
    for seed in SEEDS:
        # numpy takes the last of values of one time, we the neighbouring ones: no equal times of one key
        seen, records = set(), []
        for record in data(seed):
            if (record.get("k"), record["ts"]) not in seen:
                seen.add((record.get("k"), record["ts"]))
                records.append(record)
        table = frame(records)
        found = run({"i": ["{interpolate: v, by: k}"], "i1": ["{interpolate: v, by: k, limit: 1}"],
                     "iw": ["{interpolate: v, by: k, within: 15s}"]}, records)

        def inside(values, group, **options):
            # method="time" makes doubles of nanoseconds since 1970 and so loses 0.1 us: microseconds since the start
            timed = pd.Series(values.to_numpy(), index=(group["ts"] - group["ts"].iloc[0]).to_numpy(float))
            filled = timed.interpolate(method="index", limit_area="inside", **options)
            return pd.Series(filled.to_numpy(), index=values.index)

        def within(values, group):
            next_time = group["ts"].where(values.notna()).bfill()
            return inside(values, group).where(values.notna() | (next_time - group["ts"] <= 15e6))

        scale = table["v"].abs().max()
        compare(found["i"], by_key(table, inside), "interpolate", scale=scale)
        compare(found["i1"], by_key(table, lambda v, g: inside(v, g, limit=1)), "interpolate limit", scale=scale)
        compare(found["iw"], by_key(table, within), "interpolate within", scale=scale)


def grids():
    """resample with means, other aggregates, and filled afterwards"""
    for seed in SEEDS:
        records = [dict(record, k=record.get("k", "")) for record in data(seed, step=20.0)]
        table = frame(records).set_index("time")
        found = run({"mean": ["{resample: 30s, fields: [v, w], by: k}"],
                     "mixed": ["{resample: 30s, agg: {v: max, w: count}, by: k}"],
                     "filled": ["{resample: 30s, fields: v, by: k}", "{ffill: v, by: k}"]}, records)
        expected = {}
        for key, group in table.groupby("key"):
            grid = group[["v", "w"]].resample("30s")
            expected[key] = pd.DataFrame({"v": grid["v"].mean(), "w": grid["w"].mean(), "high": grid["v"].max(),
                                          "count": grid["w"].count(), "filled": grid["v"].mean().ffill()})
        scale = table["v"].abs().max()

        def check(name, field, column, exact=False):
            rows = {(r["k"], r["window_start"]): r[field] for r in found[name]}
            assert len(rows) == len(found[name]), f"resample {name}: an interval twice"
            for key, values in expected.items():
                for start, value in values[column].items():
                    got = rows[(key, start.value // 1000)]
                    if column == "count" and got is None:
                        got = 0  # an empty window has null, with `empty: null`
                    del rows[(key, start.value // 1000)]
                    what = f"resample {name} {field} {key} {start}"
                    same(got, value, what) if exact else close(got, value, what, scale=scale)
            # a key that has stopped goes on with nulls while the stream does
            for (key, start), value in rows.items():
                assert start > expected[key].index[-1].value // 1000, f"resample {name}: {key} {start}"
                assert value is None or name == "filled", f"resample {name}: {key} {start}"

        check("mean", "v", "v")
        check("mean", "w", "w")
        check("mixed", "v", "high", exact=True)
        check("mixed", "w", "count", exact=True)
        check("filled", "v", "filled")


def smoothing():
    """ewm, rolling mean and median, Savitzky-Golay at the last point, Kalman by its equations"""
    for seed in SEEDS:
        records = data(seed)
        table = frame(records)
        found = run({
            "ewm": ["{smooth: {y: v}, alpha: 0.2, by: k}"], "mean": ["{smooth: {y: v}, method: mean, n: 7, by: k}"],
            "median": ["{smooth: {y: v}, method: median, n: 6, by: k}"],
            "savgol": ["{smooth: {y: v}, method: savgol, n: 9, degree: 3, by: k}"],
            "kalman": ["{smooth: {y: v}, method: kalman, process_noise: 0.05, measurement_noise: 2, by: k}"],
        }, records)

        def of_values(function):
            return lambda values, group: function(values.dropna(), group).reindex(values.index)

        def savgol(values, _):
            def fit(window):
                x = np.arange(len(window), dtype=float)
                degree = min(3, len(window) - 1)
                basis = np.polynomial.Polynomial.fit(x, window, degree) if degree else None
                return basis(x[-1]) if basis else window[-1]
            return values.rolling(9, min_periods=1).apply(fit, raw=True)

        def kalman(values, group):
            out, level, variance, before = [], None, 0.0, 0
            for n, z in values.items():
                time = group["ts"][n]
                if level is None:
                    level, variance = z, 2.0
                else:
                    prior = variance + 0.05 * (time - before) / 1e6
                    gain = prior / (prior + 2.0)
                    level, variance = level + gain * (z - level), (1 - gain) * prior
                before = time
                out.append(level)
            return pd.Series(out, index=values.index, dtype=float)

        scale = table["v"].abs().max()
        expect = lambda function: by_key(table, of_values(function))
        compare(found["ewm"], expect(lambda v, _: v.ewm(alpha=0.2, adjust=False).mean()), "ewm", "y")
        compare(found["mean"], expect(lambda v, _: v.rolling(7, min_periods=1).mean()), "mean", "y", scale=scale)
        compare(found["median"], expect(lambda v, _: v.rolling(6, min_periods=1).median()), "median", "y", exact=True)
        compare(found["savgol"], expect(savgol), "savgol", "y", scale=scale)
        compare(found["kalman"], expect(kalman), "kalman", "y")


def outliers():
    """hampel, mad, zscore and iqr: what is one, its score, and each action"""
    n, k = 9, {"hampel": 3, "mad": 2.5, "zscore": 2, "iqr": 1.5}
    for seed in SEEDS:
        records = data(seed)
        table = frame(records)
        steps = {m: [f"{{outliers: v, method: {m}, action: flag, n: {n}, k: {k[m]}, by: k}}"] for m in k}
        for action in ("drop", "null", "clip", "median"):
            steps[action] = [f'{{outliers: v, method: mad, action: "{action}", n: {n}, k: 2.5, by: k}}']
        found = run(steps, records)

        def judged(method):
            def of(values, _):
                v = values.dropna()
                rolled = v.rolling(n) if method == "hampel" else v.shift(1).rolling(n)
                low = high = score = None
                median = rolled.median()
                if method in ("hampel", "mad"):
                    unit = 1.4826 * rolled.apply(lambda x: np.median(np.abs(x - np.median(x))), raw=True)
                    low, high, score = median - k[method] * unit, median + k[method] * unit, (v - median) / unit
                    out = (v - median).abs() > k[method] * unit
                elif method == "zscore":
                    mean, unit = rolled.mean(), rolled.apply(lambda x: np.std(x, ddof=1) if np.ptp(x) else 0.0, raw=True)
                    out = ((v - mean).abs() > k[method] * unit) & (unit > 0)
                    score = (v - mean) / unit
                else:
                    q1, q3 = rolled.quantile(0.25), rolled.quantile(0.75)
                    unit = q3 - q1
                    out = (v < q1 - k[method] * unit) | (v > q3 + k[method] * unit)
                    score = pd.Series(np.select([v > q3, v < q1], [v - q3, v - q1], 0.0), index=v.index) / unit
                return pd.DataFrame({"out": out & median.notna(), "score": score.where(median.notna() & (unit > 0)),
                                     "median": median, "low": low, "high": high}).reindex(values.index)
            return by_key(table, of)

        for method in k:
            expected = judged(method)
            compare(found[method], expected["out"].where(table["v"].notna()), method, "v_outlier", exact=True)
            # x - mean loses digits of the values it is made from
            compare(found[method], expected["score"], method, "v_score", scale=1e3)
        verdict = judged("mad").reindex(table.index)
        out = verdict["out"].fillna(False).astype(bool)
        v = table["v"]
        compare(found["drop"], v[~out], "drop", exact=True)
        compare(found["null"], v.mask(out), "null", exact=True)
        compare(found["median"], v.mask(out, verdict["median"]), "median", exact=True)
        clipped = v.mask(out, np.where(v < verdict["low"], verdict["low"], verdict["high"]))
        compare(found["clip"], clipped, "clip", scale=v.abs().max())


def fewer():
    """dedupe first and last, in a stretch of time or in all; throttle; limit; deadband"""
    for seed in SEEDS:
        records = data(seed)
        table = frame(records)
        found = run({
            "first": ["dedupe: [k, s]"], "last": ["{dedupe: [k, s], keep: last}"],
            "near": ["{dedupe: [k, s], within: 30s}"], "near_last": ["{dedupe: [k, s], within: 30s, keep: last}"],
            "throttled": ["{throttle: 10s, by: k}"], "limited": ["{limit: 5, by: k}"],
            "moved": ["{deadband: v, width: 4, by: k}"],
        }, records)
        pair = table["key"] + "\0" + table["s"].fillna("\1")
        compare(found["first"], table["v"][~pair.duplicated()], "dedupe", exact=True)
        compare(found["last"], table["v"][~pair.duplicated(keep="last")], "dedupe last", exact=True)
        compare(found["limited"], table.groupby("key").head(5)["v"], "limit", exact=True)

        def stretches(keys, length, inclusive=True):
            start, last, kept, kept_last = {}, {}, [], []
            for n, time in table["ts"].items():
                key = keys[n]
                age = time - start[key] if key in start else None
                if age is None or age > length or (age == length and not inclusive):
                    if key in last:
                        kept_last.append(last[key])
                    start[key] = time
                    kept.append(n)
                last[key] = n
            return kept, kept_last + list(last.values())

        first, last = stretches(pair, 30e6)
        compare(found["near"], table["v"][first], "dedupe within", exact=True)
        compare(found["near_last"], table["v"][last], "dedupe within, last", exact=True)
        compare(found["throttled"], table["v"][stretches(table["key"], 10e6, False)[0]], "throttle", exact=True)
        kept, before = [], {}
        for n, v in table["v"].items():
            key = table["key"][n]
            if key in before:
                b = before[key]
                moved = math.isnan(b) != math.isnan(v) or (not math.isnan(v) and abs(v - b) > 4)
                if not moved:
                    continue
            before[key] = v
            kept.append(n)
        compare(found["moved"], table["v"][kept], "deadband", exact=True)


def samples():
    """sample: about the part asked for, the same each time, other records with another seed; whole keys"""
    records = [{"ts": 1_700_000_000_000_000 + n, "n": n, "k": f"key {n % 500}"} for n in range(20_000)]
    steps = {"a": ["sample: 0.1"], "b": ["{sample: 0.1, seed: 1}"], "c": ["{sample: 0.3, by: k}"]}
    found = run(steps, records)
    again = run(steps, records)
    assert found == again, "sample: other records at the second run"
    a, b = ({record["n"] for record in found[name]} for name in "ab")
    assert 1800 < len(a) < 2200 and 1800 < len(b) < 2200, (len(a), len(b))
    assert len(a & b) < 400, "seeds keep the same records"
    keys = {record["k"] for record in found["c"]}
    assert 110 < len(keys) < 190, len(keys)
    assert len(found["c"]) == 40 * len(keys), "a key in part"


def silences():
    """absent: who falls silent, and when it is back"""
    for seed in SEEDS:
        records = data(seed, keys=9)
        table = frame(records)
        found = run({"out": ["{absent: 60s, by: k}"]}, records)["out"]
        expected = []
        end = table["ts"].max()
        for key, group in table.groupby("key"):
            times = list(group["ts"])
            for before, after in zip(times, times[1:] + [None]):
                if (after if after is not None else end) - before <= 60e6:
                    continue
                expected.append((key, "silent", before))
                if after is not None:
                    expected.append((key, "back", before))
        got = [(record["k"] or "", record["status"], record["last_seen"]) for record in found]
        assert len(expected) > 20, "no silence to speak of"
        assert sorted(got) == sorted(expected), "absent"


main(drops_and_fills, forward_and_back, lines_between, grids, smoothing, outliers, fewer, samples, silences)
