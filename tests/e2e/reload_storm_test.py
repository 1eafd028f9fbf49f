#!/usr/bin/env python3
"""Reloads under load, with good and bad files and a sink that goes away: nothing lost, nothing doubled, never hangs."""
import os
import random
import signal
import time

from daemon import Daemon, Folder, Mosquitto, Redis, run, wait_for
from load import Publisher

RELOADS = int(os.environ.get("STREAMFLOW_RELOADS", "50"))  # scripts/long: 1,000

GOOD = """\
name: p
delivery: {delivery}
from: {{mqtt: "mqtt://127.0.0.1:{broker}/in/#"}}
steps:
  - derive: {{version: '{version}'}}
{more}  - save: "redis://127.0.0.1:{redis}/out"
    buffer: {{memory: 256KiB, disk: 64MiB}}
"""
BAD = ["from: {", "name: p\nfrom: nowhere\n", "name: p\nfrom: {mqtt: \"mqtt://x/y\"}\nsteps:\n  - filtre: a > 1\n", ""]


def storm(delivery):
    dice = random.Random(time.time_ns())
    with Folder() as folder, Mosquitto(folder) as broker:
        redis = Redis(folder)
        port = redis.port
        config = folder / "p.yaml"

        def write(version):
            text = GOOD.format(delivery=delivery, broker=broker.port, redis=port, version=version,
                               more=dice.choice(["", "  - filter: n >= 0\n", "  - rename: {pad: filler}\n"]))
            (folder / "next").write_text(text)
            os.replace(folder / "next", config)

        def hang_up(good):
            before = daemon.log().count("reloaded:") + daemon.log().count("reload refused")
            daemon.send(signal.SIGHUP)
            wait_for("the reload", lambda: daemon.log().count("reloaded:") + daemon.log().count("reload refused") > before)
            if good:
                wait_for("the new version", lambda: daemon.pipeline("p") is not None)

        write(0)
        with Daemon(config, folder) as daemon:
            try:
                wait_for("the connection", lambda: daemon.source_state("p") == "up")
                publisher = Publisher(broker.port, 2000)
                publisher.start()
                for version in range(1, RELOADS + 1):
                    what = dice.random()
                    if version == RELOADS // 3:
                        redis.end(signal.SIGKILL)
                    if version == 2 * RELOADS // 3:
                        redis = Redis(folder, port)
                    if what < 0.2:
                        config.write_text(dice.choice(BAD))
                    elif what < 0.9:
                        write(version)
                    hang_up(what >= 0.2)
                    time.sleep(dice.uniform(0, 0.1))
                write(RELOADS + 1)
                hang_up(True)
                count = publisher.end()
                try:
                    wait_for("all", lambda: redis.call("XLEN", "out") >= count, 60)
                except AssertionError as error:
                    raise AssertionError(f"{redis.call('XLEN', 'out')} of {count}\n{daemon.log()[-4000:]}") from error
                time.sleep(0.2)
                got = [int(e["n"]) for e in redis.entries("out")]
                if delivery == "exactly_once":
                    assert got == list(range(count)), (
                        f"{len(got)} of {count}, {len(got) - len(set(got))} doubled, {count - len(set(got))} lost")
                else:
                    assert set(got) == set(range(count)), f"{count - len(set(got))} of {count} lost"
                assert daemon.pipeline("p")["ledger"]["balanced"]
                assert "loses" not in daemon.log(), [l for l in daemon.log().splitlines() if "loses" in l][:3]
            finally:
                redis.end()


def exactly_once():
    """exactly_once: a storm of reloads loses and doubles nothing"""
    storm("exactly_once")


def at_least_once():
    """at_least_once: a storm of reloads loses nothing"""
    storm("at_least_once")


run([exactly_once, at_least_once])
