"""How large, as people type it: 500k, 10M, 1.5G."""

import re
from typing import Final

from loom.errors import InvalidInput
from loom.printable import printable

_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000**2, "g": 1_000**3, "t": 1_000**4}
_FORM: Final = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,3}))? ?([kmgt]?)i?b?", re.ASCII)


def parse_size(text: str) -> int:
    """Bytes, in units of a thousand, as they are shown.

    Raises:
        InvalidInput: not a number of bytes, kB, MB, GB or TB.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None or (found[2] and not found[3]):
        raise InvalidInput(what=f"{printable(text[:40])} is not a size such as 500k, 10M or 1.5G")
    unit = _UNITS[found[3]]
    return int(found[1]) * unit + int((found[2] or "0").ljust(3, "0")) * unit // 1_000
