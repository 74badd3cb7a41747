"""One paste: both sides have each other (docs/PROTOCOL.md 11), whatever fails in between."""

import random
from pathlib import Path

import msgspec
import pytest

from loom.api.contact_commands import (
    BlockContact,
    ImportToken,
    ListContacts,
    RemoveContact,
    VerifyContact,
)
from loom.api.contact_views import ContactView
from loom.api.events import InviteAnswered, InviteUsed, Warned
from loom.api.invite_commands import ListInvites, MakeInvite, RevokeInvite
from loom.api.invite_views import InviteView
from loom.errors import (
    ContactBlocked,
    InvalidInput,
    InvalidInvite,
    InviteNotFound,
    NameTaken,
    OwnToken,
)
from loom.model import Address
from loom.wire.hints import Hint
from loom.wire.invite import decode_invite, encode_invite
from loom.wire.token import encode_token
from tests.node.disk import Disk, OneThreadDatabase
from tests.node.harness import Person, World, identity_of


async def invited(owner: Person, lifetime_s: int = 86_400) -> str:
    """The text of a new invite."""
    return (await owner.do(MakeInvite(lifetime_s=lifetime_s))).text


async def paste(joiner: Person, text: str, name: str = "") -> ContactView:
    """Use an invite."""
    return await joiner.do(ImportToken(token=text, name=name or "Owner"))


async def contacts(person: Person) -> list[ContactView]:
    """Everybody this person has."""
    return (await person.do(ListContacts())).contacts


async def invites(person: Person) -> list[InviteView]:
    """What became of this person's invites."""
    return (await person.do(ListInvites())).invites


def have_each_other(owner: Person, joiner: Person) -> bool:
    """Both are contacts of each other, and linked as such."""
    if not (owner.is_running and joiner.is_running):
        return False
    known = [one.node.roster.values() for one in (owner, joiner)]
    return all(
        any(device.peer_id == other.identity.peer_id and device.is_linked() for device in devices)
        for devices, other in zip(known, (joiner, owner), strict=True)
    )


@pytest.fixture
async def pair(world: World) -> tuple[Person, Person]:
    """Two who do not know each other."""
    return await world.person("Ada"), await world.person("Bob")


async def test_one_paste_and_both_have_each_other(
    world: World, pair: tuple[Person, Person]
) -> None:
    ada, bob = pair
    view = await paste(bob, await invited(ada), "Ada")
    assert view.joining is not None
    assert view.joining.state == "waiting"
    await world.until(lambda: have_each_other(ada, bob))
    await bob.say(ada, "hello")
    await ada.say(bob, "welcome")
    await world.delivered(ada, bob)
    assert ada.received(bob) == ["hello"]
    assert bob.received(ada) == ["welcome"]
    (of_ada,) = await contacts(bob)
    (of_bob,) = await contacts(ada)
    assert (of_bob.contact, of_bob.display_name, of_bob.verified) == ("Bob", "Bob", False)
    assert (of_ada.display_name, of_ada.joining) == ("Ada", None)
    (used,) = ada.told(InviteUsed)
    assert (used.contact, used.is_new) == ("Bob", True)
    assert [one.contact for one in bob.told(InviteAnswered)] == ["Ada"]
    (invite,) = await invites(ada)
    assert (invite.state, invite.used_by, invite.text) == ("spent", "Bob", "")
    assert not ada.told(Warned)
    assert not bob.told(Warned)


async def test_what_is_said_before_the_answer_arrives_after_it(
    world: World, pair: tuple[Person, Person]
) -> None:
    ada, bob = pair
    text = await invited(ada)
    world.network.partition({ada.host}, {bob.host})
    await paste(bob, text, "Ada")
    await bob.say(ada, "are you there?")
    await world.pass_time(30.0)
    (of_ada,) = await contacts(bob)
    assert of_ada.joining is not None
    assert await contacts(ada) == []
    world.network.heal()
    await world.until(lambda: have_each_other(ada, bob), within_s=400.0)
    await world.delivered(ada, bob)
    assert ada.received(bob) == ["are you there?"]


