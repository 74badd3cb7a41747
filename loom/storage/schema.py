"""A schema: numbered SQL files, each applied once, in one transaction with its number."""

from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.errors import ProfileTooNew
from loom.storage.connection import translated


class Schema(NamedTuple):
    """A kind of database: the folder of its SQL files, and what it needs of its connection.

    `has_index`: they make a full-text index. `erases`: what is deleted is overwritten.
    """

    folder: Path
    has_index: bool = False
    erases: bool = True


# importlib.resources would import zipfile.
PROFILE: Final = Schema(Path(__file__).with_name("migrations"), has_index=True)


def version(db: Connection) -> int:
    """The number of the last migration that was applied; 0 for a new file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


@cache
def migrations(schema: Schema = PROFILE) -> dict[int, Path]:
    """The packaged SQL files by number, in order."""
    return {int(file.name[:4]): file for file in sorted(schema.folder.glob("*.sql"))}


def migrate(db: Connection, known: dict[int, Path]) -> bool:
    """Bring the schema up to date; whether that changed it.

    Raises:
        ProfileTooNew: a newer program wrote it; nothing was changed.
        StoreError: a migration failed; it left nothing behind.
    """
    with translated():
        found, newest = version(db), max(known)
        if found > newest:
            raise ProfileTooNew(found=found, known=newest)
        for number, file in known.items():
            if number > found:
                _apply(db, number, file.read_text(encoding="utf-8"))
    return found < newest


def _apply(db: Connection, number: int, sql: str) -> None:
    try:
        db.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
    except BaseException:
        if db.in_transaction:
            db.rollback()
        raise
