"""Invites in words: how far one got, whose it is, how long it still serves."""

from collections.abc import Sequence
from typing import Final

from loom.addresses import is_loopback, parse_address
from loom.api.contact_views import JoiningView
from loom.api.invite_views import InviteView
from loom.printable import printable

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


def left_words(until_ms: int, now_ms: int) -> str:
    """How long until then, in its largest unit: 5 min, 3 h, 2 days."""
    left_ms = until_ms - now_ms
    if left_ms < _HOUR_MS:
        return f"{max(left_ms // _MINUTE_MS, 1)} min"
    if left_ms < 2 * _DAY_MS:
        return f"{left_ms // _HOUR_MS} h"
    return f"{left_ms // _DAY_MS} days"


def narrow_words(addresses: Sequence[str]) -> str:
    """What is wrong with a text that leads to these addresses; empty: nothing."""
    if not addresses or not all(is_loopback(parse_address(one).host) for one in addresses):
        return ""
    return "Its addresses are all loopback: it works only on the machine where it was made."


def joining_words(joining: JoiningView, now_ms: int) -> str:
    """How far an invite of theirs got that was used here."""
    if joining.state == "spent":
        return "somebody used this invite before you; ask for a new one"
    if joining.state == "expired" or joining.expires_at_ms <= now_ms:
        return "not answered before the invite expired"
    return f"not answered yet; expires in {left_words(joining.expires_at_ms, now_ms)}"


NOT_LET_IN: Final = (
    "they have your request and did not let you in: the invite was used, you were banned, or they "
    "may not invite any more; ask them for a new one"
)


def invite_words(view: InviteView, now_ms: int) -> str:
    """What became of one's own invite."""
    if view.state == "open":
        kind = "for many" if view.is_address else "not used yet"
        return f"{kind}; expires in {left_words(view.expires_at_ms, now_ms)}"
    if view.state != "spent":
        return view.state
    who = "a contact you removed" if view.used_by is None else printable(view.used_by)
    return f"used by {who}; somebody tried again" if view.reuse else f"used by {who}"
