"""People between whom no link stands talk through anchors: once, in order, whatever happens."""

import pytest

from loom.api.anchor_commands import ListAnchors, UseAnchor
from loom.api.contact_commands import BlockContact, ListPeers, ShowContact
from loom.api.contact_views import ReachView
from loom.api.conversation_commands import SetPreferences
from loom.api.events import MessageSent, ReachChanged
from loom.api.message_commands import ShowDelivery
from loom.api.profile_commands import SetProfile, Status
from loom.api.profiles import NodeOptions
from loom.core.delivery.mailing import RECEIPT_HELD_MAX_S, RECEIPT_HELD_MIN_S
from loom.errors import AnchorKnown
from loom.node.anchors.anchors import Anchors
from loom.node.device import Device
from loom.node.hearing import HEARD_S
from loom.node.presence import CHECK_S
from loom.wire.requests import Subscribe
from tests.node.anchor_machine import PORT, AnchorMachine
from tests.node.harness import Person, World

HOUR_S = 3_600
DAY_S = 86_400


def wall(world: World, one: Person, other: Person) -> None:
    """Nothing passes between these two from now on."""
    world.network.partition({one.host}, {other.host})
    world.network.cut(one.host)


async def apart(world: World, *, both: bool = False) -> tuple[Person, Person, AnchorMachine]:
    """Alice has an account at an anchor; she and Bob met once, and a wall is between them now."""
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await anchor.serve(alice)
    if both:
        await anchor.serve(bob)
    await world.until(lambda: bool(bob.peer(alice).mailer.mailboxes))
    await world.delivered(alice, bob)
    wall(world, alice, bob)
    await world.until(lambda: not alice.is_online(bob) and not bob.is_online(alice))
    return alice, bob, anchor


async def test_two_behind_walls_talk_both_ways_through_one_anchor(world: World) -> None:
    alice, bob, _ = await apart(world)
    await bob.say(alice, "hello from the guest")
    await world.until(lambda: alice.received(bob) == ["hello from the guest"], within_s=30)
    await alice.say(bob, "hello from the holder", "and once more")
    await world.delivered(alice, bob, within_s=30)
    assert bob.received(alice) == ["hello from the holder", "and once more"]
    assert {event.via for event in alice.told(MessageSent)} == {"mailbox"}


async def test_an_anchor_taken_into_use_before_the_first_session_serves_after_it(
    world: World,
) -> None:
    """No bundle lay there yet, which must hold up nothing once a link has begun a session."""
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    alice, bob = [await world.person(name) for name in ("Alice", "Bob")]
    await alice.add(bob)
    await bob.add(alice)
    await anchor.serve(alice)
    await world.pass_time(20)
    await alice.call(bob)
    await world.delivered(alice, bob)
    await bob.stop()
    await alice.say(bob, "by mail")
    await world.until(lambda: anchor.blobs == 1, within_s=30)


async def test_mail_waits_for_who_is_away(world: World) -> None:
    alice, bob, anchor = await apart(world)
    await bob.stop()
    await alice.say(bob, *(f"n{n}" for n in range(100)))
    await world.until(lambda: anchor.blobs == 100, within_s=300)
    await world.pass_time(1)
    listed = await alice.do(ListAnchors())
    assert [(one.contact, one.messages) for one in listed.waiting] == [("Bob", 100)]
    await alice.stop()
    await world.pass_time(3 * DAY_S)
    await bob.start()
    await world.until(lambda: bob.received(alice) == [f"n{n}" for n in range(100)])
    await world.pass_time(10)
    await bob.stop()
    await alice.start()
    await world.until(lambda: alice.all_delivered(bob))
    await bob.start()
    await world.pass_time(60)
    assert anchor.blobs == 0
    assert bob.received(alice) == [f"n{n}" for n in range(100)]


