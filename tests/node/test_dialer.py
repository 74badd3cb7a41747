"""When a contact is dialled, and where."""

import asyncio
from contextlib import suppress

import pytest

from loom.errors import LoomError, ProxyUnavailable, Unreachable
from loom.model import Address
from loom.node.routes.dialer import (
    FORGET_AFTER_MS,
    KEPT_FOR_FRESH,
    RARE_AFTER_S,
    RARE_S,
    Dialer,
)
from loom.storage.addresses import AddressSource, KnownAddress
from loom.wire.limits import DIALS_PER_MINUTE_MAX
from tests.people import NOW_MS

DEAD, LIVE, TYPED = Address("10.0.0.1", 1), Address("10.0.0.2", 2), Address("10.0.0.3", 3)
HOUR_S = 3_600.0
TIMEOUT_S = 5.0


class Contact:
    """Somebody to dial, the clock, and the stored addresses."""

    def __init__(self, *known: KnownAddress) -> None:
        self.addresses = list(known)
        self.live: set[Address] = set()
        self.refusing = False
        """Else a dead address swallows what is sent there."""
        self.has_proxy = True
        """Else nothing is asked anywhere."""
        self.dialled: list[tuple[float, Address]] = []
        self.at_once = self.at_once_max = 0
        self.opened_s: float | None = None
        self.errors: list[LoomError] = []
        self.dialer = Dialer(
            self._dial,
            self,
            self,
            lambda: self.opened_s is not None,
            self.errors.append,
            yields=False,
        )
        self._task = asyncio.create_task(self.dialer.run())

    async def end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _dial(self, address: Address, *, urgent: bool) -> None:
        self.dialled.append((self.monotonic_s(), address))
        self.at_once += 1
        self.at_once_max = max(self.at_once, self.at_once_max)
        try:
            if not self.has_proxy:
                raise ProxyUnavailable(proxy="127.0.0.1:9050", reason="nobody answers there")
            if address not in self.live:
                await asyncio.sleep(0 if self.refusing else TIMEOUT_S)
                raise Unreachable(address=str(address))
            self.opened_s = self.monotonic_s()
        finally:
            self.at_once -= 1

    def cut(self, *, carried: bool = False) -> None:
        """End the link."""
        assert self.opened_s is not None
        lasted_s, self.opened_s = self.monotonic_s() - self.opened_s, None
        self.dialer.link_lost(lasted_s, carried=carried)

    def times(self, address: Address) -> list[float]:
        return [at_s for at_s, one in self.dialled if one == address]

    async def known(self) -> list[KnownAddress]:
        return list(self.addresses)

    async def forget(self, address: Address) -> None:
        self.addresses = [one for one in self.addresses if one.address != address]

    def now_ms(self) -> int:
        return NOW_MS + int(self.monotonic_s() * 1000)

    def monotonic_s(self) -> float:
        return asyncio.get_running_loop().time()


def _known(address: Address, source: AddressSource, age_ms: int = 0) -> KnownAddress:
    return KnownAddress(address, source, None, NOW_MS - age_ms)


async def test_what_was_just_announced_is_tried_before_an_address_that_swallows() -> None:
    contact = Contact(_known(DEAD, AddressSource.MDNS))
    contact.live = {LIVE}
    await asyncio.sleep(1.0)
    assert contact.dialled[-1][1] == DEAD
    contact.dialer.heard([LIVE])
    await asyncio.sleep(0.1)
    assert contact.opened_s is not None
    assert contact.dialer.failed_attempts == 0
    await contact.end()


@pytest.mark.parametrize("refusing", [True, False])
async def test_adverts_without_end_make_few_dials_one_at_a_time(refusing: bool) -> None:
    """15 adverts a second of a contact once made 131 connections a second, wherever it liked."""
    contact = Contact()
    contact.refusing = refusing
    for n in range(15 * 120):
        contact.dialer.heard([Address(f"10.1.{n // 250}.{n % 250}", one) for one in range(1, 30)])
        await asyncio.sleep(1 / 15)
    begun_s = [at_s for at_s, _ in contact.dialled]
    for early_s, late_s in zip(begun_s, begun_s[DIALS_PER_MINUTE_MAX:], strict=False):
        assert late_s - early_s > 59.9
    assert len(begun_s) > DIALS_PER_MINUTE_MAX
    assert contact.at_once_max == 1
    await contact.end()


async def test_links_of_the_contact_buy_no_more_dials() -> None:
    """It connects, stays for a while, goes, and announces other addresses."""
    contact = Contact()
    contact.refusing = True
    for n in range(40):
        contact.opened_s = contact.monotonic_s()
        await asyncio.sleep(2.5)
        contact.cut()
        contact.dialer.heard([Address(f"10.1.0.{n}", port) for port in range(1, 30)])
        await asyncio.sleep(0.5)
    assert len(contact.dialled) <= 3 * DIALS_PER_MINUTE_MAX
    await contact.end()


async def test_old_addresses_leave_attempts_for_what_is_announced() -> None:
    contact = Contact(*(_known(Address("10.2.0.1", one), AddressSource.MDNS) for one in range(16)))
    contact.refusing = True
    contact.live = {LIVE}
    await asyncio.sleep(10.0)
    assert len(contact.dialled) == DIALS_PER_MINUTE_MAX - KEPT_FOR_FRESH
    contact.dialer.heard([LIVE])
    await asyncio.sleep(0.1)
    assert contact.opened_s is not None
    await contact.end()


