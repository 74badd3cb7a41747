"""A machine that was restored with an old number of its words (docs/PROTOCOL.md 1.5)."""

import pytest

from loom.api.contact_commands import ImportToken, VerifyContact
from loom.api.events import IdentityRevoked, LaterIdentityFound
from loom.api.identity_commands import (
    RevokeIdentity,
    RotateIdentity,
    ShowIdentity,
    TakeLaterIdentity,
)
from loom.core.identity import Identity, recovery_key, seeds_from_phrase
from loom.core.identity_chain import chain_envelopes, make_rotation
from loom.errors import InvalidInput, InvalidPhrase, OwnIdentityRevoked
from loom.node.mail import Incoming
from loom.wire.token import encode_token
from tests.node.harness import Person, World, identity_of
from tests.node.test_identity import knows, rotate, words_of


async def gone_over_twice(world: World) -> tuple[Person, Person]:
    """Alice, whose machine is lost, and Bob, who knows her third identity."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "before")
    await world.delivered(alice, bob)
    await rotate(alice)
    await rotate(alice)
    await world.until(lambda: knows(bob, alice))
    await alice.stop()
    await bob.restart()
    return alice, bob


async def restored(world: World, alice: Person, bob: Person, number: int = 0) -> Person:
    """Of the 24 words, with the number that was written down; they have added Bob."""
    old = Identity(seeds_from_phrase(words_of(alice), number))
    again = await world.person("Alice again", old)
    again.name = "Alice"  # as Bob calls her
    await again.add(bob)
    await again.note_address(bob)
    return again


async def test_it_goes_on_as_the_newest_identity_that_a_contact_knows(world: World) -> None:
    alice, bob = await gone_over_twice(world)
    again = await restored(world, alice, bob)
    await world.until(lambda: bool(again.told(LaterIdentityFound)), 600)
    assert [(one.number, one.forked) for one in again.told(LaterIdentityFound)] == [(2, False)]
    await again.restart()  # it is kept
    assert (await again.do(ShowIdentity())).later == 2
    with pytest.raises(InvalidPhrase):
        await again.do(TakeLaterIdentity(phrase=words_of(bob)))

    view = await again.do(TakeLaterIdentity(phrase=words_of(alice)))
    assert (view.number, view.later, view.untold) == (2, None, 1)
    again.identity = again.node.parts.identity
    assert again.identity.peer_id == alice.identity.peer_id
    await again.say(bob, "I am back")
    await bob.say(again, "so you are")
    await world.delivered(again, bob, within_s=900)
    assert [one for one in bob.received(again) if one] == ["before", "I am back"]
    assert again.received(bob) == ["so you are"]
    assert (await again.do(ShowIdentity())).untold == 0
    with pytest.raises(InvalidInput):
        await again.do(TakeLaterIdentity(phrase=words_of(alice)))


async def test_new_keys_come_after_the_newest_that_a_contact_knows(world: World) -> None:
    """The owner rotates instead: who follows the newest one follows on."""
    alice, bob = await gone_over_twice(world)
    again = await restored(world, alice, bob)
    await world.until(lambda: bool(again.told(LaterIdentityFound)), 600)
    await again.do(RotateIdentity(phrase=words_of(alice)))
    again.identity = again.node.parts.identity
    assert again.identity.number == 3
    await world.until(lambda: knows(bob, again), 900)
    await bob.say(again, "and who is that?")
    await world.delivered(again, bob, within_s=900)
    assert again.received(bob) == ["and who is that?"]


@pytest.mark.parametrize("is_later", [False, True])
async def test_it_learns_who_of_its_contacts_has_another_identity_since(
    world: World, is_later: bool
) -> None:
    """It knows Bob as who he was, though the lost machine had followed him."""
    alice, bob = await world.friends("Alice", "Bob")
    before = bob.identity
    if is_later:
        await rotate(alice)
        await world.until(lambda: knows(bob, alice))
    await rotate(bob)
    await world.until(lambda: knows(alice, bob) and alice.is_online(bob))
    assert (await bob.do(ShowIdentity())).untold == 0
    await alice.stop()
    await bob.restart()
    again = await world.person("Alice again", Identity(seeds_from_phrase(words_of(alice), 0)))
    again.name, bob.identity = "Alice", before
    await again.add(bob)
    await again.note_address(bob)
    bob.identity = bob.node.parts.identity
    await world.until(lambda: knows(again, bob), 900)
    if is_later:
        await world.until(lambda: bool(again.told(LaterIdentityFound)), 900)
        await again.do(TakeLaterIdentity(phrase=words_of(alice)))
        again.identity = again.node.parts.identity
    await again.say(bob, "I am back")
    await world.delivered(again, bob, within_s=900)
    assert bob.received(again)[-1] == "I am back"


async def test_it_learns_that_the_identity_was_revoked(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await rotate(alice)
    await alice.do(RevokeIdentity(phrase=words_of(alice)))
    await world.until(lambda: bob.peer(alice).person.revoked, 600)
    await alice.stop()
    again = await restored(world, alice, bob)
    await world.until(lambda: bool(again.told(IdentityRevoked)), 900)
    assert (await again.do(ShowIdentity())).revoked
    with pytest.raises(OwnIdentityRevoked):
        await again.say(bob, "hello?")


async def test_a_contradiction_is_said(world: World) -> None:
    alice, bob = await gone_over_twice(world)
    again = await restored(world, alice, bob)
    words = words_of(alice)
    thief = Identity(seeds_from_phrase(words, 9))
    old = Identity(seeds_from_phrase(words, 0))
    rival = make_rotation(recovery_key(words), old.card, thief.card, 1)
    await world.until(lambda: bool(again.told(LaterIdentityFound)), 600)
    [envelope] = chain_envelopes([rival], old.peer_id)
    await again.node.following.put(again.peer(bob).number, Incoming(envelope))
    assert [one.forked for one in again.told(LaterIdentityFound)] == [False, True]
    view = await again.do(ShowIdentity())
    assert (view.forked, view.later) == (True, None)
    with pytest.raises(InvalidInput):
        await again.do(TakeLaterIdentity(phrase=words))


async def test_who_was_given_another_identity_by_hand_is_not_answered_for(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await rotate(alice)
    await world.until(lambda: knows(bob, alice))
    assert [door.theirs for door in bob.node.former.doors] == [identity_of("Alice").peer_id]
    token = encode_token(identity_of("Somebody else").token)
    await bob.do(ImportToken(token=token, name="Alice", replace=True))
    await bob.do(VerifyContact(contact="Alice", confirm=True))
    assert bob.node.former.doors == []


async def thief_says(alice: Person, bob: Person, number: int, made_of: int) -> None:
    """Bob brings Alice a rotation by somebody who has her words."""
    words = words_of(alice)
    other = Identity(seeds_from_phrase(words, made_of))
    thief = make_rotation(recovery_key(words), alice.identity.card, other.card, number)
    [envelope] = chain_envelopes([thief], alice.identity.peer_id)
    await alice.node.following.put(alice.peer(bob).number, Incoming(envelope))


async def test_a_thief_with_the_words_who_took_the_last_number_can_be_revoked(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    words, last = words_of(alice), (1 << 32) - 1
    await thief_says(alice, bob, last, last)
    with pytest.raises(InvalidInput, match="revoke"):
        await alice.do(RotateIdentity(phrase=words))
    assert (await alice.do(RevokeIdentity(phrase=words))).revoked
    await world.until(lambda: bob.node.roster.named("Alice").person.revoked, 900)


async def test_a_later_identity_that_its_number_does_not_make_is_not_taken(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    words, before = words_of(alice), alice.identity.peer_id
    await thief_says(alice, bob, 3, 7)
    with pytest.raises(InvalidInput, match="revoke"):
        await alice.do(TakeLaterIdentity(phrase=words))
    assert alice.node.parts.identity.peer_id == before
    assert (await alice.do(RotateIdentity(phrase=words))).number == 4
    assert (await alice.do(RevokeIdentity(phrase=words))).revoked
    await world.until(lambda: bob.node.roster.named("Alice").person.revoked, 900)
