"""Two hosts at one switch pair by real multicast, each beside a node that listens there too."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.pairing import agree, contacts, pairing
from tests.e2e.processes import Home, new_profile
from tests.network import hosts as network
from tests.network.hosts import IPV4, IPV6, bridged, two_hosts


@pytest.mark.timeout(240)
@pytest.mark.parametrize("addresses", [IPV4, IPV6], ids=["IPv4", "IPv6 only"])
def test_two_hosts_pair_by_mdns(addresses: tuple[str, str], tmp_path: Path) -> None:
    if lacking := network.missing():
        pytest.skip(f"NOT RUN, two hosts that pair: {lacking}")
    home = Home(tmp_path / "made")
    for name in ("Alice", "Bob"):
        new_profile(home, name)
    with two_hosts(home, tmp_path) as (one, other), bridged((one, other), addresses):
        with ExitStack() as stack:
            stack.enter_context(one.node("alice", "--json"))
            stack.enter_context(other.node("bob", "--json"))
            began = time.monotonic()
            hers = stack.enter_context(pairing(one, "-p", "alice"))
            his = stack.enter_context(pairing(other, "-p", "bob"))
            hers.sees(his.view["alias"])
            hers.type(his.view["alias"])
            agree(hers, his)
            assert time.monotonic() - began < 30
            assert contacts(one, "alice") == [("Bob", True)]
            one.run("-p", "alice", "send", "Bob", "hello", "--wait", "60").ok()
        assert "Traceback" not in one.said() + other.said()
