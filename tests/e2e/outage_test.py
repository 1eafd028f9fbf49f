#!/usr/bin/env python3
"""Peers that go away while records keep coming: what was acknowledged arrives, in order, once or at least once."""
import json
import os
import random
import signal
import time

from daemon import Daemon, Folder, Mosquitto, Redis, free_port, run, wait_for
from load import RATE, SANITIZED, Proxy, Publisher

OUTAGES = [float(s) for s in os.environ.get("STREAMFLOW_OUTAGES", "1,5").split(",")]  # seconds; scripts/long: 60


def pipeline(folder, broker, redis, delivery="exactly_once", buffer="{memory: 256KiB, disk: 256MiB}", more=""):
    config = folder / "p.yaml"
    config.write_text(f"""\
name: p
delivery: {delivery}
from: {{mqtt: "mqtt://127.0.0.1:{broker}/in/#"{more}}}
steps:
  - save: "redis://127.0.0.1:{redis}/out"
    buffer: {buffer}
""")
    return config


def numbers(redis):
    return [int(e["n"]) for e in redis.entries("out")]


def check(redis, count, delivery="exactly_once"):
    wait_for("all", lambda: redis.call("XLEN", "out") >= count, 60)
    got = numbers(redis)
    if delivery == "exactly_once":
        assert got == list(range(count)), f"{len(got)} of {count}, {len(got) - len(set(got))} doubled, in order: {got == sorted(got)}"
    else:
        assert set(got) == set(range(count)), f"{len(set(got))} of {count}"


def sink_away():
    """redis goes away: the broker is read on, what waits goes to disk, and out in order on its return"""
    for seconds in OUTAGES:
        with Folder() as folder, Mosquitto(folder) as broker:
            redis = Redis(folder)
            port = redis.port
            with Daemon(pipeline(folder, broker.port, port), folder) as daemon:
                try:
                    wait_for("the connection", lambda: daemon.source_state("p") == "up")
                    publisher = Publisher(broker.port)
                    publisher.start()
                    time.sleep(0.5)
                    redis.end(signal.SIGKILL)
                    end = time.monotonic() + seconds
                    most = 0
                    while time.monotonic() < end:
                        p = daemon.pipeline("p")
                        most = max(most, p["sinks"][0]["queued_bytes"])
                        assert p["sources"][0]["state"] == "up", p["sources"]
                        time.sleep(0.1)
                    assert most > (0 if SANITIZED else 256 << 10), most  # more than memory holds
                    redis = Redis(folder, port)
                    back = time.monotonic()
                    wait_for("the reconnection", lambda: daemon.pipeline("p")["sinks"][0]["state"] == "up")
                    print(f"     back {time.monotonic() - back:.2f} s after redis; {most >> 10} KiB had waited", flush=True)
                    check(redis, publisher.end())
                    ledger = wait_for("the count", lambda: (l := daemon.pipeline("p")["ledger"])["queued"] == 0 and l)
                    assert ledger["balanced"] and ledger["dropped"] == 0, ledger
                    wait_for("the buffer's files to go", lambda: not list((folder / "state").glob("**/*.rows")))
                finally:
                    redis.end()


