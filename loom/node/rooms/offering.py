"""Files that posts of a room offer: kept with the post, and gone with it (docs/PROTOCOL.md 15.6).

Nobody is told what becomes of one here. Who may have its content is decided for each piece.
"""

from typing import Final, NamedTuple

from loom.api.events import FileChanged
from loom.api.file_views import FileView
from loom.core.room.post import FileContent, decode_post, file_id_of
from loom.errors import ContentChanged
from loom.model import ConversationId, FileId, Person, PersonId, RoomNumber, TransferState
from loom.node.file_rules import Rules, not_taken
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.room_states import RoomNow, RoomStates
from loom.node.room_view import view_in_room
from loom.node.rooms.work import RoomWork
from loom.storage import files, room_peers, room_posts, rooms
from loom.storage.connection import Db
from loom.storage.files import NewFile, StoredFile, Thumbnail
from loom.storage.room_posts import RoomPost
from loom.wire.content import State

BLOB_ID_BYTES: Final = 16
WANTED_MAX: Final = 256
"""Files of rooms that are looked after at a time."""


class KeptContent(NamedTuple):
    """Where one's own content lies."""

    path: str = ""
    blob_id: bytes | None = None
    secret: bytes | None = None
    hashes: bytes = b""

    def __repr__(self) -> str:
        return "KeptContent(redacted)"


class Wanted(NamedTuple):
    """A file of a room that is to be fetched: from its author, or from one of the others.

    `moved`: how many bytes are here; `way`: how the last ones came.
    """

    file_id: FileId
    row_id: int
    moved: int
    way: int
    author: PersonId | None
    others: tuple[PersonId, ...]

    @property
    def members(self) -> tuple[PersonId, ...]:
        """The author first."""
        return (*(() if self.author is None else (self.author,)), *self.others)

    def __repr__(self) -> str:
        return f"Wanted({self.file_id.hex()})"


# --- with the post ---


def add(
    work: RoomWork,
    post: RoomPost,
    content: FileContent,
    *,
    is_own: bool,
    kept: KeptContent | None = None,
) -> None:
    """A post that offers a file is stored: so is the file, and accepted if the owner wants that."""
    if post.is_gone or post.is_hidden or post.is_out:
        return
    file_id = FileId(file_id_of(post.id))
    taken = files.by_id(work.db, file_id)
    if taken is not None and taken.post_row is not None:
        return
    if taken is not None:
        files.delete(work.db, taken.row_id)  # no contact chooses the id of a post by chance
    thumbnail, kept = content.thumbnail, kept or KeptContent()
    new = NewFile(
        file_id=file_id,
        is_own=is_own,
        name=content.name,
        size=content.size,
        media_type=content.media_type,
        root=content.root,
        secret=content.secret,
        state=TransferState.OFFERED,
        offered_at_ms=post.sent_at_ms,
        room=post.room,
        post_row=post.row_id,
        thumbnail=None
        if thumbnail is None
        else Thumbnail(thumbnail.width, thumbnail.height, thumbnail.rgb),
        path=kept.path,
        blob_id=kept.blob_id,
        kept_secret=kept.secret,
        is_whole=kept.blob_id is not None,
    )
    row_id = files.add(work.db, new, kept.hashes if is_own else None)
    if is_own and kept == KeptContent():
        # Posted by an older copy of this profile, or before its room was deleted.
        files.set_state(work.db, row_id, TransferState.CANCELLED)
    elif not is_own and not post.is_held:
        _accept_if_allowed(work, post.room, row_id, content)


def follow(work: RoomWork, now: RoomNow, post: RoomPost) -> None:
    """The post was hidden or is out, or is back: what came of the file goes with it."""
    if post.kind != FileContent.kind:
        return
    file = files.of_posts(work.db, [post.row_id]).get(post.row_id)
    is_shown = not (post.is_gone or post.is_hidden or post.is_out)
    if file is not None and not is_shown and not file.is_own:
        files.delete(work.db, file.row_id)
        work.happened.later.append(work.parts.deadlines.note_deleted)
    elif file is None and is_shown and (content := content_of(work.db, post)) is not None:
        add(work, post, content, is_own=post.author in now.own_authors)
    work.happened.later.append(work.parts.room_fetch.ring)


def end_all(work: RoomWork, room: RoomNumber) -> None:
    """One is in the room no longer: what is not whole does not come, and goes."""
    for file in files.fetched_of_room(work.db, room):
        put_state(work.parts, work.db, work.happened, file, State.CANCEL)
    work.happened.later.append(work.parts.deadlines.note_deleted)


