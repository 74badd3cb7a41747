"""Links that once outlived their welcome, their place or their use, and dials without a pause."""

import asyncio
from ipaddress import IPv4Address
from typing import Any

import msgspec
import pytest

from loom.api.contact_commands import BlockContact, Connect, ImportToken, VerifyContact
from loom.api.events import PeerOnline
from loom.core.presence import ADVERT_RANDOM_BYTES, Place, build_adverts, epoch_at
from loom.errors import IdentityChanged, StoreUnavailable, Unreachable
from loom.links.direct import FLUSH_TIMEOUT_S, DirectLink
from loom.model import Address, Direction, MessageState
from loom.ports import Advert, StreamHandler
from loom.storage import prekeys
from loom.storage.addresses import AddressSource
from loom.wire.framing import RecordKind
from loom.wire.limits import UNAUTHENTICATED_MAX, UNAUTHENTICATED_PER_SOURCE_MAX
from loom.wire.token import encode_token
from tests.memory_network import MemoryStream, MemoryTransport
from tests.node.harness import Person, World, identity_of

BURST = 300


class Dam:
    """Holds back what one host writes on new streams, from the nth piece on, until it opens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, host: str, pieces_through: int) -> None:
        self.held: list[tuple[MemoryStream, bytes]] = []
        self._is_open = False
        self._write = MemoryStream.write
        written: dict[MemoryStream, int] = {}

        def write(stream: MemoryStream, data: bytes) -> None:
            count = written[stream] = written.get(stream, 0) + 1
            if self._is_open or stream.local.host != host or count <= pieces_through:
                self._write(stream, data)
            else:
                self.held.append((stream, data))

        monkeypatch.setattr(MemoryStream, "write", write)

    def open(self) -> None:
        """What was held goes its way, and everything after it."""
        self._is_open = True
        for stream, data in self.held:
            self._write(stream, data)


class Stranger:
    """Connects and says nothing."""

    def __init__(self) -> None:
        self.is_open = False

    def connected(self, stream: object) -> None:
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        raise AssertionError("a stranger is never answered")

    def writable(self, ready: bool) -> None:
        pass

    def closed(self) -> None:
        self.is_open = False


def link(one: Person, other: Person) -> DirectLink:
    connection = one.peer(other).connection
    assert connection is not None
    return connection


def open_links(one: Person) -> list[DirectLink]:
    """The confirmed links of everybody whom one knows."""
    return [link for peer in one.node.roster.values() for link in peer.arbiter.links]


async def half_a_link(
    world: World, monkeypatch: pytest.MonkeyPatch, state: str
) -> tuple[Person, Person, Dam]:
    """Alice and Bob, who had a session, and a link between them that is not yet confirmed."""
    calls = ("Alice", "Bob") if state == "we dialled" else ("Bob", "Alice")
    one, other = await world.friends(*calls)
    alice, bob = (one, other) if one.name == "Alice" else (other, one)
    await world.delivered(alice, bob)
    await world.pass_time(3)
    # Bob's first piece is his opening, or his answer to ours; his second is the confirmation.
    dam = Dam(monkeypatch, bob.host, pieces_through=int(state == "waits for its confirmation"))
    world.network.cut()
    await world.until(lambda: dam.held != [])
    assert not alice.is_online(bob)
    return alice, bob, dam


STATES = pytest.mark.parametrize(
    "state", ["waits at the gate", "waits for its confirmation", "we dialled"]
)


# --- contacts that change while a link is being made ---


@STATES
async def test_a_link_from_before_a_new_identity_carries_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Once, texts for the new identity went to the old one, and came back ticked."""
    alice, bob, dam = await half_a_link(world, monkeypatch, state)
    new = identity_of("Another Bob")
    await alice.do(ImportToken(token=encode_token(new.token), name="Bob", replace=True))
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    await alice.say(bob, "for the new Bob only")
    dam.open()
    online = len(alice.told(PeerOnline))
    await bob.say(alice, "I am the old Bob")
    await world.pass_time(100)
    assert bob.received(alice) == []
    assert len(alice.told(PeerOnline)) == online
    assert open_links(alice) == []
    assert [(one.body, one.state) for one in await alice.history(bob)] == [
        ("for the new Bob only", "queued")
    ]


