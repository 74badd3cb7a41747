"""Where a passphrase comes from: a descriptor, a file, a command, or the terminal."""

import os
import shlex
from pathlib import Path

from loom.cli.terminal import ask_hidden, show
from loom.config import Settings
from loom.errors import InvalidInput
from loom.front.given_text import text_of
from loom.passphrases import check_new_passphrase, strength_of

PASSPHRASE_MAX_BYTES = 4_096
READ_MAX_BYTES = 2 * PASSPHRASE_MAX_BYTES
"""Room for what `text_of` takes away; more is too long in any case."""
COMMAND_TIMEOUT_S = 120.0
REMEDY = "Give it with --passphrase-file, --passphrase-fd or LOOM_PASSPHRASE_COMMAND."


def has_source(settings: Settings) -> bool:
    """Whether the passphrase comes without asking."""
    return not (
        settings.passphrase_fd is None
        and settings.passphrase_file is None
        and settings.passphrase_command is None
    )


def read_passphrase(settings: Settings, *, prompt: str = "Passphrase: ") -> str:
    """The passphrase of an existing profile.

    Raises:
        InvalidInput: the source cannot be read, is empty, too long or not UTF-8.
        TerminalNeeded: no source, and nobody to ask.
    """
    if has_source(settings):
        return from_source(settings)
    return _checked(ask_hidden(prompt, what="Asking for the passphrase", remedy=REMEDY))


def read_new_passphrase(settings: Settings, *, prompt: str = "New passphrase: ") -> str:
    """A new passphrase; asked twice, with a hint at its strength. Raises like `read_passphrase`."""
    if has_source(settings):
        return from_source(settings)
    what = "Choosing a passphrase"
    chosen = _checked(ask_hidden(prompt, what=what, remedy=REMEDY))
    check_new_passphrase(chosen)
    hint = f"This passphrase is {strength_of(chosen).sentence}.\n"
    show(hint, what=what, remedy=REMEDY)
    if ask_hidden("The same again: ", what=what, remedy=REMEDY) != chosen:
        raise InvalidInput(what="The two passphrases differ")
    return chosen


def from_source(settings: Settings) -> str:
    """What the descriptor, the file or the command holds, without one final newline."""
    if settings.passphrase_fd is not None:
        return _text(_from_descriptor(settings.passphrase_fd))
    if settings.passphrase_file is not None:
        return from_file(settings.passphrase_file)
    return _text(_from_command(settings.passphrase_command or ""))


def from_file(path: Path) -> str:
    """A passphrase file's content without one final newline."""
    try:
        with path.open("rb") as file:
            return _text(file.read(READ_MAX_BYTES))
    except OSError as error:
        raise InvalidInput(
            what=f"The passphrase file {path} cannot be read: {error.strerror}"
        ) from error


def _from_descriptor(descriptor: int) -> bytes:
    data = b""
    try:
        while len(data) < READ_MAX_BYTES and (more := os.read(descriptor, 4_096)):
            data += more
    except (OSError, OverflowError, ValueError) as error:
        raise InvalidInput(what=f"Descriptor {descriptor} cannot be read") from error
    return data


def _from_command(command: str) -> bytes:
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603 - the user's own choice, run without a shell
            shlex.split(command),
            stdout=subprocess.PIPE,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        raise InvalidInput(what="LOOM_PASSPHRASE_COMMAND could not be run") from error
    if done.returncode != 0:
        raise InvalidInput(what=f"LOOM_PASSPHRASE_COMMAND ended with status {done.returncode}")
    return done.stdout


def _text(data: bytes) -> str:
    try:
        return _checked(text_of(data).removesuffix("\n"))
    except UnicodeDecodeError as error:
        raise InvalidInput(what="The passphrase is not valid UTF-8") from error


def _checked(passphrase: str) -> str:
    if not passphrase:
        raise InvalidInput(what="The passphrase is empty")
    if len(passphrase.encode(errors="surrogateescape")) > PASSPHRASE_MAX_BYTES:
        raise InvalidInput(what="The passphrase is too long")
    return passphrase
