"""Power is lost at each commit of a revocation, or of going on as a later identity (1.5)."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from loom.api.contact_commands import ShowContact
from loom.api.events import LaterIdentityFound
from loom.api.identity_commands import RevokeIdentity, ShowIdentity, TakeLaterIdentity
from loom.errors import OwnIdentityRevoked
from tests.node.harness import Person, World
from tests.node.test_earlier_identities import gone_over_twice, restored
from tests.node.test_identity import kinds_stored, reopen, words_of

pytestmark = pytest.mark.usefixtures("sealings")
AT = pytest.mark.parametrize("commit", [1, 2, 3])
WHEN = pytest.mark.parametrize("when", ["power_lost_before", "power_lost_after"])
WHOSE = pytest.mark.parametrize("whose", ["hers", "his"])


async def dying(
    world: World, victim: Person, when: str, commit: int, doing: Coroutine[Any, Any, Any]
) -> None:
    """Do it; the victim's power fails at that commit from now on, and comes back."""
    setattr(victim.disk, when, victim.disk.commits + commit)
    task = asyncio.create_task(doing)
    await world.pass_time(20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    victim.disk.heal()
    if not victim.is_running:
        await victim.bury()
        reopen(victim)
        await victim.start()


@AT
@WHEN
@WHOSE
async def test_of_a_revocation(world: World, whose: str, when: str, commit: int) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "one")
    await world.delivered(alice, bob)
    revoke = RevokeIdentity(phrase=words_of(alice))
    await dying(world, alice if whose == "hers" else bob, when, commit, alice.do(revoke))
    if not (await alice.do(ShowIdentity())).revoked:
        await alice.say(bob, "still the same")
        await world.delivered(alice, bob, within_s=900)
        await alice.do(revoke)
    with pytest.raises(OwnIdentityRevoked):
        await alice.say(bob, "no more")
    await world.until(lambda: bob.node.roster.named("Alice").person.revoked, 900)
    assert (await bob.do(ShowContact(contact="Alice"))).revoked
    assert kinds_stored(bob, alice) == ["identity_revoked"]
    assert [one for one in bob.received(alice) if one] in (["one"], ["one", "still the same"])


@AT
@WHEN
@WHOSE
async def test_of_going_on_as_a_later_identity(
    world: World, whose: str, when: str, commit: int
) -> None:
    alice, bob = await gone_over_twice(world)
    again = await restored(world, alice, bob)
    await world.until(lambda: bool(again.told(LaterIdentityFound)), 600)
    take = TakeLaterIdentity(phrase=words_of(alice))
    await dying(world, again if whose == "hers" else bob, when, commit, again.do(take))
    reopen(again, running=True)
    assert again.identity.number in (0, 2)
    if again.identity.number == 0:
        await again.do(take)
        reopen(again, running=True)
    assert again.identity.peer_id == alice.identity.peer_id
    await again.say(bob, "I am back")
    await bob.say(again, "so you are")
    await world.delivered(again, bob, within_s=900)
    assert [one for one in bob.received(again) if one] == ["before", "I am back"]
    assert again.received(bob) == ["so you are"]
    assert (await again.do(ShowIdentity())).later is None
