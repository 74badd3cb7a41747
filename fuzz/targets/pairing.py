"""Both ends of pairing nearby: anybody on the network may dial, or answer where one dialled."""

from functools import partial

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.pair_keys import derive_pair_keys
from loom.core.pairing import Paired, Pairing, PairingEvent, Tries, WordsReady
from loom.core.pairing_advert import decode_pairing_advert, encode_pairing_advert
from loom.core.pairing_link import LINK_RANDOM_BYTES, OwnSide, PairingLink
from loom.core.pairing_states import HEARS, PairingState
from loom.core.words import word_list
from loom.errors import MalformedMessage, PeerError, ProtocolViolation, UsageError, WordsDiffer
from loom.wire.nearby import (
    Introduction,
    PairingKind,
    decode_introduction,
    decode_record,
    encode_introduction,
    encode_record,
)
from tests.people import ALICE, EVE

_BUFFERED_MAX = 2 + 1_232 + 2_600
_INTRODUCED = encode_introduction(Introduction(EVE.token, 4_070, "Eve"))
_ENDS = (PeerError, UsageError, WordsDiffer)
_PIECES = (1 << 20, 1, 7, 341)


def _own(who: str) -> OwnSide:
    identity, number = (ALICE, b"a" * 16) if who == "Alice" else (EVE, b"e" * 16)
    return OwnSide(number, identity, who, 4_070, lambda _: None)


class _Person:
    """One honest person who answers "same" to whatever comes, and a hostile far end."""

    def __init__(self, draw: Draw) -> None:
        own = _own("Alice")
        self.pairing = Pairing(own.number, partial(PairingLink, own), Tries())
        self.events: list[PairingEvent[Introduction]] = []
        self._piece = draw.choice(_PIECES)
        dialled = draw.flag()
        random = bytes(range(LINK_RANDOM_BYTES))
        accepted = self.pairing.accept("eve", random, 0.0)
        assert accepted is not None
        self.link = self.pairing.dial(random, 0.0) if dialled else accepted
        self.theirs = PairingLink(_own("Eve"), dialled=not dialled, random=random[::-1], now_s=0.0)

    def hear(self, data: bytes) -> None:
        """In pieces."""
        for at in range(0, len(data), self._piece):
            was_over = self.link.is_over
            self.events += self.pairing.receive_data(self.link, data[at : at + self._piece], 0.0)
            assert not (was_over and self.link.data_to_send())
            assert len(self.link._incoming) <= _BUFFERED_MAX

    def answer(self) -> None:
        """Say the same; a person does so once."""
        try:
            self.events += self.pairing.answer(same=True, now_s=0.0)
        except UsageError:
            assert self.link.state not in (PairingState.WORDS, PairingState.HEARD)

    def take(self) -> None:
        """What the far end reads of it: nothing once it has words, when it says what it likes."""
        sent = self.link.data_to_send()
        if not self.theirs.words:
            self.theirs.receive_data(sent, 0.0)


def run(data: bytes) -> None:
    """Only who has the key of a token is kept, after "same"; anything else ends the link."""
    draw = Draw(data)
    match draw.number(3):
        case 0:
            _advert(draw)
        case 1:
            _record(draw)
        case _:
            _link(draw)


def _advert(draw: Draw) -> None:
    valid = encode_pairing_advert("zoo-zoo")
    properties = tuple((draw.edited(name), draw.edited(value)) for name, value in valid)
    try:
        alias = decode_pairing_advert(properties)
    except MalformedMessage:
        return
    assert encode_pairing_advert(alias) == properties
    assert all(word in word_list() for word in alias.split("-"))


def _record(draw: Draw) -> None:
    valid = encode_record(PairingKind.INTRODUCTION, _INTRODUCED)
    plaintext = draw.edited(valid)
    try:
        kind, inner = decode_record(plaintext)
    except (MalformedMessage, ProtocolViolation):
        return
    assert encode_record(kind, inner) == plaintext
    if kind is not PairingKind.INTRODUCTION:
        return
    try:
        introduction = decode_introduction(inner)
    except MalformedMessage:
        assert plaintext != valid
        return
    assert introduction.name
    assert encode_introduction(introduction) == inner


