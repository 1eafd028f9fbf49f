#!/usr/bin/env python3
"""Start, reload, stop and the command line, with the real daemon and real files."""
import json
import os
import signal
import subprocess
import time

from daemon import STREAMFLOWD, Daemon, Folder, free_port, read_records, run, wait_for


def command(*arguments, **more):
    return subprocess.run([STREAMFLOWD, *map(str, arguments)], capture_output=True, text=True, timeout=60, **more)


GENERATED = """\
name: {name}
from:
  generate: sensors
  rate: 500
  seed: 3
steps:
  - filter: temperature > {limit}
  - window: 1h
    count: true
  - save: "file:{folder}/{name}.ndjson"
  - chart: line
"""


def reload_keeps_what_is_unchanged():
    """SIGHUP: unchanged pipelines run on untouched, changed ones restart, bad files change nothing"""
    with Folder() as folder:
        configs = folder / "pipelines"
        configs.mkdir()
        for name in ("a", "b"):
            (configs / f"{name}.yaml").write_text(GENERATED.format(name=name, limit=-50, folder=folder))
        with Daemon(configs, folder) as daemon:
            wait_for("records", lambda: daemon.pipeline("a")["ledger"]["in"] > 100)
            before = daemon.pipeline("a")
            for round in range(10):
                (configs / "b.yaml").write_text("name: b\nfrom: nowhere:x\nsteps: [{filtr: x}]\n")
                daemon.send(signal.SIGHUP)
                wait_for("the refusal", lambda: daemon.log().count("reload refused") == round + 1)
            status = daemon.status()
            assert not status["reload"]["ok"] and "filtr" in status["reload"]["error"], status["reload"]
            assert daemon.pipeline("b")["state"] == "running"
            (configs / "b.yaml").write_text(GENERATED.format(name="b", limit=5, folder=folder))
            (configs / "c.yaml").write_text(GENERATED.format(name="c", limit=0, folder=folder))
            daemon.send(signal.SIGHUP)
            wait_for("the reload", lambda: daemon.status()["reload"]["ok"])
            wait_for("the new ones", lambda: daemon.pipeline("b") and daemon.pipeline("c"))
            assert "b: loses main.2 (window)" in daemon.log() and "a: loses" not in daemon.log(), daemon.log()
            after = daemon.pipeline("a")
            assert after["ledger"]["in"] > before["ledger"]["in"]
            assert after["sources"][0]["since"] == before["sources"][0]["since"], "the source was restarted"
            assert after["steps"][1]["in"] >= before["steps"][1]["in"], "the window was restarted"
            assert daemon.pipeline("b")["steps"][0]["argument"] == "temperature > 5"
            (configs / "c.yaml").unlink()
            daemon.send(signal.SIGHUP)
            wait_for("c to go", lambda: daemon.pipeline("c") is None)
            assert daemon.status()["pipelines"][0]["ledger"]["balanced"]
            start = time.monotonic()
            daemon.send(signal.SIGTERM)
            assert daemon.wait() == 0
            assert time.monotonic() - start < 10


def ends_with_its_sources():
    """a file is read whole, the windows close, the daemon exits 0"""
    with Folder() as folder:
        lines = [json.dumps({"ts": 1_700_000_000_000 + 1000 * i, "v": i}) for i in range(100)]
        (folder / "in.ndjson").write_text("\n".join(lines))  # no newline at the end
        (folder / "p.yaml").write_text(
            "from: {file: in.ndjson, time: ts}\nsteps:\n  - window: 10s\n    sum: v\n  - save: \"file:out.ndjson\"\n")
        with Daemon(folder / "p.yaml", folder, ready=False) as daemon:
            assert daemon.wait() == 0, daemon.log()
        assert sum(r["v_sum"] for r in read_records(folder / "out.ndjson")) == sum(range(100))


def standard_streams():
    """file:- reads standard input and writes standard output"""
    with Folder() as folder:
        (folder / "p.yaml").write_text('from: "file:-"\nsteps:\n  - filter: v > 1\n  - save: "file:-"\n')
        done = command("--config", folder / "p.yaml", "--listen", "127.0.0.1:0", "--state-dir", "-",
                       input='{"v":1}\n{"v":2}\n{"v":3}\n')
        assert done.returncode == 0 and done.stdout == '{"v":2}\n{"v":3}\n', done


