"""A moment as people write it."""

import re
import time
from datetime import datetime
from typing import Final

from loom.errors import InvalidInput
from loom.printable import printable

_AGO: Final = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def moment_ms(text: str | None, *, now_s: float | None = None) -> int | None:
    """Unix milliseconds of a date, a date with time, or so long ago; local without a zone.

    Raises:
        InvalidInput: none of them.
    """
    if text is None:
        return None
    if ago := _AGO.fullmatch(text.strip()):
        now_s = time.time() if now_s is None else now_s
        return int((now_s - int(ago[1]) * _SECONDS[ago[2]]) * 1_000)
    try:
        return int(datetime.fromisoformat(text.strip()).astimezone().timestamp() * 1_000)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput(
            what=f"{printable(text[:40])} is not a time; write 2026-11-20, 2026-11-20T12:00 or 2h"
        ) from error


def when(at_ms: int) -> str:
    """A moment in the reader's time zone, to the minute."""
    try:
        return f"{datetime.fromtimestamp(at_ms / 1_000).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return "????-??-?? ??:??"  # a clock far off is the sender's business
