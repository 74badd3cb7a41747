"""Pairing nearby between real nodes, on a network in memory (docs/PROTOCOL.md 12)."""

from functools import partial

import pytest

from loom.api.contact_commands import (
    BlockContact,
    ImportToken,
    ListContacts,
    RenameContact,
    ShowContact,
)
from loom.api.contact_views import ContactView
from loom.api.events import (
    ContactChanged,
    PairingDone,
    PairingFailed,
    PairingPeers,
    PairingStopped,
    PairingWords,
)
from loom.api.pairing_commands import (
    AnswerWords,
    DialPeer,
    PickPeer,
    ShowPairing,
    StartPairing,
    StopPairing,
)
from loom.api.pairing_views import PairingView
from loom.api.profiles import NodeOptions
from loom.core.pairing_advert import encode_pairing_advert
from loom.core.pairing_link import LINK_RANDOM_BYTES, OwnSide, PairingLink
from loom.core.pairing_states import PairingState
from loom.discovery.static import StaticDiscovery
from loom.errors import (
    InvalidAddress,
    InvalidInput,
    NotFound,
    NotPairing,
    TooManyTries,
    WordsDiffer,
)
from loom.model import Address
from loom.ports import Advert, Stream
from loom.wire.limits import (
    PAIR_ANSWER_TIMEOUT_S,
    PAIR_HANDSHAKE_TIMEOUT_S,
    PAIR_PEERS_MAX,
    PAIR_TRIES_MAX,
    PAIR_WINDOW_S,
)
from loom.wire.token import encode_token
from tests.node.harness import Person, World, identity_of


async def pair(person: Person) -> PairingView:
    """Start, in a node that finds nobody by itself but looks."""
    person.node.pairing.announces = True
    return await person.do(StartPairing())


async def dial(person: Person, other: Person, view: PairingView) -> None:
    """Type the other's address."""
    await person.do(DialPeer(host=other.host, port=view.port))


async def meet(world: World, one: Person, other: Person) -> None:
    """Both see words."""
    seen = len(one.told(PairingWords)), len(other.told(PairingWords))
    await pair(one)
    await dial(one, other, await pair(other))
    await world.until(
        lambda: len(one.told(PairingWords)) > seen[0] and len(other.told(PairingWords)) > seen[1]
    )
    assert one.told(PairingWords)[-1].words == other.told(PairingWords)[-1].words


async def answer(person: Person, *, same: bool = True) -> None:
    """Say it of the newest words."""
    await person.do(AnswerWords(meeting=person.told(PairingWords)[-1].meeting, same=same))


async def both_agree(world: World, one: Person, other: Person) -> None:
    """From nothing to the end of both pairings."""
    await meet(world, one, other)
    ended = len(one.told(PairingStopped)), len(other.told(PairingStopped))
    await answer(one)
    await answer(other)
    await world.until(
        lambda: (
            len(one.told(PairingStopped)) > ended[0] and len(other.told(PairingStopped)) > ended[1]
        )
    )


async def contacts(person: Person) -> list[ContactView]:
    """All."""
    return (await person.do(ListContacts())).contacts


def listens_on(world: World, person: Person) -> set[int]:
    """The ports that are open."""
    return set(world.network.transport(person.host).accepting)


def failed_both(one: Person, other: Person, times: int) -> bool:
    """Whether so many meetings failed on both sides."""
    return len(failures(one)) == len(failures(other)) == times


def failures(person: Person) -> list[str]:
    """The codes of what was told."""
    return [one.code for one in person.told(PairingFailed)]


# --- what becomes of it ---