def replay_is_repeatable():
    """replay gives the same bytes each time, from a file, from standard input, and from CSV"""
    with Folder() as folder:
        rows = [(1_700_000_000_000 + 137 * i, f"d{i % 7}", (i * 7919) % 100 / 10) for i in range(5000)]
        (folder / "in.ndjson").write_text("".join(
            json.dumps({"ts": t, "device": d, "v": v}) + "\n" for t, d, v in rows))
        (folder / "in.csv").write_text("ts,device,v\n" + "".join(f"{t},{d},{v}\n" for t, d, v in rows))
        (folder / "p.yaml").write_text("from: {mqtt: \"mqtt://nowhere.invalid/x\", time: ts}\nsteps:\n"
                                       "  - window: 60s\n    by: device\n    mean: v\n    max: v\n")
        first = command("replay", folder / "p.yaml", "--input", folder / "in.ndjson")
        assert first.returncode == 0 and len(first.stdout.splitlines()) > 50, first
        again = command("replay", folder / "p.yaml", "--input", folder / "in.ndjson")
        piped = command("replay", folder / "p.yaml", "--input", "-", input=(folder / "in.ndjson").read_text())
        csv = command("replay", folder / "p.yaml", "--input", folder / "in.csv", "--output", folder / "out.ndjson",
                      "--ledger", folder / "ledger.json")
        assert again.stdout == first.stdout and piped.stdout == first.stdout
        assert csv.returncode == 0 and (folder / "out.ndjson").read_text() == first.stdout, csv.stderr
        ledger = json.loads((folder / "ledger.json").read_text())
        assert ledger["ledger"]["in"] == 5000 and ledger["ledger"]["balanced"], ledger
        no_time = folder / "q.yaml"
        no_time.write_text("from: \"mqtt://nowhere.invalid/x\"\nsteps:\n  - filter: v > 1\n")
        assert command("replay", no_time, "--input", folder / "in.ndjson").returncode == 2


def exit_codes():
    """exit codes: 1 bad pipeline, 2 usage, 3 runtime failure, each with a clear message"""
    with Folder() as folder:
        good = folder / "good.yaml"
        good.write_text("from: {generate: sensors}\nsteps:\n  - filter: temperature > 1\n")
        bad = folder / "bad.yaml"
        bad.write_text("from: {generate: sensors}\nsteps:\n  - filtr: temperature > 1\n")
        assert command("check", good).returncode == 0
        done = command("check", bad)
        assert done.returncode == 1 and "did you mean 'filter'?" in done.stderr, done.stderr
        assert "bad.yaml:3:5" in done.stderr, done.stderr
        assert command("--config", bad).returncode == 1
        assert command("--config", folder / "absent.yaml").returncode == 1
        assert command("--no-such-flag").returncode == 2
        assert command().returncode == 2
        assert command("--config", good, "--listen", "0.0.0.0:8080").returncode == 2
        port = free_port()
        with Daemon(good, folder) as daemon:
            taken = daemon.url.rsplit(":", 1)[1]
            done = command("--config", good, "--listen", f"127.0.0.1:{taken}", "--state-dir", "-")
            assert done.returncode == 3 and "cannot listen" in done.stderr, done
            done = command("--config", good, "--listen", f"127.0.0.1:{port}", "--state-dir", folder / "state")
            assert done.returncode == 3 and "another streamflowd" in done.stderr, done
        blocked = folder / "file"
        blocked.write_text("")
        done = command("--config", good, "--listen", "127.0.0.1:0", "--state-dir", blocked / "state")
        assert done.returncode == 3 and "cannot write the state folder" in done.stderr, done
        for arguments in (["schema"], ["list"], ["list", "verb", "window"], ["list", "source", "mqtt"], ["version"],
                          ["demo", "--eject"], ["explain", good]):
            done = command(*arguments)
            assert done.returncode == 0 and done.stdout, arguments
        json.loads(command("schema").stdout)


def demo_ejects_a_good_pipeline():
    """demo --eject prints a pipeline that check accepts"""
    with Folder() as folder:
        (folder / "demo.yaml").write_text(command("demo", "--eject").stdout)
        assert command("check", folder / "demo.yaml").returncode == 0


def examples_are_good():
    """every file in configs/ is accepted by check, and its tests pass"""
    configs = os.path.join(os.path.dirname(__file__), "..", "..", "configs")
    for name in sorted(os.listdir(configs)):
        done = command("check", os.path.join(configs, name))
        assert done.returncode == 0, done.stderr
    done = command("test", configs)
    assert done.returncode == 0, done.stdout


if __name__ == "__main__":
    run([reload_keeps_what_is_unchanged, ends_with_its_sources, standard_streams, replay_is_repeatable, exit_codes,
         demo_ejects_a_good_pipeline, examples_are_good])
