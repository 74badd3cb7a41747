"""Any order, repetition, loss and crash: two people see what the reference says (PROTOCOL 6.1-6.3).

Nodes with real databases. No link joins them: what their outboxes hold is carried over by hand,
late, often, in any order, or never.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from loom.api.command import Command
from loom.api.contact_commands import SayFarewell, ShowContact
from loom.api.conversation_commands import SetTimer
from loom.api.message_commands import (
    DeleteMessages,
    EditMessage,
    ListPins,
    Pin,
    React,
    SendText,
    ShowEdits,
)
from loom.errors import StoreError
from loom.model import MessageId
from loom.node.inbox import Batch, Taken
from loom.node.message_view import shown_id
from loom.storage import farewells, outbox
from loom.storage.outbox import Seal
from loom.storage.shown import QUOTE_MAX
from loom.wire import content as wire
from loom.wire.content import KnownPayload, decode_payload
from loom.wire.limits import EDITS_MAX
from tests.node.harness import Person, World
from tests.node.virtual_loop import VirtualLoop

T = TypeVar("T")
LONG = os.environ.get("LOOM_TEST_LONG") == "1"
WHO, BIG = st.integers(0, 1), st.integers(0, 1_000)
BODIES = st.sampled_from(["one", "two", "a longer wording", "\N{SNOWMAN}" * 300])
EMOJI = st.sampled_from(["", "\N{THUMBS UP SIGN}", "\N{SNOWMAN}"])
TIMERS = st.sampled_from([0, 86_400, 604_800, 31_536_000])
"""So long that nothing ends meanwhile: when it does is another test (tests/node/test_timers.py)."""

Name = tuple[int, bytes]
"""Who wrote a message, and its id."""


class Held(NamedTuple):
    """A payload and its author."""

    author: int
    payload: KnownPayload


def timers(held: set[Held]) -> list[int]:
    """What each side wants of somebody who holds these payloads."""
    stated = [
        (payload.number, payload.message_id, payload.expires_s, who)
        for who, payload in held
        if isinstance(payload, wire.Timer)
    ]
    return [max([(-1, b"", 0, me), *(one for one in stated if one[3] == me)])[2] for me in (0, 1)]


def shown(held: set[Held], gone: set[Name]) -> dict[Name, Any]:
    """The reference: what somebody sees who holds these payloads and deleted some messages here."""
    covered = [one.before_ms for _, one in held if isinstance(one, wire.Farewell)]
    deleted = {
        (who, one)
        for who, payload in held
        if isinstance(payload, wire.Delete)
        for one in payload.target_ids
    }
    texts = {
        (who, payload.message_id): payload
        for who, payload in held
        if isinstance(payload, wire.Text)
        if (who, payload.message_id) not in deleted | gone
        if payload.sent_at_ms > max(covered, default=-1)
    }
    wordings: dict[Name, list[tuple[int, bytes, str]]] = {}
    registers: dict[tuple[Name, int, type], tuple[int, bytes, Any]] = {}
    for who, payload in held:
        match payload:
            case wire.Edit(target_id=target, number=number, body=body):
                wordings.setdefault((who, target), []).append((number, payload.message_id, body))
            case wire.React(target=target, number=number) | wire.Pin(target=target, number=number):
                key = (who if target.own else 1 - who, target.message_id), who, type(payload)
                value = payload.emoji if isinstance(payload, wire.React) else payload.on
                new = number, payload.message_id, value
                registers[key] = max(registers.get(key, new), new)
    seen = {}
    for name, text in texts.items():
        of = {(who, kind): value[2] for (one, who, kind), value in registers.items() if one == name}
        edits = [body for _, _, body in sorted(wordings.get(name, []))[-EDITS_MAX:]]
        answers = text.reply and (name[0] if text.reply.own else 1 - name[0], text.reply.message_id)
        seen[name] = (
            [text.body, *edits],
            text.expires_s,
            answers,
            {who: value for (who, kind), value in of.items() if kind is wire.React and value},
            any(value for (_, kind), value in of.items() if kind is wire.Pin),
        )
    return seen


class StatementMachine(RuleBasedStateMachine):
    """Alice is 0, Bob is 1."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.folder = tempfile.TemporaryDirectory()
        self.held: list[set[Held]] = [set(), set()]
        """What each has taken in or stated."""
        self.gone: list[set[Name]] = [set(), set()]
        """What each deleted here."""
        self.left: list[dict[bytes, KnownPayload]] = [{}, {}]
        """What ever left each machine: it may come again at any time."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())

    async def _begin(self) -> None:
        self.world = World(Path(self.folder.name))
        self.people = [await self.world.person(name) for name in ("Alice", "Bob")]
        await self.people[0].add(self.people[1])
        await self.people[1].add(self.people[0])

    # --- what people do ---

    @rule(who=WHO, body=BODIES, answers=st.none() | BIG)
    def say(self, who: int, body: str, answers: int | None) -> None:
        name = None if answers is None else self._pick(who, answers)
        reply = None if name is None else shown_id(MessageId(name[1]))
        self._do(who, SendText(contact=self._other(who), body=body, reply_to=reply))

    @rule(who=WHO, which=BIG, body=BODIES)
    def edit(self, who: int, which: int, body: str) -> None:
        if (name := self._pick(who, which, own=True)) is not None:
            self._do(who, EditMessage(contact=self._other(who), message_id=_id(name), body=body))

    @rule(who=WHO, which=BIG, emoji=EMOJI)
    def react(self, who: int, which: int, emoji: str) -> None:
        if (name := self._pick(who, which)) is not None:
            self._do(who, React(contact=self._other(who), message_id=_id(name), emoji=emoji))

    @rule(who=WHO, which=BIG, on=st.booleans())
    def pin(self, who: int, which: int, on: bool) -> None:
        if (name := self._pick(who, which)) is not None:
            self._do(who, Pin(contact=self._other(who), message_id=_id(name), on=on))

    @rule(who=WHO, first=BIG, second=BIG)
    def delete_for_both(self, who: int, first: int, second: int) -> None:
        names = {self._pick(who, one, own=True) for one in (first, second)} - {None}
        if names:
            self.run(self._delete(who, [name for name in names if name is not None], True))

    @rule(who=WHO, expires_s=TIMERS)
    def set_timer(self, who: int, expires_s: int) -> None:
        self._do(who, SetTimer(contact=self._other(who), expires_s=expires_s))

    @rule(who=WHO, body=BODIES, expires_s=TIMERS)
    def say_with_timer(self, who: int, body: str, expires_s: int) -> None:
        self._do(who, SendText(contact=self._other(who), body=body, expires_s=expires_s))

    @rule(who=WHO, count=st.integers(0, 3), came=st.booleans())
    def farewell(self, who: int, count: int, came: bool) -> None:
        """After some texts of both, which `came` to the other or not."""
        for number in range(count):
            self.say((who + number) % 2, "one", None)
        if came:
            for one in (who, 1 - who):
                self.leave(one, 10)
                self.run(self._come(one, list(self.left[one].values()), is_receipted=True))
        self._do(who, SayFarewell(contact=self._other(who)))

    @rule(who=WHO, which=BIG)
    def delete_here(self, who: int, which: int) -> None:
        if (name := self._pick(who, which)) is not None:
            self.run(self._delete(who, [name], False))

    # --- what becomes of it ---

    @rule(who=WHO, count=st.integers(1, 6))
    def leave(self, who: int, count: int) -> None:
        """The oldest rows are sealed and written; they wait for their receipt as before."""
        self.run(self._leave(who, count))

    @rule(who=WHO, order=st.lists(BIG, min_size=1, max_size=6), lost=st.booleans())
    def come(self, who: int, order: list[int], lost: bool) -> None:
        """Some of what left comes, in one batch; `lost`: the receipts do not come back."""
        left = list(self.left[who])
        if left:
            ids = [left[one % len(left)] for one in order]
            self.run(self._come(who, [self.left[who][one] for one in ids], is_receipted=not lost))

    @rule(who=WHO, shuffle=st.randoms(use_true_random=False))
    def come_together(self, who: int, shuffle: Random) -> None:
        """All that ever left comes in one batch, in any order."""
        payloads = list(self.left[who].values())
        shuffle.shuffle(payloads)
        if payloads:
            self.run(self._come(who, payloads, is_receipted=True))

    @rule(who=WHO)
    def crash(self, who: int) -> None:
        self.run(self.people[who].restart())

    @rule(who=WHO, ahead=st.integers(1, 3), after=st.booleans())
    def crash_at_commit(self, who: int, ahead: int, after: bool) -> None:
        """Whether what is under way was kept is seen when the machine is up again."""
        disk = self.people[who].disk
        if after:
            disk.power_lost_after = disk.commits + ahead
        else:
            disk.power_lost_before = disk.commits + ahead

    # --- inside ---

    def _other(self, who: int) -> str:
        return self.people[1 - who].name

    def _pick(self, who: int, which: int, *, own: bool = False) -> Name | None:
        """A message that somebody sees."""
        seen = shown(self.held[who], self.gone[who])
        names = sorted(name for name in seen if not own or name[0] == who)
        return names[which % len(names)] if names else None

    def _do(self, who: int, command: Command[Any]) -> None:
        self.run(self._carry_out(who, command))

    async def _carry_out(self, who: int, command: Command[Any]) -> None:
        """What was stated is in the outbox then, also when the power failed."""
        person = self.people[who]
        before = await self._rows(who)
        task = asyncio.create_task(person.do(command))
        await asyncio.wait([task], timeout=1.0)
        task.cancel()
        with contextlib.suppress(StoreError, asyncio.CancelledError):
            await task
        if not person.is_running:
            await person.restart()
        new = await self._payloads(who)
        self.held[who] |= {Held(who, new[one]) for one in new if one not in before}

    async def _delete(self, who: int, names: list[Name], for_both: bool) -> None:
        ids = [_id(name) for name in names]
        other = self.people[1 - who]
        await self._carry_out(
            who, DeleteMessages(contact=other.name, message_ids=ids, for_both=for_both)
        )
        # Here, or because they never left.
        left = {one.message_id for one in await self.people[who].history(other)}
        self.gone[who] |= {name for name in names if _id(name) not in left}

    async def _rows(self, who: int) -> dict[bytes, bool]:
        """What waits, and whether it was sealed."""
        person, other = self.people[who], self.people[1 - who]
        device_id = person.peer(other).device_id
        rows = person.database.look(lambda db: outbox.page(db, device_id, limit=10_000))
        return {row.message_id: row.session_id is not None for row in rows}

    async def _payloads(self, who: int) -> dict[bytes, KnownPayload]:
        person, other = self.people[who], self.people[1 - who]
        device_id = person.peer(other).device_id
        rows = person.database.look(lambda db: outbox.page(db, device_id, limit=10_000))
        return {row.message_id: _known(decode_payload(row.payload)) for row in rows}

    async def _leave(self, who: int, count: int) -> None:
        person, other = self.people[who], self.people[1 - who]
        device_id = person.peer(other).device_id
        rows = person.database.look(lambda db: outbox.page(db, device_id, limit=10_000))
        rows = [row for row in rows if row.session_id is None][:count]
        seal = Seal(bytes(64), 0, 0, b"", 0)
        with contextlib.suppress(StoreError):
            await self._commit(
                person,
                lambda db, happened: [outbox.set_sealed(db, row.row_id, seal) for row in rows],
            )
        kept = await self._rows(who)
        for row in rows:
            if kept[row.message_id]:
                self.left[who][row.message_id] = _known(decode_payload(row.payload))

    async def _come(self, who: int, payloads: list[KnownPayload], *, is_receipted: bool) -> None:
        """One transaction of the reader's inbox, and of the writer's when the Receipt comes."""
        reader, writer = self.people[1 - who], self.people[who]
        is_kept = await self._take_in(reader, writer, payloads)
        if is_kept:
            self.held[1 - who] |= {Held(who, one) for one in payloads}
        if is_kept and is_receipted:
            ids = tuple(dict.fromkeys(one.message_id for one in payloads))
            receipt = wire.Receipt(os.urandom(16), 0, ids, ())
            await self._take_in(writer, reader, [receipt])

    async def _take_in(self, person: Person, other: Person, payloads: list[KnownPayload]) -> bool:
        batch = Batch()
        batch.taken = [Taken(os.urandom(32), one, 1, 0) for one in payloads]
        inbox, ids = person.peer(other).inbox, batch.to_receipt()
        await self._commit(person, lambda db, happened: inbox._store(db, happened, batch, ids, []))
        was_kept = self._was_kept
        if was_kept:
            await self._honour(person, other)
        return was_kept

    async def _honour(self, person: Person, other: Person) -> None:
        """What the inbox does after its commit when a Timer or a Farewell came."""
        person.peer(other).context.writing = None
        while not person.is_running or person.database.look(farewells.due):
            if not person.is_running:
                await person.restart()
            person.node.roster.on_farewell()
            await asyncio.sleep(1.0)

    async def _commit(self, person: Person, work: Any) -> None:
        """Run a transaction; when the power fails, see whether it was kept."""
        self._was_kept = True
        before = person.disk.power_lost_before
        future = person.node.parts.journal.submit(work)
        await asyncio.wait([future], timeout=1.0)
        if not person.is_running:
            self._was_kept = person.disk.commits != before
            await person.restart()
        elif not future.done() or future.exception() is not None:
            self._was_kept = False

    # --- in the end ---

    def teardown(self) -> None:
        try:
            if hasattr(self, "people"):
                self.run(self._finish())
        finally:
            self.runner.close()
            self.folder.cleanup()

    async def _finish(self) -> None:
        for person in self.people:
            person.heal()
            if not person.is_running:  # a commit that nobody asked for was the one that failed
                await person.restart()
        for who in (0, 1):
            await self._check(who)
        for who in (0, 1, 0, 1):
            await self._leave(who, 10_000)
            await self._come(who, list(self.left[who].values()), is_receipted=True)
        for who in (0, 1):
            await self._check(who)
            assert not await self._rows(who)
        gone = self.gone[0] | self.gone[1]
        both = [await self._seen(who) for who in (0, 1)]
        one, other = ({n: what for n, what in seen.items() if n not in gone} for seen in both)
        assert one == other
        assert timers(self.held[0]) == timers(self.held[1])
        await self.world.close()

    async def _check(self, who: int) -> None:
        person, other = self.people[who], self.people[1 - who]
        assert await self._seen(who) == shown(self.held[who], self.gone[who])
        timer = (await person.do(ShowContact(contact=other.name))).timer
        wanted = timers(self.held[who])
        assert [timer.own_s, timer.theirs_s] == [wanted[who], wanted[1 - who]]
        assert timer.expires_s == min([one for one in wanted if one], default=0)

    async def _seen(self, who: int) -> dict[Name, Any]:
        """What a front end is shown, in the terms of the reference; tombstones are empty."""
        person, other = self.people[who], self.people[1 - who]
        pins = {one.message_id for one in (await person.do(ListPins(contact=other.name))).messages}
        seen, quotes = {}, {}
        for one in await person.history(other):
            if one.kind == "timer":
                continue
            if one.deleted:
                assert (one.body, one.edited, one.reply_to, one.quote) == ("", False, None, None)
                assert (one.reactions, one.pinned, one.bookmarked) == ([], False, False)
                continue
            author = who if one.direction == "out" else 1 - who
            history = await person.do(ShowEdits(contact=other.name, message_id=one.message_id))
            bodies = [wording.body for wording in history.wordings]
            assert (bodies[-1], one.edited) == (one.body, len(bodies) > 1)
            assert one.pinned == (one.message_id in pins)
            answers = None
            if one.reply_to is not None and one.quote is not None:
                writer = who if one.quote.direction == "out" else 1 - who
                answers = writer, bytes.fromhex(one.reply_to.replace("-", ""))
                quotes[answers] = None if one.quote.gone else one.quote.body
            reactions = {
                who if reaction.contact is None else 1 - who: reaction.emoji
                for reaction in one.reactions
            }
            name = author, bytes.fromhex(one.message_id.replace("-", ""))
            seen[name] = (bodies, one.expires_s, answers, reactions, one.pinned)
        for name, quote in quotes.items():
            assert quote == (seen[name][0][-1][:QUOTE_MAX] if name in seen else None)
        return seen


def _id(name: Name) -> str:
    return shown_id(MessageId(name[1]))


def _known(payload: object) -> KnownPayload:
    assert isinstance(payload, KnownPayload)
    return payload


class AFew(StatementMachine):
    """The same, for every run of the tests."""


_SETTINGS = settings(
    max_examples=400 if LONG else 80,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not LONG,
    print_blob=True,
    phases=[Phase.generate],
)
TestStatements = pytest.mark.long(StatementMachine.TestCase)
TestStatements.settings = _SETTINGS
TestAFewStatements = AFew.TestCase
TestAFewStatements.settings = settings(_SETTINGS, max_examples=10)
