"""Processes that die, or whose disk fails, at the chosen call to the system."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
LIMIT_S: Final = 30.0
STRACE: Final = shutil.which("strace")

COUNTED: Final = (
    *("pwrite64", "fsync", "fdatasync", "ftruncate", "write"),
    *("openat", "mkdir", "rename", "unlink", "sendto"),
)
"""All by which a file changes or becomes durable, or a byte leaves."""
COUNT: Final = ("-e", "trace=pread64," + ",".join(COUNTED))


T = TypeVar("T")


class Fault(msgspec.Struct, frozen=True):
    """What happens at the n-th call of one kind, counted in each thread from 1."""

    call: str
    nth: int
    error: str = ""
    """The name of the error that the call reports; "": the process is killed instead of it."""
    lasting: bool = False
    """Also at all later ones."""

    def __str__(self) -> str:
        return f"{self.error or 'KILL'} at {self.call} {self.nth}{'+' if self.lasting else ''}"

    @property
    def trace(self) -> tuple[str, ...]:
        """The options of strace."""
        what = f"error={self.error}" if self.error else "signal=KILL"
        when = f"{self.nth}{'+' if self.lasting else ''}"
        inject = f"inject={self.call}:{what}:when={when}"
        return "-o", os.devnull, "-e", f"trace={self.call}", "-e", inject


async def attach(pid: int, *options: str) -> asyncio.subprocess.Process:
    """Let strace see a process, its threads and its children from here on."""
    assert STRACE is not None
    tracer = await asyncio.create_subprocess_exec(
        *(STRACE, "-f", "-p", str(pid), *options),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert tracer.stderr is not None
    line = await tracer.stderr.readline()
    assert b"attached" in line, line
    return tracer


class Victim:
    """A process that waits for `go`."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        loop = asyncio.get_running_loop()
        self.pid = pid
        self._nursery = nursery
        self.words: asyncio.Queue[str] = asyncio.Queue()
        self._descriptor = os.pidfd_open(pid)
        self._died: asyncio.Future[None] = loop.create_future()
        self.tracer: asyncio.subprocess.Process | None = None
        loop.add_reader(self._descriptor, self._end)

    @property
    def is_dead(self) -> bool:
        """It ended, however."""
        return self._died.done()

    def go(self) -> None:
        """Begin."""
        os.kill(self.pid, signal.SIGUSR1)

    def kill(self) -> None:
        """Without any warning."""
        if not self.is_dead:
            with contextlib.suppress(ProcessLookupError):  # it died just now
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    async def word(self) -> str | None:
        """What it says next; None when it died instead."""
        async with asyncio.timeout(LIMIT_S):
            saying = asyncio.ensure_future(self.words.get())
            either: list[asyncio.Future[Any]] = [saying, self._died]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not saying.done():
                await self._nursery.heard_all()
                await asyncio.sleep(0)
            if saying.done():
                return saying.result()
            saying.cancel()
            return None

    async def end(self) -> None:
        """Wait until it is dead, and the tracer too."""
        async with asyncio.timeout(LIMIT_S):
            await asyncio.shield(self._died)
            if self.tracer is not None:
                await self.tracer.communicate()

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        if not self._died.done():
            self._died.set_result(None)


class Nursery:
    """See nursery.py."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self._process = process
        self._errors = errors
        self._born: asyncio.Queue[Victim] = asyncio.Queue()
        self._heard: asyncio.Queue[None] = asyncio.Queue()
        self._victims: dict[int, Victim] = {}
        self._listening = asyncio.create_task(self._listen(), name="nursery")

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator["Nursery"]:
        """Nobody outlives it."""
        errors = folder / "stderr"
        with errors.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.crash.nursery"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, cwd=ROOT,
            )  # fmt: skip
        nursery = cls(process, errors)
        try:
            yield nursery
        finally:
            await nursery._close()
        assert "Traceback" not in nursery.stderr, nursery.stderr

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def stderr(self) -> str:
        """What went wrong so far."""
        return self._errors.read_text()

    async def bear(self, task: str, *arguments: str, trace: Sequence[str] = ()) -> Victim:
        """Fork a process for a task of nursery.py, which begins at once; `trace` is for strace."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([task, *arguments]).encode() + b"\n")
        async with asyncio.timeout(LIMIT_S):
            victim = await self._born.get()
            if trace:
                victim.tracer = await attach(victim.pid, *trace)
        victim.go()
        return victim

    async def heard_all(self) -> None:
        """Return once everything that was said before reached us."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"[]\n")
        await self._heard.get()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            pid, word = json.loads(line)
            if pid == 0:
                self._heard.put_nowait(None)
            elif word is None:
                self._victims[pid] = Victim(self, pid)
                self._born.put_nowait(self._victims[pid])
            else:
                self._victims[pid].words.put_nowait(word)

    async def _close(self) -> None:
        for victim in self._victims.values():
            victim.kill()
            await victim.end()
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening


def boundaries(log: Path, names: Sequence[str] = COUNTED) -> list[Fault]:
    """A death at each call that the busiest thread made in a process traced with `COUNT`."""
    made = Counter(re.findall(r"(?m)^(\d+) +(\w+)\(", log.read_text(errors="replace")))
    most = {name: max(n for (_, one), n in made.items() if one == name) for _, name in made}
    return [Fault(name, nth) for name in names if name in most for nth in range(1, most[name] + 1)]


def spread(whole: Sequence[T], count: int) -> list[T]:
    """So many of them, from all over; all, when there are no more."""
    count = min(count, len(whole))
    return [whole[n * len(whole) // count] for n in range(count)]


def why_not() -> str:
    """Why strace is of no use here; "": it works."""
    if STRACE is None:
        return "strace is missing: install the package strace (Linux only)"
    command = [STRACE, "-o", os.devnull, "-e", "inject=unlink:error=EIO", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    return f"strace may not trace here: {tried.stderr.strip()}" if tried.returncode else ""


needs_strace = pytest.mark.skipif(bool(why_not()), reason=f"no faults at calls: {why_not()}")
