"""One machine is never taken for two, and two are found: all that can go wrong in any order (4.5).

The rules of `loom.core` without keys: a contact, and machines that have one identity. What is sent
may be lost, refused or late; bundles lie in mailboxes; clocks are wrong; both sides restore backups
and rotate.
"""

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core import choice
from loom.core import sessions as core
from loom.core.choice import Counters
from loom.core.sessions import Sessions
from loom.wire.limits import COUNTER_FUTURE_MS, COUNTER_MAX

NOW_MS = 20_000 * COUNTER_FUTURE_MS
CLOCKS_MS = (0, COUNTER_FUTURE_MS // 2, 2 * COUNTER_FUTURE_MS, -COUNTER_FUTURE_MS)


def kept(counters: Counters) -> Counters:
    """What a backup carries, and what outlives sessions."""
    return Counters(counters.sent, counters.accepted)


class Machine(NamedTuple):
    """One that has the identity: its sessions with the contact, and the epoch of the profile."""

    sessions: Sessions = Sessions()
    epoch: int = 0
    wrong_ms: int = 0

    def with_counters(self, counters: Counters) -> "Machine":
        """The same with other counters."""
        return self._replace(sessions=msgspec.structs.replace(self.sessions, counters=counters))


class Flight(NamedTuple):
    """What a machine began; None: it is gone, or has another identity now."""

    counter: int
    machine: int | None
    epoch: int


class Talk(NamedTuple):
    """A contact and the machines; backups, bundles in mailboxes and flights that are late."""

    contact: Counters = Counters()
    machines: tuple[Machine, ...] = (Machine(),)
    now_ms: int = NOW_MS
    contact_wrong_ms: int = 0
    bundles: tuple[Counters, ...] = ()
    flights: tuple[Flight, ...] = ()
    backups: tuple[Counters, ...] = (Counters(),)
    contact_backups: tuple[Counters, ...] = (Counters(),)

    def with_machine(self, number: int, machine: Machine) -> "Talk":
        """The same with one of them changed."""
        machines = list(self.machines)
        machines[number] = machine
        return self._replace(machines=tuple(machines))

    @property
    def any_asks(self) -> bool:
        """Whether the owner is asked on one of the machines."""
        return any(one.sessions.is_halted for one in self.machines)


def arrives(talk: Talk, flight: Flight) -> Talk:
    """A flight reaches the contact, which takes it by the rule, and answers."""
    counter, number, epoch = flight
    if not choice.acceptable(counter, talk.contact, talk.now_ms + talk.contact_wrong_ms):
        return talk
    talk = talk._replace(contact=msgspec.structs.replace(talk.contact, accepted=counter))
    if number is None:
        return talk
    machine = talk.machines[number]
    answered = msgspec.structs.replace(machine.sessions, epoch=max(epoch, machine.sessions.epoch))
    return talk.with_machine(number, machine._replace(sessions=answered))


def begins(talk: Talk, number: int, *, told: Counters | None = None, fate: str = "arrives") -> Talk:
    """A machine that keeps the rules begins a session on a bundle, if it may."""
    machine = talk.machines[number]
    if machine.sessions.is_halted:
        return talk
    told = told or talk.contact
    heard = core.heard(machine.sessions, told.accepted, machine.epoch)
    machine = machine._replace(sessions=heard)
    if heard.is_halted:
        return talk.with_machine(number, machine)
    now_ms = talk.now_ms + machine.wrong_ms
    counters = choice.believe_told(heard.counters, told.largest, now_ms)
    counter = choice.next_reset_counter(counters, now_ms, told.largest)
    counters = msgspec.structs.replace(counters, sent=max(counters.sent, counter))
    talk = talk.with_machine(number, machine.with_counters(counters))
    flight = Flight(counter, number, machine.epoch)
    if fate == "arrives":
        return arrives(talk, flight)
    return talk._replace(flights=(*talk.flights, flight)) if fate == "late" else talk


def called(talk: Talk, number: int, *, is_lost: bool) -> Talk:
    """The contact begins a session, and a machine takes it, if it does."""
    machine, now_ms = talk.machines[number], talk.now_ms + talk.contact_wrong_ms
    told = machine.sessions.counters
    counters = choice.believe_told(talk.contact, told.largest, now_ms)
    counter = choice.next_reset_counter(counters, now_ms, told.largest)
    talk = talk._replace(
        contact=msgspec.structs.replace(counters, sent=max(counters.sent, counter))
    )
    if is_lost or not choice.acceptable(counter, told, talk.now_ms + machine.wrong_ms):
        return talk
    return talk.with_machine(
        number, machine.with_counters(msgspec.structs.replace(told, accepted=counter))
    )


def restored(talk: Talk, place: int) -> Talk:
    """The machine is gone, and another one goes on from a backup, or from the words alone."""
    kept_counters = talk.backups[place % len(talk.backups)]
    machine = Machine(Sessions(kept_counters), talk.machines[0].epoch + 1)
    # What the machine of before sent ahead of its clock, and comes late, does ask.
    flights = (one._replace(machine=None) for one in talk.flights if one.counter <= talk.now_ms)
    bundles = (one for one in talk.bundles if one.accepted <= talk.now_ms)
    return talk.with_machine(0, machine)._replace(
        now_ms=talk.now_ms + 60_000, flights=tuple(flights), bundles=tuple(bundles)
    )


def rotated(talk: Talk) -> Talk:
    """The owner has another identity; bundles stay in the contact's mailboxes."""
    machine = talk.machines[0]
    counters = Counters(machine.sessions.counters.largest)
    return talk.with_machine(
        0, Machine(Sessions(counters), machine.epoch + 1, machine.wrong_ms)
    )._replace(contact=Counters(), contact_backups=(Counters(),), flights=())


def contact_rotated(talk: Talk) -> Talk:
    """The contact has another identity, to which nothing was sent yet."""
    machine = talk.machines[0]
    return talk.with_machine(0, machine._replace(sessions=Sessions()))._replace(
        contact=Counters(talk.contact.largest),
        contact_backups=(Counters(),),
        bundles=(),
        flights=(),
        backups=(Counters(),),
    )


FATES = ("arrives", "lost", "late")
ORDINARY = st.one_of(
    st.tuples(st.just("begins"), st.sampled_from(FATES)),
    st.tuples(st.just("is called"), st.booleans()),
    st.tuples(st.just("a bundle is laid"), st.just(0)),
    st.tuples(st.just("begins by mail"), st.integers(0, 20)),
    st.tuples(st.just("a late flight arrives"), st.integers(0, 20)),
    st.tuples(st.just("waits"), st.sampled_from([0, 1, 60_000, 10**9])),
    st.tuples(st.just("backs up"), st.just(0)),
)
ALONE = st.one_of(
    ORDINARY,
    st.tuples(st.just("the contact restores"), st.integers(0, 20)),
    st.tuples(st.just("its clock is wrong"), st.sampled_from(CLOCKS_MS)),
    st.tuples(st.just("the contact's clock is wrong"), st.sampled_from(CLOCKS_MS)),
    st.tuples(st.just("restores"), st.integers(0, 20)),
    st.tuples(st.just("rotates"), st.just(0)),
    st.tuples(st.just("the contact rotates"), st.just(0)),
)
Step = tuple[str, object]


def stepped(talk: Talk, what: str, how: object, number: int = 0) -> Talk:
    """After one step; `number`: which machine."""
    at = how if isinstance(how, int) else 0
    match what:
        case "begins":
            return begins(talk, number, fate=str(how))
        case "is called":
            return called(talk, number, is_lost=bool(how))
        case "a bundle is laid":
            return talk._replace(bundles=(*talk.bundles, talk.contact))
        case "begins by mail" if talk.bundles:
            return begins(talk, number, told=talk.bundles[at % len(talk.bundles)], fate="late")
        case "a late flight arrives" if talk.flights:
            return arrives(talk, talk.flights[at % len(talk.flights)])
        case "waits":
            return talk._replace(now_ms=talk.now_ms + at)
        case "backs up":
            own = kept(talk.machines[0].sessions.counters)
            return talk._replace(
                backups=(*talk.backups, own),
                contact_backups=(*talk.contact_backups, kept(talk.contact)),
            )
        case "the contact restores":
            bundles = tuple(one for one in talk.bundles if one.accepted <= talk.now_ms)
            restored_contact = talk.contact_backups[at % len(talk.contact_backups)]
            return talk._replace(contact=restored_contact, bundles=bundles)
        case "its clock is wrong" if at >= 0 or not talk.machines[0].epoch:
            return talk.with_machine(number, talk.machines[number]._replace(wrong_ms=at))
        case "the contact's clock is wrong":
            return talk._replace(contact_wrong_ms=at)
        case "restores":
            return restored(talk, at)
        case "rotates":
            return rotated(talk)
        case "the contact rotates":
            return contact_rotated(talk)
    return talk


@given(st.lists(ALONE, min_size=15, max_size=40))
def test_one_machine_is_never_taken_for_two(steps: list[Step]) -> None:
    talk = Talk()
    for what, how in steps:
        talk = stepped(talk, what, how)
        assert not talk.any_asks, what


@given(
    st.lists(ORDINARY, max_size=15),
    st.booleans(),
    st.lists(st.tuples(ORDINARY, st.integers(0, 1)), max_size=15),
    st.integers(0, 1),
)
def test_two_machines_are_found(
    before: list[Step], is_backup: bool, between: list[tuple[Step, int]], first: int
) -> None:
    """A copy of the files, or a restored backup of any age: one machine or the other asks."""
    talk = Talk()
    for what, how in before:
        talk = stepped(talk, what, how)
    one = talk.machines[0]
    other = Machine(Sessions(talk.backups[-1]), one.epoch + 1) if is_backup else one
    talk = talk._replace(machines=(one, other))
    for (what, how), number in between:
        talk = stepped(talk, what, how, number)
    for turn in range(4):  # each finds that the contact went on without it
        talk = talk._replace(now_ms=talk.now_ms + 60_000)
        talk = begins(talk, (first + turn) % 2)
        if talk.any_asks:
            return
    pytest.fail("both go on")


# --- a thief, who keeps no rule -------------------------------------------------------------------


def steals(talk: Talk, ahead_ms: int) -> Talk:
    """The thief begins a session with any counter that the contact takes."""
    return arrives(talk, Flight(max(talk.contact.largest, talk.now_ms) + ahead_ms, None, 0))


THEFTS = st.lists(
    st.one_of(
        st.tuples(ORDINARY, st.integers(0, 1)),
        st.tuples(
            st.tuples(st.just("steals"), st.sampled_from([1, 1_000, COUNTER_FUTURE_MS])),
            st.integers(1, 400),
        ),
        st.tuples(st.tuples(st.just("decides"), st.just(0)), st.integers(0, 1)),
    ),
    max_size=30,
)


def decided(machine: Machine) -> Machine:
    """The owner says that this one stays."""
    return machine._replace(sessions=core.stay(machine.sessions), epoch=machine.epoch + 1)


def after(steps: list[tuple[Step, int]]) -> Talk:
    """All of them: the owner's machine, and a copy of it that somebody else has."""
    talk = Talk(machines=(Machine(), Machine()))
    for (what, how), number in steps:
        if what == "steals":
            for _ in range(number):
                talk = steals(talk, int(str(how)))
        elif what == "decides":
            talk = talk.with_machine(number, decided(talk.machines[number]))
        else:
            talk = stepped(talk, what, how, number)
    return talk


@given(THEFTS)
def test_a_thief_never_locks_the_owner_out(steps: list[tuple[Step, int]]) -> None:
    """Whatever both machines did: once the owner says that this one stays, it is taken."""
    talk = after(steps)
    talk = talk.with_machine(0, decided(talk.machines[0]))
    before = talk.contact.accepted
    talk = begins(talk._replace(now_ms=talk.now_ms + 60_000), 0)
    assert talk.contact.accepted != before
    assert not talk.machines[0].sessions.is_halted


@given(THEFTS, st.sampled_from([1, 1_000, COUNTER_FUTURE_MS]))
def test_a_thief_who_takes_over_is_found_at_once(
    steps: list[tuple[Step, int]], ahead_ms: int
) -> None:
    """Once the owner's machine has begun a session, the next one of somebody else shows."""
    talk = after(steps)
    talk = talk.with_machine(0, decided(talk.machines[0]))
    talk = begins(talk._replace(now_ms=talk.now_ms + 60_000), 0)
    talk = steals(talk, ahead_ms)
    assert begins(talk, 0).machines[0].sessions.is_halted


@given(THEFTS)
def test_nobody_wins_by_itself(steps: list[tuple[Step, int]]) -> None:
    """A machine that has asked begins nothing before its owner answers."""
    talk = after(steps)
    for number in (0, 1):
        if talk.machines[number].sessions.is_halted:
            again = begins(talk._replace(now_ms=talk.now_ms + 10**9), number)
            assert again.contact == talk.contact
            assert again.machines[number].sessions.is_halted


# --- one step of the rule -------------------------------------------------------------------------

BEGAN = Sessions(Counters(sent=100, accepted=300, told=400), epoch=2)


@pytest.mark.parametrize(
    ("last_accepted", "epoch", "is_halted"),
    [
        (0, 2, False),
        (100, 2, False),
        (101, 2, True),
        (101, 3, False),
        (COUNTER_MAX - 1, 2, True),
        (COUNTER_MAX, 2, False),
        (2**64 - 1, 2, False),
    ],
)
def test_what_shows_another_machine(last_accepted: int, epoch: int, is_halted: bool) -> None:
    heard = core.heard(BEGAN, last_accepted, epoch)
    assert heard.is_halted is is_halted
    assert (heard is BEGAN) is not is_halted


def test_the_owner_who_stays_has_a_session_begun_whatever_was_tried_before() -> None:
    halted = msgspec.structs.replace(BEGAN, is_halted=True, wanted_starts_s=(1, 2, 3))
    stays = core.stay(halted)
    assert (stays.is_halted, stays.start_wanted, stays.wanted_starts_s) == (False, True, ())
    assert core.stay(BEGAN) is BEGAN
