"""Two machines with one identity, as one contact shows it: a thief in any order (PROTOCOL 4.5).

The rules of `loom.core.elsewhere` and `loom.core.choice`, without keys: a contact, the owner's
machine, and one that is a copy of it. Both act; the contact accepts as `choice.acceptable` says.
"""

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core import choice, elsewhere
from loom.core.choice import Counters
from loom.core.elsewhere import NOWHERE, Elsewhere, Finding
from loom.wire.limits import COUNTER_FUTURE_MS, COUNTER_MAX, ELSEWHERE_AFTER_S

NOW_MS = 20_000 * COUNTER_FUTURE_MS
NOW_S = NOW_MS // 1000


def heard(
    before: Elsewhere, told: int, *, at_s: int = NOW_S, stays_ms: int = 0, confirmed: bool = True
) -> Elsewhere:
    """With 100 the largest own counter."""
    return elsewhere.heard(
        before, told, largest=100, has_confirmed=confirmed, stays_ms=stays_ms, now_s=at_s
    )


def test_it_is_found_when_a_second_bundle_shows_it_too() -> None:
    first = heard(NOWHERE, 101)
    assert first.finding is Finding.SUSPECTED
    assert not first.is_halted
    assert not first.may_start
    assert heard(first, 101, at_s=NOW_S + ELSEWHERE_AFTER_S - 1) == first
    found = heard(first, 105, at_s=NOW_S + ELSEWHERE_AFTER_S)
    assert found.is_halted
    assert not found.may_start
    assert heard(found, 7, at_s=NOW_S + 10**6).is_halted


def test_a_flight_on_its_way_is_no_other_machine() -> None:
    first = heard(NOWHERE, 101)
    assert elsewhere.accepted(first, 100) == first
    assert elsewhere.accepted(first, 101) == NOWHERE
    assert elsewhere.accepted(first, 102).is_halted  # that was another flight
    assert heard(first, 100) == NOWHERE


@pytest.mark.parametrize("told", [0, 100, COUNTER_MAX, 2**64 - 1])
def test_what_shows_nothing(told: int) -> None:
    assert heard(NOWHERE, told) == NOWHERE


def test_a_profile_that_was_just_restored_asks_nothing() -> None:
    assert heard(NOWHERE, 10**6, confirmed=False) == NOWHERE


def test_a_clock_that_is_set_back_begins_the_wait_again() -> None:
    first = heard(NOWHERE, 101)
    again = heard(first, 101, at_s=NOW_S - 1_000)
    assert (again.finding, again.since_s) == (Finding.SUSPECTED, NOW_S - 1_000)


def test_the_owner_decides_once_for_what_was_before() -> None:
    found = heard(heard(NOWHERE, 101), 101, at_s=NOW_S + 60)
    assert elsewhere.decided(found).may_start
    assert heard(NOWHERE, 101, stays_ms=101).finding is Finding.STAYS
    assert heard(NOWHERE, 102, stays_ms=101).finding is Finding.SUSPECTED
    assert elsewhere.decided(NOWHERE) == NOWHERE


class Machine(NamedTuple):
    """One that has the identity."""

    counters: Counters = Counters()
    is_confirmed: bool = False
    elsewhere: Elsewhere = NOWHERE


class Talk(NamedTuple):
    """The contact's counters, and the two machines: 0 the owner's, 1 the thief's."""

    contact: Counters = Counters()
    machines: tuple[Machine, Machine] = (Machine(), Machine())
    now_ms: int = NOW_MS

    def with_machine(self, number: int, machine: Machine) -> "Talk":
        """The same with one of them changed."""
        first, second = self.machines
        return self._replace(machines=(machine, second) if number == 0 else (first, machine))


def obeys(talk: Talk, number: int, *, is_lost: bool = False) -> Talk:
    """A machine that keeps the rules asks for a bundle, and begins a session if it may."""
    machine, told = talk.machines[number], talk.contact.largest
    now = elsewhere.heard(
        machine.elsewhere,
        told,
        largest=machine.counters.largest,
        has_confirmed=machine.is_confirmed,
        stays_ms=0,
        now_s=talk.now_ms // 1000,
    )
    machine = machine._replace(elsewhere=now)
    if not now.may_start:
        return talk.with_machine(number, machine)
    counters = choice.believe_told(machine.counters, told, talk.now_ms)
    counter = choice.next_reset_counter(counters, talk.now_ms, told)
    assert counter > machine.counters.sent or counter == talk.now_ms
    counters = msgspec.structs.replace(counters, sent=max(counters.sent, counter))
    machine = machine._replace(counters=counters, elsewhere=NOWHERE)
    if not is_lost and choice.acceptable(counter, talk.contact, talk.now_ms):
        talk = talk._replace(contact=msgspec.structs.replace(talk.contact, accepted=counter))
        machine = machine._replace(is_confirmed=True)
    return talk.with_machine(number, machine)


