#!/usr/bin/env python3
"""Windows, rolling aggregates and row functions against pandas on the same records."""
import warnings

import pandas as pd

from replayed import close, main, replay, same, ugly

warnings.simplefilter("ignore", RuntimeWarning)  # numpy, of means of nothing

SOURCE = 'from: {file: "-", time: ts, time_unit: us, lateness: %s}\n'
EXACT = ["count", "n", "low", "high", "first", "last", "distinct", "median"]
WITHIN = ["sum", "mean", "std", "var", "q", "corr"]


def frame(records):
    table = pd.DataFrame(records)
    table["time"] = pd.to_datetime(table["ts"], unit="us", utc=True)
    for name in ("v", "w"):
        table[name] = table[name].astype(float)
    return table


def in_time(records):
    return frame(sorted(records, key=lambda record: record["ts"]))


SELECT = """\
    select: {count: count(), n: count(v), low: min(v), high: max(v), first: first(v), last: last(v), distinct: count_distinct(s),
      median: median(v), sum: sum(v), mean: mean(v), std: std(v), var: "var(v, 0)", q: "quantile(v, 0.9)", corr: "corr(v, w)"}
"""


def of(group):
    v = group["v"]
    values = v.dropna()
    both = group[["v", "w"]].dropna()
    return {
        "count": len(group), "n": v.count(), "low": v.min(), "high": v.max(),
        "first": values.iloc[0] if len(values) else None, "last": values.iloc[-1] if len(values) else None,
        "distinct": group["s"].nunique(), "median": v.median(), "sum": v.sum() if len(values) else None,
        "mean": v.mean(), "std": v.std(), "var": v.var(ddof=0), "q": v.quantile(0.9),
        "corr": both["v"].corr(both["w"]) if len(both) > 1 else None,
    }


def compare(found, group, what):
    expected = of(group)
    scale = group["v"].abs().max()
    for name in EXACT:
        same(found.get(name), expected[name], f"{what} {name}")
    for name in WITHIN:
        if name == "corr" and group["v"].std() < 1e-6 * (scale or 1):
            continue
        close(found.get(name), expected[name], f"{what} {name}", scale=1 if name == "corr" else 0)


def key_of(record):
    return record.get("k") or ""


def check_groups(found, groups):
    """Records by (window start in us, key) are those of pandas, each once."""
    seen = set()
    for record in found:
        place = (record["window_start"], key_of(record))
        assert place not in seen and place in groups, place
        seen.add(place)
        compare(record, groups[place], place)
    assert seen == set(groups), set(groups) - seen


