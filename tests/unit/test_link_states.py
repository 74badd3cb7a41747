"""The table of a link's states (docs/PROTOCOL.md 3.1 to 3.4)."""

import pytest

from loom.core.link_states import TRANSITIONS, LinkState, LinkStep, after
from loom.errors import UsageError


def reachable(start: LinkState) -> set[LinkState]:
    """All states that a link which begins in `start` may come to."""
    found, waiting = {start}, [start]
    while waiting:
        for state in TRANSITIONS[waiting.pop()].values():
            if state not in found:
                found.add(state)
                waiting.append(state)
    return found


def test_each_end_has_its_states_and_no_others() -> None:
    initiator = {LinkState.MESSAGE_2, LinkState.OPEN, LinkState.CLOSED}
    assert reachable(LinkState.MESSAGE_2) == initiator
    assert reachable(LinkState.CLEAR) == set(LinkState) - {LinkState.MESSAGE_2}
    assert set(TRANSITIONS) == set(LinkState)


def test_every_state_but_the_last_can_end() -> None:
    for state in LinkState:
        if state is LinkState.CLOSED:
            assert not TRANSITIONS[state]
        else:
            assert after(state, LinkStep.ENDED) is LinkState.CLOSED


def test_a_link_opens_only_after_a_confirmation() -> None:
    """Message 1 may be a copy made hours ago: it never makes somebody present (3.4)."""
    for state, steps in TRANSITIONS.items():
        for step, then in steps.items():
            if then is LinkState.OPEN:
                assert step is LinkStep.CONFIRMED
                assert state in (LinkState.CONFIRMATION, LinkState.MESSAGE_2)


def test_who_is_refused_stays_refused() -> None:
    assert reachable(LinkState.DISCARDING) == {LinkState.DISCARDING, LinkState.CLOSED}


@pytest.mark.parametrize("state", LinkState)
def test_a_step_that_is_not_in_the_table_is_an_error_of_ours(state: LinkState) -> None:
    for step in set(LinkStep) - set(TRANSITIONS[state]):
        with pytest.raises(UsageError):
            after(state, step)
