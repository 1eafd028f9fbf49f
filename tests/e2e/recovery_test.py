#!/usr/bin/env python3
"""kill -9, SIGTERM and SIGHUP in the middle of windows: the results are those of a run without them."""
import calendar
import json
import os
import random
import signal
import subprocess
import time

from daemon import STREAMFLOWD, Daemon, Folder, Mosquitto, read_records, run, wait_for

KILLS = int(os.environ.get("STREAMFLOW_KILLS", "12"))  # of each test; scripts/long: many

WINDOWED = """\
name: p
delivery: {delivery}
from:
  mqtt: "mqtt://127.0.0.1:{port}/in/#"
  time: ts
steps:
  - derive:
      warm: 'v > 50'
  - window: 10s
    by: device
    select:
      n: count()
      sum: sum(v)
      first: first(seq)
      last: last(seq)
  - save: "file:{folder}/out.ndjson"
"""
START = 1_750_000_000_000


def records(count):
    dice = random.Random(7)
    return [{"ts": START + 100 * i, "device": f"d{dice.randrange(3)}", "v": dice.randrange(100), "seq": i}
            for i in range(count)]


def windows(given):
    """What the pipeline makes of records whose times rise: {(window, device): [n, sum, first, last]}."""
    out = {}
    for r in given:
        start = r["ts"] // 10_000 * 10_000
        got = out.setdefault((start, r["device"]), [0, 0, r["seq"], 0])
        got[0] += 1
        got[1] += r["v"]
        got[3] = r["seq"]
    return out


def saved(path):
    rows = []
    for r in read_records(path):
        moment = time.strptime(r["window_start"], "%Y-%m-%dT%H:%M:%SZ")
        rows.append(((calendar.timegm(moment) * 1000, r["device"]), [r["n"], r["sum"], r["first"], r["last"]]))
    return rows


def interrupted(delivery, interrupt):
    """Publishes in pieces and calls interrupt(daemon) in between; returns the rows and the right answer."""
    dice = random.Random(time.time_ns())
    given = records(4000)
    with Folder() as folder, Mosquitto(folder) as broker:
        config = folder / "p.yaml"
        config.write_text(WINDOWED.format(delivery=delivery, port=broker.port, folder=folder))
        daemon = Daemon(config, folder)
        try:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            cuts = sorted(dice.sample(range(1, len(given)), KILLS))
            for begin, end in zip([0] + cuts, cuts + [len(given)]):
                broker.publish("in/a", [json.dumps(r) for r in given[begin:end]])
                if end == len(given):
                    break
                time.sleep(dice.uniform(0, 0.3))
                daemon = interrupt(daemon, config, folder)
            broker.publish("in/a", [json.dumps({"ts": START + 100 * len(given) + 3_600_000, "device": "end", "v": 0,
                                                "seq": len(given)})])
            expected = windows(given)
            try:
                wait_for("all windows", lambda: len({key for key, _ in saved(folder / "out.ndjson")}) >= len(expected))
            except AssertionError:
                raise AssertionError(f"{len(saved(folder / 'out.ndjson'))} of {len(expected)}\n" + daemon.log())
            count = len(given) + 1
            ledger = wait_for("the count", lambda: (l := daemon.pipeline("p")["ledger"])["written"] > 0 and l)
            assert ledger["balanced"] and ledger["in"] <= count, ledger
            return saved(folder / "out.ndjson"), expected
        finally:
            daemon.end()


def kill(daemon, config, folder):
    daemon.end(signal.SIGKILL)
    return Daemon(config, folder)


def terminate(daemon, config, folder):
    daemon.send(signal.SIGTERM)
    assert daemon.wait(5) == 0
    daemon.end()
    return Daemon(config, folder)


def hang_up(daemon, config, folder):
    text = config.read_text()
    marker = "  - derive:\n      warm"
    config.write_text(text.replace(marker, "  - log: again\n    limit: 1\n" + marker) if "log:" not in text
                      else text.replace("  - log: again\n    limit: 1\n", ""))
    before = daemon.log().count("reloaded:")
    daemon.send(signal.SIGHUP)
    wait_for("the reload", lambda: daemon.log().count("reloaded:") > before)
    return daemon


def equal(rows, expected):
    assert len(rows) == len(expected), f"{len(rows)} rows for {len(expected)} windows"
    assert dict(rows) == expected, [(k, dict(rows).get(k), v) for k, v in expected.items() if dict(rows).get(k) != v]


def killed_exactly_once():
    """exactly_once: kill -9 at random moments changes nothing"""
    equal(*interrupted("exactly_once", kill))


def killed_at_least_once():
    """at_least_once: after kill -9 every window is there and right, some twice"""
    rows, expected = interrupted("at_least_once", kill)
    assert {key for key, _ in rows} == set(expected)
    for key, row in rows:
        assert row == expected[key], f"{key}: {row} for {expected[key]}"


def terminated():
    """SIGTERM in the middle of windows: they go on after the next start"""
    equal(*interrupted("at_least_once", terminate))


def reloaded():
    """SIGHUP that changes what comes before a window and back: nothing is lost or doubled"""
    equal(*interrupted("exactly_once", hang_up))


