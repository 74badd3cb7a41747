"""A revocation reaches a contact, whatever came before it (docs/PROTOCOL.md 1.5)."""

import random

import pytest

from loom.api.contact_commands import ImportToken, VerifyContact
from loom.api.conversation_commands import SetPreferences
from loom.api.events import IdentityNoted
from loom.api.identity_commands import RevokeIdentity, ShowIdentity
from loom.core.identity import Identity, recovery_key, seeds_from_phrase
from loom.core.identity_chain import Statement, chain_envelopes, make_rotation
from loom.errors import Unreachable
from loom.node.device import Device
from loom.node.identity.following import Following
from loom.node.mail import Incoming
from loom.wire.token import encode_token
from tests.node.harness import Person, World, identity_of
from tests.node.test_identity import knows, reopen, rotate, words_of
from tests.node.test_mail import apart

STEPS = 6
WITHIN_S = 1_200
PAUSES_S = (0.0, 0.001, 0.01, 0.1, 1.0, 59.9, 61.0, 400.0)
WHAT = ("rotate", "rotate", "his", "verify", "fork", "hers starts", "his starts", "cut", "part")


def as_known(person: Person, other: Person) -> Device:
    """The other, whichever identity of theirs is known."""
    return person.node.roster.named(other.name)


async def restart(person: Person) -> None:
    await person.crash()
    reopen(person)
    await person.start()


async def happen(world: World, what: str, alice: Person, bob: Person) -> None:
    """One of the things that may come before a revocation."""
    match what:
        case "rotate":
            await rotate(alice)
        case "his":
            await rotate(bob)
        case "verify":
            await bob.do(VerifyContact(contact="Alice", confirm=True))
        case "fork":
            words, old = words_of(alice), identity_of("Alice")
            thief = Identity(seeds_from_phrase(words, 99))
            rotation = make_rotation(recovery_key(words), old.card, thief.card, 1)
            [envelope] = chain_envelopes([rotation], old.peer_id)
            bob.node.following.put(as_known(bob, alice).number, Incoming(envelope))
        case "hers starts":
            await restart(alice)
        case "his starts":
            await restart(bob)
        case _:
            if what == "part":
                world.network.partition({alice.host}, {bob.host})
            world.network.cut(alice.host)
            await world.pass_time(30 if what == "part" else 0)
            world.network.heal()


@pytest.mark.parametrize("seed", range(16))
async def test_it_gets_through_whatever_came_before(world: World, seed: int) -> None:
    chance = random.Random(seed)
    alice, bob = await world.friends("Alice", "Bob")
    if chance.random() < 0.75:
        await bob.do(SetPreferences(verify_first=True))
    steps = []
    for _ in range(chance.randrange(1, STEPS)):
        steps.append((chance.choice(WHAT), chance.choice(PAUSES_S)))
        await happen(world, steps[-1][0], alice, bob)
        await world.pass_time(steps[-1][1])
    await alice.do(RevokeIdentity(phrase=words_of(alice)))
    if chance.random() < 0.5:
        await world.pass_time(chance.choice(PAUSES_S[:4]))
        await restart(chance.choice([alice, bob]))
    await world.pass_time(WITHIN_S)
    assert as_known(bob, alice).person.revoked, steps


async def test_it_reaches_who_waits_and_has_another_identity_themselves(world: World) -> None:
    """Alice knows Bob's identity of before alone: he tells her no later one until he verifies."""
    alice, bob = await world.friends("Alice", "Bob")
    await bob.do(SetPreferences(verify_first=True))
    await rotate(alice)
    await world.until(lambda: knows(bob, alice))
    await rotate(bob)
    await world.pass_time(400)
    assert not knows(alice, bob)
    await alice.do(RevokeIdentity(phrase=words_of(alice)))
    await world.until(lambda: as_known(bob, alice).person.revoked, WITHIN_S)


