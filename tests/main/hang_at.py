"""A system call that never returns, in the process that is started here; x86-64 only.

  python3 hang_at.py CALL COMMAND ...
"""

import ctypes
import os
import struct
import sys

import seccomp_filter

# A supervisor who never answers: whoever calls waits for ever (seccomp, SECCOMP_RET_USER_NOTIF).
NOTIFY, NEW_LISTENER, SET_MODE_FILTER = 0x7FC00000, 8, 1


def hang_at(call):
    """From now on, in this process and what it becomes."""
    number = seccomp_filter.numbers()
    code = [(seccomp_filter.LOAD, 0, 0, seccomp_filter.AT_NUMBER), (seccomp_filter.JUMP_IF_EQUAL, 0, 1, number[call]),
            (seccomp_filter.RETURN, 0, 0, NOTIFY), (seccomp_filter.RETURN, 0, 0, seccomp_filter.ALLOW)]
    instructions = b"".join(struct.pack("HBBI", *step) for step in code)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    loaded = Program(len(code), ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(seccomp_filter.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    listener = libc.syscall(number["seccomp"], SET_MODE_FILTER, NEW_LISTENER, ctypes.byref(loaded))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    os.set_inheritable(listener, True)  # without a listener the call would fail


if __name__ == "__main__":
    hang_at(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
