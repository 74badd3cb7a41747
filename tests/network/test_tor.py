"""Two people through an onion service, in a Tor network that has no way out of its namespace."""

from pathlib import Path

import pytest

from loom.api.profile_commands import Status
from loom.errors import NetworkError
from tests.network import tor
from tests.network.hosts import PORT, Host
from tests.network.talk import talking

BOUND_S = 120.0
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(400),
    pytest.mark.skipif(bool(tor.missing()), reason=f"NOT RUN, onion services: {tor.missing()}"),
]


async def test_two_people_talk_through_an_onion_service(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    host = hosts[0]
    proxy = f"socks5://127.0.0.1:{tor.SOCKS_PORT}"
    with (
        tor.tor_network(host.prefix, tmp_path / "tor", PORT) as network,
        host.daemon("bob", "--listen", f"127.0.0.1:{PORT}", "--no-mdns"),
        host.daemon("alice", "--listen", "127.0.0.1:0", "--no-mdns", "--proxy", proxy),
    ):
        async with talking((host, host)) as talk:
            for left in range(10, 0, -1):  # its descriptor may not have reached the directories yet
                try:
                    await talk.alice.dial(network.onion)
                    break
                except NetworkError:
                    assert left > 1
            await talk.say(10)
            await talk.settled(BOUND_S)
            assert (await talk.alice.peer()).address == f"{network.onion}:{PORT}"
            address = (await talk.bob.peer()).address
            assert address is not None
            assert address.startswith("127.0.0.1:")  # he does not learn where she is
            assert (await talk.alice.client.send(Status())).proxy_state == "on"
        (login,) = network.socks_user_names()
        assert len(login) == 32
