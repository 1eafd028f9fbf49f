#!/usr/bin/env python3
"""Start, reload, stop and the command line, with the real daemon and real files."""
import json
import os
import pty
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

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


# Its sink waits for a folder: it drains when that comes, or at the stop timeout.
WAITING = """\
name: r
delivery: at_most_once
from:
  generate: sensors
  rate: 500
steps:
  - filter: temperature > {limit}
  - save: "file:{folder}/later/r.ndjson"
  - chart: line
    y: temperature
"""


def write_waiting(configs, folder, limit):
    (configs / "r.yaml").write_text(WAITING.format(folder=folder, limit=limit))


def waiting_daemon(folder, *arguments):
    configs = folder / "pipelines"
    configs.mkdir()
    (configs / "a.yaml").write_text(GENERATED.format(name="a", limit=-50, folder=folder))
    write_waiting(configs, folder, -50)
    daemon = Daemon(configs, folder, *arguments)
    wait_for("records", lambda: (r := daemon.pipeline("r")) and r["ledger"]["queued"] > 100)
    return configs, daemon


def reload(daemon):
    before = daemon.log().count("reloaded:")
    daemon.send(signal.SIGHUP)
    wait_for("the reload", lambda: daemon.log().count("reloaded:") > before)


def removed_before_it_started():
    """SIGHUP: a new version that waits for the old one to drain does not start when it is removed meanwhile"""
    with Folder() as folder:
        configs, daemon = waiting_daemon(folder)
        with daemon:
            write_waiting(configs, folder, -40)
            reload(daemon)
            (configs / "r.yaml").unlink()
            reload(daemon)
            (folder / "later").mkdir()
            wait_for("the old version's end", lambda: re.search(r"r: \d+ in", daemon.log()))
            time.sleep(0.3)  # it would be there at once
            assert daemon.pipeline("r") is None, daemon.log()
            assert [p["name"] for p in daemon.status()["pipelines"]] == ["a"]


def stopped_while_retiring():
    """SIGTERM waits for a pipeline that a reload is draining, and says what it wrote"""
    with Folder() as folder:
        configs, daemon = waiting_daemon(folder)
        with daemon:
            (configs / "r.yaml").unlink()
            reload(daemon)
            daemon.send(signal.SIGTERM)
            wait_for("the stop", lambda: "stopping" in daemon.log())
            time.sleep(0.3)
            (folder / "later").mkdir()
            assert daemon.wait() == 0, daemon.log()
            came = int(re.search(r"r: (\d+) in", daemon.log()).group(1))
            assert len(read_records(folder / "later" / "r.ndjson")) == came > 100, daemon.log()


def lost_at_the_stop_timeout():
    """what is still queued at the stop timeout is lost: exit code 3"""
    with Folder() as folder:
        configs, daemon = waiting_daemon(folder, "--stop-timeout", "300ms")
        with daemon:
            daemon.send(signal.SIGTERM)
            assert daemon.wait() == 3, daemon.log()
            assert re.search(r"r: .* still queued", daemon.log()), daemon.log()


def pages_hear_of_the_new_charts():
    """a changed pipeline's page hears of the reload, and again when the new version has started"""
    with Folder() as folder:
        configs, daemon = waiting_daemon(folder)
        with daemon, urllib.request.urlopen(daemon.url + "/api/v1/stream", timeout=30) as stream:
            def next_reload():
                while not stream.readline().startswith(b"event: reload"):
                    pass
                return json.loads(stream.readline().removeprefix(b"data: "))
            write_waiting(configs, folder, -40)
            daemon.send(signal.SIGHUP)
            assert next_reload()["charts_changed"]
            (folder / "later").mkdir()
            assert next_reload()["charts_changed"]
            assert daemon.pipeline("r")["charts"] == ["r.main.3"]
            assert "r.main.3" in daemon.get("/api/v1/charts")


def reload_goes_on_in_a_file():
    """a changed pipeline goes on where it was in a file: nothing twice, nothing lost, CSV too, whatever the delivery"""
    for delivery in ("at_most_once", "at_least_once", "exactly_once"):
        goes_on_in_a_file(delivery)


