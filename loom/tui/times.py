"""When something was, in the reader's time zone and whatever the locale."""

import time
from datetime import date, datetime
from functools import lru_cache
from typing import Final

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@lru_cache(maxsize=4096)
def _moment(at_s: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(at_s).astimezone()
    except (ValueError, OverflowError, OSError):
        return None  # a clock far off is the sender's business


def clock_of(at_ms: int) -> str:
    """Hours and minutes in the reader's time zone."""
    moment = _moment(at_ms // 60_000 * 60)
    return "??:??" if moment is None else f"{moment:%H:%M}"


def second_of(at_ms: int) -> str:
    """Month, day and time to the second in the reader's time zone."""
    moment = _moment(at_ms // 1000)
    return "??-?? ??:??:??" if moment is None else f"{moment:%m-%d %H:%M:%S}"


def day_of(at_ms: int) -> str:
    """The day in the reader's time zone, for comparing."""
    moment = _moment(at_ms // 60_000 * 60)
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def now_ms() -> int:
    """Unix milliseconds."""
    return int(time.time() * 1000)


def today() -> date:
    """The reader's."""
    return datetime.now().astimezone().date()


def when_words(at_ms: int) -> str:
    """As short as it goes: the time today, else the day, else the year; at most 6 cells."""
    moment = _moment(at_ms // 60_000 * 60)
    if moment is None:
        return ""
    now = today()
    if moment.date() == now:
        return f"{moment:%H:%M}"
    if moment.year == now.year:
        return f"{moment.day} {_MONTHS[moment.month - 1][:3]}"
    return str(moment.year)


def since_words(at_ms: int) -> str:
    """The time, with the day unless that is today."""
    moment = _moment(at_ms // 60_000 * 60)
    is_today = moment is not None and moment.date() == today()
    return clock_of(at_ms) if is_today else f"{day_words(at_ms)}, {clock_of(at_ms)}"


def day_words(at_ms: int) -> str:
    """The day as one says it, whatever the locale."""
    moment = _moment(at_ms // 60_000 * 60)
    if moment is None:
        return "some day"
    year = "" if moment.year == today().year else f" {moment.year}"
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]}{year}"
