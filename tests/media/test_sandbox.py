"""A decoder that was taken over can do nothing: the real worker, planted with hostile code."""

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from loom.errors import DecodingUnconfined, MediaUnreadable
from loom.media import decoder, seccomp
from loom.media.job import Job
from tests.media.conftest import Plant, picture

HOSTILE = """
def hostile(data, *numbers):
    {act}
    return job.Answer(job.Status.DONE, (1, 1, 1, 1, 1), b"abc")
worker._work = lambda _: hostile
"""
NOT_SO = HOSTILE.format(act="pass")

ACTS = {
    "open": "os.open('/etc/passwd', os.O_RDONLY)",
    "write": "os.open({there!r}, os.O_WRONLY | os.O_CREAT)",
    "remove": "os.unlink({there!r})",
    "list": "os.listdir('/')",
    "look": "os.stat('/etc/passwd')",
    "connect": "socket.socket().connect(('127.0.0.1', 9))",
    "pair of sockets": "socket.socketpair()",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/true', ['true'])",
    "thread": "__import__('_thread').start_new_thread(print, ())",
    "signal": "os.kill(os.getppid(), 0)",
    "pipe": "os.pipe()",
    "copy a descriptor": "os.dup(1)",
    "write elsewhere": "os.write(0, b'x')",
    "read elsewhere": "os.read(1, 1)",
    "more rights": "sandbox.limit(999)",
    "new code": "__import__('mmap').mmap(-1, 4096, prot=5)",
    "old code": "__import__('ctypes').CDLL(None).mprotect(id(data) & ~4095, 4096, 7)",
    "another process": "__import__('ctypes').CDLL(None).ptrace(16, os.getppid(), 0, 0)",
}

needs_seccomp = pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")


