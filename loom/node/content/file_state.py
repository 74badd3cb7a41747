"""FileState: the other side accepted, declined, cancelled, has it whole, or changed it."""

import msgspec

from loom.core.file.standing import Stated
from loom.model import FileId
from loom.node.content.intake import Intake
from loom.node.files.standing import state_there
from loom.storage import files
from loom.wire.content import FileState, Place, State


def take_in(intake: Intake, payload: FileState) -> None:
    """Only about a file of this conversation."""
    db, context = intake.db, intake.context
    file_id = FileId(payload.file_id)
    file = files.by_id(db, file_id)
    if file is None or file.conversation_id != context.conversation_id:
        return
    stated = Stated(State(payload.state), payload.number, payload.place)
    now = state_there(db, intake.happened, context.person, file, stated)
    if file.is_own and now.remote_number == payload.number and payload.state == State.ACCEPT:
        files.set_place(db, file.row_id, _stored(payload.place))
    intake.is_erased |= now.blob_id != file.blob_id
    intake.happened.later.append(lambda: context.on_file(file_id))


def _stored(place: Place | None) -> bytes | None:
    return None if place is None else msgspec.msgpack.encode(place)
