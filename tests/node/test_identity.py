"""The owner goes over to another identity, and contacts follow (docs/PROTOCOL.md 1.5)."""

import asyncio
import random

import msgspec
import pytest

from loom.api.anchor_commands import ListAnchors
from loom.api.contact_commands import BlockContact, RemoveContact, ShowContact, VerifyContact
from loom.api.conversation_commands import SetPreferences
from loom.api.events import FarewellAsked, IdentityNoted, IdentityRotated, MessageFailed, Warned
from loom.api.identity_commands import RevokeIdentity, RotateIdentity, ShowIdentity
from loom.api.invite_commands import ListInvites, MakeInvite
from loom.api.message_commands import SendText
from loom.core.identity import (
    Identity,
    IdentitySeeds,
    phrase_from_entropy,
    recovery_key,
    seeds_from_phrase,
)
from loom.core.identity_chain import chain_envelopes, make_rotation
from loom.core.queues import derive_account_keys
from loom.errors import (
    ContactRevoked,
    IdentityChanged,
    InvalidPhrase,
    OwnIdentityRevoked,
    Unreachable,
)
from loom.node.device import Device
from loom.node.mail import Incoming
from loom.node.message_view import IDENTITY_KINDS
from loom.storage import anchors, messages, settings
from loom.wire.limits import OLD_IDENTITY_ANSWERS_S
from loom.wire.requests import Pair
from tests.node.disk import Disk, OneThreadDatabase
from tests.node.harness import Person, World
from tests.node.test_mail import apart
from tests.node.test_mail_attacks import one_anchor
from tests.node.test_mail_cases import each_an_anchor


def words_of(person: Person) -> str:
    return phrase_from_entropy(random.Random(person.name).randbytes(32))


async def rotate(person: Person) -> None:
    await person.do(RotateIdentity(phrase=words_of(person)))
    person.identity = person.node.parts.identity


def knows(person: Person, other: Person) -> bool:
    """Whether it has followed the other to the identity of now."""
    known = [one.person.peer_id for one in person.node.roster.values()]
    return other.identity.peer_id in known


def reopen(person: Person, *, running: bool = False) -> None:
    """Take the identity that is stored, as a profile does that is opened."""
    if running:
        person.identity = person.node.parts.identity
        return
    database = OneThreadDatabase.on(Disk(), person.path)
    stored = database.read_now(lambda db: settings.get(db, "identity"))
    database.close()
    if stored is not None:
        person.identity = Identity(msgspec.msgpack.decode(stored, type=IdentitySeeds))


def kinds_stored(person: Person, other: Person) -> list[str]:
    number = person.peer(other).conversation_id
    found = person.database.look(lambda db: messages.page(db, number, 1_000))
    return [IDENTITY_KINDS[one.kind] for one in found if one.kind in IDENTITY_KINDS]


def kinds(person: Person) -> list[str]:
    return [one.kind for one in person.told(IdentityNoted)]


async def test_a_contact_follows_and_both_go_on_talking(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "before")
    await world.delivered(alice, bob)
    await bob.do(VerifyContact(contact="Alice", confirm=True))
    before = alice.identity.peer_id

    await rotate(alice)
    await world.until(lambda: knows(bob, alice) and bob.is_online(alice))
    await alice.say(bob, "after")
    await bob.say(alice, "I see")
    await world.delivered(alice, bob)

    assert bob.received(alice) == ["before", "", "after"]  # with the line about the identity
    assert alice.received(bob) == ["I see"]
    assert alice.identity.peer_id != before
    assert kinds(bob) == ["identity_moved"]
    view = await bob.do(ShowContact(contact="Alice"))
    assert (view.verified, view.identity_changed) == (False, False)
    own = await alice.do(ShowIdentity())
    assert (own.number, own.untold, own.revoked) == (1, 0, False)
    assert [one.number for one in alice.told(IdentityRotated)] == [1]


