"""What people type: names, texts and reactions, checked before they are kept or sent."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

from loom.errors import InvalidInput, InvalidName, InvalidText
from loom.printable import REPLACEMENT, first_sign, printable
from loom.wire.content.timer import is_timer
from loom.wire.limits import (
    NAME_MAX_BYTES,
    NAME_MAX_CHARACTERS,
    REACTION_MAX_BYTES,
    STATUS_MAX_BYTES,
    TEXT_MAX_BYTES,
)

NAMELESS: Final = "Somebody"
HOST: Final = " host"


def check_text(body: str) -> None:
    """Raises InvalidText unless `body` can be sent."""
    try:
        size_bytes = len(body.encode())
    except UnicodeEncodeError as error:
        raise InvalidText(reason="it is not valid text") from error
    if not body.strip():
        raise InvalidText(reason="it is empty")
    if not printable(body).strip():
        raise InvalidText(reason="it has only characters that cannot be seen")
    if size_bytes > TEXT_MAX_BYTES:
        raise InvalidText(reason=f"it has {size_bytes} bytes, {TEXT_MAX_BYTES} are allowed")


def check_emoji(emoji: str) -> None:
    """Raises InvalidInput unless `emoji` is one sign that can be seen, or empty."""
    if not emoji:
        return
    try:
        size_bytes = len(emoji.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(what="A reaction is one emoji") from error
    shown = printable(emoji)
    is_seen = bool(shown.strip()) and not shown.startswith(REPLACEMENT)
    if not is_seen or first_sign(emoji) != emoji or size_bytes > REACTION_MAX_BYTES:
        raise InvalidInput(what="A reaction is one emoji")


def check_timer(expires_s: int) -> None:
    """Raises InvalidInput for a timer that is neither off nor in its bounds."""
    if not is_timer(expires_s):
        raise InvalidInput(what="A timer is off, or from 5 seconds to a year")


def check_name(name: str) -> str:
    """The name as it is kept; raises InvalidName for one that could confuse its reader."""
    name = name.strip()
    try:
        size_bytes = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidName(reason="it is not valid text") from error
    if not name:
        raise InvalidName(reason="it is empty")
    if len(name) > NAME_MAX_CHARACTERS or size_bytes > NAME_MAX_BYTES:
        raise InvalidName(reason="it is too long")
    if printable(name) != name:
        raise InvalidName(reason="it has characters that cannot be seen")
    if name.startswith("#"):
        raise InvalidName(reason="# stands for a contact's number")
    return name


def check_status(status: str) -> str:
    """The status as contacts are told it; raises InvalidInput for one that could confuse them."""
    status = status.strip()
    try:
        size_bytes = len(status.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput(what="The status is not valid text") from error
    if printable(status) != status:
        raise InvalidInput(what="The status has characters that cannot be seen")
    if size_bytes > STATUS_MAX_BYTES:
        raise InvalidInput(
            what=f"The status has {size_bytes} bytes; {STATUS_MAX_BYTES} are allowed"
        )
    return status


def free_name(told: str, is_free: Callable[[str], bool]) -> str:
    """A name for a new contact made of what they call themselves, with a number where it is taken.

    Args:
        told: of a stranger: anything.
    """
    wanted = _shortened(printable(told).strip().lstrip("# "))
    try:
        name = check_name(wanted)
    except InvalidName:
        name = NAMELESS
    return next(one for one in _numbered(name) if is_free(one))


def name_of_host(room: str, is_free: Callable[[str], bool]) -> str:
    """A name for whose invite leads into a room, until they say what they call themselves."""
    return free_name(room + HOST, is_free)


def is_name_of_host(name: str) -> bool:
    """Whether it may be one of those."""
    return name.rstrip("0123456789 ").endswith(HOST)


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        end = f" {number}"
        yield _shortened(name, len(end)) + end


def _shortened(name: str, room: int = 0) -> str:
    """The beginning of it that leaves so much room in what a name may have."""
    name = name[: NAME_MAX_CHARACTERS - room]
    while len(name.encode()) > NAME_MAX_BYTES - room:
        name = name[:-1]
    return name
