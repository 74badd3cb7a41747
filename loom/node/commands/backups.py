"""Commands about backups, and about what waited when one was made."""

import asyncio
from pathlib import Path
from typing import Final

from loom.api import backup_commands as api
from loom.api.backup_views import BackupView, ScheduleView, Unsent, UnsentView
from loom.errors import InvalidInput
from loom.node.backups import Backups
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.failed import fail
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.passphrases import check_new_passphrase
from loom.storage import backups, unsent
from loom.storage.backup_file import BackupKey, Way, key_of_passphrase
from loom.storage.backups import Schedule
from loom.storage.connection import Db

KEEP_MAX: Final = 1_000


class BackupCommands:
    """Make one, daily ones, and what to do with texts that a restored profile still has to send."""

    def __init__(self, parts: Parts, roster: Roster, made: Backups) -> None:
        self._parts = parts
        self._roster = roster
        self._backups = made
        self.handlers: Handlers = {
            api.MakeBackup: self._make,
            api.ShowBackupSchedule: self._show_schedule,
            api.SetBackupSchedule: self._set_schedule,
            api.ListUnsent: self._list_unsent,
            api.SendUnsent: self._send_unsent,
            api.DropUnsent: self._drop_unsent,
        }

    async def _make(self, command: api.MakeBackup) -> BackupView:
        path = _absolute(command.path)
        if command.contacts_only and command.with_files:
            raise InvalidInput(what="What leaves out what was said has no files")
        key = await _key(command.passphrase)
        return await self._backups.make(
            path, key, is_contacts_only=command.contacts_only, has_files=command.with_files
        )

    async def _show_schedule(self, command: api.ShowBackupSchedule) -> ScheduleView:
        asked, last_ms, places = await self._parts.database.read(
            lambda db: (backups.schedule(db), backups.last_ms(db), backups.places(db))
        )
        if asked is None:
            return ScheduleView(folder="", keep=0, opens_with="", last_ms=last_ms, places=places)
        way = Way.PHRASE if asked.key is None else asked.key.way
        return ScheduleView(
            folder=asked.folder,
            keep=asked.keep,
            opens_with=way.name.lower(),
            with_files=asked.has_files,
            last_ms=last_ms,
            failed=self._backups.failed,
            places=places,
        )

    async def _set_schedule(self, command: api.SetBackupSchedule) -> ScheduleView:
        asked = None
        if command.folder:
            folder = _absolute(command.folder)
            if not 1 <= command.keep <= KEEP_MAX:
                raise InvalidInput(what=f"Keep 1 to {KEEP_MAX:,} backups")
            if not folder.is_dir():
                raise InvalidInput(what=f"{folder} is no folder")
            key = await _key(command.passphrase)
            asked = Schedule(str(folder), command.keep, key, command.with_files)
        await self._parts.database.write(lambda db: backups.set_schedule(db, asked))
        self._backups.look_now()
        return await self._show_schedule(api.ShowBackupSchedule())

    async def _list_unsent(self, command: api.ListUnsent) -> Unsent:
        found = await self._parts.database.read(unsent.counts)
        return Unsent(
            contacts=[
                UnsentView(
                    contact=device.person.name,
                    contact_id=device.number,
                    messages=found[device.device_id],
                )
                for device in self._roster.everyone()
                if device.device_id in found
            ]
        )

    async def _send_unsent(self, command: api.SendUnsent) -> Unsent:
        for device in self._chosen(command.contact):

            def work(db: Db, happened: Happened, device: Device = device) -> None:
                unsent.release(db, device.device_id)

            await device.delivery.outbox.add_long(work)
        return await self._list_unsent(api.ListUnsent())

    async def _drop_unsent(self, command: api.DropUnsent) -> Unsent:
        for device in self._chosen(command.contact):

            def work(db: Db, happened: Happened, device: Device = device) -> None:
                fail(db, happened, device, unsent.drop(db, device.device_id), "dropped")

            await self._parts.journal.write(work)
        return await self._list_unsent(api.ListUnsent())

    def _chosen(self, contact: str) -> list[Device]:
        return [self._roster.named(contact)] if contact else list(self._roster.everyone())


async def _key(passphrase: str) -> BackupKey | None:
    if not passphrase:
        return None
    check_new_passphrase(passphrase)
    return await asyncio.to_thread(key_of_passphrase, passphrase)


def _absolute(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise InvalidInput(what="The path is not absolute")
    return path
