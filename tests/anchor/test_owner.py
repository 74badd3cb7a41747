"""What an anchor's owner asks of it."""

import pytest

from loom.api.anchor_commands import PairAnchor
from loom.errors import InvalidInput
from loom.wire.pairing import decode_pairing_text
from tests.anchor_machine import AnchorMachine

ASK = PairAnchor(expires_s=3_600)


async def test_a_pairing_text_names_only_what_is_bound(machine: AnchorMachine) -> None:
    machine.own_addresses = ["192.0.2.7", machine.host, "2001:db8::7"]
    view = await machine.send(ASK)
    assert view.addresses == [str(machine.address)]
    assert [one.address for one in decode_pairing_text(view.text).hints] == [machine.address]


async def test_an_anchor_that_others_cannot_reach_wants_an_address(machine: AnchorMachine) -> None:
    """As behind an onion service, where it listens on loopback alone."""
    machine.own_addresses = ["192.0.2.7"]
    with pytest.raises(InvalidInput, match="--address"):
        await machine.send(ASK)
    at = ("anchor.example", 4070)
    named = await machine.send(PairAnchor(addresses=[at], expires_s=3_600))
    assert named.addresses == (await machine.send(ASK)).addresses == ["anchor.example:4070"]
