"""Two copies of one profile run at once: found, asked about, and decided by the owner (4.5)."""

import shutil

import pytest

from loom.api.contact_commands import RemoveContact, ShowContact
from loom.api.events import LaterIdentityFound, MachineDecided, MachineFound
from loom.api.identity_commands import TakeLaterIdentity
from loom.api.machine_commands import DecideMachine, ShowMachine
from loom.api.message_commands import History, SendText
from loom.api.profile_commands import Status
from loom.errors import DiskFull, ProfileClosed
from tests.node.harness import Person, World
from tests.node.test_identity import knows, rotate, words_of

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


@pytest.mark.parametrize("dials", ["each", "the contact one"])
@pytest.mark.parametrize("names", [("Alice", "Bob"), ("Gina", "Bob")], ids=["smaller", "larger"])
async def test_of_two_copies_that_run_at_once_an_answer_is_wanted(
    world: World, names: tuple[str, str], dials: str
) -> None:
    """Whoever dials, and whichever fingerprint is smaller."""
    alice, bob = await world.friends(*names)
    await alice.say(bob, "hello")
    await bob.say(alice, "hi")
    await world.delivered(alice, bob)
    copy = await copied(world, alice, is_backup=False)
    await alice.start()
    await (alice.call(bob) if dials == "each" else bob.call(alice))
    await world.pass_time(20)
    await copy.start()
    await copy.call(bob)
    await an_answer_is_wanted(world, bob, alice, copy)


@pytest.mark.parametrize("dials", ["each", "the contact one"])
@pytest.mark.parametrize("names", [("Alice", "Bob"), ("Hugo", "Bob")], ids=["smaller", "larger"])
async def test_of_two_machines_that_both_have_the_new_keys_an_answer_is_wanted(
    world: World, names: tuple[str, str], dials: str
) -> None:
    """One rotated, and the other one took the keys that a contact told of."""
    alice, bob = await world.friends(*names)
    copy = await copied(world, alice, is_backup=True)
    await alice.start()
    await alice.call(bob)
    await rotate(alice)
    await world.until(lambda: knows(bob, alice), 600)
    await alice.say(bob, "rotated")
    await world.delivered(alice, bob, within_s=600)
    await alice.stop()
    await copy.start()
    await copy.call(bob)
    await world.until(lambda: bool(copy.told(LaterIdentityFound)), within_s=WITHIN_S)
    await copy.do(TakeLaterIdentity(phrase=words_of(alice)))
    copy.identity = copy.node.parts.identity
    await copy.stop()
    await alice.start()
    await (alice.call(bob) if dials == "each" else bob.call(alice))
    await world.pass_time(20)
    await copy.start()
    await copy.call(bob)
    await an_answer_is_wanted(world, bob, alice, copy)


async def an_answer_is_wanted(world: World, bob: Person, *machines: Person) -> None:
    """Both run and write: a machine that does not ask goes on, and in the end all arrives once."""
    said = []
    for turn in range(3):
        for one in machines:
            await one.say(bob, f"{one} {turn}")
            said.append(f"{one} {turn}")
        await world.pass_time(60)
    await world.until(lambda: any(one.told(MachineFound) for one in machines), within_s=WITHIN_S)
    await world.pass_time(1_200)
    asked = [one for one in machines if one.told(MachineFound)]
    for one in asked:
        assert [found.contact for found in one.told(MachineFound)] == [bob.name]
    for one in machines:
        reach = (await one.do(ShowContact(contact=bob.name))).reach
        assert (reach.how == "held") == (one in asked)
        if one not in asked:
            assert one.is_online(bob)
            assert {f"{one} {turn}" for turn in range(3)} <= set(bob.received(one))
    staying, *others = asked
    for one in machines:
        if one is not staying:
            await one.stop()
    await staying.do(DecideMachine(stays=True))
    await world.until(lambda: staying.is_online(bob), within_s=WITHIN_S)
    await world.delivered(staying, bob, within_s=WITHIN_S)
    for one in others:
        await staying.stop()
        await one.start()
        await one.do(DecideMachine(stays=True))
        await world.until(lambda one=one: one.is_online(bob), within_s=WITHIN_S)  # type: ignore[misc]
        await world.delivered(one, bob, within_s=WITHIN_S)
    assert sorted(one for one in bob.received(staying) if one in said) == sorted(said)


async def test_a_finding_that_a_full_disk_does_not_take_is_found_again(world: World) -> None:
    alice, bob = await talk(world)
    starts = alice.peer(bob).delivery.starts
    alice.disk.is_full = True
    with pytest.raises(DiskFull):
        await starts.replaced()
    alice.disk.is_full = False
    assert (await alice.do(ShowMachine())).state == "alone"
    await alice.say(bob, "nobody asked me")
    await world.delivered(alice, bob)

    await starts.replaced()
    assert (await alice.do(ShowMachine())).contacts == ["Bob"]
    await alice.say(bob, "held")
    await world.pass_time(600)
    assert "held" not in bob.received(alice)
    await alice.restart()
    assert (await alice.do(Status())).machine == "asks"
    assert len(alice.told(MachineFound)) == 1


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
