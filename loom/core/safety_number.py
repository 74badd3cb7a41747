"""The number two people compare to know that nobody stands between them."""

from typing import Final

from loom.crypto.kdf import hash_
from loom.model import PeerId
from loom.wire.encoding import enc

GROUPS: Final = 12
GROUP_BYTES: Final = 5
GROUP_DIGITS: Final = 5


def safety_number(one: PeerId, other: PeerId) -> tuple[str, ...]:
    """Twelve groups of five digits, the same on both sides (docs/PROTOCOL.md 1)."""
    digest = hash_(enc(b"LOOM/1 sn", min(one, other), max(one, other)))
    return tuple(
        f"{int.from_bytes(digest[at : at + GROUP_BYTES], 'big') % 10**GROUP_DIGITS:05d}"
        for at in range(0, GROUPS * GROUP_BYTES, GROUP_BYTES)
    )
