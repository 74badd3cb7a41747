"""A stranger learns nothing, costs little and changes nothing (PROTOCOL.md 3, 10)."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from loom.core.gate import make_clear, pair_credentials
from loom.core.link_ends import LinkInitiator, LinkResponder
from loom.core.link_events import CloseReason, LinkAuthenticated, LinkClosed, LinkEvent
from loom.core.pair_keys import DirectionKeys
from loom.crypto.kdf import MacKey
from loom.model import PersonId
from loom.wire.limits import LINK_HANDSHAKE_MAX_BYTES, LINK_HANDSHAKE_TIMEOUT_S
from tests.sans_io.link_pair import (
    ALICE,
    TODAY,
    Door,
    dial,
    keys_of,
    opened,
    some_bytes,
)

REFUSED = [LinkClosed(CloseReason.REFUSED)]


@pytest.fixture
def no_public_key_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any public-key operation of a responder fails the test."""

    def refuse(*_: object) -> None:
        pytest.fail("a public-key operation for somebody unauthenticated")

    key = SimpleNamespace(from_seed=refuse)
    monkeypatch.setattr("loom.core.noise.X25519Key", key)
    monkeypatch.setattr("loom.core.noise.KemKey", key)
    monkeypatch.setattr("loom.core.noise.encapsulate", refuse)


def opening(**changes: int | str) -> bytes:
    """Alice's clear bytes and message 1."""
    day, rand = changes.get("day", TODAY), changes.get("rand", "rand")
    name = str(changes.get("name", "alice"))
    return dial(name, day=int(day), rand=str(rand)).data_to_send()


def mangled_message_1() -> bytes:
    """A true tag, then a message 1 with one bit wrong."""
    data = bytearray(opening())
    data[700] ^= 1
    return bytes(data)


def wrong_psk() -> bytes:
    """The tag key leaked, the link key did not."""
    keys = keys_of("alice", "bob").sending
    stolen = DirectionKeys(tag=keys.tag, link=bytes(32), presence=keys.presence)
    return LinkInitiator(
        pair_credentials(stolen, bytes(16), TODAY),
        ephemeral_seed=bytes(32),
        kem_seed=bytes(64),
        now_s=0.0,
    ).data_to_send()


def tag_then_garbage() -> bytes:
    """A true tag seen on the network, followed by anything."""
    return (
        make_clear(keys_of("alice", "bob").sending.tag, bytes(16), TODAY)
        + b"\x04\xe0"
        + b"x" * 1_300
    )


STRANGERS: dict[str, Callable[[], bytes]] = {
    "http": lambda: b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl\r\n\r\n",
    "tls": lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "zeros": lambda: bytes(1_290),
    "unknown": lambda: opening(name="carol"),
    "wrong day": lambda: opening(day=TODAY + 2),
    "old day": lambda: opening(day=TODAY - 2),
    "far day": lambda: opening(day=2**64 - 1),
    "mangled": mangled_message_1,
    "wrong psk": wrong_psk,
    "garbage": tag_then_garbage,
    "wrong length": lambda: opening()[:40] + b"\x04\xe1" + opening()[42:],
    "reflection": lambda: dial("bob", "alice").data_to_send(),
}


@pytest.mark.parametrize("cut", [1, 40, 1 << 20])
@pytest.mark.parametrize("stranger", STRANGERS)
def test_promise_11_refusals_all_look_alike(
    stranger: str, cut: int, request: pytest.FixtureRequest
) -> None:
    """No byte back, no public-key work, and an end at 2 KiB or at the deadline, for all of them."""
    data = STRANGERS[stranger]()
    request.getfixturevalue("no_public_key_work")
    for filler in (b"", bytes(LINK_HANDSHAKE_MAX_BYTES)):
        responder, sent, events = Door().responder(), 0, list[LinkEvent]()
        for at in range(0, len(data), cut):
            events += responder.receive_data(data[at : at + cut], 0.0)
            sent += len(data[at : at + cut])
            assert events == []
            assert not responder.is_closed
        if filler:
            missing = LINK_HANDSHAKE_MAX_BYTES - sent
            assert responder.receive_data(filler[: missing - 1], 0.0) == []
            assert responder.receive_data(filler[:1], 0.0) == REFUSED
        else:
            assert responder.next_timeout_s() == LINK_HANDSHAKE_TIMEOUT_S
            assert responder.handle_timeout(LINK_HANDSHAKE_TIMEOUT_S - 0.01) == []
            assert responder.handle_timeout(LINK_HANDSHAKE_TIMEOUT_S) == REFUSED
        assert responder.data_to_send() == b""
        assert responder.next_timeout_s() is None
        assert responder.receive_data(data, 0.0) == []


