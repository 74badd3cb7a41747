"""Where one contact may be, as stored."""

from collections.abc import Sequence

from loom.model import Address, DeviceId
from loom.ports import Clock
from loom.storage import addresses
from loom.storage.addresses import AddressSource, KnownAddress
from loom.storage.connection import Db
from loom.storage.database import Database


class AddressBook:
    """The stored addresses of one contact."""

    def __init__(self, database: Database, clock: Clock, device_id: DeviceId) -> None:
        self._database = database
        self._clock = clock
        self._device_id = device_id

    async def known(self) -> list[KnownAddress]:
        """All, the most promising first."""
        return await self._database.read(lambda db: addresses.of_device(db, self._device_id))

    async def remember(self, found: Sequence[Address], source: AddressSource) -> None:
        """Add addresses, or note that they were heard again."""
        now_ms = self._clock.now_ms()

        def store(db: Db) -> None:
            for address in found:
                addresses.remember(db, self._device_id, address, source, now_ms)

        await self._database.write(store)

    async def mark_ok(self, address: Address) -> None:
        """Note that the contact answered there."""
        now_ms = self._clock.now_ms()
        await self._database.write(
            lambda db: addresses.mark_ok(db, self._device_id, address, now_ms)
        )

    async def forget(self, address: Address) -> None:
        """Drop an address."""
        await self._database.write(lambda db: addresses.forget(db, self._device_id, address))
