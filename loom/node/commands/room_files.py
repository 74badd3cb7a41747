"""Commands about files in rooms: offered there; what becomes of one here, which nobody is told."""

from collections.abc import Callable

from loom.api import room_commands, room_views
from loom.api.file_views import FileView
from loom.core.room.post import FileContent
from loom.errors import FileNotKnown, FileOver
from loom.model import TransferState
from loom.node.commands.file_offers import (
    Content,
    Wish,
    again,
    check,
    content_of,
    hand_over,
    offered,
)
from loom.node.commands.finding import find_file
from loom.node.commands.handlers import Handlers
from loom.node.commands.room_posts import addressed, place_of_post
from loom.node.commands.rooms import RoomCommands
from loom.node.file_rules import check_room
from loom.node.files.standing import OPEN
from loom.node.files.uploads import Uploads
from loom.node.names import check_timer
from loom.node.parts import Parts
from loom.node.rooms import offering, speaking
from loom.node.rooms.offering import KeptContent
from loom.node.rooms.stating import require_member
from loom.node.rooms.work import RoomWork
from loom.node.roster import Roster
from loom.received_names import received_name
from loom.storage import files, room_posts
from loom.storage.files import StoredFile
from loom.wire.content import State
from loom.wire.limits import FILE_SECRET_BYTES


class RoomFileCommands:
    """Post one; accept, decline, cancel, pause, resume, remove one."""

    def __init__(self, parts: Parts, roster: Roster, room: RoomCommands, uploads: Uploads) -> None:
        self._parts = parts
        self._roster = roster
        self._room = room
        self._uploads = uploads
        self.handlers: Handlers = {room_commands.PostFile: self._post}

    async def _post(self, command: room_commands.PostFile) -> room_views.PostView:
        wish = Wish(
            command.path,
            command.upload_id,
            command.name,
            command.caption,
            command.media_type,
            command.thumbnail,
            command.expires_s,
            command.file_id,
        )
        check(wish)
        if command.expires_s:
            check_timer(command.expires_s)
        await self._room.read(
            lambda db: place_of_post(
                db,
                self._room.now(db, command.room),
                command.channel,
                command.reply_to,
                command.thread,
            )
        )
        if command.file_id:
            _, file = await find_file(self._parts, self._roster, command.file_id)
            wish = await again(self._uploads, file, wish)
        content = await content_of(self._uploads, wish)

        def post(work: RoomWork) -> room_views.PostView:
            return self._posted(work, command, wish, content)

        view = await self._room.do(post)
        if wish.upload_id:
            self._uploads.was_offered(wish.upload_id)
        return view

    def _posted(
        self, work: RoomWork, command: room_commands.PostFile, wish: Wish, content: Content
    ) -> room_views.PostView:
        now = self._room.now(work.db, command.room)
        place = place_of_post(work.db, now, command.channel, command.reply_to, command.thread)
        hand_over(work.db, content)
        said = FileContent(
            channel=place.channel,
            name=received_name(wish.name or content.name),
            size=content.size,
            media_type=content.media_type,
            root=content.root,
            secret=self._parts.random(FILE_SECRET_BYTES),
            thumbnail=None if wish.thumbnail is None else offered(wish.thumbnail),
            caption=wish.caption,
            reply=place.reply,
            thread=place.thread,
            mentions=addressed(now, wish.caption, command.mentions),
            expires_s=command.expires_s,
        )
        kept = KeptContent(content.path, content.blob_id, content.kept_secret, content.hashes)
        signed = speaking.post(work, now, said, kept)
        return self._room.post_view(work, now, signed.id)

    # --- what becomes of one here: from `FileCommands` ---

    async def accept(self, file: StoredFile) -> FileView:
        """Fetch it, whatever was decided before."""

        def accept(work: RoomWork, file: StoredFile) -> None:
            if file.is_own:
                raise _over(file)
            if file.is_whole or file.state is TransferState.ACCEPTED:
                return
            now = self._room.now(work.db, f"#{file.room}")
            require_member(now)
            [post] = room_posts.by_rows(work.db, [file.post_row or 0])
            content = offering.content_of(work.db, post)
            if content is None:
                raise _over(file)
            check_room(work.db, self._parts.files, file.size)
            files.forget_content(work.db, file.row_id)
            offering.begin(work, file.row_id, content.secret)

        return await self._change(file, accept)

    async def decline(self, file: StoredFile) -> FileView:
        """Do not fetch it."""

        def decline(work: RoomWork, file: StoredFile) -> None:
            if file.is_own or file.state not in OPEN:
                raise _over(file)
            offering.put_state(self._parts, work.db, work.happened, file, State.DECLINE)

        return await self._change(file, decline)

    async def cancel(self, file: StoredFile) -> FileView:
        """Fetch no more of it; serve no more of one's own."""

        def cancel(work: RoomWork, file: StoredFile) -> None:
            if file.state not in OPEN:
                raise _over(file)
            offering.put_state(self._parts, work.db, work.happened, file, State.CANCEL)

        return await self._change(file, cancel)

    async def rest(self, file: StoredFile, *, on: bool) -> FileView:
        """Let it rest, or go on."""

        def rest(work: RoomWork, file: StoredFile) -> None:
            goes_on = TransferState.OFFERED if file.is_own else TransferState.ACCEPTED
            if file.state is not goes_on:
                raise _over(file)
            if (
                not on
                and not file.is_own
                and not self._parts.files.has_room(file.size - file.moved)
            ):
                check_room(work.db, self._parts.files, 0)
            files.set_paused(work.db, file.row_id, on=on)
            self._tell(work, file)

        return await self._change(file, rest)

    async def remove(self, file: StoredFile) -> FileView:
        """Delete its content here; one's own is served to nobody any more."""

        def remove(work: RoomWork, file: StoredFile) -> None:
            if file.state in OPEN:
                state = State.CANCEL
                if not file.is_own and file.state is TransferState.OFFERED:
                    state = State.DECLINE
                offering.put_state(self._parts, work.db, work.happened, file, state)
            files.forget_content(work.db, file.row_id)
            self._tell(work, file)

        return await self._change(file, remove)

    # --- inside ---

    async def _change(
        self, file: StoredFile, change: Callable[[RoomWork, StoredFile], None]
    ) -> FileView:
        def work_on(work: RoomWork) -> FileView:
            change(work, self._shown(work, file)[0])
            work.happened.later.append(self._parts.room_fetch.ring)
            return self._shown(work, file)[1]

        view = await self._room.do(work_on)
        await self._parts.removal.run()
        for device in self._roster.in_rooms():
            device.files.changed(file.file_id)
        return view

    def _shown(self, work: RoomWork, file: StoredFile) -> tuple[StoredFile, FileView]:
        """As it is now. Raises FileNotKnown: its post is gone."""
        now = files.by_id(work.db, file.file_id)
        states = self._parts.room_states
        view = None if now is None else offering.room_file_view(work.db, states, now)
        if now is None or view is None:
            raise FileNotKnown(file_id=file.file_id.hex())
        return now, view

    def _tell(self, work: RoomWork, file: StoredFile) -> None:
        now = files.by_id(work.db, file.file_id)
        if now is not None:
            offering.tell(self._parts, work.db, work.happened, now)


def _over(file: StoredFile) -> FileOver:
    return FileOver(name=file.name, state=file.state.value)
