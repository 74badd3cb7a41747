"""Which identity of a recovery phrase: written beside its words, and counted from 1 by people."""

from loom.errors import InvalidInput
from loom.wire.limits import IDENTITIES_MAX


def shown(number: int) -> int:
    """As people read it; the protocol counts from 0 (docs/PROTOCOL.md 1.1)."""
    return number + 1


def read(text: str) -> int:
    """The protocol's number; nothing typed is the first identity.

    Raises:
        InvalidInput: no number of an identity.
    """
    typed = text.strip() or "1"
    is_number = typed.isascii() and typed.isdecimal() and len(typed) < 10
    if not is_number or not 1 <= int(typed) <= IDENTITIES_MAX:
        raise InvalidInput(what=f"The identity number is between 1 and {IDENTITIES_MAX}")
    return int(typed) - 1