async def test_nothing_in_flight_is_lost_or_doubled(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    said = [f"{n}" for n in range(40)]
    for n, text in enumerate(said):
        await alice.do(SendText(contact="Bob", body=f"a{text}"))
        await bob.do(SendText(contact="Alice", body=f"b{text}"))
        if n in (10, 11, 25):
            await rotate(alice)
        if n == 25:
            await rotate(bob)
    await world.until(lambda: knows(bob, alice) and knows(alice, bob))
    await world.delivered(alice, bob)
    assert [one for one in bob.received(alice) if one] == [f"a{one}" for one in said]
    assert [one for one in alice.received(bob) if one] == [f"b{one}" for one in said]


async def test_who_was_away_is_told_when_they_come(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await bob.stop()
    await alice.say(bob, "while you are away")
    await rotate(alice)
    await rotate(alice)
    await alice.restart()
    await bob.start()
    await world.until(lambda: knows(bob, alice))
    await bob.say(alice, "back")
    await world.delivered(alice, bob)
    assert [one for one in bob.received(alice) if one] == ["while you are away"]
    assert alice.received(bob) == ["back"]
    assert (await alice.do(ShowIdentity())).untold == 0


async def test_both_rotate_while_apart(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await bob.stop()
    await rotate(alice)
    await alice.stop()
    await bob.start()
    await rotate(bob)
    await alice.start()
    await world.until(lambda: knows(bob, alice) and knows(alice, bob))
    await alice.say(bob, "hello")
    await world.delivered(alice, bob)
    assert [one for one in bob.received(alice) if one] == ["hello"]


async def test_nothing_is_sent_to_who_is_revoked(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await alice.do(RevokeIdentity(phrase=words_of(alice)))
    await world.until(lambda: kinds(bob) == ["identity_revoked"])
    with pytest.raises(ContactRevoked):
        await bob.say(alice, "are you there?")
    with pytest.raises(ContactRevoked):
        await bob.do(VerifyContact(contact="Alice", confirm=True))
    with pytest.raises(OwnIdentityRevoked):
        await alice.say(bob, "yes")
    with pytest.raises(OwnIdentityRevoked):
        await rotate(alice)
    await world.pass_time(600)
    assert not bob.is_online(alice)
    assert (await bob.do(ShowContact(contact="Alice"))).revoked
    await alice.restart()
    await bob.restart()
    await world.pass_time(60)
    assert not bob.is_online(alice)
    assert (await alice.do(ShowIdentity())).revoked


async def test_what_waits_for_who_is_revoked_fails(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.stop()
    await bob.say(alice, "waits")
    await alice.start()
    world.mute(alice, bob)
    await alice.do(RevokeIdentity(phrase=words_of(alice)))
    await world.until(lambda: kinds(bob) == ["identity_revoked"], 600)
    reasons = [one.reason for one in bob.told(MessageFailed)]
    assert reasons in ([], ["revoked"])
    assert bob.queued(alice) == 0


async def test_wrong_words_change_nothing(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    for command in (RotateIdentity, RevokeIdentity):
        with pytest.raises(InvalidPhrase):
            await alice.do(command(phrase=words_of(bob)))
    assert (await alice.do(ShowIdentity())).number == 0
    await alice.say(bob, "still me")
    await world.delivered(alice, bob)


async def test_invites_of_before_are_revoked(world: World) -> None:
    alice, _ = await world.friends("Alice", "Bob")
    await alice.do(MakeInvite(lifetime_s=3_600))
    await rotate(alice)
    assert [one.state for one in (await alice.do(ListInvites())).invites] == ["revoked"]


@pytest.mark.parametrize("contact", [None, "Alice"])
async def test_a_new_identity_waits_until_it_is_verified_if_one_wants(
    world: World, contact: str | None
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await bob.do(SetPreferences(contact=contact, verify_first=True))
    await rotate(alice)
    await world.until(lambda: knows(bob, alice))
    with pytest.raises(IdentityChanged):
        await bob.say(alice, "who are you?")
    assert (await bob.do(ShowContact(contact="Alice"))).is_held
    await bob.restart()
    assert (await bob.do(ShowContact(contact="Alice"))).is_held
    await bob.do(VerifyContact(contact="Alice", confirm=True))
    assert not (await bob.do(ShowContact(contact="Alice"))).is_held
    await bob.say(alice, "it is you")
    await world.delivered(alice, bob)


async def test_two_that_follow_one_are_shown_and_neither_is_followed(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    words = words_of(alice)
    other = Identity(seeds_from_phrase(words, 7))
    thief = make_rotation(recovery_key(words), alice.identity.card, other.card, 1)
    await rotate(alice)
    await world.until(lambda: knows(bob, alice))
    [envelope] = chain_envelopes([thief], other.peer_id)
    await bob.node.following.put(bob.peer(alice).number, Incoming(envelope))
    assert kinds(bob) == ["identity_moved", "identity_forked"]
    assert knows(bob, alice)
    with pytest.raises(IdentityChanged):
        await bob.say(alice, "which?")
    assert (await bob.do(ShowContact(contact="Alice"))).forked


@pytest.mark.parametrize("who", ["who was followed", "who was not"])
async def test_a_revocation_reaches_where_two_are_shown(world: World, who: str) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    words = words_of(alice)
    other = Identity(seeds_from_phrase(words, 7))
    thief = make_rotation(recovery_key(words), alice.identity.card, other.card, 1)
    [envelope] = chain_envelopes([thief], other.peer_id)

    def her() -> Device:
        """As Bob knows her, which identity it may be."""
        return bob.node.roster.named("Alice")

    if who == "who was followed":
        await rotate(alice)
        await world.until(lambda: knows(bob, alice))
    await bob.node.following.put(her().number, Incoming(envelope))
    if who == "who was not":
        await rotate(alice)
    await world.until(lambda: her().person.forked, 900)
    await bob.restart()
    await world.pass_time(120)

    await alice.do(RevokeIdentity(phrase=words))
    await world.until(lambda: her().person.revoked, 900)
    assert kinds(bob)[-1] == "identity_revoked"


async def test_a_revocation_reaches_who_waits_until_they_verify(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await bob.do(SetPreferences(verify_first=True))
    await rotate(alice)
    await world.until(lambda: knows(bob, alice))
    await world.pass_time(120)
    await alice.do(RevokeIdentity(phrase=words_of(alice)))
    await world.until(lambda: bob.peer(alice).person.revoked, 900)


async def test_a_blocked_contact_is_told_once_they_are_unblocked(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(BlockContact(contact="Bob"))
    await rotate(alice)
    await world.pass_time(120)
    assert not knows(bob, alice)
    await alice.do(BlockContact(contact="Bob", blocked=False))
    await world.until(lambda: knows(bob, alice), 600)


async def test_the_key_of_before_is_deleted_after_90_days(world: World) -> None:
    """Though everybody was told long before."""
    alice, bob = await world.friends("Alice", "Bob")
    await rotate(alice)
    await world.until(lambda: knows(bob, alice) and bob.is_online(alice))
    assert (await alice.do(ShowIdentity())).untold == 0
    alice.clock.jumped_s += OLD_IDENTITY_ANSWERS_S
    await world.pass_time(1_200)
    rows = "SELECT length(x25519_seed) FROM old_identities"
    assert alice.database.look(lambda db: db.execute(rows).fetchall()) == [(0,)]


@pytest.mark.parametrize("commit", [1, 2, 3, 4])
@pytest.mark.parametrize("when", ["power_lost_before", "power_lost_after"])
@pytest.mark.parametrize("whose", ["hers", "his"])
async def test_power_is_lost_at_each_commit(
    world: World, whose: str, when: str, commit: int
) -> None:
    """Of the one who goes over, or of the one who follows."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "one")
    await world.delivered(alice, bob)
    victim = alice if whose == "hers" else bob
    setattr(victim.disk, when, victim.disk.commits + commit)
    asking = asyncio.create_task(alice.do(RotateIdentity(phrase=words_of(alice))))
    await world.pass_time(20)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    victim.disk.heal()
    for one in (alice, bob):
        if not one.is_running:
            await one.bury()
            reopen(one)
            await one.start()
    reopen(alice, running=True)
    if alice.identity.number == 0:
        await rotate(alice)
    await world.until(lambda: knows(bob, alice), 900)
    await alice.say(bob, "two")
    await bob.say(alice, "three")
    await world.delivered(alice, bob, within_s=900)
    assert [one for one in bob.received(alice) if one] == ["one", "two"]
    assert alice.received(bob) == ["three"]
    assert kinds_stored(bob, alice) == ["identity_moved"]


def accounts_of(person: Person) -> list[tuple[int, bool, bool]]:
    """By number: whether it is used, and whether it was replaced."""
    found = person.database.look(anchors.every)
    return [(one.anchor_id, one.is_used, one.is_replaced) for one in found]


@pytest.mark.parametrize("setting", ["her account", "an account each"])
async def test_the_account_at_an_anchor_is_replaced(world: World, setting: str) -> None:
    """Who had the keys of before may have those of the account, too."""
    if setting == "her account":
        alice, bob, anchor = await apart(world)
    else:
        alice, bob, anchor, _ = await each_an_anchor(world)
    await world.pass_time(60)
    [before] = alice.node.network.anchors.accounts.values()
    await bob.stop()
    await rotate(alice)
    await world.until(lambda: [one[1:] for one in accounts_of(alice)] != [(True, False)])
    await world.pass_time(600)
    assert accounts_of(alice) == [(1, False, True), (2, True, False)]  # Bob reads there
    await alice.restart()
    await bob.start()
    await world.until(lambda: knows(bob, alice), 3_600)
    await bob.say(alice, "I see")
    await alice.say(bob, "a new mailbox")
    await world.delivered(alice, bob, within_s=6 * 3_600)
    await world.until(lambda: accounts_of(alice) == [(2, True, False)], 6 * 3_600)
    assert alice.received(bob) == ["I see"]
    keys = derive_account_keys(before.anchor.account)
    assert keys.tag not in [one.keys.tag for one in anchor.anchor._service.accounts.values()]
    [view] = (await alice.do(ListAnchors())).anchors
    assert (view.anchor_id, view.up) == (2, True)


async def test_an_account_is_replaced_once_its_anchor_answers(world: World) -> None:
    alice, bob, anchor = await apart(world)
    await world.pass_time(60)
    await anchor.stop()
    await rotate(alice)
    await rotate(alice)
    await world.pass_time(600)
    await alice.restart()
    assert [one[1:] for one in accounts_of(alice)] == [
        (True, False),
        (False, False),
        (False, False),
    ]
    await anchor.start()
    await world.until(lambda: knows(bob, alice), 3_600)
    await world.until(lambda: accounts_of(alice) == [(3, True, False)], 6 * 3_600)
    await bob.say(alice, "found you")
    await world.delivered(bob, alice, within_s=6 * 3_600)
    assert alice.received(bob) == ["found you"]


async def test_an_account_that_somebody_else_replaced_is_kept_and_said(world: World) -> None:
    alice, _, _ = await apart(world)
    await world.pass_time(60)
    [account] = alice.node.network.anchors.accounts.values()
    assert account.line.link is not None
    thief = derive_account_keys(bytes(32))
    await account.line.link.ask(Pair(thief.tag, thief.link))
    await rotate(alice)
    await world.until(lambda: "account_not_renewed" in [one.code for one in alice.told(Warned)])
    assert accounts_of(alice) == [(1, True, False)]
    assert (await alice.do(ListAnchors())).anchors[0].warning == "account_not_renewed"


@pytest.mark.parametrize("setting", ["her account", "his account", "an account each"])
@pytest.mark.parametrize("is_asleep", [False, True])
async def test_whom_no_link_reaches_is_told_by_mail(
    world: World, setting: str, is_asleep: bool
) -> None:
    if setting == "her account":
        alice, bob, _ = await apart(world)
    elif setting == "his account":
        alice, bob, _ = await one_anchor(world)
    else:
        alice, bob, _, _ = await each_an_anchor(world)
    await world.pass_time(60)
    if is_asleep:
        await bob.stop()
    await alice.say(bob, "before")
    await rotate(alice)
    await alice.say(bob, "after")
    if is_asleep:
        await world.pass_time(3_600)
        await bob.start()
    await world.until(lambda: knows(bob, alice), 3_600)
    await bob.say(alice, "I see")
    await world.delivered(alice, bob, within_s=6 * 3_600)
    assert [one for one in bob.received(alice) if one] == ["before", "after"]
    assert alice.received(bob) == ["I see"]
    assert (await alice.do(ShowIdentity())).untold == 0


@pytest.mark.parametrize("who", ["who leaves", "who is left"])
async def test_a_farewell_that_waits_gets_through_a_rotation(world: World, who: str) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "before")
    await world.delivered(alice, bob)
    await bob.stop()
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    if who == "who leaves":
        await rotate(alice)
        await bob.start()
    else:
        await alice.stop()
        await bob.start()
        await rotate(bob)
        await alice.start()
    await world.until(lambda: bool(bob.told(FarewellAsked)), 3_600)


async def test_what_was_not_told_yet_is_told_to_who_is_removed(world: World) -> None:
    """Else the farewell of the new identity would reach nobody."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "before")
    await world.delivered(alice, bob)
    await bob.stop()
    await rotate(alice)
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    await alice.restart()
    await bob.start()
    await world.until(lambda: bool(bob.told(FarewellAsked)), 3_600)


async def test_who_is_added_later_and_knows_an_old_token_only_is_told(world: World) -> None:
    alice, cyd = await world.person("Alice"), await world.person("Cyd")
    await cyd.add(alice)  # her token of before
    await rotate(alice)
    await rotate(alice)
    await alice.add(cyd)
    with pytest.raises(Unreachable):
        await alice.call(cyd)  # who knows nobody of these keys, and is dialled with the old ones
    await world.until(lambda: knows(cyd, alice), 900)
    await cyd.say(alice, "hello")
    await world.delivered(cyd, alice, within_s=900)
    assert (await alice.do(ShowIdentity())).untold == 0


async def test_nobody_is_told_of_it_after_90_days(world: World) -> None:
    alice, cyd = await world.person("Alice"), await world.person("Cyd")
    await cyd.add(alice)
    await rotate(alice)
    for one in (alice, cyd):
        one.clock.jumped_s += OLD_IDENTITY_ANSWERS_S
    await alice.add(cyd)
    with pytest.raises(Unreachable):
        await alice.call(cyd)
    assert (await alice.do(ShowIdentity())).untold == 0
    await world.pass_time(900)
    assert not knows(cyd, alice)


async def test_two_rotations_at_once_are_two(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await asyncio.gather(
        *(alice.do(RotateIdentity(phrase=words_of(alice))) for _ in range(2)),
        alice.do(SendText(contact="Bob", body="meanwhile")),
    )
    alice.identity = alice.node.parts.identity
    assert alice.identity.number == 2
    await world.until(lambda: knows(bob, alice), 900)
    await world.delivered(alice, bob, within_s=900)
    assert [one for one in bob.received(alice) if one] == ["meanwhile"]
