"""Join: who used an invite, and where they read (docs/PROTOCOL.md 11.3)."""

from typing import ClassVar

from loom.wire.content.mailboxes import Mailbox
from loom.wire.content.payload import KnownPayload
from loom.wire.limits import MAILBOXES_MAX, NAME_MAX_BYTES


class Join(KnownPayload, frozen=True, tag=6):
    """The first words to the owner of an invite: a Profile and a Mailboxes in one.

    Args:
        display_name: at most 256 bytes of UTF-8, maybe empty.
        number: as in Mailboxes.
        mailboxes: at most 4, maybe none.
    """

    display_name: str
    number: int
    mailboxes: tuple[Mailbox, ...]

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"Join({self.display_name!r}, {len(self.mailboxes)} mailboxes)"

    def is_in_bounds(self) -> bool:
        """The bounds of a Profile and of a Mailboxes."""
        return (
            len(self.display_name.encode()) <= NAME_MAX_BYTES
            and 0 <= self.number < 2**53
            and len(self.mailboxes) <= MAILBOXES_MAX
            and all(one.is_in_bounds() for one in self.mailboxes)
        )
