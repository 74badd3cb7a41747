"""A plain copy of a file in another program, for as long as somebody looks at it."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from pathlib import Path
from typing import Final

from loom.api.file_views import FileView
from loom.cli.output import FileOpened, Output
from loom.errors import InvalidInput
from loom.printable import printable

HANDED_ON_S: Final = 5.0
"""What ends sooner has handed the file to a program that runs on."""
STDERR: Final = 2


async def opened(
    output: Output, file: FileView, path: Path, program: str | None, keep_s: float
) -> Process | None:
    """Return when the copy may go: its program ended, or the time is over; then it still runs.

    Raises:
        InvalidInput: there is no such program.
    """
    opener = _opener(program)
    seen = FileOpened(
        file_id=file.file_id, path=str(path), program=opener or "", keep_s=round(keep_s)
    )
    if output.as_json:
        output.json(seen)
    if opener is None:
        _say(
            output, f"{path}\nNo program is known that opens it. The copy is removed {_in(keep_s)}."
        )
        await asyncio.sleep(keep_s)
        return None
    if program is not None:  # it may draw on this terminal
        _say(output, f"The copy is removed when {opener} ends, {_at_most(keep_s)}.")
    process = await _started(output, opener, path)
    with suppress(TimeoutError):
        async with asyncio.timeout(keep_s):
            await _looked_at(output, process, opener if program is None else None, keep_s)
    return process if process.returncode is None else None


async def _looked_at(output: Output, process: Process, opener: str | None, keep_s: float) -> None:
    """Until a program ends; the system's `opener` may end as soon as it has handed the file on."""
    if opener is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HANDED_ON_S):
                await process.wait()
        if process.returncode is not None:
            _say(output, f"{opener} has it. The copy is removed {_in(keep_s)}.")
            await asyncio.get_running_loop().create_future()
        _say(output, f"The copy is removed when {opener} ends, {_at_most(keep_s)}.")
    await process.wait()


async def _started(output: Output, opener: str, path: Path) -> Process:
    """It has the terminal, as any program that somebody starts; with --json, no standard output."""
    try:
        return await asyncio.create_subprocess_exec(
            opener, path, stdout=STDERR if output.as_json else None
        )
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InvalidInput(what=f"{printable(opener)} could not be started: {why}") from error


def _opener(program: str | None) -> str | None:
    """The program that opens files here. Raises InvalidInput: there is none of that name."""
    if program is not None:
        if shutil.which(program) is None:
            raise InvalidInput(what=f"There is no program {printable(program)}")
        return program
    if sys.platform == "darwin":
        return "open"
    has_screen = any(os.environ.get(one) for one in ("DISPLAY", "WAYLAND_DISPLAY"))
    found = ("xdg-open",) if has_screen else ()
    return next((one for one in (*found, "wslview") if shutil.which(one)), None)


def _say(output: Output, words: str) -> None:
    with suppress(OSError):
        if not output.as_json:
            output.note(words)


def _in(seconds: float) -> str:
    return f"in {_time(seconds)}, or at once with Ctrl-C"


def _at_most(seconds: float) -> str:
    return f"after {_time(seconds)} at the latest"


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes > 1 else f"{seconds:g} s"
