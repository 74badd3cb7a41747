"""A filter of system calls that leaves a decoder nothing but memory, two pipes and its end.

The program is classic BPF over `struct seccomp_data` (linux/seccomp.h, linux/filter.h), put
together here, so that nothing but the kernel is needed.
"""

import ctypes
import errno
import platform
import struct
from typing import Final

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_SET: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL_PROCESS: Final = 0x80000000

_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16

_PROT_EXEC: Final = 4

_SET_MODE_FILTER: Final = 1
_FLAG_TSYNC: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38

# AUDIT_ARCH_*, the number of seccomp(2), and the numbers of what is allowed. Both machines are
# little-endian, so the lower half of an argument comes first.
_MACHINES: Final[dict[str, tuple[int, int, dict[str, int]]]] = {
    "x86_64": (
        0xC000003E,
        317,
        {
            "read": 0,
            "write": 1,
            "mmap": 9,
            "mprotect": 10,
            "munmap": 11,
            "brk": 12,
            "rt_sigreturn": 15,
            "sched_yield": 24,
            "mremap": 25,
            "madvise": 28,
            "exit": 60,
            "fsync": 74,
            "futex": 202,
            "restart_syscall": 219,
            "clock_gettime": 228,
            "exit_group": 231,
        },
    ),
    "aarch64": (
        0xC00000B7,
        277,
        {
            "read": 63,
            "write": 64,
            "fsync": 82,
            "exit": 93,
            "exit_group": 94,
            "futex": 98,
            "clock_gettime": 113,
            "sched_yield": 124,
            "restart_syscall": 128,
            "rt_sigreturn": 139,
            "brk": 214,
            "munmap": 215,
            "mremap": 216,
            "mmap": 222,
            "mprotect": 226,
            "madvise": 233,
        },
    ),
}


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


_ALLOWED: Final = _instruction(_RETURN, _ALLOW)
_KILLED: Final = _instruction(_RETURN, _KILL_PROCESS)


def _argument(index: int) -> bytes:
    return _instruction(_LOAD, _ARGUMENTS_AT + 8 * index)


def _condition(name: str) -> bytes:
    """What is decided once the number is that of `name`; every way ends."""
    if name in ("read", "write"):  # a descriptor is 32 bits: the upper half is ignored
        descriptor = 0 if name == "read" else 1
        is_it = _instruction(_JUMP_EQUAL, descriptor, 0, 1)
        return _argument(0) + is_it + _ALLOWED + _KILLED
    if name in ("mmap", "mprotect"):  # memory, but no new code
        return _argument(2) + _instruction(_JUMP_SET, _PROT_EXEC, 1, 0) + _ALLOWED + _KILLED
    if name == "fsync":  # libsndfile asks for it wherever it writes to, and takes a no
        return _instruction(_RETURN, _ERRNO | errno.EINVAL)
    return _ALLOWED


def program(machine: str) -> bytes:
    """The filter for a machine as `platform.machine()` names it: allowed calls, else death.

    A call of another architecture, x32 included, has no number of the list or another machine.

    Raises:
        KeyError: there is no list for this machine.
    """
    architecture, _, numbers = _MACHINES[machine]
    parts = [
        _instruction(_LOAD, _MACHINE_AT),
        _instruction(_JUMP_EQUAL, architecture, 1, 0),
        _KILLED,
        _instruction(_LOAD, _NUMBER_AT),
    ]
    for name, number in numbers.items():
        block = _condition(name)
        parts += [_instruction(_JUMP_EQUAL, number, 0, len(block) // 8), block]
    return b"".join(parts) + _KILLED


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def give_up_privileges(libc: ctypes.CDLL) -> bool:
    """`no_new_privs`: nothing started from here may have more rights than this."""
    return bool(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def install(libc: ctypes.CDLL) -> bool:
    """Set the filter for all threads; whether this kernel and machine have it."""
    machine = platform.machine()
    if machine not in _MACHINES or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    code = program(machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    whole = _Program(len(code) // 8, ctypes.addressof(buffer))
    call = ctypes.c_long(_MACHINES[machine][1])
    done = libc.syscall(call, _SET_MODE_FILTER, _FLAG_TSYNC, ctypes.byref(whole))
    return bool(done == 0)