def goes_on_in_a_file(delivery):
    with Folder() as folder:
        configs = folder / "pipelines"
        configs.mkdir()
        pipeline = ("name: {name}\ndelivery: " + delivery + "\nfrom: {{file: \"{folder}/in.{name}\", follow: true}}\nsteps:\n"
                    "  - filter: n >= {limit}\n  - save: \"file:{folder}/out.{name}\"\n    format: ndjson\n")
        csv, ndjson = folder / "in.csv", folder / "in.ndjson"
        csv.write_text("n,s\n" + "".join(f"{n},x\n" for n in range(100)))
        ndjson.write_text("".join(f'{{"n":{n}}}\n' for n in range(100)))

        def write(limit):
            for name in ("csv", "ndjson"):
                (configs / f"{name}.yaml").write_text(pipeline.format(name=name, folder=folder, limit=limit))

        def values(name):
            return [r["n"] for r in read_records(folder / f"out.{name}")]
        write(0)
        with Daemon(configs, folder) as daemon:
            wait_for("the first", lambda: len(values("csv")) == 100 and len(values("ndjson")) == 100)
            loaded = daemon.status()["reload"]["loaded_at"]
            write(-1)
            reload(daemon)
            wait_for("the new version", lambda: all(
                (p := daemon.pipeline(name)) and p["steps"][0]["argument"] == "n >= -1" for name in ("csv", "ndjson")))
            with open(csv, "a") as f:
                f.write("".join(f"{n},x\n" for n in range(100, 150)))
            with open(ndjson, "a") as f:
                f.write("".join(f'{{"n":{n}}}\n' for n in range(100, 150)))
            wait_for("the rest", lambda: len(values("csv")) >= 150 and len(values("ndjson")) >= 150)
            assert values("csv") == values("ndjson") == list(range(150))
            good = daemon.status()["reload"]
            assert good["loaded_at"] > loaded
            (configs / "csv.yaml").write_text("from: nowhere:x\n")
            daemon.send(signal.SIGHUP)
            wait_for("the refusal", lambda: not daemon.status()["reload"]["ok"])
            bad = daemon.status()["reload"]
            assert bad["loaded_at"] == good["loaded_at"] and bad["at"] > good["at"], bad


def reload_of_what_has_ended():
    """a pipeline whose files have ended, changed: nothing is read again"""
    with Folder() as folder:
        config = folder / "p.yaml"
        (folder / "in.ndjson").write_text("".join('{"n": %d}\n' % i for i in range(100)))

        def write(title):
            config.write_text(f'name: p\nfrom: "file:{folder}/in.ndjson"\nsteps:\n  - save: "file:{folder}/out.ndjson"\n'
                              f'  - chart: line\n    y: n\n    title: {title}\n')
        write("one")
        with Daemon(config, folder) as daemon:
            wait_for("the records", lambda: len(read_records(folder / "out.ndjson")) == 100)
            for title in ("two", "three"):
                write(title)
                reload(daemon)
                wait_for("the new version", lambda: daemon.pipeline("p") and title in daemon.get("/api/v1/charts"))
                wait_for("its end", lambda: daemon.source_state("p") == "ended")
            assert len(read_records(folder / "out.ndjson")) == 100


def exits_without_what_ran_on():
    """a reload that removes the last pipeline with input left ends the daemon"""
    with Folder() as folder:
        configs = folder / "pipelines"
        configs.mkdir()
        (configs / "r.yaml").write_text(
            f'name: r\nfrom: {{file: "{folder}/in", follow: true}}\nsteps:\n  - save: "file:{folder}/out"\n')
        (configs / "done.yaml").write_text(
            f'name: done\nfrom: "file:{folder}/in"\nsteps:\n  - save: "file:{folder}/out2"\n')
        (folder / "in").write_text('{"n":1}\n')
        with Daemon(configs, folder) as daemon:
            wait_for("the end of one", lambda: (p := daemon.pipeline("done")) and p["state"] == "stopped")
            (configs / "r.yaml").unlink()
            daemon.send(signal.SIGHUP)
            assert daemon.wait() == 0, daemon.log()


