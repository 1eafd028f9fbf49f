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
