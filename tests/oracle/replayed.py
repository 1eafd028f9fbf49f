"""Runs `streamflowd replay` on records and gives back what each stream sent; makes ugly data."""
import json
import math
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

STREAMFLOWD = os.environ["STREAMFLOWD"]


class Folder:
    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="streamflow-oracle-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def replay(pipeline, records, streams=("main",)):
    """The records of each stream, times in microseconds since the epoch."""
    return replay_several(pipeline, {None: records}, streams)


def replay_several(pipeline, inputs, streams=("main",)):
    """The same for records of several streams, by name."""
    with Folder() as folder:
        (folder / "p.yaml").write_text(pipeline)
        arguments = [STREAMFLOWD, "replay", folder / "p.yaml", "--timestamps", "us"]
        for i, (name, records) in enumerate(inputs.items()):
            path = folder / f"in{i}.ndjson"
            with open(path, "w") as file:
                for record in records:
                    file.write(json.dumps(record) + "\n")
            arguments += ["--input", f"{name}={path}" if name else path]
        for name in streams:
            arguments += ["--output", f"{name}={folder / name}.ndjson"]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return {name: [json.loads(line) for line in open(folder / f"{name}.ndjson")] for name in streams}


def ugly(seed, count=2000, keys=4, start=1_700_000_000, disorder=0.0, step=7.0):
    """Records {ts, k, v, w, s} with gaps, equal times, nulls, missing fields and keys, large and tiny values; `disorder`
    seconds is how far a record may come after a later one.  ts is in microseconds."""
    rng = random.Random(seed)
    records, now = [], start * 1_000_000
    for _ in range(count):
        now += rng.choice([0, 0, 1, 1_000, rng.randrange(int(step * 1e6)), rng.randrange(int(step * 1e6))])
        if rng.random() < 0.004:
            now += rng.randrange(int(300 * 1e6))
        record = {"ts": now - (rng.randrange(int(disorder * 1e6) + 1) if disorder else 0)}
        if rng.random() < 0.97:
            record["k"] = f"key {rng.randrange(keys)}"
        kind = rng.random()
        if kind < 0.05:
            record["v"] = None
        elif kind < 0.95:
            record["v"] = rng.choice([rng.gauss(20, 5), rng.randrange(50), 1e6 + rng.random(), -3.5])
        if rng.random() < 0.9:
            record["w"] = rng.gauss(0, 1)
        if rng.random() < 0.9:
            record["s"] = rng.choice(["a", "b", "ç", "d e", ""])
        records.append(record)
    return records


def close(found, expected, what, relative=1e-9, scale=0.0):
    """Equal within 1e-9 relative, of the result or of the data it is made from; null is NaN."""
    missing = expected is None or (isinstance(expected, float) and math.isnan(expected))
    if missing or found is None:
        assert missing and found is None, f"{what}: {found} instead of {expected}"
        return
    tolerance = relative * max(abs(expected), scale)
    assert abs(found - expected) <= tolerance, f"{what}: {found!r} instead of {expected!r}"


def same(found, expected, what):
    missing = expected is None or (isinstance(expected, float) and math.isnan(expected))
    if missing:
        expected = None
    assert found == expected, f"{what}: {found!r} instead of {expected!r}"


def main(*cases):
    for case in cases:
        case()
        print("ok", case.__doc__)
