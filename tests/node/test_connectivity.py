"""What one is told about the ways to others, and of the log."""

import gc
import tracemalloc
from pathlib import Path

import pytest

import loom.node
from loom.api.contact_commands import ShowConnectivity
from loom.api.contact_views import PathView
from loom.api.profile_commands import ReadLog
from loom.errors import InvalidInput, StoreUnavailable
from loom.node.log_tail import LINES_MAX, READ_MAX_BYTES, tail
from loom.node.paths import CHANGES_MAX
from tests.node.harness import Person, World, identity_of


async def path(one: Person) -> PathView:
    """One's only contact."""
    [found] = (await one.do(ShowConnectivity())).paths
    return found


async def test_every_change_of_a_path_is_told_with_its_time(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    there, here = await path(alice), await path(bob)
    assert (there.online, there.direction, there.address) == (True, "out", str(bob.address))
    assert [one.what for one in there.changes] == ["dialled"]
    assert [one.what for one in here.changes] == ["accepted"]
    await world.pass_time(60)
    await bob.crash()
    await world.until(lambda: not alice.is_online(bob))
    gone = await path(alice)
    assert [one.what for one in gone.changes][1:] == ["closed"]
    assert gone.changes[-1].address == str(bob_address := there.address)
    assert gone.changes[-1].at_ms - gone.changes[0].at_ms >= 60_000
    await bob.start()
    await world.until(lambda: alice.is_online(bob), within_s=600)
    assert str(bob_address) in (await path(alice)).changes[0].address


async def test_retries_and_what_waits_are_told(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.crash()
    await alice.say(bob, "one", "two")
    await world.until(
        lambda: (dialer := alice.peer(bob).dialer) is not None and dialer.failed_attempts > 2
    )
    await world.until(lambda: alice.peer(bob).dialer.next_at_ms is not None)  # type: ignore[union-attr]
    found = await path(alice)
    assert not found.online
    assert (found.queued, found.known_addresses) == (2, 1)
    assert found.next_dial_at_ms is not None
    assert found.next_dial_at_ms > alice.clock.now_ms()
    assert found.last_error == "unreachable"
    await bob.start()
    await world.until(lambda: alice.is_online(bob), within_s=600)
    await world.delivered(alice, bob)
    found = await path(alice)
    assert (found.failed_attempts, found.next_dial_at_ms, found.queued) == (0, None, 0)


async def test_only_the_last_changes_are_kept(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    for n in range(3 * CHANGES_MAX):
        alice.peer(bob).paths.found(f"10.9.9.{n}:1")
    changes = (await path(alice)).changes
    assert len(changes) == CHANGES_MAX
    assert changes[-1].address == f"10.9.9.{3 * CHANGES_MAX - 1}:1"


async def test_the_end_of_the_log_is_read(world: World) -> None:
    alice = await world.person("Alice")
    assert (await alice.do(ReadLog())).lines == []
    log = alice.path.with_name("loom.log")
    log.write_text("first\nsecond \x1b[31m\nthird\n", encoding="utf-8")
    found = (await alice.do(ReadLog(lines=2))).lines
    assert found[1] == "third"
    assert "\x1b" not in found[0]
    with pytest.raises(InvalidInput):
        await alice.do(ReadLog(lines=0))
    log.unlink()
    log.mkdir()
    with pytest.raises(StoreUnavailable):
        await alice.do(ReadLog())


def test_a_long_log_costs_no_more_than_its_end(tmp_path: Path) -> None:
    log = tmp_path / "loom.log"
    log.write_text("".join(f"line {n:05} {'x' * 300}\n" for n in range(5_000)), encoding="utf-8")
    found = tail(log, LINES_MAX)
    assert sum(len(one) + 1 for one in found) <= READ_MAX_BYTES
    assert found[-1].startswith("line 04999")
    assert all(one.startswith("line ") for one in found)


async def test_a_contact_who_is_away_takes_little_memory(world: World) -> None:
    """Of 500, each counts: empty deques in seven parts of each were 2.5 MiB of an idle daemon."""
    alice = await world.person("Alice")
    names = [f"Person {n}" for n in range(96)]
    people = [Person(world, name, identity_of(name), world.folder) for name in names]
    first, others = people[:32], people[32:]
    for one in first:  # the first 30 objects of a class get more room than they need
        await alice.add(one)
    tracemalloc.start()
    try:
        for one in others:
            await alice.add(one)
        await world.loop.quiet()
        gc.collect()
        taken = tracemalloc.take_snapshot().statistics("filename")
    finally:
        tracemalloc.stop()
    ours = Path(loom.node.__file__).parent
    files = ((Path(one.traceback[0].filename), one.size) for one in taken)
    size_bytes = sum(size for file, size in files if file.is_relative_to(ours))
    assert size_bytes / len(others) < 8 * 1024
