#!/usr/bin/env python3
"""Auctions as Nexmark describes them (P. Tucker et al., "NEXMark: a benchmark for queries over data streams",
2002; fields and proportions as in Apache Beam's version), from a seed: of 50 events one is a person, three are
auctions, the rest bids; half of the bids go to a few hot auctions.  Times are milliseconds, in order in each
file, with equal ones; now and then some hours pass.

Usage: generate.py FOLDER [EVENTS [SEED]]   writes person.ndjson auction.ndjson bid.ndjson
"""
import json
import random
import sys
from pathlib import Path

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
CITIES = [("Portland", "OR"), ("Boise", "ID"), ("Oakland", "CA"), ("Phoenix", "AZ"), ("Seattle", "WA"), ("Laramie", "WY")]
NAMES = ["Ada", "Bo", "Cléo", "Dmitri", "Eun", "Fatou", "Grete", "Hal"]
KNOWN = ["apple", "Google", "Facebook", "Baidu"]
OPEN_MS = 20_000  # no auction is open for longer


def person(rng, number, time):
    city, state = rng.choice(CITIES)
    name = f"{rng.choice(NAMES)} {chr(ord('A') + number % 26)}"
    return {"id": number, "name": name, "emailAddress": f"{number}@example.org", "creditCard": f"{rng.randrange(10**16):016}",
            "city": city, "state": state, "dateTime": time, "extra": "p" * rng.randrange(5)}


def auction(rng, number, time, people):
    first = rng.randrange(1, 1000)
    return {"id": number, "itemName": f"item {number}", "description": "thing " * rng.randrange(4), "initialBid": first,
            "reserve": first + rng.randrange(1000), "dateTime": time, "expires": time + rng.randrange(500, OPEN_MS + 1),
            "seller": rng.choice(people[-12:]), "category": 10 + rng.randrange(5), "extra": ""}


def bid(rng, time, auctions, people):
    hot = auctions[-1] // 8 * 8
    target = hot if rng.random() < 0.5 and hot in auctions[-20:] else rng.choice(auctions[-20:])
    channel = rng.choice(KNOWN) if rng.random() < 0.5 else f"channel-{rng.randrange(8)}"
    url = f"https://www.example.org/{rng.choice('abcde')}/{rng.choice('xyz')}{rng.randrange(9)}/item.htm?query=1"
    if rng.random() < 0.6:
        url += f"&channel_id={rng.randrange(1000)}"
    return {"auction": target, "bidder": rng.choice(people[-30:]), "price": int(10 ** rng.uniform(2, 8)), "channel": channel,
            "url": url, "dateTime": time, "extra": "".join(rng.choice("abcd ") for _ in range(rng.randrange(12)))}


def generate(events, seed):
    rng = random.Random(seed)
    time = START
    people, auctions, bids = [], [], []
    person_ids, auction_ids = [], []
    for i in range(events):
        time += rng.choice([0, 0, 1, 5, 20, 60, 100])
        if rng.random() < 0.0005:
            time += rng.randrange(4 * 3_600_000, 15 * 3_600_000)
        kind = i % 50
        if kind == 0:
            people.append(person(rng, 1000 + len(people), time))
            person_ids.append(people[-1]["id"])
        elif kind < 4:
            auctions.append(auction(rng, 1000 + len(auctions), time, person_ids))
            auction_ids.append(auctions[-1]["id"])
        else:
            bids.append(bid(rng, time, auction_ids, person_ids))
    return {"person": people, "auction": auctions, "bid": bids}


def write(folder, streams):
    for name, records in streams.items():
        with open(Path(folder) / f"{name}.ndjson", "w") as out:
            for record in records:
                print(json.dumps(record, ensure_ascii=False), file=out)


if __name__ == "__main__":
    write(sys.argv[1], generate(int(sys.argv[2]) if len(sys.argv) > 2 else 20_000, int(sys.argv[3]) if len(sys.argv) > 3 else 1))
