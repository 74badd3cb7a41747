"""Mentions: `@ad` completes to `@Ada`, the name that its reader gave themselves."""

import re
from collections.abc import Iterable
from typing import Final

from loom.printable import printable
from loom.tui.commands import Completion

_TYPED: Final = re.compile(r"(?:^|(?<=\s))@(\S*)$")
TYPED_MAX: Final = 64
"""Characters; behind more of them nothing is completed."""


def complete_mention(text: str, cursor: int, names: Iterable[tuple[str, str]]) -> list[Completion]:
    """Ways to complete the `@name` before the cursor.

    Args:
        names: what readers call themselves, and what they are called here.
    """
    first = max(cursor - TYPED_MAX, 0)
    found = _TYPED.search(text[first:cursor])
    if found is None:
        return []
    word, start = found[1].casefold(), first + found.start()
    ways = []
    for own, here in names:
        name = printable(own or here).strip()
        known = {name.casefold(), here.casefold()}
        if name and word not in known and any(one.startswith(word) for one in known):
            hint = "" if own in ("", here) else printable(here)
            ways.append(Completion(start, f"@{name} ", f"@{name}", hint))
    return ways
