"""What people type: names and texts, checked before they are kept or sent."""

from loom.errors import InvalidName, InvalidText
from loom.printable import printable
from loom.wire.limits import NAME_MAX_BYTES, NAME_MAX_CHARACTERS, TEXT_MAX_BYTES


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
