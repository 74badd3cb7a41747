"""One open anchor: its service and its door, from start to end; a `Client` for its owner."""

import asyncio
import ipaddress
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from loom import __version__
from loom.anchor.ages import Ages
from loom.anchor.door import Door
from loom.anchor.limits import AnchorLimits
from loom.anchor.service import Service
from loom.api.anchor_commands import (
    AnchorStatus,
    DrainAnchor,
    ListAccounts,
    PairAnchor,
    RemoveAccount,
)
from loom.api.anchor_views import (
    AccountsView,
    AccountView,
    AnchorStatusView,
    PairingTextView,
)
from loom.api.command import Command
from loom.api.events import AnyEvent
from loom.api.profile_commands import Stop
from loom.api.view import Done
from loom.core.queues import derive_pairing_keys
from loom.errors import InvalidInput, LoomError, StoreUnavailable
from loom.links.listener import anywhere, reaches
from loom.model import Address
from loom.ports import Clock, Listener, Transport
from loom.storage import link_rands, settings
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.wire.hints import Hint
from loom.wire.limits import ANCHOR_MASK_KEY_BYTES, LINK_DAY_SKEW_DAYS, PAIRING_SECRET_BYTES
from loom.wire.pairing import HOUR_S, PairingText, encode_pairing_text

R = TypeVar("R")
log = logging.getLogger(__name__)

NO_EVENTS: Final[tuple[AnyEvent, ...]] = ()
DAY_S: Final = 86_400
LOOK_EVERY_S: Final = 5.0
"""For links that are idle, while there are any."""
QUIET_S: Final = 60.0
PRUNE_EVERY_S: Final = 600.0
DISK_KEPT_BYTES: Final = 64 << 20
"""Free space that blobs never take, so that what lies here can still be fetched and deleted."""


class AnchorParts(msgspec.Struct, frozen=True):
    """What one open anchor is made of."""

    name: str
    folder: Path
    database: Database
    limits: AnchorLimits
    clock: Clock
    random: Callable[[int], bytes]
    transport: Transport
    local_addresses: Callable[[], list[str]]
    """IP addresses by which others on this machine's networks may reach it."""

    def __repr__(self) -> str:
        return f"AnchorParts({self.name})"