def test_promise_11_a_port_scanner_and_a_truncated_opening_end_in_silence() -> None:
    """Nothing, or too little, ends at the deadline and leaves nothing."""
    for size, deadline_s in ((0, 2.0), (39, 2.0), (40, 5.0), (41, 5.0), (1_289, 5.0)):
        responder = Door().responder()
        assert responder.receive_data(opening()[:size], 0.0) == []
        assert responder.next_timeout_s() == deadline_s
        assert responder.handle_timeout(deadline_s) == [LinkClosed(CloseReason.HANDSHAKE_TIMEOUT)]
        assert responder.data_to_send() == b""
        assert responder.accept() == []


def test_authentication_itself_costs_no_public_key_work(request: pytest.FixtureRequest) -> None:
    """Message 1 is proven by symmetric means alone; `accept` is where the work begins."""
    data = opening()
    request.getfixturevalue("no_public_key_work")
    (event,) = Door().responder().receive_data(data, 0.0)
    assert isinstance(event, LinkAuthenticated)


@pytest.mark.parametrize("day", [TODAY - 1, TODAY, TODAY + 1])
def test_a_clock_may_be_wrong_by_a_day(day: int) -> None:
    """And the event says which day to remember `rand` under."""
    (event,) = Door().responder().receive_data(opening(day=day), 0.0)
    assert opened(event) == (ALICE, some_bytes("rand", 16), day)


def test_every_contact_is_tested_for_every_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constant work: one MAC per contact, for a stranger, the first and the last alike."""
    door = Door(contacts={PersonId(number): f"contact {number}" for number in range(20)})
    tested: list[MacKey] = []
    test = MacKey.mac

    def counted(key: MacKey, data: bytes) -> bytes:
        tested.append(key)
        return test(key, data)

    for name in ("carol", "contact 0", "contact 19"):
        data, responder = opening(name=name), door.responder()
        tested.clear()
        with monkeypatch.context() as patch:
            patch.setattr(MacKey, "mac", counted)
            responder.receive_data(data, 0.0)
        assert len(set(tested)) == len(tested) == 20


def test_promise_16_a_replayed_opening_is_refused_once_its_rand_is_stored() -> None:
    """It looks like any stranger."""
    door = Door()
    data = opening()
    first = door.responder()
    (event,) = first.receive_data(data, 0.0)
    assert isinstance(event, LinkAuthenticated)
    door.remember(event)
    replayed = door.responder()
    assert replayed.receive_data(data, 0.0) == []
    assert replayed.handle_timeout(5.0) == REFUSED
    assert replayed.data_to_send() == b""


def recorded_conversation() -> tuple[bytes, bytes]:
    """All that Alice sent on a link, recorded: her opening, and everything after it."""
    door = Door()
    initiator, responder = dial(), door.responder()
    first = initiator.data_to_send()
    responder.receive_data(first, 0.0)
    responder.accept()
    initiator.receive_data(responder.data_to_send(), 0.0)
    return first, initiator.data_to_send()


def test_promise_16_a_replay_after_a_loss_of_memory_never_looks_like_a_person() -> None:
    """Message 1 passes, as the store was rolled back; without fresh keys nobody confirms it."""
    first, rest = recorded_conversation()
    responder = LinkResponder(Door().gate(), ephemeral_seed=bytes(32), now_s=0.0)
    (event,) = responder.receive_data(first, 0.0)
    assert isinstance(event, LinkAuthenticated)
    assert responder.accept() == []
    responder.data_to_send()
    assert not responder.is_open
    (closed,) = responder.receive_data(rest, 0.0)
    assert isinstance(closed, LinkClosed)
    assert responder.data_to_send() == b""


def test_promise_16_a_suppressed_confirmation_never_shows_a_person() -> None:
    """The deadline ends it, with nothing sent but message 2."""
    responder = Door().responder()
    responder.receive_data(opening(), 0.0)
    responder.accept()
    responder.data_to_send()
    assert not responder.is_open
    assert responder.handle_timeout(5.0) == [LinkClosed(CloseReason.HANDSHAKE_TIMEOUT)]
    assert responder.data_to_send() == b""


def test_a_contact_who_floods_before_the_answer_is_ended() -> None:
    """No more than 2 KiB are held before both sides are proven."""
    responder = Door().responder()
    events = responder.receive_data(opening() + bytes(LINK_HANDSHAKE_MAX_BYTES), 0.0)
    assert events[1:] == REFUSED
    assert responder.accept() == []
    assert responder.data_to_send() == b""


def test_an_impostor_who_answers_is_refused_by_the_initiator() -> None:
    """Without the link key there is no message 2."""
    for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x04\x80" + bytes(1_152)):
        initiator = dial()
        initiator.data_to_send()
        (closed,) = initiator.receive_data(answer, 0.0)
        assert isinstance(closed, LinkClosed)
        assert closed.reason is CloseReason.BROKEN
        assert initiator.data_to_send() == b""


def test_a_listener_who_hears_only_itself_is_refused() -> None:
    """Alice's opening sent back to Alice, at her door and as an answer to her call."""
    door = Door(owner="alice", contacts={ALICE: "bob"})
    responder = door.responder()
    assert responder.receive_data(opening(), 0.0) == []
    initiator = dial()
    (closed,) = initiator.receive_data(initiator.data_to_send(), 0.0)
    assert isinstance(closed, LinkClosed)


