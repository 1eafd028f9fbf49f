#!/usr/bin/env python3
"""Redis Streams in and out, over a real server: its death and return, kill -9, exactly once."""
import os
import random
import signal
import time

from daemon import Daemon, Folder, Redis, run, wait_for

KILLS = int(os.environ.get("STREAMFLOW_KILLS", "5"))


def config_of(folder, port, delivery="exactly_once", more=""):
    config = folder / "p.yaml"
    config.write_text(f"""\
name: p
delivery: {delivery}
from:
  redis: "redis://127.0.0.1:{port}/in"
  begin: all
steps:
  - filter: n % 2 == 0
{more}  - save: "redis://127.0.0.1:{port}/out"
""")
    return config


def values():
    """fields keep their types on the way in and their text on the way out; meta has id and key"""
    with Folder() as folder, Redis(folder) as redis:
        config = config_of(folder, redis.port, more="  - derive:\n      id: meta.id\n      stream: meta.key\n"
                           "      twice: price * 2\n      nothing: 'null'\n")
        with Daemon(config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            redis.call("XADD", "in", "7-1", "n", "2", "price", "1.50", "name", "a \"b\" é", "code", "007", "list", "[1, 2]",
                       "yes", "true")
            redis.call("XADD", "in", "7-2", "n", "3", "price", "1")
            redis.call("XADD", "in", "7-3", "n", "4", "price", "x")
            got = wait_for("the entries", lambda: len(e := redis.entries("out")) == 2 and e)
            assert got[0] == {"n": "2", "price": "1.50", "name": "a \"b\" é", "code": "007", "list": "[1, 2]",
                              "yes": "true", "id": "7-1", "stream": "in", "twice": "3.0"}, got[0]
            assert got[1] == {"n": "4", "price": "x", "id": "7-3", "stream": "in"}, got[1]  # `twice` failed: null
            wait_for("the acknowledgements", lambda: redis.call("XPENDING", "in", "streamflow:p")[0] == 0)


def by_field():
    """a field of the record chooses the stream, not the database; max_length bounds it"""
    with Folder() as folder, Redis(folder) as redis:
        config = folder / "p.yaml"
        config.write_text(f"""\
name: p
from: {{redis: "redis://127.0.0.1:{redis.port}/2/in", begin: all}}
steps:
  - save: "redis://127.0.0.1:{redis.port}/2/out:{{k}}"
    max_length: 100
""")
        with Daemon(config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            redis.pipeline([("SELECT", 2)] + [("XADD", "in", "*", "k", "a" if i % 3 else "b/1", "i", i) for i in range(3000)])
            count = lambda: daemon.pipeline("p")["ledger"]["written"]
            wait_for("the rows", lambda: count() == 3000)
            lengths = redis.pipeline([("SELECT", 2), ("XLEN", "out:a"), ("XLEN", "out:b/1")])[1:]
            assert all(100 <= n < 600 for n in lengths), lengths
            assert redis.call("KEYS", "*") == []  # database 0


def server_dies():
    """the server dies and comes back: reconnected, nothing lost or doubled"""
    with Folder() as folder:
        redis = Redis(folder)
        port = redis.port
        with Daemon(config_of(folder, port), folder) as daemon:
            try:
                wait_for("the connection", lambda: daemon.source_state("p") == "up")
                redis.pipeline([("XADD", "in", "*", "n", i) for i in range(1000)])
                wait_for("some", lambda: redis.call("XLEN", "out") > 0)
                redis.end()
                wait_for("the loss to be noticed", lambda: daemon.source_state("p") == "down")
                redis = Redis(folder, port)
                wait_for("the reconnection", lambda: daemon.source_state("p") == "up")
                redis.pipeline([("XADD", "in", "*", "n", i) for i in range(1000, 2000)])
                wait_for("all", lambda: redis.call("XLEN", "out") >= 1000)
                assert [int(e["n"]) for e in redis.entries("out")] == list(range(0, 2000, 2))
            finally:
                redis.end()


def killed():
    """exactly_once from stream to stream: kill -9 at random moments changes nothing"""
    dice = random.Random(time.time_ns())
    with Folder() as folder, Redis(folder) as redis:
        config = config_of(folder, redis.port)
        daemon = Daemon(config, folder)
        sent = 0
        try:
            for _ in range(KILLS):
                more = dice.randrange(500, 5000)
                redis.pipeline([("XADD", "in", "*", "n", i) for i in range(sent, sent + more)])
                sent += more
                time.sleep(dice.uniform(0, 0.3))
                daemon.end(signal.SIGKILL)
                daemon = Daemon(config, folder)
            wait_for("all", lambda: redis.call("XLEN", "out") >= (sent + 1) // 2)
            got = [int(e["n"]) for e in redis.entries("out")]
            assert got == list(range(0, sent, 2)), f"{len(got)} of {sent // 2}, {len(got) - len(set(got))} doubled"
            wait_for("the acknowledgements", lambda: redis.call("XPENDING", "in", "streamflow:p")[0] == 0)
        finally:
            daemon.end()


def wrong():
    """a key of another type, and a wrong password, are said"""
    with Folder() as folder, Redis(folder) as redis:
        redis.call("SET", "out", "text")
        with Daemon(config_of(folder, redis.port), folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            redis.call("XADD", "in", "*", "n", 2)
            failed = wait_for("the failure", lambda: (l := daemon.pipeline("p")["ledger"])["failed"] == 1 and l)
            assert failed["balanced"], failed
            assert "WRONGTYPE" in str(daemon.pipeline("p")["errors"]), daemon.pipeline("p")
        redis.call("CONFIG", "SET", "requirepass", "right")
        config = folder / "q.yaml"
        config.write_text(f'from: "redis://:wrong@127.0.0.1:{redis.port}/in"\nsteps:\n  - log: x\n')
        with Daemon(config, folder) as daemon:
            wait_for("the refusal", lambda: daemon.source_state("q") == "down")
            reason = daemon.pipeline("q")["sources"][0]["reason"]
            assert "WRONGPASS" in reason or "invalid" in reason, reason
            assert "wrong@" not in daemon.log()


def file_to_its_end():
    """a file to its end: the daemon exits 0 once the server has all of it, whatever the delivery"""
    for delivery in ("at_most_once", "at_least_once", "exactly_once"):
        with Folder() as folder, Redis(folder) as redis:
            (folder / "in.ndjson").write_text("".join('{"n": %d}\n' % i for i in range(100_000)))
            config = folder / "p.yaml"
            config.write_text(f'name: p\ndelivery: {delivery}\nfrom: "file:{folder}/in.ndjson"\n'
                              f'steps:\n  - save: "redis://127.0.0.1:{redis.port}/out"\n')
            with Daemon(config, folder, ready=False) as daemon:
                assert daemon.wait(60) == 0, daemon.log()
                assert redis.call("XLEN", "out") == 100_000, daemon.log()


if __name__ == "__main__":
    run([values, by_field, server_dies, killed, wrong, file_to_its_end])