def _link(draw: Draw) -> None:
    person = _Person(draw)
    theirs = person.theirs
    person.take()
    for _ in range(4):
        if theirs.state in (PairingState.GREETED, PairingState.COMMITTED):
            theirs.choose()
        honest = theirs.data_to_send()
        sent = draw.edited(honest) if draw.number(8) == 7 else honest
        person.hear(sent)
        person.take()
        if sent != honest:
            assert not any(isinstance(one, Paired) for one in person.events)
    stage = draw.number(3)
    if stage >= 1:
        person.answer()
        person.take()
    if stage == 2 and theirs.words:
        theirs._send(PairingKind.INTRODUCTION, _INTRODUCED)  # and no proof yet
        person.hear(theirs.data_to_send())
        person.take()
    while not draw.is_over and not person.link.is_over and theirs._ciphers is not None:
        _hostile_record(person, draw)
    kept = [one for one in person.events if isinstance(one, Paired)]
    if kept:
        assert [one.remote.token.x25519_public for one in kept] == [EVE.agreement.public]
        assert person.link.state is PairingState.PAIRED
    assert sum(isinstance(one, WordsReady) for one in person.events) <= 1
    if person.link.state is PairingState.CLOSED:
        assert person.link.remote is None
        assert person.link.error is None or isinstance(person.link.error, _ENDS)


def _hostile_record(person: _Person, draw: Draw) -> None:
    """Sealed with the right key over any plaintext; honest bodies among them."""
    theirs = person.theirs
    assert theirs._ciphers is not None
    bodies = {
        1: encode_record(PairingKind.COMMIT, bytes(64)),
        2: encode_record(PairingKind.NONCE, bytes(32)),
        3: encode_record(PairingKind.INTRODUCTION, _INTRODUCED),
        4: encode_record(PairingKind.PROOF, _proof(person)),
        5: encode_record(PairingKind.DIFFER, b""),
        6: encode_record(PairingKind.PROOF, bytes(32)),
    }
    plaintext = bodies.get(draw.number(8), draw.some())
    if draw.flag():
        plaintext = draw.edited(plaintext)[:1_000]
    sealed = theirs._ciphers[0].encrypt(plaintext)
    before, events = person.link.state, len(person.events)
    is_whole = not person.link._incoming  # a frame cut short before takes this one for its rest
    person.hear(len(sealed).to_bytes(2, "big") + sealed)
    if is_whole and not _is_allowed(plaintext, before):
        assert person.link.is_over
    if plaintext != bodies[4]:
        assert not any(isinstance(one, Paired) for one in person.events[events:])
    if draw.flag():
        person.answer()
    person.take()


def _is_allowed(plaintext: bytes, state: PairingState) -> bool:
    try:
        kind, _ = decode_record(plaintext)
    except PeerError:
        return False
    return kind in HEARS.get(state, ())


def _proof(person: _Person) -> bytes:
    """What Eve can compute: with her own key, under whatever fingerprint she told."""
    told = EVE.peer_id if person.link.remote is None else person.link.remote.token.peer_id
    keys = derive_pair_keys(EVE.agreement, told, ALICE.peer_id, ALICE.agreement.public)
    person.theirs._keys = keys
    return person.theirs._proof(is_own=True)


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0\0",
        b"\1\0\0\0",
        b"\1\0\0\0\0\0\0\0",
        b"\2\0\0\0\0\0\0\0\3\0\0\1\4\0\0\0",  # introduced, "same", the proof
        b"\2\0\1\0\0\0\0\1\3\0\0\0\4\0\0\0",
        b"\2\1\0\0\0\0\0\2\4\0\0\0",
        b"\2\1\1\0\0\0\0\2\6\0\0\0",  # a wrong proof
        b"\2\2\1\0\0\7\3abc",
        b"\2\0\0\0\0\0\0\1\5\0\1\1\0\x40\1\1",
    ),
    max_bytes=1_024,
    executions=200,
)
