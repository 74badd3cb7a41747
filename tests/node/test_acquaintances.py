"""Members of a room who are no contacts reach each other without those who know both."""

from typing import Any

import pytest

from loom.api.contact_commands import BlockContact, ImportToken, ListContacts
from loom.api.events import RoomJoined
from loom.api.invite_commands import ListRequests, MakeInvite
from loom.api.message_commands import History, SendText
from loom.api.room_commands import LeaveRoom, RemoveMember, SetRoomDirect, ShowRoom
from loom.core.room.post import HintsContent, decode_post
from loom.model import Address, MessageId
from loom.node.device import Device
from loom.node.rooms import meeting, speaking
from loom.node.rooms.work import RoomWork
from loom.storage import anchors, counters, persons, room_posts, rooms
from loom.wire import content as wire
from loom.wire.content import KnownPayload
from loom.wire.hints import Hint, encode_hints
from loom.wire.limits import ACQUAINTANCE_ENDS_S, ROOM_HINTS_INTERVAL_S
from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import Person, World
from tests.node.test_mail import wall
from tests.node.test_rooms import ROOM, alike, invite, join, make, members, posts, say, stored


def acquaintance(person: Person, other: Person) -> Device:
    """The other in this person's node."""
    for device in person.node.roster.acquaintances.values():
        if device.peer_id == other.identity.peer_id:
            return device
    raise AssertionError(f"{person} does not know {other}")


def is_acquainted(person: Person, other: Person) -> bool:
    """Whether they know each other by the room alone."""
    known = person.node.roster.acquaintances.values()
    return any(one.peer_id == other.identity.peer_id for one in known)


def has_met(person: Person, other: Person) -> bool:
    """Whether a session with the other was answered."""
    if not is_acquainted(person, other):
        return False
    best = acquaintance(person, other).sessions.best
    return best is not None and best.confirmed_at_s is not None