def killed_meanwhile():
    """kill -9 again and again while redis is away: exactly once all the same"""
    dice = random.Random(time.time_ns())
    with Folder() as folder, Mosquitto(folder) as broker:
        redis = Redis(folder)
        port = redis.port
        config = pipeline(folder, broker.port, port)
        daemon = Daemon(config, folder)
        try:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            publisher = Publisher(broker.port, RATE // 2)
            publisher.start()
            time.sleep(0.3)
            redis.end(signal.SIGKILL)
            for _ in range(5):
                time.sleep(dice.uniform(0, 1.5))
                daemon.end(signal.SIGKILL)
                daemon = Daemon(config, folder)
            redis = Redis(folder, port)
            check(redis, publisher.end())
        finally:
            daemon.end()
            redis.end()


def stalled_then_restarted():
    """SIGTERM while much waits on disk: it exits within seconds and the next start sends it"""
    with Folder() as folder, Mosquitto(folder) as broker:
        redis = Redis(folder)
        port = redis.port
        config = pipeline(folder, broker.port, port)
        daemon = Daemon(config, folder)
        try:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            redis.end(signal.SIGKILL)
            publisher = Publisher(broker.port)
            publisher.start()
            time.sleep(2)
            count = publisher.end()
            wait_for("all in", lambda: daemon.pipeline("p")["ledger"]["in"] == count)
            daemon.send(signal.SIGTERM)
            assert daemon.wait(5) == 0
            daemon.end()
            redis = Redis(folder, port)
            daemon = Daemon(config, folder)
            check(redis, count)
        finally:
            daemon.end()
            redis.end()


def dead_broker():
    """SIGTERM while much waits for a broker that is not there; at_most_once then loses it and says so; another kind of sink"""
    with Folder() as folder:
        config = folder / "p.yaml"
        (folder / "in.ndjson").write_text("".join('{"n": %d, "pad": "%s"}\n' % (i, "x" * 90) for i in range(20_000)))

        def write(delivery, target, more=""):
            config.write_text(f'name: p\ndelivery: {delivery}\nfrom: {{file: "{folder}/in.ndjson", follow: true}}\nsteps:\n'
                              f'  - save: "{target}"\n    id: out\n    buffer: {{memory: 1MiB, disk: 64MiB}}\n{more}')
        broker = f"mqtt://127.0.0.1:{free_port()}/out"
        write("at_least_once", broker)
        for _ in range(2):
            with Daemon(config, folder) as daemon:
                wait_for("the queue", lambda: (p := daemon.pipeline("p")) and p["ledger"]["queued"] > 3000)
                daemon.send(signal.SIGTERM)
                assert daemon.wait(10) == 0, daemon.log()
        with Daemon(config, folder) as daemon:
            wait_for("the queue", lambda: (p := daemon.pipeline("p")) and p["ledger"]["queued"] > 3000)
            # Its rows are for a broker, not for a file: said, and no harm done.
            write("at_least_once", f"file:{folder}/out.ndjson")
            daemon.send(signal.SIGHUP)
            wait_for("the new version", lambda: "loses what waited" in daemon.log())
            wait_for("its start", lambda: (p := daemon.pipeline("p")) and p["sinks"][0]["kind"] == "file")
            assert daemon.pipeline("p")["ledger"]["balanced"]
            assert not [name for name in os.listdir(folder) if "pad" in name]
            write("at_most_once", broker)
            daemon.send(signal.SIGHUP)
            wait_for("the new version", lambda: (p := daemon.pipeline("p")) and p["delivery"] == "at_most_once")
            assert not list((folder / "state").glob("pipelines/p/checkpoint"))


def half_open():
    """connections that go silent without a word, to the broker and to redis: found out, made anew, nothing lost"""
    with Folder() as folder, Mosquitto(folder) as broker, Redis(folder) as redis:
        to_broker, to_redis = Proxy(broker.port), Proxy(redis.port)
        config = pipeline(folder, to_broker.port, to_redis.port, delivery="at_least_once", more=", keepalive: 5s")
        try:
            with Daemon(config, folder) as daemon:
                wait_for("the connection", lambda: daemon.source_state("p") == "up")
                publisher = Publisher(broker.port, RATE // 5)
                publisher.start()
                for proxy in (to_redis, to_broker):
                    time.sleep(0.5)
                    proxy.silent = True
                    time.sleep(3)
                    proxy.silent = False
                check(redis, publisher.end(), "at_least_once")
        finally:
            to_broker.close()
            to_redis.close()


def broker_away():
    """the broker dies and returns with its sessions"""
    for seconds in OUTAGES:
        with Folder() as folder, Redis(folder) as redis:
            broker = Mosquitto(folder)
            port = broker.port
            with Daemon(pipeline(folder, port, redis.port), folder) as daemon:
                try:
                    wait_for("the connection", lambda: daemon.source_state("p") == "up")
                    count = RATE
                    broker.publish("in/a", [json.dumps({"n": i}) for i in range(count)])
                    broker.end()  # writes its sessions
                    time.sleep(seconds)
                    broker = Mosquitto(folder, port)
                    back = time.monotonic()
                    wait_for("the reconnection", lambda: daemon.source_state("p") == "up")
                    print(f"     back {time.monotonic() - back:.2f} s after the broker", flush=True)
                    broker.publish("in/a", [json.dumps({"n": i}) for i in range(count, 2 * count)])
                    check(redis, 2 * count)
                finally:
                    broker.end()


def full_buffer():
    """a full buffer: block leaves the rest with the broker, drop_oldest counts what it loses"""
    for policy in ("block", "drop_oldest", "drop_newest"):
        with Folder() as folder, Mosquitto(folder) as broker:
            redis = Redis(folder)
            port = redis.port
            config = pipeline(folder, broker.port, port, buffer=f"{{memory: 64KiB, disk: 64KiB, when_full: {policy}}}")
            with Daemon(config, folder) as daemon:
                try:
                    wait_for("the connection", lambda: daemon.source_state("p") == "up")
                    redis.end(signal.SIGKILL)
                    count = 10_000
                    broker.publish("in/a", [json.dumps({"n": i, "pad": "x" * 80}) for i in range(count)])
                    if policy == "block":
                        wait_for("the pause", lambda: daemon.source_state("p") != "up" or
                                 daemon.pipeline("p")["ledger"]["in"] < count)
                        redis = Redis(folder, port)
                        check(redis, count)
                        continue
                    wait_for("all in", lambda: daemon.pipeline("p")["ledger"]["in"] == count)
                    dropped = daemon.pipeline("p")["ledger"]["dropped"]
                    assert dropped > count // 2, dropped
                    redis = Redis(folder, port)
                    wait_for("the rest", lambda: redis.call("XLEN", "out") == count - dropped)
                    got = numbers(redis)
                    assert got == sorted(got)
                    assert (got[-1] == count - 1) == (policy == "drop_oldest"), got[-1]
                    assert daemon.pipeline("p")["ledger"]["balanced"]
                finally:
                    redis.end()


def memory_limit():
    """--memory-limit: sources wait before it is reached, whatever a dead sink's buffer would allow"""
    if SANITIZED:
        return
    limit = 64
    with Folder() as folder:
        config = folder / "p.yaml"
        with open(folder / "in.ndjson", "w") as file:
            for i in range(1_500_000):
                file.write(json.dumps({"n": i, "pad": "x" * 80}) + "\n")
        config.write_text(f"""\
name: p
from: "file:{folder}/in.ndjson"
steps:
  - save: "redis://127.0.0.1:{free_port()}/out"
    buffer: {{memory: 1GiB, disk: 1GiB}}
""")
        with Daemon(config, folder, "--memory-limit", f"{limit}MiB") as daemon:
            resident = lambda: int(next(line.split()[1] for line in open(f"/proc/{daemon.pid}/status")
                                        if line.startswith("VmRSS"))) >> 10
            wait_for("the pause", lambda: (p := daemon.pipeline("p")) and "memory limit" in (p["reason"] or ""))
            most = 0
            for _ in range(20):
                most = max(most, resident())
                time.sleep(0.1)
            assert most <= limit + 24, f"{most} MiB"
            ledger = daemon.pipeline("p")["ledger"]
            assert 0 < ledger["in"] < 1_500_000 and ledger["balanced"], ledger
            print(f"     {most} MiB at most", flush=True)


if __name__ == "__main__":
    run([sink_away, killed_meanwhile, stalled_then_restarted, dead_broker, half_open, broker_away, full_buffer, memory_limit])
