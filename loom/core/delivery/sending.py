"""Which outbox rows go out, in which order, and when they go out again (docs/PROTOCOL.md 9.1)."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec.structs import replace

from loom.wire.limits import CHAIN_LIFETIME_S

RETRY_FIRST_S: Final = 30.0
RETRY_MAX_S: Final = 600.0
UNPROVEN_ROWS_MAX: Final = 16
"""So many rows are written to a new link before a receipt shows that it carries anything: on links
that break again and again, repeating all of them would crowd out the receipts."""
UNPROVEN_ROW_BYTES: Final = 2_048
"""A longer row counts as as many: links may break after few bytes, too."""
STALL_S: Final = 60.0
"""Flow control stopped everything, and no receipt came for so long."""


class Sending(msgspec.Struct, frozen=True):
    """How far the rows of the outbox got on the link there is."""

    cursor: int = 0
    """The last row that was written; rows leave oldest first."""
    is_caught_up: bool = False
    """No row comes after the cursor."""
    is_blocked: bool = False
    """Flow control lets no row be sealed until a receipt comes."""
    unproven: int = 0
    """Rows written to this link since the last rewind, long ones as several; 0 once a receipt
    came."""
    is_proven: bool = False
    """A receipt came on this link."""
    session_id: bytes | None = None
    """The session the rows were written on."""
    progress_s: float = 0.0
    """When a receipt last came, or the link was confirmed."""
    retry_s: float = RETRY_FIRST_S


def link_up(sending: Sending, now_s: float) -> Sending:
    """A new link: every row without a receipt goes out again."""
    fresh = replace(sending, progress_s=now_s, retry_s=RETRY_FIRST_S, is_proven=False)
    return rewound(fresh)


def rewound(sending: Sending) -> Sending:
    """Begin again with the oldest row."""
    return replace(sending, cursor=0, is_caught_up=False, is_blocked=False, unproven=0)


def on_session(sending: Sending, session_id: bytes) -> Sending:
    """Another session is the best: rows sealed on the one before go out before later ones."""
    if sending.session_id == session_id:
        return sending
    return rewound(replace(sending, session_id=session_id))


def is_current(
    row_session_id: bytes | None,
    sealed_at_s: int,
    best_session_id: bytes,
    now_s: int,
    lifetime_s: int = CHAIN_LIFETIME_S,
) -> bool:
    """Whether the stored bytes of a row go out as they are; otherwise it is sealed again."""
    return row_session_id == best_session_id and now_s - sealed_at_s < lifetime_s


def written(sending: Sending, row_id: int, size_bytes: int = 0) -> Sending:
    """A row was written; it stays in the outbox until its receipt."""
    unproven = 0 if sending.is_proven else sending.unproven + _weight(size_bytes)
    return replace(sending, cursor=max(sending.cursor, row_id), unproven=unproven)


def receipt_came(sending: Sending, now_s: float) -> Sending:
    """The peer has some of what was sent: flow control may allow more."""
    return replace(sending, progress_s=now_s, is_blocked=False, is_proven=True, unproven=0)


def room(sending: Sending, most: int) -> int:
    """How many rows may be written now, at most `most`."""
    return most if sending.is_proven else max(0, min(most, UNPROVEN_ROWS_MAX - sending.unproven))


def fitting(sending: Sending, sizes_bytes: Iterable[int]) -> int:
    """How many of the next rows, of these sizes, may be written now; the first of a link always."""
    total, count = sending.unproven, 0
    for size_bytes in sizes_bytes:
        total += _weight(size_bytes)
        if total > UNPROVEN_ROWS_MAX and (sending.unproven or count) and not sending.is_proven:
            break
        count += 1
    return count


def full(sending: Sending) -> Sending:
    """The next row does not fit: nothing is written before a receipt comes."""
    return replace(sending, unproven=max(sending.unproven, UNPROVEN_ROWS_MAX))


def is_retry_due(sending: Sending, oldest_write_s: float, now_s: float) -> bool:
    """Whether the row written longest ago has waited long enough for its receipt."""
    return now_s - oldest_write_s >= sending.retry_s


def retried(sending: Sending) -> Sending:
    """Every row goes out again; the next retry comes after twice the time."""
    return rewound(replace(sending, retry_s=min(2 * sending.retry_s, RETRY_MAX_S)))


def all_receipted(sending: Sending) -> Sending:
    """Nothing awaits a receipt: the next retry comes as soon as the first."""
    return replace(sending, retry_s=RETRY_FIRST_S, unproven=0)


def unblocked(sending: Sending) -> Sending:
    """Flow control allows a row again."""
    return replace(sending, is_blocked=False) if sending.is_blocked else sending


def is_stalled(sending: Sending, now_s: float) -> bool:
    """Blocked by flow control for so long that the peer may have lost its state."""
    return sending.is_blocked and now_s - sending.progress_s >= STALL_S


def _weight(size_bytes: int) -> int:
    return 1 + size_bytes // UNPROVEN_ROW_BYTES
