#!/usr/bin/env python3
"""Input that a daemon must survive: counted, sampled, dead-lettered, and nothing else stops."""
import json
import signal
import socket
import subprocess

from daemon import Daemon, Folder, Mosquitto, read_records, run, wait_for


def messages():
    """damaged messages over MQTT are counted and dead-lettered; good ones around them pass"""
    bad = ['{"v":1', '{"v":1}}', '{"v":tru}', "", "[1,2", '{"v":1,"unused":01}', "nonsense"]
    with Folder() as folder, Mosquitto(folder) as broker:
        (folder / "p.yaml").write_text(f"""\
name: p
streams:
  main:
    from: "mqtt://127.0.0.1:{broker.port}/in"
    steps:
      - filter: v > 0
      - save: "file:{folder}/good.ndjson"
  bad:
    from: main.errors
    steps:
      - save: "file:{folder}/bad.ndjson"
""")
        with Daemon(folder / "p.yaml", folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            for n, text in enumerate(bad):
                broker.publish("in", [text, json.dumps({"v": n + 1})])
            broker.publish("in", ['{"v":"text"}', "{}", '{"v":123456789012345678901234567890.5}', '{"v":null}'])
            wait_for("the good", lambda: len(read_records(folder / "good.ndjson")) == len(bad) + 1)
            pipeline = wait_for("the bad", lambda: (p := daemon.pipeline("p")) and
                                p["ledger"]["messages"] == 2 * len(bad) + 4 and p)
            ledger = pipeline["ledger"]
            assert ledger["balanced"] and ledger["failed"] == 3, ledger
            assert ledger["undecodable"] == len(bad), ledger
            wait_for("the dead letters", lambda: len(read_records(folder / "bad.ndjson")) == len(bad) + 3)
            letters = read_records(folder / "bad.ndjson")
            assert {r["original"] for r in letters} >= set(bad), letters
            assert all(r["error"] and r["step"] for r in letters)
            text = (folder / "good.ndjson").read_text()
            assert "123456789012345678901234567890.5" in text, "a long number lost digits on its way"
            assert pipeline["errors"], "no samples"


def huge_and_binary():
    """a 100 MB message is counted and sampled unless max_message allows it; broken UTF-8 is a dead letter"""
    with Folder() as folder, Mosquitto(folder) as broker:
        (folder / "p.yaml").write_text(f"""\
name: p
from: "mqtt://127.0.0.1:{broker.port}/in"
steps:
  - select: [v]
  - save: "file:{folder}/out.ndjson"
""")
        with Daemon(folder / "p.yaml", folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            big = folder / "big.json"
            big.write_bytes(b'{"v":1,"text":"' + b"x" * 100_000_000 + b'"}')
            (folder / "utf8").write_bytes(b'{"v":"\xff\xfe"}')
            for path in (big, folder / "utf8"):
                subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", "in", "-q", "1",
                                "-f", str(path)], check=True, timeout=60)
            broker.publish("in", ['{"v":2}'])
            wait_for("the records", lambda: [r.get("v") for r in read_records(folder / "out.ndjson")] == [2], 60)
            ledger = wait_for("the count", lambda: (l := daemon.pipeline("p")["ledger"])["messages"] == 3 and l)
            assert ledger["undecodable"] == 2 and ledger["balanced"], ledger
            assert any("max_message" in e["reason"] for e in daemon.pipeline("p")["errors"])


def full_disk():
    """a full disk under a file sink: state down with the reason, the other sink goes on"""
    with Folder() as folder:
        (folder / "p.yaml").write_text(f"""\
name: p
from: {{generate: sensors, rate: 200, seed: 1}}
steps:
  - save: "file:/dev/full"
  - save: "file:{folder}/good.ndjson"
""")
        with Daemon(folder / "p.yaml", folder, "--stop-timeout", "1s") as daemon:
            wait_for("the good sink", lambda: len(read_records(folder / "good.ndjson")) > 100)
            wait_for("the state", lambda: daemon.pipeline("p")["sinks"][0]["state"] == "down")
            pipeline = daemon.pipeline("p")
            assert "space" in pipeline["sinks"][0]["reason"], pipeline["sinks"][0]
            assert pipeline["state"] == "degraded" and pipeline["ledger"]["balanced"]
            daemon.send(signal.SIGTERM)
            assert daemon.wait() == 0


def no_broker():
    """an unreachable broker: the daemon starts, says why, and tries again"""
    with Folder() as folder:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        (folder / "p.yaml").write_text(
            f"name: p\nfrom: \"mqtt://user:secret@127.0.0.1:{port}/x\"\nsteps:\n  - filter: v > 1\n")
        with Daemon(folder / "p.yaml", folder) as daemon:
            wait_for("the state", lambda: daemon.source_state("p") == "down")
            source = daemon.pipeline("p")["sources"][0]
            assert "refused" in source["reason"] and source["retry_at"], source
            assert "secret" not in daemon.get("/api/v1/pipelines") + daemon.log() + daemon.get("/metrics")


def many_keys():
    """a million keys in a window: the limit fails the rest, counted, and the daemon lives"""
    with Folder() as folder:
        with open(folder / "in.ndjson", "w") as out:
            for i in range(300_000):
                out.write('{"ts":1700000000000,"k":%d}\n' % i)
        (folder / "p.yaml").write_text("from: {file: in.ndjson, time: ts}\nsteps:\n  - window: 60s\n    by: k\n"
                                       "    max_keys: 100000\n    count: true\n  - save: \"file:out.ndjson\"\n")
        with Daemon(folder / "p.yaml", folder, ready=False) as daemon:
            assert daemon.wait(60) == 0, daemon.log()
            assert "200000 failed" in daemon.log(), daemon.log()
        assert len(read_records(folder / "out.ndjson")) == 100_000


if __name__ == "__main__":
    run([messages, huge_and_binary, full_disk, no_broker, many_keys])
