"""The self-test of check_layers: each case is a file that breaks one rule, or that looks like it and does not."""

import pathlib
import tempfile

# (path, text, a part of the complaint; None where there must be none)
CASES = [
    ("hub/core/a.h", '#include "hub/engine/b.h"\n', "hub/core (layer 2) may not include"),
    ("hub/git/a.cc", '#include "hub/journal/b.h"\n', "hub/git (layer 3) may not include"),
    ("hub/core/decide/a.cc", '#include "agent/client/b.h"\n', "hub/core (layer 2) may not include"),
    ("hub/core/decide/a.cc", '#include "hub/core/b.h"\n#include "coordhub/v1/b.pb.h"\n', None),
    ("hub/rpc/a.cc", '#include "hub/engine/b.h"\n#include <grpcpp/grpcpp.h>\n', None),
    ("agent/client/a.cc", '  #  include "hub/core/b.h"\n', "agent/ never includes hub/"),
    ("agent/coordctl/a.cc", '#include "agent/client/b.h"\n', None),
    ("hub/new/a.cc", "int a;\n", "stands in no known layer"),
    ("hub/core/a.cc", '#include "hub/new/b.h"\n', "stands in no known layer"),
    ("hub/core/a.cc", '#include "tests/support/b.h"\n', "stands in no known layer"),
    ("hub/engine/a.cc", "#include <grpcpp/grpcpp.h>\n", "gRPC stays in"),
    ("hub/engine/a.cc", '#include "coordhub/v1/hub_service.grpc.pb.h"\n', "gRPC stays in"),
    ("hub/loops/a.cc", "#include <git2.h>\n", "libgit2 stays in"),
    ("hub/engine/a.cc", "#include <sqlite3.h>\n", "SQLite stays in"),
    ("agent/base/a.cc", "#include <git2.h>\n", "libgit2 stays in"),
    ("tests/engine/a_test.cc", "#include <grpcpp/grpcpp.h>\n", "gRPC stays in"),
    ("tests/agent/base/a_test.cc", "#include <grpcpp/grpcpp.h>\n", "gRPC stays in"),
    ("tests/e2e/a_test.cc", "#include <grpcpp/grpcpp.h>\n#include <git2.h>\n", None),
    ("tests/agent/client/a_test.cc", "#include <grpcpp/grpcpp.h>\n", None),
    ("hub/core/a.cc", "auto t = absl::Now();\n", "asks what time it is"),
    ("hub/core/a.cc", "auto t = std::chrono::steady_clock::now();\n", "asks what time it is"),
    ("hub/core/a.cc", "auto t = time(nullptr);\n", "asks what time it is"),
    ("agent/base/clock.cc", "auto t = absl::Now();\n", None),
    ("agent/base/ids.cc", "std::random_device device;\n", None),
    ("hub/core/a.cc", "std::random_device device;\n", "takes a random number"),
    ("hub/core/a.cc", "int r = rand();\n", "takes a random number"),
    ("hub/core/a.cc", "int r = operand(1) + t.time(0);\n", None),
    ("agent/base/clock.cc", "void F() { absl::SleepFor(d); }\n", "sleeps"),
    ("tests/e2e/a_test.cc", "void F() { std::this_thread::sleep_for(d); usleep(1); }\n", "sleeps"),
    ("tests/e2e/a_test.cc", "auto t = absl::Now();\n", None),
    ("hub/core/a.cc", "// absl::Now() is for agent/base\n/* #include <git2.h>\n*/ auto s = \"sleep(1)\";\n", None),
    ("hub/core/a.cc", "auto s = \"/*\"; auto t = absl::Now(); // */\n", "asks what time it is"),
    ("hub/core/a.cc", "int a = 1'000; auto t = absl::Now(); int b = 1'000;\n", "asks what time it is"),
    ("hub/core/CMakeLists.txt", "coordhub_library(NAME core LAYER 5\n SRCS a.cc)\n", "says LAYER 5"),
    ("hub/main/CMakeLists.txt", "coordhub_executable(NAME coordhub LAYER 9 SRCS a.cc)\n", None),
    ("hub/core/CMakeLists.txt", "target_link_libraries(coordhub_core\n  PRIVATE coordhub::engine)\n", "past the layer check"),
    ("agent/client/CMakeLists.txt", "target_link_libraries(x PUBLIC coordhub_core)\n", "past the layer check"),
    ("hub/main/CMakeLists.txt", "target_link_libraries(coordhub PRIVATE PkgConfig::JEMALLOC)\n", None),
    ("hub/main/CMakeLists.txt", "# target_link_libraries(coordhub_core PRIVATE coordhub::engine)\n", None),
    ("hub/main/a.cc", "pid_t p = fork();\n", "fork is agent/base/process.cc's alone"),
    ("tests/main/a_test.cc", "F(); ::kill(pid_, SIGKILL);\n", "kill is agent/base/process.cc's alone"),
    ("tests/main/a_test.cc", "while (waitpid(-1, nullptr, 0) > 0) F();\n", "waitpid is"),
    ("tests/main/a_test.cc", "const pid_t p = forkpty(&t, nullptr, nullptr, nullptr);\n", "forkpty is"),
    ("hub/git/a.cc", "if (posix_spawnp(&p, a, b, c, d, e) != 0) F();\n", "posix_spawnp is"),
    ("tests/a/a_test.cc", "::wait(nullptr);\n", "wait(nullptr is"),
    ("tests/a/a_test.cc", "wait(true); std::pair p(SYS_kill, 1);\n", None),
    ("tests/a/a_test.cc", "syscall(SYS_kill, -1, 9);\n", "syscall(SYS_kill is"),
    ("agent/base/process.cc", "pid_t p = fork(); kill(p, 9); waitpid(p, nullptr, 0);\n", None),
    ("hub/main/a.cc", "hub.kill(1); child->wait(); Overkill(); thing::fork(2); raise(SIGSTOP);  // fork()\n", None),
    ("tests/main/a_test.cc", 'Run("kill -9 -1");\n', "processes that the caller did not start"),
    ("tests/main/a_test.py", "import os\nos.kill(pid, 9)\n", "os.kill is tests/e2e/processes.py's alone"),
    ("tests/main/a_test", "#!/usr/bin/env python3\nimport os\npid = os.fork()\n", "os.fork is"),
    ("tests/main/a_test.py", "os.killpg(p.pid, 9)\n", "os.killpg is"),
    ("tests/main/a_test.py", "pid, master = pty.fork()\n", "pty.fork is"),
    ("tests/main/a_test.py", "from os import kill\n", "from os import kill is"),
    ("tests/e2e/processes.py", "os.kill(pid, 9)\n", None),
    ("tests/main/a_test.py", "# os.kill(1)\np.kill()\np.send_signal(9)\ns = 'os.fork()'\n", None),
    ("tests/main/a_test.py", "subprocess.run(['pkill', 'hub'])\n", "processes that the caller did not start"),
    ("deploy/a", "#!/usr/bin/env bash\nkill -9 -1\n", "processes that the caller did not start"),
    ("deploy/a", "#!/usr/bin/env bash\nkill -s TERM -- -1\n", "processes that the caller did not start"),
    ("deploy/a", "#!/usr/bin/env bash\nkillall coordhub\n", "processes that the caller did not start"),
    ("deploy/a", "#!/usr/bin/env bash\nkill -TERM 0\n", "processes that the caller did not start"),
    ("deploy/a", "#!/usr/bin/env bash\nkill -0 \"$pid\"; kill -1 \"$pid\"; kill -9 17; kill -SEGV $$\n", None),
    ("hub/core/CMakeLists.txt", "add_library(more STATIC a.cc)\n", "makes a target past the layer check"),
]


def failure(breaches, path, text, expected):
    """What is wrong with the answer to one case, or None."""
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch, path)
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        found = [what for _, _, what in breaches(pathlib.Path(scratch))]
    if expected is None:
        return f"refused: {found}" if found else None
    return None if any(expected in what for what in found) else f"not refused with '{expected}': {found}"


def run(breaches):
    failures = 0
    for path, text, expected in CASES:
        wrong = failure(breaches, path, text, expected)
        if wrong:
            failures += 1
            print(f"{path}: {text!r} {wrong}")
    print(f"{len(CASES) - failures} of {len(CASES)} cases as expected")
    return 1 if failures else 0
