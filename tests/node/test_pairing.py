"""Pairing nearby between real nodes, on a network in memory."""

from loom.api.commands import AnswerWords, DialPeer, ListContacts, StartPairing
from loom.api.events import PairingDone, PairingStopped, PairingWords
from loom.api.views import PairingView
from tests.node.harness import Person, World


async def pair(person: Person) -> PairingView:
    """Start."""
    return await person.do(StartPairing())


async def dial(person: Person, other: Person, view: PairingView) -> None:
    """Type the other's address."""
    await person.do(DialPeer(host=other.host, port=view.port))


async def answer(person: Person, *, same: bool) -> None:
    """Say it of the newest words."""
    await person.do(AnswerWords(meeting=person.told(PairingWords)[-1].meeting, same=same))


async def test_two_people_become_verified_contacts_and_talk(world: World) -> None:
    ada, bob = await world.person("Ada"), await world.person("Bob")
    await pair(ada)
    await dial(ada, bob, await pair(bob))
    await world.until(lambda: bool(ada.told(PairingWords) and bob.told(PairingWords)))
    assert ada.told(PairingWords)[0].words == bob.told(PairingWords)[0].words
    await answer(ada, same=True)
    await answer(bob, same=True)
    await world.until(lambda: bool(ada.told(PairingStopped) and bob.told(PairingStopped)))
    assert [one.is_new for one in ada.told(PairingDone)] == [True]
    (known,) = (await ada.do(ListContacts())).contacts
    assert (known.contact, known.verified) == ("Bob", True)
    await world.until(lambda: ada.is_online(bob))
    await ada.say(bob, "hello")
    await world.until(lambda: bob.received(ada) == ["hello"])
