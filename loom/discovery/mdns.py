"""Discovery on the LAN by mDNS (RFC 6762) and DNS-SD (RFC 6763): docs/PROTOCOL.md 7."""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

import ifaddr
import zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from loom.errors import DiscoveryUnavailable, InvalidAddress
from loom.ports import Advert
from loom.wire.limits import (
    ADVERT_ADDRESSES_MAX,
    ADVERT_TIMEOUT_S,
    ADVERTS_PER_S,
    ADVERTS_WAITING_MAX,
)

SERVICE_TYPE = "_loom._tcp.local."
_OWN_NAMES_REMEMBERED = 64
_FAILURES = (OSError, RuntimeError, zeroconf.Error)

# The library logs names of services and hosts; nothing of that belongs into Loom's log.
logging.getLogger("zeroconf").propagate = False


class MdnsDiscovery:
    """The `Discovery` of a LAN.

    Args:
        interfaces: addresses of the interfaces to use; None for all of this machine.

    Raises:
        InvalidAddress: one of them is no IP address.
    """

    def __init__(self, interfaces: list[str] | None = None) -> None:
        self._pinned = None if interfaces is None else {_packed(text) for text in interfaces}
        self._interfaces = interfaces
        self._found: Callable[[Advert], None] | None = None
        self._mdns: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._browsed_addresses: tuple[bytes, ...] = ()
        self._infos: list[AsyncServiceInfo] = []
        self._own_names: deque[str] = deque(maxlen=_OWN_NAMES_REMEMBERED)
        self._waiting: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    async def start(self, found: Callable[[Advert], None]) -> None:
        """Begin to browse; `found` is called from the event loop.

        Raises:
            DiscoveryUnavailable: not possible now; each `announce` tries again.
        """
        self._found = found
        await self.announce([])

    def local_addresses(self) -> tuple[bytes, ...]:
        """The packed addresses that adverts of this node will carry, sorted.

        Without pinned interfaces these are all but loopback and link-local IPv6, which needs a
        scope that no record can carry; on a machine without any other, loopback alone.
        """
        here = {_of_adapter(ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips}
        if self._pinned is not None:
            chosen = {ip for ip in here if ip.packed in self._pinned}
        else:
            usable = {ip for ip in here if not (ip.version == 6 and ip.is_link_local)}
            chosen = {ip for ip in usable if not ip.is_loopback} or usable
        return tuple(sorted(ip.packed for ip in chosen)[:ADVERT_ADDRESSES_MAX])

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
                await self._browse(mdns)
                await self._register(mdns, adverts)
            except _FAILURES as error:
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
                raise zeroconf.NotRunningException("no interface here has that address")
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
        self._infos = [_service_info(advert) for advert in adverts]
        self._own_names.extend(info.name for info in self._infos)
        # The names are random, so that asking whether they are free would only cost time.
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
        self._waiting.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(*_FAILURES):
            if browser is not None:
                await browser.async_cancel()
        with suppress(*_FAILURES):
            if mdns is not None:
                # One goodbye (RFC 6762, section 10.1): the library's own three take 250 ms, which
                # every command that meets the network would wait for at its end.
                if goodbye := mdns.zeroconf.generate_unregister_all_services():
                    mdns.zeroconf.async_send(goodbye)
                await mdns.async_close()

    # --- browsing ---

    async def _browse(self, mdns: AsyncZeroconf) -> None:
        """Ask, and ask anew where the addresses changed: another LAN may hold other nodes."""
        addresses = self.local_addresses()
        if self._browser is not None:
            if addresses == self._browsed_addresses:
                return
            await self._browser.async_cancel()
        self._browsed_addresses = addresses
        self._browser = AsyncServiceBrowser(mdns.zeroconf, SERVICE_TYPE, [self._changed])

    def _changed(
        self,
        zeroconf: zeroconf.Zeroconf,
        service_type: str,
        name: str,
        state_change: zeroconf.ServiceStateChange,
    ) -> None:
        if state_change.name == "Removed":
            self._waiting.pop(name, None)
        elif name not in self._own_names and len(self._waiting) < ADVERTS_WAITING_MAX:
            self._waiting[name] = None
            if self._looking is None or self._looking.done():
                self._looking = self._spawn(self._look_at_all(), "mdns-look")

    async def _look_at_all(self) -> None:
        """At most ADVERTS_PER_S a second; the pause comes first, as one advert has many records."""
        while self._waiting:
            await asyncio.sleep(1 / ADVERTS_PER_S)
            if self._waiting and self._mdns is not None:
                name = next(iter(self._waiting))
                del self._waiting[name]
                self._spawn(self._look_at(self._mdns, name), "mdns-advert")

    async def _look_at(self, mdns: AsyncZeroconf, name: str) -> None:
        advert: Advert | None = None
        with suppress(*_FAILURES):  # a name or record that is no good is a stranger's matter
            info = AsyncServiceInfo(SERVICE_TYPE, name)
            if await info.async_request(mdns.zeroconf, ADVERT_TIMEOUT_S * 1_000):
                advert = _advert(info)
        if advert is not None and self._found is not None:
            self._found(advert)

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _packed(text: str) -> bytes:
    try:
        return ip_address(text).packed
    except ValueError as error:
        raise InvalidAddress(address=text) from error


def _of_adapter(ip: ifaddr.IP) -> IPv4Address | IPv6Address:
    return ip_address(ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip)


def _service_info(advert: Advert) -> AsyncServiceInfo:
    return AsyncServiceInfo(
        SERVICE_TYPE,
        f"{secrets.token_hex(16)}.{SERVICE_TYPE}",
        port=advert.port,
        properties=dict(advert.properties),
        server=f"{secrets.token_hex(16)}.local.",
        addresses=list(advert.addresses),
    )


def _advert(info: AsyncServiceInfo) -> Advert | None:
    addresses = tuple(sorted(set(info.addresses_by_version(zeroconf.IPVersion.All))))
    if not info.port or not 0 < len(addresses) <= ADVERT_ADDRESSES_MAX:
        return None
    properties = tuple((key, value or b"") for key, value in info.properties.items())
    return Advert(info.port, addresses, properties)


def _fact(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
