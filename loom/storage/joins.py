"""Invites of others that were pasted here, until their owners answer."""

from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId, MessageId
from loom.wire.hints import Hint, decode_hints, encode_hints
from loom.wire.limits import INVITE_MEMORY_S

_COLUMNS: Final = "device_id, secret, expires_at_s, is_address, hints, message_id, state"


class JoinState(StrEnum):
    """How far a Join got."""

    WAITING = "waiting"
    SPENT = "spent"
    """Somebody used the invite before."""
    EXPIRED = "expired"
    """It expired, or was revoked, before its owner answered."""
    ANSWERED = "answered"


class PendingJoin(msgspec.Struct, frozen=True, kw_only=True):
    """An invite that this side uses. `message_id`: of the Join in the outbox."""

    device_id: DeviceId
    secret: bytes
    expires_at_s: int
    is_address: bool
    hints: tuple[Hint, ...]
    message_id: MessageId
    state: JoinState = JoinState.WAITING

    def __repr__(self) -> str:
        return f"PendingJoin({self.device_id}, {self.state.value})"


def put(db: Connection, join: PendingJoin) -> None:
    """Use an invite of this device's person from now on, instead of an earlier one."""
    db.execute(
        f"INSERT OR REPLACE INTO joins ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            join.device_id,
            join.secret,
            join.expires_at_s,
            join.is_address,
            encode_hints(join.hints),
            join.message_id,
            join.state,
        ),
    )


def every(db: Connection) -> list[PendingJoin]:
    """All, those that were answered too."""
    return [_join(row) for row in db.execute(f"SELECT {_COLUMNS} FROM joins")]  # noqa: S608


def move(db: Connection, device_id: DeviceId, state: JoinState) -> bool:
    """Note how far a Join got that is not answered yet; False: that changes nothing."""
    cursor = db.execute(
        "UPDATE joins SET state = ?2 WHERE device_id = ?1 AND state NOT IN (?2, 'answered')",
        (device_id, state),
    )
    return cursor.rowcount > 0


def prune(db: Connection, now_s: int) -> int:
    """Forget invites 31 days after they expired."""
    return db.execute(
        "DELETE FROM joins WHERE expires_at_s <= ?", (now_s - INVITE_MEMORY_S,)
    ).rowcount


def _join(row: tuple[Any, ...]) -> PendingJoin:
    return PendingJoin(
        device_id=row[0],
        secret=row[1],
        expires_at_s=row[2],
        is_address=bool(row[3]),
        hints=decode_hints(row[4]),
        message_id=row[5],
        state=JoinState(row[6]),
    )
