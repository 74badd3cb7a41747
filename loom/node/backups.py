"""Backups of the profile while it is in use, by command and every day (docs/PROTOCOL.md 16)."""

import asyncio
import contextlib
import logging
import re
import time
from pathlib import Path
from typing import Final

import msgspec

from loom.api.backup_views import BackupView
from loom.core.identity import IdentitySeeds
from loom.durable import in_our_words, replaced_durably
from loom.errors import InvalidInput, LoomError
from loom.node.alarm import Alarm
from loom.node.parts import Parts
from loom.storage import backup, backups, settings
from loom.storage.backup import Manifest, Whose
from loom.storage.backup_file import HEADER_BYTES, SEALED_CHUNK_BYTES, BackupKey, key_of_phrase
from loom.storage.connection import Db

log = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
LOOK_S: Final = 600.0
_NAME: Final = re.compile(r"loom-backup-\d{8}T\d{6}Z-[0-9a-f]{8}\.loom")
"""What daily backups are called: nothing else in the folder is ever deleted."""


class Backups:
    """Makes them; one at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._making = asyncio.Lock()
        self._alarm = Alarm()
        self._task: asyncio.Task[None] | None = None
        self.failed = ""
        """Why the last daily one was not made: the code of an error."""

    def start(self) -> None:
        """Make the daily ones from now on."""
        self._task = asyncio.create_task(self._every_day(), name="daily backups")

    async def stop(self) -> None:
        """Make no more; one under way is given up, and leaves nothing behind."""
        if self._task is not None:
            self._alarm.cancel()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look_now(self) -> None:
        """Another schedule was stored."""
        self._alarm.ring()

    async def make(
        self,
        path: Path,
        key: BackupKey | None,
        *,
        is_contacts_only: bool = False,
        has_files: bool = False,
        is_daily: bool = False,
    ) -> BackupView:
        """Write one; returns once it outlasts a power cut.

        Args:
            key: None: the one that the recovery phrase gives.
            has_files: with the contents of files.
            is_daily: it is one of many in its folder.

        Raises:
            InvalidInput: no place for a file.
            DiskFull, StoreUnavailable: what was there is there still.
        """
        now_ms = self._parts.clock.now_ms()
        whose = Whose(self._parts.profile.value.name, self._parts.identity.peer_id, now_ms)
        store = self._parts.files if has_files else None

        def write(db: Db) -> tuple[Manifest, BackupKey, int]:
            if path.is_dir():
                raise InvalidInput(what=f"{path} is a folder: write the name of a file")
            if path.exists() and not path.is_file():
                raise InvalidInput(what=f"{path} is a device or a pipe: write the name of a file")
            chosen = key or key_of_phrase(_seeds(db))
            try:
                with replaced_durably(path) as file:
                    made = backup.write(
                        db, file, chosen, whose, is_contacts_only=is_contacts_only, store=store
                    )
            except OSError as error:
                what = f"{path} cannot be written: {error.strerror}"
                raise in_our_words(error, what) from error
            return made, chosen, backup.files_in_place(db) if has_files else 0

        async with self._making:
            manifest, chosen, files_in_place = await self._parts.database.aside(write)
        place = str(path.parent if is_daily else path)
        await self._parts.database.write(lambda db: backups.made(db, now_ms, place))
        view = view_of(path, manifest, chosen.way.name.lower())
        return msgspec.structs.replace(view, files_in_place=files_in_place)

    async def _every_day(self) -> None:
        while True:
            try:
                await self._make_due()
                self.failed = ""
            except LoomError as error:
                self.failed = error.code
                log.warning("the daily backup: %s", error.code)
            self._alarm.ring_within(LOOK_S)
            await self._alarm.heard()

    async def _make_due(self) -> None:
        schedule, last_ms, places = await self._parts.database.read(
            lambda db: (backups.schedule(db), backups.last_ms(db), backups.places(db))
        )
        if schedule is None:
            return
        now_ms = self._parts.clock.now_ms()
        # A new folder, or a clock that was set back, makes one at once, too.
        is_recent = last_ms is not None and 0 <= now_ms - last_ms < DAY_MS
        if is_recent and schedule.folder in places:
            return
        folder = Path(schedule.folder)
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_ms / 1000))
        whose = self._parts.identity.peer_id.hex()[:8]
        path = folder / f"loom-backup-{moment}-{whose}.loom"
        await self.make(path, schedule.key, has_files=schedule.has_files, is_daily=True)
        await asyncio.to_thread(_keep_newest, folder, whose, schedule.keep)


def view_of(path: Path, manifest: Manifest, opens_with: str) -> BackupView:
    """A backup as front ends are told of it."""
    return BackupView(
        path=str(path),
        name=manifest.name,
        fingerprint=manifest.peer_id.hex(),
        made_at_ms=manifest.made_at_ms,
        opens_with=opens_with,
        contacts_only=manifest.is_contacts_only,
        contacts=manifest.rows.get("persons", 0),
        messages=manifest.rows.get("messages", 0),
        rooms=manifest.rows.get("rooms", 0),
        posts=manifest.rows.get("room_posts", 0),
        files=manifest.files,
        size_bytes=HEADER_BYTES + manifest.chunks * SEALED_CHUNK_BYTES,
    )


def _seeds(db: Db) -> IdentitySeeds:
    return msgspec.msgpack.decode(settings.get(db, "identity") or b"", type=IdentitySeeds)


def _keep_newest(folder: Path, whose: str, keep: int) -> None:
    """Delete the oldest daily backups of this profile: their names sort by time."""
    names = sorted(
        one.name
        for one in folder.iterdir()
        if _NAME.fullmatch(one.name) and one.name.endswith(f"-{whose}.loom")
    )
    for name in names[:-keep]:
        with contextlib.suppress(OSError):
            (folder / name).unlink()
