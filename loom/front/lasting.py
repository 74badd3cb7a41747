"""Disappearing messages and farewells in words."""

from typing import Final

from loom.printable import printable

_UNITS: Final = (
    ("year", 365 * 86_400),
    ("week", 7 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
)


def lasting_words(seconds: int) -> str:
    """So long, in the largest unit that it is a whole number of: 90 minutes."""
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    many = seconds // size
    return f"{many} {unit}" if many == 1 else f"{many} {unit}s"


def left_words(seconds: float) -> str:
    """How long a message still lasts, in a few characters: 45s, 3m, 2h, 5d."""
    for sign, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{sign}"
    return f"{max(0, int(seconds))}s"


def timer_words(direction: str, contact: str, expires_s: int) -> str:
    """Who set the timer of a conversation, and to what."""
    who = "You" if direction == "out" else printable(contact)
    if not expires_s:
        return f"{who} turned disappearing messages off."
    return f"{who} let messages disappear after {lasting_words(expires_s)}."


def holding_words(expires_s: int, own_s: int, theirs_s: int) -> str:
    """The timer of a conversation, and whose it is."""
    if not expires_s:
        return "off"
    if own_s == theirs_s:
        return f"{lasting_words(expires_s)}, both of you"
    return f"{lasting_words(expires_s)}, set by {'you' if expires_s == own_s else 'them'}"


def asked_words(contact: str, scope: str) -> str:
    """What a farewell asks."""
    if scope == "contact":
        return f"{printable(contact)} removed you, and asks you to delete the conversation, too."
    return f"{printable(contact)} deleted the conversation, and asks you to do the same."


def done_words(contact: str, scope: str, direction: str, withdrawn: int) -> str:
    """What became of a farewell."""
    name = printable(contact)
    if direction == "out":
        return f"The conversation with {name} is deleted here; {name} is told."
    if scope == "contact":
        return f"{name} removed you; the conversation was deleted on both sides."
    lost = {0: "", 1: " A message of yours that {} had not got was withdrawn."}.get(
        withdrawn, f" {withdrawn} messages of yours that {{}} had not got were withdrawn."
    )
    return f"{name} deleted the conversation on both sides.{lost.format(name)}"
