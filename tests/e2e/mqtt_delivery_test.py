#!/usr/bin/env python3
"""MQTT at QoS 1 under a broker's limits and losses: each message once, whatever the acknowledgements' way was."""
import os
import random
import signal
import time

from daemon import Daemon, Folder, Mosquitto, Redis, read_records, run, wait_for
from load import RATE, Proxy, Publisher

STALL = float(os.environ.get("STREAMFLOW_STALL", "15"))        # seconds; scripts/long: three minutes
KEEPALIVE = int(os.environ.get("STREAMFLOW_KEEPALIVE", "5"))  # seconds; scripts/long: 10


def config_of(folder, port, save=None, more=""):
    config = folder / "p.yaml"
    config.write_text(f"""\
name: p
delivery: exactly_once
from: {{mqtt: "mqtt://127.0.0.1:{port}/in/#"{more}}}
steps:
  - save: {save or f'"file:{folder}/out.ndjson"'}
""")
    return config


def numbers(folder):
    return [r["n"] for r in read_records(folder / "out.ndjson")]


def connected(daemon):
    wait_for("the connection", lambda: daemon.source_state("p") == "up")


def check(folder, count):
    wait_for("all", lambda: len(numbers(folder)) >= count, 60)
    got = numbers(folder)
    assert got == list(range(count)), f"{len(got)} of {count}, {len(got) - len(set(got))} doubled, {count - len(set(got))} lost"


def in_flight_limits():
    """a broker that has 1, 20 or 65,535 messages on their way at most, the daemon killed meanwhile: each once, in order"""
    dice = random.Random(time.time_ns())
    for limit, rate in ((1, 100), (20, RATE // 2), (65535, RATE)):
        with Folder() as folder, Mosquitto(folder, more=f"max_inflight_messages {limit}") as broker:
            config = config_of(folder, broker.port)
            daemon = Daemon(config, folder)
            try:
                connected(daemon)
                publisher = Publisher(broker.port, rate)
                publisher.start()
                for _ in range(3):
                    time.sleep(dice.uniform(0.1, 0.6))
                    daemon.end(signal.SIGKILL)
                    daemon = Daemon(config, folder)
                check(folder, publisher.end())
                print(f"     {limit} on their way: {publisher.sent} messages", flush=True)
            finally:
                daemon.end()


def acknowledgements_that_do_not_arrive():
    """acknowledgements are lost on their way and the daemon is killed: what the broker sends again is known"""
    with Folder() as folder, Mosquitto(folder) as broker:
        proxy = Proxy(broker.port)
        config = config_of(folder, proxy.port)
        daemon = Daemon(config, folder)
        try:
            connected(daemon)
            publisher = Publisher(broker.port, 500)
            publisher.start()
            for _ in range(3):
                before = len(numbers(folder))
                wait_for("records", lambda: len(numbers(folder)) > before + 50)
                proxy.deaf = True
                handled = len(numbers(folder))
                wait_for("records that are not acknowledged", lambda: len(numbers(folder)) > handled)
                daemon.end(signal.SIGKILL)
                proxy.deaf = False
                daemon = Daemon(config, folder)
                connected(daemon)
            check(folder, publisher.end())
        finally:
            daemon.end()
            proxy.close()


def session_lost():
    """a broker that lost its sessions: equal messages after that are new ones"""
    with Folder() as folder:
        broker = Mosquitto(folder)
        config = config_of(folder, broker.port)
        daemon = Daemon(config, folder)
        try:
            lines = [f'{{"n": {n}}}' for n in range(100)]
            for round in range(1, 4):
                connected(daemon)
                broker.publish("in/a", lines)
                wait_for("all", lambda: len(numbers(folder)) >= 100 * round)
                assert numbers(folder) == list(range(100)) * round, numbers(folder)
                broker.end(signal.SIGKILL)
                broker.database.unlink(missing_ok=True)
                if round == 2:
                    daemon.end(signal.SIGKILL)
                    daemon = Daemon(config, folder)
                else:
                    wait_for("the loss", lambda: daemon.source_state("p") != "up")
                broker = Mosquitto(folder, broker.port)
        finally:
            daemon.end()
            broker.end()


def stalled_sink():
    """a sink that stands still for longer than the keepalive, its buffer full: the session stays, each message comes once"""
    with Folder() as folder, Mosquitto(folder) as broker, Redis(folder) as redis:
        config = config_of(folder, broker.port, f'"redis://127.0.0.1:{redis.port}/out"\n'
                           "    buffer: {memory: 64KiB, disk: 128KiB}", f", keepalive: {KEEPALIVE}s")
        with Daemon(config, folder) as daemon:
            connected(daemon)
            publisher = Publisher(broker.port, 500)
            publisher.start()
            wait_for("entries", lambda: redis.call("XLEN", "out") > 100)
            redis.send(signal.SIGSTOP)
            try:
                wait_for("the pause", lambda: daemon.source_state("p") == "paused", STALL)
                time.sleep(STALL)
                assert daemon.source_state("p") == "paused"
                state = daemon.pipeline("p")["sources"][0]
                assert "the broker keeps the session" in state["reason"], state
            finally:
                redis.send(signal.SIGCONT)
            count = publisher.end()
            wait_for("all", lambda: redis.call("XLEN", "out") >= count, 60)
            got = [int(e["n"]) for e in redis.entries("out")]
            assert got == list(range(count)), f"{len(got)} of {count}, {len(got) - len(set(got))} doubled"
            ledger = daemon.pipeline("p")["ledger"]
            assert ledger["balanced"] and ledger["dropped"] == 0 and ledger["failed"] == 0, ledger


if __name__ == "__main__":
    run([in_flight_limits, acknowledgements_that_do_not_arrive, session_lost, stalled_sink])