def steals(talk: Talk, ahead_ms: int) -> Talk:
    """The thief begins a session with any counter that the contact takes."""
    counter = max(talk.contact.largest, talk.now_ms) + ahead_ms
    if not choice.acceptable(counter, talk.contact, talk.now_ms):
        return talk
    return talk._replace(contact=msgspec.structs.replace(talk.contact, accepted=counter))


def called(talk: Talk, number: int) -> Talk:
    """The contact begins a session, and one of the two machines takes it, if it does."""
    machine = talk.machines[number]
    told = machine.counters.largest
    counters = choice.believe_told(talk.contact, told, talk.now_ms)
    counter = choice.next_reset_counter(counters, talk.now_ms, told)
    sent = msgspec.structs.replace(counters, sent=max(counters.sent, counter))
    if choice.acceptable(counter, machine.counters, talk.now_ms):
        machine = Machine(
            msgspec.structs.replace(machine.counters, accepted=counter),
            True,
            elsewhere.accepted(machine.elsewhere, counter),
        )
    return talk._replace(contact=sent).with_machine(number, machine)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begins"), st.integers(0, 1), st.booleans()),
        st.tuples(
            st.just("steals"), st.sampled_from([1, 1_000, COUNTER_FUTURE_MS]), st.integers(1, 400)
        ),
        st.tuples(st.just("calls"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("waits"), st.sampled_from([1_000, 60_000, 10**9]), st.just(0)),
        st.tuples(st.just("decides"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("restores"), st.integers(0, 1), st.booleans()),
    ),
    max_size=30,
)


def after(steps: list[tuple[str, int, int]]) -> Talk:
    """All of them, from nothing on."""
    talk = Talk()
    for what, one, two in steps:
        match what:
            case "begins":
                talk = obeys(talk, one, is_lost=bool(two))
            case "steals":
                for _ in range(two):
                    talk = steals(talk, one)
            case "calls":
                talk = called(talk, one)
            case "waits":
                talk = talk._replace(now_ms=talk.now_ms + one)
            case "decides":
                machine = talk.machines[one]
                decided = elsewhere.decided(machine.elsewhere)
                talk = talk.with_machine(one, machine._replace(elsewhere=decided))
            case "restores":
                counters = talk.machines[one].counters if two else Counters()
                talk = talk.with_machine(one, Machine(counters))
    return talk


@given(STEPS)
def test_a_thief_never_locks_the_owner_out(steps: list[tuple[str, int, int]]) -> None:
    """Whatever both machines did: once the owner says that this one stays, it is taken."""
    talk = after(steps)
    for _ in range(3):  # suspected, found, decided
        owner = talk.machines[0]
        decided = elsewhere.decided(owner.elsewhere)
        talk = talk.with_machine(0, owner._replace(elsewhere=decided))
        before = talk.contact.accepted
        talk = obeys(talk._replace(now_ms=talk.now_ms + 60_000), 0)
        if talk.contact.accepted != before:
            return
    pytest.fail("the owner gets no session")


@given(STEPS)
def test_nobody_wins_by_itself(steps: list[tuple[str, int, int]]) -> None:
    """A machine that has asked begins nothing before its owner answers."""
    talk = after(steps)
    for number in (0, 1):
        if talk.machines[number].elsewhere.is_halted:
            again = obeys(talk._replace(now_ms=talk.now_ms + 10**9), number)
            assert again.contact == talk.contact
            assert again.machines[number].elsewhere.is_halted


def test_the_one_that_was_left_behind_asks() -> None:
    talk = obeys(obeys(Talk(), 0), 1)  # a copy without sessions begins after the first one
    assert all(one.is_confirmed for one in talk.machines)
    for _ in range(2):
        talk = obeys(talk._replace(now_ms=talk.now_ms + 60_000), 0)
    assert talk.machines[0].elsewhere.is_halted
    assert not talk.machines[1].elsewhere.is_halted
