"""Files of rooms that are asked for by mail: what a request says, and what one that comes does.

The statements are FileStates; between members of a room they mean this and nothing else
(docs/PROTOCOL.md 15.6).
"""

import msgspec

from loom.core.file import requests as rules
from loom.model import DeviceId, MessageId, Person, TransferState
from loom.node.context import DeviceContext
from loom.node.files.content import offer_of
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.rooms import offering
from loom.storage import file_requests, files, outbox
from loom.storage.connection import Db
from loom.storage.file_requests import Made
from loom.storage.files import StoredFile
from loom.wire.content import FileState, Place, State, encode_payload
from loom.wire.limits import FILE_REQUEST_FIRST_S

# --- what this side says ---


def tell_place(parts: Parts, db: Db, device_id: DeviceId, file: StoredFile, place: Place) -> None:
    """Ask a member for what is missing of a file, to be put at this place."""
    made = file_requests.made(db, file.row_id, device_id)
    if made is not None:
        number, message_id = _say(parts, db, device_id, file, made.number, State.ACCEPT, place)
        file_requests.was_told(db, file.row_id, device_id, number, message_id)


def take_back(parts: Parts, db: Db, made: Made) -> None:
    """The member needs not put anything of it any more."""
    file, number = files.by_id(db, made.file_id), made.number
    if file is not None and made.told_id is not None:
        number, _ = _say(parts, db, made.device_id, file, made.number, State.CANCEL)
    file_requests.take_back(db, made.row_id, made.device_id, number)


def drop(
    parts: Parts, db: Db, person: Person, device_id: DeviceId, file: StoredFile, *, is_told: bool
) -> None:
    """A member is given no more of a file; who may have it is told, so that others are asked."""
    file_requests.drop(db, file.row_id, device_id)
    if is_told and offering.may_have(db, parts.room_states, file, person):
        made = file_requests.made(db, file.row_id, device_id)
        _say(parts, db, device_id, file, 0 if made is None else made.number, State.CANCEL)


# --- what a member says ---


def take_in(
    context: DeviceContext, db: Db, happened: Happened, file: StoredFile, payload: FileState
) -> bool:
    """It asks for a file, takes that back, or does not give it; whether an answer was queued."""
    if payload.state == State.ACCEPT and payload.place is not None:
        return _asked(context, db, happened, file, payload, payload.place)
    if payload.state != State.ACCEPT:
        _ended(context, db, happened, file, payload)
    return False


def _asked(
    context: DeviceContext,
    db: Db,
    happened: Happened,
    file: StoredFile,
    payload: FileState,
    place: Place,
) -> bool:
    parts, device_id = context.parts, context.device_id
    held = file_requests.taken(db, file.row_id, device_id)
    if held is not None and payload.number <= held.number:
        return False
    if not offering.may_have(db, parts.room_states, file, context.person):
        return False
    stored, now_s = msgspec.msgpack.encode(place), parts.now_s()
    file_requests.take(db, file.row_id, device_id, payload.number, now_s, stored)
    if not _has_it(file) or _is_served_up(db, file, context.person):
        # Who asks again at once gets no second answer: each waits on the disk for its receipt.
        is_told = held is None or held.place is not None or _is_long_ago(held.came_s, now_s)
        drop(parts, db, context.person, device_id, file, is_told=is_told)
        return is_told
    happened.later.append(lambda: context.on_file(file.file_id))
    return False


def _ended(
    context: DeviceContext, db: Db, happened: Happened, file: StoredFile, payload: FileState
) -> None:
    parts, device_id = context.parts, context.device_id
    held, now_s = file_requests.taken(db, file.row_id, device_id), parts.now_s()
    if held is not None and payload.number > held.number:
        file_requests.take(db, file.row_id, device_id, payload.number, now_s, None)
        happened.later.append(lambda: context.on_file(file.file_id))
    made = file_requests.made(db, file.row_id, device_id)
    if made is not None and made.stands:
        not_before_s = now_s + rules.refused_s(made.times)
        file_requests.refused(db, file.row_id, device_id, not_before_s)
        happened.later.append(parts.room_fetch.ring)
        happened.later.append(lambda: context.on_file(file.file_id))


# --- inside ---


def _has_it(file: StoredFile) -> bool:
    """Whether all of it is here to be given."""
    if file.is_own:
        return file.state is TransferState.OFFERED and (file.is_whole or bool(file.path))
    return file.state is TransferState.DONE and file.is_whole


def _is_served_up(db: Db, file: StoredFile, person: Person) -> bool:
    pieces = files.served(db, file.row_id, person.person_id).pieces
    return pieces >= offer_of(file).served_max


def _is_long_ago(came_s: int, now_s: int) -> bool:
    return not 0 <= now_s - came_s < FILE_REQUEST_FIRST_S


def _say(
    parts: Parts,
    db: Db,
    device_id: DeviceId,
    file: StoredFile,
    last: int,
    state: State,
    place: Place | None = None,
) -> tuple[int, MessageId]:
    """Queue a FileState, unsealed; its number and id."""
    now_ms = parts.clock.now_ms()
    number, message_id = max(now_ms, last + 1), MessageId(parts.new_id())
    payload = FileState(message_id, now_ms, file.file_id, number, int(state), place)
    outbox.add(db, device_id, message_id, encode_payload(payload))
    return number, message_id
