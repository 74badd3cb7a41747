"""What can be done with a file that is shown: take, open, save, pause, go on, decline, cancel."""

from collections.abc import Sequence
from typing import Any, Final

from textual.events import Key

from loom.api.command import Command
from loom.api.file_commands import (
    AcceptFile,
    CancelFile,
    DeclineFile,
    PauseFile,
    ResumeFile,
)
from loom.api.file_views import FileView
from loom.api.message_views import MessageView
from loom.front.file_words import MOVES, can_take, short_name
from loom.printable import printable
from loom.tui.keys import DELETES_FOR_BOTH, is_text
from loom.tui.owner import Owner

Messages = Sequence[MessageView]
NAME_MAX: Final = 32
"""Characters of a name in a sentence of the status line."""


class FileActions:
    """Each takes the messages that are selected; a file is one of them alone."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._asked: FileView | None = None
        """The file of which the next key says whether it is declined or cancelled."""

    def verb(self, action: str, messages: Messages) -> str:
        """What an action of `keys.FILES` does with these, in a word; "": nothing."""
        file = file_of(messages)
        return "" if file is None else verb(action, file)

    def do(self, action: str, messages: Messages) -> None:
        """Do what a key says."""
        file = file_of(messages)
        if file is None or not verb(action, file):
            return
        match action:
            case "take_file" if file.is_here:
                self._open(file)
            case "take_file":
                self._tell(AcceptFile(file_id=file.file_id), "accept file")
            case "pause_file" if file.state == "paused":
                self._tell(ResumeFile(file_id=file.file_id), "resume file")
            case "pause_file":
                self._tell(PauseFile(file_id=file.file_id), "pause file")
            case "save_file":
                self._save(file)
            case "end_file":
                self._ask(file)

    def answer(self, key: Key) -> bool:
        """Take a key as the answer: X, or any other for no; False: it means something else."""
        asked, self._asked = self._asked, None
        if asked is not None and key.character == DELETES_FOR_BOTH:
            self._tell(ending(asked), "end file")
            return True
        return asked is not None and not is_text(key)

    def _ask(self, file: FileView) -> None:
        self._asked = file
        keep = self._owner.keys.words("write")
        name = short_name(file.name, NAME_MAX, self._owner.look.signs["ellipsis"])
        does = verb("end_file", file)
        told = f"{printable(file.contact)} is told. " if len(file.contact) <= NAME_MAX else ""
        if file.room:
            told = "Nobody is told. " if file.direction == "in" else "Nobody can fetch it then. "
        self._owner.say(
            f"{does.capitalize()} {name}? {told}{DELETES_FOR_BOTH} does, {keep} does not.",
            f"{DELETES_FOR_BOTH} {does}s it, {keep} does not.",
        )

    def _open(self, file: FileView) -> None:
        from loom.tui.screens.file import show_file  # the first paint waits for imports

        show_file(self._owner, file)

    def _save(self, file: FileView) -> None:
        from loom.tui.screens.saving import SavePanel

        self._owner.open_panel(SavePanel(self._owner, file))

    def _tell(self, command: Command[Any], name: str) -> None:
        self._owner.work(self._owner.send(command), name)


def file_of(messages: Messages) -> FileView | None:
    """The one file that these are."""
    one = messages[0] if len(messages) == 1 else None
    return None if one is None or one.deleted else one.file


def verb(action: str, file: FileView) -> str:
    """What an action does with a file, in a word; "": nothing now."""
    own, can_go_on = file.direction == "out", file.state in MOVES
    match action:
        case "take_file" if file.is_here:
            return "open"
        case "take_file" if can_take(file):
            return "take"
        case "save_file" if file.is_here:
            return "save"
        case "pause_file" if can_go_on or (own and file.room and file.state == "offered"):
            return "go on" if file.state == "paused" else "pause"
        case "end_file" if file.state == "offered" and not own:
            return "decline"
        case "end_file" if can_go_on or (own and file.state == "offered"):
            return "cancel"
    return ""


def ending(file: FileView) -> Command[Any]:
    """What declines or cancels it."""
    if verb("end_file", file) == "decline":
        return DeclineFile(file_id=file.file_id)
    return CancelFile(file_id=file.file_id)
