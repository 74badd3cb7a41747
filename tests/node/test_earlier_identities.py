"""A machine that was restored with an old number of its words (docs/PROTOCOL.md 1.5)."""

from loom.api.contact_commands import ImportToken, VerifyContact
from loom.core.identity import Identity, seeds_from_phrase
from loom.core.identity_chain import Standing, Statement, follow
from loom.wire.token import encode_token
from tests.node.harness import World, identity_of
from tests.node.test_identity import knows, rotate, words_of


async def test_it_learns_from_a_contact_that_there_is_a_newer_identity(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "before")
    await world.delivered(alice, bob)
    await rotate(alice)
    await rotate(alice)
    await world.until(lambda: knows(bob, alice))
    await alice.stop()
    await bob.restart()

    old = Identity(seeds_from_phrase(words_of(alice), 0))
    restored = await world.person("Alice again", old)
    heard: list[tuple[Statement, ...]] = []
    restored.node.following.on_own = heard.append
    await restored.add(bob)
    await restored.note_address(bob)
    await world.until(lambda: bool(heard), 600)
    outcome = follow(old.token, (), heard[0]).outcome
    assert (outcome.standing, outcome.number) == (Standing.MOVED, 2)
    assert knows(bob, alice)
    assert not bob.is_online(alice)
    assert len(bob.received(alice)) == 3  # what was said, and two lines about the identity


async def test_who_was_given_another_identity_by_hand_is_not_answered_for(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await rotate(alice)
    await world.until(lambda: knows(bob, alice))
    assert [door.known for door in bob.node.former.doors] == [identity_of("Alice").peer_id]
    token = encode_token(identity_of("Somebody else").token)
    await bob.do(ImportToken(token=token, name="Alice", replace=True))
    await bob.do(VerifyContact(contact="Alice", confirm=True))
    assert bob.node.former.doors == []
