"""What one signed for councils: one statement under each number (docs/PROTOCOL.md 14.4)."""

from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber


def add(db: Connection, room: RoomNumber, council: bytes, number: int, statement_id: bytes) -> bool:
    """Note it before signing; False: another one was signed under this number."""
    db.execute(
        "INSERT OR IGNORE INTO room_signed (room, council, number, id) VALUES (?, ?, ?, ?)",
        (room, council, number, statement_id),
    )
    [[signed]] = db.execute(
        "SELECT id FROM room_signed WHERE room = ? AND council = ? AND number = ?",
        (room, council, number),
    )
    return bytes(signed) == statement_id


def numbers(db: Connection, room: RoomNumber, council: bytes) -> set[int]:
    """Under which something was signed."""
    rows = db.execute(
        "SELECT number FROM room_signed WHERE room = ? AND council = ?", (room, council)
    )
    return {number for (number,) in rows}
