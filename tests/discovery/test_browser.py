"""When the browser asks, in virtual time and without a network."""

import asyncio
from collections.abc import Coroutine
from ipaddress import IPv4Address
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from loom.discovery.browser import FIRST_QUERY_S, QUERY_MAX_S, REPEAT_S, Browser
from loom.discovery.intake import Intake
from loom.wire.limits import ADVERTS_WAITING_MAX
from tests.node.virtual_loop import VirtualLoop


class FakeMdns:
    """Counts queries; its cache is empty."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []
        self.is_unicast: list[bool] = []
        self.zeroconf = self
        self.cache = SimpleNamespace(get_all_by_details=lambda *_: [])

    def async_add_listener(self, listener: object, question: object) -> None:
        """See `Zeroconf`."""

    def async_remove_listener(self, listener: object) -> None:
        """See `Zeroconf`."""

    def async_send(self, query: Any) -> None:
        """See `Zeroconf`."""
        self.asked_s.append(asyncio.get_running_loop().time())
        self.is_unicast.append(query.questions[0].unicast)


def _browser(mdns: Any) -> Browser:
    return Browser(mdns, Intake(lambda: 0.0), lambda advert, nearby: None, lambda name: False)


def _in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work)


def test_queries_come_at_growing_intervals() -> None:
    """RFC 6762, section 5.2: at least a second, then at least twice as long, at most an hour."""
    mdns = FakeMdns()

    async def run() -> None:
        browser = _browser(mdns)
        await asyncio.sleep(6 * QUERY_MAX_S)
        await browser.stop()

    _in_virtual_time(run())
    intervals = [b - a for a, b in pairwise(mdns.asked_s)]
    assert intervals[0] >= 1.0
    for early, late in pairwise(intervals):
        assert late > min(2 * early, QUERY_MAX_S) - 0.01
    assert max(intervals) < QUERY_MAX_S + 1
    assert mdns.is_unicast == [True] + [False] * (len(intervals))


def test_names_that_were_dropped_are_asked_for_again() -> None:
    """A contact's next announcement may be 15 minutes away."""
    mdns = FakeMdns()

    async def run() -> None:
        browser = _browser(mdns)
        await asyncio.sleep(1_000)
        before = len(mdns.asked_s)
        await asyncio.sleep(1)
        began_s = asyncio.get_running_loop().time()
        for n in range(ADVERTS_WAITING_MAX):
            browser._wait(f"name {n}", (IPv4Address("127.0.0.1"), 0))
        assert len(mdns.asked_s) == before
        browser._wait("one too many", (IPv4Address("127.0.0.1"), 0))
        await asyncio.sleep(REPEAT_S + 0.1)
        assert [at_s - began_s for at_s in mdns.asked_s[before:]] == [pytest.approx(REPEAT_S)]
        await browser.stop()

    _in_virtual_time(run())


def test_another_network_is_asked_at_once() -> None:
    mdns = FakeMdns()

    async def run() -> None:
        browser = _browser(mdns)
        await asyncio.sleep(1_000)
        before = len(mdns.asked_s)
        browser.ask()
        await asyncio.sleep(FIRST_QUERY_S[1] + 0.01)
        assert len(mdns.asked_s) == before + 1
        await browser.stop()

    _in_virtual_time(run())