async def test_a_name_that_is_taken_gets_a_number(world: World) -> None:
    ada, _ = await world.friends("Ada", "Bob")
    other = await world.person("Bob", identity_of("another Bob"))
    await paste(other, await invited(ada))
    await world.until(lambda: have_each_other(ada, other))
    assert [one.contact for one in await contacts(ada)] == ["Bob", "Bob 2"]


async def test_an_invite_is_used_once_and_the_second_use_is_told_once(world: World) -> None:
    ada, bob, eve = [await world.person(name) for name in ("Ada", "Bob", "Eve")]
    text = await invited(ada)
    await paste(bob, text)
    await world.until(lambda: have_each_other(ada, bob))
    for _ in range(2):
        await paste(eve, text)
        await world.until(lambda: eve_is(eve, "spent"))
    assert [one.contact for one in await contacts(ada)] == ["Bob"]
    told = [one for one in ada.told(Warned) if one.code == "invite_reused"]
    assert [one.facts for one in told] == [{"number": 1, "name": "Bob"}]
    (invite,) = await invites(ada)
    assert invite.reuse


def eve_is(person: Person, state: str) -> bool:
    """How far this person's only Join got."""
    (device,) = person.node.roster.values()
    join = person.node.network.joins.of(device.device_id)
    return join is not None and join.state.value == state


async def test_of_two_at_once_one_becomes_a_contact(world: World) -> None:
    ada, bob, eve = [await world.person(name) for name in ("Ada", "Bob", "Eve")]
    text = await invited(ada)
    await paste(bob, text)
    await paste(eve, text)
    await world.until(lambda: have_each_other(ada, bob) or have_each_other(ada, eve))
    winner, loser = (bob, eve) if have_each_other(ada, bob) else (eve, bob)
    await world.until(lambda: eve_is(loser, "spent"))
    assert [one.contact for one in await contacts(ada)] == [winner.name]


async def test_a_revoked_invite_lets_nobody_in(world: World, pair: tuple[Person, Person]) -> None:
    ada, bob = pair
    text = await invited(ada)
    await ada.do(RevokeInvite(invite_id=1))
    await paste(bob, text)
    await world.until(lambda: eve_is(bob, "expired"))
    assert await contacts(ada) == []
    assert not [one for one in ada.told(Warned) if one.code == "invite_reused"]
    with pytest.raises(InviteNotFound):
        await ada.do(RevokeInvite(invite_id=1))


async def test_an_invite_expires_on_both_sides(world: World, pair: tuple[Person, Person]) -> None:
    ada, bob = pair
    text = await invited(ada, lifetime_s=3_600)
    expires_s = decode_invite(text).expires_at_s
    bob.clock.jumped_s = -86_000.0
    ada.clock.jumped_s = expires_s - ada.node.parts.now_s()
    await paste(bob, text)
    await world.until(lambda: eve_is(bob, "expired"))
    assert await contacts(ada) == []
    bob.clock.jumped_s = ada.clock.jumped_s
    with pytest.raises(InvalidInvite):
        await paste(bob, text)
    (invite,) = await invites(ada)
    assert (invite.state, invite.text) == ("expired", "")


async def test_an_invite_that_nobody_answers_in_time_is_over(
    world: World, pair: tuple[Person, Person]
) -> None:
    ada, bob = pair
    text = await invited(ada, lifetime_s=3_600)
    await ada.stop()
    await paste(bob, text)
    await world.pass_time(2 * 3_600.0 + 600.0)
    assert eve_is(bob, "expired")


async def test_ones_own_invite_is_refused(world: World, pair: tuple[Person, Person]) -> None:
    ada, _ = pair
    with pytest.raises(OwnToken):
        await paste(ada, await invited(ada))


async def test_a_contacts_invite_makes_no_second_contact(world: World) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    await paste(bob, await invited(ada))
    await world.delivered(ada, bob)
    await world.until(lambda: not bob.queued(ada))
    assert [one.contact for one in await contacts(ada)] == ["Bob"]
    assert [one.contact for one in await contacts(bob)] == ["Ada"]
    assert (await contacts(bob))[0].joining is None