async def test_every_old_address_has_its_turn() -> None:
    contact = Contact(*(_known(Address("10.2.0.1", one), AddressSource.MDNS) for one in range(16)))
    contact.refusing = True
    await asyncio.sleep(180.0)
    assert {address.port for _, address in contact.dialled} == set(range(16))
    await contact.end()


async def test_links_that_end_at_once_count_as_dials() -> None:
    contact = Contact()
    contact.live = {LIVE}
    for _ in range(60):
        contact.dialer.heard([LIVE])
        await asyncio.sleep(1.0)
        if contact.opened_s is not None:
            contact.cut()
    assert len(contact.dialled) <= DIALS_PER_MINUTE_MAX
    await contact.end()


async def test_the_contacts_own_links_that_end_at_once_cut_no_pause_short() -> None:
    """Two nodes whose links broke at once dialled each other in turn, 45 times in a second."""
    contact = Contact(_known(DEAD, AddressSource.MDNS))
    contact.refusing = True
    await asyncio.sleep(60.0)
    before = len(contact.dialled)
    for _ in range(20):
        contact.opened_s = contact.monotonic_s()
        await asyncio.sleep(0.1)
        contact.cut()
    assert len(contact.dialled) <= before + 1
    contact.opened_s = contact.monotonic_s()
    await asyncio.sleep(3.0)
    contact.cut()
    await asyncio.sleep(0.1)
    assert len(contact.dialled) > before
    await contact.end()


async def test_steady_links_that_are_cut_are_dialled_again_each_time() -> None:
    contact = Contact(_known(LIVE, AddressSource.MDNS))
    contact.live = {LIVE}
    for _ in range(3 * DIALS_PER_MINUTE_MAX):
        await asyncio.sleep(3.0)
        contact.cut()
    await contact.end()


async def test_short_links_that_carried_something_are_dialled_again_within_the_pace() -> None:
    """A line that breaks after each 100 KB took five minutes between them."""
    contact = Contact(_known(LIVE, AddressSource.MDNS))
    contact.live = {LIVE}
    for _ in range(600):
        await asyncio.sleep(0.5)
        if contact.opened_s is not None:
            contact.cut(carried=True)
    per_minute = len(contact.dialled) / 5
    assert DIALS_PER_MINUTE_MAX / 2 <= per_minute <= DIALS_PER_MINUTE_MAX
    await contact.end()


async def test_an_address_that_failed_for_a_day_is_tried_once_an_hour() -> None:
    contact = Contact(_known(DEAD, AddressSource.MDNS), _known(TYPED, AddressSource.HAND))
    await asyncio.sleep(RARE_AFTER_S + HOUR_S)
    before = len(contact.dialled)
    await asyncio.sleep(10 * HOUR_S)
    assert 2 * 9 <= len(contact.dialled) - before <= 2 * 10
    later_s = [b - a for a, b in zip(contact.times(DEAD), contact.times(DEAD)[1:], strict=False)]
    assert max(later_s) < RARE_S + 1_000
    contact.live = {DEAD}
    await asyncio.sleep(2 * HOUR_S)
    assert contact.opened_s is not None
    await contact.end()


@pytest.mark.parametrize(
    ("source", "age_ms", "is_kept"),
    [
        (AddressSource.MDNS, FORGET_AFTER_MS, False),
        (AddressSource.MDNS, 0, True),
        (AddressSource.HAND, FORGET_AFTER_MS, True),
    ],
)
async def test_a_learned_address_that_is_dead_for_a_month_is_forgotten(
    source: AddressSource, age_ms: int, is_kept: bool
) -> None:
    contact = Contact(_known(DEAD, source, age_ms))
    await asyncio.sleep(RARE_AFTER_S - HOUR_S)
    assert len(contact.addresses) == 1, "a clock that jumps alone takes no address away"
    await asyncio.sleep(4 * HOUR_S)
    assert len(contact.addresses) == is_kept
    await contact.end()


async def test_a_proxy_that_is_gone_for_a_month_says_nothing_about_an_address() -> None:
    contact = Contact(_known(LIVE, AddressSource.MDNS, FORGET_AFTER_MS))
    contact.has_proxy = False
    await asyncio.sleep(RARE_AFTER_S + 4 * HOUR_S)
    assert len(contact.addresses) == 1
    waits_s = [b - a for a, b in zip(contact.times(LIVE), contact.times(LIVE)[1:], strict=False)]
    assert 100.0 < max(waits_s) < RARE_S / 2
    assert {error.code for error in contact.errors} == {"proxy_unavailable"}
    contact.has_proxy, contact.live = True, {LIVE}
    contact.dialer.heard()
    await asyncio.sleep(0.1)
    assert contact.opened_s is not None
    await contact.end()


async def test_stopping_ends_an_attempt_that_is_under_way() -> None:
    contact = Contact(_known(DEAD, AddressSource.MDNS))
    await asyncio.sleep(1.0)
    assert contact.at_once == 1
    await contact.end()
    assert contact.at_once == 0
