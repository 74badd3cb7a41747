"""Copying out of a terminal: OSC 52, and inside tmux its own buffer, because it drops OSC 52.

Back comes what tmux holds, or the desktop's own tool; a terminal's answer to OSC 52 would arrive
as keys.
"""

import asyncio
import os
import shutil
from base64 import b64encode
from collections.abc import Callable
from typing import Final

from loom.errors import InvalidInput

TMUX_TIMEOUT_S: Final = 2.0
PASTE_MAX_BYTES: Final = 64 * 1024
_PASTING: Final = (
    ("TMUX", ("tmux", "save-buffer", "-")),
    ("WAYLAND_DISPLAY", ("wl-paste", "--no-newline")),
    ("DISPLAY", ("xclip", "-out", "-selection", "clipboard")),
    ("", ("pbpaste",)),
)


def osc52(text: str) -> str:
    """The sequence that puts `text` on the clipboard of the user's own terminal."""
    return f"\x1b]52;c;{b64encode(text.encode()).decode()}\x07"


async def copy(text: str, write: Callable[[str], None]) -> str:
    """Put `text` on the clipboard; what was done, in words."""
    if os.environ.get("TMUX") and (tmux := shutil.which("tmux")) and await _tmux(tmux, text):
        return "Copied."
    write(osc52(text))
    return "Copied, if this terminal allows it."


def can_paste() -> bool:
    """Whether something here gives what the clipboard holds."""
    return bool(_pasting())


async def paste() -> str:
    """What the clipboard holds; raises InvalidInput when nothing gives it."""
    command = _pasting()
    if not command:
        raise InvalidInput(what="The clipboard cannot be read here: paste into the field")
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise InvalidInput(what="The clipboard cannot be read here") from error
    try:
        async with asyncio.timeout(TMUX_TIMEOUT_S):
            data, _ = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise InvalidInput(what="The clipboard did not answer") from error
    return data[:PASTE_MAX_BYTES].decode(errors="replace")


def _pasting() -> tuple[str, ...]:
    for variable, command in _PASTING:
        if (not variable or os.environ.get(variable)) and (found := shutil.which(command[0])):
            return (found, *command[1:])
    return ()


async def _tmux(tmux: str, text: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        tmux,
        *("load-buffer", "-w", "-"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(TMUX_TIMEOUT_S):
            await process.communicate(text.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return process.returncode == 0
