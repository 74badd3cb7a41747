"""Anchors and contacts that lie, or fail halfway: mail goes on, and nothing loops or grows."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from loom.anchor.peers import Account
from loom.anchor.pushing import Pushing
from loom.api.anchor_commands import UseAnchor
from loom.api.contact_commands import ImportToken
from loom.api.events import Warned
from loom.errors import LoomError
from loom.model import MessageId
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.caller import Caller
from loom.storage import mailboxes
from loom.wire.content.mailboxes import Direction, Mailbox, Mailboxes
from loom.wire.limits import BUNDLES_LAID_PER_HOUR, PUSHES_UNACKNOWLEDGED_MAX
from loom.wire.requests import (
    Answer,
    Have,
    Ids,
    Later,
    Ok,
    Pair,
    Push,
    Put,
    Status,
    Subscribe,
    Unknown,
)
from loom.wire.token import encode_token
from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import Person, World, identity_of
from tests.node.test_mail import wall

HOUR_S = 3_600
DAY_S = 86_400

Handler = Callable[[Any, int, Any], None]


def lie(anchor: AnchorMachine, kind: type, handler: Handler) -> Handler:
    """From now on the anchor does this with such requests; what it did until now."""
    handlers = anchor.anchor._service._handlers
    before = handlers[kind]
    handlers[kind] = handler
    return before


def always(answer: Answer) -> Handler:
    """Say this and do nothing."""
    return lambda peer, number, _: peer.line.answer(number, answer)


def count(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> list[Any]:
    """Note each call of a method, by what it was called on."""
    calls: list[Any] = []
    before = getattr(kind, name)

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(self)
        return before(self, *arguments, **named)

    monkeypatch.setattr(kind, name, counted)
    return calls


async def two_anchors(world: World) -> tuple[Person, Person, list[AnchorMachine]]:
    """Bob reads at two anchors; a wall is between him and Alice, who has none."""
    anchors = [AnchorMachine(world, name) for name in ("one", "two")]
    alice, bob = await world.friends("Alice", "Bob")
    for anchor in anchors:
        await anchor.start()
        await anchor.serve(bob)
    await world.until(lambda: len(alice.peer(bob).mailer.mailboxes) == 2)
    await world.delivered(alice, bob)
    wall(world, alice, bob)
    await world.until(lambda: not alice.is_online(bob) and not bob.is_online(alice))
    return alice, bob, anchors


async def one_anchor(world: World) -> tuple[Person, Person, AnchorMachine]:
    """Bob has an account, Alice has none, and a wall is between them."""
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await anchor.serve(bob)
    await world.until(lambda: bool(alice.peer(bob).mailer.mailboxes))
    await world.delivered(alice, bob)
    wall(world, alice, bob)
    await world.until(lambda: not alice.is_online(bob) and not bob.is_online(alice))
    return alice, bob, anchor


# --- anchors that take nothing ---


@pytest.mark.long
@pytest.mark.parametrize("answer", [Unknown(), Later(2**53 - 1)], ids=["unknown", "later"])
async def test_an_anchor_that_refuses_does_not_keep_mail_from_the_next_one(
    world: World, answer: Answer
) -> None:
    alice, bob, anchors = await two_anchors(world)
    lie(anchors[0], Put, always(answer))
    await alice.say(bob, "by the other one")
    within_s = 60 if isinstance(answer, Unknown) else 2 * DAY_S
    await world.until(lambda: bob.received(alice) == ["by the other one"], within_s)


@pytest.mark.long
async def test_an_anchor_that_swallows_mail_is_given_up_after_a_day(world: World) -> None:
    alice, bob, anchors = await two_anchors(world)
    lie(anchors[0], Put, always(Ok()))
    lie(anchors[0], Have, lambda peer, number, have: peer.line.answer(number, Ids(have.ids)))
    said = [f"n{n}" for n in range(5)]
    for text in said:
        await alice.say(bob, text)
        await world.pass_time(HOUR_S)
    await world.until(lambda: bob.received(alice) == said, within_s=2 * DAY_S)
    await alice.say(bob, "at once")
    await world.until(lambda: bob.received(alice)[-1] == "at once", within_s=60)


async def test_an_anchor_that_asks_to_wait_for_ever_is_asked_again(world: World) -> None:
    alice, bob, anchor = await one_anchor(world)
    before = lie(anchor, Put, always(Later(2**53 - 1)))
    await alice.say(bob, "in the end")
    await world.pass_time(60)
    lie(anchor, Put, before)
    await world.until(lambda: bob.received(alice) == ["in the end"], within_s=HOUR_S)


# --- anchors that end links ---


async def test_an_anchor_that_ends_each_link_costs_few_links(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that nothing lies there, takes one blob, and ends the link."""
    alice, bob, anchor = await one_anchor(world)
    await bob.stop()

    def take_one(peer: Any, number: int, _: Put) -> None:
        peer.line.answer(number, Ok())
        peer.line.end()

    lie(anchor, Put, take_one)
    lie(anchor, Have, always(Ids(())))
    calls = count(monkeypatch, Caller, "call")
    await alice.say(bob, *(f"n{n}" for n in range(20)))
    await world.pass_time(6 * HOUR_S)
    assert len(calls) < 120


