"""A program of the user's that is told of events: started for each one, never through a shell."""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from loom.errors import InvalidInput
from loom.printable import printable

GRACE_S: Final = 2.0
"""Between SIGTERM and SIGKILL."""
STDERR: Final = 2


class Outcome(NamedTuple):
    """How a run ended: done, failed, killed (by a signal), timed_out or not_started.

    `exit_code` is the program's own and None where it gave none; `words` say it to people.
    """

    name: str
    exit_code: int | None
    words: str


class Program:
    """One run at a time. Its output goes where this process's does."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        timeout_s: float,
        environment: Mapping[str, str],
        stdout: int | None,
    ) -> None:
        self._arguments = arguments
        self._timeout_s = timeout_s
        self._environment = environment
        self._stdout = stdout
        self.name = printable(Path(arguments[0]).name)

    @classmethod
    def found(
        cls, arguments: Sequence[str], *, timeout_s: float, added: Mapping[str, str], quiet: bool
    ) -> Self:
        """The program that these arguments name; `quiet`: what it prints goes to standard error.

        Raises:
            InvalidInput: there is none.
        """
        if shutil.which(arguments[0]) is None:
            raise InvalidInput(what=f"There is no program {printable(arguments[0])}")
        environment = {**os.environ, **added}
        stdout = STDERR if quiet else None
        return cls(arguments, timeout_s=timeout_s, environment=environment, stdout=stdout)

    async def run(self, told: bytes) -> Outcome:
        """Start it with `told` on its standard input and wait for its end."""
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=self._stdout,
                env=self._environment,
                process_group=0,
            )
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # It runs already, and may have started others, which asyncio does not end.
            with suppress(OSError):
                await _end(await starting)
            raise
        except OSError as error:
            why = error.strerror or type(error).__name__
            return Outcome("not_started", None, f"{self.name} could not be started: {why}")
        try:
            async with asyncio.timeout(self._timeout_s):
                await process.communicate(told)
        except TimeoutError:
            words = f"{self.name} took more than {self._timeout_s:g} s and was ended"
            return Outcome("timed_out", None, words)
        finally:
            await _end(process)
        code = process.returncode or 0
        if code < 0:
            return Outcome("killed", None, f"{self.name} was ended by signal {-code}")
        return Outcome("failed" if code else "done", code, f"{self.name} ended with {code}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it and what it started, unless it has ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await process.wait()
