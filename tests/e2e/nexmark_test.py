#!/usr/bin/env python3
"""configs/nexmark: each query over generated auctions, its results those of plain pandas over the same files."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/nexmark"))
from generate import generate, write  # noqa: E402

DAEMON = os.environ.get("STREAMFLOWD", str(ROOT / "build/release/streamflowd"))
DAY = 86_400_000


def iso(ms):
    return pd.Timestamp(ms, unit="ms").strftime("%Y-%m-%dT%H:%M:%SZ")


def records(frame, *names):
    return [dict(zip(names or frame.columns, row)) for row in frame[list(names) or list(frame.columns)].itertuples(index=False)]


def won(auction, bid):
    """Pairs of auctions and the bids that came while they were open."""
    pairs = auction.merge(bid, left_on="id", right_on="auction", suffixes=("", "_bid"))
    return pairs[(pairs.dateTime_bid >= pairs.dateTime) & (pairs.dateTime_bid <= pairs.expires)].assign(
        bid_time=lambda p: p.dateTime_bid)


def winning(auction, bid):
    pairs = won(auction, bid).sort_values(["price", "bid_time"], ascending=[False, True], kind="stable")
    return pairs.groupby("id", sort=False).head(1)


def q3(person, auction, bid):
    local = person[person.state.isin(["OR", "ID", "CA"])]
    pairs = auction[auction.category == 10].merge(local, left_on="seller", right_on="id", suffixes=("", "_person"))
    return records(pairs, "name", "city", "state", "id")


def q4(person, auction, bid):
    final = won(auction, bid).groupby(["id", "category"]).price.max().reset_index()
    return records(final.groupby("category").price.mean().reset_index(name="average"), "category", "average")


def q5(person, auction, bid):
    out = []
    first, last = bid.dateTime.min(), bid.dateTime.max()
    start = (first - 10_000) // 2000 * 2000 + 2000
    while start <= last:
        counts = bid[(bid.dateTime >= start) & (bid.dateTime < start + 10_000)].groupby("auction").size()
        if len(counts):
            out += [{"auction": a, "bids": n, "window_start": iso(start)} for a, n in counts[counts == counts.max()].items()]
        else:
            later = bid.dateTime[bid.dateTime >= start].min()
            start = max(start, (later - 10_000) // 2000 * 2000)
        start += 2000
    return out


def q6(person, auction, bid):
    sold = winning(auction, bid).sort_values(["bid_time"], kind="stable")
    sold["average"] = sold.groupby("seller").price.transform(lambda p: p.rolling(11, min_periods=1).mean())
    return records(sold, "seller", "id", "average")


def q7(person, auction, bid):
    highest = bid.groupby(bid.dateTime // 10_000).price.transform("max")
    return records(bid[bid.price == highest], "auction", "price", "bidder", "dateTime", "extra")


def q8(person, auction, bid):
    people = person.assign(window=person.dateTime // 10_000)
    sellers = auction.assign(window=auction.dateTime // 10_000)[["seller", "window"]].drop_duplicates()
    pairs = people.merge(sellers, left_on=["id", "window"], right_on=["seller", "window"])
    return [{"id": p.id, "name": p.name, "window_start": iso(p.window * 10_000)} for p in pairs[["id", "name", "window"]].itertuples(index=False)]


def q9(person, auction, bid):
    return records(winning(auction, bid), "id", "itemName", "seller", "category", "bidder", "price", "bid_time")


def q11(person, auction, bid):
    out = []
    for bidder, times in bid.sort_values("dateTime").groupby("bidder").dateTime:
        session = (times.diff() > 10_000).cumsum()
        out += [{"bidder": bidder, "bids": n} for n in times.groupby(session).size()]
    return out


def q12(person, auction, bid):
    # The time of arrival stands for 5 ms a record in the run.
    window = bid.index * 5 // 10_000
    counts = bid.groupby([window, "bidder"]).size()
    return [{"bidder": bidder, "bids": n, "window_start": pd.Timestamp(w * 10_000, unit="ms").strftime("%Y-%m-%dT%H:%M:%SZ")}
            for (w, bidder), n in counts.items()]


def q13(person, auction, bid):
    side = pd.read_csv(ROOT / "configs/nexmark/side_input.csv")
    pairs = bid.assign(key=bid.auction % 100).merge(side, on="key")
    return records(pairs, "auction", "bidder", "price", "dateTime", "value")


def part_of_day(hour):
    return "dayTime" if 8 <= hour <= 18 else "nightTime" if hour <= 6 or hour >= 20 else "otherTime"


def q14(person, auction, bid):
    euros = bid.assign(price=0.908 * bid.price)
    euros = euros[(euros.price > 1_000_000) & (euros.price < 50_000_000)]
    hours = pd.to_datetime(euros.dateTime, unit="ms").dt.hour
    euros = euros.assign(bidTimeType=hours.map(part_of_day), c_counts=euros.extra.str.count("c"))
    return records(euros, "auction", "bidder", "price", "bidTimeType", "dateTime", "extra", "c_counts")


def ranks(rows):
    rank = {"total": rows, "rank1": rows[rows.price < 10_000], "rank2": rows[(rows.price >= 10_000) & (rows.price < 1_000_000)],
            "rank3": rows[rows.price >= 1_000_000]}
    out = {}
    for what, count in (("bids", len), ("bidders", lambda r: r.bidder.nunique()), ("auctions", lambda r: r.auction.nunique())):
        out.update({f"{name}_{what}": count(part) for name, part in rank.items()})
    return out


def q15(person, auction, bid):
    return [{"window_start": iso(day * DAY), **ranks(rows)} for day, rows in bid.groupby(bid.dateTime // DAY)]


def q16(person, auction, bid):
    minute = pd.to_datetime(bid.dateTime, unit="ms").dt.strftime("%H:%M")
    return [{"channel": channel, "window_start": iso(day * DAY), "minute": rows.minute.max(), **ranks(rows)}
            for (day, channel), rows in bid.assign(minute=minute).groupby([bid.dateTime // DAY, "channel"])]


def q17(person, auction, bid):
    out = []
    for (day, number), rows in bid.groupby([bid.dateTime // DAY, "auction"]):
        counts = {name: n for name, n in ranks(rows).items() if name.endswith("_bids")}
        out.append({"auction": number, "window_start": iso(day * DAY), **counts, "min_price": rows.price.min(),
                    "max_price": rows.price.max(), "avg_price": rows.price.mean(), "sum_price": rows.price.sum()})
    return out


def q19(person, auction, bid):
    best = bid.sort_values("price", ascending=False, kind="stable").groupby("auction").head(10)
    best["rank_number"] = best.groupby("auction").cumcount() + 1
    return records(best)


def q20(person, auction, bid):
    wanted = auction[auction.category == 10].drop(columns=["dateTime", "extra"])
    return records(bid.merge(wanted, left_on="auction", right_on="id").drop(columns="id"))


def q21(person, auction, bid):
    known = bid.channel.str.lower().map({"apple": "0", "google": "1", "facebook": "2", "baidu": "3"})
    found = bid.assign(channel_id=known.fillna(bid.url.str.extract("[&?]channel_id=([^&]*)")[0]))
    return records(found[found.channel_id.notna()], "auction", "bidder", "price", "channel", "channel_id")


def q22(person, auction, bid):
    parts = bid.url.str.split("/")
    return records(bid.assign(dir1=parts.str[3], dir2=parts.str[4], dir3=parts.str[5]),
                   "auction", "bidder", "price", "channel", "dir1", "dir2", "dir3")


QUERIES = {
    "q0": lambda p, a, b: records(b, "auction", "bidder", "price", "dateTime", "extra"),
    "q1": lambda p, a, b: records(b.assign(price=0.908 * b.price), "auction", "bidder", "price", "dateTime", "extra"),
    "q2": lambda p, a, b: records(b[b.auction % 123 == 0], "auction", "price"),
    "q3": q3, "q4": q4, "q5": q5, "q6": q6, "q7": q7, "q8": q8, "q9": q9, "q11": q11, "q12": q12, "q13": q13, "q14": q14,
    "q15": q15, "q16": q16, "q17": q17,
    "q18": lambda p, a, b: records(b.groupby(["bidder", "auction"]).tail(1)),
    "q19": q19, "q20": q20, "q21": q21, "q22": q22,
}
MORE = {"q12": ["--interval", "5ms"]}


def plain(value):
    """One text for equal values; numbers to twelve digits."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return str(value)
    return f"{float(value):.12g}"


