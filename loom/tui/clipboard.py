"""Copying out of a terminal: OSC 52, and inside tmux its own buffer, because it drops OSC 52."""

import asyncio
import os
import shutil
from base64 import b64encode
from collections.abc import Callable
from typing import Final

TMUX_TIMEOUT_S: Final = 2.0


def osc52(text: str) -> str:
    """The sequence that puts `text` on the clipboard of the terminal one sits at."""
    return f"\x1b]52;c;{b64encode(text.encode()).decode()}\x07"


async def copy(text: str, write: Callable[[str], None]) -> str:
    """Put `text` on the clipboard; what was done, in words."""
    if os.environ.get("TMUX") and (tmux := shutil.which("tmux")) and await _tmux(tmux, text):
        return "Copied to tmux and, where it may, to the terminal."
    write(osc52(text))
    return "Copied, if this terminal allows it."


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
