"""By what else than its passphrase a profile is unlocked, and the PIN that was typed for it."""

from typing import Final

NAMES: Final = {"keyring": "the desktop's keyring", "fido2": "the security key"}


class TypedPin:
    """See `loom.api.profiles.Asking`: the PIN was typed before, and the touch was asked for."""

    def __init__(self, pin: str) -> None:
        self._pin = pin

    def __repr__(self) -> str:
        return "TypedPin(redacted)"

    def touch(self) -> None:
        """It was said already."""

    def pin(self) -> str:
        """The PIN, once."""
        pin, self._pin = self._pin, ""
        return pin
