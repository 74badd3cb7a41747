"""What a front end is shown while a profile is moved to another machine."""

from loom.api.backup_views import BackupView, LostFile
from loom.api.view import View


class MoveListening(View, frozen=True, kw_only=True, tag="move.listening"):
    """Where the other machine finds this one, as HOST:PORT."""

    addresses: list[str]


class MoveWords(View, frozen=True, kw_only=True, tag="move.words"):
    """Both machines show these words, or somebody is in between."""

    words: list[str]


class MoveProgress(View, frozen=True, kw_only=True, tag="move.progress"):
    """How much of what goes over is on the new machine."""

    done_bytes: int
    size_bytes: int


class MoveSent(View, frozen=True, kw_only=True, tag="move.sent"):
    """The profile runs on the other machine, and never here again. `path`: what is left of it."""

    profile: str
    path: str


class MoveReceived(View, frozen=True, kw_only=True, tag="move.received"):
    """The profile is here. `lost_files`: files whose content was not whole on the old machine.

    `is_told`: the old machine knows, and lets itself be wiped.
    """

    profile: str
    backup: BackupView
    lost_files: list[LostFile] = []
    is_told: bool = True
