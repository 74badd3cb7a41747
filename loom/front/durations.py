"""How long, as people type it: 30s, 5m, 1h, 7d, 1w, 1y."""

import re
from typing import Final

from loom.errors import InvalidInput

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_FORM: Final = re.compile(r"([1-9][0-9]{0,7})([smhdwy])")
OFF: Final = "off"


def parse_duration(text: str) -> int:
    """Seconds.

    Raises:
        InvalidInput: not a number of seconds, minutes, hours, days, weeks or years.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidInput(what=f"{text} is not a time such as 30m, 1h or 7d")
    return int(found[1]) * _SECONDS[found[2]]


def parse_timer(text: str) -> int:
    """Seconds after which messages disappear; 0 for `off`.

    Raises:
        InvalidInput: neither.
    """
    return 0 if text.strip().casefold() == OFF else parse_duration(text)
