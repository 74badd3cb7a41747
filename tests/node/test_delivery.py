"""What two people see of each other's messages, whatever the network and the machines do."""

from loom.api.events import MessageDelivered, MessageReceived, Warned
from loom.model import Direction
from tests.node.harness import World


async def test_a_message_arrives_and_is_ticked(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hi")
    await world.delivered(alice, bob)
    assert [one.body for one in bob.told(MessageReceived)] == ["hi"]
    assert len(alice.told(MessageDelivered)) == 1
    [message] = await bob.history(alice)
    assert (message.body, message.direction) == ("hi", Direction.IN)


async def test_order_is_kept_when_the_disk_was_full(world: World) -> None:
    """What could not be stored is not overtaken by what came after it."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    bob.disk.is_full = True
    first = await alice.say(bob, "one", "two")
    await world.until(lambda: bob.told(Warned) != [])
    bob.disk.is_full = False
    await alice.say(bob, "three", "four")
    await world.delivered(alice, bob)
    assert len(first) == 2
    assert bob.received(alice) == ["one", "two", "three", "four"]
