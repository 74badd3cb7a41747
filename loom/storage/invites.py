"""One's own invites, and the private halves of the bundles that were issued to each."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.core.invites import Invite, InviteState, is_open, spent
from loom.model import InviteId, PersonId
from loom.storage.anchors import Anchor
from loom.wire.hints import Hint, decode_hints, encode_hints
from loom.wire.invite import RoomDoor, hints_that_fit
from loom.wire.limits import INVITE_MEMORY_S

_COLUMNS: Final = (
    "invite_id, secret, created_at_ms, expires_at_s, is_address, hints, state, used_by,"
    " closed_at_s, is_reuse_told, room_id, room_name"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM invites"  # noqa: S608 - constants only


class InvitePrekey(msgspec.Struct, frozen=True):
    """One bundle that was issued to an invite; `state` is what the core serialized."""

    bundle_id: bytes
    invite_id: InviteId
    state: bytes
    expires_at_s: int
    kept_until_s: int
    """Until then an answer is taken."""
    queue_id: bytes | None = None
    """The mailbox it lies in; None: given on a link."""

    def __repr__(self) -> str:
        return f"InvitePrekey(invite_id={self.invite_id}, redacted)"


def add(
    db: Connection,
    *,
    secret: bytes,
    created_at_ms: int,
    expires_at_s: int,
    is_address: bool,
    hints: tuple[Hint, ...],
    room: RoomDoor | None = None,
) -> Invite:
    """Keep a new invite, under a number that was never used before."""
    cursor = db.execute(
        f"INSERT INTO invites ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, NULL, 0, 0, ?, ?)",  # noqa: S608
        (
            secret,
            created_at_ms,
            expires_at_s,
            is_address,
            encode_hints(hints),
            InviteState.OPEN,
            None if room is None else room.room_id,
            "" if room is None else room.name,
        ),
    )
    return Invite(
        invite_id=InviteId(cursor.lastrowid or 0),
        secret=secret,
        created_at_ms=created_at_ms,
        expires_at_s=expires_at_s,
        is_address=is_address,
        hints=hints,
        room=room,
    )


def every(db: Connection) -> list[Invite]:
    """All, oldest first."""
    return [_invite(row) for row in db.execute(_SELECT + " ORDER BY invite_id")]


def by_id(db: Connection, invite_id: InviteId) -> Invite | None:
    """The invite of that number, or None."""
    row = db.execute(_SELECT + " WHERE invite_id = ?", (invite_id,)).fetchone()
    return None if row is None else _invite(row)


def revoke(db: Connection, invite_id: InviteId, now_s: int) -> bool:
    """Close an open invite and delete its keys; False: it was not open."""
    is_revoked = db.execute(
        "UPDATE invites SET state = 'revoked', closed_at_s = ?"
        " WHERE invite_id = ? AND state = 'open'",
        (now_s, invite_id),
    ).rowcount
    if is_revoked:
        _delete_prekeys(db, invite_id)
    return is_revoked > 0


def revoke_all(db: Connection, now_s: int) -> None:
    """Close every open invite and delete the keys of all."""
    db.execute(
        "UPDATE invites SET state = 'revoked', closed_at_s = ? WHERE state = 'open'", (now_s,)
    )
    for invite in every(db):
        _delete_prekeys(db, invite.invite_id)


def name_anchors(db: Connection, used: Iterable[Anchor], now_s: int) -> bool:
    """Let open invites lead to the anchors in use and to no other; whether one was changed.

    One that would lead nowhere is revoked.
    """
    at_anchors = anchor_hints(used)
    is_changed = False
    for invite in every(db):
        nodes = [] if invite.is_address else [one for one in invite.hints if not one.is_anchor]
        hints = hints_that_fit([*at_anchors, *nodes], invite.room)
        if not is_open(invite, now_s) or hints == invite.hints:
            continue
        is_changed = True
        if not hints:
            revoke(db, invite.invite_id, now_s)
            continue
        db.execute(
            "UPDATE invites SET hints = ? WHERE invite_id = ?",
            (encode_hints(hints), invite.invite_id),
        )
    return is_changed


def anchor_hints(used: Iterable[Anchor]) -> list[Hint]:
    """How an invite leads to these anchors."""
    return [
        Hint(address, one.mask_key) for one in used if one.is_used for address in one.addresses[:1]
    ]


def spend(db: Connection, invite: Invite, by: PersonId, now_s: int) -> Invite:
    """Note who used an invite; one that serves once is closed, and its keys are deleted."""
    after = spent(invite, by, now_s)
    if after.state is not InviteState.OPEN:
        db.execute(
            "UPDATE invites SET state = ?, used_by = ?, closed_at_s = ? WHERE invite_id = ?",
            (after.state, after.used_by, after.closed_at_s, invite.invite_id),
        )
        _delete_prekeys(db, invite.invite_id)
    return after


def tell_reuse(db: Connection, invite_id: InviteId) -> bool:
    """Note that the user is told of another use; False: they were told before."""
    cursor = db.execute(
        "UPDATE invites SET is_reuse_told = 1 WHERE invite_id = ? AND NOT is_reuse_told",
        (invite_id,),
    )
    return cursor.rowcount > 0


# --- bundles ---


def put_prekey(db: Connection, prekey: InvitePrekey) -> None:
    """Keep a bundle, unless its invite is closed."""
    db.execute(
        "INSERT OR REPLACE INTO invite_prekeys SELECT ?, invite_id, ?, ?, ?, ? FROM invites"
        " WHERE invite_id = ? AND state = 'open'",
        (
            prekey.bundle_id,
            prekey.state,
            prekey.expires_at_s,
            prekey.kept_until_s,
            prekey.queue_id,
            prekey.invite_id,
        ),
    )


def prekey(db: Connection, bundle_id: bytes) -> InvitePrekey | None:
    """The bundle of that id, or None."""
    row = db.execute("SELECT * FROM invite_prekeys WHERE bundle_id = ?", (bundle_id,)).fetchone()
    return None if row is None else InvitePrekey(*row)


def open_prekey(
    db: Connection, bundle_id: bytes, now_s: int, *, by_mail: bool = False
) -> InvitePrekey | None:
    """The same while its invite may be used."""
    found = prekey(db, bundle_id)
    invite = None if found is None else by_id(db, found.invite_id)
    return found if invite is not None and is_open(invite, now_s, by_mail=by_mail) else None


def prekey_at(
    db: Connection, invite_id: InviteId, queue_id: bytes | None, expiries: range
) -> InvitePrekey | None:
    """The bundle of an invite for a queue or for links (None), within a range of expiries."""
    row = db.execute(
        "SELECT * FROM invite_prekeys WHERE invite_id = ? AND queue_id IS ?"
        " AND expires_at_s >= ? AND expires_at_s < ? ORDER BY expires_at_s DESC LIMIT 1",
        (invite_id, queue_id, expiries.start, expiries.stop),
    ).fetchone()
    return None if row is None else InvitePrekey(*row)


def prune(db: Connection, now_s: int) -> int:
    """Delete keys whose answers are not taken any more, and invites 31 days after their end."""
    return (
        db.execute("DELETE FROM invite_prekeys WHERE kept_until_s <= ?", (now_s,)).rowcount
        + db.execute(
            "DELETE FROM invites WHERE expires_at_s <= ?", (now_s - INVITE_MEMORY_S,)
        ).rowcount
    )


def _delete_prekeys(db: Connection, invite_id: InviteId) -> None:
    db.execute("DELETE FROM invite_prekeys WHERE invite_id = ?", (invite_id,))


def _invite(row: tuple[Any, ...]) -> Invite:
    return Invite(
        invite_id=row[0],
        secret=row[1],
        created_at_ms=row[2],
        expires_at_s=row[3],
        is_address=bool(row[4]),
        hints=decode_hints(row[5]),
        state=InviteState(row[6]),
        used_by=row[7],
        closed_at_s=row[8],
        is_reuse_told=bool(row[9]),
        room=None if row[10] is None else RoomDoor(row[10], row[11]),
    )
