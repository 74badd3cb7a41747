"""Delivery between two people as a machine whose every small schedule is walked (PROTOCOL 4, 9).

A step is one transaction of one side and what follows it at once. A crash between two steps is one
between two commits; bytes that were committed and never left are those that a link loses when it is
down. Sessions are begun and chosen by `loom.core.choice` itself. Keys are names: an envelope opens
where its session is known and its number was not opened before; `test_real_sessions.py` shows that
real sessions do the same at every step.

Left out: wrong clocks, flow control, full disks, blocked contacts, more than two people
(`tests/unit/test_choice.py` and `tests/node/test_delivery_machine.py` have them).
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from loom.core import choice
from loom.core.choice import Counters
from loom.wire.limits import DESYNC_RESTART_INTERVAL_S, SESSION_SUPERSEDED_S
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
    powerless,
    put,
    with_session,
)

TURNS: Final = 20


class Delivery:
    """The rules as built. A subclass that changes one is a wrong rule to be found."""

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
        if not envelope.text or envelope.text in side.owed:
            return side
        return replace(side, owed=(*side.owed, envelope.text))

    def is_current(self, row: Row, best: Kept) -> bool:
        """Whether a row's bytes may go out as they are."""
        return row.envelope is not None and row.envelope.session == best.name

    def next_row(self, side: Side) -> Row | None:
        """Rows leave oldest first."""
        return next((row for row in side.rows if row.text > side.cursor), None)

    def written(self, side: Side, row: Row) -> Side:
        """After a row was written; it stays until its receipt."""
        return replace(side, cursor=row.text)

    def rewound(self, side: Side) -> Side:
        """A new link, a new best session, or half a minute without a receipt: all rows again."""
        return replace(side, cursor=0)

    def best_changed(self, side: Side) -> Side:
        """Rows that were sealed on another session go out again before later ones."""
        return self.rewound(side)

    def wants_answer(self, envelope: Envelope) -> bool:
        """Who began a session is answered even if nothing is owed."""
        return envelope.first

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
            yield put(told, who, replace(told.sides[who], owed=side.owed))

    # --- steps ---

    def fetch(self, world: World, who: int) -> World:
        """Ask for the other's bundle: one that is unused is given again."""
        other = world.sides[1 - who]
        bundle = other.prekey
        if bundle is None:
            bundle = other.issued
            world = put(world, 1 - who, replace(other, prekey=bundle, issued=bundle + 1))
        side = replace(world.sides[who], fetched=(bundle, other.counters.largest))
        return put(world, who, side)

    def start(self, world: World, who: int) -> World:
        """Begin on the bundle that was fetched, if still due, as `conversation.start` does."""
        side = world.sides[who]
        if side.fetched is None or not self.may_start(side):
            return put(world, who, replace(side, fetched=None))
        bundle, told = side.fetched
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
            fetched=None,
            greeted=False,
        )
        begun = with_session(side, Kept(counter, fingerprint(who), bundle, True, None))
        # Dropping a start that may have arrived leaves the other with a session we lack.
        calm = world.is_calm and not dropped
        return replace(put(world, who, self.best_changed(begun)), is_calm=calm)

    def may_start(self, side: Side) -> bool:
        """Whenever some passing of time allows it."""
        return choice.should_start(
            side.sessions,
            something_to_send=bool(side.rows or side.owed),
            start_wanted=side.start_wanted,
            wanted_starts_s=(),
            link_time_s=600,
            now_s=NOW_S + DESYNC_RESTART_INTERVAL_S,
        )

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
        if best is None or row is None:
            return None
        envelope = row.envelope
        if envelope is None or not self.is_current(row, best):
            side, envelope = self.seal(side, who, row.text, ())
            rows = [replace(one, envelope=envelope) if one is row else one for one in side.rows]
            side = replace(side, rows=tuple(rows))
        return self._sent(put(world, who, self.written(side, row)), who, envelope)

    def tell(self, world: World, who: int) -> World | None:
        """A receipt for all that is owed; an empty one answers or greets."""
        side = world.sides[who]
        best = choice.best(side.sessions)
        if best is None:
            return None
        greets = choice.unconfirmed(best) and not side.greeted
        if not (side.owed or side.answer or (greets and not side.rows)):
            return None
        sealed, envelope = self.seal(side, who, 0, side.owed)
        sealed = replace(sealed, owed=(), answer=False, greeted=side.greeted or greets)
        return self._sent(put(world, who, sealed), who, envelope)

    def _sent(self, world: World, who: int, envelope: Envelope) -> World:
        return on_its_way(world, 1 - who, (*world.coming[1 - who], envelope))

    def receive(self, world: World, who: int) -> World:
        """The oldest envelope that came: opened and stored in one transaction, or refused."""
        envelope, *rest = world.coming[who]
        world = on_its_way(world, who, tuple(rest))
        side = world.sides[who]
        session = next((one for one in side.sessions if one.name == envelope.session), None)
        accepted = session is None
        if session is None and envelope.first:
            side, session = self.accept(side, envelope)
        if session is None or not self.has_key(session, envelope):
            return put(world, who, self.unopened(side, envelope))
        before = choice.best(world.sides[who].sessions)
        confirmed = NOW_S if choice.unconfirmed(session) else session.confirmed_at_s
        session = replace(session, opened=session.opened | {envelope.n}, confirmed_at_s=confirmed)
        side = with_session(side, session)
        best = choice.best(side.sessions)
        if best is session:
            side = replace(side, start_wanted=False)
        side = self.stored(side, envelope)
        if best is not None and before is not None and best.name != before.name:
            side = self.best_changed(side)
        if accepted and before is None:
            side = self.best_changed(side)
        return put(world, who, side)

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
            if envelope.text not in side.owed:
                side = replace(side, owed=(*side.owed, envelope.text))
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
            side = replace(self.rewound(world.sides[who]), greeted=False, fetched=None)
            world = put(world, who, side)
        return replace(world, is_linked=True)

    def crash(self, world: World, who: int) -> World:
        """Power fails: what had come and was not stored is gone, and so is the link."""
        world = on_its_way(put(world, who, powerless(world.sides[who])), who, ())
        return replace(world, is_linked=False)

    def an_hour_later(self, world: World, who: int) -> World:
        """The sessions that are not the best go."""
        side = world.sides[who]
        gone = choice.superseded(side.sessions, NOW_S + SESSION_SUPERSEDED_S)
        kept = tuple(one for one in side.sessions if one not in gone)
        return put(world, who, replace(side, sessions=kept))

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
        ):
            if after_it is not None:
                yield Step(what, who), after_it
        if budget.retries and (side.cursor or side.greeted):
            spent = replace(world, budget=replace(budget, retries=budget.retries - 1))
            again = replace(self.rewound(side), greeted=False)
            yield Step("retries", who), put(spent, who, again)

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
        if budget.restores:
            spent = replace(
                world, budget=replace(budget, restores=budget.restores - 1), is_calm=False
            )
            crashed = self.crash(spent, who)
            yield Step("is restored", who), put(crashed, who, self.restored(side))
        if budget.lost_prekeys and side.prekey is not None:
            spent = replace(
                world, budget=replace(budget, lost_prekeys=budget.lost_prekeys - 1), is_calm=False
            )
            yield Step("loses a prekey", who), put(spent, who, replace(side, prekey=None))

    def say(self, world: World, who: int) -> World:
        """A text enters the outbox."""
        side = world.sides[who]
        said = side.said + 1
        return put(world, who, replace(side, said=said, rows=(*side.rows, Row(said))))

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
                for step in (self.tell, self.write):
                    while (after := step(world, who)) is not None:
                        world = after
            for who in (0, 1):
                while world.coming[who]:
                    world = self.receive(world, who)
                    check(world)
            if world is before:
                break
        else:
            raise Broken("answers without end")
        for who in (0, 1):
            world = self.an_hour_later(world, who)
            again = replace(self.rewound(world.sides[who]), greeted=False)
            world = put(world, who, again)
        return world