class Anchor:
    """Use `start`, then `send`; `close` at the end."""

    def __init__(self, parts: AnchorParts) -> None:
        self.wants_stop = asyncio.Event()
        self._parts = parts
        self._mask_key = b""
        self._service: Service
        self._door: Door
        self._listener: Listener | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._started_ms = 0
        self._is_closing = False
        self._handlers: dict[type, Callable[[Any], Coroutine[Any, Any, object]]] = {
            PairAnchor: self._pair,
            AnchorStatus: self._status,
            ListAccounts: self._accounts,
            RemoveAccount: self._remove_account,
            DrainAnchor: self._drain,
            Stop: self._stop,
        }

    async def start(self, listen: Address | None, *, is_online: bool = True) -> None:
        """Read what is stored; then listen.

        Args:
            listen: None: the remembered port, or at first a free one, which is remembered.
            is_online: False: nobody can connect, for commands without a running anchor.

        Raises:
            PortInUse, PortNotAllowed, InvalidAddress: the address cannot be bound.
        """
        parts = self._parts
        found = await parts.database.read(_load)
        self._started_ms = parts.clock.now_ms()
        self._mask_key = found["mask_key"]
        self._door = Door(
            parts.database,
            parts.clock,
            parts.random,
            self._today,
            mask_key=self._mask_key,
            limits=parts.limits,
            spawn=self._spawn,
        )
        self._service = Service(
            parts.database,
            parts.clock,
            parts.limits,
            admit=self._door.admit,
            dismiss=self._door.dismiss,
            spawn=lambda work: self._spawn(work, "anchor work"),
        )
        self._door.receiver = self._service
        self._service.emptied = self.wants_stop.set
        await self._service.load()
        await self._door.load()
        await self._look_at_disk()
        if not is_online:
            self._service.is_draining = bool(found.get("draining"))
            return
        port = int(found.get("listen_port", b"0"))
        addresses = anywhere(port) if listen is None else [listen]
        self._listener = await parts.transport.listen(addresses, self._door.accept)
        await parts.database.write(self._remember_bound)
        self._spawn(self._close_idle(), "idle links")
        self._spawn(self._maintain(float(found.get("seen_s", b"0"))), "anchor maintenance")
        if found.get("draining"):
            self._service.drain()

    @property
    def port(self) -> int:
        """The bound port; 0 when offline."""
        return self._bound[0].port if self._bound else 0

    @property
    def addresses(self) -> list[str]:
        """What is bound."""
        return [str(one) for one in self._bound]

    @property
    def _bound(self) -> list[Address]:
        return [] if self._listener is None else self._listener.addresses

    # --- Client ---

    async def send(self, command: Command[R]) -> R:
        """See `Client.send`.

        Raises:
            InvalidInput: a command for a profile.
        """
        if self._is_closing:
            raise StoreUnavailable(what="the anchor is closed")
        handler = self._handlers.get(type(command))
        if handler is None:
            raise InvalidInput(what="This is an anchor: it has no contacts and no messages")
        return cast(R, await handler(command))

    async def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """An anchor has none; ends when it does."""
        await self.wants_stop.wait()
        for event in NO_EVENTS:
            yield event

    async def close(self) -> None:
        """End: links first, then what was submitted is committed."""
        if self._is_closing:
            return
        self._is_closing = True
        self.wants_stop.set()
        if self._listener is not None:
            await self._listener.close()
        self._door.close_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._parts.database.take_no_more()
        await asyncio.to_thread(self._parts.database.close)

    # --- commands ---

    async def _pair(self, command: PairAnchor) -> PairingTextView:
        hosts = [Address(host, port) for host, port in command.addresses]
        if hosts:
            stored = msgspec.json.encode(hosts)
            await self._parts.database.write(lambda db: settings.put(db, "addresses", stored))
        else:
            hosts = await self._known_addresses()
        now_s = self._now_s()
        expires_h = -(-(now_s + command.expires_s) // HOUR_S)
        secret = self._parts.random(PAIRING_SECRET_BYTES)
        hints = tuple(Hint(address, self._mask_key) for address in hosts)
        text = encode_pairing_text(PairingText(secret, expires_h, hints))
        await self._service.give_pairing(derive_pairing_keys(secret), expires_h * HOUR_S)
        return PairingTextView(
            text=text, expires_s=expires_h * HOUR_S, addresses=[str(one) for one in hosts]
        )

    async def _known_addresses(self) -> list[Address]:
        stored = await self._parts.database.read(lambda db: settings.get(db, "addresses"))
        if stored is not None:
            return msgspec.json.decode(stored, type=list[Address])
        bound = await self._parts.database.read(_last_bound)
        hosts = [
            one
            for one in self._parts.local_addresses()
            if reaches(bound, ipaddress.ip_address(one).packed)
        ]
        if not hosts:
            raise InvalidInput(
                what="Say where this anchor can be reached, as in --address anchor.example:4070"
            )
        return [Address(host, bound[0].port) for host in hosts]

    def _remember_bound(self, db: Db) -> None:
        settings.put(db, "listen_port", str(self.port).encode())
        settings.put(db, "bound", msgspec.json.encode(self._bound))

    async def _status(self, _command: AnchorStatus) -> AnchorStatusView:
        service = self._service
        return AnchorStatusView(
            anchor=self._parts.name,
            port=self.port,
            addresses=self.addresses,
            pid=os.getpid(),
            started_at_ms=self._started_ms,
            accounts=len(service.accounts),
            queues=len(service.queues),
            blobs=service.blobs,
            size_bytes=service.size_bytes,
            bulk_bytes=service.bulk_bytes,
            room_bytes=service.room_bytes,
            links=self._door.links,
            guest_links=self._door.guest_links,
            draining=service.is_draining,
            version=__version__,
        )

    async def _accounts(self, _command: ListAccounts) -> AccountsView:
        return AccountsView(
            accounts=[
                AccountView(
                    account=account.account_id,
                    paired_at_s=account.paired_at_s,
                    queues=len(account.queues),
                    blobs=sum(queue.blobs for queue in account.queues.values()),
                    size_bytes=account.size_bytes + account.bulk_bytes,
                    bulk_bytes=account.bulk_bytes,
                )
                for account in self._service.accounts.values()
            ]
        )

    async def _remove_account(self, command: RemoveAccount) -> Done:
        account = self._service.accounts.get(command.account)
        if account is None:
            raise InvalidInput(what=f"There is no account {command.account}")
        await self._service.remove_account(account)
        await self._parts.database.checkpoint()
        return Done()

    async def _drain(self, command: DrainAnchor) -> AnchorStatusView:
        def store(db: Db) -> None:
            if command.on:
                settings.put(db, "draining", b"1")
            else:
                settings.delete(db, "draining")

        await self._parts.database.write(store)
        if command.on:
            self._service.drain()
        else:
            self._service.is_draining = False
        return await self._status(AnchorStatus())

    async def _stop(self, _command: Stop) -> Done:
        self.wants_stop.set()
        return Done()

    # --- tasks ---

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S if self._door.links else QUIET_S)
            self._door.turn_to(self._today())
            self._door.close_idle()

    async def _maintain(self, seen_s: float) -> None:
        clock = self._parts.clock
        ages = Ages(seen_s, self._now_s(), clock.monotonic_s())
        while True:
            now_s = self._now_s()
            try:
                await self._look_at_disk()
                await self._prune(now_s, may_delete=ages.may_delete(now_s, clock.monotonic_s()))
            except LoomError as error:
                log.warning("maintenance failed: %s", error.code)
            await asyncio.sleep(PRUNE_EVERY_S)

    async def _prune(self, now_s: int, *, may_delete: bool) -> None:
        def keep_books(db: Db) -> None:
            settings.put(db, "seen_s", str(now_s).encode())
            link_rands.prune(db, now_s // DAY_S - LINK_DAY_SKEW_DAYS - 1)

        await self._parts.database.write(keep_books)
        if may_delete:
            await self._service.prune(now_s)
        else:
            log.warning("the clock jumped: nothing is deleted for a day")

    async def _look_at_disk(self) -> None:
        """How much blobs may take: a share of the disk, and never its last bytes."""
        try:
            usage = await asyncio.to_thread(shutil.disk_usage, self._parts.folder)
        except OSError as error:
            log.warning("the disk cannot be asked: %s", error.strerror)
            return
        free = self._service.size_bytes + usage.free - DISK_KEPT_BYTES
        share = int(usage.total * self._parts.limits.disk_share)
        self._service.room_bytes = max(0, min(share, free))

    def _now_s(self) -> int:
        return self._parts.clock.now_ms() // 1_000

    def _today(self) -> int:
        return self._now_s() // DAY_S


def prepare(db: Db, mask_key: bytes, name: str) -> None:
    """Make a new anchor of an empty database."""
    if len(mask_key) != ANCHOR_MASK_KEY_BYTES:
        raise InvalidInput(what="The mask key of an anchor has 16 bytes")
    settings.put(db, "mask_key", mask_key)
    settings.put(db, "name", name.encode())


def _last_bound(db: Db) -> list[Address]:
    """What it listens on, or did; nothing if it never listened, here or where it came from."""
    if bound := settings.get(db, "bound"):
        return msgspec.json.decode(bound, type=list[Address])
    port = settings.get(db, "listen_port")
    return anywhere(int(port)) if port else []


def _load(db: Db) -> dict[str, bytes]:
    names = ("mask_key", "listen_port", "draining", "seen_s")
    found = {name: settings.get(db, name) for name in names}
    if found["mask_key"] is None:
        raise StoreUnavailable(what="this is not an anchor's database")
    return {name: value for name, value in found.items() if value is not None}
