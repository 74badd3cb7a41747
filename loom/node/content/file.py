"""File: an offer enters the history; what the owner allows is accepted without asking."""

from loom.api.events import MessageReceived
from loom.core.timers import stored_until_ms
from loom.model import FileId, MessageId, MessageState, TransferState
from loom.node.archive import bring_back
from loom.node.content import file_state
from loom.node.content.intake import Intake
from loom.node.content.text import apply_early, name_of
from loom.node.file_rules import Rules, not_taken
from loom.node.file_view import body_of
from loom.node.files.telling import state_and_tell
from loom.node.journal import Happened
from loom.node.message_view import message_fields
from loom.storage import early, files, messages
from loom.storage.files import NewFile, Thumbnail
from loom.wire.content import File, FileState, State, decode_payload, tag_of


def take_in(intake: Intake, payload: File) -> None:
    """Store and tell it, unless a farewell covers it or its id is taken."""
    db, context = intake.db, intake.context
    person, conversation_id = context.person, context.conversation_id
    message_id, file_id = MessageId(payload.message_id), FileId(payload.message_id)
    is_taken = intake.is_taken(message_id) or files.by_id(db, file_id) is not None
    if intake.is_covered(payload.sent_at_ms) or is_taken:
        intake.is_erased |= bool(early.take(db, conversation_id, message_id))
        return
    message = messages.insert(
        db,
        conversation_id=conversation_id,
        message_id=message_id,
        author=person.person_id,
        kind=tag_of(File),
        body=body_of(payload.name, payload.caption),
        sent_at_ms=payload.sent_at_ms,
        stored_at_ms=intake.now_ms,
        state=MessageState.DELIVERED,
        reply=name_of(intake, payload.reply),
        expires_s=payload.expires_s,
        expires_at_ms=stored_until_ms(payload.expires_s, intake.now_ms, is_own=False),
        is_mention=context.parts.profile.is_addressed(payload.caption),
    )
    thumbnail = payload.thumbnail
    new = NewFile(
        file_id=file_id,
        is_own=False,
        name=payload.name,
        size=payload.size,
        media_type=payload.media_type,
        root=payload.root,
        secret=payload.secret,
        state=TransferState.OFFERED,
        offered_at_ms=payload.sent_at_ms,
        conversation_id=conversation_id,
        message_row=message.row_id,
        thumbnail=None
        if thumbnail is None
        else Thumbnail(thumbnail.width, thumbnail.height, thumbnail.rgb),
    )
    files.add(db, new)
    statements = early.take(db, conversation_id, message_id)
    message = apply_early(intake, message, statements)
    for stated in map(decode_payload, statements):
        if isinstance(stated, FileState) and (file := files.by_id(db, file_id)) is not None:
            file_state.take_up(intake, Happened(), file, stated)  # part of the message
    _accept_if_allowed(intake, payload, file_id)
    event = MessageReceived(**message_fields(db, person, message))
    intake.happened.add(event, conversation_id, message.row_id)
    bring_back(db, intake.happened, context, intake.now_ms)


def _accept_if_allowed(intake: Intake, payload: File, file_id: FileId) -> None:
    db, context = intake.db, intake.context
    kept_bytes = files.kept_of(db, context.conversation_id)
    rules, file = Rules.read(db), files.by_id(db, file_id)
    is_offered = file is not None and file.state is TransferState.OFFERED
    if not rules.takes(context.person, payload.size) or file is None or not is_offered:
        return
    if why := not_taken(db, context.parts.files, rules, payload.size, kept_bytes):
        files.set_state(db, file.row_id, TransferState.OFFERED, why)
    else:
        files.begin_content(db, file.row_id, file_id)
        state_and_tell(
            context.parts,
            db,
            intake.happened,
            context.person,
            context.device_id,
            file,
            State.ACCEPT,
        )
        intake.queued_for.add(context.device_id)
