"""Tells a contact what became of a file: FileStates, queued like messages."""

from loom.core.file.standing import Stated
from loom.model import DeviceId, MessageId, Person
from loom.node.files import standing
from loom.node.files.standing import next_number, state_here
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.rooms import offering
from loom.storage import files, outbox, windows
from loom.storage.connection import Db
from loom.storage.files import StoredFile
from loom.wire.content import FileState, Place, State, encode_payload


def state_and_tell(
    parts: Parts,
    db: Db,
    happened: Happened,
    person: Person,
    device_id: DeviceId,
    file: StoredFile,
    state: State,
    why: str = "",
    place: Place | None = None,
) -> StoredFile:
    """State something of a file and queue it, unsealed; the caller wakes the outbox afterwards.

    Of a file in a room nobody is told: it holds here.
    """
    if file.room is not None:
        return offering.put_state(parts, db, happened, file, state, why)
    now_ms = parts.clock.now_ms()
    stated = Stated(state, next_number(file, now_ms))
    message_id = MessageId(parts.new_id())
    payload = FileState(message_id, now_ms, file.file_id, stated.number, int(state), place)
    outbox.add(db, device_id, message_id, encode_payload(payload))
    if place is not None:
        windows.was_told(db, file.row_id, message_id)
    elif state is State.ACCEPT:
        files.set_accepting(db, file.row_id, message_id)
    return state_here(db, happened, person, file, stated, why)


def tell_changed(
    parts: Parts, db: Db, happened: Happened, person: Person, file: StoredFile
) -> None:
    """Store the event that says how a file is now.

    Args:
        person: the contact of its conversation; of a file in a room nobody.
    """
    if file.room is None:
        standing.tell_changed(db, happened, person, file)
    else:
        offering.tell(parts, db, happened, file)
