"""Every small schedule of mail shows each text once and delivers all; wrong rules are found."""

import os
from typing import Any

import pytest
from msgspec.structs import replace

from tests.model.mail import Mail, MailBudget, MailWorld, apart
from tests.model.walk import explore
from tests.model.world import Broken, Envelope, Row, Side

LONG = os.environ.get("LOOM_TEST_LONG") == "1"
LIMIT = 2_000_000

IN_CI = [
    pytest.param(apart(MailBudget((2, 1), (0, 0), days=1, drops=1)), marks=pytest.mark.long),
    apart(MailBudget((1, 1), (0, 0), looks=1, wipes=1, days=1)),
    apart(MailBudget((1, 0), (0, 0), days=1, copies=1, repeats=1)),
    apart(MailBudget((1, 1), (0, 0), crashes=1, wipes=1, looks=1)),
    apart(MailBudget((1, 0), (1, 1), restores=1, days=1)),
    apart(MailBudget((1, 1), (1, 1), restores=1)),
]
ON_DEMAND = [
    apart(MailBudget((2, 0), (0, 0), looks=1, copies=1, repeats=1)),
    apart(MailBudget((2, 1), (0, 0), days=1, copies=1, repeats=1)),
    apart(MailBudget((2, 1), (0, 0), days=2, drops=1, repeats=1)),
    apart(MailBudget((2, 1), (0, 0), looks=2, days=1, wipes=1, crashes=1)),
    apart(MailBudget((1, 1), (2, 1), restores=1, repeats=1)),
    apart(MailBudget((1, 1), (2, 1), restores=1, looks=1, wipes=1)),
]


def title(world: MailWorld) -> str:
    """What the two say and suffer."""
    names = ("looks", "days", "wipes", "copies", "drops", "repeats", "crashes", "restores")
    faults = [f"{one}={getattr(world.budget, one)}" for one in names if getattr(world.budget, one)]
    return " ".join([f"texts={world.budget.texts}", f"starts={world.budget.starts}", *faults])


@pytest.mark.timeout(3_600 if LONG else 900)
@pytest.mark.parametrize("first", [*IN_CI, *(ON_DEMAND if LONG else [])], ids=title)
def test_every_schedule_of_mail_shows_each_text_once(
    first: MailWorld, record_property: Any
) -> None:
    """To the end of the budget; from each world some quiet days deliver all."""
    explored = explore(Mail(), first, LIMIT)
    record_property("worlds", explored.worlds)
    print(f"{title(first)}: {explored}")  # noqa: T201
    assert explored.is_complete


class PutIsDelivered(Mail):
    """A row goes once an anchor took it."""

    def was_put(self, side: Side, row: Row) -> Side:
        return replace(side, rows=tuple(one for one in side.rows if one.text != row.text))


class PutsOnce(Mail):
    """What an anchor took is not put again."""

    def turned(self, side: Side, who: int) -> Side:
        return side

    def looked(self, world: MailWorld, who: int) -> MailWorld:
        return world


class ForgetsMail(Mail):
    """No memory of the envelopes that were opened."""

    def came_before(self, side: Side, envelope: Envelope) -> bool:
        return False


class ShowsAgain(Mail):
    """A text that was sealed again is taken for a new one."""

    def is_new(self, side: Side, text: int) -> bool:
        return True


class NeverRepeatsReceipts(Mail):
    """A repeated envelope owes no receipt."""

    def repeated(self, side: Side, envelope: Envelope) -> Side:
        return side


class TakesNothingForADesync(Mail):
    """Mail that opens nowhere never makes a session begin."""

    def is_wrong(self, side: Side) -> bool:
        return False


@pytest.mark.parametrize(
    ("wrong", "budget", "what"),
    [
        (PutIsDelivered, MailBudget((1, 0), (0, 0), wipes=1), "left the outbox"),
        (PutsOnce, MailBudget((1, 0), (0, 0), drops=1), "not all is delivered"),
        (ForgetsMail, MailBudget((1, 0), (0, 0), repeats=1), "could not be opened"),
        (ShowsAgain, MailBudget((1, 0), (1, 1), restores=1, days=1), "doubled"),
        (NeverRepeatsReceipts, MailBudget((1, 0), (0, 0), wipes=1, days=1), "not all is delivered"),
        (TakesNothingForADesync, MailBudget((1, 0), (1, 1), restores=1), "not all is delivered"),
    ],
)
def test_a_wrong_rule_of_mail_is_found(wrong: type[Mail], budget: MailBudget, what: str) -> None:
    with pytest.raises(Broken, match=what) as found:
        explore(wrong(), apart(budget), 100_000)
    print(f"{wrong.__name__}: {found.value}")  # noqa: T201
