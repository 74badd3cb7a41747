"""Two copies of one profile run at once: found, asked about, and decided by the owner (4.5)."""

import shutil

import pytest

from loom.api.contact_commands import RemoveContact
from loom.api.events import MachineDecided, MachineFound
from loom.api.machine_commands import DecideMachine, ShowMachine
from loom.api.message_commands import History, SendText
from loom.api.profile_commands import Status
from loom.errors import ProfileClosed
from tests.node.harness import Person, World
from tests.node.test_identity import knows, rotate

WITHIN_S = 3_600.0


async def copied(world: World, one: Person, *, is_backup: bool) -> Person:
    """The same profile on another machine, both off; of a backup it has no session."""
    other = await world.person("Copy", one.identity)
    await other.stop()
    await one.stop()
    for file in one.path.parent.iterdir():
        if file.is_file():
            shutil.copy(file, other.path.parent / file.name)
    if is_backup:
        other.lose_conversations()
    return other


async def talk(world: World) -> tuple[Person, Person]:
    """Alice and Bob, who have a session."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hello")
    await bob.say(alice, "hi")
    await world.delivered(alice, bob)
    return alice, bob


async def test_the_one_that_was_left_behind_asks_and_sends_nothing(world: World) -> None:
    """A backup was restored on another machine, and the old one still runs."""
    alice, bob = await talk(world)
    copy = await copied(world, alice, is_backup=True)
    await copy.start()
    await copy.call(bob)
    await copy.say(bob, "from the copy")
    await world.delivered(copy, bob, within_s=WITHIN_S)
    await copy.stop()

    await alice.start()
    await alice.call(bob)
    await alice.say(bob, "from the machine that was left behind")
    await bob.say(alice, "which of you?")
    await world.until(lambda: bool(alice.told(MachineFound)), within_s=WITHIN_S)
    [found] = alice.told(MachineFound)
    assert found.contact == "Bob"
    assert (await alice.do(ShowMachine())).contacts == ["Bob"]
    before = alice.best_session(bob)
    await alice.do(SendText(contact="Bob", body="not before I decided"))
    await world.pass_time(600)
    assert "not before I decided" not in bob.received(alice)
    assert alice.best_session(bob) == before

    await alice.restart()  # it is asked still
    assert (await alice.do(Status())).machine == "asks"
    await world.pass_time(3_600)
    assert "not before I decided" not in bob.received(alice)

    assert (await alice.do(DecideMachine(stays=True))).state == "alone"
    await world.until(lambda: alice.is_online(bob), within_s=WITHIN_S)
    await world.delivered(alice, bob, within_s=WITHIN_S)
    assert "not before I decided" in bob.received(alice)
    assert "which of you?" in alice.received(bob)
    assert len(alice.told(MachineFound)) == 1

    await copy.start()  # now this one was left behind
    await copy.call(bob)
    await copy.say(bob, "and the copy?")
    await world.until(lambda: bool(copy.told(MachineFound)), within_s=WITHIN_S)
    await copy.do(DecideMachine(stays=False))
    await world.until(copy.node.wants_stop.is_set)
    await copy.stop()
    await copy.start()
    assert copy.told(MachineDecided)[-1].stays is False
    with pytest.raises(ProfileClosed):
        await copy.do(SendText(contact="Bob", body="never"))
    assert (await copy.do(History(contact="Bob"))).messages
    await world.pass_time(600)
    assert not copy.is_online(bob)
    assert (await copy.do(DecideMachine(stays=True))).state == "alone"


@pytest.mark.parametrize("how", ["removed", "gone over"])
async def test_nothing_is_asked_about_who_has_no_session_any_more(world: World, how: str) -> None:
    alice, bob = await talk(world)
    copy = await copied(world, alice, is_backup=True)
    await copy.start()
    await copy.call(bob)
    await copy.say(bob, "from the copy")
    await world.delivered(copy, bob, within_s=WITHIN_S)
    await copy.stop()
    await alice.start()
    await alice.call(bob)
    await bob.say(alice, "which of you?")
    await world.until(lambda: bool(alice.told(MachineFound)), within_s=WITHIN_S)
    assert (await alice.do(Status())).machine == "asks"

    if how == "removed":
        await alice.do(RemoveContact(contact="Bob"))
    else:
        await rotate(bob)
        await world.until(lambda: knows(alice, bob), 600)
    for _ in range(2):
        assert (await alice.do(Status())).machine == "alone"
        assert (await alice.do(ShowMachine())).state == "alone"
        await alice.restart()


@pytest.mark.parametrize("is_new", [False, True])
async def test_two_copies_of_the_same_files_do_not_both_go_on(world: World, is_new: bool) -> None:
    """Used in turn, with a contact of before or with one that each of them added."""
    alice, bob = await talk(world)
    copy = await copied(world, alice, is_backup=False)
    other = await world.person("Carol") if is_new else bob
    if is_new:
        await other.add(alice)
    said, one = [], alice
    for turn in range(6):
        one = (alice, copy)[turn % 2]
        await one.start()
        if is_new and turn < 2:
            await one.add(other)
        await one.call(other)
        await one.say(other, f"turn {turn}")
        await other.say(alice, f"and you {turn}")
        said.append(f"turn {turn}")
        await world.pass_time(1_200)
        if one.told(MachineFound):
            break
        assert set(said) <= set(other.received(alice))
        await one.stop()
    [found] = one.told(MachineFound)
    assert found.contact == other.name
    await one.do(DecideMachine(stays=True))
    await world.delivered(one, other, within_s=WITHIN_S)
    assert sorted(other.received(alice)[-len(said) :]) == sorted(said)


async def test_two_copies_that_ran_at_once_ask_when_the_link_changes_sides(world: World) -> None:
    """One of them has the link; what the other says waits there, and is not lost."""
    alice, bob = await talk(world)
    copy = await copied(world, alice, is_backup=False)
    both = (alice, copy)
    for one in both:
        await one.start()
        await one.call(bob)
    for turn in range(3):
        for one in both:
            await one.say(bob, f"{one} {turn}")
        await world.pass_time(60)
    linked, other = both if alice.is_online(bob) else (copy, alice)
    await linked.stop()
    await other.call(bob)
    await world.delivered(other, bob, within_s=WITHIN_S)
    assert {f"{one} {turn}" for one in both for turn in range(3)} <= set(bob.received(alice))
    await other.stop()
    await linked.start()
    await linked.call(bob)
    await bob.say(alice, "who is it now?")
    await world.until(lambda: bool(linked.told(MachineFound)), within_s=WITHIN_S)
    assert not other.told(MachineFound)


async def test_a_flight_that_was_late_asks_nothing(world: World) -> None:
    """Bob's sessions are lost, so he begins one: his counter is above what Alice knows."""
    alice, bob = await talk(world)
    await bob.stop()
    bob.lose_conversations()
    await alice.say(bob, "you cannot read this yet")
    await bob.start()
    await bob.say(alice, "new session")
    await world.until(lambda: alice.is_online(bob), within_s=WITHIN_S)
    await world.delivered(alice, bob, within_s=WITHIN_S)
    await world.pass_time(3_600)
    assert not alice.told(MachineFound)
    assert not bob.told(MachineFound)
