"""Panic in a node that runs: keyslot first, then farewells, then everything that lies there."""

import pytest

from loom.api.profile_commands import Panic
from loom.node.farewells import Farewells
from tests.node.harness import World

DAY_S = 86_400


async def test_contacts_who_are_reached_delete_and_nothing_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    carol = await world.person("Carol")
    await world.introduce([alice, carol])
    for one in (bob, carol):
        await alice.say(one, "burn this")
        await world.delivered(alice, one)
        await one.say(alice, "read it")
        await world.delivered(alice, one)
        one.clock.jumped_s += DAY_S + 60  # on a younger session Bob would be asked
    alice.clock.jumped_s += DAY_S + 60
    await carol.stop()
    folder = alice.path.parent
    (folder / "vault.key").write_bytes(b"the keyslot")
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / ("1" * 32)).write_bytes(b"sealed")
    seen: list[tuple[bool, bool]] = []
    real = Farewells.say_last

    async def say_last(self: Farewells, within_s: float) -> tuple[int, int]:
        seen.append(((folder / "vault.key").exists(), alice.path.exists()))
        return await real(self, within_s)

    monkeypatch.setattr(Farewells, "say_last", say_last)
    began_s = world.loop.time()
    done = await alice.do(Panic())
    assert world.loop.time() - began_s < 6
    assert seen == [(False, True)]
    assert (done.asked, done.told, done.is_known) == (2, 1, True)
    assert not folder.exists()
    assert await bob.history(alice) == []
    await alice.stop()
    assert not folder.exists()
    await carol.start()
    assert len(await carol.history(alice)) == 2


async def test_nobody_is_asked_who_should_not_be(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "stays")
    await world.delivered(alice, bob)
    done = await alice.do(Panic(farewell=False))
    assert (done.asked, done.told, done.is_known) == (0, 0, True)
    assert [one.body for one in await bob.history(alice)] == ["stays"]
    assert not alice.path.exists()
