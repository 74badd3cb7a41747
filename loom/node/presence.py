"""Announces this node to contacts on the LAN, and finds them (docs/PROTOCOL.md 7)."""

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from loom.api.events import Warned
from loom.core.pair_keys import PairKeys
from loom.core.presence import (
    ADVERT_RANDOM_BYTES,
    Place,
    adverts_needed,
    build_adverts,
    decode_presence,
    epoch_at,
    find_contact,
)
from loom.crypto.kdf import MacKey
from loom.errors import LoomError, MalformedMessage, StoreError
from loom.model import Address, PersonId
from loom.node.device import Device
from loom.node.parts import Parts
from loom.node.paths import PathLog
from loom.node.routes.address_book import AddressBook
from loom.node.routes.dialer import Dialer
from loom.ports import Advert, Discovery
from loom.storage.addresses import AddressSource
from loom.wire.limits import EPOCH_S

log = logging.getLogger(__name__)


class Sought(Protocol):
    """A contact, or one who announces to an identity that the owner had before."""

    @property
    def keys(self) -> PairKeys:
        """What their adverts are told by."""
        ...

    @property
    def book(self) -> AddressBook:
        """Where they were."""
        ...

    @property
    def paths(self) -> PathLog:
        """How they were found."""
        ...

    @property
    def dialer(self) -> Dialer | None:
        """What dials them."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """Run a task that ends with them."""
        ...


CHECK_S = 30.0
"""How often it looks for changed addresses of this machine."""


class Announcer:
    """Announces again in each epoch and at every change of contacts or addresses.

    Args:
        peers: who is told that this node is here.
        listened_for: whose adverts are looked for.
        moved: called when this machine has other addresses than before.
    """

    def __init__(
        self,
        parts: Parts,
        discovery: Discovery,
        port: int,
        peers: Callable[[], list[Device]],
        listened_for: Callable[[], list[Sought]],
        listens_on: Callable[[bytes], bool],
        moved: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._discovery = discovery
        self._port = port
        self._peers = peers
        self._listened_for = listened_for
        self._listens_on = listens_on
        self._moved = moved
        self._told: list[Device] = []
        self._contacts: dict[PersonId, Sought] = {}
        """By their place in the list."""
        self._keys: dict[PersonId, MacKey] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard: dict[PersonId, tuple[tuple[Place, tuple[bytes, ...]], bytes]] = {}
        """Place and nearby addresses of each contact's last advert, and its nonce."""
        self.state = "off"

    async def start(self) -> None:
        """Begin; where the network refuses, each announcement tries again."""
        self._take_contacts()
        self._task = asyncio.create_task(self._run(), name="presence")

    def contacts_changed(self) -> None:
        """Announce to exactly these contacts from now on, and find them."""
        self._take_contacts()
        self._heard.clear()  # also where a contact's old identity was
        self._changed.set()

    async def stop(self) -> None:
        """Withdraw."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._discovery.stop()

    def _take_contacts(self) -> None:
        self._told = self._peers()
        self._contacts = {PersonId(n): peer for n, peer in enumerate(self._listened_for())}
        self._keys = {
            number: MacKey(peer.keys.receiving.presence) for number, peer in self._contacts.items()
        }

    async def _run(self) -> None:
        try:
            await self._discovery.start(self._found)
            self.state = "on"
        except LoomError as error:
            await self._failed(error)
        while True:
            self._changed.clear()
            epoch, here = epoch_at(self._parts.now_s()), self._addresses()
            try:
                await self._discovery.announce(self._adverts(epoch, here))
                self.state = "on"
            except LoomError as error:
                await self._failed(error)
            while not self._changed.is_set():
                left_s = EPOCH_S - self._parts.now_s() % EPOCH_S
                try:
                    async with asyncio.timeout(min(CHECK_S, left_s)):
                        await self._changed.wait()
                except TimeoutError:
                    if self._addresses() != here:
                        self._moved()
                        break
                    if epoch_at(self._parts.now_s()) != epoch:
                        break

    def _addresses(self) -> tuple[bytes, ...]:
        return tuple(one for one in self._discovery.local_addresses() if self._listens_on(one))

    def _adverts(self, epoch: int, here: tuple[bytes, ...]) -> list[Advert]:
        keys = [peer.keys.sending.presence for peer in self._told]
        if not here:
            return []
        random_bytes = self._parts.random(adverts_needed(len(keys)) * ADVERT_RANDOM_BYTES)
        place = Place(self._port, here)
        built = build_adverts(keys, place, epoch=epoch, random_bytes=random_bytes)
        return [Advert(self._port, here, properties) for properties in built]

    def _found(self, advert: Advert, nearby: tuple[bytes, ...]) -> None:
        try:
            presence = decode_presence(advert.properties)
        except MalformedMessage:
            return
        place = Place(advert.port, advert.addresses)
        epoch = epoch_at(self._parts.now_s())
        person_id = find_contact(presence, place, self._keys, epoch=epoch)
        if person_id is None:
            return
        peer, before = self._contacts[person_id], self._heard.get(person_id)
        self._heard[person_id] = (place, nearby), presence.nonce
        found = [Address(str(ipaddress.ip_address(one)), advert.port) for one in nearby]
        if before is None or before[0] != (place, nearby):
            peer.spawn(self._remember(person_id, peer, found), "advert")
        elif before[1] != presence.nonce and peer.dialer is not None:
            peer.dialer.heard(found)

    async def _remember(self, place: PersonId, peer: Sought, found: list[Address]) -> None:
        try:
            await peer.book.remember(found, AddressSource.MDNS)
        except LoomError:
            self._heard.pop(place, None)  # so that the next advert counts as news
            raise
        for address in found:
            peer.paths.found(str(address))
        if peer.dialer is not None:
            peer.dialer.heard(found)

    async def _failed(self, error: LoomError) -> None:
        """Warn the user once, until it worked again; stored, so that it can be read later."""
        if self.state == "failed":
            return
        self.state = "failed"
        log.warning("discovery: %s %s", error.code, error.facts)
        warning = Warned(code=error.code, facts=error.facts)
        with suppress(StoreError):
            await self._parts.journal.write(lambda db, happened: happened.add(warning))