async def test_a_holder_without_its_sessions_begins_by_mail(world: World) -> None:
    """Never are both up at one time: the bundle that Bob laid at the anchor is enough."""
    alice, bob, _ = await apart(world)
    await alice.stop()
    alice.lose_conversations()
    await bob.say(alice, "who is up?")
    for _ in range(3):
        await world.pass_time(600)
        await bob.stop()
        await alice.start()
        await world.pass_time(600)
        await alice.stop()
        await bob.start()
    await bob.stop()
    await alice.start()
    assert alice.received(bob) == ["who is up?"]
    await alice.say(bob, "I am")
    await world.pass_time(60)
    await alice.stop()
    await bob.start()
    await world.until(lambda: bob.received(alice) == ["I am"])


async def test_a_guest_without_its_sessions_begins_by_mail(world: World) -> None:
    alice, bob, _ = await apart(world)
    await bob.stop()
    bob.lose_conversations()
    await alice.say(bob, "who is up?")
    for _ in range(3):
        await world.pass_time(600)
        await alice.stop()
        await bob.start()
        await world.pass_time(600)
        await bob.stop()
        await alice.start()
    await alice.stop()
    await bob.start()
    assert bob.received(alice) == ["who is up?"]


@pytest.mark.parametrize("writes", ["as holder", "as guest"])
async def test_an_anchor_put_back_to_an_old_copy_loses_nothing(world: World, writes: str) -> None:
    """A holder's line stands and tells at once; a guest looks again after a day."""
    alice, bob, anchor = await apart(world, both=writes == "as guest")
    await bob.stop()
    await alice.say(bob, "one", "two")
    await world.until(lambda: anchor.blobs == 2, within_s=60)
    copy = await anchor.copy()
    await world.until(lambda: anchor.blobs == 2)
    await alice.say(bob, "three")
    await world.until(lambda: anchor.blobs == 3, within_s=600)
    await anchor.put_back(copy)
    within_s = 900 if writes == "as holder" else 2 * DAY_S
    await world.until(lambda: anchor.blobs == 3, within_s)
    await bob.start()
    await world.delivered(alice, bob, within_s=900)
    assert bob.received(alice) == ["one", "two", "three"]


async def test_a_link_carries_what_lies_in_a_mailbox_too_and_it_is_shown_once(world: World) -> None:
    alice, bob, anchor = await apart(world)
    await bob.stop()
    await alice.say(bob, "by mail", "and by hand")
    await world.until(lambda: anchor.blobs == 2, within_s=60)
    anchor.world.network.refusing.add(anchor.host)
    world.network.cut(anchor.host)
    await bob.start()
    world.network.heal()
    await alice.call(bob)
    await world.delivered(alice, bob)
    anchor.world.network.refusing.clear()
    await world.pass_time(700)
    assert bob.received(alice) == ["by mail", "and by hand"]
    assert anchor.blobs == 0


async def test_who_was_heard_through_an_anchor_counts_as_online_for_two_minutes(
    world: World,
) -> None:
    alice, bob, anchor = await apart(world)
    await world.pass_time(3_600)
    assert await reach(alice, bob) == ReachView()
    before = len(alice.told(ReachChanged))
    await bob.say(alice, "here")
    await world.until(lambda: alice.received(bob) == ["here"], within_s=30)
    assert await reach(alice, bob) == ReachView(how="anchor", anchor=f"{anchor.host}:4071")
    assert len(alice.told(ReachChanged)) == before + 1
    assert (await alice.do(ShowContact(contact="Bob"))).online
    assert (await alice.do(Status())).online == 1
    [peer] = (await alice.do(ListPeers())).peers
    assert (peer.online, peer.address) == (True, None)
    await world.pass_time(HEARD_S + 60)
    assert (await reach(alice, bob)).how == "away"
    assert not (await alice.do(ShowContact(contact="Bob"))).online
    assert len(alice.told(ReachChanged)) == before + 2


async def test_mail_that_lay_there_for_long_shows_nobody_online(world: World) -> None:
    """Otherwise an anchor could show people as it liked."""
    alice, bob, anchor = await apart(world)
    await alice.stop()
    await bob.say(alice, "long ago")
    await world.until(lambda: anchor.blobs >= 1, within_s=60)
    await bob.stop()
    await world.pass_time(2 * HEARD_S)
    await alice.start()
    await world.until(lambda: alice.received(bob) == ["long ago"], within_s=60)
    assert (await reach(alice, bob)).how == "away"


