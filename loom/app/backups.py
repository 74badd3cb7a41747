"""Backups that are read without a profile: verified, or made into one (docs/PROTOCOL.md 16)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from loom.api.backup_views import BackupRestored, BackupVerified, BackupView, LostFile, LostRows
from loom.api.profiles import Moved, nothing_moved
from loom.app.assembly import build_folder
from loom.config import Paths
from loom.core.identity import seeds_from_phrase
from loom.errors import InvalidInput, WrongPhrase
from loom.node.backups import view_of
from loom.node.files import restored
from loom.passphrases import check_new_passphrase
from loom.printable import printable
from loom.storage import backup, backups, vault
from loom.storage.backup import Gap, Reading
from loom.storage.backup_contents import CONTENTS, Content
from loom.storage.backup_file import (
    HEADER_BYTES,
    BackupHeader,
    FileKey,
    Way,
    key_of_phrase,
    read_header,
)
from loom.storage.database import Database
from loom.storage.file_store import FileStore
from loom.storage.files import StoredFile
from loom.storage.locked_memory import refuse_dumps
from loom.wire.limits import IDENTITIES_MAX

_WORDS: Final = {"messages": "messages", "room_posts": "posts"}
_OF_FILES: Final = (CONTENTS, "file_lists")
"""Of these one says which files they were."""


def opens_with(path: Path) -> str:
    """What is to be asked for: phrase or passphrase.

    Raises:
        InvalidInput: the file cannot be read.
        BackupDamaged, BackupTooNew.
    """
    with _open(path) as (_, header):
        return header.way.name.lower()


def verify(path: Path, secret: str, moved: Moved = nothing_moved) -> BackupVerified:
    """Read every byte of a backup; `secret` is what `opens_with` says.

    Raises:
        WrongPhrase, WrongBackupPassphrase, BackupDamaged, BackupTooNew, InvalidInput.
    """
    refuse_dumps()
    with _reading(path, secret, moved) as (reading, view):
        for _ in reading.groups():
            pass
    lost_files = [_lost_file(one) for one in reading.missing.found()]
    return BackupVerified(backup=view, lost=_lost(reading.gaps), lost_files=lost_files)


def restore(
    path: Path,
    secret: str,
    paths: Paths,
    passphrase: str,
    argon2_memory_mib: int | None,
    moved: Moved = nothing_moved,
) -> BackupRestored:
    """Make a profile of a backup, beside its place and then moved there: half of one never stands.

    Raises:
        WrongPhrase, WrongBackupPassphrase, BackupDamaged, BackupTooNew, InvalidInput.
        ProfileExists, StoreUnavailable, DiskFull: there is no profile.
    """
    refuse_dumps()
    check_new_passphrase(passphrase)
    memory_kib = vault.MEMORY_DEFAULT_KIB
    if argon2_memory_mib is not None:
        memory_kib = argon2_memory_mib * 1024
    with _reading(path, secret, moved) as (reading, view), build_folder(paths) as building:
        key = vault.create(building / paths.keyslot.name, passphrase, memory_kib)
        try:
            lost_files, held = fill(building, paths, key, reading)
        finally:
            key.wipe()
    return BackupRestored(
        profile=paths.profile,
        backup=view,
        lost=_lost(reading.gaps),
        unsent=held,
        lost_files=lost_files,
    )


def fill(
    building: Path,
    paths: Paths,
    key: vault.VaultKey,
    reading: Reading,
    *,
    is_latest: bool = False,
) -> tuple[list[LostFile], int]:
    """Make database and files of what a backup holds, durably; what is lost, what is not sent yet.

    Args:
        is_latest: the profile that it was made of never ran again.

    Raises:
        BackupDamaged, StoreUnavailable, DiskFull: what was made is not to be used.
    """
    store = FileStore(building / paths.files.name)
    file = building / paths.database.name
    try:
        backup.build(file, key.database_key(), reading, store)
        database = Database.open(file, key.database_key())
        try:
            lost = database.write_now(lambda db: restored.check(db, store))
            held = database.write_now(lambda db: backup.settle(db, is_latest=is_latest))
            # A folder of another machine, and a passphrase that was chosen there.
            database.write_now(lambda db: backups.set_schedule(db, None))
            database.write_now(backups.forget_places)
        finally:
            database.close()
    finally:
        store.close()
    return [_lost_file(one) for one in lost], held


@contextmanager
def _reading(path: Path, secret: str, moved: Moved) -> Iterator[tuple[Reading, BackupView]]:
    with _open(path) as (file, header):
        opened = _opened(header, secret)
        reading = Reading(file, path.stat().st_size, opened, moved)
        yield reading, view_of(path, reading.manifest, header.way.name.lower())


@contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, BackupHeader]]:
    if path.exists() and not path.is_file():
        raise InvalidInput(what=f"{path} is no regular file")  # reading a pipe would wait for ever
    try:
        with path.open("rb") as file:
            yield file, read_header(file.read(HEADER_BYTES))
    except OSError as error:
        raise InvalidInput(what=f"{path} cannot be read: {error.strerror}") from error


def _opened(header: BackupHeader, secret: str) -> FileKey:
    if header.way is Way.PASSPHRASE:
        return header.open_(header.passphrase_key(secret))
    return _opened_by_phrase(header, secret)


def _opened_by_phrase(header: BackupHeader, phrase: str) -> FileKey:
    for number in range(IDENTITIES_MAX):
        try:
            return header.open_(key_of_phrase(seeds_from_phrase(phrase, number)))
        except WrongPhrase:
            continue
    raise WrongPhrase


def _lost(gaps: list[Gap]) -> list[LostRows]:
    return [
        LostRows(
            what=_WORDS.get(gap.table, gap.table),
            count=gap.rows,
            after_ms=gap.after_ms,
            until_ms=gap.until_ms,
        )
        for gap in gaps
        if gap.table not in _OF_FILES
    ]


def _lost_file(file: StoredFile | Content) -> LostFile:
    name = printable(file.name)
    return LostFile(file_id=file.file_id.hex(), name=name, size_bytes=file.size)
