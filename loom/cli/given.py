"""The global options, in a module without the parser, whose import takes 100 ms."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options, given before or after the command's name; the later one counts."""

    json: bool = False
    profile: str | None = None
    home: Path | None = None
    passphrase_file: Path | None = None
    passphrase_fd: int | None = None
    verbose: int = 0
    on: str | None = None
    remote_command: str | None = None
