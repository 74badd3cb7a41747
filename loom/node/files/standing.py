"""What each side said of a file, stored: what holds now, and what follows (PROTOCOL 15.2)."""

from typing import Final

from loom.api.events import FileChanged
from loom.core.file import standing as rules
from loom.core.file.standing import Standing, Stated
from loom.errors import ContentChanged
from loom.model import ConversationId, Person, TransferState
from loom.node.file_view import file_view
from loom.node.journal import Happened
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.files import StoredFile
from loom.wire.content import State

_STATES: Final = {
    Standing.OFFERED: TransferState.OFFERED,
    Standing.ACCEPTED: TransferState.ACCEPTED,
    Standing.DECLINED: TransferState.DECLINED,
    Standing.CANCELLED: TransferState.CANCELLED,
    Standing.DONE: TransferState.DONE,
    Standing.CHANGED: TransferState.FAILED,
}
OPEN: Final = (TransferState.OFFERED, TransferState.ACCEPTED)


def next_number(file: StoredFile, now_ms: int) -> int:
    """Of this side's next FileState."""
    return rules.next_number(_own(file), now_ms)


def state_here(
    db: Db, happened: Happened, person: Person, file: StoredFile, new: Stated, why: str = ""
) -> StoredFile:
    """This side says something of a file; the caller tells the other one."""
    own = rules.holding(_own(file), new, by_receiver=not file.is_own)
    return _put(db, happened, person, file, own, _remote(file), why)


def state_there(
    db: Db, happened: Happened, person: Person, file: StoredFile, new: Stated
) -> StoredFile:
    """The other side said something of a file."""
    remote = rules.holding(_remote(file), new, by_receiver=file.is_own)
    return _put(db, happened, person, file, _own(file), remote, "")


def tell_changed(db: Db, happened: Happened, person: Person, file: StoredFile) -> None:
    """Store the event that says how a file is now."""
    view = file_view(file, person)
    event = FileChanged(
        file_id=view.file_id,
        contact=person.name,
        contact_id=person.person_id,
        state=view.state,
        file=view,
    )
    happened.add(event, file.conversation_id or ConversationId(0), file.message_row)


def _put(
    db: Db,
    happened: Happened,
    person: Person,
    file: StoredFile,
    own: Stated | None,
    remote: Stated | None,
    why: str,
) -> StoredFile:
    sender, receiver = (own, remote) if file.is_own else (remote, own)
    standing = rules.standing(receiver, sender)
    state = _STATES[standing]
    if standing is Standing.CHANGED and not why:
        why = ContentChanged.code
    if why and state is TransferState.CANCELLED:
        state = TransferState.FAILED
    if state in OPEN and file.state is TransferState.FAILED:
        return file
    files.set_standing(db, file.row_id, state, own=_pair(own), remote=_pair(remote), why=why)
    if state not in (*OPEN, TransferState.DONE) and not file.is_own:
        files.forget_content(db, file.row_id)
    now = files.by_id(db, file.file_id) or file
    if state is not file.state:
        tell_changed(db, happened, person, now)
    return now


def _own(file: StoredFile) -> Stated | None:
    return Stated(State(file.own_state), file.own_number) if file.own_state else None


def _remote(file: StoredFile) -> Stated | None:
    return Stated(State(file.remote_state), file.remote_number) if file.remote_state else None


def _pair(stated: Stated | None) -> tuple[int, int]:
    return (0, 0) if stated is None else (int(stated.state), stated.number)
