"""Reactions under a message: equal ones counted, each no larger than one sign."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from loom.api.message_views import Reaction
from loom.front.emoji import EMOJI
from loom.front.signs import Signs
from loom.printable import REPLACEMENT, printable
from loom.tui.cells import clusters

SIGN_CELLS: Final = 2
COUNTED_MAX: Final = 1_000
"""No more reactions of one message are looked at."""
USUAL: Final = ("thumbs_up", "heart", "joy", "open_mouth", "cry", "pray", "tada")
"""What is offered before everything else."""
_NAMES: Final = {emoji: f":{name}:" for name, emoji in EMOJI.items()}


class Group(NamedTuple):
    """Equal reactions; `is_own`: one of them is one's own."""

    emoji: str
    many: int
    is_own: bool


def grouped(reactions: Iterable[Reaction]) -> list[Group]:
    """In the order in which each came first."""
    found: dict[str, Group] = {}
    for one, _ in zip(reactions, range(COUNTED_MAX), strict=False):
        emoji = shown_sign(one.emoji)
        known = found.get(emoji) or Group(emoji, 0, False)
        is_own = known.is_own or one.contact is None
        found[emoji] = Group(emoji, known.many + 1, is_own)
    return list(found.values())


def shown_sign(text: str) -> str:
    """The first cluster that can be seen, at most two cells wide; whatever else there is, is not.

    Remote text: a reaction is one cluster only as long as its sender is honest.
    """
    shown = printable(text).strip()
    for start, end, width in clusters(shown):
        return shown[start:end] if 0 < width <= SIGN_CELLS else REPLACEMENT
    return REPLACEMENT


def written(emoji: str, signs: Signs) -> str:
    """A sign as this terminal can show it: without Unicode by its name, where it has one."""
    return emoji if signs.unicode or emoji.isascii() else _NAMES.get(emoji, ":?:")


def named(emoji: str) -> str:
    """Its name between colons; empty: it has none."""
    return _NAMES.get(emoji, "")


def offered(query: str, used: Iterable[str]) -> list[str]:
    """What a name, its beginning or a part of it finds, or the sign itself; without one all.

    The whole name comes first; with a colon behind it nothing else does.

    Args:
        used: signs that come first where nothing is looked for.
    """
    typed = query.strip()
    word = typed.strip(":").lower()
    if not word:
        usual = (EMOJI[name] for name in USUAL)
        return list(dict.fromkeys([*used, *usual, *EMOJI.values()]))
    if not word.isascii():
        return [shown_sign(query)]
    exact = EMOJI.get(word)
    if exact is not None and typed.endswith(":"):
        return [exact]
    names = [word] if exact is not None else []
    names += [name for name in EMOJI if name.startswith(word)]
    names += [name for name in EMOJI if word in name]
    return list(dict.fromkeys(EMOJI[name] for name in names))
