"""An older backup is put back after everything moved on; no key seals two things with one nonce."""

from typing import Any

import pytest

from loom.api.backup_commands import SendUnsent
from loom.api.events import LaterIdentityFound, MachineFound
from loom.api.identity_commands import ShowIdentity, TakeLaterIdentity
from loom.api.machine_commands import DecideMachine
from tests.node.harness import Person, World, identity_of
from tests.node.test_backups import put_back, restored, saved
from tests.node.test_identity import knows, reopen, rotate, words_of
from tests.node.test_room_copies import numbers, waits
from tests.node.test_rooms import alike, join, make, say

YEARS_S = 5 * 365 * 86_400.0


pytestmark = pytest.mark.usefixtures("sealings")


async def talked(world: World) -> tuple[Person, Person]:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "one")
    await bob.say(alice, "two")
    await world.delivered(alice, bob)
    return alice, bob


async def put_back_older(alice: Person, path: Any) -> None:
    """Her machine is lost; the new one has what the backup holds, its identity too."""
    await alice.stop()
    put_back(alice, path)
    alice.identity = identity_of("Alice")
    await alice.start()


async def both_are_heard(world: World, alice: Person, bob: Person) -> None:
    await alice.do(SendUnsent())
    await alice.say(bob, "I am back")
    await bob.say(alice, "so you are")
    await world.delivered(alice, bob, within_s=3_600)
    for one, other, text in ((bob, alice, "I am back"), (alice, bob, "so you are")):
        heard = [text for text in one.received(other) if text]
        assert heard[-1] == text
        assert len(set(heard)) == len(heard), "nothing comes twice"


@pytest.mark.parametrize("who", ["hers", "his", "both"])
async def test_it_finds_those_who_have_other_keys_since(world: World, who: str) -> None:
    alice, bob = await talked(world)
    path = await saved(alice)
    for n in range(3):
        await alice.say(bob, f"after the backup {n}")
        await bob.say(alice, f"answer {n}")
    await world.delivered(alice, bob)
    if who != "his":
        await rotate(alice)
    await world.until(lambda: knows(bob, alice) and bob.is_online(alice))
    if who != "hers":
        await rotate(bob)
    await world.until(lambda: knows(alice, bob) and alice.is_online(bob))
    await bob.say(alice, "with newer keys")
    await world.delivered(alice, bob)
    await put_back_older(alice, path)
    await world.until(lambda: knows(alice, bob), 3_600)
    if who != "his":
        await world.until(lambda: bool(alice.told(LaterIdentityFound)), 3_600)
        await alice.do(TakeLaterIdentity(phrase=words_of(alice)))
        reopen(alice, running=True)
    await both_are_heard(world, alice, bob)
    assert (await alice.do(ShowIdentity())).later is None
    assert not alice.told(MachineFound)
    assert not bob.told(MachineFound)


async def test_a_machine_that_still_runs_and_an_older_copy_of_it(world: World) -> None:
    """Only the owner says which one goes on; neither sends with keys of the other."""
    alice, bob = await talked(world)
    path = await saved(alice)
    await alice.say(bob, "after the backup")
    await world.delivered(alice, bob)
    copy = await world.person("Copy", alice.identity)
    await copy.stop()
    put_back(copy, path)
    await copy.start()
    copy.name = "Alice"
    await copy.call(bob)
    await copy.say(bob, "from the copy")
    await world.pass_time(600)
    if not alice.told(MachineFound):
        await alice.call(bob)
        await alice.say(bob, "from the machine that ran all the time")
    await world.until(lambda: bool(alice.told(MachineFound)), 3_600)
    await alice.do(DecideMachine(stays=False))
    await alice.stop()
    await both_are_heard(world, copy, bob)


@pytest.mark.parametrize("years_s", [YEARS_S, -YEARS_S])
@pytest.mark.parametrize("whose", ["hers", "his", "both"])
async def test_a_clock_that_is_off_by_years_holds_up_and_loses_nothing(
    world: World, whose: str, years_s: float
) -> None:
    alice, bob = await talked(world)
    path = await saved(alice)
    await bob.say(alice, "after the backup")
    await world.delivered(alice, bob)
    for one in (alice, bob):
        if whose == "both" or one is (alice if whose == "hers" else bob):
            one.clock.jumped_s = years_s
    await put_back_older(alice, path)
    await bob.restart()
    await alice.say(bob, "while it is off")
    await world.pass_time(900)
    for one in (alice, bob):
        one.clock.jumped_s = 0.0
    await alice.restart()
    await bob.restart()
    await both_are_heard(world, alice, bob)
    assert "while it is off" in bob.received(alice)
    assert not alice.told(MachineFound)
    assert not bob.told(MachineFound)


async def test_a_member_of_a_room_asks_who_has_other_keys_since(world: World) -> None:
    """Nothing is signed there before a member said what they have of it."""
    ada, bob = [await world.person(name) for name in ("Ada", "Bob")]
    await make(ada)
    await join(world, ada, bob)
    await say(ada, "before")
    await alike(world, ada, bob, count=1)
    path = await saved(ada)
    await say(ada, "lost")
    await alike(world, ada, bob, count=2)
    await rotate(bob)
    await world.until(lambda: knows(ada, bob) and ada.is_online(bob))
    await say(bob, "with newer keys")
    await alike(world, ada, bob, count=3)
    await world.pass_time(60)
    await restored(ada, path)
    assert waits(ada)
    bob.identity = identity_of("Bob")  # as Ada knows him again
    await ada.note_address(bob)
    reopen(bob, running=True)
    await world.until(lambda: knows(ada, bob), 3_600)
    await world.until(lambda: not waits(ada), 3_600)
    await say(ada, "after")
    await alike(world, ada, bob, count=4)
    for person in (ada, bob):
        assert len(set(numbers(person))) == len(numbers(person))
