"""Work of many tasks is shared out over the turns of the loop."""

import asyncio

from loom.node.turns import Turns


async def test_others_have_their_turn_between_and_the_order_is_kept() -> None:
    turns, done = Turns(3), list[str]()

    async def work(number: int) -> None:
        await turns.take()
        done.append(str(number))
        if number == 0:
            asyncio.get_running_loop().call_soon(done.append, "other")

    await asyncio.gather(*map(work, range(8)))
    assert [one for one in done if one != "other"] == [*"01234567"]
    assert done.index("other") == 3


async def test_who_is_cancelled_while_waiting_takes_no_turn_from_others() -> None:
    turns = Turns(1)
    tasks = [asyncio.create_task(turns.take()) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.wait_for(asyncio.gather(tasks[0], *tasks[2:]), 5)
    assert tasks[1].cancelled()
    await asyncio.wait_for(turns.take(), 5)