async def test_mail_that_waits_is_told_with_its_anchor_and_since_when(world: World) -> None:
    """What is put again later waits since the first time."""
    alice, bob, anchor = await apart(world)
    await bob.stop()
    await world.pass_time(600)
    before_ms = alice.clock.now_ms()
    [message] = await alice.say(bob, "hello")
    await world.until(lambda: anchor.blobs >= 1, within_s=60)
    await world.pass_time(5 * DAY_S)
    found = await reach(alice, bob)
    assert (found.how, found.anchor, found.waiting) == ("mail", f"{anchor.host}:4071", 1)
    status = await alice.do(Status())
    assert (status.online, status.queued, status.in_mailboxes) == (0, 1, 1)
    assert found.since_ms is not None
    assert 0 <= found.since_ms - before_ms + 1_000 < 60_000
    shown = await alice.do(ShowDelivery(contact="Bob", message_id=message.message_id))
    assert (shown.where, shown.anchor, shown.since_ms) == ("mailbox", found.anchor, found.since_ms)
    await bob.start()
    await world.delivered(alice, bob, within_s=60)
    assert (await reach(alice, bob)).waiting == 0
    shown = await alice.do(ShowDelivery(contact="Bob", message_id=message.message_id))
    assert (shown.where, shown.anchor) == ("there", "")


async def test_late_receipts_go_after_half_a_minute_or_with_what_is_said(world: World) -> None:
    alice, bob, _ = await apart(world)
    await alice.do(SetPreferences(late_receipts=True))
    for turn in range(4):
        await bob.say(alice, f"text {turn}")
        await world.until(lambda: len(alice.received(bob)) > turn, within_s=30)  # noqa: B023 - awaited here
        await world.pass_time(RECEIPT_HELD_MIN_S - 5)
        assert not bob.all_delivered(alice)
        await world.until(lambda: bob.all_delivered(alice), within_s=RECEIPT_HELD_MAX_S)
    await bob.say(alice, "a question")
    await world.until(lambda: len(alice.received(bob)) == 5, within_s=30)
    await alice.say(bob, "an answer")
    await world.until(lambda: bob.all_delivered(alice), within_s=15)


async def test_of_somebody_invisible_only_what_they_write_is_seen(world: World) -> None:
    """No receipt goes by itself, for a day; what is written takes them along."""
    alice, bob, _ = await apart(world)
    await alice.do(SetProfile(invisible=True))
    await bob.say(alice, "are you there?")
    await world.until(lambda: alice.received(bob) == ["are you there?"], within_s=60)
    await alice.restart()
    for _ in range(6):
        await world.pass_time(4 * HOUR_S)
        assert not bob.all_delivered(alice)
        assert (await reach(bob, alice)).how != "anchor"
    await alice.say(bob, "I am")
    await world.until(lambda: bob.received(alice) == ["I am"], within_s=60)
    await world.until(lambda: bob.all_delivered(alice), within_s=60)
    await bob.say(alice, "and now?")
    await world.until(lambda: len(alice.received(bob)) == 2, within_s=60)
    await world.pass_time(600)
    assert not bob.all_delivered(alice)
    await alice.do(SetProfile(invisible=False))
    await world.until(lambda: bob.all_delivered(alice), within_s=120)


async def reach(one: Person, other: Person) -> ReachView:
    return (await one.do(ShowContact(contact=other.name))).reach


async def test_what_lies_at_an_anchor_is_what_lies_there_now(world: World) -> None:
    """The anchor tells of it only when it is asked."""
    alice, bob, anchor = await apart(world)
    await world.pass_time(30)
    [view] = (await alice.do(ListAnchors())).anchors
    assert (view.blobs, view.oldest_at_ms) == (0, None)
    await bob.stop()
    await alice.say(bob, "one", "two")
    await world.until(lambda: anchor.blobs == 2, within_s=60)
    await world.pass_time(30)
    [view] = (await alice.do(ListAnchors())).anchors
    assert view.blobs == 2
    assert view.oldest_at_ms is not None


