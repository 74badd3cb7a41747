"""Queues at own anchors for what contacts send of files while no link stands (PROTOCOL 15.5)."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from loom.core.file.parcels import shortened
from loom.core.queues import QueueKeys, derive_queue_keys
from loom.errors import LoomError
from loom.node.anchors.parcels import Parcels
from loom.node.device import Device
from loom.node.files import requesting
from loom.node.files.telling import state_and_tell
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.routes.anchor_link import AnchorLink
from loom.storage import windows
from loom.storage.anchors import Anchor
from loom.storage.connection import Db
from loom.storage.files import StoredFile
from loom.storage.windows import Window
from loom.wire.content import Place, State
from loom.wire.limits import QUEUE_SECRET_BYTES
from loom.wire.requests import Ok, Open, Push, QueueUse

if TYPE_CHECKING:
    from loom.node.anchors.account import Account

log = logging.getLogger(__name__)

AFTER_LINK_S: Final = 5.0
TELL_AGAIN_S: Final = 3_600.0
FILES_MAX: Final = 64


class _Held:
    """A window with its keys, and how far it was read."""

    def __init__(self, row: Window, device: Device) -> None:
        self.row = row
        self.device = device
        self.keys: QueueKeys = derive_queue_keys(row.secret)
        self.parcels = Parcels(device, self.keys)
        self.opened_on: AnchorLink | None = None
        self.is_read = False
        """All that lay there when the link was made, or came since."""
        self.told_s: dict[bytes, float] = {}
        """By file, when this run told last where it is read."""
        self.looks_again: asyncio.TimerHandle | None = None

    def end(self) -> None:
        """It is held no longer, or the node ends."""
        if self.looks_again is not None:
            self.looks_again.cancel()
            self.looks_again = None


class Windows:
    """One per node; the accounts call it on each link to their anchor."""

    def __init__(self, parts: Parts) -> None:
        self.accounts: Callable[[], Iterable[Account]] = tuple
        """Those in use; set before anything is asked of them."""
        self._parts = parts
        self._held: dict[bytes, _Held] = {}
        self._rows: dict[int, Window] = {}
        """By device, as stored; of those without a contact at run time, too."""
        self._receiving: set[int] = set()
        """Conversations in which something was still to come at the start."""
        self._due: set[int] = set()
        """Devices that are seen to soon, and those that are seen to now."""
        self._busy: set[int] = set()

    async def load(self) -> None:
        """Take up what is stored."""
        found, self._receiving = await self._parts.database.read(
            lambda db: (windows.every(db), windows.receiving(db))
        )
        self._rows = {one.device_id: one for one in found}

    # --- from the anchors ---

    @property
    def can_open(self) -> bool:
        """Whether there is an account that may hold one."""
        return any(True for _ in self.accounts())

    def follow(self, device: Device) -> None:
        """See to this device whenever its files or its link change."""
        row = self._rows.get(device.device_id)
        if row is not None and (held := self._held.get(row.queue_id)) is None:
            self._hold(row, device)
        elif row is not None and held is not None and held.device is not device:
            self._hold(row, device).opened_on = held.opened_on
        if row is not None or device.conversation_id in self._receiving:
            self.changed(device)

    def forget(self, device: Device) -> None:
        """The contact was removed, with its rows."""
        row = self._rows.pop(device.device_id, None)
        if row is not None and (held := self._held.pop(row.queue_id, None)) is not None:
            held.end()

    def changed(self, device: Device) -> None:
        """A file or the link is another one now; seen to a little later, as mail is."""
        if device.device_id not in self._due:
            self._due.add(device.device_id)
            device.spawn(self._see_to(device), "files by an anchor")

    def stop(self) -> None:
        """Look no more."""
        for held in self._held.values():
            held.end()

    def linked(self, device: Device) -> None:
        """What is told on the next occasion is news again."""
        if (held := self._of(device)) is not None:
            held.told_s.clear()

    # --- from an account ---

    async def care(self, anchor: Anchor, link: AnchorLink, there: set[bytes]) -> None:
        """Open the windows at this anchor.

        Args:
            there: the ids of all queues that the account has.

        Raises:
            Unreachable: the link ended.
        """
        for held in list(self._held.values()):
            if held.row.anchor_id != anchor.anchor_id or held.opened_on is link:
                continue
            held.is_read = False
            if held.row.queue_id not in there:
                door = held.keys.door
                wanted = Open(held.row.queue_id, door.tag, door.link, QueueUse.BULK, 0)
                if not isinstance(await link.ask(wanted), Ok):
                    continue  # the anchor takes no files, or has no room
            held.opened_on = link
            self.changed(held.device)

    def reads(self, queue_id: bytes) -> bool:
        """Whether it is a window that is held here."""
        return queue_id in self._held

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """A blob of a window, or its end."""
        held = self._held.get(push.queue_id)
        if held is None:
            return
        if push.blob:
            held.is_read = False
            held.parcels.pushed(link, push)
        if not push.behind:
            held.device.spawn(self._was_read(held), "the end of a window")

    # --- inside ---

    async def _was_read(self, held: _Held) -> None:
        await held.parcels.settled()
        held.is_read = True
        self.changed(held.device)

    async def _see_to(self, device: Device) -> None:
        try:
            await asyncio.sleep(AFTER_LINK_S)
        finally:
            self._due.discard(device.device_id)
        if device.device_id in self._busy:
            self.changed(device)  # once more when that is done
            return
        self._busy.add(device.device_id)
        try:
            await self._see_to_in_turn(device)
        except LoomError as error:
            log.info("contact %d: files by an anchor: %s", device.number, error.code)
        finally:
            self._busy.discard(device.device_id)

    async def _see_to_in_turn(self, device: Device) -> None:
        conversation_id, device_id = device.conversation_id, device.device_id
        # Through the writer: what is on its way to the disk is there.
        found = await self._parts.database.write(
            lambda db: windows.to_receive(db, conversation_id, device_id, FILES_MAX)
        )
        held, is_welcome = self._of(device), device.person.is_admitted
        if held is not None and not (found and is_welcome and self._is_usable(held)):
            await self._drop(held)
            held = None
        # Somebody invisible tells nothing by itself.
        is_seen = is_welcome and not self._parts.profile.value.invisible
        is_wanted = bool(found) and is_seen and not device.is_linked()
        if held is None and is_wanted:
            held = await self._begin(device)
        device.files.mailed(held is not None)
        if held is None or not is_wanted or held.opened_on is None or not held.opened_on.is_up:
            return
        device.files.fetching.refresh()
        told = [one for one in found if await self._is_to_tell(held, one)]
        if told:
            await self._tell(held, told)
        held.end()
        loop = asyncio.get_running_loop()
        held.looks_again = loop.call_later(TELL_AGAIN_S, self.changed, device)

    async def _is_to_tell(self, held: _Held, file: StoredFile) -> bool:
        """At once what was not told, and then what is missing once all that came was read."""
        row_id, device_id = file.row_id, held.row.device_id
        waits = await self._parts.database.read(lambda db: windows.waits(db, row_id, device_id))
        told_s = held.told_s.get(file.file_id)
        now_s = self._parts.clock.monotonic_s()
        if waits is not None and told_s is not None and now_s - told_s < TELL_AGAIN_S:
            return False
        return waits is None or (not waits and held.is_read)

    async def _tell(self, held: _Held, told: Iterable[StoredFile]) -> None:
        device, parts = held.device, self._parts
        account = next(one for one in self.accounts() if one.anchor.anchor_id == held.row.anchor_id)
        addresses = tuple((one.host, one.port) for one in account.anchor.addresses)

        def store(db: Db, happened: Happened) -> None:
            for file in told:
                place = Place(
                    addresses, account.anchor.mask_key, held.row.secret, shortened(file.chunks)
                )
                if file.room is not None:
                    requesting.tell_place(parts, db, device.device_id, file, place)
                    continue
                state_and_tell(
                    parts, db, happened, device.person, device.device_id, file,
                    State.ACCEPT, place=place,
                )  # fmt: skip

        await parts.journal.write(store)
        now_s = parts.clock.monotonic_s()
        held.told_s.update((file.file_id, now_s) for file in told)
        device.delivery.outbox.rows_added()

    async def _begin(self, device: Device) -> _Held | None:
        accounts = list(self.accounts())
        account = next((one for one in accounts if one.line.is_up), next(iter(accounts), None))
        if account is None:
            return None
        secret = self._parts.random(QUEUE_SECRET_BYTES)
        queue_id = derive_queue_keys(secret).queue_id
        row = Window(device.device_id, account.anchor.anchor_id, queue_id, secret)
        await self._parts.database.write(lambda db: windows.add(db, row))
        held = self._hold(row, device)
        account.care()
        return held

    def _hold(self, row: Window, device: Device) -> _Held:
        self._rows[device.device_id] = row
        held = self._held[row.queue_id] = _Held(row, device)
        return held

    async def _drop(self, held: _Held) -> None:
        """No file of the contact is under way any more, or its anchor is left."""
        device_id = held.row.device_id
        held.end()
        self._held.pop(held.row.queue_id, None)
        self._rows.pop(device_id, None)
        await self._parts.database.write(lambda db: windows.delete(db, device_id))
        for account in self.accounts():
            if account.anchor.anchor_id == held.row.anchor_id:
                account.care()

    def _is_usable(self, held: _Held) -> bool:
        return any(one.anchor.anchor_id == held.row.anchor_id for one in self.accounts())

    def _of(self, device: Device) -> _Held | None:
        row = self._rows.get(device.device_id)
        return None if row is None else self._held.get(row.queue_id)
