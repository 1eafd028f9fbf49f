#!/usr/bin/env python3
"""`streamflowd eval`: every `$ streamflowd eval …` in docs/ prints the line below it; exit codes; typed requests."""
import json
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STREAMFLOWD = os.environ["STREAMFLOWD"]


def run(*arguments, stdin=""):
    return subprocess.run([STREAMFLOWD, "eval", *arguments], input=stdin, capture_output=True, text=True, timeout=60)


class Eval(unittest.TestCase):
    def test_examples_of_the_docs(self):
        examples = 0
        for page in sorted((ROOT / "docs").glob("*.md")):
            lines = page.read_text().splitlines()
            for number, line in enumerate(lines):
                if not line.startswith("$ streamflowd eval "):
                    continue
                examples += 1
                command = line[2:].replace("streamflowd", '"$STREAMFLOWD"', 1)
                done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
                with self.subTest(page=page.name, line=number + 1):
                    self.assertEqual(done.stdout.strip(), lines[number + 1].strip())
        self.assertGreater(examples, 8)

    def test_exit_codes(self):
        self.assertEqual(run("1 + 1").returncode, 0)
        self.assertEqual(run("1 +").returncode, 1)
        self.assertEqual(run("1 / 0").returncode, 1)
        self.assertEqual(run("a", "--record", "{").returncode, 1)
        self.assertEqual(run("a", "--record", "@/nowhere/at/all").returncode, 1)
        self.assertEqual(run("x", "--bind", "x=5").returncode, 2)
        self.assertEqual(run("x", "--bind", "x:int=five").returncode, 2)
        self.assertEqual(run().returncode, 2)
        self.assertEqual(run("1", "--typed").returncode, 2)

    def test_record_and_bindings(self):
        self.assertEqual(run("t / 2", "--record", "-", stdin='{"t": 5}').stdout, "2.5 : double\n")
        self.assertEqual(run("x / 2", "--bind", "x:int=5").stdout, "2 : int\n")
        self.assertEqual(run("x[0] + d", "--bind", "x:list=[duration('1s')]", "--bind", "d:duration=1m").stdout,
                         "duration('61s') : duration\n")

    def test_an_expression_may_begin_with_a_minus(self):
        self.assertEqual(run("-5 + 1").stdout, "-4 : int\n")
        self.assertEqual(run("-x", "--bind", "x:int=-5").stdout, "5 : int\n")
        self.assertEqual(run("--bind", "x:int=5", "-x").stdout, "-5 : int\n")
        self.assertEqual(run("--", "--x", "--bind").returncode, 2)
        self.assertEqual(run("--bind", "x:int=5", "--", "--x").stdout, "5 : int\n")
        self.assertEqual(run("--record", '{"x": 1}', "-x").stdout, "-1 : int\n")

    def test_bind_takes_one_value(self):
        self.assertEqual(run("--bind", "x:int=5", "x + 1").stdout, "6 : int\n")
        self.assertEqual(run("--bind=x:int=5", "--bind", "y:int=1", "x + y").stdout, "6 : int\n")
        self.assertEqual(run("x", "--bind").returncode, 2)
        self.assertEqual(run("x", "--bnid", "x:int=5").returncode, 2)

    def test_typed_values_in_and_out(self):
        values = [{"null": None}, {"bool": False}, {"int": "-9223372036854775808"}, {"uint": "18446744073709551615"},
                  {"double": "NaN"}, {"double": "Infinity"}, {"double": "-Infinity"}, {"double": "-0.0"},
                  {"double": "1.5"}, {"string": "é\u0000\n"}, {"bytes": "AP8="}, {"list": []}, {"map": []},
                  {"list": [{"list": [{"null": None}]}, {"optional": {"optional": None}}]},
                  {"map": [[{"bool": True}, {"int": "1"}], [{"int": "1"}, {"int": "2"}], [{"uint": "2"}, {"int": "3"}],
                           [{"string": "k"}, {"map": []}]]},
                  {"timestamp": "0001-01-01T00:00:00Z"}, {"timestamp": "9999-12-31T23:59:59.999999999Z"},
                  {"timestamp": "2024-01-01T00:00:00.1Z"}, {"duration": "-1.000000001s"}, {"duration": "0s"},
                  {"duration": "9223372036s"}, {"type": "int"}, {"type": "google.protobuf.Timestamp"},
                  {"optional": None}, {"optional": {"int": "5"}}]
        done = run("--typed", stdin="".join(json.dumps({"expr": "x", "bind": {"x": v}}) + "\n" for v in values))
        self.assertEqual([json.loads(line) for line in done.stdout.splitlines()], [{"value": v} for v in values])

    def test_typed_answers_bad_lines(self):
        deep = 100_000
        lines = [b"", b"   ", b"null", b"[]", b"{}", b'{"expr": 5}', b'{"expr": "x", "bind": []}', b"{", b"\xff\xfe",
                 b'{"expr": "\xff"}', b'{"expr": "1", "bind": {"x": {"int": "9223372036854775808"}}}',
                 b'{"expr": "x", "bind": {"x": {"what": 1}}}', b'{"expr": "x", "bind": {"x": {"int": "1", "uint": "1"}}}',
                 b'{"expr": "x", "bind": {"x": {"map": [[{"double": "1"}, {"int": "1"}]]}}}',
                 b'{"expr": "x", "bind": {"x": {"timestamp": "10000-01-01T00:00:00Z"}}}',
                 b'{"expr": "x", "bind": {"x": {"bytes": "?"}}}', b'{"expr": "x", "bind": {"x": 5}}',
                 b'{"expr": "\\ud800"}', b"[" * deep, b'{"expr": "' + b"(" * deep + b'"}',
                 b'{"expr": "x", "bind": {"x": ' + b'{"list": [' * deep + b"]}" * deep + b"}}",
                 b'{"expr": "' + b"1+" * deep + b'1"}', b'{"expr": "' + b"x" * 5_000_000 + b'"}']
        done = subprocess.run([STREAMFLOWD, "eval", "--typed"], input=b"\n".join(lines) + b'\n{"expr": "1"}\n',
                              capture_output=True, timeout=120)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(done.returncode, 0)
        self.assertEqual([set(answer) for answer in answers], [{"error"}] * len(lines) + [{"value"}])

    def test_typed_answers_each_line_and_goes_on(self):
        requests = [{"expr": "x + 1", "bind": {"x": {"int": "5"}}}, {"expr": "1 / 0"}, {"expr": "("}, {"expr": "'é'"}]
        text = "\n".join(json.dumps(request) for request in requests) + "\nno json\n" + json.dumps({"expr": "true"})
        done = run("--typed", stdin=text)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(answers), 6)
        self.assertEqual(answers[0], {"value": {"int": "6"}})
        self.assertEqual([set(answer) for answer in answers[1:3] + answers[4:5]], [{"error"}] * 3)
        self.assertEqual(answers[3], {"value": {"string": "é"}})
        self.assertEqual(answers[5], {"value": {"bool": True}})


if __name__ == "__main__":
    unittest.main()