@STATES
async def test_a_link_from_before_a_block_carries_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Once, a contact blocked in that moment stayed connected and was received."""
    alice, bob, dam = await half_a_link(world, monkeypatch, state)
    await alice.do(BlockContact(contact="Bob"))
    dam.open()
    online = len(alice.told(PeerOnline))
    await bob.say(alice, "you block me, and hear me")
    await world.pass_time(100)
    assert alice.received(bob) == []
    assert len(alice.told(PeerOnline)) == online
    assert open_links(alice) == []
    assert not bob.all_delivered(alice)


async def test_an_unverified_new_identity_hears_nothing_and_gets_no_old_prekey(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    number = alice.peer(bob).device_id
    await alice.peer(bob).bundles.present()
    await bob.crash()
    new = await world.person("Bob", identity_of("Another Bob"))
    await new.add(alice)
    await alice.do(ImportToken(token=encode_token(new.identity.token), name="Bob", replace=True))
    kept = alice.database.look(lambda db: prekeys.latest(db, number, range(2**40)))
    assert kept is None
    with pytest.raises(IdentityChanged):
        await alice.do(Connect(contact="Bob", host=new.host, port=new.address.port))
    await new.say(alice, "is anybody there?")
    await new.note_address(alice)
    await world.pass_time(100)
    assert alice.peer(new).dialer is None
    to_new = [
        one
        for one in world.network.streams
        if (one.local.host, one.remote.host) == (alice.host, new.host)
    ]
    assert to_new != []
    assert sum(one._passed_bytes for one in to_new) == 0


# --- places ---


@pytest.mark.parametrize(
    ("sources", "places"),
    [(1, UNAUTHENTICATED_PER_SOURCE_MAX), (BURST, UNAUTHENTICATED_MAX)],
    ids=["one source", "many sources"],
)
async def test_strangers_of_one_turn_find_no_more_places(
    world: World, sources: int, places: int
) -> None:
    """They all arrive before the transport reports that one has ended."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    found = [Stranger() for _ in range(BURST)]
    for n, one in enumerate(found):
        host = f"192.0.{2 + n % sources // 250}.{n % sources % 250 + 1}"
        world.network.connect(Address(host, 50_000 + n), bob.address, one)
    await world.pass_time(0.001)
    assert sum(one.is_open for one in found) == places
    assert len(bob.node.network.link_listener._unconfirmed) == places
    await alice.say(bob, "still here")
    await world.delivered(alice, bob)
    await world.pass_time(10)
    assert not any(one.is_open for one in found)


async def test_a_crowd_pushes_nobody_out_who_proved_a_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once sixteen strangers took a contact's place while the confirmation was on its way."""
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    dam = Dam(monkeypatch, alice.host, pieces_through=1)
    calling = asyncio.create_task(alice.call(bob))
    await world.until(lambda: len(dam.held) > 0)
    for n in range(BURST):
        host = f"192.0.{2 + n // 250}.{n % 250 + 1}"
        world.network.connect(Address(host, 50_000 + n), bob.address, Stranger())
    streams = len(world.network.streams)
    await world.pass_time(0.001)
    dam.open()
    await calling
    await world.until(lambda: bob.is_online(alice))
    assert len(world.network.streams) == streams  # it is the first link, not a second dial


def stall(one: Person, other: Person) -> tuple[DirectLink, list[bytes]]:
    """The other reads no more and never ends this link; what `one` writes to it is noted."""
    connection, written = link(one, other), list[bytes]()
    stream: Any = connection._stream
    stream.peer.pause_reading()
    stream.peer.close = stream.peer.cut = lambda: None
    write = stream.write

    def noted(data: bytes) -> None:
        written.append(data)
        write(data)

    stream.write = noted
    return connection, written


