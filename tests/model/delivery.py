"""Delivery between two people as a machine whose every small schedule is walked (PROTOCOL 4, 9).

A step is one transaction of one side and what follows it at once. A crash between two steps is one
between two commits; bytes that were committed and never left are those that a link loses when it is
down. `loom.core.delivery` and `loom.core.choice` themselves decide what is sent when, and which
session is begun or chosen. Keys are names: an envelope opens where its session is known and its
number was not opened before; `test_real_sessions.py` shows that real sessions do the same at every
step.

Left out: wrong clocks, flow control, full disks, blocked contacts, more than two people
(`tests/unit/test_choice.py` and `tests/node/test_delivery_machine.py` have them).
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from loom.core import choice
from loom.core.choice import Counters
from loom.core.delivery import plan, receipts, receiving, sending, starting
from loom.core.delivery.plan import Wish
from loom.core.delivery.sending import Sending
from loom.wire.limits import (
    DESYNC_RESTART_INTERVAL_S,
    SESSION_SUPERSEDED_S,
    SESSION_UNCONFIRMED_RESTART_S,
)
from tests.model.promises import check
from tests.model.world import (
    NOW_MS,
    NOW_S,
    Broken,
    Envelope,
    Kept,
    Row,
    Side,
    Step,
    World,
    fingerprint,
    on_its_way,
    owes,
    powerless,
    put,
    session_id,
    with_session,
)

TURNS: Final = 20
LINK_S: Final = 0.0
"""The time of links, in monotonic seconds; a retry is a step of its own."""
LATER_S: Final = NOW_S + DESYNC_RESTART_INTERVAL_S


class Delivery:
    """The rules of `loom.core.delivery`. A subclass with another rule is wrong, and to be found."""

    def check(self, world: World) -> None:
        """Raises Broken where a promise fails."""
        check(world)

    # --- rules that a wrong variant may break ---

    def is_new(self, side: Side, text: int) -> bool:
        """Whether a text is to be shown."""
        return text not in side.shown

    def has_key(self, session: Kept, envelope: Envelope) -> bool:
        """A message key is deleted by the transaction that stores what it opened."""
        return envelope.n not in session.opened

    def came_before(self, side: Side, envelope: Envelope) -> bool:
        """Whether these very bytes were opened once."""
        return envelope in side.remembered

    def repeated(self, side: Side, envelope: Envelope) -> Side:
        """The other missed the receipt: it is owed again."""
        return owes(side, envelope.text) if envelope.text else side

    def is_current(self, row: Row, best: Kept) -> bool:
        """Whether a row's bytes may go out as they are."""
        return row.envelope is not None and sending.is_current(
            session_id(row.envelope.session), NOW_S, best.session_id, NOW_S
        )

    def next_row(self, side: Side) -> Row | None:
        """Rows leave oldest first: as `storage.outbox.page` gives them."""
        cursor = side.delivery.sending.cursor
        return next((row for row in side.rows if row.text > cursor), None)

    def written(self, side: Side, row: Row) -> Side:
        """After a row was written; it stays until its receipt."""
        return self.with_sending(side, sending.written(side.delivery.sending, row.text))

    def link_up(self, before: Sending) -> Sending:
        """On a new link all rows go out again."""
        return sending.link_up(before, LINK_S)

    def retried(self, before: Sending) -> Sending:
        """Without a receipt for some time, all rows go out again."""
        return sending.retried(before)

    def on_session(self, before: Sending, best: Kept) -> Sending:
        """Rows that were sealed on another session go out again before later ones."""
        return sending.on_session(before, best.session_id)

    def wants_answer(self, envelope: Envelope) -> bool:
        """The side that began a session is answered even if nothing is owed."""
        return receiving.wants_answer(began_session=envelope.first)

    def restored(self, side: Side) -> Side:
        """Back from a backup: history, outbox and counters, never ratchet or prekey."""
        kept = Counters(side.counters.sent, side.counters.accepted)
        return replace(
            powerless(side),
            counters=kept,
            sessions=(),
            start_wanted=False,
            prekey=None,
            owed=(),
            remembered=frozenset(),
        )

    def torn(self, world: World, who: int) -> Iterator[World]:
        """Where power may fail within a step: a receipt was written, and that was not noted."""
        side = world.sides[who]
        told = self.tell(world, who)
        if told is not None:
            yield self.put(told, who, replace(told.sides[who], owed=side.owed))

    def untold(self, world: World, who: int) -> World | None:
        """A text was stored without owing its receipt, which was not written any more."""
        side = world.sides[who]
        if not world.coming[who] or choice.best(side.sessions) is None:
            return None
        taken = self.receive(world, who)
        return self.put(taken, who, replace(taken.sides[who], owed=side.owed))

    # --- the state that the rules keep ---

    def put(self, world: World, who: int, side: Side) -> World:
        """The world with one side changed, and that side's driver at rest again: it has seen which
        session is the best, whether a row is left, and whether a receipt is owed."""
        delivery = side.delivery
        after, best = delivery.sending, choice.best(side.sessions)
        if best is not None and after.session_id != best.session_id:
            after = self.on_session(after, best)
        if after.unproven:  # flow control is left out
            after = replace(after, unproven=0)
        side = self.with_sending(side, after)
        is_caught_up, is_due = self.next_row(side) is None, bool(side.owed or side.answer)
        if after.is_caught_up != is_caught_up:
            side = self.with_sending(side, replace(after, is_caught_up=is_caught_up))
        if delivery.receipts.is_due != is_due:
            owed = replace(delivery.receipts, is_due=is_due)
            side = replace(side, delivery=replace(side.delivery, receipts=owed))
        return put(world, who, side)

    def with_sending(self, side: Side, after: Sending) -> Side:
        """The side further in its outbox."""
        if side.delivery.sending is after:
            return side
        return replace(side, delivery=replace(side.delivery, sending=after))

    def wish(self, side: Side) -> Wish:
        """Why a session may have to begin."""
        return Wish(bool(side.rows or side.owed), side.start_wanted, ())

    # --- steps ---

    def fetch(self, world: World, who: int) -> World:
        """Ask for the other's bundle: one that is unused is given again."""
        other = world.sides[1 - who]
        bundle = other.prekey
        if bundle is None:
            bundle = other.issued
            world = self.put(world, 1 - who, replace(other, prekey=bundle, issued=bundle + 1))
        side = world.sides[who]
        return self.put(world, who, replace(side, fetched=(bundle, other.counters.largest)))

    def start(self, world: World, who: int) -> World:
        """Begin on the bundle that was fetched, if still due, as `sessions.start` does."""
        side = world.sides[who]
        fetched, side = side.fetched, replace(side, fetched=None)
        if fetched is None or not self.may_start(side):
            return self.put(world, who, side)
        bundle, told = fetched
        counters = choice.believe_told(side.counters, told, NOW_MS)
        counter = choice.next_reset_counter(counters, NOW_MS)
        best = choice.best(side.sessions)
        dropped = best is not None and choice.unconfirmed(best)
        kept = tuple(one for one in side.sessions if not (one is best and dropped))
        side = replace(
            side,
            counters=replace(counters, sent=max(counters.sent, counter)),
            sessions=kept,
            start_wanted=False,
            delivery=replace(
                side.delivery, starting=starting.began(side.delivery.starting, LINK_S)
            ),
        )
        begun = with_session(side, Kept(counter, fingerprint(who), bundle, True, None))
        # Dropping a start that may have arrived leaves the other with a session we lack.
        calm = world.is_calm and not dropped
        return replace(self.put(world, who, begun), is_calm=calm)

    def may_start(self, side: Side) -> bool:
        """Whenever some passing of time allows it."""
        stood = replace(side.delivery.starting, earlier_link_time_s=SESSION_UNCONFIRMED_RESTART_S)
        delivery = replace(side.delivery, starting=stood)
        return plan.is_start_due(delivery.starting, side.sessions, self.wish(side), LINK_S, LATER_S)

    def seal(
        self, side: Side, who: int, text: int, receipt: tuple[int, ...]
    ) -> tuple[Side, Envelope]:
        """The next message on the best session."""
        best = choice.best(side.sessions)
        if best is None:
            raise Broken("sealed without a session")
        envelope = Envelope(best.name, who, best.sealed, choice.unconfirmed(best), text, receipt)
        return with_session(side, replace(best, sealed=best.sealed + 1)), envelope

    def write(self, world: World, who: int) -> World | None:
        """The next row leaves, sealed in a transaction of its own if it must be."""
        side = world.sides[who]
        best, row = choice.best(side.sessions), self.next_row(side)
        if best is None or row is None or not plan.writes_rows(side.delivery, is_writable=True):
            return None
        envelope = row.envelope
        if envelope is None or not self.is_current(row, best):
            side, envelope = self.seal(side, who, row.text, ())
            rows = [replace(one, envelope=envelope) if one is row else one for one in side.rows]
            side = replace(side, rows=tuple(rows))
        return self._sent(self.put(world, who, self.written(side, row)), who, envelope)

    def tell(self, world: World, who: int) -> World | None:
        """A Receipt for what is owed; an empty one answers."""
        side = world.sides[who]
        if choice.best(side.sessions) is None:
            return None
        page = receipts.first_page(side.owed)
        if not plan.tells_receipts(side.delivery, may_seal=True) or not (page.rows or side.answer):
            return None
        sealed, envelope = self.seal(
            side, who, 0, tuple(int.from_bytes(one, "big") for one in page.delivered)
        )
        after, done = receipts.told(side.delivery.receipts, page.rows)
        left = tuple(one for one in side.owed if one.row_id not in done)
        greeted = starting.greeted(side.delivery.starting, LINK_S)
        delivery = replace(side.delivery, receipts=after, starting=greeted)
        sealed = replace(sealed, owed=left, answer=False, delivery=delivery)
        return self._sent(self.put(world, who, sealed), who, envelope)

    def greet(self, world: World, who: int) -> World | None:
        """An own start that is not answered says something, if no row does."""
        side = world.sides[who]
        best = choice.best(side.sessions)
        if best is None or not starting.must_greet(side.delivery.starting, best, LINK_S):
            return None
        if side.rows:  # they carry the handshake as well
            return None
        greeted = starting.greeted(side.delivery.starting, LINK_S)
        side = replace(side, delivery=replace(side.delivery, starting=greeted))
        side, envelope = self.seal(side, who, 0, ())
        return self._sent(self.put(world, who, side), who, envelope)

    def _sent(self, world: World, who: int, envelope: Envelope) -> World:
        return on_its_way(world, 1 - who, (*world.coming[1 - who], envelope))

    def receive(self, world: World, who: int) -> World:
        """The oldest envelope that came: opened and stored in one transaction, or refused."""
        envelope, *rest = world.coming[who]
        world = on_its_way(world, who, tuple(rest))
        side = world.sides[who]
        session = next((one for one in side.sessions if one.name == envelope.session), None)
        if session is None and envelope.first:
            side, session = self.accept(side, envelope)
        if session is None or not self.has_key(session, envelope):
            return self.put(world, who, self.unopened(side, envelope))
        confirmed = NOW_S if choice.unconfirmed(session) else session.confirmed_at_s
        session = replace(session, opened=session.opened | {envelope.n}, confirmed_at_s=confirmed)
        side = with_session(side, session)
        if choice.best(side.sessions) is session:
            side = replace(side, start_wanted=False)
        return self.put(world, who, self.stored(side, envelope))

    def accept(self, side: Side, envelope: Envelope) -> tuple[Side, Kept | None]:
        """A handshake that no session knows."""
        counter, initiator, bundle = envelope.session
        if side.prekey != bundle or not choice.acceptable(counter, side.counters, NOW_MS):
            return side, None
        counters = replace(side.counters, accepted=counter)
        session = Kept(counter, initiator, bundle, own=False, confirmed_at_s=NOW_S)
        return replace(side, counters=counters, prekey=None), session

    def stored(self, side: Side, envelope: Envelope) -> Side:
        """What the one transaction takes in."""
        side = replace(side, remembered=side.remembered | {envelope})
        if envelope.text:
            if self.is_new(side, envelope.text):
                side = replace(side, shown=(*side.shown, envelope.text))
            side = owes(side, envelope.text)
        rows = tuple(row for row in side.rows if row.text not in envelope.receipt)
        return replace(side, rows=rows, answer=side.answer or self.wants_answer(envelope))

    def unopened(self, side: Side, envelope: Envelope) -> Side:
        """Nothing opens it: a repetition, or a desync."""
        if self.came_before(side, envelope):
            return self.repeated(side, envelope)
        best = choice.best(side.sessions)
        if best is not None and choice.unconfirmed(best):
            return side
        return replace(side, start_wanted=True)

    def link(self, world: World) -> World:
        """A new link; what an earlier one brought is still taken in first."""
        for who in (0, 1):
            side, before = world.sides[who], world.sides[who].delivery
            # As if this side had dialled: the courtesy of waiting a second is left out.
            delivery = plan.Delivery(
                self.link_up(before.sending),
                receipts.link_up(before.receipts),
                starting.link_up(before.starting, LINK_S, dialled=True),
            )
            side = replace(side, delivery=delivery, fetched=None)
            world = self.put(world, who, side)
        return replace(world, is_linked=True)

    def crash(self, world: World, who: int) -> World:
        """Power fails: what had come and was not stored is gone, and so is the link."""
        world = on_its_way(self.put(world, who, powerless(world.sides[who])), who, ())
        return replace(world, is_linked=False)

    def an_hour_later(self, world: World, who: int) -> World:
        """The sessions that are not the best go."""
        side = world.sides[who]
        gone = choice.superseded(side.sessions, NOW_S + SESSION_SUPERSEDED_S)
        kept = tuple(one for one in side.sessions if one not in gone)
        return self.put(world, who, replace(side, sessions=kept))

    # --- everything that may happen next ---

    def successors(self, world: World) -> Iterator[tuple[Step, World]]:
        """Each step that is possible, and where it leads."""
        if not world.is_linked:
            yield Step("link"), self.link(world)
        elif world.budget.cuts:
            spent = replace(world.budget, cuts=world.budget.cuts - 1)
            yield Step("cut"), replace(world, is_linked=False, budget=spent)
        for who in (0, 1):
            yield from self._own_steps(world, who)
            yield from self._faults(world, who)

    def _own_steps(self, world: World, who: int) -> Iterator[tuple[Step, World]]:
        side, budget = world.sides[who], world.budget
        if budget.texts[who]:
            texts = (budget.texts[0] - (who == 0), budget.texts[1] - (who == 1))
            spent = replace(world, budget=replace(budget, texts=texts))
            yield Step("says", who), self.say(spent, who)
        if world.coming[who]:
            yield Step("receives", who), self.receive(world, who)
        if len(side.sessions) > 1 and world.coming == ((), ()):
            yield Step("an hour later", who), self.an_hour_later(world, who)
        if not world.is_linked:
            return
        if side.fetched is not None:
            yield Step("starts", who), self.start(world, who)
        elif budget.starts[who] and self.may_start(side):
            starts = (budget.starts[0] - (who == 0), budget.starts[1] - (who == 1))
            yield (
                Step("fetches", who),
                self.fetch(replace(world, budget=replace(budget, starts=starts)), who),
            )
        for what, after_it in (
            ("writes", self.write(world, who)),
            ("tells", self.tell(world, who)),
            ("greets", self.greet(world, who)),
        ):
            if after_it is not None:
                yield Step(what, who), after_it
        state = side.delivery
        if budget.retries and (state.sending.cursor or state.starting.greeted_s is not None):
            spent = replace(world, budget=replace(budget, retries=budget.retries - 1))
            yield Step("retries", who), self.put(spent, who, self.some_time_later(side))

    def _faults(self, world: World, who: int) -> Iterator[tuple[Step, World]]:
        side, budget = world.sides[who], world.budget
        if not world.is_linked and world.coming[who]:
            yield Step("loses the last", who), on_its_way(world, who, world.coming[who][:-1])
        if budget.crashes:
            spent = replace(world, budget=replace(budget, crashes=budget.crashes - 1))
            yield Step("crashes", who), self.crash(spent, who)
            if world.is_linked:
                for torn in self.torn(spent, who):
                    yield Step("crashes within a step", who), self.crash(torn, who)
                if (untold := self.untold(spent, who)) is not None:
                    yield Step("crashes before telling", who), self.crash(untold, who)
        if budget.restores:
            spent = replace(
                world, budget=replace(budget, restores=budget.restores - 1), is_calm=False
            )
            crashed = self.crash(spent, who)
            yield Step("is restored", who), self.put(crashed, who, self.restored(side))
        if budget.lost_prekeys and side.prekey is not None:
            spent = replace(
                world, budget=replace(budget, lost_prekeys=budget.lost_prekeys - 1), is_calm=False
            )
            yield Step("loses a prekey", who), self.put(spent, who, replace(side, prekey=None))

    def say(self, world: World, who: int) -> World:
        """A text enters the outbox."""
        side = world.sides[who]
        said = side.said + 1
        side = replace(side, said=said, rows=(*side.rows, Row(said)))
        return self.put(world, who, side)

    def some_time_later(self, side: Side) -> Side:
        """Both timers ran out: of the oldest row without a receipt, and of the greeting."""
        side = self.with_sending(side, self.retried(side.delivery.sending))
        again = replace(side.delivery.starting, greeted_s=None)
        return replace(side, delivery=replace(side.delivery, starting=again))

    def quiet_round(self, world: World) -> World:
        """An hour of a link that loses nothing."""
        if not world.is_linked:
            world = self.link(world)
        due = [who for who in (0, 1) if self.may_start(world.sides[who])]
        for who in due:
            world = self.fetch(world, who)
        for who in due:
            world = self.start(world, who)
        for _ in range(TURNS):
            before = world
            for who in (0, 1):
                for step in (self.tell, self.write, self.greet):
                    while (after := step(world, who)) is not None:
                        world = after
            for who in (0, 1):
                while world.coming[who]:
                    world = self.receive(world, who)
                    self.check(world)
            if world is before:
                break
        else:
            raise Broken("answers without end")
        for who in (0, 1):
            world = self.an_hour_later(world, who)
            world = self.put(world, who, self.some_time_later(world.sides[who]))
        return world
