#!/usr/bin/env python3
"""Windows, joins and row functions against DuckDB on the same records: a second opinion beside pandas.

DuckDB is no Debian package: scripts/dependencies puts it into build/python (requirements.txt here names the version and
its hashes).  Where it is not there this says so and tests nothing."""
import json
import random
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent.parent / "build" / "python"))
try:
    import duckdb
except ImportError:
    print("skipped: there is no module duckdb (scripts/dependencies test installs it)")
    sys.exit(77)

from replayed import Folder, close, main, replay, replay_several, same, ugly

SOURCE = 'from: {file: "-", time: ts, time_unit: us, lateness: %s}\n'
COLUMNS = {"ts": "BIGINT", "k": "VARCHAR", "v": "DOUBLE", "w": "DOUBLE", "s": "VARCHAR", "moment": "VARCHAR", "seq": "BIGINT",
           "n": "BIGINT"}


def tables(**streams):
    """A connection with a table of each stream's records; `seq` is the order of arrival, an absent key is ''."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    with Folder() as folder:
        for name, records in streams.items():
            path = folder / "in.ndjson"
            with open(path, "w") as file:
                for seq, record in enumerate(records):
                    file.write(json.dumps({"k": "", **record, "seq": seq}) + "\n")
            columns = ", ".join(f"{column}: '{kind}'" for column, kind in COLUMNS.items())
            connection.execute(f"CREATE TABLE {name} AS SELECT *, make_timestamptz(ts) AS t "
                               f"FROM read_json('{path}', format='newline_delimited', columns={{{columns}}})")
    return connection


def rows(connection, query):
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


EXACT = ["count", "n", "low", "high", "first", "last", "distinct", "median", "state"]
SELECT = """\
    select: {count: count(), n: count(v), low: min(v), high: max(v), first: first(v), last: last(v), distinct: count_distinct(s),
      median: median(v), sum: sum(v), mean: mean(v), std: std(v), var: "var(v, 0)", q: "quantile(v, 0.9)", corr: "corr(v, w)",
      state: "argmax(s, ts).where(s != null)", big: count().where(v > 25)}
