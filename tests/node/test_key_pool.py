"""Keys made ahead: each is given once, and there are enough of them for what takes many at once."""

import asyncio

from loom.node.key_pool import REFILL_AFTER_S, SPARE_KEYS, SPARE_KEYS_MAX, KeyPool


async def _filled(pool: KeyPool) -> int:
    """How many it keeps once it has refilled."""
    async with asyncio.timeout(30):
        while pool._refill_is_due:  # noqa: ASYNC110 - nothing tells when it is full
            await asyncio.sleep(REFILL_AFTER_S)
    return len(pool._spare)


async def test_each_key_is_given_once_also_when_none_was_left() -> None:
    pool = KeyPool()
    taken = [pool.take() for _ in range(SPARE_KEYS)]
    kept = await _filled(pool)
    taken += [pool.take() for _ in range(kept + 3)]
    assert len({one.encapsulation_key for one in taken}) == len(taken)


async def test_a_pool_that_was_empty_keeps_more_but_not_any_number() -> None:
    pool = KeyPool()
    kept = 0
    for _ in range(5):
        for _ in range(2 * SPARE_KEYS_MAX):
            pool.take()
        assert kept <= (kept := await _filled(pool)) <= SPARE_KEYS_MAX
    assert kept == SPARE_KEYS_MAX


async def test_a_pool_that_suffices_stays_as_small_as_it_is() -> None:
    pool = KeyPool()
    pool.take()
    kept = await _filled(pool)
    for _ in range(3):
        for _ in range(kept):
            pool.take()
        assert await _filled(pool) == kept
