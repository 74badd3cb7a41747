"""A contact may state anything about any message: nothing of mine changes, and nothing grows on."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loom.api.contact_commands import ImportToken, ShowContact, VerifyContact
from loom.api.conversation_commands import SetDraft
from loom.api.events import MessageEdited, MessageReacted
from loom.api.message_commands import Bookmark, EditMessage, Pin, React, SendText, ShowEdits
from loom.node.content import edit, react
from loom.storage import maintenance
from loom.storage.connection import Db
from loom.wire import content as wire
from loom.wire.content import KnownPayload, Target, Text
from loom.wire.limits import EARLY_MAX, EARLY_MAX_BYTES, EDITS_MAX
from loom.wire.token import encode_token
from tests.node.by_hand import take_in
from tests.node.harness import Person, World, identity_of
from tests.node.virtual_loop import VirtualLoop

THEIRS = [bytes([1]) * 15 + bytes([n]) for n in range(4)]
"""Ids of Texts of the contact: two are there, two are not."""
UNKNOWN = bytes(16)

PLACES = st.integers(0, 8)
NUMBERS = st.sampled_from([0, 1, 1_795_000_000_000, 2**53 - 1])
BODIES = st.sampled_from(["x", "\u202eevil\x1b[2J", "\0", "y" * 16_384])
STATEMENTS = st.one_of(
    st.tuples(st.just(wire.Text), st.integers(0, 3), BODIES, st.booleans(), PLACES),
    st.tuples(st.just(wire.Edit), PLACES, NUMBERS, BODIES),
    st.tuples(st.just(wire.Delete), st.lists(PLACES, min_size=1, max_size=9)),
    st.tuples(
        st.just(wire.React), st.booleans(), PLACES, NUMBERS, st.sampled_from(["", "x", "\0"])
    ),
    st.tuples(st.just(wire.Pin), st.booleans(), PLACES, NUMBERS, st.booleans()),
)

MINE = {
    "messages": "SELECT * FROM messages WHERE author = 0 ORDER BY row_id",
    "wordings": "SELECT e.* FROM edits AS e JOIN messages AS m USING (row_id) WHERE m.author = 0",
    "registers": "SELECT r.* FROM registers AS r JOIN messages AS m USING (row_id)"
    " WHERE r.author = 0 AND m.author = 0",
    "outbox": "SELECT o.* FROM outbox AS o LEFT JOIN messages AS m ON m.row_id = about_row"
    " WHERE about_row IS NULL OR m.author = 0",
    "drafts": "SELECT * FROM drafts",
    "preferences": "SELECT * FROM preferences",
    "persons": "SELECT * FROM persons",
}


def _mine(db: Db) -> dict[str, Any]:
    return {what: db.execute(query).fetchall() for what, query in MINE.items()}


def _count(person: Person, table: str) -> int:
    query = f"SELECT count(*) FROM {table}"  # noqa: S608 - the names are constants
    return int(person.database.look(lambda db: db.execute(query).fetchone()[0]))


class Meeting:
    """Alice, who wrote, answered, edited, reacted and pinned; and Bob, who is hostile."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent = 0

    async def begin(self) -> None:
        self.alice = await self.world.person("Alice")
        self.bob = await self.world.person("Bob")
        await self.alice.add(self.bob)
        alice = self.alice
        await take_in(alice, self.bob, [Text(one, 1, "from Bob") for one in THEIRS[:2]])
        [first, _, _] = await alice.say(self.bob, "one", "two", "three")
        theirs = [one.message_id for one in await alice.history(self.bob)][:2]
        await alice.do(SendText(contact="Bob", body="four", reply_to=theirs[0]))
        await alice.do(EditMessage(contact="Bob", message_id=first.message_id, body="uno"))
        for message_id in (first.message_id, *theirs):
            await alice.do(React(contact="Bob", message_id=message_id, emoji="\N{SNOWMAN}"))
            await alice.do(Pin(contact="Bob", message_id=message_id))
            await alice.do(Bookmark(contact="Bob", message_id=message_id))
        await alice.do(SetDraft(contact="Bob", body="begun"))
        mine = [one for one in await alice.history(self.bob) if one.direction == "out"]
        self.ids = [
            *THEIRS,
            *(bytes.fromhex(one.message_id.replace("-", "")) for one in mine),
            UNKNOWN,
        ]

    def payload(self, kind: type, *fields: Any) -> KnownPayload:
        """What a drawn tuple stands for."""
        self.sent += 1
        statement_id = b"\xff" * 8 + self.sent.to_bytes(8, "big")
        match kind, fields:
            case wire.Text, (place, body, own, answers):
                return Text(THEIRS[place], 1, body, Target(own, self.ids[answers]))
            case wire.Edit, (place, number, body):
                return wire.Edit(statement_id, 1, self.ids[place], number, body)
            case wire.Delete, (places,):
                return wire.Delete(statement_id, 1, tuple(self.ids[one] for one in places))
            case _, (own, place, number, value):
                return kind(statement_id, 1, Target(own, self.ids[place]), number, value)  # type: ignore[no-any-return]
        raise AssertionError(kind)


