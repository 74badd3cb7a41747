"""Commands about files."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from loom.api import file_commands as api
from loom.api import message_views as views
from loom.api.file_views import FilePiece, FileRules, Files, FileView, UploadView
from loom.api.view import Done
from loom.core.file.chunk_list import chunk_count, hash_at
from loom.crypto.blake3 import blake3_hash
from loom.crypto.kdf import equal
from loom.errors import FileDiffers, FileNotHere, FileNotKnown, FileOver, InvalidInput
from loom.model import ConversationId, MessageName, Person, TransferState
from loom.node.commands.file_offers import Wish, again, check, offer
from loom.node.commands.finding import find_file, find_message, message_id
from loom.node.commands.handlers import Handlers
from loom.node.commands.room_files import RoomFileCommands
from loom.node.device import Device
from loom.node.file_rules import Rules, check_room
from loom.node.file_view import file_view
from loom.node.files.content import Reader
from loom.node.files.standing import OPEN, tell_changed
from loom.node.files.telling import state_and_tell
from loom.node.files.uploads import Uploads
from loom.node.journal import Happened
from loom.node.names import check_timer
from loom.node.parts import Parts
from loom.node.rooms import offering
from loom.node.rooms.naming import find_room
from loom.node.roster import Roster
from loom.printable import printable
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.files import PageEnd, StoredFile, Wanted
from loom.wire.content import MESSAGES, State

ACCEPT_FROM: Final = ("nobody", "verified", "contacts")
_PAGE_MAX: Final = 1_000


class FileCommands:
    """Send, list, accept, decline, cancel, pause, resume, remove, hand over, read."""

    def __init__(
        self, parts: Parts, roster: Roster, uploads: Uploads, in_rooms: RoomFileCommands
    ) -> None:
        self._parts = parts
        self._roster = roster
        self._uploads = uploads
        self._in_rooms = in_rooms
        self.handlers: Handlers = {
            api.SendFile: self._send,
            api.ListFiles: self._list,
            api.ShowFile: self._show,
            api.AcceptFile: self._accept,
            api.DeclineFile: self._decline,
            api.CancelFile: self._cancel,
            api.PauseFile: self._pause,
            api.ResumeFile: self._resume,
            api.RemoveFile: self._remove,
            api.BeginUpload: self._begin_upload,
            api.UploadPart: self._upload_part,
            api.ReadFile: self._read,
            api.SetFileRules: self._set_rules,
        }

    # --- offering ---

    async def _send(self, command: api.SendFile) -> views.MessageView:
        device = self._roster.addressable(command.contact)
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
        if command.expires_s is not None:
            check_timer(command.expires_s)
        reply = None
        if command.reply_to is not None:
            reply = await self._answered(device, command.reply_to)
        if command.file_id:
            _, file = await find_file(self._parts, self._roster, command.file_id)
            wish = await again(self._uploads, file, wish)
        return await offer(self._parts, self._uploads, device, wish, reply)

    async def _answered(self, device: Device, name: str) -> MessageName:
        named = message_id(name)
        answered = await self._parts.database.read(lambda db: find_message(db, device, named))
        if answered.kind not in MESSAGES:
            raise InvalidInput(what="That is no message")
        return answered.name

    async def _begin_upload(self, command: api.BeginUpload) -> UploadView:
        upload_id = await self._uploads.begin(command.name, command.size_bytes)
        size_bytes = command.size_bytes or 0
        return UploadView(upload_id=upload_id, name=command.name, size_bytes=size_bytes)

    async def _upload_part(self, command: api.UploadPart) -> Done:
        await self._uploads.add(command.upload_id, command.index, command.data)
        return Done()

    # --- looking ---

    async def _list(self, command: api.ListFiles) -> Files:
        if command.state and command.state not in files.SHOWN_STATES:
            known, given = ", ".join(files.SHOWN_STATES), printable(command.state)[:32]
            raise InvalidInput(what=f"There is no state {given}: write {known}")
        if command.limit < 1:
            raise InvalidInput(what="The number of files must be at least 1")
        limit, of = min(command.limit, _PAGE_MAX), None
        if command.contact:
            of = self._roster.named(command.contact).conversation_id
        persons, states, after = self._persons(), self._parts.room_states, None
        if command.before_row is not None:
            after = PageEnd(command.before_row, command.before_bytes or 0)

        def view(db: Db, file: StoredFile) -> FileView | None:
            if file.room is not None:
                return offering.room_file_view(db, states, file)
            person = persons.get(file.conversation_id)
            return None if person is None else file_view(file, person)

        def look(db: Db) -> Files:
            wanted = Wanted(
                of,
                find_room(db, command.room).room if command.room else None,
                command.state,
                command.media_type,
                command.kept,
                command.larger_than_bytes,
                command.before_ms,
            )
            last, found = after, list[FileView]()
            while missing := limit - len(found):
                page = files.listed(db, wanted, missing, last, by_size=command.largest)
                found += [one for file in page if (one := view(db, file)) is not None]
                if len(page) < missing:
                    break
                last = PageEnd(page[-1].row_id, page[-1].size)
            total, total_bytes = files.total(db, wanted)
            return Files(
                files=found,
                kept_bytes=files.kept_bytes(db),
                quota_bytes=Rules.read(db).quota_bytes,
                total=total,
                total_bytes=total_bytes,
            )

        return await self._parts.database.long_read(look)

    async def _show(self, command: api.ShowFile) -> FileView:
        device, file = await find_file(self._parts, self._roster, command.file_id)
        if device is not None:
            return file_view(file, device.person)
        states = self._parts.room_states
        view = await self._parts.database.read(lambda db: offering.room_file_view(db, states, file))
        if view is None:
            raise FileNotKnown(file_id=file.file_id.hex())
        return view

    async def _read(self, command: api.ReadFile) -> FilePiece:
        _, file = await find_file(self._parts, self._roster, command.file_id)
        count, index = chunk_count(file.size), command.index
        if not (file.is_whole or file.path):
            raise FileNotHere(name=file.name)
        if not 0 <= index < max(count, 1):
            raise InvalidInput(what=f"This file has {count} pieces")
        if not count:
            return FilePiece(file_id=file.file_id.hex(), index=0, count=0, data=b"")
        hashes = await self._parts.database.read(lambda db: files.hashes(db, file.row_id))
        store = self._parts.files

        def read() -> bytes:
            reader = Reader(file, store)
            try:
                data = reader.read(index)
            finally:
                reader.close()
            if not equal(blake3_hash(data), hash_at(hashes or b"", index)):
                raise FileDiffers(name=file.name)
            return data

        data = await asyncio.to_thread(read)
        return FilePiece(file_id=file.file_id.hex(), index=index, count=count, data=data)

    # --- deciding ---

    async def _accept(self, command: api.AcceptFile) -> FileView:
        def accept(db: Db, happened: Happened, device: Device, file: StoredFile) -> None:
            if not file.is_own and (file.is_whole or file.state is TransferState.ACCEPTED):
                return
            if file.is_own or file.state is not TransferState.OFFERED:
                raise _over(file)
            check_room(db, self._parts.files, file.size)
            files.begin_content(db, file.row_id, file.file_id)
            self._state(db, happened, device, file, State.ACCEPT)

        return await self._change(command.file_id, accept, self._in_rooms.accept, addressable=True)

    async def _decline(self, command: api.DeclineFile) -> FileView:
        def decline(db: Db, happened: Happened, device: Device, file: StoredFile) -> None:
            if file.is_own or file.state not in OPEN:
                raise _over(file)
            self._state(db, happened, device, file, State.DECLINE)

        return await self._change(command.file_id, decline, self._in_rooms.decline)

    async def _cancel(self, command: api.CancelFile) -> FileView:
        def cancel(db: Db, happened: Happened, device: Device, file: StoredFile) -> None:
            if file.state not in OPEN:
                raise _over(file)
            self._state(db, happened, device, file, State.CANCEL)

        return await self._change(command.file_id, cancel, self._in_rooms.cancel)

    async def _pause(self, command: api.PauseFile) -> FileView:
        def pause(db: Db, happened: Happened, device: Device, file: StoredFile) -> None:
            if file.state is not TransferState.ACCEPTED:
                raise _over(file)
            files.set_paused(db, file.row_id, on=True)
            _tell(db, happened, device, file)

        return await self._change(command.file_id, pause, partial(self._in_rooms.rest, on=True))

    async def _resume(self, command: api.ResumeFile) -> FileView:
        def resume(db: Db, happened: Happened, device: Device, file: StoredFile) -> None:
            if file.state is not TransferState.ACCEPTED:
                raise _over(file)
            if not file.is_own and not self._parts.files.has_room(file.size - file.moved):
                check_room(db, self._parts.files, 0)
            files.set_paused(db, file.row_id, on=False)
            _tell(db, happened, device, file)

        return await self._change(command.file_id, resume, partial(self._in_rooms.rest, on=False))

    async def _remove(self, command: api.RemoveFile) -> FileView:
        def remove(db: Db, happened: Happened, device: Device, file: StoredFile) -> None:
            if file.state in OPEN:
                state = State.DECLINE if file.state is TransferState.OFFERED else State.CANCEL
                if file.is_own:
                    state = State.CANCEL
                self._state(db, happened, device, file, state)
            files.forget_content(db, file.row_id)
            _tell(db, happened, device, file)

        return await self._change(command.file_id, remove, self._in_rooms.remove)

    async def _set_rules(self, command: api.SetFileRules) -> FileRules:
        if command.accept_from not in (None, *ACCEPT_FROM):
            raise InvalidInput(what="Accept from nobody, verified or contacts")
        numbers = (command.accept_max_bytes, command.quota_bytes)
        if any(one is not None and not 0 <= one < 2**62 for one in numbers):
            raise InvalidInput(what="A number of bytes is 0 or more")

        def change(db: Db) -> Rules:
            now = Rules.read(db)
            rules = Rules(
                now.accept_from if command.accept_from is None else command.accept_from,
                _or(command.accept_max_bytes, now.accept_max_bytes),
                _or(command.quota_bytes, now.quota_bytes),
                now.accept_in_rooms if command.accept_in_rooms is None else command.accept_in_rooms,
            )
            if rules != now:
                rules.store(db)
            return rules

        rules = await self._parts.database.write(change)
        return FileRules(
            accept_from=rules.accept_from,
            accept_max_bytes=rules.accept_max_bytes,
            quota_bytes=rules.quota_bytes,
            accept_in_rooms=rules.accept_in_rooms,
        )

    # --- inside ---

    async def _change(
        self,
        name: str,
        work: Callable[[Db, Happened, Device, StoredFile], None],
        in_room: Callable[[StoredFile], Awaitable[FileView]],
        *,
        addressable: bool = False,
    ) -> FileView:
        device, file = await find_file(self._parts, self._roster, name)
        if device is None:
            return await in_room(file)
        if addressable:
            self._roster.addressable(f"#{device.number}")

        def change(db: Db, happened: Happened) -> StoredFile:
            now = files.by_id(db, file.file_id)
            if now is None:
                raise FileNotKnown(file_id=file.file_id.hex())
            work(db, happened, device, now)
            return files.by_id(db, file.file_id) or now

        changed = await self._parts.journal.write(change)
        device.delivery.outbox.rows_added()
        await self._parts.removal.run()
        device.files.changed(file.file_id)
        return file_view(changed, device.person)

    def _state(
        self, db: Db, happened: Happened, device: Device, file: StoredFile, state: State
    ) -> None:
        state_and_tell(self._parts, db, happened, device.person, device.device_id, file, state)

    def _persons(self) -> dict[ConversationId | None, Person]:
        return {one.conversation_id: one.person for one in self._roster.values()}


def _tell(db: Db, happened: Happened, device: Device, file: StoredFile) -> None:
    now = files.by_id(db, file.file_id)
    if now is not None:
        tell_changed(db, happened, device.person, now)


def _over(file: StoredFile) -> FileOver:
    return FileOver(name=file.name, state=file.state.value)


def _or(new: int | None, old: int) -> int:
    return old if new is None else new