def file_to_file():
    """a file read under kill -9: each record once, in order"""
    with Folder() as folder:
        lines = [json.dumps({"ts": START + i, "n": i}) for i in range(400_000)]
        (folder / "in.ndjson").write_text("\n".join(lines) + "\n")
        config = folder / "p.yaml"
        config.write_text(f"""\
name: p
delivery: exactly_once
from: {{file: "{folder}/in.ndjson", time: ts, follow: true}}
steps:
  - filter: n % 2 == 0
  - save: "file:{folder}/out.ndjson"
""")
        dice = random.Random(time.time_ns())
        daemon = Daemon(config, folder)
        try:
            for _ in range(KILLS):
                time.sleep(dice.uniform(0, 0.4))
                daemon = kill(daemon, config, folder)
            wait_for("the records", lambda: (folder / "out.ndjson").exists()
                     and (folder / "out.ndjson").read_bytes().count(b"\n") >= 200_000)
            assert [r["n"] for r in read_records(folder / "out.ndjson")] == list(range(0, 400_000, 2))
        finally:
            daemon.end()


def broker_to_broker():
    """exactly_once to a sink that cannot leave out what it knows: under kill -9 each result has one id, and each id one result"""
    with Folder() as folder, Mosquitto(folder) as broker:
        config = folder / "p.yaml"
        config.write_text(f"""\
name: p
delivery: exactly_once
from: {{mqtt: "mqtt://127.0.0.1:{broker.port}/in/#"}}
steps:
  - save: "mqtt://127.0.0.1:{broker.port}/out"
    version: 5
""")
        with open(folder / "heard", "wb") as heard:
            listener = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port), "-V", "5", "-q", "1",
                                         "-t", "out", "-F", "%P %p"], stdout=heard)
        daemon = Daemon(config, folder)
        try:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            dice = random.Random(time.time_ns())
            sent = 0
            for _ in range(KILLS):
                broker.publish("in/a", [json.dumps({"n": sent + i}) for i in range(500)])
                sent += 500
                time.sleep(dice.uniform(0, 0.2))
                daemon = kill(daemon, config, folder)
            rows = lambda: [line.split(" ", 1) for line in (folder / "heard").read_text().splitlines() if line.endswith("}")]
            wait_for("all", lambda: len({text for _, text in rows()}) == sent)
            got = set(map(tuple, rows()))
            assert len(got) == sent, f"{len(got)} pairs of id and record, {sent} records"
            assert all(name.startswith("_sf_id:") for name, _ in got), next(iter(got))
        finally:
            listener.terminate()
            listener.wait()
            daemon.end()


def finished_run():
    """a run that is complete leaves nothing to continue: the next one reads the file again"""
    with Folder() as folder:
        (folder / "in.ndjson").write_text('{"n": 1}\n{"n": 2}\n')
        config = folder / "p.yaml"
        config.write_text(f'from: "file:{folder}/in.ndjson"\nsteps:\n  - save: "file:{folder}/out.ndjson"\n')
        for runs in (1, 2):
            with Daemon(config, folder, ready=False) as daemon:
                assert daemon.wait() == 0, daemon.log()
            assert [r["n"] for r in read_records(folder / "out.ndjson")] == [1, 2] * runs


def state_folder():
    """`streamflowd state` tells whole from damaged, and repairs; a damaged checkpoint stops the start"""
    with Folder() as folder:
        (folder / "in.ndjson").write_text("".join('{"n": %d}\n' % i for i in range(1000)))
        config = folder / "p.yaml"
        config.write_text(f"""\
from: {{file: "{folder}/in.ndjson", follow: true}}
steps:
  - save: "file:{folder}/out.ndjson"
""")
        daemon = Daemon(config, folder)
        wait_for("the records", lambda: len(read_records(folder / "out.ndjson")) == 1000)

        def state(*arguments):
            done = subprocess.run([STREAMFLOWD, "state", str(folder / "state"), *arguments], capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

        wait_for("the log", lambda: "1 segments" in state()[1])  # results do not wait for it
        code, text = state()
        assert code == 0 and "p\n  checkpoint" in text, text
        code, text = state("--repair")
        assert code == 3 and "a daemon uses" in text, text
        daemon.end(signal.SIGKILL)
        log = max((folder / "state/pipelines/p/log").iterdir())
        with open(log, "ab") as file:
            file.write(b"torn")
        code, text = state()
        assert code == 1 and "a damaged tail of 4 bytes" in text, text
        code, text = state("--repair")
        assert code == 0 and "cut off" in text and state()[0] == 0, text
        checkpoint = folder / "state/pipelines/p/checkpoint"
        data = bytearray(checkpoint.read_bytes())
        data[-1] ^= 1
        checkpoint.write_bytes(data)
        with Daemon(config, folder, ready=False) as refused:
            assert refused.wait() == 3 and "checkpoint is damaged" in refused.log(), refused.log()
        assert state()[0] == 1 and state("--repair")[0] == 0
        with Daemon(config, folder) as daemon:
            wait_for("the source", lambda: daemon.source_state("p") == "up")


if __name__ == "__main__":
    run([killed_exactly_once, killed_at_least_once, terminated, reloaded, file_to_file, broker_to_broker,
         finished_run, state_folder])
