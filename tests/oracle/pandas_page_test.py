#!/usr/bin/env python3
"""docs/pandas.md: each pandas call, its StreamFlow step, and what both give, from executed code.

Without arguments: fails unless both give the same (1e-9) in every row, or really differ where the page says so, and the
page is what the code gives.  With --write the page is written anew.  The rows are in pandas_rows.py."""
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from pandas_rows import RECORDS, RIGHT, SECTIONS
from replayed import replay_several

warnings.simplefilter("ignore")
PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "pandas.md"
HEAD = """\
# pandas and StreamFlow, call by call

Every row was executed: the pandas call on a table, the step on the same records as a stream, and both results are here as
they came out. `tests/oracle/pandas_page_test.py` makes this page, and fails when a result differs by more than 1e-9
(relative), or from this page. Only where the last column says so do they differ, and the test checks that they do. Results
are lists of the fields asked for, one entry a record; `·` is null or NaN, times are seconds since 1970.

`df` is the table of the records below with the index `time`; `other` is a second stream. Both come in the order of time;
on a stream with `lateness` any order of arrival within it gives the same.

```python
{records}
```
"""
TIMES = {"window_start", "window_end", "time", "at"}


def frame(records):
    table = pd.DataFrame(records)
    table["time"] = pd.to_datetime(table["ts"], unit="s", utc=True)
    return table.set_index("time", drop=False).rename_axis(None)


def plain(value):
    """A cell as it is compared: None, bool, number, text or list."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if value is None or value is pd.NaT or (isinstance(value, (float, np.floating)) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.timestamp()
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    return str(value) if isinstance(value, str) else value


def of_pandas(result):
    if isinstance(result, pd.DataFrame):
        rows = [list(row) for row in result.itertuples(index=False)]
        return [plain(row) if len(row) > 1 else plain(row[0]) for row in rows]
    return [plain(value) for value in (result.tolist() if isinstance(result, (pd.Series, pd.Index)) else result)]


def on_one_line(steps):
    """Each step on a line of its own: `- window: 10s`, or `- {window: 10s, by: k}`."""
    lines = steps.split("\n- ") if steps.startswith("- ") else []
    lines = [line.removeprefix("- ").replace("\n  ", ", ") for line in lines]
    parts = [part.count("\n  ") for part in steps.split("\n- ")]
    return "\n".join(f"- {{{line}}}" if more else f"- {line}" for line, more in zip(lines, parts)) or steps


def of_streamflow(steps, take):
    lines = "".join(f"      {line}\n" for line in steps.splitlines())
    pipeline = f"""streams:
  df: {{from: {{file: "-", time: ts, time_unit: s}}}}
  other: {{from: {{file: "-", time: ts, time_unit: s}}}}
  main:
    from: df
    steps:
{lines}"""
    if steps.startswith("from:"):
        pipeline = pipeline[:pipeline.index("    from: df\n    steps:")] + "".join(
            f"    {line}\n" for line in steps.splitlines())
    found = replay_several(pipeline, {"df": RECORDS, "other": RIGHT})["main"]
    cell = lambda record, name: (record[name] / 1e6 if name in TIMES and record.get(name) is not None
                                 else record.get(name))
    rows = [[cell(record, name) for name in take] for record in found]
    return [row if len(take) > 1 else row[0] for row in rows]


def equal(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b))
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) if numbers else a == b and type(a) is type(b)


def shown(value, most=7):
    if isinstance(value, list):
        return "[" + ", ".join([shown(item) for item in value[:most]] + (["…"] if len(value) > most else [])) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    if value is None:
        return "·"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.12g}"
    return f"'{value}'"


def code(text):
    return "<br>".join(f"`{line}`".replace("|", "\\|") for line in text.splitlines())


def page():
    def listed(name, records):
        return f"{name} = [\n" + "".join(f"    {record},\n" for record in records) + "]"

    text = HEAD.format(records=listed("df", RECORDS) + "\n" + listed("other", RIGHT))
    wrong, count = [], 0
    for title, intro, rows in SECTIONS:
        text += f"\n## {title}\n{intro}" + ("\n" if intro else "")
        text += "\n| pandas | StreamFlow | pandas gives | StreamFlow gives | |\n|--|--|--|--|--|\n"
        for row in rows:
            call, steps, take = row[0], on_one_line(row[1]), row[2]
            note = row[3] if len(row) > 3 else ""
            count += 1
            names = {"df": frame(RECORDS), "other": frame(RIGHT), "pd": pd, "np": np}
            theirs = of_pandas(eval(call.replace("\n", ""), names))  # our own text, of pandas_rows.py
            try:
                ours = of_streamflow(steps, take)
            except AssertionError as error:  # it was refused
                ours = str(error)
            differs = note.startswith("differs")
            if equal(theirs, ours) == differs:
                wrong.append(f"{call}\n  pandas:     {theirs}\n  streamflow: {ours}")
            text += f"| {code(call)} | {code(steps)} | {shown(theirs)} | {shown(ours)} | {note} |\n"
    return text, wrong, count


def main():
    text, wrong, count = page()
    if "--write" in sys.argv:
        PAGE.write_text(text)
    print("\n".join(wrong))
    assert not wrong, f"{len(wrong)} of {count} rows"
    assert PAGE.read_text() == text, f"{PAGE} is not what the code gives: run this with --write"
    print(f"ok {count} pandas calls and their steps give the same, or differ as docs/pandas.md says")


if __name__ == "__main__":
    main()
