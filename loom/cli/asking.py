"""What a security key wants of its owner, asked on the terminal."""

from contextlib import suppress

from loom.cli import terminal
from loom.errors import TerminalNeeded

_WHAT = "Asking for the security key"
_REMEDY = "Give the passphrase with --passphrase-file, --passphrase-fd or LOOM_PASSPHRASE_COMMAND."


class OnTerminal:
    """See `loom.api.profiles.Asking`."""

    def touch(self) -> None:
        """Say that the key waits."""
        with suppress(TerminalNeeded):  # it blinks by itself
            terminal.show("Touch the security key.\n", what=_WHAT, remedy=_REMEDY)

    def pin(self) -> str:
        """The PIN as it is typed."""
        return terminal.ask_hidden("PIN of the security key: ", what=_WHAT, remedy=_REMEDY)
