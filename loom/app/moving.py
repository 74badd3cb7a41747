"""Moving a profile to another machine, both ends: commands that run alone (PROTOCOL 8.2).

The old profile is closed durably before the new one is opened, and both ends keep what they need
to go on: whatever is killed in between, the same commands again bring it to its end.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from typing import BinaryIO, Final

import msgspec

from loom.api.backup_views import BackupView
from loom.api.move_views import MoveProgress, MoveReceived, MoveSent
from loom.api.moving import Front, Where
from loom.app import backups, passphrases
from loom.app.assembly import SystemClock, load_identity
from loom.app.move_streams import Door, Transfer, agree
from loom.config import Paths, private_folder
from loom.core.move_link import (
    Asked,
    Came,
    ClosedThere,
    Ended,
    MoveEvent,
    MoveLink,
    MoveState,
    Offered,
    Opened,
    OpenedThere,
    Readied,
    Refused,
)
from loom.core.move_pairing import MoveKey
from loom.crypto.aead import ChaChaKey
from loom.crypto.kdf import hkdf
from loom.durable import in_our_words, replace_durably, replaced_durably, sync_folder
from loom.errors import (
    AuthenticationError,
    BackupDamaged,
    DiskFull,
    LoomError,
    MoveLost,
    MoveRefused,
    MoveUnfinished,
    ProfileDamaged,
    ProfileExists,
    ProfileNotFound,
)
from loom.node.backups import view_of
from loom.passphrases import check_new_passphrase
from loom.storage import backup, destruction, moving, vault
from loom.storage.backup import Reading, Whose
from loom.storage.backup_file import HEADER_BYTES, BackupKey, Way, read_header
from loom.storage.database import Database
from loom.storage.file_store import FREE_MIN_BYTES, FileStore
from loom.storage.locked_memory import refuse_dumps
from loom.storage.moving import STREAM, Move
from loom.storage.profile_lock import ProfileLock
from loom.wire.limits import AEAD_NONCE_BYTES
from loom.wire.moving import End, Reason

TOLD_EVERY_BYTES: Final = 1 << 20
READ_BYTES: Final = 1 << 18
_STATE: Final = "state"


def backup_key(secret: bytes) -> BackupKey:
    """What opens the backup that goes over."""
    return BackupKey(Way.PHRASE, hkdf(b"", secret, b"LOOM/1 move backup", 32))


# --- the old machine --------------------------------------------------------------------------


async def send(
    paths: Paths,
    passphrase: str,
    where: Where,
    front: Front,
    *,
    has_files: bool,
    start_over: bool,
) -> MoveSent:
    """Move the profile away; returns once the new machine said that it runs there.

    Raises:
        ProfileInUse, WrongPassphrase, MoveUnfinished, MoveLost, MoveRefused, MoveEndsAlike.
        WordsDiffer, PairingLeft, PairingTimedOut, Unreachable, DiskFull, StoreUnavailable.
    """
    async with _opened(paths, passphrase) as database:
        move = database.read_now(moving.load)
        if start_over and move is not None:
            if move.is_closed:
                raise MoveUnfinished(what="the new machine may run already: go on with this move")
            database.write_now(moving.forget)
            move = None
        if move is None or not move.is_opened:
            async with Door(where, front) as door:
                if move is None:
                    move = await _prepare(paths, database, door, has_files=has_files)
                old = _OldEnd(paths, database, move, front)
                try:
                    await door.run(old)
                finally:
                    old.stream.close()
        (paths.folder / STREAM).unlink(missing_ok=True)
    return MoveSent(profile=paths.profile, path=str(paths.folder))


async def _prepare(paths: Paths, database: Database, door: Door, *, has_files: bool) -> Move:
    """Agree on a key, then write what goes over: nothing changes in the profile from now on."""
    key = await agree(door, End.OLD)
    identity, profile, _ = database.read_now(load_identity)
    whose = Whose(profile.name, identity.peer_id, SystemClock().now_ms())
    store = FileStore(paths.files) if has_files else None
    try:
        with replaced_durably(paths.folder / STREAM) as file:
            await asyncio.to_thread(
                database.read_now,
                lambda db: backup.write(db, file, backup_key(key.secret), whose, store=store),
            )
    except OSError as error:
        raise in_our_words(error, "what goes over cannot be written") from error
    finally:
        if store is not None:
            store.close()
    move = Move(key.secret)
    database.write_now(lambda db: moving.put(db, move))
    return move


class _OldEnd(Transfer):
    """Sends what was written, closes, and waits until the other one runs."""

    def __init__(self, paths: Paths, database: Database, move: Move, front: Front) -> None:
        super().__init__(MoveKey(move.secret), End.OLD)
        self._database = database
        self._move = move
        self._front = front
        path = paths.folder / STREAM
        try:
            self.stream = path.open("rb")
        except OSError as error:
            raise MoveUnfinished(what=f"{path} is not there any more: begin again") from error
        self._size = os.fstat(self.stream.fileno()).st_size
        self._header = self.stream.read(HEADER_BYTES)
        self._shown = -1

    def take(self, link: MoveLink, event: MoveEvent) -> None:
        """What the new machine said."""
        match event:
            case Opened():
                link.offer(self._size, self._header, self.now_s())
            case Asked(offset=offset):
                self._pump(link)
                self._show(offset)
            case Readied():
                self._close()
                link.closed(self.now_s())
            case OpenedThere():
                self._close(is_opened=True)
                link.end_move(self.now_s())
                self.finish()
            case Refused(reason=reason):
                raise MoveRefused(reason=reason.name.lower())
            case _:
                pass

    def _pump(self, link: MoveLink) -> None:
        while (wanted := link.wanted) > 0:
            self.stream.seek(link.position)
            link.send(self.stream.read(min(wanted, READ_BYTES)), self.now_s())

    def _close(self, *, is_opened: bool = False) -> None:
        """The one step after which this profile never runs again."""
        if self._move.is_closed and self._move.is_opened == is_opened:
            return
        self._move = Move(self._move.secret, is_closed=True, is_opened=is_opened)
        self._database.write_now(lambda db: moving.put(db, self._move))

    def _show(self, offset: int) -> None:
        step = offset * 20 // max(1, self._size)
        if step != self._shown:
            self._shown = step
            self._front.tell(MoveProgress(done_bytes=offset, size_bytes=self._size))


async def wipe(paths: Paths, passphrase: str) -> None:
    """Delete a profile that was moved, what opens it first.

    Raises:
        MoveUnfinished: it was not, or the new machine has not said that it runs.
    """
    async with _opened(paths, passphrase) as database:
        move = database.read_now(moving.load)
        if move is None or not move.is_opened:
            raise MoveUnfinished(what="the new machine has not said that it runs there")
    destruction.destroy_keys(paths)
    destruction.remove_profile(paths)


@contextlib.asynccontextmanager
async def _opened(paths: Paths, passphrase: str) -> AsyncIterator[Database]:
    """The database without a node."""
    refuse_dumps()
    if not paths.keyslot.exists():
        raise ProfileNotFound(profile=paths.profile)
    with ProfileLock.acquire(paths.lock, paths.profile):
        key = await asyncio.to_thread(vault.unlock, paths.keyslot, passphrase)
        try:
            passphrases.take_effect(paths, key)
            database = Database.open(paths.database, key.database_key())
        finally:
            key.wipe()
        try:
            yield database
        finally:
            database.close()


# --- the new machine --------------------------------------------------------------------------


class _Stage(msgspec.Struct, frozen=True):
    """How far the new machine is: `is_ready`: all is there; `is_opened`: in its place."""

    secret: bytes
    is_ready: bool = False
    is_opened: bool = False
    received: MoveReceived | None = None

    def __repr__(self) -> str:
        return "Stage(redacted)"


def is_begun(paths: Paths) -> bool:
    """Whether a move to this profile was begun here: its passphrase is chosen already."""
    return (paths.moving / _STATE).exists()


async def receive(
    paths: Paths,
    passphrase: str,
    where: Where,
    front: Front,
    *,
    argon2_memory_mib: int | None,
    start_over: bool,
) -> MoveReceived:
    """Take a profile over; returns once it is in its place and the old machine knows.

    Raises:
        ProfileExists, WrongPassphrase, MoveUnfinished, MoveLost, MoveEndsAlike, DiskFull.
        WordsDiffer, PairingLeft, PairingTimedOut, Unreachable, StoreUnavailable, BackupDamaged.
    """
    refuse_dumps()
    private_folder(paths.folder.parent)
    with ProfileLock.acquire(paths.moving_lock, paths.profile):
        place = await asyncio.to_thread(_Place, paths, passphrase, argon2_memory_mib)
        try:
            async with Door(where, front) as door:
                if place.stage is None or (start_over and not place.stage.is_opened):
                    place.begin((await agree(door, End.NEW)).secret)
                is_told = await _taken(door, _NewEnd(place, front), place)
            received = None if place.stage is None else place.stage.received
            if is_told:
                place.leave()
        finally:
            place.close()
    if received is None:
        raise ProfileDamaged(what="the state of the move")
    return msgspec.structs.replace(received, is_told=is_told)


async def _taken(door: Door, new: "_NewEnd", place: "_Place") -> bool:
    """Until it runs here; whether the old machine knows."""
    try:
        await door.run(new)
    except MoveLost:
        if place.stage is None or not place.stage.is_opened:
            raise
        return False
    return True


class _Place:
    """The folder in which the new profile is made, hidden beside its place."""

    def __init__(self, paths: Paths, passphrase: str, memory_mib: int | None) -> None:
        self._paths = paths
        self.folder = paths.moving
        self.building = self.folder / destruction.BUILDING
        is_there = paths.folder.exists()
        is_other = self.building.exists() and is_there and any(paths.folder.iterdir())
        if is_other or (is_there and not is_begun(paths)):
            raise ProfileExists(profile=paths.profile)
        private_folder(self.folder)
        self._key = self._vault(passphrase, memory_mib)
        self.stage = self._load()
        if self.stage is not None and is_there and not self.building.exists():
            self.keep(msgspec.structs.replace(self.stage, is_opened=True))

    def begin(self, secret: bytes) -> None:
        """A move, once a key is agreed on: the old machine is not closed, so nothing is lost."""
        self.keep(_Stage(secret))
        self._forget_content()

    def keep(self, stage: _Stage) -> None:
        """How far it is from now on, durably."""
        nonce = secrets.token_bytes(AEAD_NONCE_BYTES)
        sealed = self._sealing().seal(nonce, msgspec.msgpack.encode(stage), b"")
        try:
            replace_durably(self.folder / _STATE, nonce + sealed)
        except OSError as error:
            raise in_our_words(error, "the state of the move cannot be written") from error
        self.stage = stage

    def secret(self) -> bytes:
        """Of both machines."""
        if self.stage is None:
            raise MoveUnfinished(what="no key is agreed on")
        return self.stage.secret

    def stream(self) -> BinaryIO:
        """What came so far."""
        path = self.folder / STREAM
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b")

    def has_room(self, size: int) -> bool:
        """For so many bytes, and the profile that is made of them."""
        free = shutil.disk_usage(self.folder).free
        return free >= size + FREE_MIN_BYTES

    def build(self) -> None:
        """Make the profile of what came; blocks, durable at the end.

        Raises:
            BackupDamaged: what came is not whole, and is deleted.
        """
        self._forget_content(but=STREAM)
        path = self.folder / STREAM
        secret = self.secret()
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
                opened = read_header(file.read(HEADER_BYTES)).open_(backup_key(secret))
                reading = Reading(file, path.stat().st_size, opened)
                lost_files, _ = backups.fill(
                    self.building, self._paths, self._key, reading, is_latest=True
                )
                if reading.gaps:
                    raise BackupDamaged(what="what came is not whole")
        except BackupDamaged:
            path.unlink(missing_ok=True)
            raise
        view: BackupView = view_of(self._paths.folder, reading.manifest, "phrase")
        sync_folder(self.building)
        received = MoveReceived(
            profile=self._paths.profile, backup=view, lost_files=list(lost_files)
        )
        self.keep(_Stage(secret, is_ready=True, received=received))

    def open_(self) -> None:
        """Put it in its place, durably: from now on it runs here."""
        if self.building.exists():
            try:
                self.building.rename(self._paths.folder)
                sync_folder(self._paths.folder.parent)
            except OSError as error:
                raise in_our_words(error, "the profile cannot be put in its place") from error
        if self.stage is not None:
            self.keep(msgspec.structs.replace(self.stage, is_opened=True))
        (self.folder / STREAM).unlink(missing_ok=True)

    def leave(self) -> None:
        """Both ends know: nothing of the move stays here."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Forget the key."""
        self._key.wipe()

    def _vault(self, passphrase: str, memory_mib: int | None) -> vault.VaultKey:
        slots = (self.building / self._paths.keyslot.name, self._paths.keyslot)
        for slot in slots:
            if slot.exists() and is_begun(self._paths):
                return vault.unlock(slot, passphrase)
        check_new_passphrase(passphrase)
        shutil.rmtree(self.building, ignore_errors=True)
        private_folder(self.building)
        memory_kib = vault.MEMORY_DEFAULT_KIB if memory_mib is None else memory_mib * 1024
        return vault.create(slots[0], passphrase, memory_kib)

    def _load(self) -> _Stage | None:
        try:
            data = (self.folder / _STATE).read_bytes()
        except FileNotFoundError:
            return None
        try:
            plain = self._sealing().open_(data[:AEAD_NONCE_BYTES], data[AEAD_NONCE_BYTES:], b"")
        except AuthenticationError as error:
            raise ProfileDamaged(what="the state of the move") from error
        return msgspec.msgpack.decode(plain, type=_Stage)

    def _sealing(self) -> ChaChaKey:
        return ChaChaKey(hkdf(b"", self._key.database_key(), b"LOOM/1 move state", 32))

    def _forget_content(self, but: str = "") -> None:
        """What came, and what was made of it; not the keyslot."""
        for path in (*self.folder.glob(f"{STREAM}*"), *self.building.iterdir()):
            if path.name in (but, self._paths.keyslot.name):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


