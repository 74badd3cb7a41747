"""Cases of mail that a design without them got wrong: each ends with all shown, once, in order."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from loom.anchor.limits import AnchorLimits
from loom.api.anchor_commands import ListAnchors, ReplaceAnchor
from loom.api.contact_commands import ShowContact
from loom.api.events import SessionStarted
from loom.front.reach import gone_words
from loom.node.routes.caller import Caller
from loom.node.routes.mailbox import Sealed
from loom.wire.requests import Ok, Put, Subscribe, Unknown
from tests.node.anchor_machine import PORT, AnchorMachine
from tests.node.harness import Person, World
from tests.node.test_mail import wall
from tests.node.test_mail_attacks import Handler, always, count, lie, one_anchor

HOUR_S = 3_600
DAY_S = 86_400


class Held:
    """An anchor that says it stored blobs, and brings them later."""

    def __init__(self, anchor: AnchorMachine) -> None:
        self._anchor = anchor
        self._came: list[tuple[Any, int, Put]] = []
        self._before: Handler = lie(anchor, Put, self._hold)

    def __len__(self) -> int:
        return len(self._came)

    def _hold(self, peer: Any, number: int, put: Put) -> None:
        self._came.append((peer, number, put))
        peer.line.answer(number, Ok())

    def store_again(self) -> None:
        """What comes from now on is stored."""
        lie(self._anchor, Put, self._before)

    def release(self) -> None:
        """What was held comes now."""
        for came in self._came:
            self._before(*came)
        self._anchor.anchor._service.flush()


async def each_an_anchor(
    world: World, limits: AnchorLimits | None = None
) -> tuple[Person, Person, AnchorMachine, AnchorMachine]:
    """Alice and Bob have an anchor each, and a wall is between them."""
    hers, his = AnchorMachine(world, "hers", limits), AnchorMachine(world, "his", limits)
    await hers.start()
    await his.start()
    alice, bob = await world.friends("Alice", "Bob")
    await hers.serve(alice)
    await his.serve(bob)
    await world.until(lambda: all(one.mailboxes for one in mailers(alice, bob)))
    await world.delivered(alice, bob)
    await world.pass_time(5)
    wall(world, alice, bob)
    await world.until(lambda: not alice.is_online(bob) and not bob.is_online(alice))
    return alice, bob, hers, his


def mailers(alice: Person, bob: Person) -> list[Any]:
    """Of both."""
    return [alice.peer(bob).mailer, bob.peer(alice).mailer]


def nobody_reads(world: World, *anchors: AnchorMachine) -> Callable[[], None]:
    """Until the result is called, these anchors push nothing."""
    before = [lie(one, Subscribe, always(Unknown())) for one in anchors]
    for anchor in anchors:
        world.network.cut(anchor.host)

    def again() -> None:
        for anchor, handler in zip(anchors, before, strict=True):
            lie(anchor, Subscribe, handler)
            world.network.cut(anchor.host)

    return again


async def test_a_contacts_only_anchor_that_is_gone_for_good_is_told(world: World) -> None:
    """Mail waits until they take another one: nothing else is known of where they read."""
    alice, bob, _, his = await each_an_anchor(world)
    assert (await alice.do(ListAnchors())).silent == []
    await his.stop()
    await alice.say(bob, "where are you?")
    await world.until(lambda: alice.peer(bob).mailer.silent_since_ms is not None, within_s=60)
    since_ms = alice.peer(bob).mailer.silent_since_ms
    await world.pass_time(2 * DAY_S)
    [silent] = (await alice.do(ListAnchors())).silent
    assert (silent.anchors, silent.since_ms) == ([f"{his.host}:{PORT}"], since_ms)
    found = (await alice.do(ShowContact(contact="Bob"))).reach
    assert (found.silent_at, found.silent_since_ms) == (silent.anchors, since_ms)
    [own] = (await bob.do(ListAnchors())).anchors
    assert own.down_since_ms is not None
    assert "replace or leave it" in gone_words(own, bob.clock.now_ms())
    new = AnchorMachine(world, "new")
    await new.start()
    await bob.do(ReplaceAnchor(anchor=f"#{own.anchor_id}", text=await new.text()))
    await bob.say(alice, "here")  # by her anchor, with where he reads now
    await world.until(lambda: bob.received(alice) == ["where are you?"], within_s=HOUR_S)
    assert (await alice.do(ListAnchors())).silent == []


async def test_two_full_queues_do_not_wait_for_each_other(world: World) -> None:
    alice, bob, hers, his = await each_an_anchor(world, AnchorLimits(queue_blobs=5))
    read_again = nobody_reads(world, hers, his)
    said = [f"n{n}" for n in range(12)]
    await alice.say(bob, *said)
    await bob.say(alice, *said)
    await world.until(lambda: (hers.blobs, his.blobs) == (5, 5), within_s=HOUR_S)
    read_again()
    await world.delivered(alice, bob, within_s=2 * DAY_S)
    assert alice.received(bob) == bob.received(alice) == said


async def test_bundles_that_an_anchor_lost_are_laid_again(world: World) -> None:
    alice, bob, anchor = await one_anchor(world)
    await bob.stop()
    database = anchor.anchor._service._database
    await database.write(lambda db: db.execute("DELETE FROM bundles"))
    await alice.stop()
    alice.lose_conversations()
    await alice.start()
    await alice.say(bob, "without a bundle")
    await world.pass_time(HOUR_S)
    assert anchor.blobs == 0
    await bob.start()
    await world.until(lambda: bob.received(alice) == ["without a bundle"], within_s=HOUR_S)


async def test_what_cannot_open_is_judged_once_however_often_it_comes(world: World) -> None:
    alice, bob, anchor = await one_anchor(world)
    await world.pass_time(DAY_S)
    [mailbox] = alice.peer(bob).mailer.mailboxes
    junk = Sealed(bytes(4_096), alice.clock.now_ms() // 1000)
    for _ in range(20):
        await mailbox.put(await mailbox.line.reach(), [junk])
        await world.until(lambda: anchor.blobs == 0)
        await world.pass_time(600)
    await alice.say(bob, "after junk")
    await world.until(lambda: bob.received(alice) == ["after junk"], within_s=60)
    await world.delivered(alice, bob)
    assert len(bob.told(SessionStarted)) <= 2


async def test_a_lost_receipt_is_made_good(world: World) -> None:
    alice, bob, hers, his = await each_an_anchor(world)
    copy = await hers.copy()
    await bob.stop()
    await alice.say(bob, "once")
    await world.until(lambda: his.blobs == 1)
    await alice.stop()
    await bob.start()
    await world.until(lambda: hers.blobs >= 1 and bob.received(alice) == ["once"])
    await bob.stop()
    await hers.put_back(copy)
    await alice.start()
    await bob.start()
    await world.delivered(alice, bob, within_s=2 * DAY_S)
    assert bob.received(alice) == ["once"]


async def test_a_first_flight_that_comes_after_a_second_start_changes_nothing(
    world: World,
) -> None:
    alice, bob, anchor = await one_anchor(world)
    await alice.stop()
    alice.lose_conversations()
    held = Held(anchor)
    await alice.start()
    await alice.say(bob, "first")
    await world.until(lambda: len(held) > 0, within_s=HOUR_S)
    await alice.stop()
    alice.lose_conversations()
    held.store_again()
    await alice.start()
    await alice.say(bob, "second")
    await world.until(lambda: bob.received(alice)[-1:] == ["second"], within_s=HOUR_S)
    await world.delivered(alice, bob, within_s=HOUR_S)
    best = alice.best_session(bob)
    held.release()
    await world.pass_time(HOUR_S)
    assert bob.best_session(alice) == alice.best_session(bob) == best
    assert bob.received(alice) == ["first", "second"]
    assert anchor.blobs == 0


@pytest.mark.long
async def test_a_late_blob_of_a_session_that_was_left_is_shown_once(world: World) -> None:
    alice, bob, anchor = await one_anchor(world)
    held = Held(anchor)
    await alice.say(bob, "late")
    await world.until(lambda: len(held) == 1)
    await alice.stop()
    alice.lose_conversations()
    held.store_again()
    await alice.start()
    await alice.say(bob, "on the next session")
    await world.delivered(alice, bob, within_s=2 * DAY_S)
    await world.pass_time(20 * DAY_S)
    best = bob.best_session(alice)
    held.release()
    await world.pass_time(HOUR_S)
    assert sorted(bob.received(alice)) == ["late", "on the next session"]
    assert bob.best_session(alice) == best
    assert anchor.blobs == 0


async def test_starts_that_cross_at_anchors_that_lose_them_end_in_one_session(
    world: World,
) -> None:
    alice, bob, hers, his = await each_an_anchor(world)
    copies = [await hers.copy(), await his.copy()]
    nobody_reads(world, hers, his)
    for one in (alice, bob):
        await one.stop()
        one.lose_conversations()
    await alice.start()
    await bob.start()
    await alice.say(bob, "from Alice")
    await bob.say(alice, "from Bob")
    await world.until(lambda: hers.blobs > 0 and his.blobs > 0, within_s=HOUR_S)
    await hers.put_back(copies[0])
    await his.put_back(copies[1])
    await world.delivered(alice, bob, within_s=2 * DAY_S)
    assert (alice.received(bob), bob.received(alice)) == (["from Bob"], ["from Alice"])
    assert alice.best_session(bob) == bob.best_session(alice)


async def test_a_short_text_does_not_overtake_a_long_one_that_found_no_room(world: World) -> None:
    anchor = AnchorMachine(world, "small", AnchorLimits(queue_bytes=100_000))
    await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await anchor.serve(bob)
    await world.until(lambda: bool(alice.peer(bob).mailer.mailboxes))
    await world.delivered(alice, bob)
    wall(world, alice, bob)
    await world.until(lambda: not alice.is_online(bob))
    await bob.stop()
    said = ["a" * 16_380, "b" * 16_380, "short"]
    await alice.say(bob, *said)
    await world.pass_time(2 * HOUR_S)
    assert anchor.blobs == 1
    await bob.start()
    await world.delivered(alice, bob, within_s=DAY_S)
    assert bob.received(alice) == said


async def test_a_bundle_fetched_on_its_last_day_serves_thirty_days_later(world: World) -> None:
    alice, bob, anchor = await one_anchor(world)
    await bob.stop()
    await alice.stop()
    alice.lose_conversations()
    await world.pass_time(34.9 * DAY_S)
    await alice.start()
    await alice.say(bob, "on the last day")
    await world.until(lambda: anchor.blobs > 0, within_s=HOUR_S)
    await alice.stop()
    await world.pass_time(29.9 * DAY_S)
    await bob.start()
    await world.until(lambda: bob.received(alice) == ["on the last day"], within_s=HOUR_S)


@pytest.mark.parametrize("used", [2, 3])
async def test_mail_lies_only_where_the_contact_was_told_to_read(world: World, used: int) -> None:
    """Of three anchors a Mailboxes has room for one outbound queue, and one that is not receipted
    tells nothing yet."""
    anchors = [AnchorMachine(world, f"anchor {number}") for number in range(used)]
    for anchor in anchors:
        await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await anchors[0].serve(alice)
    await world.until(lambda: len(bob.peer(alice).mailer.mailboxes) == 1)
    if used == 3:
        await anchors[1].serve(alice)
        await world.until(lambda: len(bob.peer(alice).mailer.mailboxes) == 2)
        await world.delivered(alice, bob)
        await anchors[2].serve(alice)
        await world.until(lambda: len(bob.peer(alice).mailer.mailboxes) == 3)
        await world.delivered(alice, bob)
        await world.pass_time(5)
        wall(world, alice, bob)
    else:
        wall(world, alice, bob)
        await world.until(lambda: not alice.is_online(bob))
        await bob.stop()
        await anchors[1].serve(alice)
        await world.pass_time(60)
    await anchors[0].stop()
    await alice.say(bob, "where you read")
    await world.pass_time(HOUR_S)
    assert [one.blobs for one in anchors[1:]] == [0] * (used - 1)
    await anchors[0].start()
    if used == 2:
        await bob.start()
    await world.until(lambda: bob.received(alice) == ["where you read"], within_s=HOUR_S)


async def test_mail_follows_who_replaced_an_anchor_that_holds_it(world: World) -> None:
    """By then it would be put again only after four days."""
    alice, bob, _, his = await each_an_anchor(world)
    third = AnchorMachine(world, "third")
    await third.start()
    await bob.stop()
    await alice.say(bob, "follow me")
    await world.pass_time(5 * DAY_S)
    await his.stop()
    await bob.start()
    [account] = bob.node.network.anchors.accounts.values()
    await bob.do(ReplaceAnchor(anchor=account.name, text=await third.text()))
    await world.until(lambda: bob.received(alice) == ["follow me"], within_s=HOUR_S)


async def test_mail_that_a_full_disk_cannot_hold_stays_at_the_anchor(world: World) -> None:
    alice, bob, anchor = await one_anchor(world)
    bob.disk.is_full = True
    await alice.say(bob, "no room", "for these")
    await world.pass_time(HOUR_S)
    assert anchor.blobs == 2
    assert bob.received(alice) == []
    bob.disk.is_full = False
    await world.until(lambda: bob.received(alice) == ["no room", "for these"], within_s=60)
    await world.until(lambda: anchor.blobs == 0, within_s=60)


async def test_two_machines_with_one_account_displace_each_other_rarely(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copied profile: neither may take the other's link all the time."""
    alice, bob, _ = await one_anchor(world)
    await bob.stop()
    copy = world.folder / f"bob{len(world.people)}"
    shutil.copytree(bob.path.parent, copy)
    await bob.start()
    await world.person("Bob", bob.identity)
    calls = count(monkeypatch, Caller, "call")
    await world.pass_time(HOUR_S)
    assert len(calls) < 200
    await alice.say(bob, "to one of them")
    await world.delivered(alice, bob, within_s=HOUR_S)


async def test_a_start_that_finds_no_bundle_holds_up_no_session_that_serves(world: World) -> None:
    """Alice wants a start, Bob is away and his bundles are gone: what she says goes as before."""
    alice, bob, anchor = await one_anchor(world)
    await bob.stop()
    database = anchor.anchor._service._database
    await database.write(lambda db: db.execute("DELETE FROM bundles"))
    alice.peer(bob).delivery.starts.want()
    await alice.say(bob, "on the session there is")
    await world.until(lambda: anchor.blobs == 1, within_s=HOUR_S)
