#!/usr/bin/env python3
"""A minute (STREAMFLOW_SOAK seconds) of reconnects, keys that come and go, scrapes and viewers: memory and descriptors stay flat."""
import json
import os
import time
import urllib.error
import urllib.request

from daemon import Daemon, Folder, Mosquitto, Redis, run, wait_for
from load import Proxy

SECONDS = float(os.environ.get("STREAMFLOW_SOAK", "60"))
GROWTH_MIB = 4

PIPELINE = """\
name: p
from: {{mqtt: "mqtt://127.0.0.1:{broker}/in/#", time: ts}}
steps:
  - derive: {{hot: v > 50}}
  - chart: line
    y: v
    by: device
  - window: 1s
    by: device
    mean: v
  - save: "redis://127.0.0.1:{redis}/out"
    max_length: 1000
"""


def resident_kib(pid):
    return int(next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def stays_flat():
    """memory and descriptors after the first third are those at the end"""
    with Folder() as folder, Mosquitto(folder) as broker, Redis(folder) as redis:
        proxy = Proxy(broker.port)
        config = folder / "p.yaml"
        config.write_text(PIPELINE.format(broker=proxy.port, redis=redis.port))
        with Daemon(config, folder) as daemon:
            wait_for("the connection", lambda: daemon.source_state("p") == "up")
            begin, sent, cuts = time.monotonic(), 0, 0
            samples = []
            while (passed := time.monotonic() - begin) < SECONDS:
                now = int(time.time() * 1000)
                # Three hundred keys that nobody will see again, each tick.
                broker.publish("in/a", [json.dumps({"ts": now, "device": f"d{sent + i}", "v": i % 100}) for i in range(300)])
                sent += 300
                for path in ("/metrics", "/api/v1/pipelines", "/api/v1/charts", "/healthz", "/nowhere"):
                    try:
                        daemon.get(path)
                    except urllib.error.HTTPError as error:
                        assert error.code == 404
                viewer = urllib.request.urlopen(daemon.url + "/api/v1/stream", timeout=10)
                viewer.read(100)
                viewer.close()
                if passed > 5 * (cuts + 1):
                    cuts += 1
                    for s in proxy.sockets:
                        try:
                            s.shutdown(2)
                        except OSError:
                            pass
                    proxy.sockets.clear()
                samples.append((passed, resident_kib(daemon.pid), descriptors(daemon.pid)))
                time.sleep(0.1)
            wait_for("the connection", lambda: daemon.source_state("p") in ("up", "silent"))
            later = [s for s in samples if s[0] > SECONDS / 3]
            quarter = max(1, len(later) // 4)
            first = sorted(s[1] for s in later[:quarter])[quarter // 2]
            last = sorted(s[1] for s in later[-quarter:])[quarter // 2]
            fds = (max(s[2] for s in later[:quarter]), max(s[2] for s in later[-quarter:]))
            print(f"     {sent} records and keys, {cuts} cuts; {first} KiB then {last} KiB; descriptors {fds}", flush=True)
            assert last - first < GROWTH_MIB << 10, samples[:: max(1, len(samples) // 20)]
            assert fds[1] <= fds[0] + 2, fds
            # What was published behind the last cut comes with the session.
            ledger = wait_for("all", lambda: (l := daemon.pipeline("p")["ledger"])["in"] >= sent and l)
            assert ledger["balanced"], ledger
        proxy.close()


run([stays_flat])
