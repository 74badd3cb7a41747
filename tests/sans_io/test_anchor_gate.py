"""Who gets through to an anchor, what strangers learn, and what an observer can match."""

import pytest

from loom.core.anchor_gate import AnchorEntry, AnchorGate, anchor_credentials
from loom.core.gate import GateEntry
from loom.core.link_ends import PROMPT, LinkInitiator, LinkResponder
from loom.core.link_events import (
    CloseReason,
    LinkAuthenticated,
    LinkClosed,
    LinkConfirmed,
    RecordReceived,
)
from loom.core.link_kinds import OpeningTimes
from loom.core.queues import DoorKeys
from loom.crypto.kdf import MacKey
from loom.wire.framing import RecordKind
from tests.sans_io.link_pair import TODAY, dial, some_bytes

MASK_KEY = bytes(range(16))


def keys_of(number: int) -> DoorKeys:
    return DoorKeys(some_bytes(f"tag {number}", 32), some_bytes(f"link {number}", 32))


class Anchor:
    """An anchor's gate with some keys, and the `rand`s that it remembers."""

    def __init__(self, numbers: range) -> None:
        self.used: set[tuple[int, bytes]] = set()
        self.gate = AnchorGate(MASK_KEY, TODAY, self._is_used)
        for number in numbers:
            self.gate.add(AnchorEntry(number, keys_of(number)))

    def _is_used(self, entry: GateEntry, rand: bytes) -> bool:
        assert isinstance(entry, AnchorEntry)
        return (entry.number, rand) in self.used

    def responder(self, times: OpeningTimes = PROMPT) -> LinkResponder:
        return LinkResponder(
            self.gate, ephemeral_seed=some_bytes("anchor", 32), now_s=0.0, times=times
        )


def initiator(number: int, *, mask_key: bytes = MASK_KEY, day: int = TODAY) -> LinkInitiator:
    rand = some_bytes(f"rand {number} {day}", 16)
    return LinkInitiator(
        anchor_credentials(keys_of(number), mask_key, rand, day),
        ephemeral_seed=some_bytes("ephemeral", 32),
        kem_seed=some_bytes("kem", 64),
        now_s=0.0,
    )


def opened_by(responder: LinkResponder, data: bytes) -> int | None:
    """The key that message 1 proved; None when it was discarded."""
    events = responder.receive_data(data, 0.0)
    if not events:
        assert responder.data_to_send() == b""
        return None
    (event,) = events
    assert isinstance(event, LinkAuthenticated)
    assert isinstance(event.entry, AnchorEntry)
    return event.entry.number


def connected(anchor: Anchor, number: int) -> tuple[LinkInitiator, LinkResponder]:
    one, other = initiator(number), anchor.responder()
    assert opened_by(other, one.data_to_send()) == number
    other.accept()
    assert one.receive_data(other.data_to_send(), 0.0) == [LinkConfirmed()]
    assert other.receive_data(one.data_to_send(), 0.0) == [LinkConfirmed()]
    return one, other


def test_a_link_carries_requests_answers_and_pushes() -> None:
    one, other = connected(Anchor(range(3)), 2)
    one.send_record(RecordKind.REQUEST, b"request", 1.0)
    assert other.receive_data(one.data_to_send(), 1.0) == [
        RecordReceived(RecordKind.REQUEST, b"request")
    ]
    other.send_records([(RecordKind.ANSWER, b"answer"), (RecordKind.PUSH, b"push")], 1.0)
    assert one.receive_data(other.data_to_send(), 1.0) == [
        RecordReceived(RecordKind.ANSWER, b"answer"),
        RecordReceived(RecordKind.PUSH, b"push"),
    ]


@pytest.mark.parametrize(
    "kind", [RecordKind.BUNDLE_REQUEST, RecordKind.BUNDLE, RecordKind.ENVELOPE]
)
def test_records_of_contacts_end_the_link(kind: RecordKind) -> None:
    one, other = connected(Anchor(range(1)), 0)
    one.send_record(kind, b"", 1.0)
    (closed,) = other.receive_data(one.data_to_send(), 1.0)
    assert isinstance(closed, LinkClosed)
    assert closed.reason is CloseReason.BROKEN


