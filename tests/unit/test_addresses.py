"""Which hosts are one's own network's, which addresses may be told, and how they are written."""

# ruff: noqa: S104 - nothing is bound here
import pytest

from loom.addresses import (
    is_on_lan,
    is_onion,
    is_private,
    parse_address,
    parse_host,
    told_address_allowed,
)
from loom.errors import InvalidAddress, InvalidOnion
from loom.model import Address

ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
"""The Tor Project's site."""
PRIVATE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1",
    "169.254.1.1", "fe80::1", "fe80::1%eth0", "febf::1", "::ffff:169.254.1.1",
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.7",
    "fc00::1", "fd12:3456::1", "fdff::1", "::ffff:192.168.1.7", "::ffff:a00:1",
)  # fmt: skip
NOT_PRIVATE = (
    "9.255.255.255", "11.0.0.1", "172.15.255.255", "172.32.0.1", "192.167.1.1", "192.169.1.1",
    "100.64.0.1", "203.0.113.7", "8.8.8.8", "::ffff:8.8.8.8", "2001:db8::7", "2606:4700::1111",
    "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:a00:1::1", "2002:c000:204::1",
    "2001:0:1::1", "fec0::1", "fbff::1", "fe00::1", "ff02::fb", "224.0.0.251", "255.255.255.255",
    "::10.0.0.1", "localhost", "anchor.example", "printer.local", "10.0.0.1.example", ONION,
)  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_ones_own_networks_are_private(host: str) -> None:
    assert is_private(parse_host(host))


@pytest.mark.parametrize("host", NOT_PRIVATE)
def test_everything_else_is_not_even_names_and_what_a_translator_leads_to(host: str) -> None:
    assert not is_private(parse_host(host))


@pytest.mark.parametrize(
    "host", ["203.0.113.7", "2001:db8::7", "2606:4700::1111", "2002:cb00:7107::1", "anchor.example",
             "64:ff9b::cb00:7107", "::ffff:203.0.113.7", ONION],
)  # fmt: skip
@pytest.mark.parametrize("proxied", [True, False])
def test_what_others_may_tell(host: str, proxied: bool) -> None:
    assert told_address_allowed(Address(parse_host(host), 4070), [], proxied=proxied)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "172.16.0.1", "192.168.1.7", "fd12:3456::1", "100.64.0.1", "fec0::1",
             "::ffff:192.168.1.7", "64:ff9b:1::1"],
)  # fmt: skip
def test_private_addresses_may_be_told_only_without_a_proxy(host: str) -> None:
    address = Address(parse_host(host), 4070)
    assert told_address_allowed(address, [], proxied=False)
    assert not told_address_allowed(address, [], proxied=True)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1",
        "169.254.169.254", "fe80::1", "fe80::1%eth0", "2001:db8::1%eth0", "::ffff:169.254.1.1",
        "224.0.0.251", "255.255.255.255", "240.0.0.1", "ff02::fb",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1", "2002:c0a8:107::1", "2001:0:1::1",
        "localhost", "a.localhost", "printer.local", "router",
        "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "LOCALHOST", "localhost.",
        "Anchor.example", "anchor.example.", "", "a b", "-a.example", "\uff11\uff12\uff17.0.0.1",
        "fe80:0::1", "short.onion", "a" * 56 + ".onion", "www.short.onion",
    ],
)  # fmt: skip
@pytest.mark.parametrize("proxied", [True, False])
def test_what_others_may_never_tell(host: str, proxied: bool) -> None:
    assert not told_address_allowed(Address(host, 4070), [], proxied=proxied)


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_told_port_is_one(port: int) -> None:
    assert not told_address_allowed(Address("203.0.113.7", port), [], proxied=False)


@pytest.mark.parametrize("host", ["203.0.113.7", "::ffff:203.0.113.7"])
def test_ones_own_address_may_not_be_told(host: str) -> None:
    own = [Address("203.0.113.7", 4070), Address(ONION, 4070)]
    assert not told_address_allowed(Address(parse_host(host), 4070), own, proxied=False)
    assert told_address_allowed(Address(parse_host(host), 4071), own, proxied=False)
    assert not told_address_allowed(Address(ONION, 4070), own, proxied=True)


def test_addresses_are_read_strictly() -> None:
    assert parse_address(" 192.0.2.7:4070 ") == Address("192.0.2.7", 4070)
    assert parse_address("[2001:DB8:0::7]:1") == Address("2001:db8::7", 1)
    assert parse_address("[fe80::1%eth0]:1") == Address("fe80::1%eth0", 1)
    assert parse_address("Bob.Example.:4070") == Address("bob.example", 4070)
    assert parse_address("my_host:4070") == Address("my_host", 4070)
    assert parse_address("b\u00fccher.example:4070") == Address("xn--bcher-kva.example", 4070)
    for wrong in (
        "", "host", ":1", "host:", "host:x", "::1:4", "a b:1", "host:123456", "host:65536",
        "[host]:1", "a..b:1", "-a:1", "a" * 64 + ":1", "127.1:1", "1.2.3.4.5:1", "0x7f000001:1",
        "300.1.1.1:1", "a/b:1", "a@b:1", "a\x00b:1", "[::1%a b]:1",
    ):  # fmt: skip
        with pytest.raises(InvalidAddress):
            parse_address(wrong)


def test_an_onion_service_is_known_by_any_spelling_of_its_name() -> None:
    """A resolver makes the same of them, and no name server may hear of one (RFC 7686)."""
    for spelled in (ONION, ONION.upper(), f"{ONION}.", ONION.replace(".", "\u3002"),
                    ONION.replace("onion", "\uff4fnion")):  # fmt: skip
        assert parse_host(spelled) == ONION
    assert parse_host(f"www.{ONION}") == f"www.{ONION}"
    assert is_onion(ONION)
    assert not is_onion("onion.example")


@pytest.mark.parametrize(
    "name", ["short.onion", ONION[1:], "a" + ONION, "a" + ONION[1:], f"{ONION}.onion", "x.onion.",
             "0" + ONION[1:], "facebookcorewwwi.onion"],
)  # fmt: skip
def test_an_onion_address_has_56_characters_and_a_right_checksum(name: str) -> None:
    with pytest.raises(InvalidOnion):
        parse_address(f"{name}:4070")


def test_who_comes_from_this_very_machine_is_on_no_network() -> None:
    """An onion service makes everybody come from there."""
    hosts = ["127.0.0.1", "::1", "192.168.1.7", "fe80::1", "192.0.2.7", "x.example"]
    assert [is_on_lan(one) for one in hosts] == [False, False, True, True, False, False]
