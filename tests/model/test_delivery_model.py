"""Every small schedule of delivery ends well; wrong rules are found (PROTOCOL 16.1, 3, 4, 7)."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from loom.core import choice
from loom.core.delivery.sending import Sending
from tests.model.delivery import Delivery
from tests.model.promises import is_delivered
from tests.model.walk import explore
from tests.model.world import (
    Broken,
    Budget,
    Envelope,
    Kept,
    Row,
    Side,
    World,
    acquainted,
    on_its_way,
    owes,
    powerless,
    strangers,
)

LONG = os.environ.get("LOOM_TEST_LONG") == "1"
LIMIT = 2_000_000

IN_CI = [
    strangers(Budget((1, 1), (1, 1), lost_prekeys=1)),
    strangers(Budget((1, 0), (1, 1), cuts=1, crashes=1)),
    acquainted(Budget((2, 0), (0, 0), cuts=1, retries=1)),
    acquainted(Budget((2, 0), (1, 1), restores=1)),
    acquainted(Budget((1, 1), (1, 1), restores=1)),
    acquainted(Budget((1, 0), (2, 1), restores=1, lost_prekeys=1)),
    acquainted(Budget((1, 0), (1, 1), restores=1, crashes=1)),
]
LARGE = [
    acquainted(Budget((2, 1), (0, 0), crashes=1)),
    acquainted(Budget((1, 0), (2, 1), restores=1, crashes=1)),
    strangers(Budget((1, 1), (2, 1))),
]
ON_DEMAND = [
    strangers(Budget((1, 1), (1, 1), cuts=1)),
    strangers(Budget((1, 0), (2, 1), cuts=1, lost_prekeys=1)),
    strangers(Budget((1, 1), (2, 1), lost_prekeys=1)),
    acquainted(Budget((2, 0), (0, 0), cuts=2, retries=1)),
    acquainted(Budget((2, 0), (1, 1), restores=1, cuts=1)),
    acquainted(Budget((1, 1), (2, 1), restores=1)),
    acquainted(Budget((2, 2), (0, 0), cuts=1)),
    acquainted(Budget((2, 2), (0, 0), crashes=1)),
]


def title(world: World) -> str:
    """What the two may do and suffer."""
    budget = world.budget
    faults = [
        f"{name}={getattr(budget, name)}"
        for name in ("cuts", "crashes", "retries", "restores", "lost_prekeys")
        if getattr(budget, name)
    ]
    who = "acquainted" if world.is_linked else "strangers"
    return " ".join([who, f"texts={budget.texts}", f"starts={budget.starts}", *faults])


@pytest.mark.timeout(3_600 if LONG else 900)
@pytest.mark.parametrize(
    "first",
    [
        *IN_CI,
        *(pytest.param(one, marks=pytest.mark.long) for one in LARGE),
        *(ON_DEMAND if LONG else []),
    ],
    ids=title,
)
def test_promise_03_every_schedule_shows_each_text_once_and_in_order(
    first: World, record_property: Any
) -> None:
    """Breadth first to the end of the budget: every world keeps the promises, and from each a few
    quiet hours deliver all that was said, and then one more text each way on one session."""
    explored = explore(Delivery(), first, LIMIT)
    record_property("worlds", explored.worlds)
    print(f"{title(first)}: {explored}")  # noqa: T201
    assert explored.is_complete


# --- wrong rules ------------------------------------------------------------------------------


class ShowsWhatWasSeen(Delivery):
    """A text that was sealed again is taken for a new one."""

    def is_new(self, side: Side, text: int) -> bool:
        return True


class ForgetsEnvelopes(Delivery):
    """No memory of the envelopes that were opened."""

    def came_before(self, side: Side, envelope: Envelope) -> bool:
        return False


class AnswersOnce(Delivery):
    """A repeated envelope owes no receipt."""

    def repeated(self, side: Side, envelope: Envelope) -> Side:
        return side


class SealsOnce(Delivery):
    """A row keeps its bytes whatever becomes of their session."""

    def is_current(self, row: Row, best: Kept) -> bool:
        return row.envelope is not None


class NewestFirst(Delivery):
    """What was written last leaves first."""

    def next_row(self, side: Side) -> Row | None:
        waiting = [row for row in side.rows if row.text > side.delivery.sending.cursor]
        return waiting[-1] if waiting else None


class WrittenIsDelivered(Delivery):
    """A row goes once its bytes are on a link."""

    def written(self, side: Side, row: Row) -> Side:
        rest = tuple(one for one in side.rows if one.text != row.text)
        return super().written(replace(side, rows=rest), row)


class WritesOnce(Delivery):
    """A row goes out on one link only."""

    def link_up(self, before: Sending) -> Sending:
        return before

    def retried(self, before: Sending) -> Sending:
        return before


class GoesOnInANewSession(Delivery):
    """What was sealed on the session before waits for the next link."""

    def on_session(self, before: Sending, best: Kept) -> Sending:
        return replace(before, session_id=best.session_id)


class NeverAnswers(Delivery):
    """Who began a session and said nothing is not answered."""

    def wants_answer(self, envelope: Envelope) -> bool:
        return False


class BacksUpTheRatchet(Delivery):
    """A backup holds the sessions, as they were when it was made."""

    def restored(self, side: Side) -> Side:
        then = tuple(replace(one, sealed=0, opened=frozenset()) for one in side.sessions)
        return replace(powerless(side), sessions=then)


class WritesBeforeItCommits(Delivery):
    """Bytes leave, then power fails, and the ratchet that sealed them is not on disk."""

    def torn(self, world: World, who: int) -> Iterator[World]:
        for after in (self.write(world, who), self.tell(world, who)):
            if after is not None:
                yield self.put(after, who, world.sides[who])


class ReceiptsBeforeItCommits(Delivery):
    """A receipt leaves, then power fails, and the text is not on disk."""

    def torn(self, world: World, who: int) -> Iterator[World]:
        side = world.sides[who]
        if world.coming[who] and world.coming[who][0].text:
            early = owes(side, world.coming[who][0].text)
            told = self.tell(self.put(world, who, early), who)
            if told is not None:
                yield self.put(told, who, replace(told.sides[who], owed=side.owed))


class CommitsTheTextLater(Delivery):
    """Ratchet, hash and receipt in one transaction, the text in another."""

    def torn(self, world: World, who: int) -> Iterator[World]:
        if world.coming[who]:
            taken = self.receive(world, who)
            yield self.put(taken, who, replace(taken.sides[who], shown=world.sides[who].shown))


class CommitsTheRatchetLater(Delivery):
    """The text in one transaction, the ratchet that opened it in another."""

    def torn(self, world: World, who: int) -> Iterator[World]:
        if world.coming[who]:
            taken = self.receive(world, who)
            yield self.put(taken, who, replace(world.sides[who], shown=taken.sides[who].shown))

    def is_new(self, side: Side, text: int) -> bool:
        return True


CUT = acquainted(Budget((1, 1), (1, 1), cuts=1))
CRASH = acquainted(Budget((2, 0), (1, 1), crashes=1))
RESTORE = acquainted(Budget((2, 0), (1, 1), restores=1))


@pytest.mark.parametrize(
    ("wrong", "first", "what"),
    [
        (ShowsWhatWasSeen, RESTORE, "doubled"),
        (ForgetsEnvelopes, CUT, "could not be opened though no state was lost"),
        (AnswersOnce, CUT, "not all is delivered"),
        (SealsOnce, RESTORE, "out of order"),
        (NewestFirst, acquainted(Budget((2, 0), (0, 0))), "out of order"),
        (WrittenIsDelivered, CUT, "left the outbox"),
        (WritesOnce, CUT, "out of order"),
        (GoesOnInANewSession, RESTORE, "out of order"),
        (
            NeverAnswers,
            acquainted(Budget((1, 0), (1, 1), crashes=1, restores=1)),
            "not all is delivered",
        ),
        (BacksUpTheRatchet, RESTORE, "one message key|before their state"),
        (WritesBeforeItCommits, CRASH, "before their state"),
        (ReceiptsBeforeItCommits, CRASH, "a receipt left before"),
        (CommitsTheTextLater, CRASH, "left the outbox|out of order"),
        (CommitsTheRatchetLater, CRASH, "doubled"),
    ],
)
def test_a_wrong_rule_is_found(wrong: type[Delivery], first: World, what: str) -> None:
    """The walk is worth something: each rule that is taken away shows."""
    with pytest.raises(Broken, match=what) as found:
        explore(wrong(), first, 60_000)
    print(f"{wrong.__name__}: {found.value}")  # noqa: T201


def oldest(sessions: Sequence[Kept]) -> Kept | None:
    """Each stays with the session it had first."""
    return min(sessions, key=lambda one: (one.reset_counter, one.initiator), default=None)


def own_first(sessions: Sequence[Kept]) -> Kept | None:
    """Each prefers the session that it began itself."""
    return max(sessions, key=lambda one: (one.own, one.reset_counter), default=None)


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        (oldest, acquainted(Budget((1, 0), (1, 1), restores=1))),
        (own_first, strangers(Budget((1, 1), (1, 1)))),
    ],
)
def test_a_wrong_choice_of_session_is_found(
    rule: Any, first: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "best", rule)
    with pytest.raises(Broken):
        explore(Delivery(), first, 60_000)


def test_a_wrong_rule_is_told_with_the_shortest_way_there() -> None:
    with pytest.raises(Broken, match=r": A says, A says$"):
        explore(NewestFirst(), acquainted(Budget((2, 0), (0, 0))), 1_000)


def test_a_texts_way_without_trouble() -> None:
    """The model by hand, once: said, written, shown, receipted."""
    rules = Delivery()
    world = rules.say(acquainted(Budget()), 0)
    written = rules.write(world, 0)
    assert written is not None
    shown = rules.receive(written, 1)
    assert shown.sides[1].shown == (1,)
    assert shown.sides[0].rows
    told = rules.tell(shown, 1)
    assert told is not None
    done = rules.receive(told, 0)
    assert done.sides[0].rows == ()
    assert is_delivered(done)
    assert on_its_way(done, 0, ()) == done