def test_a_contact_with_a_low_order_ephemeral_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """An authenticated liar gets no message 2."""
    low_order = SimpleNamespace(public=bytes(32))
    with monkeypatch.context() as patch:
        patch.setattr("loom.core.noise.X25519Key", SimpleNamespace(from_seed=lambda _: low_order))
        data = opening()
    responder = Door().responder()
    (event,) = responder.receive_data(data, 0.0)
    assert isinstance(event, LinkAuthenticated)
    (closed,) = responder.accept()
    assert isinstance(closed, LinkClosed)
    assert closed.reason is CloseReason.BROKEN
    assert responder.data_to_send() == b""


def test_a_late_answer_of_the_disk_is_no_error() -> None:
    """The deadline passed while `rand` was being stored."""
    responder = Door().responder()
    responder.receive_data(opening(), 0.0)
    responder.handle_timeout(5.0)
    assert responder.accept() == []
    assert responder.data_to_send() == b""


def test_two_copies_of_an_opening_at_once_reach_one_person_at_most() -> None:
    """Even if the store took both: the answers differ, and only one can be confirmed."""
    door, initiator = Door(), dial()
    data = initiator.data_to_send()
    responders = [door.responder(), door.responder()]
    answers = []
    for responder in responders:
        responder.receive_data(data, 0.0)
        responder.accept()
        answers.append(responder.data_to_send())
    initiator.receive_data(answers[0], 0.0)
    confirmation = initiator.data_to_send()
    for responder in responders:
        responder.receive_data(confirmation, 0.0)
    assert [responder.is_open for responder in responders] == [True, False]


def test_a_contact_with_an_unreduced_encapsulation_key_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """FIPS 203, 7.2: such a key is never encapsulated to."""
    liar = SimpleNamespace(public=b"\xff" * 1_184)
    with monkeypatch.context() as patch:
        patch.setattr("loom.core.noise.KemKey", SimpleNamespace(from_seed=lambda _: liar))
        data = opening()
    responder = Door().responder()
    responder.receive_data(data, 0.0)
    (closed,) = responder.accept()
    assert isinstance(closed, LinkClosed)
    assert closed.reason is CloseReason.BROKEN
    assert responder.data_to_send() == b""
