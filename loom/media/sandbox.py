"""What a decoder gives up before it reads a byte of what it is to decode."""

import ctypes
import os
import resource
import struct
import sys
from contextlib import suppress
from typing import Final

from loom.media import seccomp

MEMORY_MAX: Final = 768 << 20
"""Bytes of address space."""

_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000

_LANDLOCK_CREATE: Final = 444  # the same on every machine
_LANDLOCK_RESTRICT: Final = 446
_LANDLOCK_VERSION: Final = 1


def limit(cpu_s: int) -> None:
    """Memory and processor bounded, no file ever longer than it is, no other process, no core."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_MAX),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        with suppress(OSError, ValueError):  # some systems have no bound of this kind
            resource.setrlimit(what, (most, most))


def confine() -> bool:
    """Nothing from here on but memory and descriptors 0 and 1; whether seccomp holds.

    Namespaces and Landlock are taken where the system has them: behind the filter of system calls
    they are a second wall.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not seccomp.give_up_privileges(libc):
        return False
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC)
    _forbid_files(libc)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    return seccomp.install(libc)


def _forbid_files(libc: ctypes.CDLL) -> None:
    """A Landlock domain without a single rule (landlock(7))."""
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    if version < 1:
        return
    files = (1 << 13) - 1  # version 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        files |= (1 << bit) if version >= since else 0
    ports = 0b11 if version >= 4 else 0
    scopes = 0b11 if version >= 6 else 0
    fields = [files] + ([ports] if ports else []) + ([scopes] if scopes else [])
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    if ruleset >= 0:
        libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0)
        os.close(ruleset)