@pytest.mark.parametrize("day", [TODAY - 1, TODAY, TODAY + 1])
def test_a_clock_may_be_wrong_by_a_day(day: int) -> None:
    assert opened_by(Anchor(range(1)).responder(), initiator(0, day=day).data_to_send()) == 0


@pytest.mark.parametrize("day", [0, TODAY - 2, TODAY + 2, 2**64 - 1])
def test_another_day_is_a_stranger(day: int) -> None:
    assert opened_by(Anchor(range(1)).responder(), initiator(0, day=day).data_to_send()) is None


def test_a_replay_is_a_stranger() -> None:
    anchor = Anchor(range(1))
    data = initiator(0).data_to_send()
    anchor.used.add((0, data[:16]))
    assert opened_by(anchor.responder(), data) is None


def test_without_the_mask_key_a_true_key_is_a_stranger() -> None:
    data = initiator(0, mask_key=bytes(16)).data_to_send()
    assert opened_by(Anchor(range(1)).responder(), data) is None


def test_a_removed_key_and_an_unknown_one_are_strangers() -> None:
    anchor = Anchor(range(3))
    anchor.gate.remove(1)
    anchor.gate.remove(7)
    found = [opened_by(anchor.responder(), initiator(n).data_to_send()) for n in range(4)]
    assert found == [0, None, 2, None]


def test_the_table_follows_the_days() -> None:
    anchor = Anchor(range(1))
    anchor.gate.turn_to(TODAY + 1)
    days = range(TODAY - 1, TODAY + 4)
    found = [opened_by(anchor.responder(), initiator(0, day=day).data_to_send()) for day in days]
    assert found == [None, 0, 0, 0, None]
    anchor.gate.add(AnchorEntry(9, keys_of(9)))
    assert opened_by(anchor.responder(), initiator(9, day=TODAY + 2).data_to_send()) == 9


def test_a_link_of_a_contact_does_not_open_an_anchor() -> None:
    """One frame, one pattern, another name in the prologue, other tags."""
    assert opened_by(Anchor(range(1)).responder(), dial().data_to_send()) is None


def test_two_connections_of_one_key_share_no_bytes_but_the_day() -> None:
    """Without the mask key nobody can match them; with it the tag of the day shows."""
    clears = [
        anchor_credentials(keys_of(0), MASK_KEY, some_bytes(f"rand {n}", 16), TODAY).clear
        for n in range(50)
    ]
    pieces = {clear[:16][at : at + 4] for clear in clears for at in range(13)}
    pieces |= {clear[24:][at : at + 4] for clear in clears for at in range(13)}
    assert len(pieces) == 50 * 2 * 13
    assert {clear[16:24] for clear in clears} == {TODAY.to_bytes(8, "big")}


@pytest.fixture
def macs(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Of which messages prepared keys made a MAC."""
    made: list[bytes] = []
    mac = MacKey.mac

    def counted(key: MacKey, data: bytes) -> bytes:
        made.append(data)
        return mac(key, data)

    monkeypatch.setattr(MacKey, "mac", counted)
    return made


def test_a_stranger_costs_one_mac_whatever_the_number_of_queues(
    macs: list[bytes],
) -> None:
    """No public-key work either: the handshake is not even made."""
    for count in (0, 10, 1_000):
        responder = Anchor(range(count)).responder()
        macs.clear()
        assert opened_by(responder, initiator(count + 1).data_to_send()) is None
        assert len(macs) == 1
        assert responder._handshake is None


def test_a_gate_behind_a_proxy_is_more_patient() -> None:
    """An onion service makes everybody loopback, and slow."""
    slow = OpeningTimes(clear_s=10.0, handshake_s=20.0)
    responder = Anchor(range(1)).responder(times=slow)
    assert responder.next_timeout_s() == 10.0
    responder.receive_data(initiator(0).data_to_send(), 9.0)
    responder.accept()
    assert responder.next_timeout_s() == 20.0
