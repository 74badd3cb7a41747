"""Fetches from one contact what was accepted: asks, checks, stores, and marks what is durable."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from math import inf
from typing import Final

from loom.core.file.bitmap import has_chunk, no_chunks
from loom.core.file.chunk_list import bytes_here, chunk_bytes
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.core.file.receiver import ChunkCame, ContentWrong, Event, ListCame, NotServed, Receiver
from loom.errors import DiskFull, FileDiffers, FileWithdrawn, LoomError, StoreError
from loom.links.direct import DirectLink
from loom.model import FileId, TransferState
from loom.node.context import DeviceContext
from loom.node.files.content import offer_of
from loom.node.files.progress import Progress
from loom.node.files.telling import state_and_tell, tell_changed
from loom.node.files.window import Window
from loom.node.journal import Happened
from loom.storage import file_requests, files, windows
from loom.storage.connection import Db
from loom.storage.file_requests import Made
from loom.storage.files import BY_ANCHOR, DIRECT, StoredFile
from loom.wire.content import State
from loom.wire.file_records import Part, Piece, Reason, Refusal, What, encode_request
from loom.wire.framing import RecordKind
from loom.wire.limits import (
    FILE_ASKED_MAX,
    FILE_CHUNK_BYTES,
    FILE_GONE_S,
    FILE_LATER_S,
    FILE_PART_MAX_BYTES,
)

log = logging.getLogger(__name__)

BEGUN_MAX: Final = 64
"""Files of one contact that are looked after at a time; the others follow."""
SYNC_EVERY_S: Final = 1.0
SYNC_AHEAD_BYTES: Final = 64 * 1024 * 1024
"""So much written, and the disk begins with it."""
TOGETHER: Final = 4
TOGETHER_S: Final = 0.002
"""So many chunks are handed to a thread together, if they come so soon."""
AT_ONCE_BYTES: Final = FILE_ASKED_MAX * FILE_CHUNK_BYTES
"""What is larger is said to be received before it is done."""
RETRY_S: Final = 10.0
LOOK_S: Final = 0.02


class _Fetched:
    """A file that is fetched. `chunks`: what is durable; `written`: what will be after a sync."""

    def __init__(self, file: StoredFile, hashes: bytes | None) -> None:
        self.file, self.hashes = file, hashes
        self.offer = offer_of(file)
        self.blob_id = file.blob_id or file.file_id
        self.chunks = bytearray(file.chunks or no_chunks(self.offer.chunks))
        self.moved = file.moved
        self.durable = file.moved
        self.written: list[int] = []
        self.unsynced = 0
        """Bytes written since the last sync."""
        self.has_list = hashes is not None
        self.way = DIRECT
        """1 over a link, 2 by an anchor."""
        self.came = self.marked = self.stored = 0
        """Chunks since it was begun: that came, are on the disk, and in the database, too."""
        self.is_list_waiting = False

    @property
    def is_complete(self) -> bool:
        """Everything of it is on the disk, durable or not."""
        return self.has_list and self.moved >= self.offer.size

    def wrote(self, index: int) -> None:
        """A chunk is on the disk, durable or not."""
        size = chunk_bytes(self.offer.size, index)
        self.written.append(index)
        self.moved += size
        self.unsynced += size

    @property
    def is_pending(self) -> bool:
        """Something came that is not stored for good yet."""
        return self.came > self.stored or self.is_list_waiting

    def with_others(self, db: Db) -> tuple[bytes, int]:
        """What is durable, and how many bytes of content. Of a file of a room what came from
        other members meanwhile is, too."""
        if self.file.room is None:
            return bytes(self.chunks), self.durable
        stored = files.chunks(db, self.file.row_id)
        both = int.from_bytes(self.chunks, "big") | int.from_bytes(stored, "big")
        merged = both.to_bytes(len(self.chunks), "big")
        return merged, bytes_here(self.offer.size, merged)

    def take_over(self, chunks: bytes, durable: int) -> None:
        """This is stored now."""
        self.chunks[:] = chunks
        self.moved += durable - self.durable
        self.durable = durable

    def mark(self, index: int) -> None:
        """A chunk is durable."""
        self.marked += 1
        bit = 1 << (index & 7)
        if not self.chunks[index >> 3] & bit:
            self.chunks[index >> 3] |= bit
            self.durable += chunk_bytes(self.offer.size, index)


class Fetching:
    """What is to be fetched is in the database; `refresh` makes this agree with it."""

    def __init__(self, context: DeviceContext, rows_added: Callable[[], None]) -> None:
        self._context = context
        self._rows_added = rows_added
        self._receiver = Receiver()
        self._window = Window()
        self._files: dict[FileId, _Fetched] = {}
        self._link: DirectLink | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._is_refresh_due = False
        self._storing: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._is_much_written = asyncio.Event()
        self._to_store: list[ChunkCame] = []
        self._lists: list[ListCame] = []
        self._withdrawn: set[FileId] = set()
        """Not served on this link."""
        self._failed: set[FileId] = set()
        """Not stored that they failed: the disk was full then, too."""
        self._again: asyncio.TimerHandle | None = None
        self._progress = Progress(context, "in")
        self._of_rooms: dict[FileId, bool] = {}
        """Files of rooms that are fetched from this contact; whether it is their author."""
        self._mailed_only: set[FileId] = set()
        """Those of them that come by an anchor, and are not asked for on a link."""
        self.on_not_served: Callable[[FileId, float], None] = lambda file_id, pause_s: None
        """Called when it does not give a file of a room: not asked again for so long."""
        self.is_mailed = False
        """Whether parcels may come by an anchor."""

    # --- from the device ---

    def linked(self, link: DirectLink | None) -> None:
        """Ask on this link from now on; None: there is none."""
        self._link = link
        self._window = Window()
        self._withdrawn.clear()
        if link is None:
            self._receiver.cut()
            return
        for file_id in self._mailed_only:
            self._of_rooms.pop(file_id, None)
            self.forget(file_id)
        self._mailed_only.clear()
        self._receiver.linked()
        self.refresh()

    def refresh(self) -> None:
        """What is to be fetched may have changed."""
        self._is_refresh_due = True
        is_wanted = self._link is not None or self.is_mailed or self._files
        if self._refreshing is None and is_wanted:
            self._refreshing = self._context.spawn(self._refresh(), "files to fetch")

    def has(self, file_id: FileId) -> bool:
        """Whether it is fetched from here now."""
        return file_id in self._files

    def fetch_of_room(self, file_id: FileId, *, is_author: bool) -> None:
        """Fetch a file of a room from this contact, who may have it, from now on."""
        self._of_rooms[file_id] = is_author
        self._mailed_only.discard(file_id)
        self._failed.discard(file_id)
        self.refresh()

    async def release(self, file_id: FileId) -> None:
        """Fetch it from here no longer; afterwards all that came of it is stored."""
        self._of_rooms.pop(file_id, None)
        self._mailed_only.discard(file_id)
        self._receiver.end(file_id)
        while (fetched := self._files.get(file_id)) is not None and fetched.is_pending:
            if self._storing is None:
                break
            await asyncio.wait({self._storing}, timeout=LOOK_S)
        self.forget(file_id)

    async def release_mailed(self, file_id: FileId) -> None:
        """The same of one that comes by an anchor; what a link gives goes on."""
        if file_id in self._mailed_only:
            await self.release(file_id)

    def part_received(self, part: Part) -> None:
        """Some of what was asked for; raises ProtocolViolation."""
        event = self._receiver.receive_part(part)
        self._note_arrival()
        if event is not None or len(part.content) < FILE_PART_MAX_BYTES:
            self._take(event, way=DIRECT)

    def refused(self, refusal: Refusal) -> None:
        """It does not come now; raises ProtocolViolation."""
        now_s = self._context.parts.clock.monotonic_s()
        event = self._receiver.receive_refusal(refusal, now_s)
        self._note_arrival()
        self._take(event)

    async def ready(self, file_id: FileId) -> "tuple[Offer, bytes] | None":
        """Of what came by an anchor: the offer, and where it lies; None: it is not fetched."""
        if file_id not in self._files:
            self._withdrawn.discard(file_id)
            conversation_id = self._context.conversation_id
            device_id = self._context.device_id

            def look(db: Db) -> tuple[bool, Made | None]:
                return (
                    windows.sender_knows(db, file_id, conversation_id),
                    file_requests.standing(db, file_id, device_id),
                )

            is_wanted, request = await self._context.parts.database.write(look)
            is_asked = request is not None and self._link is None
            if request is not None and is_asked and file_id not in self._of_rooms:
                self._of_rooms[file_id] = request.is_author
                self._mailed_only.add(file_id)
            if is_wanted or is_asked:
                await self._look()
        fetched = self._files.get(file_id)
        return None if fetched is None else (fetched.offer, fetched.blob_id)

    def is_of_room(self, file_id: FileId) -> bool:
        """Whether others than this contact give it, too."""
        fetched = self._files.get(file_id)
        return fetched is not None and fetched.file.room is not None

    def lacks(self, piece: Piece) -> bool:
        """Whether a piece is of use now."""
        return self._receiver.lacks(piece)

    def mailed(self, piece: Piece, sealed: bytes) -> None:
        """A piece came whole by an anchor."""
        self._take(self._receiver.receive_mailed(piece, sealed), way=BY_ANCHOR)

    def rest(self, file_id: FileId, why: str) -> None:
        """What comes of a file cannot be stored now."""
        self._pause(file_id, why)

    async def lists_stored(self) -> None:
        """Return once every list that came is in the database."""
        while self._lists and self._storing is not None:
            await asyncio.wait({self._storing}, timeout=LOOK_S)

    def _note_arrival(self) -> None:
        self._window.waits(self._receiver.asked, self._context.parts.clock.monotonic_s())

    def forget(self, file_id: FileId) -> None:
        """It is not fetched any more: paused, over or deleted."""
        self._receiver.end(file_id)
        self._files.pop(file_id, None)

    # --- asking ---

    def _ask(self) -> None:
        link = self._link
        if link is None or self._lists:
            return
        now_s = self._context.parts.clock.monotonic_s()
        pieces = self._receiver.ask(now_s, self._window.size)
        self._window.asked(len(pieces), now_s)
        for piece in pieces:
            link.send_record(RecordKind.FILE_REQUEST, encode_request(piece))
        again_s = self._receiver.asks_again_s()
        if again_s is not None and self._again is None:
            loop = asyncio.get_running_loop()
            self._again = loop.call_later(max(0.0, again_s - now_s), self._ask_again)

    def _ask_again(self) -> None:
        self._again = None
        self._ask()

    def _take(self, event: Event | None, way: int = 0) -> None:
        if event is not None and (fetched := self._files.get(FileId(event.file_id))) is not None:
            if isinstance(event, ChunkCame | ListCame):
                fetched.way = way
            fetched.came += isinstance(event, ChunkCame)
            fetched.is_list_waiting |= isinstance(event, ListCame)
        match event:
            case ListCame() | ChunkCame():
                (self._lists if isinstance(event, ListCame) else self._to_store).append(event)  # type: ignore[arg-type]
                if self._storing is None:
                    self._storing = self._context.spawn(self._store(), "storing files")
            case ContentWrong(file_id=file_id) if self._of_rooms.get(FileId(file_id)) is False:
                # Each member could have sealed it: this one lies, and others may have it.
                log.warning("contact %d: not what was offered", self._context.number)
                self._not_served(FileId(file_id), inf)
            case ContentWrong(file_id=file_id):
                log.warning("contact %d: a file is not what was offered", self._context.number)
                self._end(FileId(file_id), FileDiffers.code)
            case NotServed(file_id=file_id, reason=reason) if FileId(file_id) in self._of_rooms:
                is_gone = reason is Reason.GONE
                self.on_not_served(FileId(file_id), FILE_GONE_S if is_gone else FILE_LATER_S)
            case NotServed(file_id=file_id, reason=Reason.GONE):
                self._withdraw(FileId(file_id))
            case _:
                pass
        self._ask()

    def _withdraw(self, file_id: FileId) -> None:
        """Nothing more of it comes on this link; the next one is asked again (PROTOCOL 15.4)."""
        if (fetched := self._files.get(file_id)) is not None:
            self._context.warn(FileWithdrawn(name=fetched.file.name))
        self._withdrawn.add(file_id)
        self.forget(file_id)
        self.refresh()  # another one has its place

    def _not_served(self, file_id: FileId, pause_s: float) -> None:
        self._of_rooms.pop(file_id, None)
        self.forget(file_id)
        self.on_not_served(file_id, pause_s)

    # --- storing ---

    async def _store(self) -> None:
        """Write what came; what was written becomes durable meanwhile."""
        try:
            while self._to_store or self._lists:
                if self._lists:
                    await self._store_lists()
                if self._to_store:
                    if self._receiver.asked and len(self._to_store) < TOGETHER:
                        await asyncio.sleep(TOGETHER_S)
                    await self._write()
                self._wake_syncing()
        finally:
            self._storing = None

    def _wake_syncing(self) -> None:
        """Something is written that is not marked, or whole and not said to be."""
        unmarked = self._unmarked()
        is_any_whole = any(one.is_complete for one in unmarked)
        if is_any_whole or sum(one.unsynced for one in unmarked) >= SYNC_AHEAD_BYTES:
            self._is_much_written.set()
        if unmarked and self._syncing is None:
            self._syncing = self._context.spawn(self._make_durable(), "making files durable")

    async def _make_durable(self) -> None:
        """What is written is marked after a second, or when it is whole; while more comes.

        The disk is given work before that, so that little is left to wait for at the end.
        """
        clock = self._context.parts.clock
        marked_s = clock.monotonic_s()
        try:
            while unmarked := self._unmarked():
                due_s = marked_s + SYNC_EVERY_S - clock.monotonic_s()
                if due_s <= 0 or any(one.is_complete for one in unmarked):
                    await self._mark(unmarked)
                    marked_s = clock.monotonic_s()
                elif sum(one.unsynced for one in unmarked) >= SYNC_AHEAD_BYTES:
                    await self._sync(unmarked)
                else:
                    self._is_much_written.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._is_much_written.wait(), due_s)
        finally:
            self._syncing = None

    def _unmarked(self) -> list[_Fetched]:
        return [
            one for one in self._files.values() if one.written or (one.is_complete and one.has_list)
        ]

    async def _store_lists(self) -> None:
        """Before a chunk is asked for: after a crash the list must be there to verify it."""
        came, person = list(self._lists), self._context.person
        parts = self._context.parts
        ways = {file_id: one.way for file_id, one in self._files.items()}

        def store(db: Db, happened: Happened) -> None:
            for one in came:
                file = files.by_id(db, FileId(one.file_id))
                if file is None:
                    continue
                files.put_hashes(db, file.row_id, one.hashes)
                files.set_moving(db, file.row_id, ways.get(file.file_id, DIRECT))
                if file.size > AT_ONCE_BYTES:
                    tell_changed(parts, db, happened, person, files.by_id(db, file.file_id) or file)

        try:
            await self._context.parts.journal.write(store)
        except StoreError as error:
            for one in came:
                self._pause(FileId(one.file_id), error.code)
        else:
            for one in came:
                if (fetched := self._files.get(FileId(one.file_id))) is not None:
                    fetched.hashes, fetched.has_list = one.hashes, True
                    fetched.is_list_waiting = False
        del self._lists[: len(came)]
        self._ask()

    async def _write(self) -> None:
        came, self._to_store = self._to_store, []
        store = self._context.parts.files
        blobs = {file_id: one.blob_id for file_id, one in self._files.items()}
        wanted = [one for one in came if FileId(one.file_id) in blobs]

        def write() -> tuple[int, LoomError | None]:
            for count, one in enumerate(wanted):
                try:
                    store.write(blobs[FileId(one.file_id)], one.index, one.sealed)
                except LoomError as error:
                    return count, error
            return len(wanted), None

        done, error = await asyncio.to_thread(write)
        for one in wanted[:done]:
            fetched = self._files.get(FileId(one.file_id))
            if fetched is None:
                await self._remove_unless_known(blobs[FileId(one.file_id)])
                continue
            fetched.wrote(one.index)
            self._progress.moved(fetched.file, fetched.moved)
        if error is not None:
            for file_id in {FileId(one.file_id) for one in wanted[done:]}:
                self._pause(file_id, error.code)
        for one in came:
            self._receiver.stored(one.file_id, one.index)
        self._ask()

    async def _sync(self, fetched: list[_Fetched]) -> bool:
        """Return once everything that was written of these is durable; False: they are paused."""
        store = self._context.parts.files
        batch = [(one, one.unsynced) for one in fetched]

        def sync() -> None:
            for one, _ in batch:
                store.sync(one.blob_id)

        try:
            await asyncio.to_thread(sync)
        except LoomError as error:
            for one, _ in batch:
                self._pause(one.file.file_id, error.code)
            return False
        for one, unsynced in batch:
            one.unsynced -= unsynced
        return True

    async def _mark(self, fetched: list[_Fetched]) -> None:
        """Make what was written durable, mark it, and say of what is whole that it is."""
        store, context = self._context.parts.files, self._context
        batch = [(one, len(one.written)) for one in fetched]
        if not await self._sync(fetched):
            return
        for one, count in batch:
            for index in one.written[:count]:
                one.mark(index)
            del one.written[:count]
        marks = [one.marked for one, _ in batch]
        rows: list[tuple[_Fetched, bytes, int]] = []

        def mark(db: Db, happened: Happened) -> bool:
            is_any_done = False
            rows[:] = [(one, *one.with_others(db)) for one, _ in batch]
            for one, chunks, durable in rows:
                row_id = one.file.row_id
                if not files.set_progress(db, row_id, chunks, durable, served=0, way=one.way):
                    continue
                file = files.by_id(db, one.file.file_id)
                if file is None or durable < one.offer.size or file.state is TransferState.DONE:
                    continue
                files.set_whole(db, row_id)
                state_and_tell(
                    context.parts, db, happened, context.person, context.device_id,
                    files.by_id(db, file.file_id) or file, State.DONE,
                )  # fmt: skip
                is_any_done = True
            return is_any_done

        try:
            is_any_done = await context.parts.journal.submit(mark, is_long=True)
        except LoomError as error:
            context.warn(error)
            await asyncio.sleep(RETRY_S)
            return
        if is_any_done:
            self._rows_added()
        for one, marked in zip((one for one, _ in batch), marks, strict=True):
            one.stored = marked
        for one, chunks, durable in rows:
            one.take_over(chunks, durable)
            if durable >= one.offer.size:
                self.forget(one.file.file_id)
                store.let_go(one.blob_id)
        if is_any_done:
            self.refresh()

    async def _remove_unless_known(self, blob_id: bytes) -> None:
        """A chunk came too late for a file that was deleted."""
        parts = self._context.parts
        if blob_id not in await parts.database.read(files.blobs):
            await asyncio.to_thread(parts.files.remove, blob_id)

    # --- ends ---

    def _end(self, file_id: FileId, why: str) -> None:
        """The content is not what was offered: nothing of it is kept, and the sender is told."""
        context = self._context
        self.forget(file_id)
        self._failed.add(file_id)

        def store(db: Db, happened: Happened) -> None:
            file = files.by_id(db, file_id)
            if file is not None:
                state_and_tell(
                    context.parts, db, happened, context.person, context.device_id, file,
                    State.CANCEL, why,
                )  # fmt: skip

        context.spawn(self._carry_out(store), "the end of a file")

    def _pause(self, file_id: FileId, why: str) -> None:
        """It rests until somebody resumes it; what is here stays."""
        self.forget(file_id)
        self._failed.add(file_id)
        person, parts = self._context.person, self._context.parts

        def store(db: Db, happened: Happened) -> None:
            file = files.by_id(db, file_id)
            if file is not None:
                files.set_paused(db, file.row_id, on=True, why=why)
                tell_changed(parts, db, happened, person, files.by_id(db, file_id) or file)

        self._context.spawn(self._carry_out(store), "pausing a file")

    async def _carry_out(self, work: Callable[[Db, Happened], None]) -> None:
        while True:
            try:
                await self._context.parts.journal.write(work)
            except DiskFull as error:
                self._context.warn(error)
                await asyncio.sleep(RETRY_S)
            else:
                break
        self._failed.clear()
        self._rows_added()
        await self._context.parts.removal.run()
        self._context.parts.room_fetch.ring()
        self.refresh()

    # --- what is to be fetched ---

    async def _refresh(self) -> None:
        try:
            while self._is_refresh_due:
                self._is_refresh_due = False
                try:
                    await self._look()
                except LoomError as error:
                    log.warning("contact %d: files: %s", self._context.number, error.code)
                    await asyncio.sleep(RETRY_S)
                    self._is_refresh_due = True
        finally:
            self._refreshing = None

    async def _look(self) -> None:
        conversation_id, begun = self._context.conversation_id, set(self._files)
        withdrawn, of_rooms = set(self._withdrawn), list(self._of_rooms)

        def look(db: Db) -> tuple[set[FileId], list[tuple[StoredFile, bytes | None]]]:
            found = files.under_way(db, conversation_id, BEGUN_MAX + len(withdrawn))
            found = [one for one in found if one.file_id not in withdrawn]
            found += files.under_way_of(db, of_rooms)
            new = [one for one in found if one.file_id not in begun]
            return (
                {one.file_id for one in found},
                [(one, files.hashes(db, one.row_id)) for one in new],
            )

        wanted, new = await self._context.parts.database.read(look)
        for file_id in set(self._files) - wanted:
            self.forget(file_id)
        for file, hashes in new:
            if file.file_id in self._failed or file.file_id in self._files:
                continue
            fetched = _Fetched(file, hashes)
            self._files[file.file_id] = fetched
            if hashes is not None:
                await self._verify(fetched, hashes)
            if self._files.get(file.file_id) is fetched:
                have = bytearray(fetched.chunks)
                for index in fetched.written:
                    have[index >> 3] |= 1 << (index & 7)
                self._take(self._receiver.begin(fetched.offer, hashes, bytes(have)))
                self._wake_syncing()
        self._ask()

    async def _verify(self, fetched: _Fetched, hashes: bytes) -> None:
        """What was written and not marked before it was paused or the node ended is looked at,
        not fetched again."""
        store, offer = self._context.parts.files, fetched.offer
        keys = FileKeys(offer)

        def verify() -> list[int]:
            found: list[int] = []
            for index in range(min(store.extent(fetched.blob_id), offer.chunks)):
                piece = Piece(offer.file_id, What.DATA, index)
                if not has_chunk(fetched.chunks, index):
                    sealed = store.read(fetched.blob_id, index, offer.sealed_bytes(piece))
                    if sealed and keys.is_chunk(piece, sealed, hashes):
                        found.append(index)
            return found

        for index in await asyncio.to_thread(verify):
            fetched.came += 1
            fetched.wrote(index)
