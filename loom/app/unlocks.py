"""Unlocks a profile by the desktop's keyring or a security key; adds and removes such ways."""

import asyncio
import secrets
from contextlib import suppress
from threading import Thread
from typing import Final

from loom.api.profiles import Asking
from loom.app import desktop_keyring, passphrases, security_key
from loom.config import WAYS, Paths, private_folder
from loom.durable import locked_folder
from loom.errors import CannotUnlock, InvalidInput, LoomError
from loom.storage import destruction, unlocks
from loom.storage.locked_memory import refuse_dumps
from loom.storage.vault import Use, VaultKey

FORGET_S: Final = 2.0
"""So long at most the desktop's keyring may take to forget: it may ask somebody."""
_NAME_BYTES: Final = 16


def unlock(paths: Paths, way: str, ask: Asking) -> VaultKey:
    """The vault key by one of the ways there are.

    Raises:
        CannotUnlock, ExtraMissing, ProfileDamaged.
    """
    known = unlocks.read(paths, way)
    if way == unlocks.KEYRING:
        return known.open_(desktop_keyring.find(known.hint.hex()))
    return known.open_(security_key.secret_of(ask, known.salt, known.hint))


def add(paths: Paths, passphrase: str, way: str, ask: Asking) -> None:
    """Let a profile be unlocked by another way as well.

    Raises:
        WrongPassphrase, CannotUnlock, ExtraMissing, ProfileDamaged, StoreUnavailable, DiskFull.
        InvalidInput: there is a duress passphrase, or no such way.
    """
    refuse_dumps()
    if way not in WAYS:
        raise InvalidInput(what=f"A profile is unlocked by {' or '.join(WAYS)}")
    with locked_folder(private_folder(paths.folder)):
        key = passphrases.unlock_beside(paths, passphrase)
        try:
            if key.use is Use.GUARDED:
                raise InvalidInput(
                    what="Beside a duress passphrase there is no other way: remove that first"
                )
            salt = secrets.token_bytes(unlocks.SALT_BYTES)
            if way == unlocks.KEYRING:
                _forget_kept(paths)
                hint, secret = secrets.token_bytes(_NAME_BYTES), secrets.token_bytes(32)
                desktop_keyring.keep(hint.hex(), secret)
            else:
                hint, secret = security_key.enrol(ask, salt)
            unlocks.write(paths, way, key, salt, hint, secret)
        finally:
            key.wipe()


def remove(paths: Paths, way: str) -> None:
    """Let it be unlocked by that way no more; nobody needs to know a secret for that.

    Raises:
        CannotUnlock: there was no such way.
        StoreUnavailable: it is there still.
    """
    if way not in unlocks.there(paths):
        raise CannotUnlock(what=f"This profile is not unlocked by {way}")
    if way == unlocks.KEYRING:
        _forget_kept(paths)
    with locked_folder(private_folder(paths.folder)):
        destruction.destroy(unlocks.path_of(paths, way))


async def forget(name: str) -> None:
    """Let the desktop's keyring forget it, if it answers in time."""
    if not name:
        return
    thread = Thread(target=_forget, args=(name,), name="keyring", daemon=True)
    thread.start()
    await asyncio.to_thread(thread.join, FORGET_S)


def _forget_kept(paths: Paths) -> None:
    if name := unlocks.keyring_name(paths):
        _forget(name)


def _forget(name: str) -> None:
    with suppress(LoomError):  # what it has opens nothing without the file
        desktop_keyring.forget(name)
