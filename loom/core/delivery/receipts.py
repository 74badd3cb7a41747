"""Receipts until the other device was told: delivered once, read on two links (PROTOCOL 9.2)."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from loom.model import MessageId
from loom.wire.limits import RECEIPT_MAX_IDS


class OwedRow(Protocol):
    """A stored row: ids that are owed together."""

    @property
    def row_id(self) -> int:
        """Its number; later rows have larger ones."""
        ...

    @property
    def is_read(self) -> bool:
        """The messages were read; otherwise they were stored."""
        ...

    @property
    def message_ids(self) -> Sequence[MessageId]:
        """Whose."""
        ...


R = TypeVar("R", bound=OwedRow)


class Receipts(msgspec.Struct, frozen=True):
    """What of the owed receipts was told, and where."""

    is_due: bool = True
    """Rows may wait on the disk."""
    told_before: frozenset[int] = frozenset()
    """Rows of read ids that were written to an earlier link."""
    told_now: tuple[int, ...] = ()
    """Rows of read ids that were written to this link."""

    @property
    def last_told(self) -> int:
        """Rows of read ids up to this one were told on this link."""
        return self.told_now[-1] if self.told_now else 0


class Page(NamedTuple):
    """What one Receipt tells, and the rows it comes from."""

    rows: Sequence[OwedRow]
    delivered: list[MessageId]
    read: list[MessageId]


def link_up(receipts: Receipts) -> Receipts:
    """Everything owed goes out on the new link."""
    return Receipts(told_before=receipts.told_before | set(receipts.told_now))


def owed(receipts: Receipts) -> Receipts:
    """A row was stored."""
    return replace(receipts, is_due=True)


def none_left(receipts: Receipts) -> Receipts:
    """The store has no row that was not told."""
    return replace(receipts, is_due=False)


def first_page(rows: Sequence[OwedRow]) -> Page:
    """The first rows that fit into one Receipt."""
    fitting: list[OwedRow] = []
    page = Page(fitting, [], [])
    for one in rows:
        if len(page.delivered) + len(page.read) + len(one.message_ids) > RECEIPT_MAX_IDS:
            break
        (page.read if one.is_read else page.delivered).extend(one.message_ids)
        fitting.append(one)
    return page


def told(receipts: Receipts, rows: Sequence[OwedRow]) -> tuple[Receipts, list[int]]:
    """These rows were written to a confirmed link; also the rows that are no longer owed."""
    if not rows:
        return receipts, []
    done = [one.row_id for one in rows if not one.is_read or one.row_id in receipts.told_before]
    now = tuple(one.row_id for one in rows if one.is_read)
    after = replace(
        receipts,
        is_due=True,
        told_before=receipts.told_before - set(done),
        told_now=receipts.told_now + now,
    )
    return after, done
