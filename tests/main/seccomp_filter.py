"""A unit's SystemCallFilter= and RestrictAddressFamilies=, put on a process as systemd would, without systemd.

  python3 seccomp_filter.py UNIT COMMAND ...   runs the command under the filters of the unit file; x86-64 only
"""

import ctypes
import os
import re
import struct
import subprocess
import sys

HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
EPERM, EAFNOSUPPORT = 1, 97
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
# Instructions of classic BPF, and where the kernel puts what they look at.
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
AT_NUMBER, AT_FIRST_ARGUMENT = 0, 16
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def usable():
    return os.uname().machine == "x86_64" and os.path.exists(HEADER)


def numbers():
    with open(HEADER, encoding="utf-8") as f:
        return {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+)\s+(\d+)$", f.read(), re.MULTILINE)}


def expand(name):
    """The system calls of a set of systemd's, or the one of this name."""
    if not name.startswith("@"):
        return {name}
    lines = subprocess.run(["systemd-analyze", "syscall-filter", name], text=True, capture_output=True,
                           check=True).stdout.splitlines()[1:]
    return set().union(*(expand(line.strip()) for line in lines if line.strip() and not line.strip().startswith("#")))


def values(unit, key):
    with open(unit, encoding="utf-8") as f:
        return re.findall(rf"^{key}=(.*)$", f.read(), re.MULTILINE)


def allowed_calls(unit):
    calls = set()
    for value in values(unit, "SystemCallFilter"):
        deny = value.startswith("~")
        for name in value.removeprefix("~").split():
            calls = calls - expand(name) if deny else calls | expand(name)
    return calls


def allow_if(values_allowed):
    """Ends with "allowed" if what was loaded is one of them; goes on otherwise."""
    return [step for value in values_allowed
            for step in ((JUMP_IF_EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW))]


def program(unit):
    known = numbers()
    families = [FAMILIES[name] for name in values(unit, "RestrictAddressFamilies")[0].split()]
    sockets = [(LOAD, 0, 0, AT_FIRST_ARGUMENT), *allow_if(families), (RETURN, 0, 0, ERRNO | EAFNOSUPPORT)]
    calls = sorted(known[name] for name in allowed_calls(unit) if name in known)
    return [(LOAD, 0, 0, AT_NUMBER), (JUMP_IF_EQUAL, 0, len(sockets), known["socket"]), *sockets,
            *allow_if(calls), (RETURN, 0, 0, ERRNO | EPERM)]


def install(code):
    libc = ctypes.CDLL(None, use_errno=True)
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    loaded = Program(len(code), ctypes.cast(buffer, ctypes.c_void_p))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                                                                ctypes.byref(loaded), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    install(program(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
