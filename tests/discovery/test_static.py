"""Discovery without a network."""

from socket import inet_aton

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
