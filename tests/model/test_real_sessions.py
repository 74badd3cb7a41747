"""The model's sessions are the real ones: the same at every step of every small schedule."""

import os

import pytest

from tests.model.delivery import Delivery
from tests.model.real import Differs, follow_all
from tests.model.world import Budget, Envelope, Kept, World, strangers

LONG = os.environ.get("LOOM_TEST_LONG") == "1"


@pytest.mark.timeout(3_600 if LONG else 300)
@pytest.mark.parametrize(
    ("budget", "at_least"),
    [
        (Budget((1, 1), (1, 1)), 1_300),
        (Budget((2, 0), (1, 1), crashes=1), 1_000),
        (Budget((1, 1), (2, 1), cuts=1), 1_500),
        (Budget((1, 0), (2, 1), cuts=1, retries=1, lost_prekeys=1), 1_500),
        (Budget((1, 0), (2, 2), restores=1, crashes=1), 1_500),
    ],
)
def test_real_sessions_do_what_the_model_says(budget: Budget, at_least: int) -> None:
    """Each start, seal, opening, refusal and end is made with real keys, and compared."""
    followed = follow_all(Delivery(), strangers(budget), 30_000 if LONG else 1_500)
    print(budget, followed)  # noqa: T201
    assert followed.worlds >= at_least


class OpensInOrder(Delivery):
    """A model without skipped keys."""

    def has_key(self, session: Kept, envelope: Envelope) -> bool:
        return all(n < envelope.n for n in session.opened)


class WantsNoStart(Delivery):
    """A model that overlooks a desync."""

    def receive(self, world: World, who: int) -> World:
        after = super().receive(world, who)
        if after.sides[who].start_wanted and not world.sides[who].start_wanted:
            return world
        return after


@pytest.mark.parametrize(
    ("wrong", "budget"),
    [
        (OpensInOrder, Budget((1, 1), (1, 0), cuts=1)),
        (WantsNoStart, Budget((1, 0), (1, 1), lost_prekeys=1)),
    ],
)
def test_a_model_that_strays_is_noticed(wrong: type[Delivery], budget: Budget) -> None:
    with pytest.raises(Differs):
        follow_all(wrong(), strangers(budget), 1_500)