async def strangers(world: World, *, anchors: tuple[str, ...]) -> list[Person]:
    """Ada made a room, Bob and Cyd are in it and know only her; some have an anchor each."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    for person in people:
        if person.name in anchors:
            anchor = AnchorMachine(world, f"of {person}")
            await anchor.start()
            await anchor.serve(person)
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    wall(world, people[1], people[2])
    return people


@pytest.mark.parametrize("anchors", [("Bob", "Cyd"), ("Bob",), ("Cyd",)])
async def test_members_who_are_no_contacts_talk_while_the_creator_is_off(
    world: World, anchors: tuple[str, ...]
) -> None:
    ada, bob, cyd = await strangers(world, anchors=anchors)
    await world.until(lambda: has_met(bob, cyd) and has_met(cyd, bob), within_s=3_000.0)
    await ada.stop()
    await say(bob, "is anybody there?")
    await world.until(lambda: len(stored(cyd)) == 1, within_s=3_000.0)
    await say(cyd, "I am")
    await world.until(lambda: len(stored(bob)) == 2, within_s=3_000.0)
    assert [one.body for one in await posts(bob)] == ["is anybody there?", "I am"]
    for person, other in ((bob, cyd), (cyd, bob)):
        contacts = (await person.do(ListContacts())).contacts
        assert other.name not in [one.contact for one in contacts]
        assert len(contacts) == 1


async def acquainted(world: World, *, anchors: tuple[str, ...] = ("Bob", "Cyd")) -> list[Person]:
    """The same three once Bob and Cyd have met."""
    people = await strangers(world, anchors=anchors)
    _, bob, cyd = people
    await world.until(lambda: has_met(bob, cyd) and has_met(cyd, bob), within_s=3_000.0)
    return people


def count(person: Person, what: str, *given: Any) -> int:
    """How many rows a query finds."""
    return int(person.database.look(lambda db: db.execute(what, given).fetchone()[0]))


async def tell_hints(person: Person, *hints: Hint) -> None:
    """Say in the room where one is reached, whatever is true."""

    def tell(db: Any, happened: Any) -> None:
        parts = person.node.parts
        now_ms, reached = parts.clock.now_ms(), person.node.roster.reached()
        work = RoomWork(db, happened, parts, now_ms, reached)
        now = work.now(rooms.every(db)[0].room)
        assert now is not None
        speaking.post(work, now, HintsContent(encode_hints(hints)))
        queued[:] = work.queued_for

    queued: list[Any] = []
    await person.node.parts.journal.write(tell)
    person.node.roster.rows_added(queued)


async def test_who_joins_without_an_anchor_is_told_again_what_was_said_before(
    world: World,
) -> None:
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd", "Dan")]
    ada, bob, cyd, dan = people
    anchor = AnchorMachine(world, "his")
    await anchor.start()
    await anchor.serve(bob)
    await make(ada, history=0)
    await join(world, ada, bob)
    await join(world, ada, cyd)
    await world.until(lambda: has_met(bob, cyd) and has_met(cyd, bob), within_s=3_000.0)
    await join(world, ada, dan)
    wall(world, bob, dan)
    await world.until(lambda: has_met(bob, dan) and has_met(dan, bob), within_s=3_000.0)
    await ada.stop()
    await cyd.stop()
    await say(bob, "to Dan")
    await world.until(lambda: len(stored(dan)) == 1, within_s=3_000.0)


async def test_members_link_directly_if_both_want_it(world: World) -> None:
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    ada, bob, cyd = people
    await make(ada)
    for joiner in (bob, cyd):
        await join(world, ada, joiner)
    await alike(world, *people, count=0)
    assert (await cyd.do(SetRoomDirect(room=ROOM, on=True))).direct
    await world.pass_time(2 * ROOM_HINTS_INTERVAL_S)
    assert is_acquainted(cyd, bob)
    assert not acquaintance(cyd, bob).is_linked(), "Bob did not want to show his address"
    assert (await members(cyd))["Bob"].reach == "members"
    await bob.do(SetRoomDirect(room=ROOM, on=True))
    await world.until(
        lambda: is_acquainted(bob, cyd) and acquaintance(bob, cyd).is_linked(), within_s=3_000.0
    )
    await ada.stop()
    await say(bob, "without her")
    await world.until(lambda: len(stored(cyd)) == 1)
    assert (await members(cyd))["Bob"].reach == "linked"
    assert (await members(cyd))["Bob"].keys == "same"
    await bob.do(SetRoomDirect(room=ROOM, on=False))
    await cyd.do(SetRoomDirect(room=ROOM, on=False))
    await world.until(lambda: not acquaintance(bob, cyd).is_linked(), within_s=3_000.0)
    assert not (await bob.do(ShowRoom(room=ROOM))).direct


STATEMENTS: list[KnownPayload] = [
    wire.Text(bytes([1]) * 16, 1, "hello"),
    wire.Profile(bytes([2]) * 16, 1, 2**52, "Ada", "here", away=False),
    wire.Farewell(bytes([3]) * 16, 2**52, 2**52, 2),
    wire.Timer(bytes([4]) * 16, 1, 2**52, 5),
    wire.Edit(bytes([5]) * 16, 1, bytes(16), 1, "x"),
    wire.Delete(bytes([6]) * 16, 1, (bytes(16),)),
    wire.React(bytes([7]) * 16, 1, wire.Target(True, bytes(16)), 1, "x"),
    wire.Pin(bytes([8]) * 16, 1, wire.Target(True, bytes(16)), 1, on=True),
    wire.Typing(bytes([9]) * 16, 1, on=True),
    wire.Join(bytes([10]) * 16, 1, "Ada", 1, ()),
]
TABLES = (
    *("persons", "messages", "conversations", "edits", "registers", "early", "timers"),
    *("farewells", "requests", "invites", "told_mailboxes", "events"),
)


async def test_of_an_acquaintance_nothing_is_taken_but_what_rooms_need(world: World) -> None:
    _, bob, cyd = await acquainted(world)
    await world.pass_time(3_600.0)

    def kept() -> list[list[Any]]:
        return [
            cyd.database.look(lambda db, one=one: db.execute(f"SELECT * FROM {one}").fetchall())  # type: ignore[misc]  # noqa: S608
            for one in TABLES
        ]

    before, told = kept(), len(cyd.events)
    seen = count(cyd, "SELECT count(*) FROM seen")
    taken = count(cyd, "SELECT count(*) FROM envelopes")
    device = acquaintance(bob, cyd)
    for one in STATEMENTS:
        await device.delivery.outbox.add(MessageId(one.message_id), one, lambda db, happened: None)
    await world.until(
        lambda: count(cyd, "SELECT count(*) FROM envelopes") >= taken + len(STATEMENTS),
        within_s=3_000.0,
    )
    assert kept() == before
    assert cyd.events[told:] == []
    assert count(cyd, "SELECT count(*) FROM seen") == seen
    assert (await cyd.do(ListRequests())).requests == []
    await say(bob, "this is for the room")
    await world.until(lambda: len(stored(cyd)) == 1, within_s=3_000.0)


async def parted(world: World, *people: Person) -> None:
    """They know that no room is common any more, and a day later nothing of each other."""
    known = [next(iter(one.node.roster.acquaintances)) for one in people]
    ends = "SELECT count(*) FROM persons WHERE acquaintance_until_s > 0"
    await world.until(lambda: all(count(one, ends) for one in people), within_s=3_000.0)
    for one in people:
        one.clock.jumped_s += ACQUAINTANCE_ENDS_S
    there = "SELECT count(*) FROM persons WHERE person_id = ?"
    await world.until(
        lambda: (
            not any(count(one, there, number) for one, number in zip(people, known, strict=True))
        )
    )


async def test_who_is_removed_is_an_acquaintance_no_longer(world: World) -> None:
    ada, bob, cyd = await acquainted(world)
    his, hers = bob.identity.peer_id, cyd.identity.peer_id
    await ada.do(RemoveMember(room=ROOM, member="Cyd"))
    await parted(world, bob, cyd)
    for person, other in ((bob, hers), (cyd, his)):
        assert count(person, "SELECT count(*) FROM persons WHERE peer_id = ?", other) == 0
        assert count(person, "SELECT count(*) FROM sessions") == 1, "Ada's"
        assert person.database.look(lambda db, other=other: counters.get(db, other)).accepted or (  # type: ignore[misc]
            person.database.look(lambda db, other=other: counters.get(db, other)).sent  # type: ignore[misc]
        )
        assert count(person, "SELECT count(*) FROM queues") == 2, "Ada's"


async def test_who_leaves_tells_acquaintances_first_and_is_known_no_longer(world: World) -> None:
    ada, bob, cyd = await acquainted(world)
    await ada.stop()
    await cyd.do(LeaveRoom(room=ROOM, delete=True))
    await parted(world, bob, cyd)
    assert "Cyd" not in await members(bob)


async def test_a_crash_while_they_meet_changes_nothing(world: World) -> None:
    _, bob, cyd = await strangers(world, anchors=("Bob",))
    for turns in (3, 30, 100, 300, 1_000):
        bob.lose_power_in(turns)
        await world.until(lambda: not bob.is_running, within_s=3_000.0)
        await bob.restart()
        wall(world, bob, cyd)
    await world.until(lambda: has_met(bob, cyd) and has_met(cyd, bob), within_s=6_000.0)
    await say(cyd, "still here")
    await world.until(lambda: len(stored(bob)) == 1, within_s=3_000.0)


async def test_acquaintances_who_import_each_others_token_are_contacts(world: World) -> None:
    _, bob, cyd = await acquainted(world)
    await bob.add(cyd)
    await bob.do(SendText(contact="Cyd", body="you do not know me"))
    await world.pass_time(600.0)
    assert not (await cyd.do(ListContacts())).contacts[1:]
    await cyd.add(bob)
    world.network.heal()
    await bob.call(cyd)
    await world.until(lambda: cyd.received(bob) == ["you do not know me"])
    assert not is_acquainted(bob, cyd)
    assert not is_acquainted(cyd, bob)
    await say(bob, "in the room")
    await world.until(lambda: len(stored(cyd)) == 1, within_s=3_000.0)
    assert (await members(cyd))["Bob"].contact == "Bob"


async def test_acquaintances_become_contacts_by_an_invite(world: World) -> None:
    _, bob, cyd = await acquainted(world)
    text = (await bob.do(MakeInvite())).text
    await cyd.do(ImportToken(token=text, name="Bob"))
    await world.until(
        lambda: any(one.peer_id == cyd.identity.peer_id for one in bob.node.roster.values()),
        within_s=3_000.0,
    )
    await bob.do(SendText(contact="Cyd", body="hello"))
    await world.until(lambda: cyd.received(bob) == ["hello"], within_s=3_000.0)
    history = await bob.do(History(contact="Cyd"))
    assert [one.body for one in history.messages] == ["hello"]
    await say(cyd, "in the room")
    await world.until(lambda: len(stored(bob)) == 1, within_s=3_000.0)
    assert not is_acquainted(bob, cyd)
    assert not is_acquainted(cyd, bob)


async def test_a_blocked_identity_is_no_acquaintance(world: World) -> None:
    ada, bob, cyd = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    anchor = AnchorMachine(world, "his")
    await anchor.start()
    await anchor.serve(bob)
    await bob.add(cyd)
    await bob.do(BlockContact(contact="Cyd"))
    await make(ada)
    for joiner in (bob, cyd):
        await join(world, ada, joiner)
    await world.pass_time(600.0)
    assert not is_acquainted(bob, cyd)
    assert not is_acquainted(cyd, bob)


async def test_hints_that_lie_lead_nowhere(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    ada, bob, cyd = people
    await make(ada)
    for joiner in (bob, cyd):
        await join(world, ada, joiner)
    await cyd.do(SetRoomDirect(room=ROOM, on=True))
    dialled: list[str] = []
    network = cyd.node.network
    before = network.caller.call_in_turn

    async def note(callee: Any, address: Address, *, urgent: bool) -> None:
        dialled.append(address.host)
        await before(callee, address, urgent=urgent)

    monkeypatch.setattr(network.caller, "call_in_turn", note)
    hosts = ("127.0.0.1", "169.254.1.1", "::1", "224.0.0.1", "10.9.9.9")
    lies = [Hint(Address(one, 80)) for one in hosts]
    lies += [Hint(cyd.address), Hint(Address("127.0.0.1", 81), b"D" * 16)]
    await tell_hints(bob, *lies)
    await world.until(lambda: is_acquainted(cyd, bob), within_s=3_000.0)
    await world.until(lambda: "10.9.9.9" in dialled, within_s=3_000.0)
    await world.pass_time(600.0)
    assert set(dialled) - {ada.host} == {"10.9.9.9"}
    assert acquaintance(cyd, bob).mailer.mailboxes == ()


async def test_of_many_hints_the_last_ones_hold(world: World) -> None:
    _, bob, cyd = await strangers(world, anchors=("Cyd",))
    for port in range(1, 80):
        await tell_hints(bob, Hint(Address("192.0.2.7", port), b"D" * 16))

    def held() -> list[HintsContent]:
        return cyd.database.look(
            lambda db: [
                one
                for post, data in room_posts.hints(db, rooms.every(db)[0].room)
                if isinstance(one := decode_post(data).content, HintsContent) and post.author != own
            ]
        )

    own = cyd.database.look(lambda db: rooms.keys(db, rooms.every(db)[0].room)[0].author)
    await world.until(
        lambda: [one.hints[0].address.port for one in held()] == [79], within_s=3_000.0
    )
    assert stored(cyd) == []
    assert await posts(cyd) == []


async def test_only_so_many_are_known(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "ACQUAINTANCES_MAX", 1)
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd", "Dan")]
    anchor = AnchorMachine(world, "his")
    await anchor.start()
    await anchor.serve(people[1])
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await world.pass_time(600.0)
    assert len(people[1].node.roster.acquaintances) == 1


async def test_who_appears_as_somebody_else_opens_no_session(world: World) -> None:
    """An officer admits a key of its own under another's fingerprint."""
    ada, bob, cyd = await acquainted(world)
    other = await world.person("Eve")
    stored_ = bob.database.look(lambda db: len(persons.contacts(db)))
    await other.do(ImportToken(token=await invite(ada)))
    await world.until(lambda: bool(other.told(RoomJoined)))
    await world.until(lambda: is_acquainted(bob, other), within_s=3_000.0)
    assert bob.database.look(lambda db: len(persons.contacts(db))) == stored_ + 1
    await world.until(lambda: is_acquainted(other, cyd), within_s=3_000.0)
    held = bob.database.look(anchors.queues)
    # Of each queue both ends alone know the secret: no two are alike, and nobody else's.
    assert len({one.secret for one in held}) == len(held)
    assert not {one.secret for one in held} & {
        entry.secret
        for person in (other,)
        for entry in person.node.network.acquaintances.mailboxes(acquaintance(other, cyd))
    }
