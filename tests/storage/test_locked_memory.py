"""What keeps a secret in this process."""

import subprocess
import sys
from pathlib import Path

import pytest

from loom.storage.locked_memory import LockedBytes

ROOT = Path(__file__).resolve().parents[2]

# Root reads everything; so both become the same ordinary user, and the system forgets about that
# change, which made them undumpable by itself.
AS_NOBODY = """
import ctypes, os, sys
from loom.storage.locked_memory import refuse_dumps
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
"""
HOLDER = """
if sys.argv[1] == "guarded":
    refuse_dumps()
print(flush=True)
input()
"""
READER = """
try:
    open(f"/proc/{sys.argv[1]}/mem", "rb").close()
    print("read")
except PermissionError:
    print("refused")
"""


def _python(code: str, argument: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", AS_NOBODY + code, argument],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _reading_memory_of_one(kind: str) -> str:
    with _python(HOLDER, kind) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with _python(READER, str(holder.pid)) as reader:
            said = reader.communicate(timeout=60)[0].strip()
        holder.communicate("\n", timeout=60)
    return said


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and prctl(2) are Linux's: not tested")
def test_no_other_process_of_the_same_user_reads_the_memory() -> None:
    assert _reading_memory_of_one("guarded") == "refused"
    if _reading_memory_of_one("open") == "refused":
        pytest.skip("this system lets nobody read another process (ptrace_scope)")


def test_a_wiped_secret_is_gone_and_never_shown() -> None:
    secret = LockedBytes(b"sixteen bytes...")
    assert secret.reveal() == b"sixteen bytes..."
    assert "sixteen" not in repr(secret)
    secret.wipe()
    assert secret.reveal() == bytes(16)
