#!/usr/bin/env python3
"""Example 1 against a real mosquitto, with pandas as the oracle of its numbers."""
import json
import os
import random
import signal
import time

import pandas

from daemon import Daemon, Folder, Mosquitto, read_records, run, wait_for

EXAMPLE = """\
name: temperature
from:
  mqtt: "mqtt://127.0.0.1:{port}/sensors/#"
{time}steps:
  - filter: temperature > 25
{arrivals}  - window: {size}
    mean: temperature
  - save: "file:{folder}/means.ndjson"
  - chart: line
    y: temperature_mean
"""


def pandas_means(frame, size):
    frame = frame[frame.temperature > 25].set_index("at").sort_index()
    means = frame.temperature.resample(size, label="left", closed="left").mean().dropna()
    return {start.isoformat(): value for start, value in means.items()}


def streamflow_means(path):
    return {pandas.Timestamp(r["window_start"]).isoformat(): r["temperature_mean"] for r in read_records(path)}


def assert_equal(got, expected):
    assert got.keys() == expected.keys(), f"{sorted(got)} against {sorted(expected)}"
    for start, value in expected.items():
        assert abs(got[start] - value) <= 1e-9 * abs(value), f"{start}: {got[start]} against {value}"


def with_event_time():
    """event time: the minute means equal pandas', records shuffled within lateness"""
    dice = random.Random(1)
    start = pandas.Timestamp("2026-03-29T00:30:00Z")  # across a change to summer time in Europe
    records = [{"ts": (start + pandas.Timedelta(milliseconds=250 * i)).isoformat().replace("+00:00", "Z"),
                "device": f"dev-{dice.randrange(5)}", "temperature": round(dice.uniform(15, 35), 2)}
               for i in range(4000)]
    shuffled = [r for i in range(0, 4000, 8) for r in dice.sample(records[i:i + 8], 8)]
    with Folder() as folder, Mosquitto(folder) as broker:
        config = folder / "temperature.yaml"
        config.write_text(EXAMPLE.format(port=broker.port, folder=folder, size="60s", arrivals="",
                                         time="  time: ts\n  lateness: 5s\n"))
        with Daemon(config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("temperature") == "up")
            broker.publish("sensors/hall", [json.dumps(r) for r in shuffled])
            # One an hour later closes all windows before.
            last = dict(records[-1], ts="2026-03-29T02:00:00Z")
            broker.publish("sensors/hall", [json.dumps(last)])
            frame = pandas.DataFrame(records)
            frame["at"] = pandas.to_datetime(frame.ts)
            expected = pandas_means(frame, "60s")
            wait_for("all windows", lambda: len(read_records(folder / "means.ndjson")) >= len(expected))
            assert_equal(streamflow_means(folder / "means.ndjson"), expected)
            ledger = wait_for("the count", lambda: (l := daemon.pipeline("temperature")["ledger"])["in"] == 4001 and l)
            assert ledger["balanced"] and ledger["late"] == 0, ledger
            chart = json.loads(daemon.get("/api/v1/charts/temperature.main.4/data"))
            assert chart["received"] == len(expected), chart["received"]
            daemon.send(signal.SIGTERM)
            assert daemon.wait() == 0
            assert "keeps 1 open window" in daemon.log(), daemon.log()


def with_arrival_time():
    """arrival time: the means equal pandas' over the arrival times that a second stream saved"""
    size = os.environ.get("STREAMFLOW_WINDOW", "2s")  # scripts/long: the minute of example 1
    seconds = int(size.removesuffix("s"))
    with Folder() as folder, Mosquitto(folder) as broker:
        config = folder / "temperature.yaml"
        config.write_text(f"""\
name: temperature
streams:
  main:
    from: "mqtt://127.0.0.1:{broker.port}/sensors/#"
  means:
    from: main
    steps:
      - filter: temperature > 25
      - window: {size}
        mean: temperature
      - save: "file:{folder}/means.ndjson"
  arrivals:
    from: main
    steps:
      - derive: {{at: time}}
      - save: "file:{folder}/arrivals.ndjson"
""")
        with Daemon(config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("temperature") == "up")
            dice = random.Random(2)
            end = time.monotonic() + 3 * seconds
            sent = 0
            while time.monotonic() < end:
                broker.publish("sensors/a", [json.dumps({"temperature": round(dice.uniform(15, 35), 2)})
                                             for _ in range(20)])
                sent += 20
            frame = pandas.DataFrame(wait_for(
                "the arrivals", lambda: (rows := read_records(folder / "arrivals.ndjson")) and len(rows) >= sent and rows))
            frame["at"] = pandas.to_datetime(frame["at"])
            expected = pandas_means(frame, size)
            # The last window closes by the clock alone.
            wait_for("the last window", lambda: len(read_records(folder / "means.ndjson")) >= len(expected),
                     seconds=30 + seconds)
            assert len(expected) >= 3
            assert_equal(streamflow_means(folder / "means.ndjson"), expected)


def broker_dies():
    """the broker dies and comes back: reconnected, nothing acknowledged is lost, one subscription"""
    with Folder() as folder:
        broker = Mosquitto(folder)
        port = broker.port
        config = folder / "p.yaml"
        config.write_text(f"""\
name: p
from: "mqtt://127.0.0.1:{port}/in/#"
steps:
  - save: "file:{folder}/out.ndjson"
""")
        try:
            with Daemon(config, folder) as daemon:
                wait_for("the connection", lambda: daemon.source_state("p") == "up")
                broker.publish("in/a", [json.dumps({"n": n}) for n in range(100)])
                wait_for("the first records", lambda: len(read_records(folder / "out.ndjson")) == 100)
                broker.end()
                wait_for("the loss to be noticed", lambda: daemon.source_state("p") == "down")
                assert daemon.pipeline("p")["state"] == "degraded"
                assert "refused" in daemon.pipeline("p")["sources"][0]["reason"]
                assert daemon.get("/readyz")  # readiness does not depend on connectors
                broker = Mosquitto(folder, port)
                wait_for("the reconnection", lambda: daemon.source_state("p") == "up")
                broker.publish("in/a", [json.dumps({"n": n}) for n in range(100, 200)])
                wait_for("the records after", lambda: len(read_records(folder / "out.ndjson")) >= 200)
                assert [r["n"] for r in read_records(folder / "out.ndjson")] == list(range(200))
        finally:
            broker.end()


if __name__ == "__main__":
    run([with_event_time, with_arrival_time, broker_dies])
