"""Discovery on the LAN by mDNS (RFC 6762) and DNS-SD (RFC 6763): docs/PROTOCOL.md 7."""

import asyncio
import logging
import secrets
import time
from collections import deque
from contextlib import suppress

import zeroconf
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from loom.discovery.browser import FAILURES, SERVICE_TYPE, Browser
from loom.discovery.intake import Intake
from loom.discovery.interfaces import Interfaces, address_on, dialable_addresses
from loom.errors import DiscoveryUnavailable
from loom.ports import Advert, Found, Lost
from loom.wire.limits import ADVERT_ADDRESSES_MAX

_OWN_NAMES_REMEMBERED = 64

# The library logs names of services and hosts; nothing of that belongs into Loom's log.
logging.getLogger("zeroconf").propagate = False


class MdnsDiscovery:
    """The `Discovery` of a LAN.

    Args:
        interfaces: those to use, by an address or their name; None for all of this machine.
        service_type: what is announced and looked for.

    Raises:
        InvalidInput: one of them is neither an address nor the name of an interface here.
    """

    def __init__(
        self, interfaces: list[str] | None = None, service_type: str = SERVICE_TYPE
    ) -> None:
        pinned = None if interfaces is None else [address_on(one) for one in interfaces]
        self._pinned = None if pinned is None else {one.packed for one in pinned}
        self._interfaces = None if pinned is None else [str(one) for one in pinned]
        self._type = service_type
        self._found: Found | None = None
        self._lost: Lost | None = None
        self._mdns: AsyncZeroconf | None = None
        self._intake = Intake(time.monotonic)
        self._browser: Browser | None = None
        self._browsed_addresses: tuple[bytes, ...] = ()
        self._infos: list[AsyncServiceInfo] = []
        self._own_names: deque[str] = deque(maxlen=_OWN_NAMES_REMEMBERED)
        self._changing = asyncio.Lock()

    async def start(self, found: Found, lost: Lost | None = None) -> None:
        """Begin to browse; `found` and `lost` are called from the event loop.

        Raises:
            DiscoveryUnavailable: not possible now; each `announce` tries again.
        """
        self._found, self._lost = found, lost
        await self.announce([])

    def local_addresses(self) -> tuple[bytes, ...]:
        """The packed addresses that adverts of this node will carry, sorted.

        Without pinned interfaces these are all but loopback and link-local IPv6, which needs a
        scope that no record can carry; on a machine without any other, loopback alone.
        """
        if self._pinned is None:
            return dialable_addresses()
        chosen = [ip.packed for ip in Interfaces.here().own if ip.packed in self._pinned]
        return tuple(sorted(chosen)[:ADVERT_ADDRESSES_MAX])

    async def announce(self, adverts: list[Advert]) -> None:
        """Replace what is announced, under new random names; an empty list only browses.

        Raises:
            DiscoveryUnavailable: the network refused; the next call tries again.
        """
        async with self._changing:
            if self._found is None:
                return
            try:
                mdns = await self._opened()
                await self._withdraw(mdns)
                await mdns.async_update_interfaces()
                self._intake.interfaces = Interfaces.here(self._pinned)
                self._intake.guard(one.transport for one in mdns.zeroconf.engine.readers)
                self._browse(mdns, self._found)
                await self._register(mdns, adverts)
            except FAILURES as error:
                await self._shut()
                raise DiscoveryUnavailable(what=_fact(error)) from error

    async def stop(self) -> None:
        """Withdraw and end."""
        async with self._changing:
            self._found = None
            await self._shut()

    # --- announcing ---

    async def _opened(self) -> AsyncZeroconf:
        if self._mdns is None:
            if not self.local_addresses():
                raise zeroconf.NotRunningException("no interface of this machine has that address")
            if self._interfaces is not None:
                self._mdns = AsyncZeroconf(interfaces=self._interfaces)
            else:
                try:
                    self._mdns = AsyncZeroconf(ip_version=zeroconf.IPVersion.All)
                except OSError:  # no IPv6 in this kernel
                    self._mdns = AsyncZeroconf(ip_version=zeroconf.IPVersion.V4Only)
            await self._mdns.zeroconf.async_wait_for_start()
        return self._mdns

    async def _register(self, mdns: AsyncZeroconf, adverts: list[Advert]) -> None:
        self._infos = [_service_info(self._type, advert) for advert in adverts]
        self._own_names.extend(info.name for info in self._infos)
        # The names are random: asking whether they are free would only cost time.
        sent = [
            await mdns.async_register_service(info, cooperating_responders=True)
            for info in self._infos
        ]
        await asyncio.gather(*sent)

    async def _withdraw(self, mdns: AsyncZeroconf) -> None:
        infos, self._infos = self._infos, []
        await asyncio.gather(*[await mdns.async_unregister_service(info) for info in infos])

    async def _shut(self) -> None:
        mdns, self._mdns = self._mdns, None
        browser, self._browser = self._browser, None
        self._infos = []
        if browser is not None:
            await browser.stop()
        with suppress(*FAILURES):
            if mdns is not None:
                # One goodbye (RFC 6762, section 10.1): the library sends three within 250 ms, for
                # which every command that starts a node would wait at its end.
                if goodbye := mdns.zeroconf.generate_unregister_all_services():
                    mdns.zeroconf.async_send(goodbye)
                await mdns.async_close()

    def _browse(self, mdns: AsyncZeroconf, found: Found) -> None:
        """Ask, and ask from the start when the addresses changed: it may be another LAN."""
        addresses = self.local_addresses()
        if self._browser is None:
            self._browser = Browser(
                mdns,
                self._intake,
                found,
                self._own_names.__contains__,
                self._type,
                self._lost,
            )
        elif addresses != self._browsed_addresses:
            self._browser.ask()
        self._browsed_addresses = addresses


def _service_info(service_type: str, advert: Advert) -> AsyncServiceInfo:
    return AsyncServiceInfo(
        service_type,
        f"{secrets.token_hex(16)}.{service_type}",
        port=advert.port,
        properties=dict(advert.properties),
        server=f"{secrets.token_hex(16)}.local.",
        addresses=list(advert.addresses),
    )


def _fact(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