def colours_stay_in_the_terminal():
    """problems are coloured on a terminal, and plain in the API"""
    with Folder() as folder:
        config = folder / "p.yaml"
        config.write_text("from: {generate: sensors}\nsteps:\n  - filter: temperature > 1\n")
        ours, theirs = pty.openpty()
        daemon = subprocess.Popen([STREAMFLOWD, "--config", config, "--listen", "127.0.0.1:0", "--state-dir", "-"],
                                  stderr=theirs)
        os.close(theirs)
        try:
            said = b""

            def hear(what):
                nonlocal said
                while not (found := re.search(what, said)):
                    said += os.read(ours, 4096)
                return found
            url = hear(rb"dashboard at (http://\S+)/").group(1).decode()
            config.write_text("from: {generate: sensors}\nsteps:\n  - filtr: temperature > 1\n")
            daemon.send_signal(signal.SIGHUP)
            hear(b"reload refused")

            def refusal():
                with urllib.request.urlopen(url + "/api/v1/pipelines", timeout=10) as reply:
                    return json.loads(reply.read())["reload"]["error"]
            error = wait_for("the refusal", refusal)
            assert "filtr" in error and "\x1b" not in error, error
            daemon.send_signal(signal.SIGTERM)
            hear(b"written")
            assert daemon.wait(20) == 0
        finally:
            daemon.kill()
            daemon.wait()
            os.close(ours)


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


def replay_says_what_it_could_not_do():
    """replay: unreadable input, a CSV that lacks a field, and sinks that did not write are exit codes"""
    with Folder() as folder:
        (folder / "in.ndjson").write_text('{"a":1}\n{"a":2,"b":3}\n{"a":4}\n')
        def pipeline(steps):
            (folder / "p.yaml").write_text(f"from: {{mqtt: \"mqtt://nowhere.invalid/x\"}}\nsteps:\n{steps}")
            return folder / "p.yaml"
        plain = pipeline("  - filter: a > 0\n")
        done = command("replay", plain, "--interval", "1s", "--input", folder / "in.ndjson", "--output", folder / "o.csv")
        assert done.returncode == 3 and "'b' is not in the CSV header" in done.stderr, done
        assert (folder / "o.csv").read_text() == "a\n1\n"
        done = command("replay", plain, "--interval", "1s", "--input", folder)
        assert done.returncode == 3 and "cannot read" in done.stderr, done
        run = ["--interval", "1s", "--input", folder / "in.ndjson", "--with-sinks"]
        done = command("replay", pipeline('  - save: "mqtt://nowhere.invalid/y"\n'), *run)
        assert done.returncode == 2 and "saves to mqtt" in done.stderr and not done.stdout, done
        done = command("replay", pipeline('  - save: "file:none/{a}.ndjson"\n'), *run)
        assert done.returncode == 3 and "did not write 3 records" in done.stderr, done
        assert "no folder" in done.stderr, done
        done = command("replay", pipeline('  - save: "file:out.csv"\n'), *run)
        assert done.returncode == 3 and "did not write 1 record: field 'b'" in done.stderr, done
        done = command("replay", pipeline('  - log: here\n  - save: "file:out.ndjson"\n'), *run)
        assert done.returncode == 0 and len(read_records(folder / "out.ndjson")) == 3, done


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
            assert done.returncode == 3 and done.stderr.count("cannot listen") == 1, done
            done = command("--config", good, "--listen", f"127.0.0.1:{port}", "--state-dir", folder / "state")
            assert done.returncode == 3 and "another streamflowd" in done.stderr, done
        done = command("test", good, "--junit", folder / "absent" / "junit.xml")
        assert done.returncode == 3 and "cannot write" in done.stderr, done
        done = command(env={**os.environ, "STREAMFLOW_CONFIG": str(bad)})
        assert done.returncode == 1 and "did you mean 'filter'?" in done.stderr, done
        blocked = folder / "file"
        blocked.write_text("")
        done = command("--config", good, "--listen", "127.0.0.1:0", "--state-dir", blocked / "state")
        assert done.returncode == 3 and "cannot write the state folder" in done.stderr, done
        for arguments in (["schema"], ["list"], ["list", "verb", "window"], ["list", "source", "mqtt"], ["version"],
                          ["demo", "--eject"], ["explain", good]):
            done = command(*arguments)
            assert done.returncode == 0 and done.stdout, arguments
        json.loads(command("schema").stdout)


