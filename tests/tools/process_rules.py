"""Who may fork, wait for anybody and send signals. To kill(2) the id -1, what a fork that failed returns, is every
process of the machine: so each language has one owner, which knows, and everybody else goes through it."""

import io
import re
import tokenize

CPP_OWNER = "agent/base/process.cc"
PYTHON_OWNER = "tests/e2e/processes.py"
# The rules themselves, and what shows that they are kept.
EXEMPT = ("tests/tools/process_rules.py", "tests/tools/check_layers_cases.py")

CPP = re.compile(
    r"(?<![\w.>:])(?:::)?(kill|killpg|tgkill|fork|vfork|forkpty|waitpid|wait3|wait4|waitid|posix_spawnp?"
    r"|pidfd_send_signal|clone)\s*\(|(?<![\w.>])wait\s*\(\s*(?:nullptr|NULL|0|&)"
    r"|\bsyscall\s*\(\s*(?:SYS|__NR)_(?:kill|tkill|tgkill|fork|vfork|clone3?|wait4|waitid|pidfd_send_signal)\b")
PYTHON = re.compile(
    r"\b(?:os\s*\.\s*(?:kill|killpg|fork|forkpty|wait|wait3|wait4|waitpid|waitid|posix_spawnp?|pidfd_open)"
    r"|pty\s*\.\s*(?:fork|spawn)|signal\s*\.\s*pidfd_send_signal)\b"
    r"|\bfrom\s+os\s+import\b[^\n]*\b(?:kill|killpg|fork|forkpty|wait\w*|posix_spawnp?)\b")
# In scripts, and in those that stand in a string of any language.
SHELL = re.compile(
    r"""\b(?:pkill|killall5?)\b|\bkill(?:\s+-{1,2}(?:\w*[A-Za-z]\w*|\d+)|\s+-s\s+\w+|\s+--)+\s+["']?(?:-1|0)\b(?![\w.])""")

CPP_WHAT = f"is {CPP_OWNER}'s alone: take a base::ChildProcess or HeldProcess, in a test a test::Child"
PYTHON_WHAT = f"is {PYTHON_OWNER}'s alone: take what it offers, or a subprocess"
SHELL_WHAT = "signals processes that the caller did not start: name the one"


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def without_strings(text):
    """Python without its comments and strings, on the same lines; nothing if it is none."""
    lines = [list(line) for line in text.splitlines(keepends=True)]
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in (tokenize.COMMENT, tokenize.STRING):
                continue
            (row, column), (last, end) = token.start, token.end
            for at in range(row, last + 1):
                line = lines[at - 1]
                for i in range(column if at == row else 0, end if at == last else len(line)):
                    line[i] = "\n" if line[i] == "\n" else " "
    except (tokenize.TokenError, IndentationError):
        return ""
    return "".join("".join(line) for line in lines)


def is_python(path, text):
    return path.endswith(".py") or re.match(r"#!.*\bpython", text) is not None


def is_script(path, text):
    return is_python(path, text) or path.endswith((".sh", ".bash")) or text.startswith("#!")


def found(pattern, text, what):
    for match in pattern.finditer(text):
        yield line_of(text, match.start()), f"{match.group(0).strip(' (')} {what}"


def cpp_breaches(path, code, text):
    """`code` is `text` without comments and literals."""
    if path != CPP_OWNER:
        yield from found(CPP, code, CPP_WHAT)
    if path not in EXEMPT:
        yield from found(SHELL, text, SHELL_WHAT)


def script_breaches(path, text):
    if is_python(path, text) and path != PYTHON_OWNER:
        yield from found(PYTHON, without_strings(text), PYTHON_WHAT)
    if path not in EXEMPT:
        yield from found(SHELL, text, SHELL_WHAT)
