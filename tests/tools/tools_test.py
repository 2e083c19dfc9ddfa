"""Tests of the scripts that judge other tests: they must not be fooled."""

import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent
ROOT = TOOLS.parents[1]


def run(*command):
    return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)


class CheckMutant(unittest.TestCase):
    """Each test program is a shell script that behaves in one way."""

    def check(self, script, *options):
        with tempfile.TemporaryDirectory() as scratch:
            program = pathlib.Path(scratch, "program")
            program.write_text(script, encoding="utf-8")
            return run(sys.executable, TOOLS / "check_mutant", "fault", *options, "--", "bash", program)

    def test_a_program_that_fails_only_with_the_fault_has_caught_it(self):
        self.assertEqual(self.check('[[ "${COORDHUB_MUTANT:-}" != fault ]]').returncode, 0)

    def test_a_program_that_never_fails_has_not(self):
        result = self.check("true")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the fault was not caught", result.stdout)

    def test_nor_one_that_always_fails(self):
        result = self.check("false")
        self.assertEqual(result.returncode, 1)
        self.assertIn("fails without the fault", result.stdout)

    def test_nor_one_that_dies_of_it(self):
        result = self.check('[[ -z "${COORDHUB_MUTANT:-}" ]] || kill -SEGV $$')
        self.assertEqual(result.returncode, 1)
        self.assertIn("died of signal 11", result.stdout)

    def test_a_filter_that_matches_no_case_is_refused(self):
        result = self.check('[[ -z "${COORDHUB_MUTANT:-}" ]]', "--case", "Suite.Case")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Suite.Case did not run", result.stdout)

    def test_the_named_case_has_to_be_the_one_that_fails(self):
        script = ('echo "[       OK ] Suite.Case"; [[ -z "${COORDHUB_MUTANT:-}" ]] || '
                  '{ echo "[  FAILED  ] Other.Case"; exit 1; }')
        self.assertIn("did not fail by an assertion", self.check(script, "--case", "Suite.Case").stdout)
        self.assertEqual(self.check(script.replace("Other", "Suite"), "--case", "Suite.Case").returncode, 0)


class CountTests(unittest.TestCase):
    REPORT = textwrap.dedent("""\
        <testsuite>
          <testcase name="good" status="run"><system-out>x</system-out></testcase>
          <testcase name="bad" status="fail"><failure/><system-out>[  FAILED  ] A.B (1 ms)
        [  FAILED  ] C/D.E/0, where GetParam() = 1
        [  FAILED  ] A.B</system-out></testcase>
          <testcase name="skipped" status="notrun"><skipped/></testcase>
        </testsuite>""")

    def count(self, text, *options):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as report:
            report.write(text)
            report.flush()
            return run(sys.executable, TOOLS / "count_tests", report.name, *options)

    def test_names_each_verdict_and_the_failed_cases(self):
        self.assertEqual(self.count(self.REPORT).stdout.splitlines(),
                         ["passed good", "failed bad [A.B, C/D.E/0]", "skipped skipped"])

    def test_leaves_out_skips_only_when_told_to(self):
        self.assertNotIn("skipped", self.count(self.REPORT, "--allow-skips").stdout)

    def test_no_report_and_an_empty_one_are_failures(self):
        self.assertEqual(self.count("").returncode, 1)
        self.assertEqual(self.count("<testsuite/>").returncode, 1)


class Usage(unittest.TestCase):
    def test_a_wrong_option_is_refused_with_2_and_help_is_not(self):
        for script in ("tests/run", "deploy/setup"):
            self.assertEqual(run(ROOT / script, "--no-such-option").returncode, 2, script)
            self.assertEqual(run(ROOT / script, "--help").returncode, 0, script)
        self.assertEqual(run(ROOT / "tests/run", "--stage", "no-such-stage").returncode, 2)


if __name__ == "__main__":
    unittest.main()
