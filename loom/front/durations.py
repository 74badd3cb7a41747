"""How long, as people type it: 30m, 1h, 7d, 1w."""

import re
from typing import Final

from loom.errors import InvalidInput

_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_FORM: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])")


def parse_duration(text: str) -> int:
    """Seconds.

    Raises:
        InvalidInput: not a number of minutes, hours, days or weeks.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidInput(what=f"{text} is not a time such as 30m, 1h or 7d")
    return int(found[1]) * _SECONDS[found[2]]
