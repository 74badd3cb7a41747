"""Mail carried by hand, between two who have no link and no anchor."""

import pytest

from loom.api.anchor_commands import ExportMail, ImportMail
from loom.api.anchor_views import MailFileRead
from loom.errors import MailFileOfNobody, MalformedMessage
from tests.node.harness import Person, World


async def carried(one: Person, other: Person) -> MailFileRead:
    """What a file brings."""
    view = await one.do(ExportMail(contact=other.name))
    return await other.do(ImportMail(data=view.data))


async def test_two_who_never_met_talk_by_files(world: World) -> None:
    """A bundle goes first, a session begins on it; then texts and receipts, each once."""
    alice, bob = [await world.person(name) for name in ("Alice", "Bob")]
    await alice.add(bob)
    await bob.add(alice)
    await alice.say(bob, "one", "two")
    await bob.say(alice, "from bob")
    first = await alice.do(ExportMail(contact="Bob"))
    assert (first.messages, first.left) == (0, 3)  # two texts and a Profile
    assert (await bob.do(ImportMail(data=first.data))).began_session
    read = await carried(bob, alice)
    assert (read.new, read.unopened) == (3, 0)  # a greeting, a Profile, the text
    assert alice.received(bob) == ["from bob"]
    await carried(alice, bob)
    assert bob.received(alice) == ["one", "two"]
    await carried(bob, alice)
    assert alice.all_delivered(bob)
    await carried(alice, bob)
    assert bob.all_delivered(alice)


async def test_a_file_read_twice_shows_nothing_twice_and_goes_on_waiting(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "met")
    await world.delivered(alice, bob)
    world.network.partition({alice.host}, {bob.host})
    world.network.cut(alice.host)
    await world.pass_time(5)
    await alice.say(bob, "by hand")
    view = await alice.do(ExportMail(contact="Bob"))
    assert alice.queued(bob) == 1
    first = await bob.do(ImportMail(data=view.data))
    again = await bob.do(ImportMail(data=view.data))
    assert (first.new, again.new, again.known) == (1, 0, first.new)
    assert bob.received(alice) == ["met", "by hand"]
    world.network.heal()
    await alice.call(bob)
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["met", "by hand"]


async def test_a_file_for_somebody_else_says_so(world: World) -> None:
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    view = await alice.do(ExportMail(contact="Bob"))
    with pytest.raises(MailFileOfNobody):
        await carol.do(ImportMail(data=view.data))
    with pytest.raises(MailFileOfNobody):
        await alice.do(ImportMail(data=view.data))
    for data in (b"", view.data[:-1], b"LOOMMAIL\x02" + view.data[9:], view.data + b"\0"):
        with pytest.raises(MalformedMessage):
            await bob.do(ImportMail(data=data))
    broken = bytearray(view.data)
    broken[-1] ^= 1
    assert (await bob.do(ImportMail(data=bytes(broken)))).unopened == 1
