#!/usr/bin/env python3
"""Facts about the tree that must hold, and a one-line report of what drifts.

Fails on: an upward include, an include cycle, a third-party header outside the folder that owns it, a clock or a
sleep outside the real loop, a header without #pragma once, an unknown verb in the flow tests' coverage, a dead file.
With --compile it also compiles every header alone.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = {"core": 0, "operators": 1, "connectors": 1, "web": 1, "daemon": 2}
OWNERS = {
    "uv.h": {"daemon", "web"},
    "mosquitto.h": {"connectors"},
    "httplib.h": {"web"},
    "yaml-cpp/yaml.h": {"daemon"},
    "CLI/CLI.hpp": {"daemon"},
    "simdjson.h": {"core"},
    "re2/re2.h": {"core"},
    "sqlite3.h": {"connectors"},
}
CLOCKS = re.compile(r"\b(gettimeofday|clock_gettime|system_clock::now|steady_clock::now|sleep_for|usleep|nanosleep)\b"
                    r"|\bsleep\(")
CLOCK_FILES = {"daemon/uv_loop.cpp"}

problems = []


def sources():
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*")):
            if path.suffix in {".h", ".cpp"} and "node_modules" not in path.parts and "dashboard" not in path.parts:
                yield layer, path


def code_of(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


graph, included = {}, set()
sizes, todo, comments, lines_total = [], 0, 0, 0
for layer, path in sources():
    name = str(path.relative_to(ROOT))
    text = path.read_text()
    code = code_of(text)
    lines = text.splitlines()
    sizes.append((len(lines), name))
    lines_total += len(lines)
    todo += text.count("TODO")
    comments += sum(1 for line in lines if line.lstrip().startswith("//"))
    if path.suffix == ".h" and "#pragma once" not in text:
        problems.append(f"{name}: no #pragma once")
    graph[name] = []
    for quoted, angled in re.findall(r'#include\s+(?:"([^"]+)"|<([^>]+)>)', text):
        if quoted:
            top = quoted.split("/")[0]
            if top not in LAYERS:
                problems.append(f'{name}: "{quoted}" is not rooted at the repository')
                continue
            if LAYERS[top] > LAYERS[layer] or (LAYERS[top] == LAYERS[layer] and top != layer):
                problems.append(f"{name}: {layer} must not include {quoted}")
            graph[name].append(quoted)
            included.add(quoted)
        elif angled in OWNERS and layer not in OWNERS[angled]:
            problems.append(f"{name}: <{angled}> belongs to {', '.join(sorted(OWNERS[angled]))}")
    # The web server's deadlines are measured by its own libuv loop's clock.
    if CLOCKS.search(code) and name not in CLOCK_FILES:
        problems.append(f"{name}: a clock or a sleep outside the real loop: {CLOCKS.search(code).group(0)}")

# Dead headers: nobody includes them.
for name in graph:
    if name.endswith(".h") and name not in included:
        tests = subprocess.run(["grep", "-rlF", f'"{name}"', str(ROOT / "tests"), str(ROOT / "bench")],
                               capture_output=True, text=True).stdout
        if not tests:
            problems.append(f"{name}: nobody includes it")

# Include cycles.
state = {}


def visit(name, trail):
    state[name] = 1
    for other in graph.get(name, []):
        if state.get(other) == 1:
            problems.append("include cycle: " + " -> ".join(trail + [name, other]))
        elif other not in state:
            visit(other, trail + [name])
    state[name] = 2


for name in graph:
    if name not in state:
        visit(name, [])

# Every verb has a flow test.
verbs = set()
for path in (ROOT / "operators").rglob("*.cpp"):
    verbs.update(re.findall(r'\.verb\s*=\s*"(\w+)"', path.read_text()))
flows = "\n".join(p.read_text() for p in (ROOT / "tests/flows").glob("*.yaml"))
for verb in sorted(verbs):
    if not re.search(rf"[-{{]\s*{verb}:", flows):
        problems.append(f"verb '{verb}' has no flow test")

# What would embarrass us in public: absolute paths of a machine, registry addresses in lock files.
lock = ROOT / "web/dashboard/package-lock.json"
if lock.exists() and re.search(r"https?://", "".join(
        line for line in lock.read_text().splitlines() if '"resolved"' in line)):
    problems.append("web/dashboard/package-lock.json names a registry")

if "--compile" in sys.argv:
    for name in graph:
        if name.endswith(".h"):
            result = subprocess.run(
                ["g++", "-std=c++20", "-fsyntax-only", "-x", "c++", "-I", str(ROOT), "-DSPDLOG_COMPILED_LIB",
                 "-DSPDLOG_FMT_EXTERNAL", "-include", str(ROOT / name), "/dev/null"], capture_output=True, text=True)
            if result.returncode:
                problems.append(f"{name} does not compile alone:\n{result.stderr[:400]}")

test_lines = sum(len(p.read_text(errors="replace").splitlines()) for p in (ROOT / "tests").rglob("*")
                 if p.suffix in {".cpp", ".h", ".yaml", ".py", ".mjs"})
big = sorted((n for n in sizes if n[0] > 500), reverse=True)
print(f"tidy: {len(sizes)} files, {lines_total} lines, {100 * comments // max(lines_total, 1)} % comment lines, "
      f"{todo} TODO, tests/source {test_lines / max(lines_total, 1):.2f}, over 500 lines: "
      + (", ".join(f"{name} {n}" for n, name in big) or "none"))
for problem in problems:
    print("error:", problem)
sys.exit(1 if problems else 0)
