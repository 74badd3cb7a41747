"""Councils: a room that votes, what becomes of proposals, and what members never sign."""

import pytest

from loom.api.contact_commands import ImportToken
from loom.api.events import RoomJoined, RoomLeft
from loom.api.room_commands import (
    AppointCouncil,
    LeaveRoom,
    ListProposals,
    ProposeChange,
    RemoveMember,
    RenameRoom,
    RoomChange,
    RoomHistory,
    ShowRoom,
    VoteOnProposal,
)
from loom.api.room_views import PostView, ProposalView
from loom.core.room.keys import Council, RoomSigner
from loom.core.room.post import Content, ProposalContent, VoteContent
from loom.core.room.statement import (
    Body,
    Genesis,
    Leave,
    Remove,
    SetName,
    decode_statement,
    encode_head,
)
from loom.errors import InvalidInput
from loom.node.room_states import RoomNow, signer_of
from loom.node.rooms import changes, speaking
from loom.node.rooms.work import RoomWork
from loom.storage import room_posts, rooms
from loom.storage.connection import Db
from tests.node.harness import Person, World
from tests.node.test_room_polls import ids, same_posts
from tests.node.test_rooms import ROOM, alike, invite, join, make, members, say, state


@pytest.fixture
async def four(world: World) -> list[Person]:
    """Ada made a room; the others joined it, and know nobody but Ada."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd", "Dan")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


async def appoint(world: World, people: list[Person], role: str = "owner") -> None:
    """Ada, Bob and Cyd decide, if two of them agree."""
    names = ["Ada", "Bob", "Cyd"]
    view = await people[0].do(AppointCouncil(room=ROOM, threshold=2, members=names, role=role))
    assert [(one.threshold, sorted(one.members)) for one in view.councils] == [(2, names)]
    await settled(world, *people)


async def settled(world: World, *people: Person) -> None:
    """All of them have the same statements and posts."""
    await world.until(
        lambda: all(
            state(one) == state(people[0]) and ids(one) == ids(people[0]) for one in people
        ),
        within_s=1_000.0,
    )


async def propose(person: Person, change: RoomChange, reason: str = "") -> PostView:
    """One proposal."""
    [post] = (await person.do(ProposeChange(room=ROOM, change=change, reason=reason))).posts
    return post


async def vote(person: Person, post: PostView, *, yes: bool = True) -> ProposalView:
    """What became of it."""
    view = await person.do(VoteOnProposal(room=ROOM, post_id=post.post_id, yes=yes))
    assert view.proposal is not None
    return view.proposal


async def seen(person: Person, post: PostView) -> ProposalView:
    """As it stands for them."""
    found = (await person.do(ListProposals(room=ROOM))).posts
    [view] = [one.proposal for one in found if one.post_id == post.post_id]
    assert view is not None
    return view


async def lines(person: Person) -> list[str]:
    """What the timeline says was changed."""
    page = await person.do(RoomHistory(room=ROOM, limit=500))
    return [f"{one.author}: {one.line.what} {one.line.whom}" for one in page.posts if one.line]


async def test_a_room_whose_creator_left_is_ruled_by_votes(
    world: World, four: list[Person]
) -> None:
    ada, bob, cyd, dan = four
    await world.introduce(four[1:])
    await appoint(world, four)
    await ada.do(LeaveRoom(room=ROOM))
    await settled(world, bob, cyd, dan)
    with pytest.raises(InvalidInput):
        await bob.do(RemoveMember(room=ROOM, member="Dan"))
    removal = await propose(bob, RemoveMember(room=ROOM, member="Dan"), "spams")
    assert removal.body == "spams"
    assert removal.proposal is not None
    assert (removal.proposal.state, removal.proposal.missing) == ("open", 1)
    assert (removal.proposal.change.what, removal.proposal.change.whom) == ("removed", "Dan")
    await settled(world, bob, cyd, dan)
    assert "Dan" in await members(bob)
    with pytest.raises(InvalidInput):
        await vote(dan, removal)
    assert (await vote(cyd, removal)).state == "accepted"
    await world.until(lambda: bool(dan.told(RoomLeft)))
    await settled(world, bob, cyd)
    for person in (bob, cyd):
        assert set(await members(person)) == {"Bob", "Cyd"}
        after = await seen(person, removal)
        assert (after.state, sorted(one.author for one in after.votes)) == (
            "accepted",
            ["Bob", "Cyd"],
        )
    assert dan.told(RoomLeft)[0].by.startswith("the council of ")
    assert any("the council of" in one and "removed Dan" in one for one in await lines(bob))


async def test_the_council_lets_somebody_in_by_votes(world: World, four: list[Person]) -> None:
    _, bob, cyd, dan = four
    await appoint(world, four)
    with pytest.raises(InvalidInput):
        await invite(dan)
    eve = await world.person("Eve")
    await eve.do(ImportToken(token=await invite(bob)))
    await world.until(lambda: _is_proposed(cyd, 1), within_s=1_000.0)
    [asked] = (await cyd.do(ListProposals(room=ROOM))).posts
    assert asked.proposal is not None
    assert (asked.proposal.change.what, asked.proposal.change.whom) == ("admitted", "Eve")
    assert not eve.told(RoomJoined)
    await vote(cyd, asked)
    await world.until(lambda: bool(eve.told(RoomJoined)), within_s=1_000.0)
    await settled(world, *four, eve)
    assert set(await members(dan)) == {"Ada", "Bob", "Cyd", "Dan", "Eve"}
    await say(eve, "hello")
    await settled(world, *four, eve)


def _is_proposed(person: Person, count: int) -> bool:
    def look(db: object) -> bool:
        room = rooms.every(db)[0].room  # type: ignore[arg-type]
        return len(room_posts.proposals(db, room, 9)) == count  # type: ignore[arg-type]

    return person.database.look(look)


async def test_two_who_assemble_at_once_make_one_effect(world: World, four: list[Person]) -> None:
    ada, bob, cyd, _ = four
    await appoint(world, four)
    asked = await propose(bob, RenameRoom(room=ROOM, name="Orchard"))
    await settled(world, *four)
    # Bob's and Cyd's words cross: both then see enough, with different signatures.
    world.network.partition({ada.host}, {bob.host, cyd.host})
    assert (await vote(ada, asked)).state == "accepted"
    await cyd.do(VoteOnProposal(room=ROOM, post_id=asked.post_id, yes=True))
    world.network.heal()
    await settled(world, *four)
    for person in four:
        assert (await person.do(ShowRoom(room="Orchard"))).room == "Orchard"
        page = await person.do(RoomHistory(room="Orchard", limit=500))
        renamed = [one for one in page.posts if one.line and one.line.what == "renamed"]
        assert len(renamed) == 1


async def test_what_was_voted_on_is_done_after_a_crash(world: World, four: list[Person]) -> None:
    ada, bob, cyd, dan = four
    await appoint(world, four)
    asked = await propose(bob, RemoveMember(room=ROOM, member="Dan"))
    await settled(world, *four)
    ada.lose_power()
    await ada.bury()
    await cyd.crash()
    await cyd.start()
    assert (await vote(cyd, asked)).state == "accepted"
    await cyd.crash()
    await ada.start()
    await cyd.start()
    await world.until(lambda: bool(dan.told(RoomLeft)), within_s=2_000.0)
    await settled(world, ada, bob, cyd)
    assert set(await members(ada)) == {"Ada", "Bob", "Cyd"}


async def test_a_vote_before_its_proposal_counts_once_it_is_here(
    world: World, four: list[Person]
) -> None:
    ada, bob, cyd, _ = four
    await appoint(world, four)
    asked = await propose(bob, RenameRoom(room=ROOM, name=ROOM + " 2"))
    await settled(world, *four)
    await vote(cyd, asked, yes=False)
    assert (await vote(cyd, asked)).state == "accepted"  # a no may become a yes
    with pytest.raises(InvalidInput):
        await cyd.do(VoteOnProposal(room=ROOM + " 2", post_id=asked.post_id, yes=False))
    await settled(world, *four)
    assert (await ada.do(ShowRoom(room=ROOM + " 2"))).members == 4


async def test_enough_noes_end_a_proposal(world: World, four: list[Person]) -> None:
    ada, bob, cyd, dan = four
    await appoint(world, four)
    asked = await propose(bob, RemoveMember(room=ROOM, member="Dan"))
    await settled(world, *four)
    assert (await vote(ada, asked, yes=False)).state == "open"
    await settled(world, *four)
    failed = await vote(cyd, asked, yes=False)
    assert (failed.state, failed.why, failed.may_vote) == ("failed", "votes", ["yes"])
    await settled(world, *four)
    assert (await seen(dan, asked)).state == "failed"
    assert "Dan" in await members(dan)


async def test_of_two_with_one_number_the_later_is_overtaken_and_proposed_again(
    world: World, four: list[Person]
) -> None:
    ada, bob, cyd, _ = four
    await appoint(world, four)
    world.network.partition({bob.host}, {ada.host, cyd.host, four[3].host})
    first = await propose(bob, RenameRoom(room=ROOM, name="Orchard"))
    second = await propose(cyd, RemoveMember(room=ROOM, member="Dan"))
    world.network.heal()
    await settled(world, *four)
    assert (await seen(ada, first)).number == (await seen(ada, second)).number
    with pytest.raises(InvalidInput, match="propose this one again"):
        await vote(bob, second)
    await vote(ada, second)
    with pytest.raises(InvalidInput):
        await vote(ada, first)
    await settled(world, ada, bob, cyd)
    for person in (ada, bob, cyd):
        assert (await seen(person, first)).state == "overtaken"
        assert (await seen(person, second)).state == "accepted"
    again = await propose(bob, RenameRoom(room=ROOM, name="Orchard"))
    await settled(world, ada, bob, cyd)
    assert (await vote(ada, again)).state == "accepted"


async def force(person: Person, content: Content) -> bytes:
    """A post that no command makes; its id."""
    done: list[bytes] = []

    def work(db: object, happened: object) -> None:
        work = _work(person, db, happened)
        done.append(speaking.post(work, _now(work), content).id)

    await person.node.parts.journal.write(work)
    return done[0]


def signer_in_room(db: Db) -> RoomSigner:
    """What signs in the only room."""
    [row] = rooms.every(db)
    return signer_of(db, row.room, rooms.keys(db, row.room)[0].author)


def _work(person: Person, db: object, happened: object) -> RoomWork:
    parts = person.node.parts
    reached = frozenset(one.device_id for one in person.node.roster.values())
    return RoomWork(db, happened, parts, person.clock.now_ms(), reached)  # type: ignore[arg-type]


def _now(work: RoomWork) -> RoomNow:
    now = work.now(rooms.every(work.db)[0].room)
    assert now is not None
    return now


async def now_of(person: Person) -> RoomNow:
    """The room as they have it."""

    def look(db: object) -> RoomNow:
        row = rooms.every(db)[0]  # type: ignore[arg-type]
        return person.node.parts.room_states.of(db, row)  # type: ignore[arg-type]

    return person.database.look(look)


async def test_heads_that_an_attacker_made_are_signed_by_nobody(
    world: World, four: list[Person]
) -> None:
    ada, bob, cyd, dan = four
    await appoint(world, four, role="helper")
    now = await now_of(bob)
    room_id = now.row.room_id
    [council] = [one for one in now.state.officers.values() if one.council is not None]
    dans = now_author(now, "Dan")
    made = now.held.statements[room_id].body
    assert isinstance(made, Genesis)
    other = Council(2, tuple(sorted((now.own, dans))))

    def head(body: Body, author: bytes = council.author, number: int = 1) -> bytes:
        return encode_head(room_id, author, number, body)

    hostile = {
        "room": encode_head(bytes(range(32)), council.author, 1, SetName("other")),
        "office": head(SetName("mine"), now.own),
        "office again": head(SetName("mine"), other.author),
        "kind": head(Leave(0)),
        "kind again": encode_head(bytes(32), made.keys.author, 0, made),
        "right": head(Remove(dans, (), 0, 0)),
        "number": head(SetName("far"), number=300),
    }
    posts = {}
    for why, raw in hostile.items():
        posts[why] = await force(dan, ProposalContent("general", raw, "sign this"))
    await settled(world, *four)
    for why, post_id in posts.items():
        found = [one for one in (await bob.do(ListProposals(room=ROOM))).posts if one.proposal]
        [view] = [one.proposal for one in found if one.post_id == post_id.hex()]
        assert view is not None
        assert view.state == "failed", why
        assert view.may_vote == []
        before = ids(bob)
        with pytest.raises(InvalidInput):
            await bob.do(VoteOnProposal(room=ROOM, post_id=post_id.hex(), yes=True))
        assert ids(bob) == before
    assert (await ada.do(ShowRoom(room=ROOM))).room == ROOM
    assert (await cyd.do(ShowRoom(room=ROOM))).members == 4


def now_author(now: RoomNow, name: str) -> bytes:
    """Who that is in the room."""
    [author] = [one for one, member in now.state.members.items() if member.name == name]
    return author


async def test_votes_of_others_and_wrong_signatures_are_not_counted(
    world: World, four: list[Person]
) -> None:
    ada, bob, cyd, dan = four
    await appoint(world, four)
    asked = await propose(bob, RenameRoom(room=ROOM, name="Orchard"))
    await settled(world, *four)
    post_id = bytes.fromhex(asked.post_id)
    raw = dan.database.look(lambda db: signer_in_room(db).sign_head(b"something else"))
    await force(dan, VoteContent(post_id, raw))
    await force(cyd, VoteContent(post_id, raw))
    await settled(world, *four)
    for person in four:
        view = await seen(person, asked)
        assert (view.state, view.missing) == ("open", 1)
        assert [(one.author, one.vote) for one in view.votes] == [("Bob", "yes")]
    assert (await vote(ada, asked)).state == "accepted"


async def test_an_event_with_too_few_or_doubled_signatures_is_refused(
    world: World, four: list[Person]
) -> None:
    ada, bob, *_ = four
    await appoint(world, four)
    now = await now_of(bob)
    [council] = [one for one in now.state.officers.values() if one.council is not None]
    assert council.council is not None
    place = council.council.authors.index(now.own)
    raw = encode_head(now.row.room_id, council.author, 1, SetName("mine"))
    share = bytes([place]) + bob.database.look(lambda db: signer_in_room(db).sign_head(raw))
    for signature in (share, share + share):
        data = len(raw).to_bytes(4, "big") + raw + len(signature).to_bytes(4, "big") + signature

        def work(db: object, happened: object, data: bytes = data) -> None:
            work = _work(bob, db, happened)
            changes.add(work, _now(work), decode_statement(data))

        with_it = decode_statement(data).id
        await bob.node.parts.journal.write(work)
        await world.pass_time(1_400.0)
        assert with_it not in state(ada)
    assert (await ada.do(ShowRoom(room=ROOM))).room == ROOM


async def test_who_may_alone_needs_no_vote_and_a_weaker_council_may_less(
    world: World, four: list[Person]
) -> None:
    ada, bob, _, _ = four
    await appoint(world, four, role="helper")
    with pytest.raises(InvalidInput, match="may not"):
        await propose(bob, RemoveMember(room=ROOM, member="Dan"))
    await appoint(world, four)
    with pytest.raises(InvalidInput, match="change nothing"):
        await propose(bob, RenameRoom(room=ROOM, name=ROOM))
    for threshold in (1, 4):
        with pytest.raises(InvalidInput):
            await ada.do(
                AppointCouncil(room=ROOM, threshold=threshold, members=["Ada", "Bob", "Cyd"])
            )


async def test_a_council_makes_place_for_another_one(world: World, four: list[Person]) -> None:
    ada, bob, cyd, dan = four
    await world.introduce(four[1:])
    await appoint(world, four)
    await ada.do(LeaveRoom(room=ROOM))
    await settled(world, bob, cyd, dan)
    new = AppointCouncil(room=ROOM, threshold=2, members=["Bob", "Cyd", "Dan"])
    asked = await propose(bob, new)
    await settled(world, bob, cyd, dan)
    await vote(cyd, asked)
    await settled(world, bob, cyd, dan)
    view = await dan.do(ShowRoom(room=ROOM))
    assert [sorted(one.members) for one in view.councils if one.own] == [["Bob", "Cyd", "Dan"]]
    renamed = await propose(dan, RenameRoom(room=ROOM, name="Orchard"))
    await same_posts(world, bob, cyd, dan, count=len(ids(dan)))
    await vote(cyd, renamed)
    await settled(world, bob, cyd, dan)
    assert (await bob.do(ShowRoom(room="Orchard"))).members == 3