def tumbling():
    """tumbling windows equal groupby(resample).agg, with disorder within the lateness"""
    for seed in range(3):
        records = ugly(seed, disorder=20)
        found = replay(SOURCE % "20s" + "steps:\n  - window: 60s\n    by: k\n" + SELECT, records)["main"]
        table = in_time(records)
        table["k"] = table["k"].fillna("")
        starts = table["time"].dt.floor("60s")
        groups = {(int(start.value // 1000), key): group for (start, key), group in table.groupby([starts, "k"])}
        check_groups(found, groups)


def hopping():
    """hopping windows equal the records of each window, aggregated directly"""
    records = ugly(11, count=1200, step=3.0)
    found = replay(SOURCE % "0s" + "steps:\n  - window: 60s\n    every: 20s\n    offset: 7s\n" + SELECT, records)["main"]
    table = in_time(records)
    groups = {}
    size, every, offset = 60_000_000, 20_000_000, 7_000_000
    first = (int(table["ts"].min()) - size - offset) // every * every + offset
    for start in range(first, int(table["ts"].max()) + 1, every):
        group = table[(table["ts"] >= start) & (table["ts"] < start + size)]
        if len(group):
            groups[(start, "")] = group
    check_groups(found, groups)


def calendar():
    """days, weeks and months of a time zone equal resample across daylight saving"""
    zones = [("Europe/Paris", 1_710_000_000), ("America/New_York", 1_729_000_000), ("Australia/Lord_Howe", 1_711_000_000)]
    for zone, start in zones:
        records = ugly(5, count=900, start=start, step=9_000.0)
        for size, rule in (("1d", "D"), ("1w", "W-MON"), ("1mo", "MS")):
            found = replay(SOURCE % "0s" + f"steps:\n  - window: {size}\n    timezone: {zone}\n" + SELECT, records)["main"]
            local = in_time(records)
            local.index = local["time"].dt.tz_convert(zone)
            more = {"closed": "left", "label": "left"}
            groups = {(int(begin.value // 1000), ""): group
                      for begin, group in local.resample(rule, **more) if len(group)}
            check_groups(found, groups)


def sessions():
    """sessions equal groups cut where the key is silent for longer than the gap"""
    records = ugly(21, disorder=15)
    found = replay(SOURCE % "15s" + "steps:\n  - window: {session: 12s}\n    by: k\n" + SELECT, records)["main"]
    table = in_time(records)
    table["k"] = table["k"].fillna("")
    groups = {}
    for key, part in table.groupby("k"):
        number = (part["ts"].diff() > 12_000_000).cumsum()
        for _, group in part.groupby(number):
            groups[(int(group["ts"].min()), key)] = group
    check_groups(found, groups)


def counted():
    """windows of a number of records equal groups of that many, in the order of time"""
    records = ugly(31, disorder=10)
    found = replay(SOURCE % "10s" + "steps:\n  - window: {count: 25}\n    by: k\n" + SELECT, records)["main"]
    table = in_time(records)
    table["k"] = table["k"].fillna("")
    expected = {}
    for key, part in table.groupby("k"):
        expected[key] = [part.iloc[at:at + 25] for at in range(0, len(part), 25)]
    seen = {key: 0 for key in expected}
    for record in found:
        key = key_of(record)
        compare(record, expected[key][seen[key]], (key, seen[key]))
        seen[key] += 1
    assert seen == {key: len(parts) for key, parts in expected.items()}


ROLLED = """\
    derive: {n: count(v), low: min(v), high: max(v), median: median(v), q: "quantile(v, 0.25)", sum: sum(v), mean: mean(v),
      std: std(v), var: var(v), corr: "corr(v, w)"}
"""


def check_rolling(found, table, window):
    table = table.copy()
    table.index = pd.Index(table["time"])
    rolled = {key: part.rolling(window, min_periods=1) for key, part in table.groupby("k")}
    expected = {key: pd.DataFrame({
        "n": part["v"].count(), "low": part["v"].min(), "high": part["v"].max(), "median": part["v"].median(),
        "q": part["v"].quantile(0.25), "sum": part["v"].sum(), "mean": part["v"].mean(),
    }) for key, part in rolled.items()}
    # pandas' rolling std and sums keep the rounding of what has left: those of each window afresh are compared.
    at = {key: 0 for key in expected}
    parts = dict(list(table.groupby("k")))
    for record in found:
        key = key_of(record)
        i = at[key]
        at[key] += 1
        row = expected[key].iloc[i]
        part = parts[key]
        time = part["ts"].iloc[i]
        assert record["ts"] == time
        if isinstance(window, int):
            inside = part.iloc[max(0, i - window + 1):i + 1]
        else:
            earlier = part.iloc[:i + 1]
            inside = earlier[earlier["ts"] > time - int(pd.Timedelta(window).value // 1000)]
        what = (key, i)
        same(record["n"], int(row["n"]), (what, "n"))
        for name in ("low", "high", "median"):
            same(record[name], row[name], (what, name))
        close(record["q"], row["q"], (what, "q"))
        v = inside["v"]
        close(record["sum"], v.sum() if v.count() else None, (what, "sum"), scale=v.abs().max() if v.count() else 0)
        close(record["mean"], v.mean(), (what, "mean"), scale=v.abs().max() if v.count() else 0)
        close(record["mean"], row["mean"], (what, "mean of rolling"), scale=1e6)
        close(record["std"], v.std(), (what, "std"), scale=1e-3)
        close(record["var"], v.var(), (what, "var"), scale=1e-3)
    assert sum(at.values()) == len(table)


def rolling():
    """rolling by time and by count equal pandas' and a fresh computation, with disorder and equal times"""
    records = ugly(41, count=1500, disorder=8)
    for written, window in (("45s", "45s"), ("7", 7)):
        found = replay(SOURCE % "8s" + f"steps:\n  - rolling: {written}\n    by: k\n" + ROLLED, records)["main"]
        table = in_time(records)
        table["k"] = table["k"].fillna("")
        check_rolling(found, table, window)


def min_count():
    """min_count is min_periods"""
    records = ugly(43, count=600)
    found = replay(SOURCE % "0s" + "steps:\n  - rolling: 9\n    min_count: 5\n    sum: v\n", records)["main"]
    expected = in_time(records)["v"].rolling(9, min_periods=5).sum()
    for i, (record, value) in enumerate(zip(found, expected, strict=True)):
        close(record["v_sum"], value, i, scale=1e7)


def running():
    """aggregate equals expanding"""
    records = ugly(51, count=800, disorder=5)
    found = replay(SOURCE % "5s" + "steps:\n  - aggregate: {sum: sum(v), mean: mean(v), std: std(v), high: max(v), n: count(v)}\n",
                   records)["main"]
    v = in_time(records)["v"]
    grown = v.expanding()
    rows = zip(found, grown.sum(), grown.mean(), grown.std(), grown.max(), grown.count(), strict=True)
    for i, (record, total, mean, std, high, n) in enumerate(rows):
        same(record["n"], int(n), (i, "n"))
        if not n:
            continue
        close(record["sum"], total, (i, "sum"))
        close(record["mean"], mean, (i, "mean"))
        close(record["std"], std, (i, "std"))
        same(record["high"], high, (i, "high"))


def row_functions():
    """lag, diff, cumsum, ewm, changed, derivative equal shift, diff, cumsum, ewm per key of the values that are not null"""
    records = ugly(61, count=1500, disorder=6)
    found = replay(SOURCE % "6s" + """\
steps:
  - derive: {lag: lag(v), lag3: "lag(v, 3)", diff: diff(v), total: cumsum(v), ewm: "ewm(v, 0.3)", changed: changed(s), rate: derivative(v)}
    by: k
""", records)["main"]
    table = in_time(records)
    table["k"] = table["k"].fillna("")
    expected = {}
    for key, part in table.groupby("k"):
        v = part["v"].dropna()
        seconds = part["ts"][v.index].diff() / 1e6
        made = pd.DataFrame({"lag": v.shift(1), "lag3": v.shift(3), "diff": v.diff(), "total": v.cumsum(),
                             "ewm": v.ewm(alpha=0.3, adjust=False).mean(),
                             "rate": (v.diff() / seconds).where(seconds > 0)})
        s = part["s"].dropna()
        made = made.reindex(part.index)
        made["changed"] = (s != s.shift(1)).reindex(part.index)
        expected[key] = made
    at = {key: 0 for key in expected}
    for record in found:
        key = key_of(record)
        row = expected[key].iloc[at[key]]
        at[key] += 1
        for name in ("lag", "lag3"):
            same(record[name], row[name], (key, at[key], name))
        for name in ("diff", "total", "ewm", "rate"):
            close(record[name], row[name], (key, at[key], name), scale=1e6 if name == "total" else 0)
        same(record["changed"], None if pd.isna(row["changed"]) else bool(row["changed"]), (key, at[key], "changed"))


def approximate():
    """approx_quantile is within 1 %, approx_count_distinct within 3 %"""
    import random
    rng = random.Random(7)
    records = [{"ts": i * 1000, "v": rng.lognormvariate(3, 2), "u": rng.randrange(200_000)} for i in range(60_000)]
    found = replay(SOURCE % "0s" + """\
steps:
  - window: all
    select: {q50: "approx_quantile(v, 0.5)", q99: "approx_quantile(v, 0.99)", q0: "approx_quantile(v, 0)", u: approx_count_distinct(u)}
""", records)["main"][0]
    table = pd.DataFrame(records)
    close(found["q50"], table["v"].quantile(0.5), "q50", relative=0.01)
    close(found["q99"], table["v"].quantile(0.99), "q99", relative=0.01)
    same(found["q0"], table["v"].min(), "q0")
    close(found["u"], table["u"].nunique(), "distinct", relative=0.03)


def any_order():
    """any order of arrival within the lateness gives the same results"""
    import random
    records = sorted(ugly(71, count=700), key=lambda record: record["ts"])
    steps = ["  - window: 30s\n    by: k\n" + SELECT.replace("first: first(v), last: last(v), ", ""),
             "  - window: {session: 9s}\n    by: k\n    mean: v\n    std: v\n",
             "  - window: {count: 10}\n    by: k\n    mean: v\n",
             "  - rolling: 20s\n    by: k\n    mean: v\n    median: v\n"]
    distinct = []
    for record in records:  # of equal times the order of arrival counts
        if not distinct or record["ts"] > distinct[-1]["ts"]:
            distinct.append(record)
    for step in steps:
        expected = None
        for seed in range(3):
            rng = random.Random(seed)
            late = 0 if seed == 0 else 25_000_000
            shuffled = sorted(distinct, key=lambda record: record["ts"] + rng.randrange(late + 1))
            found = replay(SOURCE % "25s" + "steps:\n" + step, shuffled)["main"]
            for record in found:
                record.pop("partial", None)
            expected = expected or found
            assert found == expected, step


if __name__ == "__main__":
    main(tumbling, hopping, calendar, sessions, counted, rolling, min_count, running, row_functions, approximate, any_order)
