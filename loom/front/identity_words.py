"""What became of identities, in words."""

import shlex
from collections.abc import Sequence
from typing import Final

from loom.api.identity_views import IdentityView, OldRoomKey
from loom.front.identity_number import shown
from loom.printable import printable

NAMES_SHOWN: Final = 3
CHANGES: Final = {
    "identity_moved": "has a new identity, proven with their 24 words: verify them again",
    "identity_forked": "has two identities that contradict each other: nothing is sent or "
    "received until you verify them",
    "identity_revoked": "has revoked their identity for good: nothing is sent to them any more",
}
"""After the name of a contact, by what the event says."""
_LINES: Final = {
    "identity_moved": "{name} has a new identity, proven with their 24 recovery words. What you "
    "write goes to it, unless you wait until you verify. Compare safety numbers.",
    "identity_forked": "Two identities claim to be the next one of {name}, so somebody else may "
    "have their 24 recovery words. Neither is followed; nothing is sent or received until you have "
    "compared safety numbers.",
    "identity_revoked": "{name} has revoked this identity for good: nothing is sent to it any "
    "more. Ask {name} for a new token.",
}
KINDS: Final = frozenset(_LINES)
"""Of messages: lines that say what became of a contact's identity."""


def identity_line(kind: str, contact: str) -> str:
    """What a line of the conversation says."""
    return _LINES[kind].format(name=printable(contact))


def changed_words(contact: str, *, proven: bool) -> str:
    """Why nothing goes to or comes from an identity that is not verified yet.

    Args:
        proven: by the contact's 24 words; see `ContactView.identity_proven`.
    """
    name = printable(contact)
    if proven:
        return (
            f"{name} has a new identity, proven with their 24 recovery words. You wait until you "
            "verify it: nothing is sent or received until you have compared safety numbers."
        )
    return (
        f"The identity of {name} has changed: either {name} has new keys, or someone "
        "pretends to be them. Nothing is sent or received until you have compared safety numbers."
    )


def number_words(number: int) -> str:
    """Which identity of the 24 words it is, as people write it down."""
    return f"identity number {shown(number)}"


def state_words(view: IdentityView) -> str:
    """Whether the owner's identity is valid, and what to do if another one is newer."""
    if view.revoked:
        return "revoked"
    if view.forked or view.later is not None:
        return later_words(view.later or view.number, forked=view.forked)
    return "valid"


def later_words(number: int, *, forked: bool) -> str:
    """A contact knows another next identity of the owner than this profile."""
    if forked:
        return (
            "contradicted: contacts have seen two different next identities of your 24 words, so "
            "somebody else may have the words, and follow neither"
        )
    return f"out of date: a contact knows {number_words(number)} of your 24 words"


def room_words(key: OldRoomKey) -> str:
    """What to do about a key in a room that is older than the identity."""
    name = printable(key.room)
    counts = f"In the room {name} your old key still counts"
    invited = "to remove you there and to invite you again: you get a new key then."
    if key.renewers:
        ask = f" If that does not happen, ask {_either(key.removers)} {invited}"
        return (
            f"{counts} until the program of {_either(key.renewers)} has let your new one in, which "
            f"it does by itself when it is connected.{ask if key.removers else ''}"
        )
    if key.removers:
        return f"{counts}. Ask {_either(key.removers)} {invited}"
    return (
        f"{counts}, and nobody there can remove it. `loom room continue {_quoted(key)}` offers its "
        "members to go on in a new room, and so do its details in the app."
    )


def _either(names: Sequence[str]) -> str:
    return " or ".join(printable(one) for one in names[:NAMES_SHOWN])


def _quoted(key: OldRoomKey) -> str:
    """The room for a command line, which may be pasted there: its name, else its id."""
    is_plain = key.room.isprintable() and printable(key.room) == key.room
    is_plain &= key.room[:1].isalnum() and not set(key.room) & set("`'\\")
    return shlex.quote(key.room) if is_plain else key.room_id


def told_words(view: IdentityView) -> str:
    """How many contacts do not have the newest keys yet, and what to do about it."""
    if not view.untold:
        return "nobody"
    return f"{view.untold} (as they come, for 90 days: let `loom daemon` run)"