async def test_a_closing_link_is_not_written_to_and_leaves_its_place(world: World) -> None:
    """Once it became the link again when the newer one broke: what it was given was lost."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    old, written = stall(alice, bob)
    await alice.say(bob, "on its way to nobody")
    await world.pass_time(0.1)
    await alice.node.network.caller.call(alice.peer(bob), bob.address)
    new = link(alice, bob)
    assert new is not old
    await world.pass_time(0.1)
    written.clear()
    world.network.refusing.add(bob.host)
    new.abort()
    await world.until(lambda: alice.peer(bob).connection is None, within_s=0.5)
    await alice.say(bob, "later")
    await world.pass_time(FLUSH_TIMEOUT_S + 1)
    assert written == []
    assert old._stream is None
    assert alice.texts(bob, Direction.OUT)[-1] == ("later", MessageState.QUEUED)
    world.network.refusing.clear()
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["on its way to nobody", "later"]


async def test_what_is_said_while_the_only_link_closes_waits_for_the_next(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    old, written = stall(alice, bob)
    old.send_record(RecordKind.KEEPALIVE, b"")
    await world.pass_time(0.1)
    world.network.refusing.add(bob.host)
    alice.peer(bob).arbiter.close()
    written.clear()
    await alice.say(bob, "later")
    await world.pass_time(FLUSH_TIMEOUT_S - 1)
    assert alice.texts(bob, Direction.OUT) == [("later", MessageState.QUEUED)]
    assert written == []
    await world.until(lambda: old._stream is None, within_s=2)
    world.network.refusing.clear()
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["later"]


# --- dialling ---


@pytest.mark.parametrize("lasts_s", [0.0, 0.1])
async def test_a_link_that_ends_at_once_is_not_dialled_in_a_hurry(
    world: World, lasts_s: float
) -> None:
    """Once it was dialled without any pause."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await world.pass_time(3)
    listener: Any = bob.node.network.link_listener
    listener.confirmed = lambda connection: world.loop.call_later(lasts_s, connection.abort)
    before = len(world.network.streams)
    world.network.cut()
    await world.pass_time(60)
    dialled = (len(world.network.streams) - before) // 2
    assert 2 <= dialled <= 10
    del listener.confirmed
    await alice.say(bob, "in the end")
    await world.delivered(alice, bob, within_s=600)


async def test_an_address_that_did_not_answer_at_first_is_tried_again(world: World) -> None:
    """Once a contact's only address, when its first `connect` failed, was never dialled again."""
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    there = bob.address
    await world.pass_time(10)
    await bob.stop()
    with pytest.raises(Unreachable):
        await alice.do(Connect(contact="Bob", host=there.host, port=there.port))
    await alice.say(bob, "are you there?")
    await bob.start()
    assert bob.address == there
    await world.delivered(alice, bob, within_s=60)
    assert bob.received(alice) == ["are you there?"]


