"""Which member of a room is asked next by mail for a file, and for how long (PROTOCOL 15.6)."""

from collections.abc import Iterable

import msgspec

from loom.wire.limits import FILE_REQUEST_FIRST_S, FILE_REQUEST_GAVE_S, FILE_REQUEST_MAX_S


class Candidate(msgspec.Struct, frozen=True):
    """A member that can be asked.

    Args:
        number: how this side knows them.
        times: how often they were asked for this file.
        is_heard: something of them came lately.
        not_before_s: they refused; they are not asked before, Unix seconds.
    """

    number: int
    times: int = 0
    is_author: bool = False
    is_heard: bool = False
    not_before_s: int = 0


def next_asked(candidates: Iterable[Candidate], now_s: int) -> Candidate | None:
    """Who was asked least; of them the author, then who was heard lately."""
    willing = [one for one in candidates if one.not_before_s <= now_s]
    return min(
        willing,
        key=lambda one: (one.times, not one.is_author, not one.is_heard, one.number),
        default=None,
    )


def waits_s(times: int, *, gave: bool) -> int:
    """How long nothing may come before another one is asked, who was asked so often before."""
    doubled = FILE_REQUEST_FIRST_S << min(max(times - 1, 0), 16)
    return min(max(doubled, FILE_REQUEST_GAVE_S if gave else 0), FILE_REQUEST_MAX_S)


def refused_s(times: int) -> int:
    """How long they are not asked again who refused."""
    return min(10 * waits_s(times, gave=False), FILE_REQUEST_MAX_S)