async def test_two_people_become_verified_contacts_and_talk(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await both_agree(world, ada, bob)
    for person, other in ((ada, bob), (bob, ada)):
        [known] = await contacts(person)
        assert (known.contact, known.verified) == (other.name, True)
        assert (known.verified_by, known.verified_at_ms is None) == ("nearby", False)
        assert known.fingerprint == other.identity.peer_id.hex()
        assert [one.is_new for one in person.told(PairingDone)] == [True]
        assert [one.reason for one in person.told(PairingStopped)] == ["paired"]
        assert [one.what for one in person.told(ContactChanged)] == ["added"]
    await world.until(lambda: ada.is_online(bob))  # at the address that the link came from
    await ada.say(bob, "hello")
    await world.until(lambda: bob.received(ada) == ["hello"])


async def test_after_a_restart_the_contact_is_still_verified(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await both_agree(world, ada, bob)
    await ada.restart()
    [known] = await contacts(ada)
    assert known.verified


async def test_a_known_contact_only_becomes_verified(world: World) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    await ada.do(RenameContact(contact="Bob", name="Robert"))
    await ada.do(BlockContact(contact="Robert"))
    await ada.do(BlockContact(contact="Robert", blocked=False))
    await both_agree(world, ada, bob)
    [known] = await contacts(ada)
    assert (known.contact, known.verified) == ("Robert", True)
    assert [one.is_new for one in ada.told(PairingDone)] == [False]


async def test_a_blocked_contact_is_refused_and_nothing_is_kept_on_either_side(
    world: World,
) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await ada.add(bob)
    await ada.do(BlockContact(contact="Bob"))
    await meet(world, ada, bob)
    await answer(ada)
    await answer(bob)
    await world.until(lambda: bool(failures(ada) and failures(bob)))
    assert (failures(ada), failures(bob)) == (["contact_blocked"], ["pairing_left"])
    [known] = await contacts(ada)
    assert (known.blocked, known.verified) == (True, False)
    assert await contacts(bob) == []


async def test_a_contact_whose_identity_changed_may_be_written_to_again(world: World) -> None:
    """As after `VerifyContact`: links and tasks begin again."""
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await ada.do(ImportToken(token=encode_token(identity_of("Old Bob").token), name="Bob"))
    token = encode_token(bob.identity.token)
    await ada.do(ImportToken(token=token, name="Bob", replace=True))
    assert (await ada.do(ShowContact(contact="Bob"))).identity_changed
    await both_agree(world, ada, bob)
    known = await ada.do(ShowContact(contact="Bob"))
    assert (known.verified, known.identity_changed) == (True, False)
    await ada.say(bob, "it is you")
    await world.until(lambda: bob.received(ada) == ["it is you"])


async def test_a_new_identity_is_a_new_contact_and_the_old_one_stays(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await ada.do(ImportToken(token=encode_token(identity_of("Old Bob").token), name="bob"))
    await both_agree(world, ada, bob)
    assert [(one.contact, one.verified) for one in await contacts(ada)] == [
        ("bob", False),
        ("Bob 2", True),
    ]


async def test_the_contact_is_stored_whole_or_not_at_all(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await meet(world, ada, bob)
    await answer(ada)
    ada.disk.is_full = True
    await answer(bob)
    await world.until(lambda: bool(ada.told(PairingFailed)) and bool(bob.told(PairingDone)))
    assert failures(ada) == ["disk_full"]
    assert await contacts(ada) == []
    ada.disk.is_full = False
    await both_agree(world, ada, bob)  # the one who has it already only verifies again
    assert [one.verified for one in await contacts(ada)] == [True]


# --- who is met ---


async def test_who_is_seen_can_be_picked_by_the_alias(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    view = await pair(bob)
    discovery = StaticDiscovery(
        [advert(view.alias, bob.host, view.port), advert("no such alias", bob.host, view.port)]
    )
    ada.node.pairing.discovery = discovery
    await pair(ada)
    await world.until(lambda: bool(ada.told(PairingPeers)))
    assert [one.alias for one in ada.told(PairingPeers)[-1].peers] == [view.alias]
    await ada.do(PickPeer(alias=view.alias))
    await world.until(lambda: bool(ada.told(PairingWords) and bob.told(PairingWords)))
    assert ada.told(PairingWords)[0].words == bob.told(PairingWords)[0].words


async def test_both_pick_each_other_at_once_and_there_is_one_meeting(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    views = await pair(ada), await pair(bob)
    await dial(ada, bob, views[1])
    await dial(bob, ada, views[0])
    await world.until(lambda: bool(ada.told(PairingWords) and bob.told(PairingWords)))
    await world.pass_time(30.0)
    for person in (ada, bob):
        assert len(person.told(PairingWords)) == 1
        assert failures(person) == []
    assert ada.told(PairingWords)[0].words == bob.told(PairingWords)[0].words


async def test_the_own_address_is_said_to_be_one(world: World) -> None:
    ada = await world.person("Ada")
    await dial(ada, ada, await pair(ada))
    await world.until(lambda: bool(failures(ada)))
    assert failures(ada) == ["own_address"]
    assert ada.told(PairingWords) == []


async def test_nobody_at_the_address_is_said_and_another_can_be_tried(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await pair(ada)
    await ada.do(DialPeer(host=bob.host, port=9))
    await world.until(lambda: bool(failures(ada)))
    assert failures(ada) == ["nobody_pairing"]
    assert ada.told(PairingFailed)[0].facts == {"address": f"{bob.host}:9"}
    await dial(ada, bob, await pair(bob))
    await world.until(lambda: bool(ada.told(PairingWords)))


async def test_a_port_that_answers_nothing_is_given_up_after_five_seconds(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await pair(ada)
    await ada.do(DialPeer(host=bob.host, port=bob.address.port))  # the port of links: a stranger
    await world.pass_time(PAIR_HANDSHAKE_TIMEOUT_S - 0.1)
    assert failures(ada) == []
    await world.pass_time(0.2)
    assert failures(ada) == ["nobody_pairing"]


async def test_one_dial_at_a_time_and_none_during_a_meeting(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await pair(ada)
    await ada.do(DialPeer(host=bob.host, port=bob.address.port))
    with pytest.raises(InvalidInput):
        await ada.do(DialPeer(host=bob.host, port=9))
    await world.until(lambda: bool(failures(ada)))
    await meet(world, ada, bob)
    for person in (ada, bob):
        with pytest.raises(InvalidInput):
            await person.do(DialPeer(host="10.0.0.9", port=9))


async def test_what_was_typed_wrong_is_refused(world: World) -> None:
    ada = await world.person("Ada")
    for command in (PickPeer(alias="a-b"), DialPeer(host="x", port=1)):
        with pytest.raises(NotPairing):
            await ada.do(command)
    with pytest.raises(NotPairing):
        await ada.do(AnswerWords(meeting=0, same=True))
    with pytest.raises(InvalidAddress):
        await ada.do(StartPairing(host="10.0.0.1", port=-1))
    await pair(ada)
    with pytest.raises(NotFound):
        await ada.do(PickPeer(alias="no-such"))
    for port in (0, 65_536):
        with pytest.raises(InvalidAddress):
            await ada.do(DialPeer(host="10.0.0.1", port=port))


async def test_an_answer_names_the_words_it_is_about(world: World) -> None:
    """What was meant for one meeting must not confirm the next."""
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await meet(world, ada, bob)
    old = ada.told(PairingWords)[-1].meeting
    await answer(bob, same=False)
    await world.until(lambda: failures(ada) == ["words_differ"])
    await meet(world, ada, bob)
    with pytest.raises(NotPairing):
        await ada.do(AnswerWords(meeting=old, same=True))
    await answer(ada)
    with pytest.raises(NotPairing):
        await answer(ada)


async def test_an_answer_that_comes_too_late_is_told_why(world: World) -> None:
    """Regression: who said "same" just after the other said "different" heard "nobody is there"."""
    ada, bob = await world.person("Ada"), await world.person("Bob")
    for number in range(1, PAIR_TRIES_MAX + 1):  # after the last, pairing itself is over too
        await meet(world, ada, bob)
        await answer(ada, same=False)
        await world.until(partial(failed_both, ada, bob, number))
        with pytest.raises(WordsDiffer):
            await answer(bob)
    await world.until(lambda: bool(bob.told(PairingStopped)))
    with pytest.raises(WordsDiffer):
        await answer(bob)
    assert await contacts(ada) == await contacts(bob) == []


async def test_a_lost_link_between_the_two_answers_keeps_nothing(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await meet(world, ada, bob)
    await answer(ada)
    for stream in world.network.streams:
        stream.cut()
    await world.until(lambda: bool(failures(ada) and failures(bob)))
    assert failures(ada) == failures(bob) == ["pairing_left"]
    assert await contacts(ada) == await contacts(bob) == []


async def test_nobody_answers_and_it_ends_by_itself(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await meet(world, ada, bob)
    await world.pass_time(PAIR_ANSWER_TIMEOUT_S + 1)
    assert failures(ada) == failures(bob) == ["pairing_timed_out"]
    assert await contacts(ada) == await contacts(bob) == []


# --- when nobody pairs ---


async def test_nothing_listens_before_and_after(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    before = listens_on(world, ada)
    assert (await ada.do(ShowPairing())).on is False
    view = await pair(ada)
    assert listens_on(world, ada) - before == {view.port}
    await ada.do(StopPairing())
    assert listens_on(world, ada) == before
    assert [one.reason for one in ada.told(PairingStopped)] == ["stopped"]
    await both_agree(world, ada, bob)
    assert listens_on(world, ada) == before


async def test_it_is_announced_only_while_it_goes_on(world: World) -> None:
    ada = await world.person("Ada")
    discovery = StaticDiscovery(addresses=[bytes([10, 0, 0, 1])])
    ada.node.pairing.discovery = discovery
    view = await pair(ada)
    await world.until(lambda: bool(discovery.announced))
    [announced] = discovery.announced
    assert announced.port == view.port
    assert announced.properties == encode_pairing_advert(view.alias)
    assert (await ada.do(ShowPairing())).mdns == "on"
    await ada.do(StopPairing())
    assert discovery.announced == []


async def test_without_announcing_there_is_only_the_listener(world: World) -> None:
    ada = await world.person("Ada")
    discovery = StaticDiscovery(addresses=[bytes([10, 0, 0, 1])])
    ada.node.pairing.discovery = discovery
    view = await ada.do(StartPairing(announce=False))
    await world.pass_time(60.0)
    assert discovery.announced == []
    assert view.mdns == "off"


async def test_a_node_that_announces_nothing_says_that_nobody_is_looked_for(world: World) -> None:
    ada = await world.person("Ada")  # `--no-mdns`
    await ada.do(StartPairing())
    await world.pass_time(1.0)
    assert (await ada.do(ShowPairing())).mdns == "off"


async def test_after_five_minutes_it_is_over(world: World) -> None:
    ada = await world.person("Ada")
    before = listens_on(world, ada)
    await pair(ada)
    await world.pass_time(PAIR_WINDOW_S - 1)
    assert (await ada.do(ShowPairing())).seconds_left <= 1
    await world.pass_time(2)
    assert [one.reason for one in ada.told(PairingStopped)] == ["time"]
    assert listens_on(world, ada) == before


async def test_a_meeting_outlives_the_five_minutes_but_nobody_new_can_come(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    before = listens_on(world, bob)
    await pair(bob)
    await world.pass_time(PAIR_WINDOW_S - 10)
    await meet(world, ada, bob)
    await world.pass_time(20)
    assert listens_on(world, bob) == before
    assert bob.told(PairingStopped) == []
    await answer(ada)
    await answer(bob)
    await world.until(lambda: bool(bob.told(PairingStopped)))
    assert [one.reason for one in bob.told(PairingStopped)] == ["paired"]


async def test_a_meeting_that_fails_after_the_five_minutes_ends_it(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await pair(bob)
    await world.pass_time(PAIR_WINDOW_S - 10)
    await meet(world, ada, bob)
    await world.pass_time(20)
    await answer(ada, same=False)
    await world.until(lambda: bool(bob.told(PairingStopped)))
    assert [one.reason for one in bob.told(PairingStopped)] == ["time"]


async def test_starting_twice_changes_nothing(world: World) -> None:
    ada = await world.person("Ada")
    first = await pair(ada)
    second = await pair(ada)
    assert (first.alias, first.port) == (second.alias, second.port)


async def test_the_end_of_the_node_ends_it(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await meet(world, ada, bob)
    await ada.stop()
    await world.until(lambda: failures(bob) == ["pairing_left"])
    assert listens_on(world, ada) == set()


async def test_a_node_that_meets_no_network_does_not_pair(world: World) -> None:
    ada = await world.person("Ada")
    await ada.stop()
    ada.options = NodeOptions(online=False, mdns=False)
    await ada.start()
    with pytest.raises(InvalidInput):
        await pair(ada)


async def test_three_tries_then_five_minutes_of_rest(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    for number in range(1, PAIR_TRIES_MAX + 1):
        await meet(world, ada, bob)
        await answer(ada, same=False)
        await world.until(partial(failed_both, ada, bob, number))
    assert set(failures(bob)) == {"words_differ"}
    await world.until(lambda: bool(ada.told(PairingStopped) and bob.told(PairingStopped)))
    assert [one.reason for one in bob.told(PairingStopped)] == ["tries"]
    for person in (ada, bob):
        with pytest.raises(TooManyTries) as refused:
            await pair(person)
        assert 0 < int(refused.value.facts["wait_s"]) <= PAIR_WINDOW_S + 1
    await world.pass_time(PAIR_WINDOW_S + 1)
    await both_agree(world, ada, bob)


# --- strangers ---


class Stranger:
    """Somebody who dials with a program of their own, and keeps every byte that comes."""

    def __init__(self, person: Person) -> None:
        self.heard = bytearray()
        self.is_closed = False
        own = OwnSide(b"s" * 16, identity_of("Stranger"), "Stranger", 1, lambda _: None)
        self.link = PairingLink(
            own, dialled=True, random=bytes(LINK_RANDOM_BYTES), now_s=person.clock.monotonic_s()
        )
        self._stream: Stream | None = None

    def connected(self, stream: Stream) -> None:
        self._stream = stream
        self.send()

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.link.receive_data(data, 0.0)
        if self.link.state is PairingState.GREETED:
            self.link.choose()
        self.send()

    def writable(self, ready: bool) -> None:
        pass

    def closed(self) -> None:
        self.is_closed = True

    def send(self) -> None:
        if self._stream is not None and (data := self.link.data_to_send()):
            self._stream.write(data)


async def dial_as_stranger(world: World, person: Person, view: PairingView) -> Stranger:
    stranger = Stranger(person)
    transport = world.network.transport("10.0.0.66")
    await transport.dial(Address(person.host, view.port), stranger, 5.0)
    return stranger


async def test_a_stranger_who_dials_learns_no_token_and_no_name(world: World) -> None:
    bob = await world.person("Bob")
    stranger = await dial_as_stranger(world, bob, await pair(bob))
    await world.until(lambda: bool(bob.told(PairingWords)))
    stranger.link.answer(same=True)
    stranger.send()
    await world.pass_time(10)
    assert stranger.link.state is PairingState.SAID
    assert stranger.link.remote is None
    await answer(bob, same=False)
    await world.until(lambda: stranger.is_closed)
    # Message 2, a nonce, "different": sealed lengths that say nothing, and no byte of who it is.
    assert len(stranger.heard) == (2 + 1_168) + 2 * (2 + 342)
    for secret in (bob.identity.peer_id, bob.identity.agreement.public, b"Bob"):
        assert secret not in stranger.heard
    assert stranger.link.remote is None
    assert await contacts(bob) == []


async def test_a_crowd_of_strangers_that_says_nothing_keeps_nobody_away(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    view = await pair(bob)
    for number in range(20):
        silent = Stranger(bob)
        silent.link.close()
        silent.link.data_to_send()
        transport = world.network.transport(f"10.0.1.{number}")
        await transport.dial(Address(bob.host, view.port), silent, 5.0)
    await pair(ada)
    await dial(ada, bob, view)
    await world.until(lambda: bool(ada.told(PairingWords) and bob.told(PairingWords)))


async def test_during_a_meeting_a_stranger_is_turned_away(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await meet(world, ada, bob)
    stranger = await dial_as_stranger(world, bob, await bob.do(ShowPairing()))
    await world.until(lambda: stranger.is_closed)
    assert stranger.heard == b""
    await answer(ada)
    await answer(bob)
    await world.until(lambda: bool(ada.told(PairingDone) and bob.told(PairingDone)))


def advert(alias: str, host: str, port: int) -> Advert:
    """As it comes from the network."""
    address = bytes(int(part) for part in host.split("."))
    return Advert(port, (address,), encode_pairing_advert(alias))


async def test_the_list_of_who_is_near_is_bounded_clean_and_tells_two_of_one_alias_apart(
    world: World,
) -> None:
    ada = await world.person("Ada")
    view = await pair(ada)
    peers = ada.node.pairing._current.peers
    nearby = (bytes([10, 0, 0, 2]),)
    bad = [
        "one",
        "zoo-zoo-zoo",
        "Zoo-zoo",
        "zoo-notaword",
        "zoo zoo",
        "\x1b[2J-zoo",
        "",
        view.alias,  # a stranger's copy of the own one
    ]
    for alias in bad:
        assert not peers.found(advert(alias, "10.0.0.2", 1), nearby)
    assert not peers.found(advert("zoo-zoo", "10.0.0.2", 1), ())
    for port in range(1, PAIR_PEERS_MAX + 10):
        assert peers.found(advert("zoo-zoo", "10.0.0.2", port), nearby)
    shown = peers.views()
    assert len(shown) == PAIR_PEERS_MAX
    assert len({one.alias for one in shown}) == PAIR_PEERS_MAX
    last = advert("zoo-zoo", "10.0.0.2", PAIR_PEERS_MAX + 9)
    assert not peers.found(last, nearby)  # no news
    assert peers.lost(last)
    assert not peers.lost(last)