def content_of(db: Db, post: RoomPost) -> FileContent | None:
    """What a post offers; None: nothing, or it is gone."""
    if post.kind != FileContent.kind or post.is_gone:
        return None
    content = decode_post(room_posts.data_of_row(db, post.row_id)).content
    return content if isinstance(content, FileContent) else None


# --- what becomes of it here ---


def begin(work: RoomWork, row_id: int, secret: bytes) -> None:
    """Fetch it from now on, from its beginning."""
    files.begin_again(work.db, row_id, secret, work.parts.random(BLOB_ID_BYTES))
    work.happened.later.append(work.parts.room_fetch.ring)


def put_state(
    parts: Parts, db: Db, happened: Happened, file: StoredFile, state: State, why: str = ""
) -> StoredFile:
    """What would be stated of a file to a contact holds of one in a room on this machine alone."""
    if state is State.DONE:
        files.set_state(db, file.row_id, TransferState.DONE)
    elif file.is_own:
        ended = TransferState.CANCELLED if state is State.CANCEL else TransferState.FAILED
        is_changed = state is State.CHANGED and not why
        files.set_state(db, file.row_id, ended, ContentChanged.code if is_changed else why)
    else:
        files.forget_content(db, file.row_id)
        if file.state is not TransferState.DONE:
            ended = TransferState.DECLINED if state is State.DECLINE else TransferState.CANCELLED
            files.set_state(db, file.row_id, TransferState.FAILED if why else ended, why)
    now = files.by_id(db, file.file_id) or file
    tell(parts, db, happened, now)
    happened.later.append(parts.room_fetch.ring)
    return now


def tell(parts: Parts, db: Db, happened: Happened, file: StoredFile) -> None:
    """Store the event that says how a file of a room is now."""
    view = room_file_view(db, parts.room_states, file)
    if view is None or file.room is None or file.post_row is None:
        return
    event = FileChanged(
        file_id=view.file_id,
        contact=view.contact,
        contact_id=view.contact_id,
        room=view.room,
        room_id=view.room_id,
        state=view.state,
        file=view,
    )
    happened.add(event, ConversationId(-file.room), -file.post_row)


def room_file_view(db: Db, states: RoomStates, file: StoredFile) -> FileView | None:
    """How it looks to front ends; None: its post is not shown."""
    found = _found(db, states, file)
    if found is None:
        return None
    now, post = found
    if post.is_gone or post.is_hidden or post.is_out:
        return None
    return view_in_room(db, now, post, file)


# --- who may have it, and who has it ---


def may_have(db: Db, states: RoomStates, file: StoredFile, person: Person) -> bool:
    """Whether a piece goes to somebody: a member now, who is sent this post, and sees it."""
    found = _found(db, states, file)
    if found is None:
        return False
    now, post = found
    peer = room_peers.of(db, now.row.room, person.person_id)
    if not now.is_member or peer is None or peer.said is None or not peer.is_welcome:
        return False
    if post.is_gone or post.is_hidden or post.is_out or post.id in now.state.deleted:
        return False
    orders = [one.from_order for one in now.state.members.values() if one.peer_id == person.peer_id]
    return bool(orders) and post.ordinal >= min(orders)


def wanted(db: Db, states: RoomStates) -> list[Wanted]:
    """What is to be fetched now, each with the members who may have it."""
    found: list[Wanted] = []
    for file in files.wanted_of_rooms(db, WANTED_MAX):
        there = _found(db, states, file)
        if there is None or not there[0].is_member:
            continue
        now, post = there
        people = {one.peer_id: one.author for one in now.state.members.values()}
        author: PersonId | None = None
        others: list[PersonId] = []
        for peer in room_peers.of_room(db, now.row.room):
            if peer.said is None or not peer.is_welcome or peer.peer_id not in people:
                continue
            if people[peer.peer_id] == post.author:
                author = peer.person_id
            else:
                others.append(peer.person_id)
        found.append(Wanted(file.file_id, file.row_id, file.moved, file.way, author, tuple(others)))
    return found


# --- inside ---


def _found(db: Db, states: RoomStates, file: StoredFile) -> tuple[RoomNow, RoomPost] | None:
    if file.room is None or file.post_row is None:
        return None
    row = rooms.by_number(db, file.room)
    posts = room_posts.by_rows(db, [file.post_row])
    return (states.of(db, row), posts[0]) if row is not None and posts else None


def _accept_if_allowed(work: RoomWork, room: RoomNumber, row_id: int, content: FileContent) -> None:
    rules = Rules.read(work.db)
    if not rules.takes_in_room(content.size):
        return
    kept_bytes = files.kept_of_room(work.db, room)
    if why := not_taken(work.db, work.parts.files, rules, content.size, kept_bytes):
        files.set_state(work.db, row_id, TransferState.OFFERED, why)
    else:
        begin(work, row_id, content.secret)
