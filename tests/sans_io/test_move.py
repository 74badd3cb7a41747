"""Two machines of a move, and who else dials, without a network (docs/PROTOCOL.md 8.2)."""

import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core.move_link import (
    HEARS,
    LINK_RANDOM_BYTES,
    Asked,
    Came,
    ClosedThere,
    Ended,
    MoveEvent,
    MoveLink,
    MoveState,
    Offered,
    Opened,
    OpenedThere,
    Readied,
    Refused,
)
from loom.core.move_pairing import MoveKey, MovePairingLink, MoveSide
from loom.core.pairing import Paired, Pairing, PairingEnded, PairingEvent, Tries, WordsReady
from loom.core.pairing_link import LINK_RANDOM_BYTES as PAIRING_RANDOM_BYTES
from loom.core.pairing_link import MeetingLink
from loom.errors import (
    AuthenticationError,
    MalformedMessage,
    MoveEndsAlike,
    MoveLost,
    ProtocolViolation,
    UsageError,
)
from loom.wire.limits import MOVE_BUSY_S, MOVE_DATA_MAX_BYTES, MOVE_SILENCE_MAX_S
from loom.wire.moving import (
    End,
    MoveKind,
    Pledge,
    Reason,
    decode_move_record,
    decode_pledge,
    encode_move_record,
    encode_pledge,
)

KEY = MoveKey(bytes(range(32)))
HEADER = bytes(80)
CONTENT = random.Random(0).randbytes(3 * MOVE_DATA_MAX_BYTES + 17)


def seeds(who: str, size: int = LINK_RANDOM_BYTES) -> bytes:
    """Random bytes of somebody."""
    return random.Random(who).randbytes(size)


class Machine:
    """One end, which does at once what it is told."""

    def __init__(
        self, end: End, *, dialled: bool, key: MoveKey = KEY, here: bytes = b"", stage: str = ""
    ) -> None:
        self.link = MoveLink(key, end, dialled=dialled, random=seeds(end.name), now_s=0.0)
        self.here = here
        self.stage = stage
        self.events: list[MoveEvent] = []

    def hear(self, data: bytes) -> None:
        """Bytes, and what they lead to."""
        for event in self.link.receive_data(data, 0.0):
            self.events.append(event)
            self._take(event)

    def _take(self, event: MoveEvent) -> None:
        link = self.link
        match event:
            case Opened():
                link.offer(len(CONTENT), HEADER, 0.0)
            case Offered():
                if self.stage == "opened":
                    link.opened(0.0)
                elif self.stage == "ready":
                    link.ready(0.0)
                else:
                    link.have(len(self.here), 0.0)
            case Asked():
                while link.wanted > 0:
                    link.send(CONTENT[link.position :][: min(link.wanted, 100_000)], 0.0)
            case Came(data=data):
                self.here += data
                if len(self.here) == len(CONTENT):
                    link.have(len(self.here), 0.0)
                    link.ready(0.0)
            case Readied():
                link.closed(0.0)
            case ClosedThere():
                link.opened(0.0)
            case OpenedThere():
                link.end_move(0.0)
            case _:
                pass


def pump(one: Machine, other: Machine, cut: int = 1 << 20) -> None:
    """Until nothing is under way."""
    while True:
        forth, back = one.link.data_to_send(), other.link.data_to_send()
        if not forth and not back:
            return
        for machine, data in ((other, forth), (one, back)):
            for at in range(0, len(data), cut):
                machine.hear(data[at : at + cut])


def pair(*, old_dials: bool = False, **new: str | bytes) -> tuple[Machine, Machine]:
    """An old machine and a new one."""
    here, stage = new.get("here", b""), new.get("stage", "")
    assert isinstance(here, bytes)
    assert isinstance(stage, str)
    old = Machine(End.OLD, dialled=old_dials)
    return old, Machine(End.NEW, dialled=not old_dials, here=here, stage=stage)


@pytest.mark.parametrize("old_dials", [False, True])
@pytest.mark.parametrize("cut", [1 << 20, 4_099, 7])
def test_it_arrives_and_both_know(*, old_dials: bool, cut: int) -> None:
    old, new = pair(old_dials=old_dials)
    pump(old, new, cut)
    assert new.here == CONTENT
    assert isinstance(old.events[-1], OpenedThere)
    assert isinstance(new.events[-1], Ended)
    assert (old.link.state, new.link.state) == (MoveState.OVER, MoveState.OVER)


