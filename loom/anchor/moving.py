"""An anchor that moves to another machine: its accounts and queues, without what lies in them.

file = "LOOMANCH" || version u8 = 2 || keyslot (161) || SIV(export key, nonce, tables, all before)
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from loom.crypto.aead import SivKey
from loom.errors import AuthenticationError, InvalidInput
from loom.storage import settings
from loom.storage.connection import Db
from loom.storage.vault import FILE_BYTES, OLD_FILE_BYTES
from loom.wire.encoding import u8

Work = Callable[[Db], Any]

_MAGIC: Final = b"LOOMANCH"
_VERSION: Final = 2
_KEYSLOT_AT: Final = len(_MAGIC) + 1
_KEYSLOT_BYTES: Final = {1: OLD_FILE_BYTES, _VERSION: FILE_BYTES}
_SETTINGS: Final = ("mask_key", "addresses", "listen_port")


class MovedAccount(msgspec.Struct, frozen=True, array_like=True):
    """An account with its queues: id, tag key, link key, use, until."""

    tag_key: bytes
    link_key: bytes
    paired_at_s: int
    queues: list[tuple[bytes, bytes, bytes, int, int]]

    def __repr__(self) -> str:
        return f"MovedAccount({len(self.queues)} queues)"


class Moved(msgspec.Struct, frozen=True, array_like=True):
    """What moves."""

    settings: dict[str, bytes]
    accounts: list[MovedAccount]

    def __repr__(self) -> str:
        return f"Moved({len(self.accounts)} accounts)"


def read(db: Db) -> Moved:
    """What there is to move."""
    accounts = [
        MovedAccount(
            tag,
            link,
            at_s,
            db.execute(
                "SELECT queue_id, tag_key, link_key, use, until_s FROM queues"
                " WHERE account_id = ? ORDER BY number",
                (number,),
            ).fetchall(),
        )
        for number, tag, link, at_s in db.execute(
            "SELECT account_id, tag_key, link_key, paired_at_s FROM accounts ORDER BY account_id"
        ).fetchall()
    ]
    kept = {name: settings.get(db, name) for name in _SETTINGS}
    return Moved({name: value for name, value in kept.items() if value is not None}, accounts)


def write(db: Db, moved: Moved, name: str) -> None:
    """Fill an empty database."""
    for key, value in moved.settings.items():
        settings.put(db, key, value)
    settings.put(db, "name", name.encode())
    for account in moved.accounts:
        cursor = db.execute(
            "INSERT INTO accounts (tag_key, link_key, paired_at_s) VALUES (?, ?, ?)",
            (account.tag_key, account.link_key, account.paired_at_s),
        )
        for queue_id, tag, link, use, until_s in account.queues:
            db.execute(
                "INSERT INTO queues (queue_id, account_id, tag_key, link_key, use, until_s)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (queue_id, cursor.lastrowid, tag, link, use, until_s),
            )


def seal(keyslot: bytes, key: bytes, moved: Moved, nonce: bytes) -> bytes:
    """The file; it opens with the passphrase of the keyslot."""
    version = next(one for one, size in _KEYSLOT_BYTES.items() if size == len(keyslot))
    head = _MAGIC + u8(version) + keyslot
    return head + SivKey(key).seal(nonce, msgspec.msgpack.encode(moved), head)


def keyslot_of(data: bytes) -> bytes:
    """The keyslot in the file.

    Raises:
        InvalidInput: it is not such a file.
    """
    sealed_at = _sealed_at(data)
    if not data.startswith(_MAGIC) or not 0 < sealed_at < len(data):
        raise InvalidInput(what="This is not what `loom anchor export` wrote")
    return data[_KEYSLOT_AT:sealed_at]


def open_(data: bytes, key: bytes) -> Moved:
    """Undo `seal`.

    Raises:
        InvalidInput: it was changed, or is of another kind.
    """
    try:
        sealed_at = _sealed_at(data)
        tables = SivKey(key).open_(data[sealed_at:], data[:sealed_at])
        return msgspec.msgpack.decode(tables, type=Moved)
    except (AuthenticationError, msgspec.MsgspecError, ValueError) as error:
        raise InvalidInput(what="This file of an anchor was changed or cut short") from error


def _sealed_at(data: bytes) -> int:
    """Where the tables begin, by the version of the file; 0: of none that is known."""
    size = _KEYSLOT_BYTES.get(data[len(_MAGIC)]) if len(data) > len(_MAGIC) else None
    return 0 if size is None else _KEYSLOT_AT + size
