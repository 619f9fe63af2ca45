"""What /proc tells of a process: a forked one has its parent's command line and environment there.

A job's processes are found by theirs (`processes.of_job`, `kd down`), and so may a job find itself.
"""

import ctypes
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

PR_SET_MM, PR_SET_MM_MAP = 35, 14  # linux/prctl.h; the map needs no privilege
_libc = ctypes.CDLL(None, use_errno=True)
_libc.sbrk.restype = ctypes.c_void_p
# The places of /proc/<pid>/stat, as proc(5) counts them.
START_CODE, END_CODE, START_STACK, START_DATA, END_DATA, START_BRK = 26, 27, 28, 45, 46, 47


class _MemoryMap(ctypes.Structure):
    """struct prctl_mm_map, linux/prctl.h."""

    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("start_code", "end_code", "start_data", "end_data")),
        *((name, ctypes.c_uint64) for name in ("start_brk", "brk", "start_stack")),
        *((name, ctypes.c_uint64) for name in ("arg_start", "arg_end", "env_start", "env_end")),
        ("auxv", ctypes.c_uint64),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_uint32),
    ]


_block: ctypes.Array[ctypes.c_char] | None = None  # what /proc reads, as long as this process lives


def show_as(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Have /proc tell this command line and environment; raises OSError where it cannot."""
    global _block
    arguments = b"".join(os.fsencode(word) + b"\0" for word in command)
    variables = b"".join(os.fsencode(f"{k}={v}") + b"\0" for k, v in environment.items())
    block = ctypes.create_string_buffer(arguments + variables, len(arguments) + len(variables))
    begin = ctypes.addressof(block)
    middle, end = begin + len(arguments), begin + len(block)
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    own = [int(fields[n - 3]) for n in (START_CODE, END_CODE, START_DATA, END_DATA, START_BRK)]
    stack = int(fields[START_STACK - 3])
    new = _MemoryMap(
        *own, _libc.sbrk(0), stack, begin, middle, middle, end, 0, 0, ctypes.c_uint32(-1).value
    )
    size = ctypes.c_ulong(ctypes.sizeof(new))
    if _libc.prctl(PR_SET_MM, PR_SET_MM_MAP, ctypes.byref(new), size, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    _block = block


def resident_bytes() -> int:
    """Return how much memory this process has, all that is shared included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