@given(st.integers(0, len(CONTENT)))
def test_it_goes_on_where_it_was(size: int) -> None:
    old, new = pair(here=CONTENT[:size])
    pump(old, new)
    if size == len(CONTENT):
        assert not any(isinstance(one, Came) for one in new.events)
    else:
        assert new.here == CONTENT
        assert isinstance(new.events[-1], Ended)


@pytest.mark.parametrize("stage", ["ready", "opened"])
def test_what_was_reached_is_said_first(stage: str) -> None:
    old, new = pair(stage=stage)
    pump(old, new)
    assert isinstance(new.events[-1], Ended)
    assert [type(one) for one in old.events if not isinstance(one, OpenedThere)] == (
        [Opened, Readied] if stage == "ready" else [Opened]
    )


def test_without_the_key_nothing_is_said() -> None:
    old = Machine(End.OLD, dialled=False)
    stranger = Machine(End.NEW, dialled=True, key=MoveKey(bytes(32)))
    pump(old, stranger)
    assert old.link.data_to_send() == b""
    assert isinstance(old.link.error, AuthenticationError)
    assert old.events == stranger.events == []


def test_two_of_one_end_do_not_meet() -> None:
    one, other = Machine(End.NEW, dialled=True), Machine(End.NEW, dialled=False)
    pump(one, other)
    assert isinstance(other.link.error, AuthenticationError)


def test_any_flipped_bit_ends_the_link() -> None:
    old, new = pair()
    old.hear(new.link.data_to_send())
    new.hear(old.link.data_to_send())
    old.hear(new.link.data_to_send())
    data = bytearray(old.link.data_to_send())
    data[500] ^= 1
    new.hear(bytes(data))
    assert isinstance(new.link.error, AuthenticationError)
    assert new.here == b""


@pytest.mark.parametrize("kind", list(MoveKind))
@pytest.mark.parametrize("end", list(End))
def test_a_record_out_of_turn_ends_the_link(end: End, kind: MoveKind) -> None:
    """At the first record after the handshake."""
    old, new = pair()
    victim, other = (old, new) if end is End.OLD else (new, old)
    old.link.receive_data(new.link.data_to_send(), 0.0)
    new.link.receive_data(old.link.data_to_send(), 0.0)
    if end is End.OLD:
        old.link.offer(len(CONTENT), HEADER, 0.0)
        new.link.receive_data(old.link.data_to_send(), 0.0)
    sizes = {MoveKind.OFFER: 88, MoveKind.HAVE: 8, MoveKind.DATA: 1, MoveKind.REFUSAL: 1}
    other.link._send(kind, b"\1" * sizes.get(kind, 0), 0.0)
    before = victim.link.state
    victim.hear(other.link.data_to_send())
    is_allowed = kind in {MoveKind.BUSY, *HEARS.get((end, before), set())}
    if not is_allowed or (end, kind) == (End.OLD, MoveKind.HAVE):
        assert isinstance(victim.link.error, ProtocolViolation | AuthenticationError)
    else:
        assert victim.link.error is None


@given(st.binary(max_size=400))
def test_rubbish_ends_the_link_and_is_not_kept(data: bytes) -> None:
    old = Machine(End.OLD, dialled=False)
    old.hear(data)
    assert old.events == []
    assert len(old.link._incoming) <= max(len(data), 0)
    assert old.link.data_to_send() == b""


def test_more_than_was_offered_is_not_taken() -> None:
    old, new = pair(here=CONTENT)
    old.hear(new.link.data_to_send())
    new.hear(old.link.data_to_send())
    old.hear(new.link.data_to_send())
    old.link._send(MoveKind.DATA, b"x", 0.0)
    new.hear(old.link.data_to_send())
    assert isinstance(new.link.error, ProtocolViolation)


def test_no_more_is_sent_than_is_wanted() -> None:
    old, new = pair()
    old.hear(new.link.data_to_send())
    with pytest.raises(UsageError):
        old.link.send(b"x", 0.0)