def run_planted(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [*decoder._program(), Job.PIXELS.value, *arguments]
    return subprocess.run(command, input=b"x", capture_output=True, env={}, check=False, timeout=60)


@needs_seccomp
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_decoder_that_was_taken_over_is_killed(act: str, planted: Plant, tmp_path: Path) -> None:
    there = tmp_path / "there"
    planted("import ctypes, mmap, resource" + HOSTILE.format(act=act.format(there=str(there))))
    done = run_planted("1", "1")
    assert done.returncode == -signal.SIGSYS
    assert done.stdout == b""
    assert not there.exists()
    with pytest.raises(MediaUnreadable) as caught:
        decoder.run(Job.PIXELS, b"x", 1, 1, answer_max=64)
    assert caught.value.facts == {"reason": "the decoder was stopped over it"}


def test_the_same_worker_answers_without_the_hostile_code(planted: Plant) -> None:
    planted("import ctypes, mmap, resource" + NOT_SO)
    assert decoder.run(Job.PIXELS, b"x", 1, 1, answer_max=64).data == b"abc"


@needs_seccomp
def test_files_are_refused_even_without_the_filter(planted: Plant) -> None:
    """Behind the filter stand Landlock and a limit of no descriptors."""
    without = "seccomp.install = lambda _: True\n"
    planted(without + HOSTILE.format(act=ACTS["open"]))
    with pytest.raises(MediaUnreadable) as caught:
        decoder.run(Job.PIXELS, b"x", 1, 1, answer_max=64)
    assert caught.value.facts == {"reason": "it is damaged"}  # an OSError inside
    planted(without + NOT_SO)
    decoder.run(Job.PIXELS, b"x", 1, 1, answer_max=64)


@needs_seccomp
def test_memory_is_bounded(planted: Plant) -> None:
    planted(HOSTILE.format(act="bytearray(800 << 20)"))
    with pytest.raises(MediaUnreadable) as caught:
        decoder.run(Job.PIXELS, b"x", 1, 1, answer_max=64)
    assert caught.value.facts == {"reason": "it is too large"}


def test_neither_descriptors_nor_variables_are_inherited(
    planted: Plant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = os.open(tmp_path / "secret", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(secret, True)
    monkeypatch.setenv("LOOM_SECRET", "correct horse")
    planted("""
seen = {}
def work(_):
    there = [one for one in range(256) if not closed(one)]
    said = repr((there, sorted(os.environ), os.getcwd())).encode()
    return lambda data, *numbers: job.Answer(job.Status.DONE, (), said)
def closed(number):
    try:
        os.fstat(number)
    except OSError:
        return True
worker._work = work
""")
    said = decoder.run(Job.PIXELS, b"x", answer_max=4096).data.decode()
    os.close(secret)
    there, variables, folder = eval(said)  # noqa: S307 - our own text
    assert there == [0, 1]
    assert set(variables) <= {"LC_CTYPE", "OPENBLAS_NUM_THREADS"}  # Python's own
    assert folder == "/"


def test_without_seccomp_nothing_is_decoded_unless_switched_on(planted: Plant) -> None:
    planted("seccomp.install = lambda _: False")
    png = picture("PNG")
    with pytest.raises(DecodingUnconfined):
        decoder.run(Job.PIXELS, png, 4, 3, answer_max=36)
    shown = decoder.run(Job.PIXELS, png, 4, 3, answer_max=36, is_unconfined=True)
    assert len(shown.data) == 36
    # Nothing is decoded for this, and what a photograph tells must not go out for want of it.
    assert decoder.run(Job.STRIP, png, answer_max=len(png)).data == png


ANSWERS = {
    "no answer": ("os._exit(0)", "stopped over it"),
    "a crash": ("os.kill(os.getpid(), signal.SIGSEGV)", "stopped over it"),
    "half a head": ("os.write(1, b'abc')", "no answer that makes sense"),
    "no status": ("os.write(1, job.HEAD.pack(77, 0, 0, 0, 0, 0, 0))", "no answer that makes sense"),
    "a wrong size": ("os.write(1, job.HEAD.pack(0, 0, 0, 0, 0, 0, 9))", "no answer that makes"),
    "too much": (
        "[os.write(1, job.HEAD.pack(0, 0, 0, 0, 0, 0, 4096) + bytes(4096)) for _ in range(999)]",
        "no answer that makes sense",
    ),
    "a traceback": ("raise RuntimeError", "stopped over it"),
}


@pytest.mark.parametrize(("act", "why"), ANSWERS.values(), ids=ANSWERS)
def test_nonsense_is_one_sentence(act: str, why: str, planted: Plant) -> None:
    planted(f"worker.main = lambda _: ({act}, os._exit(0))" if "raise" not in act else act)
    with pytest.raises(MediaUnreadable) as caught:
        # More than a pipe holds: it reads none of it.
        decoder.run(Job.PIXELS, bytes(1 << 20), 1, 1, answer_max=64)
    assert why in str(caught.value.facts["reason"])


def test_a_decoder_that_hangs_is_ended(planted: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(decoder._DEADLINE_S, Job.PIXELS, 0.2)
    planted("time.sleep(600)")
    with pytest.raises(MediaUnreadable) as caught:
        decoder.run(Job.PIXELS, bytes(1 << 20), 1, 1, answer_max=64)
    assert caught.value.facts == {"reason": "decoding it took too long"}


def verdict(program: bytes, number: int, machine: int, arguments: tuple[int, ...] = ()) -> int:
    """What the kernel would do with a call: classic BPF as in linux/filter.h, the parts used."""
    data = struct.pack("=IIQ6Q", number, machine, 0, *(*arguments, *[0] * 6)[:6])
    code = list(struct.iter_unpack("=HBBI", program))
    place = loaded = 0
    while True:
        operation, if_true, if_false, value = code[place]
        place += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        elif operation == 0x15:
            place += if_true if loaded == value else if_false
        elif operation == 0x45:
            place += if_true if loaded & value else if_false
        else:
            raise AssertionError(operation)


KILL = 0x80000000
ALLOW = 0x7FFF0000


@pytest.mark.parametrize("machine", seccomp._MACHINES)
def test_the_filter_allows_its_list_and_kills_all_else(machine: str) -> None:
    program = seccomp.program(machine)
    ours, _, numbers = seccomp._MACHINES[machine]
    others = {one for one, _, _ in seccomp._MACHINES.values()} - {ours} | {0x40000003}
    allowed = set(numbers.values()) - {numbers["read"], numbers["write"], numbers["fsync"]}
    for number in (*range(1024), *(0x40000000 + one for one in range(1024)), 0xFFFFFFFF):
        said = verdict(program, number, ours, (7,))
        if number == numbers["fsync"]:
            assert said == 0x00050016
        else:
            assert said == (ALLOW if number in allowed else KILL), number
        assert {verdict(program, number, other) for other in others} == {KILL}
    assert verdict(program, numbers["read"], ours, (0,)) == ALLOW
    assert verdict(program, numbers["write"], ours, (1,)) == ALLOW
    assert verdict(program, numbers["write"], ours, (0,)) == KILL
    for name in ("mmap", "mprotect"):
        assert verdict(program, numbers[name], ours, (0, 4096, 3)) == ALLOW
        assert verdict(program, numbers[name], ours, (0, 4096, 7)) == KILL
