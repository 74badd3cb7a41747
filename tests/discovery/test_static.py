"""Discovery without a network."""

from socket import inet_aton

import pytest

from loom.api.profiles import NodeOptions
from loom.app.assembly import discovery_of
from loom.discovery.silent import SilentDiscovery
from loom.discovery.static import StaticDiscovery
from loom.ports import Advert, Discovery


async def test_it_finds_what_it_was_given_and_announces_to_nobody() -> None:
    one, other = inet_aton("192.0.2.1"), inet_aton("192.0.2.2")
    advert = Advert(4070, (one,), ((b"v", b"1"),))
    static = StaticDiscovery([advert], [other, one])
    discovery: Discovery = static
    found: list[Advert] = []
    await discovery.start(lambda advert, _: found.append(advert))
    await discovery.announce([advert])
    assert found == [advert]
    assert static.announced == [advert]
    assert discovery.local_addresses() == (one, other)
    await discovery.stop()
    assert static.announced == []


async def test_without_anything_given_it_is_silent() -> None:
    discovery = StaticDiscovery()
    found: list[Advert] = []
    await discovery.start(lambda advert, _: found.append(advert))
    assert found == []
    assert discovery.local_addresses() == ()


def test_a_silent_node_still_knows_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An invite made with `--no-mdns` names where the node listens."""
    monkeypatch.setattr("loom.discovery.silent.dialable_addresses", lambda: (b"\xc0\0\2\7",))
    assert SilentDiscovery().local_addresses() == (b"\xc0\0\2\7",)
    assert isinstance(discovery_of(NodeOptions(mdns=False)), SilentDiscovery)
    assert discovery_of(NodeOptions(online=False)).local_addresses() == ()