"""
AGGREGATES = """count(*) AS count, count(v) AS n, min(v) AS low, max(v) AS high,
  first(v ORDER BY ts, seq) FILTER (v IS NOT NULL) AS first, last(v ORDER BY ts, seq) FILTER (v IS NOT NULL) AS last,
  count(DISTINCT s) AS distinct, median(v) AS median, fsum(v) AS sum, favg(v) AS mean,
  stddev_samp(v) AS std, var_pop(v) AS var, quantile_cont(v, 0.9) AS q, corr(v, w) AS corr, max(abs(v)) AS scale,
  first(s ORDER BY ts DESC, seq) FILTER (s IS NOT NULL) AS state, count(*) FILTER (v > 25) AS big"""


def check_windows(found, expected):
    """Records by (window start, key) are those of the query (columns start, k, and AGGREGATES)."""
    wanted = {(row["start"], row["k"]): row for row in expected}
    assert len(found) == len(wanted), (len(found), len(wanted))
    for record in found:
        place = (record["window_start"], record.get("k") or "")
        row = wanted.pop(place)
        for name in EXACT + ["big"]:
            same(record.get(name), row[name], (place, name))
        for name in ("sum", "mean", "q"):
            close(record.get(name), row[name], (place, name), scale=row["scale"] or 0)
        for name, scale in (("std", 1e-4), ("var", 1e-2)):
            close(record.get(name), row[name], (place, name), scale=(row["scale"] or 0) * scale)
        if row["corr"] is not None and row["n"] > 2:
            close(record.get("corr"), row["corr"], (place, "corr"), relative=1e-6, scale=1)


def tumbling():
    """tumbling windows equal time_bucket, with disorder, nulls, gaps and equal times"""
    for seed in range(4):
        records = ugly(100 + seed, disorder=20)
        found = replay(SOURCE % "20s" + "steps:\n  - window: 60s\n    by: k\n    offset: 13s\n" + SELECT, records)["main"]
        query = f"SELECT epoch_us(time_bucket(INTERVAL '60 s', t, INTERVAL '13 s')) AS start, k, {AGGREGATES} FROM r GROUP BY ALL"
        check_windows(found, rows(tables(r=records), query))


def hopping():
    """hopping windows equal a join of records with the starts of windows"""
    records = ugly(120, count=2500, step=3.0, disorder=5)
    found = replay(SOURCE % "5s" + "steps:\n  - window: 90s\n    every: 2s\n    by: k\n" + SELECT, records)["main"]
    query = f"""SELECT start, k, {AGGREGATES} FROM r, LATERAL
      (SELECT unnest(generate_series((ts // 2000000 - 44) * 2000000, ts // 2000000 * 2000000, 2000000)) AS start) GROUP BY ALL"""
    check_windows(found, rows(tables(r=records), query))


def calendar():
    """hours, days, weeks and months of a zone equal time_bucket and date_trunc across daylight saving"""
    zones = [("Europe/Paris", 1_710_000_000), ("America/New_York", 1_729_000_000), ("Australia/Lord_Howe", 1_711_000_000)]
    for zone, start in zones:
        records = ugly(130, count=900, start=start, step=9_000.0)
        connection = tables(r=records)
        for size, unit in (("1d", "day"), ("1w", "week"), ("1mo", "month")):
            found = replay(SOURCE % "0s" + f"steps:\n  - window: {size}\n    timezone: {zone}\n" + SELECT, records)["main"]
            query = f"""SELECT epoch_us(date_trunc('{unit}', t AT TIME ZONE '{zone}') AT TIME ZONE '{zone}') AS start,
              '' AS k, {AGGREGATES} FROM r GROUP BY ALL"""
            check_windows(found, rows(connection, query))


def sessions():
    """sessions equal groups cut by lag"""
    records = ugly(140, disorder=15)
    found = replay(SOURCE % "15s" + "steps:\n  - window: {session: 12s}\n    by: k\n" + SELECT, records)["main"]
    query = f"""WITH cut AS (SELECT *, coalesce(ts - lag(ts) OVER (PARTITION BY k ORDER BY ts, seq) > 12000000, true) AS new FROM r),
      numbered AS (SELECT *, sum(new::INT) OVER (PARTITION BY k ORDER BY ts, seq) AS session FROM cut)
      SELECT min(ts) AS start, k, {AGGREGATES} FROM numbered GROUP BY k, session"""
    check_windows(found, rows(tables(r=records), query))


def distinct_times(records):
    """One record of each time and key: of several the databases order as they like."""
    seen = set()
    return [r for r in records if (r["ts"], r.get("k")) not in seen and not seen.add((r["ts"], r.get("k")))]


def by_place(found, connection, query):
    """Pairs of a result and the query's row, in the order of time and key (columns ts, k)."""
    place = lambda row: (row["ts"], row.get("k") or "")
    expected = sorted(rows(connection, query), key=place)
    return zip(sorted(found, key=place), expected, strict=True)


def rolling():
    """rolling equals window frames, by number and by time"""
    records = distinct_times(ugly(150, count=1500, disorder=8))
    connection = tables(r=records)
    for written, frame in (("7", "ROWS 6 PRECEDING"), ("45s", "RANGE 44999999 PRECEDING")):
        found = replay(SOURCE % "8s" + f"""\
steps:
  - rolling: {written}
    by: k
    derive: {{n: count(v), low: min(v), high: max(v), median: median(v), q: "quantile(v, 0.25)", mean: mean(v), kinds: count_distinct(s)}}
""", records)["main"]
        query = f"""SELECT ts, k, count(v) OVER f AS n, min(v) OVER f AS low, max(v) OVER f AS high, median(v) OVER f AS median,
          quantile_cont(v, 0.25) OVER f AS q, avg(v) OVER f AS mean, count(DISTINCT s) OVER f AS kinds
          FROM r WINDOW f AS (PARTITION BY k ORDER BY ts {frame})"""
        for record, row in by_place(found, connection, query):
            for name in ("n", "low", "high", "median", "kinds"):
                same(record[name], row[name], (row, name))
            close(record["q"], row["q"], (row, "q"))
            close(record["mean"], row["mean"], (row, "mean"), scale=1e6)


def row_functions():
    """lag, diff, cumsum and running aggregates equal lag and sums over all rows before"""
    records = [r for r in distinct_times(ugly(160, count=1500, disorder=6)) if r.get("v") is not None]
    found = replay(SOURCE % "6s" + """\
steps:
  - derive: {lag: lag(v), lag3: "lag(v, 3)", diff: diff(v), total: cumsum(v)}
    by: k
  - aggregate: {high: max(v), n: count()}
    by: k
""", records)["main"]
    query = """SELECT ts, k, lag(v) OVER p AS lag, lag(v, 3) OVER p AS lag3, v - lag(v) OVER p AS diff, sum(v) OVER p AS total,
      max(v) OVER p AS high, count(*) OVER p AS n FROM r WINDOW p AS (PARTITION BY k ORDER BY ts)"""
    for record, row in by_place(found, tables(r=records), query):
        for name in ("lag", "lag3", "high", "n"):
            same(record[name], row[name], (row, name))
        close(record["diff"], row["diff"], (row, "diff"))
        close(record["total"], row["total"], (row, "total"), scale=1e6)


def ranks():
    """top of each window equals row_number, and with ties rank"""
    records = [{**r, "n": i % 7} for i, r in enumerate(distinct_times(ugly(170, count=1500, disorder=5)))]
    connection = tables(r=records)
    for ties, function, order in (("cut", "row_number", "n DESC, ts, seq"), ("all", "rank", "n DESC")):
        found = replay(SOURCE % "5s" + f"""\
steps:
  - top: 3
    of: -n
    by: k
    within: 5m
    rank: place
    ties: {ties}
""", records)["main"]
        query = f"""SELECT * FROM (SELECT ts, k, n, {function}() OVER (PARTITION BY k, ts // 300000000 ORDER BY {order}) AS place
          FROM r) WHERE place <= 3"""
        for record, row in by_place(found, connection, query):
            for name in ("ts", "n", "place"):
                same(record[name], row[name], (row, name))


def asof():
    """as-of joins equal ASOF LEFT JOIN, with and without a tolerance"""
    left = distinct_times(ugly(180, count=1200, disorder=5))
    right = [{**r, "n": i} for i, r in enumerate(distinct_times(ugly(181, count=400, step=20.0, disorder=5)))]
    connection = tables(l=left, r=right)
    for within, bound in (("", "NULL"), (", within: 4s", "l.ts - 4000000")):
        pipeline = f"""streams:
  left: {{from: {{file: "-", time: ts, time_unit: us, lateness: 5s}}}}
  right: {{from: {{file: "-", time: ts, time_unit: us, lateness: 5s}}}}
  main:
    from: left
    steps: [{{join: right, on: k, how: asof, take: [n]{within}}}]
"""
        found = replay_several(pipeline, {"left": left, "right": right})["main"]
        query = f"""SELECT l.ts, l.k, CASE WHEN r.ts >= coalesce({bound}, r.ts) THEN r.n END AS n
          FROM l ASOF LEFT JOIN (SELECT * FROM r WHERE k <> '') r ON l.k = r.k AND l.ts >= r.ts"""
        for record, row in by_place(found, connection, query):
            same(record["n"], row["n"], row)


def interval():
    """interval joins equal joins with BETWEEN"""
    left = [{**r, "n": i} for i, r in enumerate(ugly(190, count=500, disorder=5))]
    right = [{**r, "n": i} for i, r in enumerate(ugly(191, count=500, disorder=5))]
    connection = tables(l=left, r=right)
    for how, join in (("inner", "JOIN"), ("left", "LEFT JOIN"), ("outer", "FULL JOIN")):
        pipeline = f"""streams:
  left: {{from: {{file: "-", time: ts, time_unit: us, lateness: 5s}}}}
  right: {{from: {{file: "-", time: ts, time_unit: us, lateness: 5s}}}}
  main:
    from: left
    steps:
      - {{join: right, on: k, how: {how}, take: {{m: n}}, within: [-6s, 9s]}}
      - select: [n, m]
"""
        found = replay_several(pipeline, {"left": left, "right": right})["main"]
        query = f"""SELECT l.n AS n, r.n AS m FROM l {join} r
          ON l.k = r.k AND l.k <> '' AND r.ts - l.ts BETWEEN -6000000 AND 9000000"""
        order = lambda pair: (-1 if pair[0] is None else pair[0], -1 if pair[1] is None else pair[1])
        pairs = sorted(((record.get("n"), record.get("m")) for record in found), key=order)
        assert pairs == sorted(((row["n"], row["m"]) for row in rows(connection, query)), key=order), how


def offsets():
    """times as text with offsets and every precision are those of TIMESTAMPTZ"""
    rng = random.Random(9)
    records, forms = [], ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]
    from datetime import datetime, timedelta, timezone
    for i in range(600):
        moment = datetime(2024, 3, 30, tzinfo=timezone.utc) + timedelta(microseconds=i * 211_000_123)
        offset = timezone(timedelta(minutes=rng.choice([0, 60, -300, 330, 765])))
        digits = rng.choice([0, 3, 6])
        local = moment.astimezone(offset)
        text = local.strftime(forms[0]) + (f".{local.microsecond:06d}"[:digits + 1] if digits else "") + local.strftime("%z")
        records.append({"moment": text[:-2] + ":" + text[-2:], "v": rng.gauss(0, 1)})
    records.sort(key=lambda record: datetime.fromisoformat(record["moment"]))
    found = replay("""\
from: {file: "-", time: moment}
steps:
  - window: 1d
    timezone: Europe/Paris
    select: {count: count(), mean: mean(v)}
""", records)["main"]
    query = """SELECT epoch_us(time_bucket(INTERVAL '1 day', moment::TIMESTAMPTZ, 'Europe/Paris')) AS start, count(*) AS count, avg(v) AS mean
      FROM r GROUP BY ALL ORDER BY ALL"""
    connection = tables(r=[{"ts": 0, **record} for record in records])
    for record, row in zip(found, rows(connection, query), strict=True):
        same(record["window_start"], row["start"], "start")
        same(record["count"], row["count"], row)
        close(record["mean"], row["mean"], row, scale=1)


if __name__ == "__main__":
    main(tumbling, hopping, calendar, sessions, rolling, row_functions, ranks, asof, interval, offsets)
