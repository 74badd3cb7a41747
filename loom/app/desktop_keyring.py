"""A secret in the desktop's keyring (extra `keyring`)."""

from typing import Any, Final

from loom.errors import CannotUnlock, ExtraMissing

SERVICE: Final = "loom"


def keep(name: str, secret: bytes) -> None:
    """Put it there, and look whether it stays.

    Raises:
        ExtraMissing, CannotUnlock: there is no keyring, or it is locked.
    """
    library = _library()
    try:
        library.set_password(SERVICE, name, secret.hex())
        kept = library.get_password(SERVICE, name)
    except library.errors.KeyringError as error:
        raise CannotUnlock(what="The desktop's keyring is not there, or is locked") from error
    if kept != secret.hex():
        raise CannotUnlock(what="The desktop's keyring does not keep what it is given")


def find(name: str) -> bytes:
    """What was kept. Raises like `keep`."""
    library = _library()
    try:
        kept = library.get_password(SERVICE, name)
    except library.errors.KeyringError as error:
        raise CannotUnlock(what="The desktop's keyring is not there, or is locked") from error
    try:
        return bytes.fromhex(kept or "-")
    except ValueError as error:
        raise CannotUnlock(what="The desktop's keyring has nothing for this profile") from error


def forget(name: str) -> None:
    """Delete it; nothing there is fine. Raises like `keep`."""
    library = _library()
    try:
        library.delete_password(SERVICE, name)
    except library.errors.PasswordDeleteError:
        return
    except library.errors.KeyringError as error:
        raise CannotUnlock(what="The desktop's keyring is not there, or is locked") from error


def _library() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise ExtraMissing(packages="keyring", extra="keyring") from error
    return keyring