def rows_of(found, names):
    return sorted(tuple(plain(record.get(name)) for name in names) for record in found)


def run(folder, query, streams):
    text = (folder / f"{query}.yaml").read_text()
    command = [DAEMON, "replay", str(folder / f"{query}.yaml"), "--output", f"result={folder}/{query}.out",
               "--ledger", str(folder / "ledger.json")] + MORE.get(query, [])
    for name in streams:
        if re.search(rf"^  {name}: {{from", text, re.M):
            command += ["--input", f"{name}={folder}/{name}.ndjson"]
    subprocess.run(command, check=True, timeout=300)
    ledger = json.loads((folder / "ledger.json").read_text())["ledger"]
    assert ledger["balanced"] and ledger["late"] == 0 and ledger["failed"] == 0, (query, ledger)
    return [json.loads(line) for line in (folder / f"{query}.out").read_text().splitlines()]


def logged_files(folder, streams, bid):
    """q10 writes files: replayed with its sink, by day and minute."""
    (folder / "q10").mkdir()
    subprocess.run([DAEMON, "replay", str(folder / "q10.yaml"), "--with-sinks", "--input", f"bid={folder}/bid.ndjson",
                    "--output", "result=/dev/null"], check=True, timeout=300)
    names = pd.to_datetime(bid.dateTime, unit="ms").dt.strftime("%Y-%m-%d_%H-%M")
    expected = {f"{name}.ndjson": len(rows) for name, rows in bid.groupby(names)}
    got = {path.name: len(path.read_text().splitlines()) for path in (folder / "q10").iterdir()}
    assert got == expected, (got, expected)
    print(f"q10: {len(got)} files equal")


def main():
    wanted = sys.argv[1:] or list(QUERIES) + ["q10"]
    streams = generate(int(os.environ.get("EVENTS", "6000")), 7)
    frames = {name: pd.DataFrame(found) for name, found in streams.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in (ROOT / "configs/nexmark").iterdir():
            shutil.copy(path, folder)
        write(folder, streams)
        wrong = 0
        for query in wanted:
            if query == "q10":
                logged_files(folder, streams, frames["bid"])
                continue
            expected = QUERIES[query](frames["person"], frames["auction"], frames["bid"])
            assert expected, query
            names = list(expected[0])
            got, right = rows_of(run(folder, query, streams), names), rows_of(expected, names)
            if got != right:
                wrong += 1
                missing, more = [r for r in right if r not in set(got)], [g for g in got if g not in set(right)]
                print(f"{query}: {len(got)} rows, expected {len(right)}\n  {names}\n  missing {missing[:3]}\n  more    {more[:3]}")
            else:
                print(f"{query}: {len(got)} rows equal")
    return 1 if wrong else 0


sys.exit(main())
