"""Two people's keys, and both ends of a link driven without a network."""

from dataclasses import dataclass, field

from loom.core.gate import ContactEntry, Gate, GateEntry, pair_credentials
from loom.core.link import Link
from loom.core.link_ends import LinkInitiator, LinkResponder
from loom.core.link_events import LinkAuthenticated, LinkEvent
from loom.core.pair_keys import PairKeys, derive_pair_keys
from loom.crypto.kdf import hash_
from loom.crypto.keys import X25519Key
from loom.model import PeerId, PersonId
from loom.wire.limits import REKEY_AFTER_RECORDS

TODAY = 20_777
ALICE = PersonId(1)
CLEAR_AND_MESSAGE_1_BYTES = 40 + 2 + 1_248
MESSAGE_2_FRAME_BYTES = 2 + 1_152


def some_bytes(label: str, size: int) -> bytes:
    """Fixed bytes that differ per label."""
    return hash_(label.encode())[:size].ljust(size, b"\x55")


def key_of(name: str) -> X25519Key:
    """A person's key."""
    return X25519Key.from_seed(some_bytes(f"{name} key", 32))


def peer_id_of(name: str) -> PeerId:
    """A person's fingerprint."""
    return PeerId(some_bytes(f"{name} fp", 32))


def keys_of(local: str, remote: str) -> PairKeys:
    """What `local` derives from the token of `remote`."""
    return derive_pair_keys(
        key_of(local), peer_id_of(local), peer_id_of(remote), key_of(remote).public
    )


def person_of(entry: GateEntry) -> PersonId:
    """The contact of an entry."""
    assert isinstance(entry, ContactEntry)
    return entry.person_id


def opened(event: LinkEvent) -> tuple[PersonId, bytes, int]:
    """Who opened the link, by which `rand` of which day."""
    assert isinstance(event, LinkAuthenticated)
    return person_of(event.entry), event.rand, event.day


@dataclass
class Door:
    """The dialled side of all links of one person: who may enter, and the `rand`s remembered."""

    owner: str = "bob"
    contacts: dict[PersonId, str] = field(default_factory=lambda: {ALICE: "alice"})
    today: int = TODAY
    used: set[tuple[PersonId, bytes]] = field(default_factory=set)

    def gate(self) -> Gate:
        """The gate as it stands."""
        entries = tuple(
            ContactEntry(contact_id, keys_of(self.owner, name).receiving)
            for contact_id, name in self.contacts.items()
        )
        return Gate(entries, self.today, lambda entry, rand: (person_of(entry), rand) in self.used)

    def responder(
        self, now_s: float = 0.0, rekey_after: int = REKEY_AFTER_RECORDS
    ) -> LinkResponder:
        """A fresh connection at the door."""
        return LinkResponder(
            self.gate(),
            ephemeral_seed=some_bytes(f"{self.owner} ephemeral", 32),
            now_s=now_s,
            rekey_after=rekey_after,
        )

    def remember(self, event: LinkAuthenticated) -> None:
        """What the driver writes to disk before it accepts."""
        self.used.add((person_of(event.entry), event.rand))


def dial(
    name: str = "alice",
    to: str = "bob",
    *,
    day: int = TODAY,
    rand: str = "rand",
    now_s: float = 0.0,
    rekey_after: int = REKEY_AFTER_RECORDS,
) -> LinkInitiator:
    """A link of `name` to somebody."""
    return LinkInitiator(
        pair_credentials(keys_of(name, to).sending, some_bytes(rand, 16), day),
        ephemeral_seed=some_bytes(f"{name} ephemeral {rand}", 32),
        kem_seed=some_bytes(f"{name} kem {rand}", 64),
        now_s=now_s,
        rekey_after=rekey_after,
    )


@dataclass
class Wire:
    """Carries bytes between two ends, cut as told, and plays the driver of the responder."""

    initiator: LinkInitiator
    responder: LinkResponder
    door: Door
    cut: int = 1 << 30
    initiator_events: list[LinkEvent] = field(default_factory=list)
    responder_events: list[LinkEvent] = field(default_factory=list)

    def pump(self, now_s: float = 0.0) -> None:
        """Carry everything until both are quiet."""
        while True:
            forth, back = self.initiator.data_to_send(), self.responder.data_to_send()
            if not forth and not back:
                return
            for event in self._carry(forth, self.responder, now_s):
                self.responder_events.append(event)
                if isinstance(event, LinkAuthenticated):
                    self.door.remember(event)
                    self.responder_events += self.responder.accept()
            self.initiator_events += self._carry(back, self.initiator, now_s)

    def _carry(self, data: bytes, to: Link, now_s: float) -> list[LinkEvent]:
        events: list[LinkEvent] = []
        for at in range(0, len(data), self.cut):
            events += to.receive_data(data[at : at + self.cut], now_s)
        return events


def connected(
    cut: int = 1 << 30, now_s: float = 0.0, rekey_after: int = REKEY_AFTER_RECORDS
) -> Wire:
    """Both ends, confirmed, their events so far forgotten."""
    door = Door()
    wire = Wire(
        dial(now_s=now_s, rekey_after=rekey_after), door.responder(now_s, rekey_after), door, cut
    )
    wire.pump(now_s)
    wire.initiator_events.clear()
    wire.responder_events.clear()
    return wire