async def test_who_was_removed_here_comes_back_by_an_invite(world: World) -> None:
    """Their keys still fit at the other side, so the owner knows who it is."""
    ada, bob = await world.friends("Ada", "Bob")
    await bob.do(RemoveContact(contact="Ada"))
    text = await invited(ada)
    await paste(bob, text, "Ada")
    await world.until(lambda: have_each_other(ada, bob))
    await bob.say(ada, "again")
    await world.delivered(ada, bob)
    assert ada.received(bob) == ["again"]
    (used,) = ada.told(InviteUsed)
    assert (used.contact, used.is_new) == ("Bob", False)
    assert (await invites(ada))[0].state == "spent"


async def test_a_blocked_contact_does_not_come_in_by_an_invite(world: World) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    text = await invited(ada)
    await ada.do(BlockContact(contact="Bob"))
    await bob.do(RemoveContact(contact="Ada"))
    await paste(bob, text, "Ada")
    await world.pass_time(60.0)
    assert eve_is(bob, "waiting")
    assert (await invites(ada))[0].state == "open"
    with pytest.raises(ContactBlocked):
        await paste(ada, await invited(bob))


async def test_a_taken_name_here_is_said_before_anything_is_kept(world: World) -> None:
    ada, _ = await world.friends("Ada", "Bob")
    eve = await world.person("Eve")
    text = await invited(eve)
    with pytest.raises(NameTaken):
        await paste(ada, text, "Bob")
    assert len(await contacts(ada)) == 1


async def test_addresses_that_this_machine_must_not_dial_are_left_out(
    world: World, pair: tuple[Person, Person]
) -> None:
    """An invite is made by anybody: it must not choose where this machine connects."""
    ada, bob = pair
    invite = decode_invite(await invited(ada))
    for host in ("127.0.0.1", "169.254.1.1", "::1", bob.host):
        port = bob.node.network.port
        hints = (Hint(Address(host, port)),)
        with pytest.raises(InvalidInvite):
            await paste(bob, encode_invite(msgspec.structs.replace(invite, hints=hints)))
    assert await contacts(bob) == []


async def test_at_most_64_are_open(world: World, pair: tuple[Person, Person]) -> None:
    ada, _ = pair
    for _ in range(64):
        await invited(ada)
    with pytest.raises(InvalidInput):
        await invited(ada)
    await ada.do(RevokeInvite(invite_id=7))
    await invited(ada)


@pytest.mark.parametrize("lifetime_s", [0, 59, 366 * 86_400])
async def test_a_time_that_no_invite_has_is_refused(
    world: World, pair: tuple[Person, Person], lifetime_s: int
) -> None:
    with pytest.raises(InvalidInput):
        await invited(pair[0], lifetime_s=lifetime_s)


async def test_an_address_needs_an_anchor(world: World, pair: tuple[Person, Person]) -> None:
    with pytest.raises(InvalidInput):
        await pair[0].do(MakeInvite(is_address=True))
    with pytest.raises(InvalidInput):
        await pair[0].do(MakeInvite(direct=False))


async def test_an_invite_of_before_a_restart_is_good(
    world: World, pair: tuple[Person, Person]
) -> None:
    ada, bob = pair
    text = await invited(ada)
    await ada.restart()
    await paste(bob, text)
    await world.until(lambda: have_each_other(ada, bob))


# --- whoever dies, wherever ---