async def test_an_anchor_that_ends_a_standing_link_at_once_costs_few_links(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, anchor = await one_anchor(world)
    await alice.stop()
    service = anchor.anchor._service
    before = service._subscribe

    def end(peer: Any, number: int, request: Any) -> None:
        before(peer, number, request)
        world.loop.call_later(0.1, peer.line.end)

    lie(anchor, Subscribe, end)
    calls = count(monkeypatch, Caller, "call")
    await bob.say(alice, *(f"n{n}" for n in range(5)))
    world.network.cut(bob.host)
    await world.pass_time(6 * HOUR_S)
    assert 3 < len(calls) < 200


async def test_a_link_that_could_not_be_brought_up_to_date_is_made_again(world: World) -> None:
    """A full disk for a moment must not leave a link on which nothing is read."""
    alice, bob, anchor = await one_anchor(world)
    await bob.stop()
    await alice.say(bob, "hello")
    await world.until(lambda: anchor.blobs == 1)
    failures = [LoomError(), ValueError()]

    async def fail(link: AnchorLink) -> None:
        raise failures.pop()

    await bob.start()
    [account] = bob.node.network.anchors.accounts.values()
    link_up = account.link_up

    async def flaky(link: AnchorLink) -> None:
        await (fail(link) if failures else link_up(link))

    account.link_up = flaky  # type: ignore[method-assign]
    await world.until(lambda: bob.received(alice) == ["hello"], within_s=30)


# --- anchors that push ---


async def test_an_anchor_that_pushes_without_waiting_loses_its_link(world: World) -> None:
    alice, bob, anchor = await one_anchor(world)
    await bob.stop()
    await alice.say(bob, "one")
    await world.until(lambda: anchor.blobs == 1)
    pushed: list[Push] = []
    before = Pushing.read

    def flood(self: Pushing, rows: Any) -> list[Push]:
        pushes = before(self, rows)
        with_blob = [one for one in pushes if one.blob]
        pushed.extend(with_blob)
        return with_blob * (4 * PUSHES_UNACKNOWLEDGED_MAX) if with_blob else pushes

    most = 0
    Pushing.read = flood  # type: ignore[method-assign]
    try:
        await bob.start()
        for _ in range(600):
            await world.pass_time(0.1)
            most = max(most, bob.peer(alice).inbox.waiting)
    finally:
        Pushing.read = before  # type: ignore[method-assign]
    assert pushed
    assert most <= PUSHES_UNACKNOWLEDGED_MAX
    await world.until(lambda: bob.received(alice) == ["one"], within_s=HOUR_S)


async def test_an_anchor_that_repeats_what_was_read_costs_few_receipts(world: World) -> None:
    """Bob's anchor repeats; the queue of Alice, who is away, must not fill with Receipts."""
    home, away = AnchorMachine(world, "home"), AnchorMachine(world, "away")
    for anchor in (home, away):
        await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await home.serve(bob)
    await away.serve(alice)
    await world.until(lambda: bool(alice.peer(bob).mailer.mailboxes))
    await world.until(lambda: bool(bob.peer(alice).mailer.mailboxes))
    await world.delivered(alice, bob)
    wall(world, alice, bob)
    await world.until(lambda: not alice.is_online(bob))
    lies: list[Push] = []
    before = Pushing.stored

    def note(self: Pushing, *arguments: Any, **named: Any) -> Push | None:
        push = before(self, *arguments, **named)
        lies.extend([push] if push is not None else [])
        return push

    Pushing.stored = note  # type: ignore[method-assign]
    try:
        await alice.say(bob, "one")
        await world.until(lambda: bob.received(alice) == ["one"])
        await world.delivered(alice, bob)
    finally:
        Pushing.stored = before  # type: ignore[method-assign]
    await alice.stop()
    [peer] = [one for one, _ in home.anchor._service._readers._readers.values()]
    blob = next(one for one in lies if one.queue_id in home.anchor._service.queues)
    for _ in range(300):
        peer.line.push(blob)
        await world.pass_time(20)
    assert bob.received(alice) == ["one"]
    assert away.blobs <= 4


# --- what is lost halfway ---


async def test_a_lost_answer_spends_no_pairing_text(world: World) -> None:
    anchor, alice = AnchorMachine(world, "home"), await world.person("Alice")
    await anchor.start()
    text = await anchor.text()

    class Cut:
        def __init__(self, line: Any) -> None:
            self._line = line

        def answer(self, number: int, answer: Answer) -> None:
            self._line.end()

    def pair(peer: Any, number: int, request: Pair) -> None:
        peer.line = Cut(peer.line)
        before(peer, number, request)

    before = lie(anchor, Pair, pair)
    with pytest.raises(LoomError):
        await alice.do(UseAnchor(text=text))
    assert len(anchor.anchor._service.accounts) == 1
    lie(anchor, Pair, before)
    await alice.do(UseAnchor(text=text))
    assert len(anchor.anchor._service.accounts) == 1
    assert len(alice.node.network.anchors.accounts) == 1


async def test_power_lost_while_mail_does_not_open_leaves_nothing_waiting(world: World) -> None:
    """Bob is put back to a session that Alice left; what she says now opens nowhere."""
    alice, bob, anchor = await one_anchor(world)
    await bob.stop()
    copy = bob.path.with_name("copy")
    shutil.copytree(bob.path.parent, copy)
    await alice.stop()
    alice.lose_conversations()
    await alice.start()
    await alice.say(bob, "on a new session")
    await bob.start()
    await world.delivered(alice, bob, within_s=300)
    await world.pass_time(DAY_S)
    await bob.stop()
    for file in copy.iterdir():
        shutil.copy(file, bob.path.parent / file.name)
    await alice.say(bob, "after it")
    await world.until(lambda: anchor.blobs == 1)
    is_lost = False
    after_commit = bob.disk.after_commit

    def lose_power() -> None:
        nonlocal is_lost
        after_commit()
        if not is_lost and bob.database.look(_unopened):
            is_lost = True
            bob.lose_power()

    bob.disk.after_commit = lose_power  # type: ignore[method-assign]
    await bob.start()
    await world.until(lambda: is_lost)
    await bob.restart()
    await world.until(lambda: bob.received(alice)[-1:] == ["after it"], within_s=2 * DAY_S)


def _unopened(db: Any) -> int:
    count: int = db.execute("SELECT count(*) FROM unopened_mail").fetchone()[0]
    return count


# --- what contacts tell ---


async def test_two_contacts_who_tell_one_queue_do_not_get_each_others_mail(world: World) -> None:
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    await anchor.serve(bob)
    await world.until(lambda: bool(alice.peer(bob).mailer.mailboxes))
    await world.delivered(alice, bob)
    # Carol was told Bob's queue by Bob, and says that it is hers.
    told = alice.database.look(lambda db: mailboxes.told(db, alice.peer(bob).device_id))
    assert told is not None
    carols = alice.peer(carol)
    await alice.database.write(lambda db: mailboxes.put_told(db, carols.device_id, told))
    alice.node.network.anchors.look_after(carols)
    await world.until(lambda: bool(carols.mailer.mailboxes))
    [of_bob], [of_carol] = alice.peer(bob).mailer.mailboxes, carols.mailer.mailboxes
    assert of_bob.line is not of_carol.line
    alice.node.network.anchors.forget(carols)
    wall(world, alice, bob)
    await world.until(lambda: not alice.is_online(bob))
    await alice.say(bob, "for Bob")
    await world.until(lambda: bob.received(alice) == ["for Bob"], within_s=30)


async def test_a_contact_who_tells_of_mailboxes_without_end_has_few_addresses_dialled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or 200 of them were 1,500 connections within a second, to whom the contact likes."""
    alice, bob = await world.friends("Alice", "Bob")
    calls = count(monkeypatch, Caller, "call")
    now_ms = bob.clock.now_ms()
    for n in range(200):
        entries = tuple(
            Mailbox(
                tuple((f"10.9.{n}.{4 * at + host}", 4_071) for host in range(4)),
                bytes(16),
                bytes([n, at]) * 16,
                Direction.OUTBOUND,
            )
            for at in range(4)
        )
        told = Mailboxes(n.to_bytes(16, "big"), now_ms, now_ms + n, entries)
        outbox = bob.peer(alice).delivery.outbox
        await outbox.add(MessageId(told.message_id), told, lambda _db, _happened: None)
    await world.delivered(bob, alice)
    await world.pass_time(5)
    assert len(calls) < 200
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    await anchor.serve(bob)
    await world.until(
        lambda: any(one.line.is_up for one in alice.node.network.anchors._guests.values()),
        within_s=60,
    )


async def test_an_anchor_that_forgets_each_bundle_does_not_fill_the_profile(world: World) -> None:
    """It may be a contact's own: their private halves are kept for two months."""
    alice, _, anchor = await one_anchor(world)
    service = anchor.anchor._service

    def forget(peer: Any, number: int, request: Subscribe) -> None:
        service._database.submit(lambda db: db.execute("DELETE FROM bundles"))
        before(peer, number, request)
        world.loop.call_later(11.0, peer.line.end)

    before = lie(anchor, Subscribe, forget)
    world.network.cut(alice.host)
    kept = "SELECT count(*) FROM prekeys"
    [(at_first,)] = await alice.database.read(lambda db: db.execute(kept).fetchall())
    await world.pass_time(2 * HOUR_S)
    [(after,)] = await alice.database.read(lambda db: db.execute(kept).fetchall())
    assert after - at_first <= 3 * BUNDLES_LAID_PER_HOUR


async def test_an_own_queue_that_is_told_back_is_not_written_to(world: World) -> None:
    alice, bob, _ = await one_anchor(world)
    told = alice.database.look(lambda db: mailboxes.told(db, alice.peer(bob).device_id))
    assert told is not None
    number = bob.peer(alice).device_id
    await bob.database.write(lambda db: mailboxes.put_told(db, number, told))
    bob.node.network.anchors.look_after(bob.peer(alice))
    await world.pass_time(1)
    own = {at for one in bob.node.network.anchors.accounts.values() for at in one.queues}
    inbound = [
        one
        for one in bob.peer(alice).mailer.mailboxes
        if one.keys.queue_id in own
        and one.line not in [account.line for account in bob.node.network.anchors.accounts.values()]
    ]
    assert inbound == []


async def test_a_guest_reads_nothing_where_the_clock_is_a_day_off(world: World) -> None:
    alice, bob, anchor = await one_anchor(world)
    await alice.stop()
    await bob.say(alice, "later")
    await world.until(lambda: anchor.blobs == 1)
    anchor.clock.jumped_s = 2 * DAY_S
    await alice.start()
    await world.pass_time(HOUR_S)
    assert alice.received(bob) == []
    assert [one.code for one in alice.told(Warned)] == ["anchor_clock_apart"]
    anchor.clock.jumped_s = 0.0
    await world.until(lambda: alice.received(bob) == ["later"], within_s=HOUR_S)


async def test_many_contacts_cost_an_anchor_few_questions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor, alice = AnchorMachine(world, "home"), await world.person("Alice")
    await anchor.start()
    for n in range(30):
        token = encode_token(identity_of(f"friend {n}").token)
        await alice.do(ImportToken(token=token, name=f"friend {n}"))
    asked: list[int] = []

    def note(peer: Any, number: int, request: Status) -> None:
        asked.append(number)
        before(peer, number, request)

    before = lie(anchor, Status, note)
    await anchor.serve(alice)
    await world.pass_time(30)
    assert len(anchor.anchor._service.queues) == 60
    assert len(asked) < 10


async def test_a_node_that_lost_its_anchor_is_written_to_where_it_reads(world: World) -> None:
    """Bob begins again with his phrase alone: what he told before leads nowhere now."""
    home, other = AnchorMachine(world, "home"), AnchorMachine(world, "other")
    for anchor in (home, other):
        await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await home.serve(bob)
    await other.serve(alice)
    await world.until(lambda: bool(alice.peer(bob).mailer.mailboxes))
    await world.delivered(alice, bob)
    await bob.stop()
    for file in bob.path.parent.iterdir():
        file.unlink()
    await bob.start()
    await bob.add(alice)
    await alice.call(bob)
    await world.until(lambda: bob.is_online(alice))
    await alice.say(bob, "you are back")
    await world.delivered(alice, bob)
    await world.pass_time(10)
    wall(world, alice, bob)
    await world.until(lambda: not alice.is_online(bob) and not bob.is_online(alice))
    await alice.say(bob, "by mail")
    await world.until(lambda: bob.received(alice)[-1:] == ["by mail"], within_s=60)


async def test_a_queue_that_a_restored_node_does_not_know_holds_up_no_other(world: World) -> None:
    """Bob is put back to a time before he knew Carol, who writes on."""
    alice, bob, anchor = await one_anchor(world)
    await bob.stop()
    copy = bob.path.with_name("copy")
    shutil.copytree(bob.path.parent, copy)
    await bob.start()
    carol = await world.person("Carol")
    await world.introduce([carol, bob])
    await world.until(lambda: bool(carol.peer(bob).mailer.mailboxes))
    await world.delivered(carol, bob)
    await bob.stop()
    await carol.say(bob, *(f"n{n}" for n in range(2 * PUSHES_UNACKNOWLEDGED_MAX)))
    await world.until(lambda: anchor.blobs >= 2 * PUSHES_UNACKNOWLEDGED_MAX)
    for file in copy.iterdir():
        shutil.copy(file, bob.path.parent / file.name)
    await bob.start()
    await world.pass_time(60)
    await alice.say(bob, "past Carol")
    await world.until(lambda: bob.received(alice)[-1:] == ["past Carol"], within_s=HOUR_S)


async def test_a_contact_who_begins_again_and_again_is_told_of_mailboxes_once(
    world: World,
) -> None:
    """She never reads what Bob tells her: it must not pile up."""
    alice, bob, anchor = await one_anchor(world)
    service = anchor.anchor._service

    def only_holders(peer: Any, number: int, request: Subscribe) -> None:
        if isinstance(peer.role, Account):
            before(peer, number, request)
        else:
            peer.line.answer(number, Unknown())

    before = service._subscribe
    lie(anchor, Subscribe, only_holders)
    for n in range(5):
        await alice.stop()
        alice.lose_conversations()
        await alice.start()
        await alice.say(bob, f"again {n}")
        await world.until(lambda n=n: f"again {n}" in bob.received(alice), within_s=HOUR_S)  # type: ignore[misc]
        await world.pass_time(10)
    assert bob.queued(alice) <= 1