class _NewEnd(Transfer):
    """Takes what comes, makes the profile, and opens it when the old one is closed."""

    def __init__(self, place: _Place, front: Front) -> None:
        super().__init__(MoveKey(place.secret()), End.NEW)
        self._place = place
        self._front = front
        self._stream: BinaryIO | None = None
        self._size = self._at = self._told = 0
        self._building: asyncio.Task[None] | None = None
        self._shown = -1
        if place.stage is not None and place.stage.is_opened:
            self.only_tell()

    def take(self, link: MoveLink, event: MoveEvent) -> None:
        """What the old machine said."""
        match event:
            case Offered(size=size, header=header):
                self._offered(link, size, header)
            case Came(data=data):
                self._came(link, data)
            case ClosedThere():
                self._place.open_()
                link.opened(self.now_s())
                self.only_tell()
            case Ended():
                self.finish()
            case _:
                pass

    async def ended(self) -> None:
        """Wait for what goes on in a thread."""
        if self._building is not None:
            await asyncio.wait([self._building])
        if self._stream is not None:
            self._stream.close()

    def _offered(self, link: MoveLink, size: int, header: bytes) -> None:
        stage = self._place.stage
        if stage is not None and stage.is_opened:
            link.opened(self.now_s())
            return
        if stage is not None and stage.is_ready:
            link.ready(self.now_s())
            return
        if self._building is None:
            self._begin(size, header)
            if not self._place.has_room(2 * size - self._at):
                raise DiskFull
        link.have(self._at, self.now_s())
        self._continue()

    def _begin(self, size: int, header: bytes) -> None:
        """Go on with what is here of this very file."""
        stream = self._stream or self._place.stream()
        self._stream, self._size = stream, size
        stream.seek(0)
        here = stream.read(HEADER_BYTES)
        if not header.startswith(here) or os.fstat(stream.fileno()).st_size > size:
            stream.truncate(0)
        self._at = self._told = stream.seek(0, os.SEEK_END)

    def _came(self, link: MoveLink, data: bytes) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(data)
            self._at += len(data)
            if self._at - self._told >= TOLD_EVERY_BYTES or self._at == self._size:
                self._stream.flush()
                self._told = self._at
                link.have(self._at, self.now_s())
        except OSError as error:
            raise in_our_words(error, "what comes cannot be written") from error
        step = self._at * 20 // max(1, self._size)
        if step != self._shown:
            self._shown = step
            self._front.tell(MoveProgress(done_bytes=self._at, size_bytes=self._size))
        self._continue()

    def _continue(self) -> None:
        if self._at == self._size and self._building is None:
            self._building = asyncio.create_task(self._build(), name="profile that came")

    async def _build(self) -> None:
        try:
            await asyncio.to_thread(self._place.build)
        except LoomError as error:
            self.fail(error)
            return
        for link in self.links():
            if link.state is MoveState.RECEIVING:
                link.ready(self.now_s())
        self.flush()

    def reason(self, error: LoomError) -> Reason:
        """What the old machine is told."""
        if isinstance(error, DiskFull):
            return Reason.NO_ROOM
        return Reason.DAMAGED if isinstance(error, BackupDamaged) else Reason.FAILED
