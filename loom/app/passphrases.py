"""The passphrases of a profile: they unlock it and are changed.

Whatever the duress passphrase is typed for, an empty profile takes the place of the real one, and
plain copies of its files are removed.
"""

from contextlib import suppress

from loom.app import assembly
from loom.config import Paths, private_folder
from loom.durable import locked_folder
from loom.errors import InvalidInput, ProfileInUse, StoreError, WrongPassphrase
from loom.front import plain_copies
from loom.passphrases import check_new_passphrase
from loom.storage import destruction, unlocks, vault
from loom.storage.locked_memory import refuse_dumps
from loom.storage.profile_lock import ProfileLock
from loom.storage.vault import Use, VaultKey


def take_effect(paths: Paths, key: VaultKey) -> None:
    """What a passphrase does besides opening, by who holds the profile's lock.

    The duress passphrase has the slot of the profile overwritten first, then all that it opened
    removed, then an empty profile made; killed in between, the next time goes on.

    Raises:
        ProfileDamaged, StoreUnavailable, DiskFull: the key is wiped.
    """
    try:
        if key.use is Use.DURESS:
            with locked_folder(paths.folder):
                _give_way(paths, key)
        else:
            with suppress(StoreError):  # it opens all the same
                vault.renew(paths.keyslot, key)
    except BaseException:
        key.wipe()
        raise


def unlock_beside(paths: Paths, passphrase: str) -> VaultKey:
    """The key alone, perhaps beside a node; the caller holds the folder's lock.

    Raises:
        WrongPassphrase: also the duress passphrase while a node has the profile open.
        ProfileDamaged, StoreUnavailable, DiskFull.
    """
    key = vault.unlock(paths.keyslot, passphrase)
    if key.use is Use.DURESS:
        try:
            with ProfileLock.acquire(paths.lock, paths.profile):
                _give_way(paths, key)
        except ProfileInUse as error:
            key.wipe()
            raise WrongPassphrase from error
        except BaseException:
            key.wipe()
            raise
    return key


def change(paths: Paths, old: str, new: str) -> None:
    """Wrap the vault key under a new passphrase; waits for another change to end.

    No node takes part: it reads the keyslot when it starts and never again.

    Raises:
        WrongPassphrase: `old` does not open it.
        InvalidInput, ProfileDamaged, StoreUnavailable, DiskFull: see `vault.change_passphrase`.
    """
    refuse_dumps()
    check_new_passphrase(new)
    with locked_folder(private_folder(paths.folder)):
        key = unlock_beside(paths, old)
        try:
            vault.change_passphrase(paths.keyslot, key, new)
        finally:
            key.wipe()


def set_duress(paths: Paths, passphrase: str, duress: str | None) -> None:
    """Let a duress passphrase open an empty profile; None: there is none any more.

    Raises:
        WrongPassphrase: `passphrase` does not open the profile.
        InvalidInput: it is too short, or the profile's own.
        ProfileDamaged, StoreUnavailable, DiskFull: it is as it was.
    """
    refuse_dumps()
    if duress is not None:
        check_new_passphrase(duress)
    with locked_folder(private_folder(paths.folder)):
        key = unlock_beside(paths, passphrase)
        try:
            if duress is not None and (ways := unlocks.there(paths)):
                raise InvalidInput(
                    what="There is another way to unlock it: first "
                    + " and ".join(f"`loom unlock remove {way}`" for way in ways)
                )
            vault.set_duress(paths.keyslot, key, duress)
        finally:
            key.wipe()


def _give_way(paths: Paths, key: VaultKey) -> None:
    vault.give_way(paths.keyslot, key)
    plain_copies.destroy(paths.folder)
    destruction.remove_contents(paths)
    assembly.fill_empty(paths.database, key, paths.profile)
    vault.settle(paths.keyslot, key)
