"""Delivery by mail alone as a machine whose every small schedule is walked (PROTOCOL 10.6).

No link stands. A reads at one mailbox, B at two; both put, read and tell receipts there. Mailboxes
are wiped, put back to an old copy, and lie: they drop what they took, and repeat what was read.
The rules are those of `loom.core.delivery` and `loom.core.choice`, as in `tests/model/delivery.py`.

Left out: full queues, bundles that anchors lose (`tests/node/test_mail_cases.py`), and the order of
what comes from two mailboxes or after one lost something, which is shown where it arrives.
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from loom.core import choice
from loom.core.delivery import mailing
from loom.wire.limits import MAIL_LIFETIME_S
from tests.model.delivery import LATER_S, TURNS, Delivery
from tests.model.promises import check
from tests.model.world import (
    NOW_S,
    Broken,
    Budget,
    Envelope,
    Row,
    Side,
    Step,
    World,
    acquainted,
    on_its_way,
)

READERS: Final = (0, 1, 1)
"""Who reads at each mailbox."""
A_DAY_LATER_S: Final = NOW_S + mailing.put_again_s(1)


class MailBudget(Budget, frozen=True, cache_hash=True):
    """What may become of the mailboxes, and how many days may pass."""

    looks: int = 0
    """How often a writer asks what lies there, and puts again what does not."""
    days: int = 0
    wipes: int = 0
    copies: int = 0
    drops: int = 0
    repeats: int = 0


class MailWorld(World, frozen=True, cache_hash=True):
    """What lies in each mailbox, oldest first, what was read there, and an old copy of one."""

    boxes: tuple[tuple[Envelope, ...], ...] = ((), (), ())
    read: tuple[frozenset[Envelope], ...] = (frozenset(), frozenset(), frozenset())
    copy: tuple[int, tuple[Envelope, ...]] | None = None
    budget: MailBudget = MailBudget()


def apart(budget: MailBudget) -> MailWorld:
    """Two with a session, who each know where the other reads, and a wall between them."""
    met = acquainted(budget)
    return MailWorld(met.sides, met.coming, False, True, budget=budget)


class Mail(Delivery):
    """The rules of mail. A subclass with another rule is wrong, and to be found."""

    is_late = True
    """What is read next was sealed a day after the session of its reader began."""

    # --- rules that a wrong variant may break ---

    def was_put(self, side: Side, row: Row) -> Side:
        """An anchor took it; it stays until its receipt."""
        rows = [replace(one, box=side.prefer) if one.text == row.text else one for one in side.rows]
        return replace(side, rows=tuple(rows))

    def is_due(self, row: Row, best: bytes, unix_s: int) -> bool:
        """Whether a row goes to a mailbox."""
        if row.box is None or row.envelope is None:
            return True
        is_stale = not self.is_on(row.envelope, best)
        return is_stale or mailing.is_put_due(NOW_S, 1, unix_s)

    def is_wrong(self, side: Side) -> bool:
        """Whether mail that opened nowhere, and never came before, is a desync."""
        sealed_at_s = NOW_S + (mailing.CLOCK_ALLOWANCE_S if self.is_late else 0)
        return mailing.is_desync(sealed_at_s + MAIL_LIFETIME_S, side.sessions, NOW_S)

    def turned(self, side: Side, who: int) -> Side:
        """No receipt came for a day: all that lies there goes to the next mailbox."""
        other = 0 if who else 1 - side.prefer
        rows = tuple(replace(row, box=None) for row in side.rows)
        return self.with_sending(replace(side, rows=rows, prefer=other), side.delivery.sending)

    # --- as delivery asks ---

    @staticmethod
    def is_on(envelope: Envelope, session_id: bytes) -> bool:
        """Whether it was sealed on that session."""
        return b"%d %b %d" % envelope.session == session_id

    def check(self, world: World) -> None:
        """The promises; what lies in mailboxes is on its way, too."""
        if not isinstance(world, MailWorld):
            raise TypeError
        b_reads = (*world.boxes[1], *world.boxes[2])
        coming = ((*world.coming[0], *world.boxes[0]), (*world.coming[1], *b_reads))
        check(replace(world, coming=coming), in_order=False)

    def next_row(self, side: Side) -> Row | None:
        best = choice.best(side.sessions)
        if best is None:
            return None
        due = (row for row in side.rows if self.is_due(row, best.session_id, NOW_S))
        return next(due, None)

    def written(self, side: Side, row: Row) -> Side:
        return self.was_put(side, row)

    def may_start(self, side: Side) -> bool:
        return choice.should_start(
            side.sessions,
            something_to_send=bool(side.rows or side.owed),
            start_wanted=side.start_wanted,
            wanted_starts_s=(),
            link_time_s=0.0,
            now_s=LATER_S,
        )

    def unopened(self, side: Side, envelope: Envelope) -> Side:
        if self.came_before(side, envelope):
            return self.repeated(side, envelope)
        return replace(side, start_wanted=True) if self.is_wrong(side) else side

    def _sent(self, world: World, who: int, envelope: Envelope) -> World:
        if not isinstance(world, MailWorld):
            raise TypeError
        box = 0 if who else 1 + world.sides[who].prefer
        lies = world.boxes[box]
        return world if envelope in lies else in_box(world, box, (*lies, envelope))

    # --- steps ---

    def read(self, world: MailWorld, box: int, *, is_late: bool) -> MailWorld:
        """The oldest blob: judged, and acknowledged whatever became of it."""
        envelope, *rest = world.boxes[box]
        known = list(world.read)
        known[box] |= {envelope}
        world = replace(in_box(world, box, tuple(rest)), read=tuple(known))
        self.is_late = is_late
        after = self.receive(on_its_way(world, READERS[box], (envelope,)), READERS[box])
        self.is_late = True
        return _mail(after)

    def looked(self, world: MailWorld, who: int) -> MailWorld:
        """On a new link a writer asks what lies there; what does not is put again."""
        side = world.sides[who]
        rows = tuple(
            replace(row, box=None) if row.box is not None and not _lies(world, who, row) else row
            for row in side.rows
        )
        return world if rows == side.rows else self.mailed(world, who, replace(side, rows=rows))

    def mailed(self, world: MailWorld, who: int, side: Side) -> MailWorld:
        """`put` of a world with mailboxes."""
        return _mail(self.put(world, who, side))

    def begun(self, world: MailWorld, who: int) -> MailWorld:
        """Begin on the bundle that the other laid."""
        return _mail(self.start(self.fetch(world, who), who))

    # --- everything that may happen next ---

    def successors(self, world: World) -> Iterator[tuple[Step, World]]:
        world = _mail(world)
        for who in (0, 1):
            yield from self._mail_steps(world, who)
        for box in range(len(READERS)):
            yield from self._box_faults(world, box)

    def _mail_steps(self, world: MailWorld, who: int) -> Iterator[tuple[Step, World]]:
        side, budget = world.sides[who], world.budget
        if budget.texts[who]:
            texts = (budget.texts[0] - (who == 0), budget.texts[1] - (who == 1))
            spent = replace(world, budget=replace(budget, texts=texts))
            yield Step("says", who), self.say(spent, who)
        for box in (box for box, reader in enumerate(READERS) if reader == who):
            if world.boxes[box]:
                after = self.read(world, box, is_late=True)
                yield Step(f"reads box {box}", who), after
                if (early := self.read(world, box, is_late=False)) != after:
                    yield Step(f"reads old mail in box {box}", who), early
        if budget.starts[who] and self.may_start(side):
            starts = (budget.starts[0] - (who == 0), budget.starts[1] - (who == 1))
            spent = replace(world, budget=replace(budget, starts=starts))
            yield Step("starts", who), self.begun(spent, who)
        for what, step in (("puts", self.write), ("tells", self.tell), ("greets", self.greet)):
            if (done := step(world, who)) is not None:
                yield Step(what, who), done
        if budget.looks and (seen := self.looked(world, who)) is not world:
            left = replace(budget, looks=budget.looks - 1)
            yield Step("looks", who), replace(seen, budget=left)
        if budget.days and any(row.box is not None for row in side.rows):
            spent = replace(world, budget=replace(budget, days=budget.days - 1))
            yield Step("waits a day", who), self.mailed(spent, who, self.turned(side, who))
        yield from self._faults(world, who)

    def _box_faults(self, world: MailWorld, box: int) -> Iterator[tuple[Step, World]]:
        budget, lies = world.budget, world.boxes[box]
        if budget.wipes and lies:
            spent = replace(world, budget=replace(budget, wipes=budget.wipes - 1))
            yield Step(f"box {box} is wiped"), in_box(spent, box, ())
        if budget.copies and world.copy is None and lies:
            yield Step(f"box {box} is copied"), replace(world, copy=(box, lies))
        if budget.copies and world.copy is not None and world.copy[0] == box:
            spent = replace(world, budget=replace(budget, copies=budget.copies - 1))
            yield Step(f"box {box} is put back"), in_box(spent, box, world.copy[1])
        if budget.drops and lies:
            spent = replace(world, budget=replace(budget, drops=budget.drops - 1))
            yield Step(f"box {box} drops the oldest"), in_box(spent, box, lies[1:])
        if budget.repeats:
            spent = replace(world, budget=replace(budget, repeats=budget.repeats - 1))
            for envelope in world.read[box]:
                if envelope not in lies:
                    yield Step(f"box {box} repeats"), in_box(spent, box, (envelope, *lies))

    def quiet_round(self, world: World) -> World:
        """A day on which no mailbox loses anything."""
        world = _mail(world)
        for who in (0, 1):
            world = self.looked(world, who)
            if self.may_start(world.sides[who]):
                world = self.begun(world, who)
        for _ in range(TURNS):
            before = world
            for who in (0, 1):
                for step in (self.tell, self.write, self.greet):
                    while (after := step(world, who)) is not None:
                        world = _mail(after)
            for box in range(len(READERS)):
                while world.boxes[box]:
                    world = self.read(world, box, is_late=True)
                    self.check(world)
            if world is before:
                break
        else:
            raise Broken("answers without end")
        for who in (0, 1):
            world = _mail(self.an_hour_later(world, who))
            side = self.turned(world.sides[who], who)
            again = replace(side.delivery.starting, greeted_s=None)
            delivery = replace(side.delivery, starting=again)
            world = self.mailed(world, who, replace(side, delivery=delivery))
        return world


def in_box(world: MailWorld, box: int, lies: tuple[Envelope, ...]) -> MailWorld:
    """The world with something else in a mailbox."""
    boxes = list(world.boxes)
    boxes[box] = lies
    return replace(world, boxes=tuple(boxes))


def _lies(world: MailWorld, who: int, row: Row) -> bool:
    return row.envelope in world.boxes[0 if who else 1 + (row.box or 0)]


def _mail(world: World) -> MailWorld:
    if not isinstance(world, MailWorld):
        raise TypeError
    return world
