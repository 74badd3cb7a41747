"""How much an anchor lets its accounts use: one file, in the words of PROTOCOL.md 10.3."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from loom.errors import InvalidInput, StoreUnavailable
from loom.wire.limits import ACCOUNT_QUEUES_MAX
from loom.wire.requests import Limits, QueueUse

Positive = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class AnchorLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[limits]` of an anchor's file."""

    queue_blobs: Positive = 1_000
    queue_bytes: Positive = 16 << 20
    invite_blobs: Positive = 32
    """Of a queue for an invite or an address, which many may write to."""
    queues: Annotated[int, Meta(ge=1, le=ACCOUNT_QUEUES_MAX)] = ACCOUNT_QUEUES_MAX
    """Of an account."""
    account_bytes: Positive = 512 << 20
    accounts: Positive = 1_000
    queue_puts_per_minute: Positive = 200
    account_puts_per_minute: Positive = 600
    fetches_per_hour: Positive = 10
    bulk_queue_bytes: Positive = 64 << 20
    """Of a queue for parcels of files; these count in no other limit of an account."""
    bulk_account_bytes: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 256 << 20
    """0: this anchor takes no files."""
    bulk_puts_per_minute: Positive = 2_000
    """To all of them of an account."""
    disk_share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """What all blobs together may take of the disk."""
    links: Positive = 1_024
    guest_links: Positive = 64
    """To the queues of one account."""
    invite_links: Positive = 8
    """To the queue of one invite."""

    def blobs_of(self, use: QueueUse) -> int:
        """How many may lie in a queue."""
        is_open = use in (QueueUse.INVITE, QueueUse.ADDRESS)
        return min(self.invite_blobs, self.queue_blobs) if is_open else self.queue_blobs

    def told(self) -> Limits:
        """What an account is told of them."""
        return Limits(
            queue_blobs=self.queue_blobs,
            queue_bytes=self.queue_bytes,
            queues=self.queues,
            account_bytes=self.account_bytes,
            queue_puts_per_minute=self.queue_puts_per_minute,
            account_puts_per_minute=self.account_puts_per_minute,
            fetches_per_hour=self.fetches_per_hour,
            bulk_queue_bytes=self.bulk_queue_bytes,
            bulk_account_bytes=self.bulk_account_bytes,
            bulk_puts_per_minute=self.bulk_puts_per_minute,
        )


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limits: AnchorLimits = AnchorLimits()


def read_limits(path: Path) -> AnchorLimits:
    """The file's limits; without a file, those of the protocol.

    Raises:
        InvalidInput: it is not such a file, with what is wrong in it.
        StoreUnavailable: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return AnchorLimits()
    except OSError as error:
        raise StoreUnavailable(what=f"{path}: {error.strerror}") from error
    try:
        return msgspec.toml.decode(data, type=_File).limits
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidInput(what=f"{path} cannot be used: {error}") from error