def test_silence_ends_a_link_and_busy_keeps_it() -> None:
    old, new = pair()
    pump(old, new)
    old, new = pair()
    old.hear(new.link.data_to_send())
    old.link.data_to_send()
    old.link.handle_timeout(MOVE_BUSY_S - 0.1)
    assert old.link.data_to_send() == b""
    old.link.handle_timeout(MOVE_BUSY_S)
    assert old.link.data_to_send()
    old.link.handle_timeout(MOVE_SILENCE_MAX_S)
    assert isinstance(old.link.error, MoveLost)


def test_a_refusal_is_heard() -> None:
    old, new = pair()
    old.hear(new.link.data_to_send())
    new.link.receive_data(old.link.data_to_send(), 0.0)
    new.link.refuse(Reason.NO_ROOM, 0.0)
    old.hear(new.link.data_to_send())
    assert old.events[-1] == Refused(Reason.NO_ROOM)
    assert old.link.is_over


def test_records_are_strict() -> None:
    for bad in (b"", b"\x63", b"\1" + bytes(87), b"\3", b"\4\0", b"\x08"):
        with pytest.raises((ProtocolViolation, MalformedMessage)):
            decode_move_record(bad)
    assert decode_move_record(encode_move_record(MoveKind.DATA, b"x")) == (MoveKind.DATA, b"x")


def test_pledges_are_strict() -> None:
    body = encode_pledge(Pledge(End.NEW, bytes(range(32))))
    assert decode_pledge(body) == Pledge(End.NEW, bytes(range(32)))
    for at, value in ((0, 2), (1, 2), (34, 1), (324, 1)):
        changed = bytearray(body)
        changed[at] = value
        with pytest.raises(MalformedMessage):
            decode_pledge(bytes(changed))


# --- the words -------------------------------------------------------------------------------


class Person:
    """One machine while it agrees on a key."""

    def __init__(self, end: End, who: str) -> None:
        side = MoveSide(seeds(who, 16), Pledge(end, seeds(who + "share", 32)))
        self.pairing = Pairing(side.number, partial(MovePairingLink, side), Tries())
        self.events: list[PairingEvent[MoveKey]] = []
        self.link: MeetingLink[MoveKey] | None = None
        self._random = seeds(who + "link", PAIRING_RANDOM_BYTES)

    def dial(self) -> None:
        """The other one."""
        self.link = self.pairing.dial(self._random, 0.0)

    def accept(self) -> None:
        """Whoever dials."""
        self.link = self.pairing.accept("other", self._random, 0.0)

    def say(self) -> bytes:
        """What it sends."""
        assert self.link is not None
        return self.link.data_to_send()

    def hear(self, data: bytes) -> None:
        """What came."""
        assert self.link is not None
        self.events += self.pairing.receive_data(self.link, data, 0.0)


def talk(one: Person, other: Person) -> None:
    """Until nothing is under way."""
    while (forth := one.say()) + (back := other.say()):
        other.hear(forth)
        one.hear(back)


def met(one: End, other: End) -> tuple[Person, Person]:
    """Two that see words and say the same."""
    people = Person(one, "one"), Person(other, "other")
    people[0].dial()
    people[1].accept()
    talk(*people)
    words = [[one.words for one in each.events if isinstance(one, WordsReady)] for each in people]
    assert words[0] == words[1] != []
    for each in people:
        each.events += each.pairing.answer(same=True, now_s=0.0)
    talk(*people)
    return people


def test_two_machines_agree_on_one_key() -> None:
    keys = [
        [one.remote.secret for one in each.events if isinstance(one, Paired)]
        for each in met(End.NEW, End.OLD)
    ]
    assert keys[0] == keys[1]
    assert len(keys[0][0]) == 32


@pytest.mark.parametrize("end", list(End))
def test_two_old_or_two_new_ones_agree_on_nothing(end: End) -> None:
    for each in met(end, end):
        assert not any(isinstance(one, Paired) for one in each.events)
    assert any(
        isinstance(one, PairingEnded) and isinstance(one.error, MoveEndsAlike)
        for each in met(end, end)
        for one in each.events
    )
