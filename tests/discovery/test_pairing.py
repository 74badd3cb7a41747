"""Adverts of pairing, on the loopback interface only: apart from those of nodes, and taken back."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import inet_aton

from loom.core.pairing_advert import encode_pairing_advert, make_alias
from loom.discovery.browser import PAIRING_TYPE
from loom.discovery.mdns import MdnsDiscovery
from loom.ports import Advert
from tests.transport.recorder import Seen

LOOPBACK = inet_aton("127.0.0.1")


def make_advert() -> Advert:
    """Never the same again."""
    alias = make_alias(secrets.token_bytes(3))
    port = 1 + secrets.randbelow(65_535)
    return Advert(port, (LOOPBACK,), encode_pairing_advert(alias))


@asynccontextmanager
async def browsing(
    service_type: str = PAIRING_TYPE,
) -> AsyncIterator[tuple[MdnsDiscovery, Seen[Advert], Seen[Advert]]]:
    """A node that pairs: what it finds, and what it loses."""
    args = () if service_type == "" else (service_type,)
    discovery = MdnsDiscovery(["127.0.0.1"], *args)
    found, lost = Seen[Advert](), Seen[Advert]()
    await discovery.start(lambda advert, _: found(advert), lost)
    try:
        yield discovery, found, lost
    finally:
        await discovery.stop()


async def test_two_who_pair_find_each_other_and_nobody_finds_themselves() -> None:
    ours, theirs = make_advert(), make_advert()
    async with browsing() as one, browsing() as other:
        await one[0].announce([ours])
        await other[0].announce([theirs])
        await one[1].until(lambda found: theirs in found)
        await other[1].until(lambda found: ours in found)
        assert ours not in one[1].items
        assert theirs not in other[1].items


async def test_who_stops_pairing_is_lost_and_only_they() -> None:
    stays, goes = make_advert(), make_advert()
    async with browsing() as one, browsing() as still:
        await still[0].announce([stays])
        async with browsing() as other:
            await other[0].announce([goes])
            await one[1].until(lambda found: {stays, goes} <= set(found))
            assert goes not in one[2].items
        await one[2].until(lambda lost: goes in lost)
        assert stays not in one[2].items


async def test_nodes_do_not_hear_of_it_and_who_pairs_hears_of_no_node() -> None:
    """Two listeners of one process share the port of mDNS, as they do in a node that pairs."""
    pairing, node = make_advert(), make_advert()
    async with browsing() as pairs, browsing("") as runs, browsing() as watches:
        await pairs[0].announce([pairing])
        await runs[0].announce([node])
        await watches[1].until(lambda found: pairing in found)
        async with browsing("") as also_runs:
            await also_runs[1].until(lambda found: node in found)
            assert pairing not in also_runs[1].items
        assert pairing not in runs[1].items
        assert node not in watches[1].items
