"""Emoji by name where one writes: `:thumbs` completes to a thumb."""

import re
from typing import Final

from loom.front.emoji import EMOJI
from loom.tui.commands import Completion

_TYPED: Final = re.compile(r"(?:^|(?<=\s)):([a-z0-9_+-]{2,})(:?)$")
LIMIT: Final = 8
TYPED_MAX: Final = 40
"""Characters; no name is longer."""


def complete_emoji(text: str, cursor: int) -> list[Completion]:
    """Ways to complete the `:name` before the cursor."""
    first = max(cursor - TYPED_MAX, 0)
    found = _TYPED.search(text[first:cursor])
    if found is None:
        return []
    word, closed = found.groups()
    start = first + found.start()
    if closed:
        return [Completion(start, EMOJI[word], EMOJI[word])] if word in EMOJI else []
    names = [word] if word in EMOJI else []  # the whole name comes first
    names += [name for name in EMOJI if name.startswith(word) and name not in names]
    names += [name for name in EMOJI if word in name and name not in names]
    return [Completion(start, EMOJI[name], f"{EMOJI[name]} :{name}:") for name in names[:LIMIT]]