@pytest.mark.parametrize("who", ["the holder", "the guest"])
async def test_blocking_and_unblocking_leaves_the_way_by_mail(world: World, who: str) -> None:
    alice, bob, anchor = await apart(world)
    one, other = (alice, bob) if who == "the holder" else (bob, alice)
    queues = anchor.queues
    await one.do(BlockContact(contact=other.name))
    await other.say(one, "into nothing")
    await world.pass_time(HOUR_S)
    assert anchor.queues == (0 if who == "the holder" else queues)
    await one.do(BlockContact(contact=other.name, blocked=False))
    await one.say(other, "let us talk again")
    await other.say(one, "yes")
    await world.delivered(alice, bob, within_s=HOUR_S)
    assert other.received(one) == ["let us talk again"]
    assert one.received(other)[-1] == "yes"
    assert anchor.queues == queues


async def test_nothing_is_sealed_before_every_mailbox_was_read(world: World) -> None:
    """What lies in the second one may be the session on which to seal."""
    anchors = [AnchorMachine(world, name) for name in ("one", "two")]
    alice, bob = await world.friends("Alice", "Bob")
    for anchor in anchors:
        await anchor.start()
        await anchor.serve(bob)
    await world.until(lambda: len(alice.node.network.anchors._guests) == 4)
    await world.delivered(alice, bob)
    await world.until(lambda: len(_lines_up(alice)) == 2)
    wall(world, alice, bob)
    await alice.stop()
    anchors[1].anchor._service._handlers[Subscribe] = lambda *_: None
    await alice.start()
    await world.until(lambda: len(_lines_up(alice)) == 2, within_s=10)
    await world.pass_time(5)
    assert alice.peer(bob).context.reading_left_s() > 0
    await anchors[1].crash()
    await world.until(lambda: alice.peer(bob).context.reading_left_s() == 0, within_s=5)


def _lines_up(person: Person) -> list[object]:
    return [one for one in person.node.network.anchors._guests.values() if one.line.is_up]


async def test_a_machine_that_comes_back_to_a_network_dials_its_anchor_again(world: World) -> None:
    """A laptop that was away for hours would wait for minutes."""
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    alice = await world.person("Alice")
    await alice.stop()
    alice.options = NodeOptions(mdns=True)
    await alice.start()
    await anchor.serve(alice)
    [account] = alice.node.network.anchors.accounts.values()
    await world.until(lambda: account.line.is_up)
    world.network.refusing.add(anchor.host)
    world.network.cut(alice.host)
    await world.pass_time(6 * HOUR_S)
    assert not account.line.is_up
    world.network.refusing.clear()
    alice._discovery._addresses = (bytes((10, 0, 0, 77)),)
    await world.until(lambda: account.line.is_up, within_s=CHECK_S + 5)


async def test_a_start_without_anchors_sees_to_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand contacts would each load their sessions."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.stop()
    await bob.stop()
    seen: list[object] = []
    before = Anchors._see_to

    async def see_to(self: Anchors, device: Device) -> None:
        seen.append(device)
        await before(self, device)

    monkeypatch.setattr(Anchors, "_see_to", see_to)
    await alice.start()
    await world.pass_time(1)
    assert seen == []
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    await anchor.serve(alice)
    await world.until(lambda: anchor.queues == 2)
    assert seen
    assert not alice.node.network.anchors._locks


async def test_a_pairing_text_of_an_anchor_in_use_says_where_it_is_now(world: World) -> None:
    """It moved to another address: dialled there at once, and contacts are told."""
    alice, bob, anchor = await apart(world)
    await anchor.stop()
    anchor.host = "10.0.1.99"
    await world.pass_time(3_600)
    await anchor.start()
    view = await alice.do(UseAnchor(text=await anchor.text()))
    assert view.addresses == [f"{anchor.host}:{PORT}"]
    with pytest.raises(AnchorKnown):
        await alice.do(UseAnchor(text=await anchor.text()))
    await alice.say(bob, "from the new place")
    await world.until(lambda: anchor.blobs > 0, within_s=30)
    world.network.heal()
    await alice.call(bob)
    await world.delivered(alice, bob)
    wall(world, alice, bob)
    await bob.say(alice, "there too")
    await world.delivered(alice, bob, within_s=60)