@pytest.mark.parametrize("turns", range(0, 60, 2))
@pytest.mark.parametrize("who", ["owner", "joiner"])
async def test_a_death_at_any_step_leaves_one_contact(
    world: World, pair: tuple[Person, Person], who: str, turns: int
) -> None:
    ada, bob = pair
    text = await invited(ada)
    victim = ada if who == "owner" else bob
    await paste(bob, text, "Ada")
    victim.lose_power_in(turns)
    await world.pass_time(5.0)
    victim.heal()
    if not victim.is_running:
        await victim.start()
    await world.until(lambda: have_each_other(ada, bob), within_s=900.0)
    await ada.say(bob, "welcome")
    await world.delivered(ada, bob, within_s=900.0)
    assert [one.contact for one in await contacts(ada)] == ["Bob"]
    assert [one.contact for one in await contacts(bob)] == ["Ada"]
    assert bob.received(ada) == ["welcome"]
    assert not [one for one in ada.told(Warned) if one.code == "invite_reused"]


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_fails_one_of_two_becomes_the_contact(tmp_path: Path, seed: int) -> None:
    """Power cuts of all three and a network that comes and goes, while two use one invite."""
    world = World(tmp_path, seed)
    chance = random.Random(seed)
    ada, *joiners = [await world.person(name) for name in ("Ada", "Bob", "Eve")]
    text = await invited(ada)
    for one in joiners:
        await paste(one, text, "Ada")
    for _ in range(8):
        await world.pass_time(chance.random() * 4.0)
        victim = chance.choice([ada, *joiners])
        match chance.randrange(3):
            case 0:
                await victim.restart()
            case 1:
                victim.lose_power_in(chance.randrange(30))
                await world.pass_time(0.1)
                victim.heal()
                if not victim.is_running:
                    await victim.start()
            case _:
                world.network.partition({ada.host}, {chance.choice(joiners).host})
                await world.pass_time(chance.random() * 8.0)
                world.network.heal()
    await world.until(lambda: any(have_each_other(ada, one) for one in joiners), within_s=900.0)
    winner = next(one for one in joiners if have_each_other(ada, one))
    (loser,) = [one for one in joiners if one is not winner]
    await ada.say(winner, "welcome")
    await world.delivered(ada, winner, within_s=900.0)
    await world.until(lambda: eve_is(loser, "spent"), within_s=900.0)
    assert [one.contact for one in await contacts(ada)] == [winner.name]
    assert winner.received(ada) == ["welcome"]
    await world.close()


async def test_an_owner_that_lost_the_bundle_is_asked_for_another(
    world: World, pair: tuple[Person, Person]
) -> None:
    """As after a restored copy; an open invite refuses nobody."""
    ada, bob = pair
    text = await invited(ada)
    await paste(bob, text, "Ada")
    await world.until(lambda: bob.best_session(ada) is not None)
    began = bob.best_session(ada)
    await ada.crash()
    database = OneThreadDatabase.on(Disk(), ada.path)
    database._writer.db.executescript(
        "DELETE FROM persons; DELETE FROM invite_prekeys;"
        " UPDATE invites SET state = 'open', used_by = NULL, closed_at_s = 0;"
    )
    database.close()
    await ada.start()
    await world.until(lambda: have_each_other(ada, bob), within_s=900.0)
    await bob.say(ada, "hello")
    await world.delivered(ada, bob)
    assert ada.received(bob) == ["hello"]
    assert bob.best_session(ada) != began


async def test_a_second_invite_of_the_same_owner_replaces_the_first(
    world: World, pair: tuple[Person, Person]
) -> None:
    ada, bob = pair
    first = await invited(ada)
    await ada.do(RevokeInvite(invite_id=1))
    await paste(bob, first, "Ada")
    await world.until(lambda: eve_is(bob, "expired"))
    await paste(bob, await invited(ada))
    await world.until(lambda: have_each_other(ada, bob))
    assert [one.contact for one in await contacts(bob)] == ["Ada"]
    assert (await contacts(bob))[0].joining is None


async def test_an_invite_replaces_an_identity_only_when_told_to(
    world: World, pair: tuple[Person, Person]
) -> None:
    """Nothing is brought before the new identity is verified."""
    ada, bob = pair
    old = await world.person("Old Ada", identity_of("Ada before"))
    await bob.do(ImportToken(token=encode_token(old.identity.token), name="Ada"))
    text = await invited(ada)
    with pytest.raises(NameTaken):
        await paste(bob, text, "Ada")
    await bob.do(ImportToken(token=text, name="Ada", replace=True))
    await world.pass_time(30.0)
    assert await contacts(ada) == []
    await bob.do(VerifyContact(contact="Ada", confirm=True))
    await world.until(lambda: have_each_other(ada, bob))
    assert [one.contact for one in await contacts(ada)] == ["Bob"]
