"""Tests of the scripts that judge other tests: they must not be fooled."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest
import unittest.mock

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
          <testcase name="both" status="notrun"><skipped/><system-out>[  FAILED  ] A.B (1 ms)
        [  SKIPPED ] 1 test.</system-out></testcase>
        </testsuite>""")

    def count(self, text, *options):
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as report:
            report.write(text)
            report.flush()
            return run(sys.executable, TOOLS / "count_tests", report.name, *options)

    def test_names_each_verdict_and_the_failed_cases(self):
        self.assertEqual(self.count(self.REPORT).stdout.splitlines(),
                         ["passed good", "failed bad [A.B, C/D.E/0]", "skipped skipped", "failed both [A.B]"])

    def test_leaves_out_skips_only_when_told_to(self):
        allowed = self.count(self.REPORT, "--allow-skips").stdout
        self.assertNotIn("skipped", allowed)
        self.assertIn("failed both", allowed)

    def test_no_report_and_an_empty_one_are_failures(self):
        self.assertEqual(self.count("").returncode, 1)
        self.assertEqual(self.count("<testsuite/>").returncode, 1)


def configure(project, *declarations):
    """A project of its own with our CMake functions, configured; the compiler is looked at once."""
    for name in ("high.cc", "low.cc", "high.h", "low.h"):
        (project / name).touch()
    (project / "CMakeLists.txt").write_text("\n".join([
        "cmake_minimum_required(VERSION 3.25)",
        "project(walls LANGUAGES CXX)",
        "enable_testing()",
        f"set(Python3_EXECUTABLE {sys.executable})",
        "add_library(coordhub_options INTERFACE)",
        f"include({ROOT}/cmake/CoordhubTargets.cmake)",
        f"include({ROOT}/cmake/CoordhubTests.cmake)",
        *declarations]), encoding="utf-8")
    return run("cmake", "-G", "Ninja", "-S", project, "-B", project / "build")


class Walls(unittest.TestCase):
    """What the configure step refuses. That of includes is the self-test of check_layers."""

    LOW = "coordhub_library(NAME low LAYER 2 SRCS low.cc HDRS low.h {})"
    HIGH = "coordhub_library(NAME high LAYER 4 SRCS high.cc HDRS high.h {})"

    def test_a_link_that_points_up_stops_the_configure_step(self):
        with tempfile.TemporaryDirectory() as scratch:
            project = pathlib.Path(scratch)
            down = configure(project, self.LOW.format(""), self.HIGH.format("DEPS coordhub::low"))
            self.assertEqual(down.returncode, 0, down.stdout)
            for declarations in ((self.HIGH.format(""), self.LOW.format("DEPS coordhub::high")),
                                 (self.HIGH.format(""), self.LOW.format("PRIVATE_DEPS coordhub_high")),
                                 (self.HIGH.format(""), "coordhub_executable(NAME p LAYER 4 SRCS low.cc DEPS coordhub::high)")):
                up = configure(project, *declarations)
                self.assertNotEqual(up.returncode, 0, declarations)
                self.assertIn("dependencies point down", " ".join(up.stdout.split()))

    def test_a_skipped_case_is_a_test_that_did_not_run(self):
        with tempfile.TemporaryDirectory() as scratch:
            project = pathlib.Path(scratch)
            says = 'coordhub_script_test(NAME {} COMMAND "${{CMAKE_COMMAND}}" -E echo "{}")'
            made = configure(project, says.format("whole", "OK"), says.format("google", "[  SKIPPED ] 1 test."),
                             says.format("unit", "OK (skipped=1)"))
            self.assertEqual(made.returncode, 0, made.stdout)
            report = project / "tests.xml"
            run("ctest", "--test-dir", project / "build", "--output-junit", report)
            self.assertEqual(run(sys.executable, TOOLS / "count_tests", report).stdout.splitlines(),
                             ["passed whole", "skipped google", "skipped unit"])


class Compatibility(unittest.TestCase):
    def test_a_field_that_gets_another_number_is_refused(self):
        with tempfile.TemporaryDirectory() as scratch:
            tools = pathlib.Path(scratch, "tests/tools")
            tools.mkdir(parents=True)
            for name in ("buf", "check_proto_compatibility"):
                shutil.copy(TOOLS / name, tools)
            shutil.copytree(ROOT / "proto", pathlib.Path(scratch, "proto"))
            same = run(tools / "check_proto_compatibility")
            self.assertEqual(same.returncode, 0, same.stdout)
            event = pathlib.Path(scratch, "proto/coordhub/v1/event.proto")
            text = event.read_text(encoding="utf-8")
            event.write_text(text.replace("string actor = 5;", "string actor = 55;"), encoding="utf-8")
            broken = run(tools / "check_proto_compatibility")
            self.assertNotEqual(broken.returncode, 0)
            self.assertIn('"5"', broken.stdout)
            self.assertIn("event.proto", broken.stdout)


class Processes(unittest.TestCase):
    """tests/e2e/processes.py; what a defect would send is only written down."""

    def setUp(self):
        sys.path.insert(0, str(ROOT / "tests/e2e"))
        self.addCleanup(sys.path.remove, str(ROOT / "tests/e2e"))
        import processes
        self.processes = processes
        self.sent = []
        self.record(signal, "pidfd_send_signal")

    def record(self, module, name):
        patch = unittest.mock.patch.object(module, name, lambda *args: self.sent.append((name, *args)))
        patch.start()
        self.addCleanup(patch.stop)

    def test_no_signal_goes_to_an_id_that_is_not_positive(self):
        self.record(os, "kill")
        self.record(os, "killpg")
        for pid in (-1, 0, -os.getpid()):
            with self.assertRaises(ValueError):
                self.processes.send(pid, signal.SIGKILL)
        self.assertEqual(self.sent, [])

    def test_a_signal_goes_only_to_the_process_that_is_meant(self):
        with subprocess.Popen(["sleep", "1000"]) as child:
            try:
                self.processes.send(child.pid, signal.SIGKILL, lambda pid: pid != child.pid)
                self.assertEqual(self.sent, [])
                self.processes.send(child.pid, signal.SIGKILL, lambda pid: pid == child.pid)
                self.assertEqual([(name, number) for name, _, number in self.sent], [("pidfd_send_signal", signal.SIGKILL)])
            finally:
                child.kill()
        with self.assertRaises(ProcessLookupError):
            self.processes.send(child.pid, signal.SIGKILL)


class Usage(unittest.TestCase):
    def test_a_wrong_option_is_refused_with_2_and_help_is_not(self):
        for script in ("tests/run", "deploy/setup"):
            self.assertEqual(run(ROOT / script, "--no-such-option").returncode, 2, script)
            self.assertEqual(run(ROOT / script, "--help").returncode, 0, script)
        self.assertEqual(run(ROOT / "tests/run", "--stage", "no-such-stage").returncode, 2)


if __name__ == "__main__":
    unittest.main()
