"""Discovery without a network: announces nothing, and finds what it was given."""

from collections.abc import Sequence

from loom.ports import Advert, Found, Lost


class StaticDiscovery:
    """The `Discovery` of a node without a network, and of tests."""

    def __init__(self, adverts: Sequence[Advert] = (), addresses: Sequence[bytes] = ()) -> None:
        self.announced: list[Advert] = []
        self._adverts = tuple(adverts)
        self._addresses = tuple(sorted(addresses))

    async def start(self, found: Found, lost: Lost | None = None) -> None:
        """Find the given adverts, once."""
        for advert in self._adverts:
            found(advert, advert.addresses)

    def local_addresses(self) -> tuple[bytes, ...]:
        """The given addresses, sorted."""
        return self._addresses

    async def announce(self, adverts: list[Advert]) -> None:
        """Remember what would be announced."""
        self.announced = adverts

    async def stop(self) -> None:
        """Nothing to withdraw."""
        self.announced = []