@given(st.lists(st.lists(STATEMENTS, min_size=1, max_size=8), max_size=6))
@settings(max_examples=40, deadline=None)
def test_promise_17_nothing_of_mine_changes(batches: list[list[tuple[Any, ...]]]) -> None:
    async def meet(folder: str) -> None:
        meeting = Meeting(World(Path(folder)))
        await meeting.begin()
        alice = meeting.alice
        before = alice.database.look(_mine)
        states = [one.state for one in await alice.history(meeting.bob) if one.direction == "out"]
        for batch in batches:
            await take_in(alice, meeting.bob, [meeting.payload(*one) for one in batch])
        assert alice.database.look(_mine) == before
        after = await alice.history(meeting.bob)
        assert [one.state for one in after if one.direction == "out"] == states
        for one in after:
            own = [reaction for reaction in one.reactions if reaction.contact is None]
            was_mine = one.direction == "out" and one.body == "uno"
            assert len(own) == (was_mine or (one.direction == "in" and one.bookmarked))
        assert await alice.database.integrity() == []
        await meeting.world.close()

    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        runner.run(meet(folder))


async def test_a_flood_that_changes_nothing_is_no_event_and_takes_no_room(world: World) -> None:
    meeting = Meeting(world)
    await meeting.begin()
    alice, bob = meeting.alice, meeting.bob
    mine, theirs = Target(False, meeting.ids[4]), Target(True, THEIRS[0])
    for target in (mine, theirs):
        first = [wire.React(b"a" * 16, 1, target, 7, "x"), wire.Pin(b"b" * 16, 1, target, 7, True)]
        await take_in(alice, bob, [*first, *first])
        told, stored = len(alice.events), _count(alice, "events")
        registers = _count(alice, "registers")
        flood: list[KnownPayload] = []
        for n in range(500):
            statement_id = bytes([n % 251, n // 251]) * 8
            for number in (0, 7, 8):
                flood.append(wire.React(statement_id, 1, target, number, "x"))
                flood.append(wire.Pin(statement_id[::-1], 1, target, number, True))
        for start in range(0, len(flood), 100):
            await take_in(alice, bob, flood[start : start + 100])
        assert (len(alice.events), _count(alice, "events")) == (told, stored)
        assert _count(alice, "registers") == registers
    told, stored = len(alice.events), _count(alice, "events")
    foreign = [
        wire.Edit(b"e" * 16, 1, meeting.ids[4], 2**53 - 1, "not theirs"),
        wire.Delete(b"f" * 16, 1, tuple(meeting.ids[4:8])),
        wire.React(b"g" * 16, 1, Target(False, UNKNOWN), 1, "x"),
        wire.Edit(b"h" * 16, 1, b"a" * 16, 1, "of a statement"),
    ]
    await take_in(alice, bob, foreign)
    assert (len(alice.events), _count(alice, "events")) == (told, stored)


async def test_ten_thousand_reactions_and_edits_leave_one_and_twenty(world: World) -> None:
    meeting = Meeting(world)
    await meeting.begin()
    alice, bob = meeting.alice, meeting.bob
    target = Target(True, THEIRS[0])
    statements: list[KnownPayload] = []
    for n in range(10_000):
        statement_id = n.to_bytes(16, "little")[::-1]
        statements.append(wire.React(b"r" + statement_id[1:], 1, target, n, "xy"[n % 2]))
        statements.append(wire.Edit(b"e" + statement_id[1:], 1, THEIRS[0], n, f"wording {n}"))
    for start in range(0, len(statements), 500):
        await take_in(alice, bob, statements[start : start + 500])
    [shown] = [one for one in await alice.history(bob) if one.body.startswith("wording")]
    assert shown.body == "wording 9999"
    assert [one.emoji for one in shown.reactions if one.contact == "Bob"] == ["y"]
    assert _count(alice, "edits") == EDITS_MAX + 1 + 2  # and Alice's own
    assert alice.told(MessageEdited)[-1].body == "wording 9999"
    assert alice.told(MessageReacted)[-1].emoji == "y"


async def test_of_statements_about_nothing_the_last_thousand_wait_for_35_days(
    world: World,
) -> None:
    meeting = Meeting(world)
    await meeting.begin()
    alice, bob = meeting.alice, meeting.bob
    pins = [
        wire.Pin(
            b"p" * 14 + n.to_bytes(2, "big"),
            1,
            Target(True, b"q" * 14 + n.to_bytes(2, "big")),
            1,
            True,
        )
        for n in range(EARLY_MAX + 5)
    ]
    for start in range(0, len(pins), 100):
        await take_in(alice, bob, pins[start : start + 100])
    assert _count(alice, "early") == EARLY_MAX
    deletes = wire.Delete(b"d" * 16, 1, tuple(b"z" * 15 + bytes([n]) for n in range(100)))
    await take_in(alice, bob, [deletes])
    assert _count(alice, "early") == EARLY_MAX
    late = [Text(one.target.message_id, 1, "late") for one in (pins[0], pins[-1])]
    await take_in(
        alice, bob, [*late, Text(b"z" * 16, 1, "gone"), Text(b"z" * 15 + b"\1", 1, "gone")]
    )
    found = {one.body: one for one in await alice.history(bob)}
    assert [one.pinned for one in await alice.history(bob)][-3:-1] == [False, True]
    assert len([one for one in await alice.history(bob) if one.body == "gone"]) == 1
    assert found["late"].pinned
    later_s = alice.node.parts.now_s() + 36 * 86_400
    await alice.database.write(lambda db: maintenance.prune(db, later_s))
    assert _count(alice, "early") == 0


async def test_early_statements_wait_in_at_most_a_mebibyte(world: World) -> None:
    """A thousand edits of 16 KiB took 16 MiB of disk."""
    meeting = Meeting(world)
    await meeting.begin()
    alice, bob = meeting.alice, meeting.bob
    ids = [b"q" * 15 + bytes([n]) for n in range(100)]
    edits = [wire.Edit(b"e" * 15 + one[-1:], 1, one, 1, "y" * 16_384) for one in ids]
    for start in range(0, len(edits), 10):
        await take_in(alice, bob, edits[start : start + 10])
    [[size_bytes]] = alice.database.look(
        lambda db: db.execute("SELECT sum(octet_length(payload)) FROM early").fetchall()
    )
    assert EARLY_MAX_BYTES - 17_000 < size_bytes <= EARLY_MAX_BYTES
    await take_in(alice, bob, [Text(ids[0], 1, "oldest"), Text(ids[-1], 1, "newest")])
    *_, oldest, newest = await alice.history(bob)
    assert (oldest.edited, newest.edited) == (False, True)


async def test_of_early_statements_about_one_message_those_are_taken_up_that_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To take up a thousand in one transaction held the node up for most of a second."""
    meeting = Meeting(world)
    await meeting.begin()
    alice, bob = meeting.alice, meeting.bob
    target = b"q" * 16

    def statement_id(number: int) -> bytes:
        return b"e" * 14 + number.to_bytes(2, "big")

    numbers = Random(1).sample(range(900), 900)
    edits = [wire.Edit(statement_id(n), 1, target, n // 2, f"wording {n}") for n in numbers]
    reacts = [
        wire.React(statement_id(n), 1, Target(True, target), n - 900, emoji)
        for n, emoji in ((902, "\N{SNOWMAN}"), (901, "x"), (900, "y"))
    ]
    for start in range(0, len(edits), 100):
        await take_in(alice, bob, edits[start : start + 100])
    await take_in(alice, bob, reacts)
    applied: list[str] = []
    for kind in (edit, react):
        monkeypatch.setattr(kind, "apply", _noting(applied, kind.apply))
    await take_in(alice, bob, [Text(target, 1, "original")])
    *_, message = await alice.history(bob)
    shown = await alice.do(ShowEdits(contact="Bob", message_id=message.message_id))
    newest = [f"wording {n}" for n in range(900 - EDITS_MAX, 900)]
    assert [one.body for one in shown.wordings] == ["original", *newest]
    assert [one.emoji for one in message.reactions] == ["\N{SNOWMAN}"]
    assert len(applied) == EDITS_MAX + 1


def _noting(applied: list[str], apply: Callable[..., Any]) -> Callable[..., Any]:
    def noting(*given: Any) -> Any:
        applied.append(apply.__module__)
        return apply(*given)

    return noting


async def test_a_text_with_the_id_of_another_message_is_not_shown_and_stops_nothing(
    world: World,
) -> None:
    meeting = Meeting(world)
    await meeting.begin()
    alice, bob = meeting.alice, meeting.bob
    mine, before = meeting.ids[4], await alice.history(bob)
    timer = wire.Timer(meeting.ids[5], 1, 1, 3_600)
    await take_in(alice, bob, [Text(mine, 1, "not one's own"), timer, Text(b"n" * 16, 1, "next")])
    assert [one.body for one in await alice.history(bob)][len(before) :] == ["next"]
    assert (await alice.do(ShowContact(contact="Bob"))).timer.theirs_s == 3_600
    # Another identity has seen none of these ids.
    token = encode_token(identity_of("Bob's new machine").token)
    await alice.do(ImportToken(token=token, name="Bob", replace=True))
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    bob.identity = identity_of("Bob's new machine")
    again = [Text(THEIRS[0], 1, "again"), Text(mine, 1, "again"), Text(b"o" * 16, 1, "last")]
    await take_in(alice, bob, again)
    assert [one.body for one in await alice.history(bob)][len(before) :] == ["next", "last"]
