"""One's own name, status and away: changed later, told to every contact, whatever comes first."""

import pytest

from loom.api.contact_commands import (
    BlockContact,
    ListContacts,
    RemoveContact,
    RenameContact,
    ShowContact,
)
from loom.api.events import ContactChanged, ProfileChanged
from loom.api.profile_commands import SetProfile, ShowProfile, Status
from loom.api.profiles import NodeOptions
from loom.errors import InvalidInput, InvalidName, Unreachable
from loom.model import MessageId, OwnProfile
from loom.storage import own_profile
from loom.wire.content import Profile
from tests.node.harness import Person, World


async def told(person: Person, other: Person) -> tuple[str, str, bool]:
    view = await person.do(ShowContact(contact=other.name))
    return view.display_name, view.status, view.away


async def test_a_change_reaches_every_contact_who_is_not_blocked(world: World) -> None:
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    await world.delivered(alice, bob, carol)
    await alice.do(BlockContact(contact="Carol"))
    await alice.do(SetProfile(name="Alicia", status="in the mountains", away=True))
    assert [(one.name, one.invisible) for one in alice.told(ProfileChanged)] == [("Alicia", False)]
    await world.delivered(alice, bob)
    assert await told(bob, alice) == ("Alicia", "in the mountains", True)
    assert await told(carol, alice) == ("Alice", "", False)
    await alice.do(BlockContact(contact="Carol", blocked=False))
    await carol.call(alice)
    await world.delivered(alice, carol)
    assert await told(carol, alice) == ("Alicia", "in the mountains", True)
    await alice.restart()
    own = await alice.do(ShowProfile())
    assert (own.name, own.status, own.away) == ("Alicia", "in the mountains", True)
    assert (await alice.do(Status())).name == "Alicia"
    assert [one.contact for one in (await bob.do(ListContacts())).contacts] == ["Alice", "Carol"]


async def test_the_last_of_many_changes_is_the_only_one_that_waits(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.crash()
    for n in range(50):
        await alice.do(SetProfile(status=f"status {n}"))
    assert alice.queued(bob) == 1
    await bob.start()
    await alice.call(bob)
    await world.delivered(alice, bob, within_s=600)
    assert await told(bob, alice) == ("Alice", "status 49", False)


async def test_a_change_that_was_cut_short_is_told_after_the_restart(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    own = OwnProfile(name="Alicia", number=alice.clock.now_ms(), status="new")
    await alice.database.write(lambda db: own_profile.put(db, own))
    await alice.restart()
    await alice.call(bob)
    await world.delivered(alice, bob)
    assert await told(bob, alice) == ("Alicia", "new", False)
    assert alice.node.parts.profile.value.told == own.number


async def test_profiles_count_by_their_number_in_any_order(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)

    async def send(number: int, name: str, status: str = "", *, away: bool = False) -> None:
        profile = Profile(
            alice.node.parts.new_id(), alice.clock.now_ms(), number, name, status, away
        )
        await put(alice, bob, profile)
        await world.delivered(alice, bob)

    await send(9, "Nine")
    await send(8, "Eight", away=True)
    assert await told(bob, alice) == ("Nine", "", False)
    await send(9, "Nine", "larger")
    await send(9, "Nine", "a smaller one")
    assert await told(bob, alice) == ("Nine", "larger", False)
    before = len(bob.told(ContactChanged))
    await send(10, "Nine", "larger")
    assert len(bob.told(ContactChanged)) == before
    await send(2**53 - 1, "\x1b[31mRed\u202e", "\x07bell\n" * 30)
    assert (await told(bob, alice))[
        0
    ] == "\x1b[31mRed\u202e"  # data, made harmless where it is shown


async def put(person: Person, other: Person, profile: Profile) -> None:
    message_id = MessageId(profile.message_id)
    await person.peer(other).delivery.outbox.add(message_id, profile, lambda db, happened: None)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (SetProfile(name=" "), InvalidName),
        (SetProfile(name="x" * 65), InvalidName),
        (SetProfile(name="\u202eevil"), InvalidName),
        (SetProfile(status="x" * 257), InvalidInput),
        (SetProfile(status="\x1b[2J"), InvalidInput),
        (SetProfile(status="\ud800"), InvalidInput),
    ],
)
async def test_what_could_confuse_contacts_is_not_told(
    world: World, command: SetProfile, error: type[Exception]
) -> None:
    alice = await world.person("Alice")
    with pytest.raises(error):
        await alice.do(command)
    assert (await alice.do(ShowProfile())).status == ""


async def test_nobody_sees_that_somebody_invisible_is_here(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.do(SetProfile(invisible=True))
    await world.until(lambda: not alice.is_online(bob))
    assert not bob.is_online(alice)
    with pytest.raises(Unreachable):
        await alice.call(bob)
    with pytest.raises(InvalidInput):
        await bob.call(alice)
    await alice.say(bob, "are you there?")
    await bob.restart()
    await world.pass_time(600)
    assert not alice.is_online(bob)
    assert bob.received(alice) == []
    assert (await told(alice, bob)) == ("Bob", "", False)
    await bob.do(SetProfile(invisible=False))
    await bob.call(alice)
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["are you there?"]


async def test_somebody_invisible_announces_nothing(world: World) -> None:
    alice, _ = await world.friends("Alice", "Bob")
    await alice.crash()
    alice.options = NodeOptions(mdns=True)
    await alice.start()
    await world.until(lambda: alice.node.network.mdns == "on")
    await alice.do(SetProfile(invisible=True))
    assert alice.node.network.mdns == "off"
    await alice.restart()
    assert alice.node.network.mdns == "off"
    await alice.do(SetProfile(invisible=False))
    await world.until(lambda: alice.node.network.mdns == "on")


async def test_a_contact_whose_name_looks_like_anothers_is_marked(world: World) -> None:
    alice, bob, eve = await world.friends("Alice", "Bob", "Eve")
    await world.delivered(alice, bob, eve)

    async def marks() -> list[tuple[str, str]]:
        found = (await alice.do(ListContacts())).contacts
        return [(one.contact, one.looks_like) for one in found]

    assert await marks() == [("Bob", ""), ("Eve", "")]
    await eve.do(SetProfile(name="Воb"))
    await world.delivered(alice, eve)
    assert await marks() == [("Bob", ""), ("Eve", "Bob")]
    await alice.do(RenameContact(contact="Eve", name="B0b"))
    assert sorted(await marks()) == [("B0b", "Bob"), ("Bob", "B0b")]
    await alice.do(RemoveContact(contact="B0b"))
    assert await marks() == [("Bob", "")]