async def test_contacts_who_cannot_be_reached_delay_nobody_who_can(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 dead addresses shared eight places, 5 s each: a live one was reached after 123 s."""
    alice, bob, carol = [await world.person(name) for name in ("Alice", "Bob", "Carol")]
    for one in (bob, carol):
        await alice.add(one)
        await one.add(alice)
    reach = MemoryTransport.dial

    async def dial(
        transport: MemoryTransport,
        address: Address,
        handler: StreamHandler,
        timeout_s: float,
        isolation: bytes | None = None,
    ) -> None:
        if address.host.startswith("10.99."):
            await asyncio.sleep(timeout_s)
            raise Unreachable(address=str(address))
        await reach(transport, address, handler, timeout_s)

    monkeypatch.setattr(MemoryTransport, "dial", dial)
    for n in range(200):
        token = encode_token(identity_of(f"Away {n}").token)
        await alice.do(ImportToken(token=token, name=f"Away {n}"))
    for peer in alice.node.roster.values():
        if peer.person.name.startswith("Away"):
            address = Address("10.99.0.1", peer.number)
            await peer.book.remember([address], AddressSource.HAND)
            assert peer.dialer is not None
            peer.dialer.heard()
    await world.pass_time(2)
    began_s = world.loop.time()
    await alice.call(bob)
    assert world.loop.time() - began_s < 1
    assert alice.peer(carol).dialer is not None
    alice.peer(carol).dialer.heard([carol.address])  # type: ignore[union-attr]
    await world.until(lambda: alice.is_online(carol), within_s=3)


async def test_the_dialer_survives_a_read_that_fails(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await world.pass_time(3)
    database: Any = alice.database
    failed = 0

    async def broken(work: object) -> None:
        nonlocal failed
        failed += 1
        raise StoreUnavailable(what="the disk reported an error")

    database.read = broken
    world.network.cut()
    await world.until(lambda: failed > 0)
    await world.pass_time(1)
    del database.read
    await world.until(lambda: alice.is_online(bob), within_s=10)


@pytest.mark.parametrize("turns", range(4))
async def test_a_dialer_that_is_woken_and_stopped_at_once_ends(world: World, turns: int) -> None:
    """`asyncio.wait_for` of Python 3.11 forgets such a cancellation: stopping never ended."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    world.network.refusing.add(bob.host)
    world.network.cut()
    await world.pass_time(5)
    dialer = alice.peer(bob).dialer
    assert dialer is not None
    dialer.heard()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await alice.peer(bob).stop()


async def test_a_new_identity_is_found_where_the_old_one_was_heard(world: World) -> None:
    """On a reinstalled machine: the same place was once not dialled again."""
    alice = await world.person("Alice")
    await alice.stop()
    alice.options = msgspec.structs.replace(alice.options, mdns=True)
    await alice.start()
    for who in ("Bob", "Another Bob"):
        other = await world.person("Bob", identity_of(who))
        world.move(other, "10.0.9.9")
        await other.add(alice)
        await alice.do(
            ImportToken(token=encode_token(other.identity.token), name="Bob", replace=True)
        )
        await alice.do(VerifyContact(contact="Bob", confirm=True))
        place = Place(other.address.port, (IPv4Address(other.host).packed,))
        [properties] = build_adverts(
            [other.peer(alice).keys.sending.presence],
            place,
            epoch=epoch_at(other.clock.now_ms() // 1000),
            random_bytes=bytes(ADVERT_RANDOM_BYTES),
        )
        assert alice.node.network.announcer is not None
        alice.node.network.announcer._found(
            Advert(place.port, place.addresses, properties), place.addresses
        )
        await world.until(lambda other=other: alice.is_online(other), within_s=10)  # type: ignore[misc]
        await other.crash()


async def test_only_the_nearby_addresses_of_an_advert_are_remembered(world: World) -> None:
    """The others count for the tag; a contact once had any address and port dialled."""
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.stop()
    alice.options = msgspec.structs.replace(alice.options, mdns=True)
    await alice.start()
    await alice.add(bob)
    await bob.add(alice)
    nearby, elsewhere = IPv4Address(bob.host).packed, IPv4Address("127.0.0.1").packed
    place = Place(bob.address.port, (nearby, elsewhere))
    [properties] = build_adverts(
        [bob.peer(alice).keys.sending.presence],
        place,
        epoch=epoch_at(bob.clock.now_ms() // 1000),
        random_bytes=bytes(ADVERT_RANDOM_BYTES),
    )
    assert alice.node.network.announcer is not None
    alice.node.network.announcer._found(Advert(place.port, place.addresses, properties), (nearby,))
    await world.until(lambda: alice.is_online(bob), within_s=10)
    known = await alice.peer(bob).book.known()
    assert [one.address for one in known] == [bob.address]
