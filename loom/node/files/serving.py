"""Serves one contact what it asks for: read, hashed, compared, and only then sealed."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from loom.core.file.bitmap import chunks_here, no_chunks
from loom.core.file.chunk_list import chunk_bytes, list_piece
from loom.core.file.keys import FileKeys
from loom.core.file.sender import Sender, Source
from loom.errors import ContentChanged, FileUnreadable, LoomError, StoreError
from loom.links.direct import DirectLink
from loom.model import FileId, TransferState
from loom.node.context import DeviceContext
from loom.node.files.content import Reader, offer_of
from loom.node.files.progress import Progress
from loom.node.files.telling import state_and_tell, tell_changed
from loom.node.journal import Happened
from loom.node.rooms import offering
from loom.storage import files
from loom.storage.connection import Db
from loom.storage.files import BY_ANCHOR, DIRECT, Served, StoredFile
from loom.wire.content import State
from loom.wire.file_records import Piece, Reason, What
from loom.wire.framing import RecordKind

log = logging.getLogger(__name__)

KEPT_OPEN: Final = 16
"""Files that are kept ready to be served: descriptor and list."""
SAVE_EVERY_S: Final = 1.0
LOOK_S: Final = 5.0
QUIET_S: Final = 10.0
"""After so long without a request a file waits for the other side, which may have paused it."""


class _Served:
    """A file that is served. `to`: what this member was served of it, if it is one of a room."""

    def __init__(self, file: StoredFile, hashes: bytes, to: Served | None, reader: Reader) -> None:
        self.file, self.hashes, self.reader = file, hashes, reader
        self.offer = offer_of(file)
        self.keys = FileKeys(self.offer) if file.secret else None
        self.served = file.served if to is None else to.pieces
        chunks = file.chunks if to is None else to.chunks
        self.chunks = bytearray(chunks or no_chunks(self.offer.chunks))
        self.moved = file.moved if to is None else 0
        self.is_in_room = to is not None
        self.is_unsaved = False
        self.way = DIRECT
        """1 over a link, 2 by an anchor."""
        self.is_told = bool(file.way)

    @property
    def source(self) -> Source:
        file = self.file
        is_accepted = file.state is TransferState.ACCEPTED
        is_over = file.state not in (TransferState.OFFERED, TransferState.ACCEPTED)
        if self.is_in_room:
            # To ask is to accept. Others than its author pass it on once they have it whole.
            is_accepted = file.is_whole or file.is_own
            is_over = file.state is not (
                TransferState.OFFERED if file.is_own else TransferState.DONE
            )
            is_over = is_over or not is_accepted
        return Source(
            self.offer,
            is_accepted=is_accepted,
            is_paused=file.is_paused,
            is_over=is_over,
            served=self.served,
            keys=self.keys,
        )

    @property
    def is_whole(self) -> bool:
        """Each chunk was served."""
        return chunks_here(bytes(self.chunks)) == self.offer.chunks

    def note(self, piece: Piece, way: int = DIRECT) -> None:
        """One more piece was sealed."""
        self.served += 1
        self.way = way
        self.is_unsaved = True
        bit = 1 << (piece.index & 7)
        if piece.what is What.DATA and not self.chunks[piece.index >> 3] & bit:
            self.chunks[piece.index >> 3] |= bit
            self.moved += chunk_bytes(self.offer.size, piece.index)


class _Answer(NamedTuple):
    kind: RecordKind
    bodies: list[bytes]

    def __repr__(self) -> str:
        return f"_Answer({self.kind.name}, {len(self.bodies)} bodies)"


class Serving:
    """Answers in the order of the requests; the next piece is read while one is written."""

    def __init__(self, context: DeviceContext, rows_added: Callable[[], None]) -> None:
        self._context = context
        self._rows_added = rows_added
        self._lines: dict[DirectLink, Sender] = {}
        """Of each link what it asks for, while it is answered."""
        self._writable = asyncio.Event()
        self._open: OrderedDict[FileId, _Served] = OrderedDict()
        self._saved_s = 0.0
        self._progress = Progress(context, "out")
        self._quiet: asyncio.TimerHandle | None = None

    # --- from the device ---

    def requested(self, link: DirectLink, piece: Piece) -> None:
        """The contact asks for a piece; raises ProtocolViolation."""
        if (sender := self._lines.get(link)) is not None:
            sender.receive_request(piece)
            return
        self._lines[link] = sender = Sender()
        sender.receive_request(piece)
        self._context.spawn(self._run(link, sender), "serving files")

    def writable_again(self) -> None:
        """The link takes more."""
        self._writable.set()

    def forget(self, file_id: FileId) -> None:
        """It is another one now, or gone: look it up again."""
        served = self._open.pop(file_id, None)
        if served is not None:
            served.reader.close()

    async def stop(self) -> None:
        """Store what is not stored yet, and end."""
        if self._quiet is not None:
            self._quiet.cancel()
        await self._save(is_last=True)
        await self._wait()
        for file_id in list(self._open):
            self.forget(file_id)

    async def save(self) -> None:
        """Note all that was served until now."""
        self._saved_s = -inf
        await self._save()

    async def seal(self, piece: Piece) -> bytes | None:
        """A piece as it goes by an anchor; None: it is not served now."""
        served = await self._look_up(FileId(piece.file_id))
        if served is None or (source := served.source).refusal(piece) is not None:
            if served is not None and source.is_used_up and not source.is_over:
                await self._used_up(served)
            return None
        keys, hashes = FileKeys(served.offer), served.hashes
        if piece.what is What.LIST:
            served.note(piece, way=BY_ANCHOR)
            return keys.seal_list_piece(piece, list_piece(hashes, piece.index))

        def read_and_seal() -> bytes | None:
            return keys.seal_chunk(piece, served.reader.read(piece.index), hashes)

        try:
            sealed = await asyncio.to_thread(read_and_seal)
        except FileUnreadable as error:
            await self._ended(served, State.CHANGED, error.code)
            return None
        if sealed is None:
            await self._ended(served, State.CHANGED, ContentChanged.code)
            return None
        served.note(piece, way=BY_ANCHOR)
        if not served.is_in_room:
            self._progress.moved(served.file, served.moved)
        await self._save()
        return sealed

    # --- the task ---

    async def _run(self, link: DirectLink, sender: Sender) -> None:
        try:
            while sender.next is not None and link.is_up:
                await self._serve(link, sender)
                await self._save(is_last=True)
        finally:
            del self._lines[link]
            if self._quiet is not None:
                self._quiet.cancel()
            self._quiet = asyncio.get_running_loop().call_later(QUIET_S, self._look)

    def _look(self) -> None:
        """Nothing was asked for during `QUIET_S`, unless it is answered still."""
        if not self._lines:
            self._context.spawn(self._wait(), "files that are not asked for")

    async def _wait(self) -> None:
        """What is not served to its end waits until it is asked for again."""
        waiting = [
            one
            for one in self._open.values()
            if one.is_told and one.way == DIRECT and not (one.is_in_room or one.is_whole)
        ]
        person, parts = self._context.person, self._context.parts

        def store(db: Db, happened: Happened) -> None:
            for one in waiting:
                now = files.wait(db, one.file.file_id)
                if now is not None:
                    tell_changed(parts, db, happened, person, now)

        if not waiting:
            return
        for one in waiting:
            one.is_told = False
        try:
            await parts.journal.write(store)
        except LoomError as error:
            self._context.warn(error)

    async def _serve(self, link: DirectLink, sender: Sender) -> None:
        """All that is asked for; where a disk is waited for, while the piece before leaves."""
        preparing: asyncio.Task[_Answer | None] | None = None
        try:
            while preparing is not None or sender.next is not None:
                answer = None if preparing is not None else self._answer_at_once(sender)
                if answer is None:
                    answer = await (preparing or self._answer(sender))
                    is_more = sender.next is not None
                    preparing = asyncio.create_task(self._answer(sender)) if is_more else None
                if answer is not None:
                    await self._write(link, answer)
                    await self._save()
        finally:
            if preparing is not None:
                preparing.cancel()

    async def _write(self, link: DirectLink, answer: _Answer) -> None:
        """Part by part, each when the one before has left: an envelope goes between any two."""
        for body in answer.bodies:
            if not link.takes_parts:
                await self._room(link)
            if not link.is_up:
                return
            link.send_at_once(answer.kind, body)
            if link.takes_parts:
                await asyncio.sleep(0)  # an envelope has its turn

    async def _room(self, link: DirectLink) -> None:
        """Until it takes a part, or has ended."""
        loop = asyncio.get_running_loop()
        while not link.takes_parts and link.is_up:
            self._writable.clear()
            look = loop.call_later(LOOK_S, self._writable.set)  # nobody tells of a replaced link
            await self._writable.wait()
            look.cancel()

    def _answer_at_once(self, sender: Sender) -> _Answer | None:
        """A chunk that lies in the system's memory; None: it has to be looked for.

        To read and seal it takes a fifth of a millisecond: to hand it to a thread and back takes
        as long.
        """
        piece = sender.next
        served = None if piece is None else self._open.get(FileId(piece.file_id))
        if piece is None or served is None or piece.what is What.LIST:
            return None
        if served.is_in_room:
            return None  # whether the member may have it is looked up for each piece
        source = served.source
        if source.refusal(piece) is not None:
            return None
        plaintext = served.reader.read_at_once(piece.index)
        bodies = None
        if plaintext is not None:
            bodies = sender.serve_chunk(source, served.hashes, plaintext)
        if bodies is None:
            return None
        served.note(piece)
        self._open.move_to_end(FileId(piece.file_id))
        self._progress.moved(served.file, served.moved)
        return _Answer(RecordKind.FILE_PART, bodies)

    async def _answer(self, sender: Sender) -> _Answer | None:
        piece = sender.next
        if piece is None:
            return None
        try:
            return await self._answer_to(piece, sender)
        except StoreError as error:
            # Nothing was sealed, or stored of an end: it is asked for again.
            self._context.warn(error)
            return _refused(sender, Reason.LATER)

    async def _answer_to(self, piece: Piece, sender: Sender) -> _Answer:
        served = await self._look_up(FileId(piece.file_id))
        if served is None:
            return _refused(sender, Reason.GONE)
        source = served.source
        if (reason := source.refusal(piece)) is not None:
            self.forget(FileId(piece.file_id))
            if source.is_used_up and not source.is_over:
                await self._used_up(served)
            return _refused(sender, reason)
        served.note(piece)
        if piece.what is What.LIST:
            return _Answer(RecordKind.FILE_PART, sender.serve_list(source, served.hashes))

        def read_and_seal() -> list[bytes] | None:
            return sender.serve_chunk(source, served.hashes, served.reader.read(piece.index))

        try:
            bodies = await asyncio.to_thread(read_and_seal)
        except FileUnreadable as error:
            await self._ended(served, State.CHANGED, error.code)
            return _refused(sender, Reason.GONE)
        if bodies is None:
            await self._ended(served, State.CHANGED, ContentChanged.code)
            return _refused(sender, Reason.GONE)
        if not served.is_in_room:
            self._progress.moved(served.file, served.moved)
        return _Answer(RecordKind.FILE_PART, bodies)

    async def _look_up(self, file_id: FileId) -> _Served | None:
        """None: there is none for this contact; of a room it is looked at for each piece."""
        served = self._open.get(file_id)
        if served is not None and not served.is_in_room:
            self._open.move_to_end(file_id)
            return served
        conversation_id, person = self._context.conversation_id, self._context.person
        parts, is_open = self._context.parts, served is not None

        def look(db: Db) -> tuple[StoredFile, bytes, Served | None] | None:
            file = files.by_id(db, file_id)
            if file is None:
                return None
            if file.room is not None:
                if not offering.may_have(db, parts.room_states, file, person):
                    return None
                to = files.served(db, file.row_id, person.person_id)
                return file, b"" if is_open else files.hashes(db, file.row_id) or b"", to
            if not file.is_own or file.conversation_id != conversation_id:
                return None
            return file, files.hashes(db, file.row_id) or b"", None

        found = await parts.database.read(look)
        if found is None:
            self.forget(file_id)
            return None
        if (served := self._open.get(file_id)) is not None:
            served.file = found[0]
            self._open.move_to_end(file_id)
            return served
        if is_open:
            return await self._look_up(file_id)  # let go of meanwhile, with what was read of it
        served = _Served(*found, Reader(found[0], parts.files))
        self._open[file_id] = served
        while len(self._open) > KEPT_OPEN:
            await self._save(is_last=True)
            self.forget(next(iter(self._open)))
        return served

    async def _ended(self, served: _Served, state: State, why: str = "") -> None:
        """Not what was offered is there, or it was served too often: the contact is told."""
        context = self._context
        file_id = served.file.file_id

        def store(db: Db, happened: Happened) -> None:
            file = files.by_id(db, file_id)
            if file is not None:
                state_and_tell(
                    context.parts, db, happened, context.person, context.device_id, file,
                    state, why,
                )  # fmt: skip

        self.forget(file_id)
        await context.parts.journal.write(store)
        self._rows_added()

    async def _used_up(self, served: _Served) -> None:
        """It was served too often: a contact is told that it ends, a member gets no more of it."""
        if not served.is_in_room:
            await self._ended(served, State.CANCEL)

    async def _save(self, *, is_last: bool = False) -> None:
        """Note what was served, at most once a second."""
        now_s = self._context.parts.clock.monotonic_s()
        if not is_last and now_s - self._saved_s < SAVE_EVERY_S:
            return
        self._saved_s = now_s
        unsaved = [one for one in self._open.values() if one.is_unsaved]
        if not unsaved:
            return
        rows = [
            (one.file.row_id, bytes(one.chunks), one.moved, one.served, one.way)
            for one in unsaved
            if not one.is_in_room
        ]
        of_rooms = [
            (one.file, Served(one.served, bytes(one.chunks), one.is_whole))
            for one in unsaved
            if one.is_in_room
        ]
        for one in unsaved:
            one.is_unsaved = False

        begun = [one.file for one in unsaved if not (one.is_told or one.is_in_room or is_last)]
        for one in unsaved:
            one.is_told = True
        person, parts = self._context.person, self._context.parts

        def store(db: Db, happened: Happened) -> None:
            for row_id, chunks, moved, served, way in rows:
                files.set_progress(db, row_id, chunks, moved, served=served, way=way)
            for file, to in of_rooms:
                before = files.served(db, file.row_id, person.person_id)
                files.put_served(db, file.row_id, person.person_id, to)
                if to.is_whole and not before.is_whole and file.is_own:
                    offering.tell(parts, db, happened, file)
            for file in begun:
                if (now := files.by_id(db, file.file_id)) is not None:
                    tell_changed(parts, db, happened, person, now)

        try:
            await self._context.parts.journal.write(store)
        except LoomError as error:
            log.info("contact %d: not stored: %s", self._context.number, error.code)
            for one in unsaved:
                one.is_unsaved = True
                one.is_told &= one.file not in begun


def _refused(sender: Sender, reason: Reason) -> _Answer:
    return _Answer(RecordKind.FILE_REFUSAL, [sender.refuse(reason)])
