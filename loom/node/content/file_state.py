"""FileState: the other side accepted, declined, cancelled, has it whole, or changed it."""

import msgspec

from loom.core.file.standing import Stated
from loom.model import FileId, MessageId
from loom.node.content.intake import Intake
from loom.node.content.statement import is_to_come
from loom.node.files import requesting
from loom.node.files.standing import state_there
from loom.node.journal import Happened
from loom.storage import early, files
from loom.storage.files import StoredFile
from loom.wire.content import FileState, Place, State, encode_payload


def take_in(intake: Intake, payload: FileState) -> None:
    """About a file of this conversation; of one of theirs that is still to come it is kept.

    About a file of a room a member asks for it, or does not give it.
    """
    db, context = intake.db, intake.context
    file_id, message_id = FileId(payload.file_id), MessageId(payload.file_id)
    file = files.by_id(db, file_id)
    if file is not None and file.room is not None:
        if requesting.take_in(context, db, intake.happened, file, payload):
            intake.queued_for.add(context.device_id)
    elif not context.person.is_contact:
        return
    elif file is not None and file.conversation_id == context.conversation_id:
        take_up(intake, intake.happened, file, payload)
    elif file is None and is_to_come(intake, message_id):
        now_s = intake.now_ms // 1000
        early.add(db, context.conversation_id, message_id, encode_payload(payload), now_s)
        intake.is_early_added = True


def take_up(intake: Intake, happened: Happened, file: StoredFile, payload: FileState) -> None:
    """What the contact says of a file that is here."""
    db, file_id = intake.db, file.file_id
    stated = Stated(State(payload.state), payload.number, payload.place)
    now = state_there(db, happened, intake.context.person, file, stated)
    if file.is_own and now.remote_number == payload.number and payload.state == State.ACCEPT:
        files.set_place(db, file.row_id, _stored(payload.place))
    intake.is_erased |= now.blob_id != file.blob_id
    intake.happened.later.append(lambda: intake.context.on_file(file_id))


def _stored(place: Place | None) -> bytes | None:
    return None if place is None else msgspec.msgpack.encode(place)
