"""Nonces must never repeat, however they are drawn."""

import itertools

from loom.node.nonce_pool import DRAW_BYTES, NoncePool


def test_no_byte_is_given_twice() -> None:
    numbers = itertools.count()

    def draw(size: int) -> bytes:
        return b"".join(next(numbers).to_bytes(4, "big") for _ in range(size // 4))

    pool = NoncePool(draw)
    taken = [pool.take(40) for _ in range(1_000)]
    assert all(len(one) == 40 for one in taken)
    words = [one[at : at + 4] for one in taken for at in range(0, 40, 4)]
    assert len(set(words)) == len(words)


def test_the_largest_piece_is_whole() -> None:
    pool = NoncePool(bytes)
    assert len(pool.take(1)) == 1
    assert len(pool.take(DRAW_BYTES)) == DRAW_BYTES


def test_it_shows_nothing() -> None:
    pool = NoncePool(lambda size: b"s" * size)
    pool.take(1)
    assert "ss" not in repr(pool)
