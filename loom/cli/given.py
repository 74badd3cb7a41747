"""What a command was told beside its own arguments; apart from the parser, which costs 100 ms."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was given, wherever it stood; the later one counts."""

    json: bool = False
    profile: str | None = None
    home: Path | None = None
    passphrase_file: Path | None = None
    passphrase_fd: int | None = None
    verbose: int = 0
