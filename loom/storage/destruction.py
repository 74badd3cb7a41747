"""Destroys a profile's files; the keyslot first, because nothing opens without it."""

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from loom.config import Paths
from loom.durable import in_our_words, sync_folder
from loom.errors import StoreError

BUILDING: Final = "profile"
"""The folder in `Paths.moving` that becomes the profile."""


def destroy_keys(paths: Paths) -> None:
    """Overwrite and unlink every file that wraps the vault key; returns once that is durable.

    A new keyslot that a killed change of the passphrase left is one of them, and so is that of a
    profile that is being received from another machine, or was being made.

    Raises:
        StoreUnavailable: one of them is there still.
    """
    failed: OSError | None = None
    begun = [
        slot
        for folder in (paths.moving / BUILDING, *paths.buildings())
        for slot in sorted(folder.glob(f"{paths.keyslot.name}*"))
    ]
    for path in [*_copies(paths), paths.keyslot, *_ways(paths), *begun]:
        try:
            destroy(path)
        except OSError as error:
            failed = error  # the others are destroyed all the same
    if failed is not None:
        raise in_our_words(failed, f"the keyslot cannot be destroyed: {failed.strerror}")


def remove_contents(paths: Paths) -> None:
    """Unlink all that the vault key opens, and the log; keyslot, lock and socket stay.

    What else wraps a key, left by a killed change, is overwritten.

    Raises:
        StoreUnavailable: the database is there still.
    """
    stays = {paths.keyslot, paths.lock, paths.socket}
    try:
        for path in [*_copies(paths), *_ways(paths)]:
            destroy(path)
        for path in sorted(paths.folder.iterdir(), key=lambda one: one != paths.database):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path not in stays:
                path.unlink(missing_ok=True)
        sync_folder(paths.folder)
    except OSError as error:
        raise in_our_words(error, f"the profile cannot be opened: {error.strerror}") from error
    _remove_begun(paths)
    _remove_log(paths)


def remove_profile(paths: Paths) -> None:
    """Destroy what wraps the key, then unlink the rest: database, files, folder, log.

    What cannot be unlinked is left: it opens with no key.
    """
    with contextlib.suppress(StoreError):
        destroy_keys(paths)
    for path in (paths.database, *sorted(paths.folder.glob(f"{paths.database.name}*"))):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    shutil.rmtree(paths.folder, ignore_errors=True)
    _remove_begun(paths)
    _remove_log(paths)
    with contextlib.suppress(OSError):
        sync_folder(paths.folder.parent)


def _copies(paths: Paths) -> list[Path]:
    return sorted(paths.folder.glob(f"{paths.keyslot.name}.*"))


def _ways(paths: Paths) -> list[Path]:
    return sorted(paths.folder.glob("unlock.*"))


def _remove_begun(paths: Paths) -> None:
    """What is left here of one from another machine, or of one that was being made."""
    for folder in (paths.moving, *paths.buildings()):
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        paths.moving_lock.unlink(missing_ok=True)


def _remove_log(paths: Paths) -> None:
    for path in sorted(paths.log.parent.glob(f"{paths.log.name}*")):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def destroy(path: Path) -> None:
    """Overwrite and unlink a file; returns once that is durable.

    Raises:
        OSError: it is there still.
    """
    with contextlib.suppress(OSError):
        path.chmod(0o600)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        size = os.fstat(descriptor).st_size
        os.pwrite(descriptor, secrets.token_bytes(size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink()
    sync_folder(path.parent)