def listens_where_it_says():
    """an IPv6 address in brackets, and further hosts by the environment"""
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            return  # no IPv6 here
    with Folder() as folder:
        (folder / "p.yaml").write_text("from: {generate: sensors}\nsteps:\n  - filter: temperature > 1\n")
        os.environ["STREAMFLOW_ALLOWED_HOST"] = "one.example,two.example"
        try:
            with Daemon(folder / "p.yaml", folder, "--listen", "[::1]:0") as daemon:
                assert daemon.url.startswith("http://[::1]:"), daemon.url
                assert daemon.status()["pipelines"]
                ask = urllib.request.Request(daemon.url + "/healthz", headers={"Host": "two.example"})
                assert urllib.request.urlopen(ask, timeout=10).status == 200
        finally:
            del os.environ["STREAMFLOW_ALLOWED_HOST"]


def demo_ejects_a_good_pipeline():
    """demo --eject prints a pipeline that check accepts"""
    with Folder() as folder:
        (folder / "demo.yaml").write_text(command("demo", "--eject").stdout)
        assert command("check", folder / "demo.yaml").returncode == 0


KEPT = """\
name: k
from: {{generate: sensors, rate: 200, seed: 1}}
steps:
  - filter: temperature > -100
  - window: 1h
    by: device
    mean: temperature
  - derive: {{warm: temperature_mean > {warm}}}
  - save: "file:{folder}/k.ndjson"
"""


def post(daemon, path):
    try:
        with urllib.request.urlopen(urllib.request.Request(daemon.url + path, b"", method="POST"), timeout=10) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def reload_by_post_and_by_watching():
    """POST /api/v1/reload and --watch reload as SIGHUP does; check --against-running says before what it will do"""
    with Folder() as folder:
        config = folder / "k.yaml"
        config.write_text(KEPT.format(folder=folder, warm=20))
        with Daemon(config, folder, "--watch") as daemon:
            address = daemon.url.removeprefix("http://")

            def foretold():
                done = command("check", "--against-running", "--listen", address, config)
                assert done.returncode == 0, done.stderr
                return done.stdout
            wait_for("open windows", lambda: (p := daemon.pipeline("k")) and p["steps"][1]["unfinished"])
            assert "k: unchanged, runs on untouched" in foretold()
            # Somewhere else first, so that the watch sees it whole and only once.
            config.with_suffix(".next").write_text(KEPT.format(folder=folder, warm=30))
            os.replace(config.with_suffix(".next"), config)
            told = foretold()
            assert re.search(r"k: changed, restarts\n  source main \(.*\) goes on\n", told), told
            assert "\n  main.2 (window 1h) keeps 1 open window" in told, told
            assert "main.3 (derive warm) begins anew" in told, told
            wait_for("the watch", lambda: daemon.log().count("reloaded:") == 1)
            wait_for("the new version", lambda: "k: keeps 1 open window of main.2" in daemon.log())
            wait_for("its start", lambda: daemon.pipeline("k") and daemon.pipeline("k")["steps"][1]["unfinished"])
            assert post(daemon, "/api/v1/reload") == (200, {"reloaded": True})
            config.write_text("from: nowhere\n")
            status, answer = post(daemon, "/api/v1/reload")
            assert status == 422 and "k.yaml:1" in answer["error"], (status, answer)
            assert daemon.pipeline("k")["state"] == "running"
            assert command("check", "--against-running", "--listen", "127.0.0.1:1", folder / "k.yaml").returncode == 1
            config.write_text(KEPT.format(folder=folder, warm=30))
            assert command("check", "--against-running", "--listen", "127.0.0.1:1", config).returncode == 3


def examples_are_good():
    """every file in configs/ is accepted by check, and its tests pass"""
    configs = os.path.join(os.path.dirname(__file__), "..", "..", "configs")
    for name in sorted(os.listdir(configs)):
        done = command("check", os.path.join(configs, name))
        assert done.returncode == 0, done.stderr
    done = command("test", configs)
    assert done.returncode == 0, done.stdout


if __name__ == "__main__":
    run([reload_keeps_what_is_unchanged, removed_before_it_started, stopped_while_retiring, lost_at_the_stop_timeout,
         pages_hear_of_the_new_charts, reload_goes_on_in_a_file, exits_without_what_ran_on,
         colours_stay_in_the_terminal, ends_with_its_sources, standard_streams, replay_is_repeatable,
         replay_says_what_it_could_not_do, exit_codes, listens_where_it_says,
         reload_by_post_and_by_watching, reload_of_what_has_ended, demo_ejects_a_good_pipeline, examples_are_good])