async def test_who_speaks_while_it_is_stored_is_still_told_after_a_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That Bob knows the identity until now says nothing of what is stored this moment."""
    alice, bob = await world.friends("Alice", "Bob")
    await bob.stop()
    await rotate(alice)
    former, number = alice.node.former, as_known(alice, bob).number
    monkeypatch.setattr(alice.disk, "after_commit", lambda: former.knows(number))
    await alice.do(RevokeIdentity(phrase=words_of(alice)))
    await world.pass_time(1)
    monkeypatch.undo()
    await restart(alice)
    assert (await alice.do(ShowIdentity())).untold == 1


@pytest.mark.parametrize("is_ended", [True, False])
async def test_what_lies_in_a_mailbox_keeps_back_nothing_newer(
    world: World, is_ended: bool
) -> None:
    alice, bob, _ = await apart(world)
    await world.pass_time(60)
    await bob.stop()
    await rotate(alice)
    await world.pass_time(3_600)
    if is_ended:
        await alice.do(RevokeIdentity(phrase=words_of(alice)))
    else:
        await rotate(alice)
    await world.pass_time(3_600)
    await bob.start()
    await world.until(
        lambda: as_known(bob, alice).person.revoked if is_ended else knows(bob, alice), 3_600
    )


async def test_who_was_given_a_new_token_by_hand_is_told(world: World) -> None:
    """They may know an identity of the owner's that is older than the change."""
    alice, cyd = await world.friends("Alice", "Cyd")
    old = identity_of("Alice")
    await rotate(alice)
    await world.until(lambda: knows(cyd, alice) and cyd.is_online(alice))
    assert (await alice.do(ShowIdentity())).untold == 0
    await cyd.stop()
    again = await world.person("Cyd again")
    await again.do(ImportToken(token=encode_token(old.token), name="Alice"))
    token = encode_token(again.identity.token)
    await alice.do(ImportToken(token=token, name="Cyd", replace=True))
    assert (await alice.do(ShowIdentity())).untold == 1
    await alice.do(VerifyContact(contact="Cyd", confirm=True))
    again.name = "Cyd"
    with pytest.raises(Unreachable):
        await alice.call(again)  # who knows nobody of these keys, and is dialled with the old ones
    await world.until(lambda: knows(again, alice), 600)
    await alice.say(again, "hello")
    await world.delivered(alice, again, within_s=600)
    assert (await alice.do(ShowIdentity())).untold == 0


async def test_what_fails_with_one_envelope_holds_up_no_later_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    held = Following._held
    failures = [RuntimeError("a fault of this program")]

    async def fails_once(self: Following, number: int) -> tuple[Statement, ...]:
        if failures:
            raise failures.pop()
        return await held(self, number)  # type: ignore[arg-type]

    monkeypatch.setattr(Following, "_held", fails_once)
    await rotate(alice)
    await world.until(lambda: not failures)
    await world.until(lambda: knows(bob, alice), 900)


@pytest.mark.parametrize("by_mail", [True, False])
async def test_what_a_contact_of_two_identities_writes_comes_once_they_are_verified(
    world: World, by_mail: bool
) -> None:
    """It is not taken in before, and nothing of it is lost."""
    if by_mail:
        alice, bob, _ = await apart(world)
    else:
        alice, bob = await world.friends("Alice", "Bob")
    await world.pass_time(60)
    words, old = words_of(alice), alice.identity
    recovery = recovery_key(words)
    others = [Identity(seeds_from_phrase(words, number)) for number in (98, 99)]
    both = [make_rotation(recovery, old.card, one.card, 1) for one in others]
    [envelope] = chain_envelopes(both, old.peer_id)
    await bob.node.following.put(as_known(bob, alice).number, Incoming(envelope))
    assert as_known(bob, alice).person.forked
    told = [one.kind for one in bob.told(IdentityNoted)]
    assert told[-1] == "identity_forked"
    await alice.say(bob, "is this thing on?")
    await world.pass_time(600)
    assert "is this thing on?" not in bob.received(alice)
    await bob.do(VerifyContact(contact="Alice", confirm=True))
    await world.until(lambda: "is this thing on?" in bob.received(alice), 6 * 3_600)
